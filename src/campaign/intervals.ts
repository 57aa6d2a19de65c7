import { createRng } from '../core/rng.js';

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/**
 * Quantile of N(0, 1).
 * Source: Acklam's rational approximation, relative error below 1.15e-9.
 */
export function normalQuantile(p: number): number {
  const a = [
    -39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239,
  ];
  const b = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572];
  const c = [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968,
    2.938163982698783,
  ];
  const d = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416];
  const horner = (k: readonly number[], x: number): number => k.reduce((sum, v) => sum * x + v, 0);
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return horner(c, q) / horner([...d, 1], q);
  }
  if (p > 1 - 0.02425) return -normalQuantile(1 - p);
  const q = p - 0.5;
  return (q * horner(a, q * q)) / horner([...b, 1], q * q);
}

/** Wilson's interval of a proportion: [low, high]. */
export function wilsonInterval(successes: number, trials: number, confidence = 0.95): readonly [number, number] {
  const z = normalQuantile(0.5 + confidence / 2);
  const p = successes / trials;
  const centre = (p + (z * z) / (2 * trials)) / (1 + (z * z) / trials);
  const half = (z / (1 + (z * z) / trials)) * Math.sqrt((p * (1 - p)) / trials + (z * z) / (4 * trials * trials));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}

/** A million draws in all. */
const resamplesFor = (n: number): number => Math.max(200, Math.min(1000, Math.floor(1e6 / n)));

/**
 * Bootstrap interval of the mean by percentiles: values drawn with replacement, `resamples` times; by default 1000, and fewer (200 at least)
 * where they are many.
 * Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13.
 *
 * @returns NaN bounds of nothing
 */
export function bootstrapMean(
  values: ArrayLike<number>,
  {
    seed = 1,
    resamples = resamplesFor(values.length),
    confidence = 0.95,
  }: { seed?: number; resamples?: number; confidence?: number } = {},
): Interval {
  const n = values.length;
  if (n === 0) return { low: Number.NaN, high: Number.NaN };
  const rng = createRng(`${seed}/bootstrap`);
  const means = new Float64Array(resamples);
  for (let r = 0; r < resamples; r++) {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[rng.integer(n)];
    means[r] = sum / n;
  }
  means.sort();
  const at = (share: number): number =>
    means[Math.min(resamples - 1, Math.max(0, Math.round(share * (resamples - 1))))];
  return { low: at((1 - confidence) / 2), high: at((1 + confidence) / 2) };
}
