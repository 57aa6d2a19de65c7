import { type ChannelEstimator } from './channel-posterior.js';
import { createMovingEstimator, jakesBasis } from './moving-channel.js';

/** Coefficients LB of a channel beyond which a posterior costs too much (a second for 500). */
const MOST_COEFFICIENTS = 200;

/** Spreads that the evidence chooses from, ν in cycles per symbol: 50 Hz to 2.4 kHz at 76 samples and 1 MS/s. */
export const DOPPLERS: readonly number[] = [0.004, 0.012, 0.03, 0.075, 0.18];

/** Log evidence by which a model of motion must be better than a simpler one, beyond what its freedom costs. */
export const MOTION_MARGIN = 6;

/** Estimators of channels that move, one a Doppler spread; made when first asked for. */
export interface MovingEstimators {
  /** ν of those that are affordable, rising. */
  readonly dopplers: readonly number[];
  /** The estimator of a spread; the still one where the basis has one function. */
  of(doppler: number): ChannelEstimator;
}

/**
 * @param still the estimator of a channel that stands still, for the same bins and taps
 * @param numTimes T, symbols over which a channel moves
 * @param dopplers ν, cycles per OFDM symbol
 */
export function createMovingEstimators(
  still: ChannelEstimator,
  { bins, fftSize, tapPrior }: { readonly bins: Int32Array; readonly fftSize: number; readonly tapPrior: Float64Array },
  numTimes: number,
  dopplers: readonly number[],
): MovingEstimators {
  const made = new Map<number, ChannelEstimator>();
  return {
    // A band-limited tap of T symbols has about 2νT + 2 coefficients.
    dopplers: dopplers.filter((nu) => (2 * nu * numTimes + 2) * tapPrior.length <= MOST_COEFFICIENTS),
    of(doppler) {
      let estimator = made.get(doppler);
      if (estimator === undefined) {
        const basis = jakesBasis(doppler, numTimes);
        estimator = basis.powers.length === 1 ? still : createMovingEstimator(bins, fftSize, tapPrior, basis);
        made.set(doppler, estimator);
      }
      return estimator;
    },
  };
}
