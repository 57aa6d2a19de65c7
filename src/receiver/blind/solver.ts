import { ConfigError, throwIfAborted } from '../../core/errors.js';
import type { ComplexArray } from '../../core/complex.js';
import type { Rng } from '../../core/rng.js';
import type { Runtime } from '../../runtime/runtime.js';
import { BlindChain } from './em-state.js';
import { type BlindGroup, findGroups } from './groups.js';
import { candidatesOf, chanceOf, countAgreeing, judge, type Judgement, weighEvidence } from './ranking.js';
import { type BlindEmConfig, type Counter, type Problem, refine, runPasses } from './iterations.js';
import type { Candidate } from './candidate.js';
import { createChannelEstimator } from '../channel-posterior.js';
import { createCodewordGraph, createEvidenceGraph } from './codeword-graph.js';
import type { LinkSetting, ReceivedFrame, TapEstimate } from '../receiver.js';
import { signIsDecidable } from './sign.js';

/**
 * A frame's mean power is known, a part's is not: a smooth part of a large picture is sent with less. The decoded
 * picture, encoded again, says how much; this often, since each correction changes what is decoded.
 */
const LEVELLING_ROUNDS = 4;
const LEAST_POWER = 1e-3;

/** Where the search ended. */
export interface BlindSolution extends Judgement {
  /** All candidates found, a list a group. */
  readonly found: readonly (readonly Candidate[])[];
  /** The chance of success, of the least certain group. */
  readonly chance: number;
  readonly starts: number;
  readonly agreeing: number;
}

/** What the solver is made from. */
export interface BlindSolverParts {
  readonly setting: LinkSetting;
  readonly config: BlindEmConfig;
  readonly runtime: Runtime;
  readonly rng: Rng;
}

/** Finds the channels and the codeword of a frame; what `blind-em` and the receivers that start from it share. */
export interface BlindSolver {
  readonly problem: Problem;
  solve(frame: ReceivedFrame, counter: Counter, signal?: AbortSignal): Promise<BlindSolution>;
}

/**
 * Solves a frame without pilots: EM over the channel taps with the codeword's second-order statistics.
 *
 * E-step: the codeword's posterior under N(m, UΛUᵀ + diag ψ) (`codeword-graph.ts`); M-step: the exact channel
 * posterior (`channel-posterior.ts`); both annealed from a hot noise variance s² = σ²·max(1, T·(1 − i/(0.6·I))).
 * Then the sign (`sign.ts`), MMSE equalisation and the codec's decoder. The picture is encoded again, and what is
 * left of the received signal ranks the starts and gives the verdict.
 *
 * Source: EM with a Gaussian prior on the sent cells (Dempster, Laird and Rubin, 1977); the joint problem is that of
 * Blind-DiffCom (arXiv 2406.07390), which samples it by diffusion.
 *
 * @throws ConfigError if the codec has no statistics file
 */
export function createBlindSolver(name: string, { setting, config, runtime, rng }: BlindSolverParts): BlindSolver {
  const { statistics } = setting.codec;
  if (statistics === null) {
    throw new ConfigError(
      'receiver.statistics',
      `receiver ${name}: ${setting.codec.path} names no statistics file; make one with 'blindlink model statistics'`,
    );
  }
  const { grid } = setting;
  const { mean } = statistics;
  const rank = Math.min(config.rank, statistics.rank);
  const eStep = createCodewordGraph(statistics, rank, config.solverSteps);
  const estimator = createChannelEstimator(grid.dataBins, grid.fftSize, setting.tapPrior);
  const groups = findGroups(setting);
  const evidence = createEvidenceGraph(statistics, rank);
  const problem: Problem = { setting, config, runtime, eStep, evidence, estimator, rank };

  const solve: BlindSolver['solve'] = async ({ cells, noiseVariance, index }, counter, signal) => {
    const draws = rng.split(index);

    const open = (group: BlindGroup, start: number): BlindChain => {
      const initialNoise = noiseVariance ?? initialNoiseVariance(cells, group, setting.snrDb);
      const chain = new BlindChain(setting, group, estimator, cells, initialNoise);
      if (start === 0) chain.startFromMean(mean);
      else chain.startFromDraw(setting.tapPrior, draws.split(group.channels[0]).split(start));
      return chain;
    };
    const solveChains = async (chains: readonly BlindChain[]): Promise<Candidate[][]> => {
      await runPasses(problem, chains, noiseVariance === null, counter, signal);
      const candidates = await Promise.all(chains.map((chain) => candidatesOf(setting, chain, cells, counter)));
      if (setting.codec.hasRefiner && signIsDecidable(setting)) {
        await refine(problem, chains, noiseVariance === null, counter, signal);
      }
      await weighEvidence(problem, candidates.flat(), counter);
      return candidates;
    };

    /** Solves starts first…end−1 of some groups and adds them to `found`, a list of candidates a group. */
    const found: Candidate[][] = groups.map(() => []);
    const explore = async (which: readonly number[], first: number, end: number): Promise<Judgement> => {
      const chains = which.flatMap((g) => Array.from({ length: end - first }, (_, i) => open(groups[g], first + i)));
      const solved = await solveChains(chains);
      which.forEach((g, i) => {
        found[g].push(...solved.slice(i * (end - first), (i + 1) * (end - first)).flat());
      });
      return judge(problem, cells, found, counter);
    };

    const { initialStarts, starts } = config;
    let judged = await explore([...groups.keys()], 0, initialStarts);
    const doubtful = judged.best.flatMap((best, g) =>
      chanceOf(setting, cells, best, found[g]) < config.sureAbove && starts > initialStarts ? [g] : [],
    );
    if (doubtful.length > 0) {
      throwIfAborted(signal, name);
      judged = await explore(doubtful, initialStarts, starts);
    }

    for (let round = 0; groups.length > 1 && round < LEVELLING_ROUNDS; round++) {
      for (const { chain, power } of judged.best) chain.assumePower(Math.max(power, LEAST_POWER));
      judged = await judge(
        problem,
        cells,
        judged.best.map((candidate) => [candidate]),
        counter,
      );
    }

    const chance = Math.min(...judged.best.map((best, g) => chanceOf(setting, cells, best, found[g])));
    return {
      ...judged,
      found,
      chance,
      starts: doubtful.length > 0 ? starts : initialStarts,
      agreeing: Math.min(...judged.best.map((candidate, g) => countAgreeing(candidate, found[g]))),
    };
  };
  return { problem, solve };
}

/** σ² guessed from the received power and the nominal CSNR, where it is not given. */
function initialNoiseVariance(cells: ComplexArray, group: BlindGroup, snrDb: number): number {
  let power = 0;
  for (const at of group.cell) power += cells.re[at] ** 2 + cells.im[at] ** 2;
  return power / group.cell.length / (1 + 10 ** (snrDb / 10));
}

/** The taps of every packet under the chosen candidates. */
export function channelEstimates(setting: LinkSetting, best: readonly Candidate[]): TapEstimate[] {
  const estimates: TapEstimate[] = [];
  for (const { chain, signs } of best) {
    chain.group.channels.forEach((channel, c) => {
      const { taps, tapVariance } = chain.posteriors[c];
      estimates[channel] = {
        taps: {
          re: Float32Array.from(taps.re, (v) => signs[c] * v),
          im: Float32Array.from(taps.im, (v) => signs[c] * v),
        },
        variance: Float32Array.from(tapVariance),
      };
    });
  }
  return Array.from(
    { length: setting.interleaver.numPackets },
    (_, p) => estimates[setting.coherence === 'frame' ? 0 : p],
  );
}
