import type { Rng } from '../../core/rng.js';
import type { Runtime } from '../../runtime/onnx-runtime.js';
import type { BlindEmConfig } from './iterations.js';
import { type BlindSolution, channelEstimates, createBlindSolver } from './solver.js';
import type { Candidate } from './candidate.js';
import type { LinkSetting, Receiver, ReceiverResult } from '../receiver.js';
import { verdictOf } from '../verdict.js';

/** The receiver without pilots: `blind-solver.ts`, then the codec's decoder. @throws ConfigError without statistics */
export function createBlindEm(setting: LinkSetting, config: BlindEmConfig, runtime: Runtime, rng: Rng): Receiver {
  const solver = createBlindSolver('blind-em', setting, config, runtime, rng);
  return {
    name: 'blind-em',
    needs: { pilots: false, truth: false },
    async *receive({ frame }, signal) {
      const began = performance.now();
      const counter = { evaluations: 0 };
      const solution = await solver.solve(frame, counter, signal);
      yield { kind: 'final', result: blindResult(setting, solution, counter.evaluations, began) };
    },
  };
}

/** What the search found, as a receiver's result. */
export function blindResult(
  setting: LinkSetting,
  solution: BlindSolution,
  evaluations: number,
  began: number,
): ReceiverResult {
  const { best, chance, picture, equalised, starts, agreeing } = solution;
  return {
    picture,
    channel: channelEstimates(setting, best),
    equalised,
    noiseVariance: meanOf(best, ({ chain }) => chain.noiseVariance),
    residual: meanOf(best, ({ residual }) => residual),
    verdict: verdictOf(chance),
    confidence: chance,
    signLogOdds: Math.min(...best.map((candidate) => candidate.signLogOdds)),
    evaluations,
    starts,
    agreeing,
    milliseconds: performance.now() - began,
  };
}

const meanOf = (candidates: readonly Candidate[], value: (candidate: Candidate) => number): number =>
  candidates.reduce((sum, candidate) => sum + value(candidate), 0) / candidates.length;
