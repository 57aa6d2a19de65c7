import { sizeOf } from '../runtime/tensor.js';
import { ModelProto } from '../onnx/onnx-proto.js';

const FLOAT = 1;
const INT64 = 7;

/** Attributes that operators of opset 17 have as floats: a whole number is one, too. */
const FLOAT_ATTRIBUTES: ReadonlySet<string> = new Set([
  'alpha',
  'beta',
  'bias',
  'clip',
  'cubic_coeff_a',
  'epsilon',
  'extrapolation_value',
  'gamma',
  'high',
  'lambd',
  'low',
  'mean',
  'momentum',
  'scale',
  'spatial_scale',
  'value_float',
]);

/** A value inside a graph under construction. */
export type Value = string & { readonly graphValue: unique symbol };

export type Attribute = number | readonly number[];

/**
 * Writes an ONNX graph node by node (opset 17, float32). Values are names; shapes are checked by the runtime
 * that loads the graph.
 */
export interface GraphBuilder {
  /** A graph input; dimensions are numbers, or names for free ones. */
  input(name: string, dims: readonly (number | string)[]): Value;
  /** A float32 constant in C order. */
  constant(data: Float32Array, dims: readonly number[]): Value;
  scalar(value: number): Value;
  /** An int64 vector, for the axes and shapes that operators take as inputs. */
  int64s(values: readonly number[]): Value;
  /** Numbers are INT where they are whole, else FLOAT; `alpha`, `epsilon` and the like are always FLOAT. */
  node(opType: string, inputs: readonly Value[], attributes?: Readonly<Record<string, Attribute>>): Value;
  /** Declares `value` a graph output called `name`. */
  output(name: string, value: Value, dims: readonly (number | string)[]): void;
  /** The serialised model. */
  build(): Uint8Array;
}

export function createGraphBuilder(name: string): GraphBuilder {
  const nodes: object[] = [];
  const initializers: object[] = [];
  const inputs: object[] = [];
  const outputs: object[] = [];
  let counter = 0;
  const fresh = (prefix: string): Value => `${prefix}_${counter++}` as Value;

  const store = (raw: ArrayBufferView, dims: readonly number[], dataType: number): Value => {
    const value = fresh('constant');
    const rawData = new Uint8Array(raw.buffer, raw.byteOffset, raw.byteLength);
    initializers.push({ name: value, dims, dataType, rawData });
    return value;
  };

  return {
    input(inputName, dims) {
      inputs.push(valueInfo(inputName, dims));
      return inputName as Value;
    },
    constant(data, dims) {
      if (sizeOf(dims) !== data.length) throw new RangeError(`${data.length} numbers for [${dims.join(', ')}]`);
      return store(data, dims, FLOAT);
    },
    scalar: (value) => store(Float32Array.of(value), [], FLOAT),
    int64s: (values) => store(BigInt64Array.from(values, BigInt), [values.length], INT64),
    node(opType, nodeInputs, attributes = {}) {
      const value = fresh(opType.toLowerCase());
      const attribute = Object.entries(attributes).map(([key, content]) =>
        typeof content === 'number'
          ? Number.isInteger(content) && !FLOAT_ATTRIBUTES.has(key)
            ? { name: key, i: content, type: 2 }
            : { name: key, f: content, type: 1 }
          : { name: key, ints: content, type: 7 },
      );
      nodes.push({ opType, name: value, input: nodeInputs, output: [value], attribute });
      return value;
    },
    output(outputName, value, dims) {
      nodes.push({ opType: 'Identity', name: outputName, input: [value], output: [outputName] });
      outputs.push(valueInfo(outputName, dims));
    },
    build() {
      const graph = { name, node: nodes, initializer: initializers, input: inputs, output: outputs };
      const model = { irVersion: 8, producerName: 'blindlink', graph, opsetImport: [{ domain: '', version: 17 }] };
      return ModelProto.encode(ModelProto.fromObject(model)).finish();
    },
  };
}

function valueInfo(name: string, dims: readonly (number | string)[]): object {
  const dim = dims.map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d }));
  return { name, type: { tensorType: { elemType: FLOAT, shape: { dim } } } };
}
