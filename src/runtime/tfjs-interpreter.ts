import type { Tensor as TfTensor } from '@tensorflow/tfjs-core';
import { FormatError } from '../core/errors.js';
import { describeNode, type OnnxModel } from '../onnx/model.js';
import { float32sOf, isFloat, numbersOf, type OnnxTensor } from '../onnx/tensor-data.js';
import type { Tfjs } from './tfjs-backend.js';
import type { TfjsOps } from './tfjs-op.js';
import { arithmeticOps } from './tfjs-ops-arithmetic.js';
import { convOps } from './tfjs-ops-conv.js';
import { elementwiseOps } from './tfjs-ops-elementwise.js';
import { matmulOps } from './tfjs-ops-matmul.js';
import { normalizationOps } from './tfjs-ops-normalization.js';
import { reduceOps } from './tfjs-ops-reduce.js';
import { samplingOps } from './tfjs-ops-sampling.js';
import { shapeOps } from './tfjs-ops-shape.js';

const ops: TfjsOps = {
  ...elementwiseOps,
  ...arithmeticOps,
  ...matmulOps,
  ...convOps,
  ...shapeOps,
  ...reduceOps,
  ...normalizationOps,
  ...samplingOps,
};

export const hasTfjsOperator = (opType: string): boolean => ops[opType] !== undefined;

/** Names the first operator of the model that the interpreter does not know. Throws FormatError. */
export function checkOperators(model: OnnxModel, name: string): void {
  for (const node of model.nodes) {
    if (node.domain === '' && hasTfjsOperator(node.opType)) continue;
    throw new FormatError(
      'tfjs.operator',
      `${name}: ${describeNode(node)}: TensorFlow.js has no operator ${node.opType} here`,
    );
  }
}

/** int64 beyond int32 only ever stands for "to the end". */
const toInt32 = (v: number): number => Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, v));

/** Floats become float32 and whole numbers int32, the only such types TensorFlow.js has. */
export function uploadTensor(tf: Tfjs, tensor: OnnxTensor): TfTensor {
  const dims = [...tensor.dims];
  if (isFloat(tensor.type)) return tf.tensor(float32sOf(tensor), dims, 'float32');
  if (tensor.type === 'bool') return tf.tensor(Uint8Array.from(tensor.bytes), dims, 'bool');
  return tf.tensor(Int32Array.from(numbersOf(tensor), toInt32), dims, 'int32');
}

/**
 * Runs a graph operator by operator. Made of differentiable TensorFlow.js operations throughout, so that `tf.grads` can be
 * taken through it. The caller disposes of the result, and wraps the call in `tf.tidy`.
 *
 * @param constants the initializers, uploaded
 */
export function interpret(
  tf: Tfjs,
  model: OnnxModel,
  constants: ReadonlyMap<string, TfTensor>,
  inputs: Readonly<Record<string, TfTensor>>,
): Record<string, TfTensor> {
  const values = new Map<string, TfTensor>([...constants, ...Object.entries(inputs)]);
  const opset = model.opsets.get('') ?? 0;
  for (const node of model.nodes) {
    const x = node.inputs.map((name) => values.get(name)) as TfTensor[];
    const numbers = (i: number): number[] | undefined => {
      const name = node.inputs[i];
      if (name === undefined || name === '') return undefined;
      const constant = model.initializers.get(name);
      return constant === undefined ? Array.from(x[i].dataSync()) : numbersOf(constant);
    };
    let results: TfTensor | TfTensor[];
    try {
      results = ops[node.opType]({ tf, node, opset, x, numbers });
    } catch (cause) {
      if (cause instanceof FormatError) throw cause;
      const [line] = (cause as Error).message.split('\n');
      throw new FormatError('tfjs.run', `${describeNode(node)}: ${line}`, { cause });
    }
    const list = Array.isArray(results) ? results : [results];
    node.outputs.forEach((name, i) => {
      if (name !== '' && list[i] !== undefined) values.set(name, list[i]);
    });
  }
  return Object.fromEntries(
    model.outputs.map(({ name }) => {
      const value = values.get(name);
      if (value === undefined) throw new FormatError('tfjs.output', `no node gives the output ${name}`);
      return [name, value];
    }),
  );
}
