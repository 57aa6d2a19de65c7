import type { Tensor } from '@tensorflow/tfjs-core';
import { floatAttribute, intAttribute, stringAttribute } from '../onnx/model.js';
import type { OpContext, TfjsOp, TfjsOps } from './tfjs-op.js';

type UnaryName =
  | 'neg'
  | 'abs'
  | 'sqrt'
  | 'exp'
  | 'log'
  | 'reciprocal'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'asin'
  | 'acos'
  | 'atan'
  | 'sinh'
  | 'cosh'
  | 'sigmoid'
  | 'tanh'
  | 'relu'
  | 'softplus'
  | 'sign'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'erf'
  | 'logicalNot'
  | 'isNaN'
  | 'selu';

const unary =
  (name: UnaryName): TfjsOp =>
  ({ tf, x: [x] }) =>
    tf[name](x);

const hardSigmoid = ({ tf }: OpContext, x: Tensor, alpha: number, beta: number): Tensor =>
  tf.clipByValue(tf.add(tf.mul(x, alpha), beta), 0, 1);

/** min(x, 0), as a differentiable operation. */
const negativePart = ({ tf, x: [x] }: OpContext): Tensor => tf.neg(tf.relu(tf.neg(x)));

/** x where positive, else `negative`, which must be 0 there. Comparisons would have no gradient. */
const piecewise = ({ tf, x: [x] }: OpContext, negative: Tensor): Tensor => tf.add(tf.relu(x), negative);

const gelu: TfjsOp = ({ tf, node, x: [x] }) => {
  if (stringAttribute(node, 'approximate', 'none') === 'tanh') {
    const inner = tf.mul(Math.sqrt(2 / Math.PI), tf.add(x, tf.mul(0.044715, tf.mul(x, tf.mul(x, x)))));
    return tf.mul(tf.mul(x, 0.5), tf.add(1, tf.tanh(inner)));
  }
  return tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.mul(x, Math.SQRT1_2))));
};

/** The bounds are read as numbers: clipByValue keeps the gradient where the value lies on a bound. */
const clip: TfjsOp = (context) => {
  const { tf, node, x } = context;
  const low = context.numbers(1)?.[0] ?? floatAttribute(node, 'min', -Infinity);
  const high = context.numbers(2)?.[0] ?? floatAttribute(node, 'max', Infinity);
  return tf.clipByValue(x[0], low, high);
};

const identity: TfjsOp = ({ tf, x: [x] }) => tf.clone(x);

const castTypes: Readonly<Record<number, 'float32' | 'int32' | 'bool'>> = {
  1: 'float32',
  10: 'float32',
  11: 'float32',
  16: 'float32',
  9: 'bool',
};

export const elementwiseOps: TfjsOps = {
  Identity: identity,
  Dropout: identity,
  Cast: ({ tf, node, x: [x] }) => tf.cast(x, castTypes[intAttribute(node, 'to', 1)] ?? 'int32'),
  Neg: unary('neg'),
  Abs: unary('abs'),
  Sqrt: unary('sqrt'),
  Exp: unary('exp'),
  Log: unary('log'),
  Reciprocal: unary('reciprocal'),
  Sin: unary('sin'),
  Cos: unary('cos'),
  Tan: unary('tan'),
  Asin: unary('asin'),
  Acos: unary('acos'),
  Atan: unary('atan'),
  Sinh: unary('sinh'),
  Cosh: unary('cosh'),
  Sigmoid: unary('sigmoid'),
  Tanh: unary('tanh'),
  Relu: unary('relu'),
  Softplus: unary('softplus'),
  Sign: unary('sign'),
  Floor: unary('floor'),
  Ceil: unary('ceil'),
  Round: unary('round'),
  Erf: unary('erf'),
  Not: unary('logicalNot'),
  IsNaN: unary('isNaN'),
  Clip: clip,
  Gelu: gelu,
  HardSigmoid: (context) =>
    hardSigmoid(
      context,
      context.x[0],
      floatAttribute(context.node, 'alpha', 0.2),
      floatAttribute(context.node, 'beta', 0.5),
    ),
  HardSwish: (context) => context.tf.mul(context.x[0], hardSigmoid(context, context.x[0], 1 / 6, 0.5)),
  Mish: ({ tf, x: [x] }) => tf.mul(x, tf.tanh(tf.softplus(x))),
  Softsign: ({ tf, x: [x] }) => tf.div(x, tf.add(tf.abs(x), 1)),
  LeakyRelu: (context) =>
    piecewise(context, context.tf.mul(negativePart(context), floatAttribute(context.node, 'alpha', 0.01))),
  PRelu: (context) => piecewise(context, context.tf.mul(negativePart(context), context.x[1])),
  Elu: (context) => piecewise(context, scaledExp(context, floatAttribute(context.node, 'alpha', 1), 1)),
  Celu: (context) => {
    const alpha = floatAttribute(context.node, 'alpha', 1);
    return piecewise(context, scaledExp(context, alpha, 1 / alpha));
  },
  Selu: (context) => {
    const alpha = floatAttribute(context.node, 'alpha', 1.6732632423543772);
    return context.tf.mul(
      floatAttribute(context.node, 'gamma', 1.0507009873554805),
      piecewise(context, scaledExp(context, alpha, 1)),
    );
  },
};

/** a·(e^(bx) − 1) for negative x, else 0. */
const scaledExp = (context: OpContext, a: number, b: number): Tensor =>
  context.tf.mul(a, context.tf.sub(context.tf.exp(context.tf.mul(negativePart(context), b)), 1));
