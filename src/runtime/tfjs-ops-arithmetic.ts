import type { Tensor } from '@tensorflow/tfjs-core';
import type { TfjsOp, TfjsOps } from './tfjs-op.js';

type BinaryName =
  | 'add'
  | 'sub'
  | 'mul'
  | 'pow'
  | 'equal'
  | 'greater'
  | 'less'
  | 'greaterEqual'
  | 'lessEqual'
  | 'logicalAnd'
  | 'logicalOr'
  | 'logicalXor';

/** Folds a binary operation over all inputs. */
const fold =
  (name: BinaryName): TfjsOp =>
  ({ tf, x }) =>
    x.reduce((a: Tensor, b) => tf[name](a, b));

/** The gradient of a maximum exists for equal shapes only. */
const extremum =
  (name: 'maximum' | 'minimum'): TfjsOp =>
  ({ tf, x }) => {
    const rank = Math.max(...x.map((t) => t.rank));
    const dims = Array.from({ length: rank }, (_, i) => Math.max(...x.map((t) => t.shape[i - rank + t.rank] ?? 1)));
    return x.map((t): Tensor => tf.broadcastTo(t, dims as [number])).reduce((a, b) => tf[name](a, b));
  };

/** Whole numbers divide towards zero. */
const divide: TfjsOp = ({ tf, x: [a, b] }) => {
  if (a.dtype !== 'int32' || b.dtype !== 'int32') return tf.div(a, b);
  const quotient = tf.div(tf.cast(a, 'float32'), tf.cast(b, 'float32'));
  return tf.cast(tf.mul(tf.sign(quotient), tf.floor(tf.abs(quotient))), 'int32');
};

export const arithmeticOps: TfjsOps = {
  Add: fold('add'),
  Sum: fold('add'),
  Sub: fold('sub'),
  Mul: fold('mul'),
  Div: divide,
  Pow: ({ tf, x: [a, b] }) => tf.pow(a, tf.cast(b, a.dtype)),
  Max: extremum('maximum'),
  Min: extremum('minimum'),
  Mean: (context) => context.tf.div(fold('add')(context) as Tensor, context.x.length),
  Equal: fold('equal'),
  Greater: fold('greater'),
  Less: fold('less'),
  GreaterOrEqual: fold('greaterEqual'),
  LessOrEqual: fold('lessEqual'),
  And: fold('logicalAnd'),
  Or: fold('logicalOr'),
  Xor: fold('logicalXor'),
  Where: ({ tf, x: [condition, a, b] }) => tf.where(condition, a, b),
};
