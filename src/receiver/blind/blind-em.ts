import type { Receiver } from '../receiver.js';
import { blindResult } from './solution.js';
import { type BlindSolverParts, createBlindSolver } from './solver.js';

/** The receiver without pilots: `solver.ts`, then the codec's decoder. @throws ConfigError without statistics */
export function createBlindEm(parts: BlindSolverParts): Receiver {
  const solver = createBlindSolver('blind-em', parts);
  return {
    name: 'blind-em',
    needs: { pilots: false, truth: false },
    async *receive({ frame }, signal) {
      const began = performance.now();
      const counter = { evaluations: 0 };
      const solution = await solver.solve(frame, counter, signal);
      yield { kind: 'final', result: blindResult(parts.setting, solution, counter.evaluations, began) };
    },
  };
}
