import type { ComplexArray } from '../core/complex.js';
import { ConfigError } from '../core/errors.js';
import type { Rng } from '../core/rng.js';
import { dbToPower } from '../core/units.js';
import { requireFinite, requireNonNegative } from './checks.js';
import type { SnrConvention } from './config.js';

/**
 * σ², the total noise variance per complex sample, for a CSNR in dB.
 *
 * - `average`: σ² = 10^(−CSNR/10), with E|H|² = 1 and E|Z|² = 1. Frames in a deep fade are really worse.
 * - `received`: σ² = P·10^(−CSNR/10), P = `receivedElementPower` = mean |H·Z|² over this frame's elements. Every frame has
 *   the stated CSNR whatever its fade; the paper's code does this.
 *
 * @param receivedElementPower linear; not used by `average`
 * @throws ConfigError for an unknown convention or values that are not finite
 */
export function noiseVariance(convention: SnrConvention, csnrDb: number, receivedElementPower: number): number {
  requireFinite('csnrDb', csnrDb);
  switch (convention) {
    case 'average':
      return dbToPower(-csnrDb);
    case 'received':
      requireNonNegative('receivedElementPower', receivedElementPower);
      return receivedElementPower * dbToPower(-csnrDb);
    default:
      throw new ConfigError(
        'config.channel',
        `snrConvention must be "average" or "received", got ${String(convention satisfies never)}`,
        { value: convention },
      );
  }
}

/**
 * x[n] ← x[n] + w[n], w ~ CN(0, variance), in place: `variance` is the total per complex sample, half of it in each
 * real dimension. Successive calls with one `rng` continue one noise stream, so chunking does not matter.
 *
 * @throws ConfigError for a negative variance
 */
export function addNoise(x: ComplexArray, variance: number, rng: Rng): void {
  requireNonNegative('noise variance', variance);
  if (variance === 0) return;
  const sigma = Math.sqrt(variance / 2);
  for (let n = 0; n < x.re.length; n++) {
    x.re[n] += sigma * rng.gaussian();
    x.im[n] += sigma * rng.gaussian();
  }
}
