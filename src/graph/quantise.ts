import { FormatError } from '../core/errors.js';
import type { OnnxModel, OnnxNode, ValueInfo } from '../onnx/model.js';
import { float32sOf, isFloat, type OnnxTensor, tensorOf } from '../onnx/tensor-data.js';
import { sizeOf } from '../runtime/tensor.js';

/** Least and greatest element of values of a graph, by name. */
export type ValueRanges = Readonly<Record<string, readonly [low: number, high: number]>>;

const LEAST_OPSET = 13;
const LEVELS = 255;
/** Of weights: symmetric, −127…127. */
const WEIGHT_LEVELS = 127;
const LEAST_SCALE = 1e-8;

/** A convolution that can run on integers, and the values whose ranges that takes. */
interface Place {
  readonly node: OnnxNode;
  readonly input: string;
  /** What is quantised behind it: its output, or that of the ReLU that alone reads it. */
  readonly output: string;
  readonly weights: Weights;
  readonly bias: Float32Array | null;
}

/** w ≈ scale·code, a scale for each output channel. */
interface Weights {
  readonly codes: OnnxTensor;
  readonly scales: Float32Array;
}

/**
 * The values whose ranges `quantiseConvolutions` needs, each once.
 * @throws FormatError for graphs before opset 13, whose operators have no scale for each channel
 */
export const quantisableValues = (model: OnnxModel): string[] => [
  ...new Set(placesOf(model).flatMap(({ input, output }) => [input, output])),
];

/** The outputs that `observing` adds for a value. */
export const lowOf = (value: string): string => `${value}|low`;
export const highOf = (value: string): string => `${value}|high`;

/** The graph with the least and greatest element of each of `values` as further outputs, scalars `lowOf(value)` and `highOf(value)`. */
export function observing(model: OnnxModel, values: readonly string[]): OnnxModel {
  const attributes = { keepdims: { kind: 'int', value: 0 } } as const;
  const nodes = values.flatMap((value): OnnxNode[] =>
    (['ReduceMin', 'ReduceMax'] as const).map((opType) => {
      const output = opType === 'ReduceMin' ? lowOf(value) : highOf(value);
      return { name: output, opType, domain: '', inputs: [value], outputs: [output], attributes };
    }),
  );
  const outputs = nodes.map(({ outputs: [name] }): ValueInfo => ({ name, type: 'float32', dims: [] }));
  return { ...model, nodes: [...model.nodes, ...nodes], outputs: [...model.outputs, ...outputs] };
}

/**
 * The graph with its convolutions on 8-bit integers: weights with a scale for each output channel, values before and behind each
 * convolution x ≈ s·(q − z), q in 0…255, over their range. Written as QuantizeLinear and DequantizeLinear around each convolution, which
 * onnxruntime runs as one integer operator; sums are of 32 bits. All else stays float32. Convolutions without both ranges, or whose
 * weights are not constant, stay as they are; so do the last ones, which no other follows.
 */
export function quantiseConvolutions(model: OnnxModel, ranges: ValueRanges): OnnxModel {
  const places = new Map(
    placesOf(model).flatMap((place) =>
      Object.hasOwn(ranges, place.input) && Object.hasOwn(ranges, place.output) ? [[place.node, place]] : [],
    ),
  );
  const writer = new QuantisedNodes(model.initializers, ranges);
  /** Values that are behind a convolution: from their node on they are dequantised ones. */
  const ends = new Set([...places.values()].map(({ output }) => output));
  for (const node of model.nodes) {
    const place = places.get(node);
    if (place !== undefined) writer.convolution(place);
    else writer.nodes.push(ends.has(node.outputs[0]) ? raw(node) : node);
    for (const output of node.outputs) if (ends.has(output)) writer.around(rawName(output), output);
  }
  return { ...model, nodes: writer.nodes, initializers: writer.initializers };
}

const rawName = (value: string): string => `${value}|float`;
const raw = (node: OnnxNode): OnnxNode => ({ ...node, outputs: [rawName(node.outputs[0])] });

/** The nodes and constants of a graph in the making. */
class QuantisedNodes {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: Map<string, OnnxTensor>;
  /** Values that are a DequantizeLinear's output, and the name under which others are. */
  readonly #dequantised = new Map<string, string>();

  constructor(
    initializers: ReadonlyMap<string, OnnxTensor>,
    private readonly ranges: ValueRanges,
  ) {
    this.initializers = new Map(initializers);
  }

  #constant(name: string, values: ArrayLike<number>, dims: readonly number[], type: OnnxTensor['type']): string {
    this.initializers.set(name, tensorOf(values, dims, type));
    return name;
  }

  #node(opType: string, inputs: readonly string[], output: string, attributes: OnnxNode['attributes'] = {}): void {
    this.nodes.push({ name: `${output}|${opType}`, opType, domain: '', inputs, outputs: [output], attributes });
  }

  /** s and z of a value: 0 is one of its levels. */
  #steps(value: string): { scale: number; zero: number } {
    const [low, high] = this.ranges[value];
    const scale = Math.max(LEAST_SCALE, (Math.max(0, high) - Math.min(0, low)) / LEVELS);
    return { scale: Math.fround(scale), zero: Math.round(Math.max(0, -low) / scale) };
  }

  /** `value`, there as `given`, through its levels as `output`. */
  around(given: string, output: string, value = output): void {
    const { scale, zero } = this.#steps(value);
    const s = this.#constant(`${output}|scale`, [scale], [], 'float32');
    const z = this.#constant(`${output}|zero`, [zero], [], 'uint8');
    this.#node('QuantizeLinear', [given, s, z], `${output}|levels`);
    this.#node('DequantizeLinear', [`${output}|levels`, s, z], output);
    this.#dequantised.set(value, output);
  }

  convolution({ node, input, output, weights, bias }: Place): void {
    if (!this.#dequantised.has(input)) this.around(input, `${input}|quantised`, input);
    const axis = { axis: { kind: 'int', value: 0 } } as const;
    const name = node.outputs[0];
    const channels = [weights.scales.length];
    const codes = `${name}|weights`;
    this.initializers.set(codes, weights.codes);
    const scales = this.#constant(`${name}|weight scales`, weights.scales, channels, 'float32');
    const zeros = this.#constant(`${name}|weight zeros`, new Int8Array(weights.scales.length), channels, 'int8');
    this.#node('DequantizeLinear', [codes, scales, zeros], `${name}|w`, axis);
    const inputs = [this.#dequantised.get(input) ?? input, `${name}|w`];
    if (bias !== null) {
      const { scale } = this.#steps(input);
      const steps = weights.scales.map((s) => s * scale);
      const rounded = bias.map((v, i) => Math.round(v / steps[i]));
      const kept = this.#constant(`${name}|bias`, rounded, channels, 'int32');
      const sums = this.#constant(`${name}|bias scales`, steps, channels, 'float32');
      const none = this.#constant(`${name}|bias zeros`, new Int32Array(steps.length), channels, 'int32');
      this.#node('DequantizeLinear', [kept, sums, none], `${name}|b`, axis);
      inputs.push(`${name}|b`);
    }
    this.nodes.push({ ...node, inputs, outputs: [output === name ? rawName(name) : name] });
  }
}

function placesOf(model: OnnxModel): Place[] {
  if ((model.opsets.get('') ?? 0) < LEAST_OPSET) {
    throw new FormatError('graph.opset', `graph ${model.name}: is of an operator set before 13; export it anew`);
  }
  const readers = new Map<string, OnnxNode[]>();
  const makers = new Map<string, OnnxNode>();
  for (const node of model.nodes) {
    for (const name of node.inputs) readers.set(name, [...(readers.get(name) ?? []), node]);
    for (const name of node.outputs) makers.set(name, node);
  }
  const isOutput = new Set(model.outputs.map(({ name }) => name));
  const goesOn = leadingToConvolutions(model);
  return model.nodes.flatMap((node) => {
    if (node.opType !== 'Conv' || node.domain !== '' || !goesOn.has(node.outputs[0])) return [];
    const [input, kernel, bias = ''] = node.inputs;
    const weights = weightsOf(kernel, model, makers);
    const added = bias === '' ? null : constantOf(bias, model, makers);
    if (weights === null || added === undefined) return [];
    const [own] = node.outputs;
    const after = readers.get(own) ?? [];
    const rectified = after.length === 1 && after[0].opType === 'Relu' && !isOutput.has(own);
    const output = rectified ? after[0].outputs[0] : own;
    return isOutput.has(output) ? [] : [{ node, input, output, weights, bias: added && float32sOf(added) }];
  });
}

/** Values that another convolution depends on: what the last ones give goes out as it is, and errors of theirs would be nobody's to mend. */
function leadingToConvolutions(model: OnnxModel): ReadonlySet<string> {
  const leading = new Set<string>();
  for (const node of model.nodes.toReversed()) {
    if (node.opType !== 'Conv' && !node.outputs.some((name) => leading.has(name))) continue;
    for (const name of node.inputs) leading.add(name);
  }
  return leading;
}

/** A floating-point constant, also one that is kept as float16 and cast; undefined for what is none. */
function constantOf(name: string, model: OnnxModel, makers: ReadonlyMap<string, OnnxNode>): OnnxTensor | undefined {
  const maker = makers.get(name);
  const constant = model.initializers.get(maker?.opType === 'Cast' ? maker.inputs[0] : name);
  return constant !== undefined && isFloat(constant.type) ? constant : undefined;
}

/** Constant kernels [C,…]: floats, or what `small_weights` makes of them, codes of int8 times scales. */
function weightsOf(name: string, model: OnnxModel, makers: ReadonlyMap<string, OnnxNode>): Weights | null {
  const constant = constantOf(name, model, makers);
  if (constant !== undefined) return rounded(float32sOf(constant), constant.dims);
  const maker = makers.get(name);
  if (maker?.opType !== 'Mul') return null;
  const [wide, scale] = maker.inputs;
  const cast = makers.get(wide);
  const codes = model.initializers.get(cast?.inputs[0] ?? '');
  const scales = model.initializers.get(scale);
  if (cast?.opType !== 'Cast' || codes?.type !== 'int8' || scales?.type !== 'float32') return null;
  const each = sizeOf(scales.dims) === codes.dims[0] && scales.dims[0] === codes.dims[0];
  return each ? { codes, scales: float32sOf(scales) } : null;
}

/** To the nearest of 255 levels for each output channel. */
function rounded(values: Float32Array, dims: readonly number[]): Weights {
  const [channels] = dims;
  const size = values.length / channels;
  const codes = new Int8Array(values.length);
  const scales = new Float32Array(channels);
  for (let c = 0; c < channels; c++) {
    const own = values.subarray(c * size, (c + 1) * size);
    scales[c] = Math.max(LEAST_SCALE, own.reduce((most, v) => Math.max(most, Math.abs(v)), 0) / WEIGHT_LEVELS);
    own.forEach((v, i) => (codes[c * size + i] = Math.round(v / scales[c])));
  }
  return { codes: { type: 'int8', dims, bytes: new Uint8Array(codes.buffer) }, scales };
}
