import { FormatError } from '../core/errors.js';
import { describeNode, intAttribute, intsAttribute, stringAttribute } from '../onnx/model.js';
import { numbersOf } from '../onnx/tensor-data.js';
import { type GradientWriter, int, sliceLength, sliceStart, text } from './gradient-writer.js';
import { normaliseAxis, type RuleContext, type VjpRule, type VjpRules } from './vjp-rule.js';

/** The constant content of an input; where it is not constant, its node is named. */
function constantInput({ node, writer: w, x }: RuleContext, i: number, what: string): number[] | undefined {
  const name = x[i];
  if (name === undefined || name === '') return undefined;
  const constant = w.constantOf(name);
  if (constant === undefined) {
    throw new FormatError('vjp.dynamic', `${describeNode(node)}: no gradient where ${what} depend on the data`);
  }
  return numbersOf(constant);
}

/** Operators that only rename elements: g in the input's shape. */
const reshape: VjpRule = ({ writer: w, g, x: [x], y }) => [w.reshape(w.full(g, w.dimsOf(y)), w.dimsOf(x))];

const transpose: VjpRule = ({ node, writer: w, g, x: [x] }) => {
  const rank = w.dimsOf(x).length;
  const permutation = intsAttribute(node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
  return [w.transpose(g, inverse)];
};

/**
 * Puts g, of shape n along `axis`, at places start, start+step, … of an axis of length `size`, zeros elsewhere.
 */
function spread(w: GradientWriter, g: string, axis: number, size: number, start: number, step: number): string {
  const n = w.dimsOf(g)[axis];
  let x = g;
  let first = start;
  let stride = step;
  if (stride < 0) {
    first = start + (n - 1) * stride;
    stride = -stride;
    x = reverse(w, x, axis);
  }
  const pad = (name: string, at: number, begin: number, end: number): string => {
    const zeros = w.dimsOf(name).map(() => 0);
    return w.pad(name, { begins: zeros.with(at, begin), ends: zeros.with(at, end) });
  };
  if (stride > 1) {
    const dims = w.dimsOf(x);
    const apart = pad(w.reshape(x, [...dims.slice(0, axis + 1), 1, ...dims.slice(axis + 1)]), axis + 1, 0, stride - 1);
    x = w.reshape(apart, [...dims.slice(0, axis), n * stride, ...dims.slice(axis + 1)]);
    x = w.slice(x, [axis], [0], [(n - 1) * stride + 1]);
  }
  return pad(x, axis, first, size - first - w.dimsOf(x)[axis]);
}

/** The axis backwards. */
export function reverse(w: GradientWriter, x: string, axis: number): string {
  return w.dimsOf(x)[axis] === 1 ? x : w.slice(x, [axis], [-1], [-w.dimsOf(x)[axis] - 1], [-1]);
}

const slice: VjpRule = (context) => {
  const { writer: w, g, x, y } = context;
  const dims = w.dimsOf(x[0]);
  const starts = constantInput(context, 1, 'its starts') ?? [];
  const ends = constantInput(context, 2, 'its ends') ?? [];
  const axes = (constantInput(context, 3, 'its axes') ?? starts.map((_, i) => i)).map((a) =>
    normaliseAxis(a, dims.length),
  );
  const steps = constantInput(context, 4, 'its steps') ?? starts.map(() => 1);
  let out = w.full(g, w.dimsOf(y));
  axes.forEach((axis, i) => {
    if (sliceLength(dims[axis], starts[i], ends[i], steps[i]) === dims[axis] && steps[i] === 1) return;
    out = spread(w, out, axis, dims[axis], sliceStart(dims[axis], starts[i], steps[i]), steps[i]);
  });
  return [out];
};

const split: VjpRule = ({ node, writer: w, cotangents, x: [x] }) => {
  const dims = w.dimsOf(x);
  const axis = normaliseAxis(intAttribute(node, 'axis', 0), dims.length);
  const parts = node.outputs.map((name, i) => {
    const cotangent = cotangents[i];
    const partDims = w.dimsOf(name);
    return cotangent === undefined ? w.expand(w.scalar(0, x), partDims) : w.full(cotangent, partDims);
  });
  return [w.concat(parts, axis)];
};

const concat: VjpRule = ({ node, writer: w, g, x, y, needs }) => {
  const axis = normaliseAxis(intAttribute(node, 'axis', 0), w.dimsOf(y).length);
  let from = 0;
  return x.map((input, i) => {
    const start = from;
    from += w.dimsOf(input)[axis];
    if (!needs(i)) return undefined;
    return w.dimsOf(g)[axis] === 1 ? g : w.slice(g, [axis], [start], [from]);
  });
};

const expand: VjpRule = ({ writer: w, g, x: [x], y }) => [w.unbroadcast(g, w.dimsOf(y), w.dimsOf(x))];

/** y = x repeated rᵢ times along axis i: g as [r₀, n₀, r₁, n₁, …], summed over the rᵢ. */
const tile: VjpRule = ({ writer: w, g, x: [x], y }) => {
  const dims = w.dimsOf(x);
  const repeats = w.dimsOf(y).map((n, i) => n / dims[i]);
  const apart = w.reshape(
    w.full(g, w.dimsOf(y)),
    dims.flatMap((n, i) => [repeats[i], n]),
  );
  return [
    w.reshape(
      w.reduce(
        'ReduceSum',
        apart,
        dims.map((_, i) => 2 * i),
      ),
      dims,
    ),
  ];
};

/** Zero padding: the middle of g. Reflected or repeated borders flow back to where they came from. */
const pad: VjpRule = (context) => {
  const { node, writer: w, g, x, y } = context;
  const dims = w.dimsOf(x[0]);
  const given = constantInput(context, 1, 'its pads') ?? [...(intsAttribute(node, 'pads') ?? [])];
  const axes =
    constantInput(context, 3, 'its axes')?.map((a) => normaliseAxis(a, dims.length)) ?? dims.map((_, i) => i);
  const mode = stringAttribute(node, 'mode', 'constant');
  let out = w.full(g, w.dimsOf(y));
  axes.forEach((axis, i) => {
    const [begin, end] = [given[i], given[i + axes.length]];
    out = unpad(w, out, { axis, begin, end, size: dims[axis], mode });
  });
  return [out];
};

interface PaddedAxis {
  readonly axis: number;
  readonly begin: number;
  readonly end: number;
  readonly size: number;
  readonly mode: string;
}

function unpad(w: GradientWriter, g: string, { axis, begin, end, size, mode }: PaddedAxis): string {
  if (begin === 0 && end === 0) return g;
  const total = begin + size + end;
  const zeros = w.dimsOf(g).map(() => 0);
  // Negative padding crops: what was cropped has no cotangent.
  const kept = w.slice(g, [axis], [Math.max(begin, 0)], [total - Math.max(end, 0)]);
  const middle = w.pad(kept, {
    begins: zeros.with(axis, Math.max(-begin, 0)),
    ends: zeros.with(axis, Math.max(-end, 0)),
  });
  if (mode === 'constant') return middle;
  const place = (border: string, at: number): string =>
    w.pad(border, { begins: zeros.with(axis, at), ends: zeros.with(axis, size - at - w.dimsOf(border)[axis]) });
  const fold = (border: string, count: number, atStart: boolean): string => {
    switch (mode) {
      case 'edge':
        return place(w.reduce('ReduceSum', border, [axis]), atStart ? 0 : size - 1);
      case 'wrap':
        return place(border, atStart ? size - count : 0);
      default:
        return place(reverse(w, border, axis), atStart ? 1 : size - 1 - count);
    }
  };
  let sum = middle;
  if (begin > 0) sum = w.add(sum, fold(w.slice(g, [axis], [0], [begin]), begin, true));
  if (end > 0) sum = w.add(sum, fold(w.slice(g, [axis], [total - end], [total]), end, false));
  return sum;
}

/** Both directions are permutations of elements; DepthToSpace in CRD order has no named inverse. */
const depthToSpace: VjpRule = ({ node, writer: w, g, x: [x], y }) => {
  const [batch, channels, height, width] = w.dimsOf(x);
  const block = intAttribute(node, 'blocksize', 1);
  const out = w.full(g, w.dimsOf(y));
  if (stringAttribute(node, 'mode', 'DCR') === 'DCR') {
    return [w.emit('SpaceToDepth', [out], { blocksize: int(block) }, w.dimsOf(x))];
  }
  const depth = channels / block ** 2;
  const apart = w.reshape(out, [batch, depth, height, block, width, block]);
  return [w.reshape(w.transpose(apart, [0, 1, 3, 5, 2, 4]), w.dimsOf(x))];
};

const spaceToDepth: VjpRule = ({ node, writer: w, g, x: [x], y }) => [
  w.emit(
    'DepthToSpace',
    [w.full(g, w.dimsOf(y))],
    { blocksize: int(intAttribute(node, 'blocksize', 1)), mode: text('DCR') },
    w.dimsOf(x),
  ),
];

export const shapeRules: VjpRules = {
  Reshape: reshape,
  Flatten: reshape,
  Squeeze: reshape,
  Unsqueeze: reshape,
  Transpose: transpose,
  Slice: slice,
  Split: split,
  Concat: concat,
  Expand: expand,
  Tile: tile,
  Pad: pad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
