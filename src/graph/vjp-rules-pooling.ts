import { intAttribute, intsAttribute } from '../onnx/model.js';
import { sizeOf } from '../runtime/tensor.js';
import { int, ints, text } from './gradient-writer.js';
import { requireOpset, type VjpRule, type VjpRules } from './vjp-rule.js';
import { type Window, windowOf } from '../onnx/window.js';

/** How many elements of the input each place of the window covers, as [1, 1, …places]. */
function coverage(window: Window, size: readonly number[], places: readonly number[], includePad: boolean): number[] {
  const along = places.map((count, axis) =>
    Array.from({ length: count }, (_, i) => {
      const from = i * window.strides[axis] - window.begins[axis];
      let covered = 0;
      for (let tap = 0; tap < window.kernel[axis]; tap++) {
        const at = from + tap * window.dilations[axis];
        const [low, high] = includePad ? [-window.begins[axis], size[axis] + window.ends[axis]] : [0, size[axis]];
        if (at >= low && at < high) covered++;
      }
      return covered;
    }),
  );
  return along.reduce<number[]>((counts, axis) => counts.flatMap((a) => axis.map((b) => a * b)), [1]);
}

/** Each place of the window hands g/count to all it covers: a transposed convolution with ones, one channel at a time. */
const averagePool: VjpRule = ({ node, writer: w, g, x: [x], y }) => {
  const dims = w.dimsOf(x);
  const [, channels, ...size] = dims;
  const places = w.dimsOf(y).slice(2);
  const window = windowOf(node, size, intsAttribute(node, 'kernel_shape') ?? size);
  const counts = coverage(window, size, places, intAttribute(node, 'count_include_pad', 0) === 1);
  const share = w.div(w.full(g, w.dimsOf(y)), w.tensor(counts, [1, 1, ...places], w.typeOf(x)));

  const [factor] = window.kernel;
  const tiles = size.every(
    (n, i) => window.kernel[i] === factor && window.strides[i] === factor && n === factor * places[i],
  );
  if (tiles && size.length === 2) {
    const scales = w.tensor([1, 1, factor, factor], [4], 'float32');
    const attributes = {
      mode: text('nearest'),
      coordinate_transformation_mode: text('asymmetric'),
      nearest_mode: text('floor'),
    };
    return [w.emit('Resize', [share, '', scales], attributes, dims)];
  }
  const ones = w.tensor(
    new Float32Array(channels * sizeOf(window.kernel)).fill(1),
    [channels, 1, ...window.kernel],
    w.typeOf(x),
  );
  const missing = size.map((n, i) => {
    const reach = window.dilations[i] * (window.kernel[i] - 1) + 1;
    return n - (window.strides[i] * (places[i] - 1) + reach - window.begins[i] - window.ends[i]);
  });
  // Where ceil_mode lets the last window hang over, more is cut off.
  const ends = window.ends.map((end, i) => end + Math.max(0, -missing[i]));
  const attributes = {
    kernel_shape: ints(window.kernel),
    strides: ints(window.strides),
    dilations: ints(window.dilations),
    pads: ints([...window.begins, ...ends]),
    output_padding: ints(missing.map((n) => Math.max(0, n))),
    group: int(channels),
  };
  return [w.emit('ConvTranspose', [share, ones], attributes, dims)];
};

/** g goes to the element that won each window, whose place MaxPool itself gives. */
const maxPool: VjpRule = ({ node, writer: w, g, x: [x], y }) => {
  requireOpset(w, node, 16);
  const dims = w.dimsOf(x);
  const indices = w.extraOutput(node, 1, { type: 'int64', dims: w.dimsOf(y) });
  const places = sizeOf(w.dimsOf(y));
  const zeros = w.expand(w.scalar(0, x), [sizeOf(dims)]);
  const inputs = [zeros, w.reshape(indices, [places]), w.reshape(w.full(g, w.dimsOf(y)), [places])];
  const scattered = w.emit('ScatterElements', inputs, { axis: int(0), reduction: text('add') }, [sizeOf(dims)]);
  return [w.reshape(scattered, dims)];
};

/** y = x/(Σ|x|ᵖ)^(1/p) for p = 2: (g − y·Σ g·y)/‖x‖ */
const lpNormalization: VjpRule = ({ node, writer: w, g, x: [x], y }) => {
  const rank = w.dimsOf(x).length;
  const axis = (intAttribute(node, 'axis', -1) + rank) % rank;
  const inner = w.reduce('ReduceSum', w.mul(g, y), [axis]);
  if (intAttribute(node, 'p', 2) === 1) {
    const norm = w.reduce('ReduceL1', x, [axis]);
    return [w.div(w.sub(g, w.mul(w.unary('Sign', x), inner)), norm)];
  }
  return [w.div(w.sub(g, w.mul(y, inner)), w.reduce('ReduceL2', x, [axis]))];
};

export const poolingRules: VjpRules = { AveragePool: averagePool, MaxPool: maxPool, LpNormalization: lpNormalization };
