import type { ReceiverResult } from './receiver.js';

/** What a receiver must say of a frame; everything else may be left out. */
export type PartialResult = Pick<ReceiverResult, 'picture' | 'equalised' | 'noiseVariance'> & Partial<ReceiverResult>;

/**
 * A receiver's result from what it knows, the rest filled in with what stands for not known: no channel estimate, no residual, a
 * doubtful verdict without confidence, one start.
 *
 * @param given picture [3,H,W] in [0,1] at the layout's padded size, equalised resource elements [P·S·M], σ² per resource element
 */
export const receiverResult = (given: PartialResult): ReceiverResult => ({
  channel: [],
  residual: null,
  verdict: 'doubtful',
  confidence: null,
  signLogOdds: null,
  evaluations: 0,
  starts: 1,
  agreeing: 1,
  milliseconds: 0,
  ...given,
});
