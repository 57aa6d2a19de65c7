import { intAttribute, intsAttribute } from '../onnx/model.js';
import { numbersOf } from '../onnx/tensor-data.js';
import { sizeOf } from '../runtime/tensor.js';
import { normaliseAxis, type RuleContext, type VjpRule, type VjpRules } from './vjp-rule.js';

/** The axes a reduction runs over: an attribute in older operator sets, an input in newer ones, all where absent. */
function reducedAxes({ node, writer: w, x }: RuleContext): number[] {
  const rank = w.dimsOf(x[0]).length;
  const all = Array.from({ length: rank }, (_, i) => i);
  const constant = w.constantOf(x[1]);
  const axes = intsAttribute(node, 'axes') ?? (constant === undefined ? [] : numbersOf(constant));
  if (axes.length === 0) return intAttribute(node, 'noop_with_empty_axes', 0) === 1 ? [] : all;
  return axes.map((axis) => normaliseAxis(axis, rank));
}

interface Reduction {
  /** g and y with the reduced axes kept at size 1. */
  readonly g: string;
  readonly y: string;
  readonly axes: readonly number[];
  /** Elements reduced to one. */
  readonly count: number;
}

/** A rule for one operator, given cotangent and result aligned with the input. */
const reduction =
  (derive: (context: RuleContext, reduction: Reduction) => string): VjpRule =>
  (context) => {
    const { writer: w, x, y, g } = context;
    const axes = reducedAxes(context);
    const dims = w.dimsOf(x[0]);
    const kept = dims.map((n, i) => (axes.includes(i) ? 1 : n));
    const count = sizeOf(axes.map((axis) => dims[axis]));
    const aligned = { g: w.reshape(w.full(g, w.dimsOf(y)), kept), y: w.reshape(y, kept), axes, count };
    return [derive(context, aligned)];
  };

/** Shared equally among the elements that attain the extremum, as in PyTorch's amax. */
const extremum = reduction(({ writer: w, x }, { g, y, axes }) => {
  const hits = w.cast(w.binary('Equal', x[0], y, 'bool'), w.typeOf(x[0]));
  return w.mul(hits, w.div(g, w.reduce('ReduceSum', hits, axes)));
});

export const reduceRules: VjpRules = {
  ReduceSum: reduction((_, { g }) => g),
  ReduceMean: reduction(({ writer: w }, { g, count }) => w.scale(g, 1 / count)),
  ReduceMax: extremum,
  ReduceMin: extremum,
  ReduceL1: reduction(({ writer: w, x }, { g }) => w.mul(w.unary('Sign', x[0]), g)),
  /** x/‖x‖ */
  ReduceL2: reduction(({ writer: w, x }, { g, y }) => w.mul(x[0], w.div(g, y))),
  ReduceSumSquare: reduction(({ writer: w, x }, { g }) => w.mul(x[0], w.scale(g, 2))),
  ReduceLogSumExp: reduction(({ writer: w, x }, { g, y }) => w.mul(w.unary('Exp', w.sub(x[0], y)), g)),
  ReduceLogSum: reduction(({ writer: w }, { g, y }) => w.div(g, w.unary('Exp', y))),
  GlobalAveragePool: ({ writer: w, g, x: [x] }) => [w.scale(g, 1 / sizeOf(w.dimsOf(x).slice(2)))],
  GlobalMaxPool: ({ writer: w, g, x: [x], y }) => {
    const hits = w.cast(w.binary('Equal', x, y, 'bool'), w.typeOf(x));
    const axes = w.dimsOf(x).flatMap((_, axis) => (axis < 2 ? [] : [axis]));
    return [w.mul(hits, w.div(g, w.reduce('ReduceSum', hits, axes)))];
  },
};
