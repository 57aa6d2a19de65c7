import { floatAttribute, stringAttribute } from '../onnx/model.js';
import type { GradientWriter } from './gradient-writer.js';
import type { RuleContext, VjpRule, VjpRules } from './vjp-rule.js';

/** A rule of one input: cotangent of x. */
const unary =
  (derive: (context: RuleContext) => string): VjpRule =>
  (context) => [derive(context)];

/** 1 where `condition` holds and 0 elsewhere, in the type of `like`. */
const mask = (w: GradientWriter, condition: string, like: string): string => w.cast(condition, w.typeOf(like));

const compare =
  (w: GradientWriter, opType: 'Greater' | 'Less' | 'GreaterOrEqual' | 'LessOrEqual' | 'Equal') =>
  (a: string, b: string): string =>
    w.binary(opType, a, b, 'bool');

/** 1 − x² and the like: a − x. */
const minus = (w: GradientWriter, a: number, x: string): string => w.sub(w.scalar(a, x), x);

/** g where `condition`, else g·other. */
const select = (w: GradientWriter, condition: string, g: string, other: string): string =>
  w.where(condition, g, w.mul(g, other));

/** d/dx of Gelu. Exact: Φ(x) + x φ(x). Tanh form: ½(1+t) + ½x(1−t²)·c(1+3·0.044715x²), c = √(2/π). */
function geluDerivative({ node, writer: w, x: [x] }: RuleContext): string {
  const square = w.mul(x, x);
  if (stringAttribute(node, 'approximate', 'none') === 'tanh') {
    const c = Math.sqrt(2 / Math.PI);
    const inner = w.mul(w.scale(x, c), w.add(w.scale(square, 0.044715), w.scalar(1, x)));
    const t = w.unary('Tanh', inner);
    const slope = w.add(w.scale(square, 3 * 0.044715 * c), w.scalar(c, x));
    const second = w.mul(w.mul(x, minus(w, 1, w.mul(t, t))), slope);
    return w.scale(w.add(w.add(t, w.scalar(1, x)), second), 0.5);
  }
  const cdf = w.scale(w.add(w.unary('Erf', w.scale(x, Math.SQRT1_2)), w.scalar(1, x)), 0.5);
  const density = w.scale(w.unary('Exp', w.scale(square, -0.5)), 1 / Math.sqrt(2 * Math.PI));
  return w.add(cdf, w.mul(x, density));
}

/** y = min(max(x, lo), hi): g passes strictly inside and on the bounds, as in PyTorch's clamp. */
const clip: VjpRule = ({ node, writer: w, g, x: [x, lowInput, highInput] }) => {
  let out = g;
  const bound = (input: string | undefined, attribute: string, opType: 'GreaterOrEqual' | 'LessOrEqual'): void => {
    const fixed = node.attributes[attribute];
    const limit =
      input !== undefined && input !== ''
        ? input
        : fixed === undefined
          ? undefined
          : w.scalar(floatAttribute(node, attribute, 0), x);
    if (limit !== undefined) out = w.mul(out, mask(w, compareOrEqual(w, opType, x, limit), x));
  };
  bound(lowInput, 'min', 'GreaterOrEqual');
  bound(highInput, 'max', 'LessOrEqual');
  return [out];
};

/** GreaterOrEqual and LessOrEqual came with operator set 12. */
function compareOrEqual(w: GradientWriter, opType: 'GreaterOrEqual' | 'LessOrEqual', a: string, b: string): string {
  if (w.opset >= 12) return compare(w, opType)(a, b);
  return w.unary('Not', compare(w, opType === 'GreaterOrEqual' ? 'Less' : 'Greater')(a, b));
}

const hardSigmoidSlope = (w: GradientWriter, y: string, alpha: number): string => {
  const inside = w.binary(
    'And',
    compare(w, 'Greater')(y, w.scalar(0, y)),
    compare(w, 'Less')(y, w.scalar(1, y)),
    'bool',
  );
  return w.scale(mask(w, inside, y), alpha);
};

export const elementwiseRules: VjpRules = {
  Identity: ({ g }) => [g],
  /** Inference only: dropout does nothing. */
  Dropout: ({ g }) => [g],
  Cast: ({ writer: w, g, x: [x] }) => [w.cast(g, w.typeOf(x))],
  Neg: unary(({ writer: w, g }) => w.unary('Neg', g)),
  Abs: unary(({ writer: w, g, x: [x] }) => w.mul(g, w.unary('Sign', x))),
  /** 1/(2√x) */
  Sqrt: unary(({ writer: w, g, y }) => w.div(w.scale(g, 0.5), y)),
  Exp: unary(({ writer: w, g, y }) => w.mul(g, y)),
  Log: unary(({ writer: w, g, x: [x] }) => w.div(g, x)),
  /** −1/x² = −y² */
  Reciprocal: unary(({ writer: w, g, y }) => w.unary('Neg', w.mul(g, w.mul(y, y)))),
  Sin: unary(({ writer: w, g, x: [x] }) => w.mul(g, w.unary('Cos', x))),
  Cos: unary(({ writer: w, g, x: [x] }) => w.unary('Neg', w.mul(g, w.unary('Sin', x)))),
  Tan: unary(({ writer: w, g, y }) => w.mul(g, w.add(w.mul(y, y), w.scalar(1, y)))),
  Atan: unary(({ writer: w, g, x: [x] }) => w.div(g, w.add(w.mul(x, x), w.scalar(1, x)))),
  /** y(1−y) */
  Sigmoid: unary(({ writer: w, g, y }) => w.mul(g, w.mul(y, minus(w, 1, y)))),
  HardSigmoid: unary(({ node, writer: w, g, y }) =>
    w.mul(g, hardSigmoidSlope(w, y, floatAttribute(node, 'alpha', 0.2))),
  ),
  /** x·h(x), h = hard sigmoid with α = 1/6, β = 1/2 */
  HardSwish: unary(({ writer: w, g, x: [x] }) => {
    const h = w.unary('HardSigmoid', x, {
      alpha: { kind: 'float', value: 1 / 6 },
      beta: { kind: 'float', value: 0.5 },
    });
    return w.mul(g, w.add(h, w.mul(x, hardSigmoidSlope(w, h, 1 / 6))));
  }),
  /** 1−y² */
  Tanh: unary(({ writer: w, g, y }) => w.mul(g, minus(w, 1, w.mul(y, y)))),
  /** y ≥ 0, so its sign is 0 or 1; taken from y because ORT then can merge Relu into the convolution before it. */
  Relu: unary(({ writer: w, g, y }) => w.mul(g, w.unary('Sign', y))),
  LeakyRelu: unary(({ node, writer: w, g, x: [x] }) => {
    const positive = compare(w, 'Greater')(x, w.scalar(0, x));
    return select(w, positive, g, w.scalar(floatAttribute(node, 'alpha', 0.01), x));
  }),
  PRelu: ({ writer: w, g, x: [x, slope], needs }) => {
    const positive = compare(w, 'Greater')(x, w.scalar(0, x));
    const negativePart = (): string => w.mul(g, w.binary('Min', x, w.scalar(0, x)));
    return [
      needs(0) ? select(w, positive, g, slope) : undefined,
      needs(1) ? w.unbroadcast(negativePart(), w.dimsOf(x), w.dimsOf(slope)) : undefined,
    ];
  },
  /** x > 0: 1; else α eˣ = y + α */
  Elu: unary(({ node, writer: w, g, x: [x], y }) => {
    const positive = compare(w, 'Greater')(x, w.scalar(0, x));
    return select(w, positive, g, w.add(y, w.scalar(floatAttribute(node, 'alpha', 1), y)));
  }),
  /** γ for x > 0; else γα eˣ = y + γα */
  Selu: unary(({ node, writer: w, g, x: [x], y }) => {
    const gamma = floatAttribute(node, 'gamma', 1.0507009873554805);
    const alpha = floatAttribute(node, 'alpha', 1.6732632423543772);
    const slope = w.where(
      compare(w, 'Greater')(x, w.scalar(0, x)),
      w.scalar(gamma, x),
      w.add(y, w.scalar(gamma * alpha, y)),
    );
    return w.mul(g, slope);
  }),
  /** x > 0: 1; else e^(x/α) */
  Celu: unary(({ node, writer: w, g, x: [x] }) => {
    const positive = compare(w, 'Greater')(x, w.scalar(0, x));
    return select(
      w,
      positive,
      g,
      w.unary('Exp', w.scale(w.binary('Min', x, w.scalar(0, x)), 1 / floatAttribute(node, 'alpha', 1))),
    );
  }),
  Softplus: unary(({ writer: w, g, x: [x] }) => w.mul(g, w.unary('Sigmoid', x))),
  /** 1/(1+|x|)² */
  Softsign: unary(({ writer: w, g, x: [x] }) => {
    const d = w.add(w.unary('Abs', x), w.scalar(1, x));
    return w.div(g, w.mul(d, d));
  }),
  /** d/dx x·tanh(s), s = softplus(x): t + x(1−t²)σ(x) */
  Mish: unary(({ writer: w, g, x: [x] }) => {
    const t = w.unary('Tanh', w.unary('Softplus', x));
    return w.mul(g, w.add(t, w.mul(w.mul(x, minus(w, 1, w.mul(t, t))), w.unary('Sigmoid', x))));
  }),
  /** 2/√π · e^(−x²) */
  Erf: unary(({ writer: w, g, x: [x] }) =>
    w.mul(g, w.scale(w.unary('Exp', w.unary('Neg', w.mul(x, x))), 2 / Math.sqrt(Math.PI))),
  ),
  Gelu: unary((context) => context.writer.mul(context.g, geluDerivative(context))),
  Clip: clip,
};
