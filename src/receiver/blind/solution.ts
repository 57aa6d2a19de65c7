import type { LinkSetting, ReceiverResult } from '../receiver.js';
import { type Candidate, wholeResponse } from './candidate.js';
import { type BlindSolution, channelEstimates } from './solver.js';

/** What the search found, as a receiver's result. */
export function blindResult(
  setting: LinkSetting,
  solution: BlindSolution,
  evaluations: number,
  began: number,
): ReceiverResult {
  const { best, chance, verdict, picture, equalised, latents, starts, agreeing } = solution;
  return {
    picture,
    channel: channelEstimates(setting, best),
    response: wholeResponse(setting, best),
    equalised,
    latents,
    noiseVariance: meanOf(best, ({ chain }) => chain.noiseVariance),
    residual: meanOf(best, ({ residual }) => residual),
    verdict,
    confidence: chance,
    signLogOdds: Math.min(...best.map((candidate) => candidate.signLogOdds)),
    evaluations,
    starts,
    agreeing,
    milliseconds: performance.now() - began,
    symptoms: solution.symptoms,
  };
}

const meanOf = (candidates: readonly Candidate[], value: (candidate: Candidate) => number): number =>
  candidates.reduce((sum, candidate) => sum + value(candidate), 0) / candidates.length;
