import type { AttributeValue, OnnxModel, ValueInfo } from './model.js';
import { ModelProto } from './onnx-proto.js';
import { elementCodeOf, type OnnxTensor } from './tensor-data.js';

export interface WriteOptions {
  /** Leaves out what the model says of its outputs: whoever loads it infers their types and shapes. */
  readonly untypedOutputs?: boolean;
}

/** Serialises a model; `readModel` gives it back. */
export function writeModel(model: OnnxModel, { untypedOutputs = false }: WriteOptions = {}): Uint8Array {
  const proto = {
    irVersion: model.irVersion,
    producerName: 'blindlink',
    opsetImport: [...model.opsets].map(([domain, version]) => ({ domain, version })),
    graph: {
      name: model.name,
      node: model.nodes.map((node) => ({
        name: node.name,
        opType: node.opType,
        domain: node.domain,
        input: node.inputs,
        output: node.outputs,
        attribute: Object.entries(node.attributes).map(([name, attribute]) => ({ name, ...attributeOf(attribute) })),
      })),
      initializer: [...model.initializers].map(([name, tensor]) => ({ name, ...tensorProto(tensor) })),
      input: model.inputs.map(valueInfo),
      output: model.outputs.map((output) => (untypedOutputs ? { name: output.name } : valueInfo(output))),
      valueInfo: [...model.valueInfo.values()].map(valueInfo),
    },
  };
  return ModelProto.encode(proto).finish();
}

function attributeOf(attribute: AttributeValue): object {
  switch (attribute.kind) {
    case 'float':
      return { type: 1, f: attribute.value };
    case 'int':
      return { type: 2, i: attribute.value };
    case 'string':
      return { type: 3, s: new TextEncoder().encode(attribute.value) };
    case 'tensor':
      return { type: 4, t: tensorProto(attribute.value) };
    case 'graph':
      return { type: 5, g: attribute.value };
    case 'floats':
      return { type: 6, floats: attribute.value };
    case 'ints':
      return { type: 7, ints: attribute.value };
    case 'strings':
      return { type: 8, strings: attribute.value.map((s) => new TextEncoder().encode(s)) };
  }
}

const tensorProto = ({ type, dims, bytes }: OnnxTensor): object => ({
  dims,
  dataType: elementCodeOf(type),
  rawData: bytes,
});

function valueInfo({ name, type, dims }: ValueInfo): object {
  const shape =
    dims === null
      ? {}
      : {
          shape: { dim: dims.map((d) => (typeof d === 'number' ? { dimValue: d } : d === '' ? {} : { dimParam: d })) },
        };
  return { name, type: { tensorType: { elemType: elementCodeOf(type), ...shape } } };
}
