import type { ComplexArray } from '../core/complex.js';
import { ConfigError } from '../core/errors.js';

/**
 * Limits the amplitude and keeps the phase: x ← x·min(1, A/|x|), A = γ·√meanPower.
 *
 * The limit uses the power a symbol has by design (`grid.meanPower`), not the power measured: it does not depend on the
 * data, so the clip of a sample is known from that sample alone and the operator is the same at both ends.
 *
 * @param x [n] changed in place between `start` and `end`
 * @param clippingRatio γ > 0
 * @param meanPower mean |x|² before clipping
 * @returns the number of samples that were clipped
 * @throws ConfigError if γ or the power is not above 0
 */
export function clipInPlace(
  x: ComplexArray,
  clippingRatio: number,
  meanPower: number,
  start = 0,
  end = x.re.length,
): number {
  if (!(clippingRatio > 0) || !(meanPower > 0)) {
    throw new ConfigError(
      'config.clipping',
      `clipping ratio is ${clippingRatio} at mean power ${meanPower}: both must be above 0`,
      { value: clippingRatio },
    );
  }
  const limit = clippingRatio * Math.sqrt(meanPower);
  const limitSquared = limit * limit;
  let clipped = 0;
  for (let i = start; i < end; i++) {
    const power = x.re[i] * x.re[i] + x.im[i] * x.im[i];
    if (power > limitSquared) {
      const gain = limit / Math.sqrt(power);
      x.re[i] *= gain;
      x.im[i] *= gain;
      clipped++;
    }
  }
  return clipped;
}
