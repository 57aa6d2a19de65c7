import type { Tensor } from '@tensorflow/tfjs-core';
import { intAttribute, intsAttribute, stringAttribute } from '../onnx/model.js';
import { numbersOf } from '../onnx/tensor-data.js';
import type { OpContext, TfjsOp, TfjsOps } from './tfjs-op.js';

const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

const reshape: TfjsOp = (context) => {
  const {
    tf,
    node,
    x: [x],
  } = context;
  const given = context.numbers(1) ?? [];
  const keep = intAttribute(node, 'allowzero', 0) === 0;
  return tf.reshape(
    x,
    given.map((n, i) => (n === 0 && keep ? x.shape[i] : n)),
  );
};

const flatten: TfjsOp = ({ tf, node, x: [x] }) => {
  const axis = axisOf(intAttribute(node, 'axis', 1), x.rank);
  const rows = x.shape.slice(0, axis).reduce((a, b) => a * b, 1);
  return tf.reshape(x, [rows, x.size / rows]);
};

const axesOf = (context: OpContext): readonly number[] | undefined =>
  intsAttribute(context.node, 'axes') ?? context.numbers(1);

const squeeze: TfjsOp = (context) => {
  const {
    tf,
    x: [x],
  } = context;
  const axes = axesOf(context)?.map((axis) => axisOf(axis, x.rank));
  return tf.reshape(
    x,
    x.shape.filter((n, i) => (axes === undefined ? n !== 1 : !axes.includes(i))),
  );
};

const unsqueeze: TfjsOp = (context) => {
  const {
    tf,
    x: [x],
  } = context;
  const axes = axesOf(context) ?? [];
  const rank = x.rank + axes.length;
  const places = axes.map((axis) => axisOf(axis, rank));
  const rest = [...x.shape];
  return tf.reshape(
    x,
    Array.from({ length: rank }, (_, i) => (places.includes(i) ? 1 : (rest.shift() ?? 1))),
  );
};

/** Picks places along an axis; a plain run is sliced. */
export function take({ tf }: Pick<OpContext, 'tf'>, x: Tensor, axis: number, places: readonly number[]): Tensor {
  if (places.every((place, i) => place === places[0] + i)) {
    const begin = x.shape.map((_, i) => (i === axis ? (places[0] ?? 0) : 0));
    return tf.slice(
      x,
      begin,
      x.shape.map((n, i) => (i === axis ? places.length : n)),
    );
  }
  return tf.gather(x, tf.tensor1d([...places], 'int32'), axis);
}

const slice: TfjsOp = (context) => {
  const { x, node } = context;
  const starts = context.numbers(1) ?? [...(intsAttribute(node, 'starts') ?? [])];
  const ends = context.numbers(2) ?? [...(intsAttribute(node, 'ends') ?? [])];
  const axes = context.numbers(3) ?? intsAttribute(node, 'axes') ?? starts.map((_, i) => i);
  const steps = context.numbers(4) ?? starts.map(() => 1);
  let out = x[0];
  axes.forEach((given, i) => {
    const axis = axisOf(given, out.rank);
    const n = out.shape[axis];
    const clamp = (v: number, low: number, high: number): number => Math.min(Math.max(v < 0 ? v + n : v, low), high);
    const step = steps[i];
    const from = step > 0 ? clamp(starts[i], 0, n) : clamp(starts[i], 0, n - 1);
    const to = step > 0 ? clamp(ends[i], 0, n) : clamp(ends[i], -1, n - 1);
    const count = Math.max(0, Math.ceil((to - from) / step));
    out = take(
      context,
      out,
      axis,
      Array.from({ length: count }, (_, k) => from + k * step),
    );
  });
  return out;
};

const split: TfjsOp = (context) => {
  const {
    tf,
    node,
    x: [x],
  } = context;
  const axis = axisOf(intAttribute(node, 'axis', 0), x.rank);
  const equal = Math.ceil(x.shape[axis] / node.outputs.length);
  const sizes =
    intsAttribute(node, 'split') ??
    context.numbers(1) ??
    node.outputs.map((_, i) => Math.min(equal, x.shape[axis] - i * equal));
  return tf.split(x, [...sizes], axis);
};

const concat: TfjsOp = ({ tf, node, x }) => {
  const parts = x.filter((t) => t.size > 0 || x.every((other) => other.size === 0));
  return tf.concat(parts, axisOf(intAttribute(node, 'axis', 0), x[0].rank));
};

const expand: TfjsOp = (context) => {
  const {
    tf,
    x: [x],
  } = context;
  const given = context.numbers(1) ?? [];
  const rank = Math.max(given.length, x.rank);
  const dims = Array.from({ length: rank }, (_, i) => {
    const own = x.shape[i - rank + x.rank] ?? 1;
    const wanted = given[i - rank + given.length] ?? 1;
    return own === 1 ? wanted : own;
  });
  return tf.broadcastTo(x, dims as [number]);
};

/** Where each place of a padded axis comes from, for the modes that repeat what is there. */
function paddedPlaces(n: number, begin: number, end: number, mode: string): number[] {
  return Array.from({ length: begin + n + end }, (_, i) => {
    const at = i - begin;
    if (mode === 'edge') return Math.min(Math.max(at, 0), n - 1);
    if (mode === 'wrap') return ((at % n) + n) % n;
    const period = 2 * (n - 1);
    const folded = ((at % period) + period) % period;
    return folded < n ? folded : period - folded;
  });
}

const pad: TfjsOp = (context) => {
  const { tf, node, x } = context;
  const given = context.numbers(1) ?? [...(intsAttribute(node, 'pads') ?? [])];
  const axes = context.numbers(3)?.map((axis) => axisOf(axis, x[0].rank)) ?? x[0].shape.map((_, i) => i);
  const mode = stringAttribute(node, 'mode', 'constant');
  const widths = x[0].shape.map((): [number, number] => [0, 0]);
  let out = x[0];
  axes.forEach((axis, i) => {
    const [begin, end] = [given[i], given[i + axes.length]];
    const n = out.shape[axis];
    if (mode !== 'constant') {
      if (begin !== 0 || end !== 0) out = take(context, out, axis, paddedPlaces(n, begin, end, mode));
      return;
    }
    const [cut, kept] = [Math.max(0, -begin), n - Math.max(0, -begin) - Math.max(0, -end)];
    if (kept !== n)
      out = take(
        context,
        out,
        axis,
        Array.from({ length: kept }, (_, k) => cut + k),
      );
    widths[axis] = [Math.max(0, begin), Math.max(0, end)];
  });
  return widths.every(([a, b]) => a + b === 0) ? out : tf.pad(out, widths, context.numbers(2)?.[0] ?? 0);
};

const depthToSpace: TfjsOp = ({ tf, node, x: [x] }) => {
  const [batch, channels, height, width] = x.shape;
  const b = intAttribute(node, 'blocksize', 1);
  const depth = channels / (b * b);
  const crd = stringAttribute(node, 'mode', 'DCR') === 'CRD';
  const apart = tf.reshape(x, crd ? [batch, depth, b, b, height, width] : [batch, b, b, depth, height, width]);
  const order = crd ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2];
  return tf.reshape(tf.transpose(apart, order), [batch, depth, height * b, width * b]);
};

const spaceToDepth: TfjsOp = ({ tf, node, x: [x] }) => {
  const [batch, channels, height, width] = x.shape;
  const b = intAttribute(node, 'blocksize', 1);
  const apart = tf.reshape(x, [batch, channels, height / b, b, width / b, b]);
  return tf.reshape(tf.transpose(apart, [0, 3, 5, 1, 2, 4]), [batch, channels * b * b, height / b, width / b]);
};

const shape: TfjsOp = ({ tf, node, x: [x] }) => {
  const end = intAttribute(node, 'end', x.rank);
  return tf.tensor1d(x.shape.slice(intAttribute(node, 'start', 0), end), 'int32');
};

const constantOfShape: TfjsOp = (context) => {
  const value = context.node.attributes['value'];
  const tensor = value?.kind === 'tensor' ? value.value : undefined;
  const type = tensor === undefined || tensor.type.startsWith('float') ? 'float32' : 'int32';
  return context.tf.fill(context.numbers(0) ?? [], tensor === undefined ? 0 : numbersOf(tensor)[0], type);
};

const range: TfjsOp = (context) => {
  const [[from], [to], [step]] = [0, 1, 2].map((i) => context.numbers(i) ?? [0]);
  return context.tf.range(from, to, step, context.x[0].dtype === 'int32' ? 'int32' : 'float32');
};

const transpose: TfjsOp = ({ tf, node, x: [x] }) => {
  const permutation = intsAttribute(node, 'perm');
  return tf.transpose(x, permutation === undefined ? undefined : [...permutation]);
};

export const shapeOps: TfjsOps = {
  Reshape: reshape,
  Flatten: flatten,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Transpose: transpose,
  Slice: slice,
  Split: split,
  Concat: concat,
  Expand: expand,
  Tile: (context) => context.tf.tile(context.x[0], context.numbers(1) ?? []),
  Pad: pad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Shape: shape,
  Size: ({ tf, x: [x] }) => tf.scalar(x.size, 'int32'),
  ConstantOfShape: constantOfShape,
  Range: range,
};
