import { type ChannelEstimator } from '../channel-posterior.js';
import { createMovingEstimator, jakesBasis } from '../moving-channel.js';
import type { LinkSetting } from '../receiver.js';
import type { BlindChain } from './em-state.js';

/** Log evidence by which a model of motion must be better than the one before, beyond what its freedom costs. */
const MARGIN = 6;

/** Coefficients LB of a channel beyond which a posterior costs too much (a second for 500). */
const MOST_COEFFICIENTS = 200;

/** Cycles per symbol from which a channel moves too much for the still model to find anything. */
export const FAST = 0.02;

/** Models of a channel's motion, each with the estimator that goes with it; made when first asked for. */
export interface MotionModels {
  /** Spreads that fit the setting, ν rising. */
  readonly dopplers: readonly number[];
  estimatorOf(doppler: number): ChannelEstimator;
  /** Whether a chain takes its channel to move so much that the still model it came from can have found little. */
  isFast(chain: BlindChain): boolean;
  /** The chain under the model of motion with most evidence given where it ended; null where the chain's own model has it. */
  likeliest(chain: BlindChain): BlindChain | null;
  /** The chain with an oscillator whose phase wanders from symbol to symbol, where its cells look like that; else null. */
  wandering(chain: BlindChain): BlindChain | null;
}

/**
 * @param dopplers ν of each model, cycles per OFDM symbol; none: nothing moves or wanders
 * @param still the estimator of a channel that stands still
 */
export function createMotionModels(
  setting: LinkSetting,
  dopplers: readonly number[],
  still: ChannelEstimator,
): MotionModels {
  const { grid, interleaver, tapPrior, coherence } = setting;
  const numTimes =
    coherence === 'frame'
      ? interleaver.numPackets * (grid.pilotSymbols + grid.symbolsPerPacket)
      : grid.symbolsPerPacket;
  const estimators = new Map<number, ChannelEstimator>();
  const estimatorOf = (doppler: number): ChannelEstimator => {
    let estimator = estimators.get(doppler);
    if (estimator === undefined) {
      const basis = jakesBasis(doppler, numTimes);
      estimator =
        basis.powers.length === 1 ? still : createMovingEstimator(grid.dataBins, grid.fftSize, tapPrior, basis);
      estimators.set(doppler, estimator);
    }
    return estimator;
  };
  // A band-limited tap of T symbols has about 2νT + 2 coefficients.
  const affordable = dopplers.filter((nu) => (2 * nu * numTimes + 2) * tapPrior.length <= MOST_COEFFICIENTS);
  return {
    dopplers: affordable,
    estimatorOf,
    isFast: ({ estimator }) =>
      affordable.some((doppler) => doppler >= FAST && estimators.get(doppler) === estimator && estimator !== still),
    wandering: (chain) => (dopplers.length === 0 ? null : chain.withPhases()),
    likeliest(chain) {
      if (affordable.length === 0) return null;
      let best: ChannelEstimator | null = null;
      let most = chain.evidenceUnder(chain.estimator) + MARGIN;
      let falling = 0;
      for (const doppler of affordable) {
        const estimator = estimatorOf(doppler);
        if (estimator === chain.estimator || estimator === still) continue;
        const evidence = chain.evidenceUnder(estimator);
        if (evidence > most) {
          [best, most] = [estimator, evidence];
          falling = 0;
        } else if (++falling === 2) break;
      }
      return best === null ? null : chain.withEstimator(best);
    },
  };
}
