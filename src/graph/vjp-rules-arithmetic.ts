import { numbersOf } from '../onnx/tensor-data.js';
import type { RuleContext, VjpRule, VjpRules } from './vjp-rule.js';

/** A cotangent of the output's shape, reduced to the shape of input i. */
function reduceTo({ writer: w, x, y }: RuleContext, i: number, cotangent: string): string {
  return w.unbroadcast(cotangent, w.dimsOf(y), w.dimsOf(x[i]));
}

/** Rules given as one function an input, called only where needed. */
const each =
  (...derive: ((context: RuleContext) => string)[]): VjpRule =>
  (context) =>
    context.x.map((_, i) => (context.needs(i) ? reduceTo(context, i, derive[i](context)) : undefined));

/** Max or Min of several: the cotangent is shared equally among the inputs that attain it, as in PyTorch. */
const extremum: VjpRule = (context) => {
  const { writer: w, g, x, y } = context;
  const hits = x.map((input) => w.cast(w.binary('Equal', input, y, 'bool'), w.typeOf(y)));
  const share =
    x.length === 1
      ? g
      : w.div(
          g,
          hits.reduce((sum, hit) => w.add(sum, hit)),
        );
  return x.map((_, i) => (context.needs(i) ? reduceTo(context, i, w.mul(share, hits[i])) : undefined));
};

/**
 * x·σ(x) is so common (SiLU) that both paths are taken at once: dy/dx = s + y(1−s), s = σ(x).
 * Gives the position of x among the factors.
 */
function siluInput({ writer: w, x }: RuleContext): number | undefined {
  const isSigmoidOf = (s: string, v: string): boolean => {
    const producer = w.producerOf(s);
    return producer?.opType === 'Sigmoid' && producer.inputs[0] === v;
  };
  if (isSigmoidOf(x[1], x[0])) return 0;
  return isSigmoidOf(x[0], x[1]) ? 1 : undefined;
}

const multiply = each(
  ({ writer: w, g, x }) => w.mul(g, x[1]),
  ({ writer: w, g, x }) => w.mul(g, x[0]),
);

export const arithmeticRules: VjpRules = {
  Add: each(
    ({ g }) => g,
    ({ g }) => g,
  ),
  Sub: each(
    ({ g }) => g,
    ({ writer: w, g }) => w.unary('Neg', g),
  ),
  Mul(context) {
    const { writer: w, g, x, y } = context;
    const at = siluInput(context);
    if (at === undefined || !context.needs(at)) return multiply(context);
    const s = x[1 - at];
    const slope = w.add(s, w.mul(y, w.sub(w.scalar(1, s), s)));
    const cotangent = w.mul(g, slope);
    return at === 0 ? [cotangent, undefined] : [undefined, cotangent];
  },
  /** a/b: g/b and −g·y/b */
  Div: each(
    ({ writer: w, g, x }) => w.div(g, x[1]),
    ({ writer: w, g, x, y }) => w.unary('Neg', w.div(w.mul(g, y), x[1])),
  ),
  /** aᵇ: g·b·aᵇ⁻¹ and g·y·ln a */
  Pow: each(
    ({ writer: w, g, x: [a, b], y }) => {
      const constant = w.constantOf(b);
      const exponents = constant === undefined ? [] : numbersOf(constant);
      const [p] = exponents;
      if (exponents.length === 1 && p === 2) return w.mul(g, w.scale(a, 2));
      if (exponents.length === 1 && p === 1) return g;
      if (exponents.length === 1 && p === 0.5) return w.div(w.scale(g, 0.5), y);
      const exponent = w.cast(b, w.typeOf(a));
      const power = w.binary('Pow', a, w.sub(exponent, w.scalar(1, exponent)));
      return w.mul(w.mul(g, exponent), power);
    },
    ({ writer: w, g, x: [a], y }) => w.mul(w.mul(g, y), w.unary('Log', a)),
  ),
  Sum: (context) => context.x.map((_, i) => (context.needs(i) ? reduceTo(context, i, context.g) : undefined)),
  Mean: (context) =>
    context.x.map((_, i) =>
      context.needs(i) ? reduceTo(context, i, context.writer.scale(context.g, 1 / context.x.length)) : undefined,
    ),
  Max: extremum,
  Min: extremum,
  Where(context) {
    const { writer: w, g, x, y } = context;
    const zero = w.scalar(0, y);
    return [
      undefined,
      context.needs(1) ? reduceTo(context, 1, w.where(x[0], g, zero)) : undefined,
      context.needs(2) ? reduceTo(context, 2, w.where(x[0], zero, g)) : undefined,
    ];
  },
};
