import type { Tensor } from '@tensorflow/tfjs-core';
import { intAttribute, intsAttribute } from '../onnx/model.js';
import type { Tfjs } from './tfjs-backend.js';
import type { OpContext, TfjsOp, TfjsOps } from './tfjs-op.js';

type Reduce = (tf: Tfjs, x: Tensor, axes: number[], keep: boolean) => Tensor;

const reduction =
  (reduce: Reduce): TfjsOp =>
  (context: OpContext) => {
    const {
      tf,
      node,
      x: [x],
    } = context;
    const given = intsAttribute(node, 'axes') ?? context.numbers(1) ?? [];
    if (given.length === 0 && intAttribute(node, 'noop_with_empty_axes', 0) === 1) return tf.clone(x);
    const axes = given.length === 0 ? x.shape.map((_, i) => i) : given.map((axis) => (axis < 0 ? axis + x.rank : axis));
    return reduce(tf, x, axes, intAttribute(node, 'keepdims', 1) === 1);
  };

const spatial = (x: Tensor): number[] => x.shape.flatMap((_, axis) => (axis < 2 ? [] : [axis]));

const argument =
  (name: 'argMax' | 'argMin'): TfjsOp =>
  ({ tf, node, x: [x] }) => {
    const axis = (intAttribute(node, 'axis', 0) + x.rank) % x.rank;
    const places = tf[name](x, axis);
    return intAttribute(node, 'keepdims', 1) === 1 ? tf.expandDims(places, axis) : places;
  };

export const reduceOps: TfjsOps = {
  ReduceSum: reduction((tf, x, axes, keep) => tf.sum(x, axes, keep)),
  ReduceMean: reduction((tf, x, axes, keep) => tf.mean(x, axes, keep)),
  ReduceMax: reduction((tf, x, axes, keep) => tf.max(x, axes, keep)),
  ReduceMin: reduction((tf, x, axes, keep) => tf.min(x, axes, keep)),
  ReduceProd: reduction((tf, x, axes, keep) => tf.prod(x, axes, keep)),
  ReduceL1: reduction((tf, x, axes, keep) => tf.sum(tf.abs(x), axes, keep)),
  ReduceL2: reduction((tf, x, axes, keep) => tf.sqrt(tf.sum(tf.square(x), axes, keep))),
  ReduceSumSquare: reduction((tf, x, axes, keep) => tf.sum(tf.square(x), axes, keep)),
  ReduceLogSum: reduction((tf, x, axes, keep) => tf.log(tf.sum(x, axes, keep))),
  ReduceLogSumExp: reduction((tf, x, axes, keep) => tf.logSumExp(x, axes, keep)),
  ArgMax: argument('argMax'),
  ArgMin: argument('argMin'),
  GlobalAveragePool: ({ tf, x: [x] }) => tf.mean(x, spatial(x), true),
  GlobalMaxPool: ({ tf, x: [x] }) => tf.max(x, spatial(x), true),
};
