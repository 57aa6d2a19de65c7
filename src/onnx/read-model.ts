import { FormatError } from '../core/errors.js';
import type { AttributeValue, OnnxModel, OnnxNode, ValueInfo } from './model.js';
import { ModelProto } from './onnx-proto.js';
import { elementSizeOf, type ElementType, elementTypeOf, type OnnxTensor, tensorOf } from './tensor-data.js';

type Int64 = number | { toNumber(): number };

interface RawTensor {
  name: string;
  dims: Int64[];
  dataType: number;
  rawData: Uint8Array;
  floatData: number[];
  int32Data: number[];
  int64Data: Int64[];
  doubleData: number[];
  uint64Data: Int64[];
  dataLocation: number;
}

interface RawAttribute {
  name: string;
  type: number;
  f: number;
  i: Int64;
  s: Uint8Array;
  t: RawTensor | null;
  g: Uint8Array;
  floats: number[];
  ints: Int64[];
  strings: Uint8Array[];
}

interface RawNode {
  name: string;
  opType: string;
  domain: string;
  input: string[];
  output: string[];
  attribute: RawAttribute[];
}

interface RawValueInfo {
  name: string;
  type: {
    tensorType: {
      elemType: number;
      shape: { dim: { dimValue?: Int64; dimParam?: string; value?: string }[] } | null;
    } | null;
  } | null;
}

interface RawModel {
  irVersion: Int64;
  opsetImport: { domain: string; version: Int64 }[];
  functions: unknown[];
  graph: {
    name: string;
    node: RawNode[];
    initializer: RawTensor[];
    sparseInitializer: unknown[];
    input: RawValueInfo[];
    output: RawValueInfo[];
    valueInfo: RawValueInfo[];
  } | null;
}

/**
 * Parses an ONNX file.
 *
 * @param name what errors call it, usually its path
 * @throws FormatError if the bytes are not an ONNX model, or its weights lie in other files
 */
export function readModel(bytes: Uint8Array, name = 'the model'): OnnxModel {
  let raw: RawModel;
  try {
    raw = ModelProto.decode(bytes) as unknown as RawModel;
  } catch (cause) {
    throw new FormatError('onnx.parse', `${name}: not an ONNX model (${(cause as Error).message})`, { cause });
  }
  const { graph } = raw;
  if (graph === null || graph.node.length + graph.output.length === 0) {
    throw new FormatError('onnx.parse', `${name}: not an ONNX model (it holds no graph)`);
  }
  if (raw.functions.length > 0 || graph.sparseInitializer.length > 0) {
    throw new FormatError('onnx.feature', `${name}: uses model functions or sparse initializers; export it without`);
  }
  const initializers = new Map(graph.initializer.map((t) => [t.name, readTensor(t, `${name}: ${t.name}`)]));
  const nodes: OnnxNode[] = [];
  for (const rawNode of graph.node) {
    const node = readNode(rawNode, name);
    const constant = node.opType === 'Constant' ? constantOf(node) : undefined;
    if (constant === undefined) nodes.push(node);
    else initializers.set(node.outputs[0], constant);
  }
  const info = (value: RawValueInfo): ValueInfo => readValueInfo(value, name);
  return {
    name: graph.name,
    irVersion: toNumber(raw.irVersion),
    opsets: new Map(raw.opsetImport.map(({ domain, version }) => [domain, toNumber(version)])),
    inputs: graph.input.filter((value) => !initializers.has(value.name)).map(info),
    outputs: graph.output.map(info),
    initializers,
    nodes,
    valueInfo: new Map(graph.valueInfo.filter((v) => v.type?.tensorType != null).map((v) => [v.name, info(v)])),
  };
}

function readNode(raw: RawNode, model: string): OnnxNode {
  const attributes: Record<string, AttributeValue> = {};
  for (const attribute of raw.attribute) {
    attributes[attribute.name] = readAttribute(attribute, `${model}: ${raw.opType} "${raw.name}"`);
  }
  const domain = raw.domain === 'ai.onnx' ? '' : raw.domain;
  return { name: raw.name, opType: raw.opType, domain, inputs: raw.input, outputs: raw.output, attributes };
}

function readAttribute(raw: RawAttribute, where: string): AttributeValue {
  switch (raw.type) {
    case 1:
      return { kind: 'float', value: raw.f };
    case 2:
      return { kind: 'int', value: toNumber(raw.i) };
    case 3:
      return { kind: 'string', value: new TextDecoder().decode(raw.s) };
    case 4:
      if (raw.t === null) break;
      return { kind: 'tensor', value: readTensor(raw.t, where) };
    case 5:
      return { kind: 'graph', value: plainBytes(raw.g) };
    case 6:
      return { kind: 'floats', value: raw.floats };
    case 7:
      return { kind: 'ints', value: raw.ints.map(toNumber) };
    case 8:
      return { kind: 'strings', value: raw.strings.map((s) => new TextDecoder().decode(s)) };
  }
  throw new FormatError('onnx.attribute', `${where}: attribute ${raw.name} is of a kind (${raw.type}) not read here`);
}

function readTensor(raw: RawTensor, where: string): OnnxTensor {
  if (raw.dataLocation === 1) {
    throw new FormatError('onnx.external', `${where}: lies in another file; save the model as one file`);
  }
  const type = elementTypeOf(raw.dataType, where);
  const dims = raw.dims.map(toNumber);
  const size = dims.reduce((product, n) => product * n, 1);
  const tensor =
    raw.rawData.length > 0
      ? { type, dims, bytes: plainBytes(raw.rawData) }
      : { ...tensorOf(...typedValues(raw, type)), type, dims };
  if (tensor.bytes.length !== size * elementSizeOf(type)) {
    throw new FormatError(
      'onnx.tensor',
      `${where}: holds ${tensor.bytes.length} bytes where [${dims.join(', ')}] ${type} needs ${size * elementSizeOf(type)}`,
    );
  }
  return tensor;
}

/** The numbers of the field in which `type` is stored, and the type whose bytes they are. */
function typedValues(raw: RawTensor, type: ElementType): [ArrayLike<number>, number[], ElementType] {
  switch (type) {
    case 'float32':
      return [raw.floatData, [], type];
    case 'float64':
      return [raw.doubleData, [], type];
    case 'int64':
      return [raw.int64Data.map(toNumber), [], type];
    case 'uint32':
    case 'uint64':
      return [raw.uint64Data.map(toNumber), [], type];
    case 'float16':
    case 'bfloat16':
      return [raw.int32Data, [], 'uint16'];
    default:
      return [raw.int32Data, [], type];
  }
}

function constantOf({ attributes }: OnnxNode): OnnxTensor | undefined {
  const [[name, attribute]] = Object.entries(attributes);
  if (name === 'value' && attribute.kind === 'tensor') return attribute.value;
  if (attribute.kind === 'float') return tensorOf([attribute.value], [], 'float32');
  if (attribute.kind === 'int') return tensorOf([attribute.value], [], 'int64');
  if (attribute.kind === 'floats') return tensorOf(attribute.value, [attribute.value.length], 'float32');
  if (attribute.kind === 'ints') return tensorOf(attribute.value, [attribute.value.length], 'int64');
  return undefined;
}

function readValueInfo(raw: RawValueInfo, model: string): ValueInfo {
  const tensorType = raw.type?.tensorType;
  if (tensorType == null) throw new FormatError('onnx.type', `${model}: ${raw.name} is not a tensor`);
  const dims = tensorType.shape?.dim.map((dim) =>
    dim.value === 'dimValue' ? toNumber(dim.dimValue ?? 0) : (dim.dimParam ?? ''),
  );
  return { name: raw.name, type: elementTypeOf(tensorType.elemType, `${model}: ${raw.name}`), dims: dims ?? null };
}

/** protobufjs gives Buffers, whose `slice` does not copy as that of other arrays does. */
const plainBytes = ({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

const toNumber = (value: Int64): number => (typeof value === 'number' ? value : value.toNumber());
