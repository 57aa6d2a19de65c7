import { ShapeError } from '../core/errors.js';

/** A rate–quality curve: at least two points, in any order. */
export interface RateCurve {
  /** Above 0: channel uses a pixel, bits, … */
  readonly rates: readonly number[];
  /** PSNR in dB, or any quality that grows with rate. */
  readonly quality: readonly number[];
}

/**
 * Bjøntegaard's difference of rates: by how much the rate of `test` exceeds that of `reference` at the same quality, as the mean of log
 * rates over the qualities that both reach.
 *
 *   BD = exp( 1/(q₁ − q₀) ∫_{q₀}^{q₁} (ln R_test(q) − ln R_reference(q)) dq ) − 1
 *
 * Curves are monotone piecewise cubics through the points (Fritsch–Carlson), which do not overshoot between them as one polynomial does.
 *
 * Source: Bjøntegaard, VCEG-M33, 2001; Fritsch and Carlson, "Monotone piecewise cubic interpolation", SIAM J. Numer. Anal. 17(2), 1980.
 *
 * @returns −0.1 where `test` needs a tenth less; NaN where the curves share no quality, or quality does not grow with rate
 * @throws ShapeError
 */
export function bdRate(reference: RateCurve, test: RateCurve): number {
  const [a, b] = [logRateOver(reference), logRateOver(test)];
  if (a === null || b === null) return Number.NaN;
  const from = Math.max(a.from, b.from);
  const to = Math.min(a.to, b.to);
  if (!(to > from)) return Number.NaN;
  return Math.expm1((b.integral(from, to) - a.integral(from, to)) / (to - from));
}

interface Curve {
  readonly from: number;
  readonly to: number;
  integral(from: number, to: number): number;
}

/** ln R as a function of quality; null where quality does not grow with rate. */
function logRateOver({ rates, quality }: RateCurve): Curve | null {
  if (rates.length !== quality.length || rates.length < 2) {
    throw new ShapeError(
      'shape.rate-curve',
      `a rate curve needs two points of rate and quality, got ${rates.length} and ${quality.length}`,
    );
  }
  const order = rates.map((_, i) => i).sort((i, j) => rates[i] - rates[j]);
  const x = order.map((i) => quality[i]);
  const y = order.map((i) => Math.log(rates[i]));
  const n = x.length;
  if (x.some((v, i) => !Number.isFinite(v) || !Number.isFinite(y[i]) || (i > 0 && v <= x[i - 1]))) return null;
  const slopes = fritschCarlson(x, y);
  /** ∫ from the segment's beginning to x[i] + t·h. */
  const primitive = (i: number, t: number): number => {
    const h = x[i + 1] - x[i];
    const [y0, y1, m0, m1] = [y[i], y[i + 1], h * slopes[i], h * slopes[i + 1]];
    const [t2, t3, t4] = [t * t, t ** 3, t ** 4];
    const value =
      y0 * (t4 / 2 - t3 + t) + m0 * (t4 / 4 - (2 * t3) / 3 + t2 / 2) + y1 * (-t4 / 2 + t3) + m1 * (t4 / 4 - t3 / 3);
    return h * value;
  };
  return {
    from: x[0],
    to: x[n - 1],
    integral(from, to) {
      let sum = 0;
      for (let i = 0; i + 1 < n; i++) {
        const h = x[i + 1] - x[i];
        const [low, high] = [Math.max(from, x[i]), Math.min(to, x[i + 1])];
        if (high > low) sum += primitive(i, (high - x[i]) / h) - primitive(i, (low - x[i]) / h);
      }
      return sum;
    },
  };
}

/** Slopes at the points that keep every segment monotone. */
function fritschCarlson(x: readonly number[], y: readonly number[]): number[] {
  const n = x.length;
  const secants = Array.from({ length: n - 1 }, (_, i) => (y[i + 1] - y[i]) / (x[i + 1] - x[i]));
  const slopes = Array.from({ length: n }, (_, i) => {
    if (i === 0) return secants[0];
    if (i === n - 1) return secants[n - 2];
    return (secants[i - 1] + secants[i]) / 2;
  });
  secants.forEach((secant, i) => {
    if (secant === 0) {
      slopes[i] = 0;
      slopes[i + 1] = 0;
      return;
    }
    const [a, b] = [slopes[i] / secant, slopes[i + 1] / secant];
    const size = Math.hypot(a, b);
    if (size > 3) {
      slopes[i] = (3 * a * secant) / size;
      slopes[i + 1] = (3 * b * secant) / size;
    }
  });
  return slopes;
}
