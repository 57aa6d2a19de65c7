import { intsAttribute, type OnnxNode, stringAttribute } from './model.js';

/** How a sliding window moves over the spatial axes. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly begins: readonly number[];
  readonly ends: readonly number[];
}

/** The window of a convolution or pooling node over an input of `size`, with `auto_pad` worked out. */
export function windowOf(node: OnnxNode, size: readonly number[], kernel: readonly number[]): Window {
  const ones = size.map(() => 1);
  const strides = intsAttribute(node, 'strides') ?? ones;
  const dilations = intsAttribute(node, 'dilations') ?? ones;
  const pads = intsAttribute(node, 'pads') ?? size.flatMap(() => [0, 0]);
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  let begins = pads.slice(0, size.length);
  let ends = pads.slice(size.length);
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const total = size.map((n, i) =>
      Math.max(0, (Math.ceil(n / strides[i]) - 1) * strides[i] + dilations[i] * (kernel[i] - 1) + 1 - n),
    );
    const small = total.map((n) => Math.floor(n / 2));
    const large = total.map((n, i) => n - small[i]);
    [begins, ends] = auto === 'SAME_UPPER' ? [small, large] : [large, small];
  } else if (auto === 'VALID') {
    begins = ends = size.map(() => 0);
  }
  return { kernel, strides, dilations, begins, ends };
}

/** The window of a transposed convolution from `size` to `outSize`: pads follow from the sizes where not given. */
export function transposedWindowOf(
  node: OnnxNode,
  size: readonly number[],
  outSize: readonly number[],
  kernel: readonly number[],
): Window {
  const window = windowOf(
    { ...node, attributes: { ...node.attributes, auto_pad: { kind: 'string', value: '' } } },
    size,
    kernel,
  );
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  if (auto !== 'SAME_UPPER' && auto !== 'SAME_LOWER' && intsAttribute(node, 'output_shape') === undefined)
    return window;
  const outputPadding = intsAttribute(node, 'output_padding') ?? size.map(() => 0);
  const total = size.map(
    (n, i) => window.strides[i] * (n - 1) + outputPadding[i] + window.dilations[i] * (kernel[i] - 1) + 1 - outSize[i],
  );
  const small = total.map((n) => Math.floor(n / 2));
  const large = total.map((n, i) => n - small[i]);
  const [begins, ends] = auto === 'SAME_UPPER' ? [small, large] : [large, small];
  return { ...window, begins, ends };
}

/** Places of the window along one axis of length n. */
export function positions(n: number, { kernel, strides, dilations, begins, ends }: Window, axis: number): number {
  const reach = dilations[axis] * (kernel[axis] - 1) + 1;
  return Math.floor((n + begins[axis] + ends[axis] - reach) / strides[axis]) + 1;
}
