import { intAttribute } from '../onnx/model.js';
import { same } from './gradient-writer.js';
import { type Attributes, gather, type GradientWriter, int, ints, text } from './gradient-writer.js';
import type { VjpRule, VjpRules } from './vjp-rule.js';
import { positions, transposedWindowOf, type Window, windowOf } from '../onnx/window.js';

interface Convolution {
  readonly window: Window;
  readonly group: number;
}

const attributesOf = ({ window, group }: Convolution): Attributes => ({
  kernel_shape: ints(window.kernel),
  strides: ints(window.strides),
  dilations: ints(window.dilations),
  pads: ints([...window.begins, ...window.ends]),
  group: int(group),
});

/**
 * Gradient of a convolution with respect to its input: a transposed convolution of g with the same weights. Where that
 * is possible it is written as a plain convolution, which onnxruntime runs faster:
 * - stride 1: of g with the weights flipped and their channels exchanged;
 * - windows that neither overlap nor leave gaps: a 1×1 convolution, then DepthToSpace.
 */
function inputGradient(
  w: GradientWriter,
  g: string,
  weight: string,
  inDims: readonly number[],
  conv: Convolution,
): string {
  const { window, group } = conv;
  const { kernel, strides, dilations, begins, ends } = window;
  const reach = kernel.map((k, i) => dilations[i] * (k - 1));
  const constant = w.constantOf(weight);
  const [outChannels, inPerGroup] = w.dimsOf(weight);
  const outPerGroup = outChannels / group;

  if (
    constant !== undefined &&
    strides.every((s) => s === 1) &&
    reach.every((r, i) => r >= begins[i] && r >= ends[i])
  ) {
    const size = kernel.reduce((product, k) => product * k, 1);
    const dims = [group * inPerGroup, outPerGroup, ...kernel];
    const flipped = gather(constant, dims, ([row, out, ...place]) => {
      const q = Math.floor(row / inPerGroup);
      const tap = place.reduce((at, k, i) => at * kernel[i] + (kernel[i] - 1 - k), 0);
      return ((q * outPerGroup + out) * inPerGroup + (row % inPerGroup)) * size + tap;
    });
    const mirrored: Window = {
      ...window,
      begins: reach.map((r, i) => r - begins[i]),
      ends: reach.map((r, i) => r - ends[i]),
    };
    const filter = w.store(flipped);
    return w.emit('Conv', [g, filter], attributesOf({ window: mirrored, group }), inDims);
  }

  const tiles = same(kernel, strides) && [...begins, ...ends].every((n) => n === 0) && dilations.every((d) => d === 1);
  if (constant !== undefined && tiles && group === 1 && kernel.length === 2 && kernel[0] === kernel[1]) {
    const [k] = kernel;
    const dims = [k * k * inPerGroup, outChannels, 1, 1];
    const depth = gather(
      constant,
      dims,
      ([row, out]) => (out * inPerGroup + (row % inPerGroup)) * k * k + Math.floor(row / inPerGroup),
    );
    const filter = w.store(depth);
    const [batch, , height, width] = w.dimsOf(g);
    const pixels = w.emit('Conv', [g, filter], {}, [batch, dims[0], height, width]);
    const covered = [batch, inPerGroup, k * height, k * width];
    const spread = w.emit('DepthToSpace', [pixels], { blocksize: int(k), mode: text('DCR') }, covered);
    return w.pad(spread, { begins: [0, 0, 0, 0], ends: inDims.map((n, i) => n - covered[i]) });
  }

  const outputPadding = kernel.map((_, i) => {
    const n = w.dimsOf(g)[i + 2];
    return inDims[i + 2] - (strides[i] * (n - 1) + reach[i] + 1 - begins[i] - ends[i]);
  });
  return w.emit('ConvTranspose', [g, weight], { ...attributesOf(conv), output_padding: ints(outputPadding) }, inDims);
}

/**
 * Gradient of a convolution with respect to its weights: the input (batch and channels exchanged) convolved with the
 * output's cotangent as a filter, strides and dilations exchanged.
 */
function weightGradient(
  w: GradientWriter,
  x: string,
  g: string,
  weightDims: readonly number[],
  conv: Convolution,
): string {
  const { window, group } = conv;
  const rank = weightDims.length;
  const exchange = [1, 0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2)];
  const part = (name: string, q: number): string => {
    const channels = w.dimsOf(name)[1] / group;
    return w.transpose(w.slice(name, [1], [q * channels], [(q + 1) * channels]), exchange);
  };
  const grads = Array.from({ length: group }, (_, q) => {
    const input = part(x, q);
    const filter = part(g, q);
    const swapped: Window = {
      ...window,
      kernel: w.dimsOf(filter).slice(2),
      strides: window.dilations,
      dilations: window.strides,
    };
    const size = w
      .dimsOf(input)
      .slice(2)
      .map((n, axis) => positions(n, swapped, axis));
    const dims = [w.dimsOf(input)[0], w.dimsOf(filter)[0], ...size];
    const correlated = w.emit('Conv', [input, filter], attributesOf({ window: swapped, group: 1 }), dims);
    const axes = window.kernel.map((_, i) => i + 2);
    return w.transpose(
      w.slice(
        correlated,
        axes,
        axes.map(() => 0),
        window.kernel,
      ),
      exchange,
    );
  });
  return w.concat(grads, 0);
}

const biasGradient = (w: GradientWriter, g: string): string => {
  const axes = w.dimsOf(g).flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  return w.reshape(w.reduce('ReduceSum', g, axes), [w.dimsOf(g)[1]]);
};

const conv: VjpRule = ({ node, writer: w, g, x: [x, weight], y, needs }) => {
  const inDims = w.dimsOf(x);
  const convolution = {
    window: windowOf(node, inDims.slice(2), w.dimsOf(weight).slice(2)),
    group: intAttribute(node, 'group', 1),
  };
  const out = w.full(g, w.dimsOf(y));
  return [
    needs(0) ? inputGradient(w, out, weight, inDims, convolution) : undefined,
    needs(1) ? weightGradient(w, x, out, w.dimsOf(weight), convolution) : undefined,
    needs(2) ? biasGradient(w, out) : undefined,
  ];
};

/** The adjoint of a transposed convolution is the convolution itself. */
const convTranspose: VjpRule = ({ node, writer: w, g, x: [x, weight], y, needs }) => {
  const inDims = w.dimsOf(x);
  const weightDims = w.dimsOf(weight);
  const convolution = {
    window: transposedWindowOf(node, inDims.slice(2), w.dimsOf(y).slice(2), weightDims.slice(2)),
    group: intAttribute(node, 'group', 1),
  };
  const out = w.full(g, w.dimsOf(y));
  return [
    needs(0) ? w.emit('Conv', [out, weight], attributesOf(convolution), inDims) : undefined,
    needs(1) ? weightGradient(w, out, x, weightDims, convolution) : undefined,
    needs(2) ? biasGradient(w, out) : undefined,
  ];
};

export const convRules: VjpRules = { Conv: conv, ConvTranspose: convTranspose };
