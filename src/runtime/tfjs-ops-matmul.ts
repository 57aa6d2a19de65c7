import type { Tensor } from '@tensorflow/tfjs-core';
import { FormatError } from '../core/errors.js';
import { describeNode, floatAttribute, intAttribute, stringAttribute } from '../onnx/model.js';
import type { OpContext, TfjsOp, TfjsOps } from './tfjs-op.js';

/** Batches are spelled out: not every backend broadcasts them. */
export function batchedMatMul({ tf }: Pick<OpContext, 'tf'>, a: Tensor, b: Tensor): Tensor {
  const x = a.rank === 1 ? tf.reshape(a, [1, a.size]) : a;
  const y = b.rank === 1 ? tf.reshape(b, [b.size, 1]) : b;
  const rows = x.shape[x.rank - 2];
  const columns = y.shape[y.rank - 1];
  const [xBatch, yBatch] = [x.shape.slice(0, -2), y.shape.slice(0, -2)];
  const batch = broadcast(xBatch, yBatch);
  let product: Tensor;
  if (yBatch.length === 0) {
    const inner = x.shape[x.rank - 1];
    product = tf.matMul(tf.reshape(x, [x.size / inner, inner]), y);
  } else {
    const wide = (t: Tensor): Tensor => {
      const [m, n] = t.shape.slice(-2);
      const spread = tf.broadcastTo(t, [...batch, m, n] as number[] as [number]);
      return tf.reshape(spread, [spread.size / (m * n), m, n]);
    };
    product = tf.matMul(wide(x), wide(y));
  }
  const dims = [...batch, ...(a.rank === 1 ? [] : [rows]), ...(b.rank === 1 ? [] : [columns])];
  return tf.reshape(product, dims);
}

function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => Math.max(a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1));
}

const gemm: TfjsOp = ({ tf, node, x: [a, b, c] }) => {
  const product = tf.matMul(a, b, intAttribute(node, 'transA', 0) === 1, intAttribute(node, 'transB', 0) === 1);
  const scaled = tf.mul(product, floatAttribute(node, 'alpha', 1));
  return c === undefined ? scaled : tf.add(scaled, tf.mul(c, floatAttribute(node, 'beta', 1)));
};

interface Term {
  readonly indices: string;
  readonly value: Tensor;
}

/** Sums over the indices that are not `kept`. */
function sumOut({ tf }: OpContext, { indices, value }: Term, kept: string): Term {
  const axes = [...indices].flatMap((index, i) => (kept.includes(index) ? [] : [i]));
  if (axes.length === 0) return { indices, value };
  return { indices: [...indices].filter((index) => kept.includes(index)).join(''), value: tf.sum(value, axes) };
}

/** The product of two terms as one batched matrix product: shared indices that stay, those of each alone, those summed. */
function contract(context: OpContext, left: Term, right: Term, kept: string): Term {
  const { tf } = context;
  const a = sumOut(context, left, kept + right.indices);
  const b = sumOut(context, right, kept + left.indices);
  const shared = [...a.indices].filter((index) => b.indices.includes(index));
  const batch = shared.filter((index) => kept.includes(index));
  const summed = shared.filter((index) => !kept.includes(index));
  const [rows, columns] = [a, b].map(({ indices }) => [...indices].filter((index) => !shared.includes(index)));
  const size = new Map(
    [a, b].flatMap(({ indices, value }) => [...indices].map((index, i) => [index, value.shape[i]] as const)),
  );
  const dims = (indices: readonly string[]): number[] => indices.map((index) => size.get(index) ?? 1);
  const count = (indices: readonly string[]): number => dims(indices).reduce((m, n) => m * n, 1);
  const arrange = ({ indices, value }: Term, order: readonly string[], shape: [number, number, number]): Tensor =>
    tf.reshape(
      tf.transpose(
        value,
        order.map((index) => indices.indexOf(index)),
      ),
      shape,
    );
  const product = tf.matMul(
    arrange(a, [...batch, ...rows, ...summed], [count(batch), count(rows), count(summed)]),
    arrange(b, [...batch, ...summed, ...columns], [count(batch), count(summed), count(columns)]),
  );
  const indices = [...batch, ...rows, ...columns];
  return { indices: indices.join(''), value: tf.reshape(product, dims(indices)) };
}

/** Term by term from the left; TensorFlow.js's own einsum has no gradient. */
const einsum: TfjsOp = (context) => {
  const { tf, node, x } = context;
  const equation = stringAttribute(node, 'equation', '').replaceAll(' ', '');
  const [left, out] = equation.split('->');
  const terms = left.split(',').map((indices, i): Term => ({ indices, value: x[i] }));
  if (
    out === undefined ||
    equation.includes('.') ||
    terms.some(({ indices }) => new Set(indices).size !== indices.length)
  ) {
    throw new FormatError(
      'tfjs.einsum',
      `${describeNode(node)}: "${equation}" needs "->", no "...", no index twice in a term`,
    );
  }
  let product = terms[0];
  terms.slice(1).forEach((term, i) => {
    const later = terms
      .slice(i + 2)
      .map(({ indices }) => indices)
      .join('');
    product = contract(context, product, term, out + later);
  });
  const { indices, value } = sumOut(context, product, out);
  return tf.transpose(
    value,
    [...out].map((index) => indices.indexOf(index)),
  );
};

export const matmulOps: TfjsOps = {
  MatMul: (context) => batchedMatMul(context, context.x[0], context.x[1]),
  Gemm: gemm,
  Einsum: einsum,
};
