import type { Tensor } from '@tensorflow/tfjs-core';
import { floatAttribute, intAttribute } from '../onnx/model.js';
import type { OpContext, TfjsOp, TfjsOps } from './tfjs-op.js';

const epsilonOf = ({ node }: OpContext): number => floatAttribute(node, 'epsilon', 1e-5);

/** x̂, mean and 1/deviation over `axes`. */
function normalise(context: OpContext, x: Tensor, axes: number[]): { xHat: Tensor; mean: Tensor; r: Tensor } {
  const { tf } = context;
  const mean = tf.mean(x, axes, true);
  const centred = tf.sub(x, mean);
  const r = tf.rsqrt(tf.add(tf.mean(tf.square(centred), axes, true), epsilonOf(context)));
  return { xHat: tf.mul(centred, r), mean, r };
}

/** A value a channel, aligned with [N, C, …]. */
const channelwise = ({ tf }: OpContext, v: Tensor, rank: number): Tensor =>
  tf.reshape(v, [v.size, ...Array<number>(rank - 2).fill(1)]);

const affine = (context: OpContext, xHat: Tensor, scale: Tensor, shift: Tensor): Tensor =>
  context.tf.add(context.tf.mul(xHat, channelwise(context, scale, xHat.rank)), channelwise(context, shift, xHat.rank));

const instanceNormalization: TfjsOp = (context) => {
  const [x, scale, shift] = context.x;
  const { xHat } = normalise(
    context,
    x,
    x.shape.flatMap((_, i) => (i < 2 ? [] : [i])),
  );
  return affine(context, xHat, scale, shift);
};

const layerNormalization: TfjsOp = (context) => {
  const {
    tf,
    node,
    x: [x, scale, shift],
  } = context;
  const axis = (intAttribute(node, 'axis', -1) + x.rank) % x.rank;
  const { xHat, mean, r } = normalise(
    context,
    x,
    x.shape.flatMap((_, i) => (i < axis ? [] : [i])),
  );
  const scaled = tf.mul(xHat, scale);
  return [shift === undefined ? scaled : tf.add(scaled, shift), mean, r];
};

const groupNormalization: TfjsOp = (context) => {
  const {
    tf,
    node,
    x: [x, scale, shift],
  } = context;
  const groups = intAttribute(node, 'num_groups', 1);
  const [batch, channels] = x.shape;
  const { xHat } = normalise(context, tf.reshape(x, [batch, groups, x.size / (batch * groups)]), [2]);
  const spread = (v: Tensor): Tensor =>
    v.size === channels ? v : tf.reshape(tf.tile(tf.reshape(v, [groups, 1]), [1, channels / groups]), [channels]);
  return affine(context, tf.reshape(xHat, x.shape), spread(scale), spread(shift));
};

const batchNormalization: TfjsOp = (context) => {
  const {
    tf,
    x: [x, scale, shift, mean, variance],
  } = context;
  const r = tf.rsqrt(tf.add(variance, epsilonOf(context)));
  return affine(context, tf.sub(x, channelwise(context, mean, x.rank)), tf.mul(scale, r), shift);
};

/** Up to operator set 12 everything from `axis` on is one distribution. */
const softmax =
  (logarithm: boolean): TfjsOp =>
  ({ tf, node, opset, x: [x] }) => {
    const axis = (intAttribute(node, 'axis', opset < 13 ? 1 : -1) + x.rank) % x.rank;
    const apply = (rows: Tensor): Tensor => (logarithm ? tf.logSoftmax(rows) : tf.softmax(rows));
    if (opset < 13) {
      const rows = x.shape.slice(0, axis).reduce((a, b) => a * b, 1);
      return tf.reshape(apply(tf.reshape(x, [rows, x.size / rows])), x.shape);
    }
    if (axis === x.rank - 1) return apply(x);
    const swap = x.shape.map((_, i) => (i === axis ? x.rank - 1 : i === x.rank - 1 ? axis : i));
    return tf.transpose(apply(tf.transpose(x, swap)), swap);
  };

const lpNormalization: TfjsOp = ({ tf, node, x: [x] }) => {
  const axis = (intAttribute(node, 'axis', -1) + x.rank) % x.rank;
  return tf.div(x, tf.norm(x, intAttribute(node, 'p', 2) === 1 ? 1 : 'euclidean', axis, true));
};

export const normalizationOps: TfjsOps = {
  InstanceNormalization: instanceNormalization,
  LayerNormalization: layerNormalization,
  GroupNormalization: groupNormalization,
  BatchNormalization: batchNormalization,
  Softmax: softmax(false),
  LogSoftmax: softmax(true),
  LpNormalization: lpNormalization,
};
