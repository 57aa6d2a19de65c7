import type { Tensor, Tensor4D } from '@tensorflow/tfjs-core';
import { FormatError } from '../core/errors.js';
import { describeNode, intAttribute, intsAttribute } from '../onnx/model.js';
import { positions, transposedWindowOf, type Window, windowOf } from '../onnx/window.js';
import type { OpContext, TfjsOp, TfjsOps } from './tfjs-op.js';
import { take } from './tfjs-ops-shape.js';
import type { Tfjs } from './tfjs-backend.js';

/** [N, C, L] as [N, C, 1, L]; what is two-dimensional already stays. */
const asPlane = (tf: Tfjs, x: Tensor): Tensor4D =>
  (x.rank === 3
    ? tf.reshape(x, [x.shape[0], x.shape[1], 1, x.shape[2]] as [number, number, number, number])
    : x) as Tensor4D;

/** A window over lines as one over planes of height 1. */
function planeWindow(window: Window): Window {
  if (window.kernel.length === 2) return window;
  return {
    kernel: [1, ...window.kernel],
    strides: [1, ...window.strides],
    dilations: [1, ...window.dilations],
    begins: [0, ...window.begins],
    ends: [0, ...window.ends],
  };
}

function requirePlane({ node, x: [x] }: OpContext): void {
  if (x.rank === 3 || x.rank === 4) return;
  throw new FormatError(
    'tfjs.rank',
    `${describeNode(node)}: TensorFlow.js runs it over lines and planes only; use onnx`,
  );
}

/** Zeros between the taps: gradients of dilated convolutions do not exist in TensorFlow.js. Weights are [a, b, h, w]. */
function dilate(tf: Tfjs, weights: Tensor4D, dilations: readonly number[]): Tensor4D {
  let out: Tensor = weights;
  dilations.forEach((d, i) => {
    if (d === 1) return;
    const axis = 2 + i;
    const n = out.shape[axis];
    const before = out.shape.slice(0, axis);
    const after = out.shape.slice(axis + 1);
    const rows = tf.reshape(out, [before.reduce((a, b) => a * b, 1), n, 1, after.reduce((a, b) => a * b, 1)]);
    const apart = tf.pad(rows, [
      [0, 0],
      [0, 0],
      [0, d - 1],
      [0, 0],
    ]);
    const long = tf.reshape(apart, [...before, n * d, ...after]);
    out = tf.slice(
      long,
      long.shape.map(() => 0),
      [...before, (n - 1) * d + 1, ...after],
    );
  });
  return out as Tensor4D;
}

/** Zero padding; negative widths cut off. Spatial axes are the last two. */
export function padPlane(
  tf: Tfjs,
  x: Tensor4D,
  begins: readonly number[],
  ends: readonly number[],
  value = 0,
): Tensor4D {
  const cut = [0, 0, ...begins.map((n) => Math.max(0, -n))];
  const size = x.shape.map((n, axis) => (axis < 2 ? n : n - cut[axis] - Math.max(0, -ends[axis - 2])));
  const kept = cut.some((n) => n > 0) || size.some((n, axis) => n !== x.shape[axis]) ? tf.slice(x, cut, size) : x;
  const widths = [[0, 0], [0, 0], ...begins.map((n, i) => [Math.max(0, n), Math.max(0, ends[i])])] as [
    number,
    number,
  ][];
  return (widths.every(([a, b]) => a + b === 0) ? kept : tf.pad(kept, widths, value)) as Tensor4D;
}

const parts = (tf: Tfjs, x: Tensor4D, group: number, axis: number): Tensor4D[] =>
  group === 1 ? [x] : tf.split(x, group, axis);
const join = (tf: Tfjs, xs: Tensor4D[]): Tensor4D => (xs.length === 1 ? xs[0] : tf.concat(xs, 1));
const toNhwc = (tf: Tfjs, x: Tensor4D): Tensor4D => tf.transpose(x, [0, 2, 3, 1]);
const toNchw = (tf: Tfjs, x: Tensor4D): Tensor4D => tf.transpose(x, [0, 3, 1, 2]);

function addBias({ tf, x: [, , bias] }: OpContext, y: Tensor): Tensor {
  return bias === undefined ? y : tf.add(y, tf.reshape(bias, [bias.size, ...y.shape.slice(2).map(() => 1)]));
}

const conv: TfjsOp = (context) => {
  requirePlane(context);
  const {
    tf,
    node,
    x: [x, weights],
  } = context;
  const window = windowOf(node, x.shape.slice(2), weights.shape.slice(2));
  const { strides, dilations, begins, ends } = planeWindow(window);
  const group = intAttribute(node, 'group', 1);
  const padded = padPlane(tf, asPlane(tf, x), begins, ends);
  const filter = dilate(tf, asPlane(tf, weights), dilations);
  const inputs = parts(tf, padded, group, 1);
  const outputs = parts(tf, filter, group, 0).map((part, q) => {
    const step = strides as [number, number];
    return toNchw(tf, tf.conv2d(toNhwc(tf, inputs[q]), tf.transpose(part, [2, 3, 1, 0]), step, 'valid'));
  });
  const y = join(tf, outputs);
  const size = x.shape.slice(2).map((n, axis) => positions(n, window, axis));
  return addBias(context, tf.reshape(y, [y.shape[0], y.shape[1], ...size]));
};

const convTranspose: TfjsOp = (context) => {
  requirePlane(context);
  const {
    tf,
    node,
    x: [x, weights],
  } = context;
  const size = x.shape.slice(2);
  const kernel = weights.shape.slice(2);
  const outSize = transposedSize(context, size, kernel);
  const window = planeWindow(transposedWindowOf(node, size, outSize, kernel));
  const { strides, dilations, begins } = window;
  const group = intAttribute(node, 'group', 1);
  const filter = dilate(tf, asPlane(tf, weights), dilations);
  const [height, width] = filter.shape.slice(2);
  const inputs = parts(tf, asPlane(tf, x), group, 1);
  const outputs = parts(tf, filter, group, 0).map((part, q) => {
    const [batch, , h, w] = inputs[q].shape;
    const full: [number, number, number, number] = [
      batch,
      (h - 1) * strides[0] + height,
      (w - 1) * strides[1] + width,
      part.shape[1],
    ];
    const taps = tf.transpose(part, [2, 3, 1, 0]);
    return toNchw(tf, tf.conv2dTranspose(toNhwc(tf, inputs[q]), taps, full, strides as [number, number], 'valid'));
  });
  const y = join(tf, outputs);
  const planeSize = outSize.length === 1 ? [1, ...outSize] : outSize;
  const cropped = padPlane(
    tf,
    y,
    begins.map((n) => -n),
    planeSize.map((n, i) => n + begins[i] - y.shape[i + 2]),
  );
  return addBias(context, tf.reshape(cropped, [y.shape[0], y.shape[1], ...outSize]));
};

function transposedSize({ node }: OpContext, size: readonly number[], kernel: readonly number[]): number[] {
  const given = intsAttribute(node, 'output_shape');
  if (given !== undefined) return given.slice(-size.length);
  const auto = node.attributes['auto_pad'];
  const window = windowOf(
    { ...node, attributes: { ...node.attributes, auto_pad: { kind: 'string', value: '' } } },
    size,
    kernel,
  );
  const extra = intsAttribute(node, 'output_padding') ?? size.map(() => 0);
  return size.map((n, i) => {
    if (auto?.kind === 'string' && auto.value.startsWith('SAME')) return n * window.strides[i];
    const reach = window.dilations[i] * (kernel[i] - 1) + 1;
    return window.strides[i] * (n - 1) + extra[i] + reach - window.begins[i] - window.ends[i];
  });
}

interface Pool {
  readonly padded: Tensor4D;
  readonly window: Window;
  readonly places: readonly number[];
}

/** The padded input of a pooling node. With ceil_mode the last window may hang over: the padding grows to hold it. */
function poolInput(context: OpContext, value: number): Pool {
  requirePlane(context);
  const {
    tf,
    node,
    x: [x],
  } = context;
  const size = x.shape.slice(2);
  const window = windowOf(node, size, intsAttribute(node, 'kernel_shape') ?? size);
  const places = size.map((n, i) => {
    const steps =
      (n + window.begins[i] + window.ends[i] - window.dilations[i] * (window.kernel[i] - 1) - 1) / window.strides[i];
    const count = (intAttribute(node, 'ceil_mode', 0) === 1 ? Math.ceil(steps) : Math.floor(steps)) + 1;
    // A window that would start in the padding at the end does not count.
    return (count - 1) * window.strides[i] >= n + window.begins[i] ? count - 1 : count;
  });
  const plane = planeWindow(window);
  const counts = places.length === 1 ? [1, ...places] : places;
  const input = asPlane(tf, x);
  const ends = counts.map(
    (count, i) =>
      (count - 1) * plane.strides[i] +
      plane.dilations[i] * (plane.kernel[i] - 1) +
      1 -
      input.shape[i + 2] -
      plane.begins[i],
  );
  return { padded: padPlane(tf, input, plane.begins, ends, value), window: plane, places };
}

const averagePool: TfjsOp = (context) => {
  const {
    tf,
    node,
    x: [x],
  } = context;
  const { padded, window, places } = poolInput(context, 0);
  const pool = (plane: Tensor4D): Tensor4D => {
    const [kernel, strides] = [window.kernel as [number, number], window.strides as [number, number]];
    return toNchw(tf, tf.avgPool(toNhwc(tf, plane), kernel, strides, 'valid'));
  };
  const ones = tf.ones(asPlane(tf, x).shape) as Tensor4D;
  const includePad = intAttribute(node, 'count_include_pad', 0) === 1;
  const rest = padded.shape.slice(2).map((n, i) => n - ones.shape[i + 2] - window.begins[i]);
  const declared = includePad
    ? padPlane(
        tf,
        ones,
        window.begins,
        rest.map((n, i) => Math.min(n, window.ends[i])),
        1,
      )
    : ones;
  const missing = padded.shape.slice(2).map((n, i) => n - declared.shape[i + 2] - (includePad ? 0 : window.begins[i]));
  const counted = padPlane(tf, declared, includePad ? [0, 0] : window.begins, missing);
  const y = tf.div(pool(padded), pool(counted));
  return tf.reshape(y, [...x.shape.slice(0, 2), ...places]);
};

/** Second output, where asked for: the place of each winner in the flattened input. */
const maxPool: TfjsOp = (context) => {
  const {
    tf,
    node,
    x: [x],
  } = context;
  const { padded, window, places } = poolInput(context, -3.4e38);
  if (window.dilations.some((d) => d !== 1)) {
    throw new FormatError(
      'tfjs.max-pool',
      `${describeNode(node)}: TensorFlow.js has no dilated pooling here; use onnx`,
    );
  }
  const dims = [...x.shape.slice(0, 2), ...places];
  const [kernel, strides] = [window.kernel as [number, number], window.strides as [number, number]];
  const y = tf.reshape(toNchw(tf, tf.maxPool(toNhwc(tf, padded), kernel, strides, 'valid')), dims);
  if (node.outputs.length < 2) return y;
  const plane = asPlane(tf, x).shape;
  const own = tf.reshape(tf.range(0, x.size, 1, 'int32'), plane) as Tensor4D;
  const rest = padded.shape.slice(2).map((n, i) => n - plane[i + 2] - window.begins[i]);
  const indices = padPlane(tf, own, window.begins, rest);
  const counts = places.length === 1 ? [1, ...places] : places;
  // Picked along each axis: the wasm backend's strided slices of whole numbers come out as floats.
  const every = (from: number, count: number, step: number): number[] =>
    Array.from({ length: count }, (_, i) => from + i * step);
  const shifted = (plane4: Tensor4D, dy: number, dx: number): Tensor =>
    take(context, take(context, plane4, 2, every(dy, counts[0], strides[0])), 3, every(dx, counts[1], strides[1]));
  let best = shifted(padded, 0, 0);
  let winner = shifted(indices, 0, 0);
  for (let tap = 1; tap < kernel[0] * kernel[1]; tap++) {
    const [dy, dx] = [Math.floor(tap / kernel[1]), tap % kernel[1]];
    const candidate = shifted(padded, dy, dx);
    const better = tf.greater(candidate, best);
    winner = tf.where(better, shifted(indices, dy, dx), winner);
    best = tf.maximum(candidate, best);
  }
  return [y, tf.reshape(winner, dims)];
};

export const convOps: TfjsOps = {
  Conv: conv,
  ConvTranspose: convTranspose,
  AveragePool: averagePool,
  MaxPool: maxPool,
};
