import { FormatError } from '../core/errors.js';
import { describeNode, intAttribute, intsAttribute, type OnnxModel, type OnnxNode } from '../onnx/model.js';
import { type OnnxTensor, tensorOf } from '../onnx/tensor-data.js';

const axesInputSince: Readonly<Record<string, number>> = {
  Squeeze: 13,
  Unsqueeze: 13,
  ReduceSum: 13,
  ReduceMean: 18,
  ReduceMax: 18,
  ReduceMin: 18,
  ReduceProd: 18,
  ReduceL1: 18,
  ReduceL2: 18,
  ReduceLogSum: 18,
  ReduceLogSumExp: 18,
  ReduceSumSquare: 18,
};

/** Operators whose meaning, not only their form, changed in a version. */
const changedAt: Readonly<Record<string, number>> = {
  Softmax: 13,
  LogSoftmax: 13,
  Hardmax: 13,
  GroupNormalization: 21,
};

/**
 * Rewrites a model of operator set ≥ 11 for a newer one: axes and split sizes that were attributes become inputs.
 *
 * @throws FormatError naming a node whose operator changed its meaning in between
 */
export function raiseOpset(model: OnnxModel, target: number): OnnxModel {
  const present = model.opsets.get('') ?? 0;
  if (present === target) return model;
  if (present < 11 || present > target) {
    throw new FormatError(
      'graph.opset',
      `operator set ${present} cannot be rewritten as ${target}: export with ${target}`,
    );
  }
  const initializers = new Map(model.initializers);
  const constant = (name: string, values: readonly number[]): string => {
    const tensor: OnnxTensor = tensorOf(values, [values.length], 'int64');
    initializers.set(name, tensor);
    return name;
  };
  const crosses = (version: number | undefined): boolean =>
    version !== undefined && present < version && version <= target;

  const raise = (node: OnnxNode): OnnxNode => {
    if (crosses(changedAt[node.opType]) && intAttribute(node, 'axis', 1) !== -1) {
      throw new FormatError(
        'graph.opset',
        `${describeNode(node)}: means something else in operator set ${target} than in ${present}: export with ${target}`,
      );
    }
    const attributes = Object.fromEntries(
      Object.entries(node.attributes).filter(([name]) => name !== 'axes' && name !== 'split'),
    );
    const axes = intsAttribute(node, 'axes');
    if (crosses(axesInputSince[node.opType]) && axes !== undefined) {
      return { ...node, attributes, inputs: [node.inputs[0], constant(`${node.outputs[0]}/axes`, axes)] };
    }
    if (node.opType !== 'Split') return node;
    const sizes = intsAttribute(node, 'split');
    if (crosses(13) && sizes !== undefined) {
      return { ...node, attributes, inputs: [node.inputs[0], constant(`${node.outputs[0]}/split`, sizes)] };
    }
    return crosses(18) && node.inputs.length === 1
      ? { ...node, attributes: { ...attributes, num_outputs: { kind: 'int', value: node.outputs.length } } }
      : node;
  };
  const nodes = model.nodes.map(raise);
  return { ...model, nodes, initializers, opsets: new Map(model.opsets).set('', target) };
}
