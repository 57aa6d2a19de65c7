import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { intAttribute, stringAttribute } from '../onnx/model.js';
import { resizeAxes, resizeMatrix } from '../onnx/resize-matrix.js';
import type { OpContext, TfjsOp, TfjsOps } from './tfjs-op.js';

/** Every axis that changes is multiplied by its matrix. */
const resize: TfjsOp = (context) => {
  const { tf, node, x } = context;
  const scales = context.numbers(2) ?? [];
  const sizes = context.numbers(3);
  const axes = node.attributes['axes'];
  const named =
    axes?.kind === 'ints' ? axes.value.map((a) => (a + x[0].rank) % x[0].rank) : x[0].shape.map((_, i) => i);
  const outDims = x[0].shape.map((n, axis) => {
    const at = named.indexOf(axis);
    return at < 0 ? n : (sizes?.[at] ?? Math.floor(n * scales[at]));
  });
  let out = x[0];
  for (const axis of resizeAxes(node, x[0].shape, outDims, scales)) {
    const matrix = tf.tensor2d(resizeMatrix(axis), [axis.outSize, axis.inSize]);
    const last = out.rank - 1;
    const swap = out.shape.map((_, i) => (i === axis.axis ? last : i === last ? axis.axis : i));
    const turned = tf.transpose(out, swap);
    const rows = tf.reshape(turned, [turned.size / axis.inSize, axis.inSize]);
    const product = tf.reshape(tf.matMul(rows, matrix, false, true), [...turned.shape.slice(0, -1), axis.outSize]);
    out = tf.transpose(product, swap);
  }
  return out === x[0] ? tf.clone(out) : out;
};

/** Indices counted from the end become indices from the start. */
const wrap = ({ tf }: OpContext, indices: Tensor, size: number): Tensor =>
  tf.where(tf.less(indices, 0), tf.add(indices, tf.scalar(size, 'int32')), indices);

const gather: TfjsOp = (context) => {
  const {
    tf,
    node,
    x: [data, indices],
  } = context;
  const axis = (intAttribute(node, 'axis', 0) + data.rank) % data.rank;
  const places = tf.reshape(wrap(context, indices, data.shape[axis]), [indices.size]);
  const dims = [...data.shape.slice(0, axis), ...indices.shape, ...data.shape.slice(axis + 1)];
  return tf.reshape(tf.gather(data, tf.cast(places, 'int32'), axis), dims);
};

/** Places in the flattened data that indices along one axis stand for. */
function flatPlaces(context: OpContext, dims: readonly number[], indices: Tensor): Tensor {
  const { tf, node } = context;
  const axis = (intAttribute(node, 'axis', 0) + dims.length) % dims.length;
  const stride = (i: number): number => dims.slice(i + 1).reduce((a, b) => a * b, 1);
  const base = new Int32Array(indices.size);
  for (let i = 0; i < base.length; i++) {
    let rest = i;
    for (let a = indices.rank - 1; a >= 0; a--) {
      const place = rest % indices.shape[a];
      rest = Math.floor(rest / indices.shape[a]);
      if (a !== axis) base[i] += place * stride(a);
    }
  }
  const along = tf.mul(wrap(context, indices, dims[axis]), tf.scalar(stride(axis), 'int32'));
  return tf.cast(tf.add(tf.reshape(along, [indices.size]), tf.tensor1d(base, 'int32')), 'int32');
}

const gatherElements: TfjsOp = (context) => {
  const {
    tf,
    x: [data, indices],
  } = context;
  const flat = tf.gather(tf.reshape(data, [data.size]), flatPlaces(context, data.shape, indices));
  return tf.reshape(flat, indices.shape);
};

/** data with `updates` set at, or added to, `indices` [n, depth] into its flattened leading axes. */
function scatter({ tf, node }: OpContext, data: Tensor, indices: Tensor, updates: Tensor): Tensor {
  const places = indices as Tensor2D;
  if (stringAttribute(node, 'reduction', 'none') === 'add') {
    return tf.add(data, tf.scatterND(places, updates, data.shape as [number]));
  }
  return tf.tensorScatterUpdate(data, places, updates);
}

const scatterElements: TfjsOp = (context) => {
  const {
    tf,
    x: [data, indices, updates],
  } = context;
  const places = tf.reshape(flatPlaces(context, data.shape, indices), [indices.size, 1]);
  const flat = scatter(context, tf.reshape(data, [data.size]), places, tf.reshape(updates, [updates.size]));
  return tf.reshape(flat, data.shape);
};

const scatterNd: TfjsOp = (context) => {
  const {
    tf,
    x: [data, indices, updates],
  } = context;
  const depth = indices.shape[indices.rank - 1];
  const places = tf.reshape(indices, [indices.size / depth, depth]);
  return scatter(context, data, places, tf.reshape(updates, [places.shape[0], ...data.shape.slice(depth)]));
};

/** As a gathering of the flattened leading axes, which has a gradient where gatherND has none. */
const gatherNd: TfjsOp = ({ tf, x: [data, indices] }) => {
  const depth = indices.shape[indices.rank - 1];
  const strides = Array.from({ length: depth }, (_, i) => data.shape.slice(i + 1, depth).reduce((a, b) => a * b, 1));
  const size = data.shape.slice(0, depth).reduce((a, b) => a * b, 1);
  const places = tf.sum(tf.mul(tf.reshape(indices, [indices.size / depth, depth]), tf.tensor1d(strides, 'int32')), 1);
  const picked = tf.gather(tf.reshape(data, [size, ...data.shape.slice(depth)]), tf.cast(places, 'int32'));
  return tf.reshape(picked, [...indices.shape.slice(0, -1), ...data.shape.slice(depth)]);
};

const cumSum: TfjsOp = (context) => {
  const {
    tf,
    node,
    x: [x],
  } = context;
  const [axis] = context.numbers(1) ?? [0];
  const flag = (name: string): boolean => intAttribute(node, name, 0) === 1;
  return tf.cumsum(x, (axis + x.rank) % x.rank, flag('exclusive'), flag('reverse'));
};

const trilu: TfjsOp = (context) => {
  const {
    tf,
    node,
    x: [x],
  } = context;
  const [rows, columns] = x.shape.slice(-2);
  const [k] = context.numbers(1) ?? [0];
  const upper = intAttribute(node, 'upper', 1) === 1;
  const mask = Float32Array.from({ length: rows * columns }, (_, at) => {
    const distance = (at % columns) - Math.floor(at / columns);
    return (upper ? distance >= k : distance <= k) ? 1 : 0;
  });
  return tf.mul(x, tf.tensor2d(mask, [rows, columns]));
};

const oneHot: TfjsOp = (context) => {
  const {
    tf,
    node,
    x: [indices],
  } = context;
  const [depth] = context.numbers(1) ?? [1];
  const [off, on] = context.numbers(2) ?? [0, 1];
  const rank = indices.rank + 1;
  const axis = (intAttribute(node, 'axis', -1) + rank) % rank;
  const hot = tf.oneHot(tf.cast(wrap(context, tf.cast(indices, 'int32'), depth), 'int32'), depth, on, off);
  const order = Array.from({ length: rank - 1 }, (_, i) => i);
  order.splice(axis, 0, rank - 1);
  return tf.cast(tf.transpose(hot, order), context.x[2].dtype === 'int32' ? 'int32' : 'float32');
};

export const samplingOps: TfjsOps = {
  Resize: resize,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
  CumSum: cumSum,
  Trilu: trilu,
  OneHot: oneHot,
};
