import type { ComplexArray } from '../../core/complex.js';
import { type ChannelEstimator } from '../channel-posterior.js';
import { createMovingEstimators, MOTION_MARGIN } from '../moving-estimators.js';
import type { LinkSetting } from '../receiver.js';
import type { BlindChain } from './em-state.js';

/** Cycles, over all symbols that share a channel, from which it moves too much for the still model to find anything. */
const FAST_CYCLES = 0.32;

/** Models of a channel's motion, each with the estimator that goes with it; made when first asked for. */
export interface MotionModels {
  /** Those at which a channel moves too much for the still model to find anything. */
  readonly fast: readonly ChannelEstimator[];
  /** Whether a chain takes its channel to move so much that the still model it came from can have found little. */
  isFast(chain: BlindChain): boolean;
  /** The chain under the model of motion with most evidence given where it ended; null where the chain's own model has it. */
  likeliest(chain: BlindChain): BlindChain | null;
  /** The chain with the phases that a picture's codeword [k] shows, where phases may wander; else null. */
  decoded(chain: BlindChain, codeword: ComplexArray): BlindChain | null;
  /** The chain with an oscillator whose phase wanders from symbol to symbol, where its resource elements look like that; else null. */
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
  const bins = grid.dataBins;
  const moving = createMovingEstimators(still, { bins, fftSize: grid.fftSize, tapPrior }, numTimes, dopplers);
  const affordable = moving.dopplers;
  const fast = affordable.filter((doppler) => doppler * numTimes >= FAST_CYCLES);
  return {
    get fast() {
      return fast.map(moving.of).filter((estimator) => estimator !== still);
    },
    isFast: ({ estimator }) => estimator !== still && fast.some((doppler) => moving.of(doppler) === estimator),
    decoded: (chain, codeword) => (dopplers.length === 0 ? null : chain.withCodeword(codeword)),
    wandering(chain) {
      if (dopplers.length === 0) return null;
      const wandering = chain.withPhases();
      // What was taken for motion may be the oscillator's.
      if (wandering !== null || chain.estimator === still || chain.wanders) return wandering;
      return chain.withMotionAsPhases(still);
    },
    likeliest(chain) {
      if (affordable.length === 0) return null;
      let best: ChannelEstimator | null = null;
      let most = chain.evidenceUnder(chain.estimator) + MOTION_MARGIN;
      let falling = 0;
      for (const doppler of affordable) {
        const estimator = moving.of(doppler);
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
