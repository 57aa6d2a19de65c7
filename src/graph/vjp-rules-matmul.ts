import { floatAttribute, intAttribute, stringAttribute } from '../onnx/model.js';
import { FormatError } from '../core/errors.js';
import { describeNode } from '../onnx/model.js';
import { sizeOf } from '../runtime/tensor.js';
import { float, type GradientWriter, int, text } from './gradient-writer.js';
import type { VjpRule, VjpRules } from './vjp-rule.js';

const swapLast = (rank: number): number[] => [...Array(rank - 2).keys(), rank - 1, rank - 2];
const transposed = (w: GradientWriter, x: string): string => w.transpose(x, swapLast(w.dimsOf(x).length));

/** y = a b: (g bᵀ, aᵀ g), summed over broadcast batches. Vectors are treated as matrices of one row or column. */
const matMul: VjpRule = ({ writer: w, g, x: [a, b], y, needs }) => {
  const aDims = w.dimsOf(a);
  const bDims = w.dimsOf(b);
  const aMatrix = w.reshape(a, aDims.length === 1 ? [1, ...aDims] : aDims);
  const bMatrix = w.reshape(b, bDims.length === 1 ? [...bDims, 1] : bDims);
  const [am, bm] = [w.dimsOf(aMatrix), w.dimsOf(bMatrix)];
  const batch = w.dimsOf(y).slice(0, w.dimsOf(y).length - (aDims.length === 1 ? 0 : 1) - (bDims.length === 1 ? 0 : 1));
  const rows = am[am.length - 2];
  const columns = bm[bm.length - 1];
  const out = w.reshape(w.full(g, w.dimsOf(y)), [...batch, rows, columns]);

  const forA = (): string => {
    const full = w.matmul(out, transposed(w, bMatrix));
    return w.reshape(w.unbroadcast(full, w.dimsOf(full), am), aDims);
  };
  const forB = (): string => {
    if (bm.length === 2 && am.length > 2) {
      // One matrix for the whole batch: a single product over all rows.
      const inner = am[am.length - 1];
      const flat = sizeOf(am) / inner;
      return w.reshape(
        w.matmul(w.transpose(w.reshape(aMatrix, [flat, inner]), [1, 0]), w.reshape(out, [flat, columns])),
        bDims,
      );
    }
    const full = w.matmul(transposed(w, aMatrix), out);
    return w.reshape(w.unbroadcast(full, w.dimsOf(full), bm), bDims);
  };
  return [needs(0) ? forA() : undefined, needs(1) ? forB() : undefined];
};

/** y = α a′ b′ + β c, where ′ is the transpose or nothing. */
const gemm: VjpRule = ({ node, writer: w, g, x: [a, b, c], y, needs }) => {
  const alpha = float(floatAttribute(node, 'alpha', 1));
  const transA = intAttribute(node, 'transA', 0);
  const transB = intAttribute(node, 'transB', 0);
  const out = w.full(g, w.dimsOf(y));
  const product = (left: string, right: string, tLeft: number, tRight: number, like: string): string =>
    w.emit('Gemm', [left, right], { alpha, transA: int(tLeft), transB: int(tRight) }, w.dimsOf(like));
  return [
    needs(0) ? (transA ? product(b, out, transB, 1, a) : product(out, b, 0, 1 - transB, a)) : undefined,
    needs(1) ? (transB ? product(out, a, 1, transA, b) : product(a, out, 1 - transA, 0, b)) : undefined,
    c !== undefined && c !== '' && needs(2)
      ? w.unbroadcast(w.scale(g, floatAttribute(node, 'beta', 1)), w.dimsOf(y), w.dimsOf(c))
      : undefined,
  ];
};

/**
 * For operand i the other operands and the cotangent take part in an Einsum that yields i's indices. An index of i that
 * nothing else has was summed by itself, so its cotangent is the same all along.
 */
const einsum: VjpRule = ({ node, writer: w, g, x, y, needs }) => {
  const equation = stringAttribute(node, 'equation', '').replaceAll(' ', '');
  const [left, right] = equation.split('->');
  const terms = left.split(',');
  const repeated = terms.some((term) => new Set(term).size !== term.length);
  if (right === undefined || equation.includes('.') || repeated) {
    throw new FormatError(
      'vjp.einsum',
      `${describeNode(node)}: no gradient for "${equation}" (needs "->", no "...", no index twice in one operand)`,
    );
  }
  const out = w.full(g, w.dimsOf(y));
  return x.map((operand, i) => {
    if (!needs(i)) return undefined;
    const others = terms.flatMap((term, k) => (k === i ? [] : [{ term, name: x[k] }]));
    const known = new Set(right + others.map(({ term }) => term).join(''));
    const kept = [...terms[i]].filter((index) => known.has(index)).join('');
    const sources = [{ term: right, name: out }, ...others];
    const dims = [...terms[i]].map((index, axis) => (known.has(index) ? w.dimsOf(operand)[axis] : 1));
    const product = w.emit(
      'Einsum',
      sources.map(({ name }) => name),
      { equation: text(`${sources.map(({ term }) => term).join(',')}->${kept}`) },
      dims.filter((_, axis) => known.has(terms[i][axis])),
    );
    return w.expand(w.reshape(product, dims), w.dimsOf(operand));
  });
};

export const matmulRules: VjpRules = { MatMul: matMul, Gemm: gemm, Einsum: einsum };
