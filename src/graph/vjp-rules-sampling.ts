import { FormatError } from '../core/errors.js';
import { describeNode, intAttribute } from '../onnx/model.js';
import { numbersOf } from '../onnx/tensor-data.js';
import { sizeOf } from '../runtime/tensor.js';
import { type GradientWriter, int, ints, text } from './gradient-writer.js';
import { resizeAxes, resizeMatrix } from '../onnx/resize-matrix.js';
import { normaliseAxis, requireOpset, type VjpRule, type VjpRules } from './vjp-rule.js';

/** g with axis `axis` (outSize) multiplied by the matrix's transpose, giving inSize. */
function throughMatrix(w: GradientWriter, g: string, axis: number, matrix: Float32Array, inSize: number): string {
  const dims = w.dimsOf(g);
  const rank = dims.length;
  const a = w.tensor(matrix, [dims[axis], inSize], w.typeOf(g));
  if (axis === rank - 1) return w.matmul(g, a);
  if (axis === rank - 2) return w.matmul(w.transpose(a, [1, 0]), g);
  const swap = dims.map((_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
  return w.transpose(w.matmul(w.transpose(g, swap), a), swap);
}

/** Whether each input place is repeated `factor` times. */
const repeats = (matrix: Float32Array, inSize: number, factor: number): boolean =>
  Number.isInteger(factor) &&
  matrix.every((v, at) => v === (Math.floor(Math.floor(at / inSize) / factor) === at % inSize ? 1 : 0));

/** Resizing multiplies each axis by a matrix. Repeated pixels, the common case, are summed by average pooling. */
const resize: VjpRule = ({ node, writer: w, g, x, y }) => {
  const inDims = w.dimsOf(x[0]);
  let out = w.full(g, w.dimsOf(y));
  const scales = w.constantOf(x[2]);
  const given = scales === undefined ? [] : numbersOf(scales);
  const axes = resizeAxes(node, inDims, w.dimsOf(y), given).map((resized) => ({
    axis: resized.axis,
    resized,
    matrix: resizeMatrix(resized),
    factor: resized.outSize / resized.inSize,
  }));
  const plain = axes.every(({ axis, factor, matrix, resized }) => axis >= 2 && repeats(matrix, resized.inSize, factor));
  if (plain && inDims.length === 4) {
    const factors = [2, 3].map((axis) => axes.find((entry) => entry.axis === axis)?.factor ?? 1);
    const means = w.emit('AveragePool', [out], { kernel_shape: ints(factors), strides: ints(factors) }, inDims);
    return [w.scale(means, factors[0] * factors[1])];
  }
  for (const { axis, resized, matrix } of axes) out = throughMatrix(w, out, axis, matrix, resized.inSize);
  return [out];
};

/**
 * Gather along an axis: cotangents are added up where they were taken from. For fixed indices that take each place at
 * most once this is itself a gathering, of g with a zero behind it.
 */
const gather: VjpRule = ({ node, writer: w, g, x: [data, indices], y }) => {
  const dims = w.dimsOf(data);
  const axis = normaliseAxis(intAttribute(node, 'axis', 0), dims.length);
  const size = dims[axis];
  const count = sizeOf(w.dimsOf(indices));
  const before = dims.slice(0, axis);
  const after = dims.slice(axis + 1);
  const flat = w.reshape(w.full(g, w.dimsOf(y)), [...before, count, ...after]);

  const constant = w.constantOf(indices);
  const places = constant === undefined ? undefined : numbersOf(constant).map((i) => normaliseAxis(i, size));
  if (places !== undefined && new Set(places).size === places.length) {
    if (places.every((place, i) => place === places[0] + i)) {
      const zeros = dims.map(() => 0);
      return [w.pad(flat, { begins: zeros.with(axis, places[0]), ends: zeros.with(axis, size - places[0] - count) })];
    }
    const taken = new Map(places.map((place, i) => [place, i]));
    const inverse = Array.from({ length: size }, (_, place) => taken.get(place) ?? count);
    const zeros = dims.map(() => 0);
    const source = count < size ? w.pad(flat, { begins: zeros, ends: zeros.with(axis, 1) }) : flat;
    return [w.emit('Gather', [source, w.int64s(inverse)], { axis: int(axis) }, dims)];
  }
  requireOpset(w, node, 16);
  const column = w.reshape(w.cast(indices, 'int64'), [count, ...after.map(() => 1)]);
  const wide = w.expand(column, [...before, count, ...after]);
  return [scatterAdd(w, data, wide, flat, axis)];
};

function scatterAdd(w: GradientWriter, like: string, indices: string, updates: string, axis: number): string {
  const zeros = w.expand(w.scalar(0, like), w.dimsOf(like));
  const attributes = { axis: int(axis), reduction: text('add') };
  return w.emit('ScatterElements', [zeros, indices, updates], attributes, w.dimsOf(like));
}

const gatherElements: VjpRule = ({ node, writer: w, g, x: [data, indices], y }) => {
  requireOpset(w, node, 16);
  const axis = normaliseAxis(intAttribute(node, 'axis', 0), w.dimsOf(data).length);
  return [scatterAdd(w, data, indices, w.full(g, w.dimsOf(y)), axis)];
};

const gatherNd: VjpRule = ({ node, writer: w, g, x: [data, indices], y }) => {
  requireOpset(w, node, 16);
  if (intAttribute(node, 'batch_dims', 0) !== 0) {
    throw new FormatError('vjp.gather', `${describeNode(node)}: no gradient with batch_dims`);
  }
  const zeros = w.expand(w.scalar(0, data), w.dimsOf(data));
  return [w.emit('ScatterND', [zeros, indices, w.full(g, w.dimsOf(y))], { reduction: text('add') }, w.dimsOf(data))];
};

/** Sums up to each place along an axis; backwards, sums from each place on. */
const cumSum: VjpRule = ({ node, writer: w, g, x: [x, axis], y }) => {
  const reverse = 1 - intAttribute(node, 'reverse', 0);
  const attributes = { exclusive: int(intAttribute(node, 'exclusive', 0)), reverse: int(reverse) };
  return [w.emit('CumSum', [w.full(g, w.dimsOf(y)), axis], attributes, w.dimsOf(x))];
};

const trilu: VjpRule = ({ node, writer: w, g, x, y }) => [
  w.emit('Trilu', [w.full(g, w.dimsOf(y)), ...x.slice(1)], { upper: int(intAttribute(node, 'upper', 1)) }, w.dimsOf(y)),
];

export const samplingRules: VjpRules = {
  Resize: resize,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  CumSum: cumSum,
  Trilu: trilu,
};
