import { ConfigError, throwIfAborted } from '../../core/errors.js';
import type { ComplexArray } from '../../core/complex.js';
import type { Rng } from '../../core/rng.js';
import type { Runtime } from '../../runtime/runtime.js';
import { BlindChain } from './em-state.js';
import { type BlindGroup, findGroups } from './groups.js';
import {
  agreeingWith,
  candidatesOf,
  type DecodedFrame,
  equalisedUnder,
  judge,
  judgeChosen,
  judgeFrame,
  type JudgedFrames,
  type Judgement,
  symptomsOf,
  weighEvidence,
  weighSigns,
} from './ranking.js';
import type { Symptoms } from '../symptoms.js';
import { excessResidual, judgeSymptoms, measuredSnrOver, textureOf, UNCALIBRATED } from '../verdict.js';
import { type BlindEmConfig, type Counter, type BlindModel, refine, runIterations } from './iterations.js';
import type { CodewordSymptoms } from '../codeword-symptoms.js';
import { expectedErrors, meanError } from '../expected-error.js';
import { type Candidate, codewordOf } from './candidate.js';
import { createMotionModels } from './motion.js';
import { type ChannelEstimator, createChannelEstimator } from '../channel-posterior.js';
import { createCodewordGraph, createEvidenceGraph } from './codeword-graph.js';
import type { LinkSetting, ReceivedFrame, TapEstimate, Verdict } from '../receiver.js';
import { phaseErrors, signsInContext } from './parts.js';
import { signIsDecidable, withTilesAligned } from './sign.js';

/**
 * A frame's mean power is known, a part's is not: a smooth part of a large picture is sent with less. The decoded
 * picture, encoded again, says how much; this often, since each correction changes what is decoded.
 */
const LEVELLING_ROUNDS = 2;
const LEAST_POWER = 1e-3;
/** Nor is the phase of a part's channel known well where its codeword is an unusual one; rounds in all, and radians that are worth one more. */
const PHASE_ROUNDS = 6;
const LEAST_PHASE = 0.02;

/** How often a moving channel's model may be made to fit what the passes with the one before have found. */
const FOLLOWING_ROUNDS = 5;
/** A search with a moving channel has more to find: passes over those of a still one. */
const FAST_PASSES = 1.5;
/** A residual e^this times the usual is worth a search, whatever the verdict: something is not as assumed. */
const MOST_EXCESS = 0.8;
/** Log residual beyond the usual from which the picture's codeword is tried in place of what the passes have found. */
const LEAST_UNEXPLAINED = 0.3;
/** EM passes with the new model, for codecs without a refiner. */
const FOLLOWING_PASSES = 8;

/** Where the search ended. */
export interface BlindSolution extends DecodedFrame {
  readonly best: readonly Candidate[];
  /** All candidates found, a list a group. */
  readonly found: readonly (readonly Candidate[])[];
  /** The chance of success, and what it is called. */
  readonly chance: number;
  readonly verdict: Verdict;
  readonly symptoms: Symptoms;
  readonly starts: number;
  readonly agreeing: number;
}

/** A start of the search: 0 from the mean codeword, any other from a draw; and how it takes the channel to move. */
interface Start {
  readonly start: number;
  readonly model: ChannelEstimator;
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
  readonly model: BlindModel;
  solve(frame: ReceivedFrame, counter: Counter, signal?: AbortSignal): Promise<BlindSolution>;
}

/**
 * Solves a frame without pilots: EM over the channel taps with the codeword's second-order statistics.
 *
 * E-step: the codeword's posterior under N(m, UΛUᵀ + diag ψ) (`codeword-graph.ts`); M-step: the exact channel
 * posterior (`channel-posterior.ts`); both annealed from a hot noise variance s² = σ²·max(1, T·(1 − i/(0.6·I))), at most a few times the signal's power.
 * Then the sign (`sign.ts`), MMSE equalisation and the codec's decoder. The picture is encoded again, and what is
 * left of the received signal ranks the starts and gives the verdict.
 *
 * Source: EM with a Gaussian prior on the sent resource elements (Dempster, Laird and Rubin, 1977); the joint model is that of
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
  const { expected } = setting.codec.card.verdict ?? UNCALIBRATED;
  const pictureWidth = setting.layout.width * setting.codec.card.downSampling;
  const { mean } = statistics;
  const rank = Math.min(config.rank, statistics.rank);
  const eStep = createCodewordGraph(statistics, rank, config.solverSteps);
  const estimator = createChannelEstimator(grid.dataBins, grid.fftSize, setting.tapPrior);
  const groups = findGroups(setting);
  const evidence = createEvidenceGraph(statistics, rank);
  const model: BlindModel = { setting, config, runtime, eStep, evidence, estimator, rank };
  const motion = createMotionModels(setting, config.dopplers, estimator);

  const solve: BlindSolver['solve'] = async ({ elements, noiseVariance, index }, counter, signal) => {
    const draws = rng.split(index);

    const open = (group: BlindGroup, start: number, model: ChannelEstimator): BlindChain => {
      const initialNoise = noiseVariance ?? initialNoiseVariance(elements, group, setting.snrDb);
      const chain = new BlindChain(setting, group, model, elements, initialNoise);
      if (start === 0) chain.startFromMean(mean);
      else chain.startFromDraw(draws.split(group.channels[0]).split(start));
      return chain;
    };
    const solveChains = async (chains: readonly BlindChain[], passes = config.passes): Promise<Candidate[][]> => {
      await runIterations(model, chains, { estimateNoise: noiseVariance === null, counter, signal, passes });
      let candidates = await Promise.all(chains.map((chain) => candidatesOf(setting, chain, elements, counter)));
      if (setting.codec.hasRefiner && signIsDecidable(setting)) {
        const refined = candidates.flat().map(({ chain }) => chain);
        await refine(model, refined, noiseVariance === null, counter, signal);
        candidates = await Promise.all(candidates.map((list) => weighSigns(setting, list, elements, counter)));
      }
      await weighEvidence(model, candidates.flat(), counter);
      return candidates;
    };

    const found: Candidate[][] = groups.map(() => []);
    const known: JudgedFrames = new Map();
    /** Solves some starts of some groups, adds them to `found`, a list of candidates a group, and judges anew. */
    const explore = async (which: readonly number[], starts: readonly Start[], passes?: number): Promise<Judgement> => {
      const chains = which.flatMap((g) => starts.map(({ start, model }) => open(groups[g], start, model)));
      const solved = await solveChains(chains, passes);
      which.forEach((g, i) => {
        found[g].push(...solved.slice(i * starts.length, (i + 1) * starts.length).flat());
      });
      return judge(model, elements, found, counter, known);
    };
    const startsOf = (model: ChannelEstimator, first: number, end: number): Start[] =>
      Array.from({ length: end - first }, (_, i) => ({ start: first + i, model }));

    /** Log residual beyond what is usual for the codec. */
    const unexplained = ({ chain, residual }: Candidate): number => {
      const snr = measuredSnrOver(elements, chain.group.element, chain.passVariance);
      return excessResidual(expected, (residual * chain.noiseVariance) / chain.passVariance, snr);
    };

    const followed = new Set<BlindChain>();
    /** Lets the best of each group move, or its oscillator wander, where the received signal says that they may. */
    const follow = async (judged: Judgement): Promise<Judgement> => {
      let current = judged;
      for (let round = 0; round < FOLLOWING_ROUNDS; round++) {
        const proposed = await Promise.all(
          current.best.map(async (candidate) => {
            const { chain } = candidate;
            // What the same chain led to before is there already.
            if (followed.has(chain)) return [];
            followed.add(chain);
            const aligned = await withTilesAligned(setting, chain, elements);
            const wrong = groups.length === 1 && unexplained(candidate) > LEAST_UNEXPLAINED;
            const decoded = wrong || chain.wanders ? motion.decoded(chain, (await current.decoded()).codeword) : null;
            return [motion.likeliest(chain), motion.wandering(chain), aligned, decoded];
          }),
        );
        const moved = current.best.flatMap((candidate, g) =>
          proposed[g].filter((chain) => chain !== null).map((chain) => ({ g, candidate: { ...candidate, chain } })),
        );
        if (moved.length === 0) break;
        throwIfAborted(signal, name);
        const chains = moved.map(({ candidate }) => candidate.chain);
        if (setting.codec.hasRefiner) await refine(model, chains, noiseVariance === null, counter, signal);
        else
          await runIterations(model, chains, {
            estimateNoise: noiseVariance === null,
            counter,
            signal,
            passes: FOLLOWING_PASSES,
            annealing: 1,
          });
        const candidates = await weighSigns(
          setting,
          moved.map(({ candidate }) => candidate),
          elements,
          counter,
        );
        await weighEvidence(model, candidates, counter);
        moved.forEach(({ g }, i) => found[g].push(candidates[i]));
        current = await judge(model, elements, found, counter, known);
      }
      return current;
    };
    /** What was seen of candidates' codewords, as long as their channels stay what they are. */
    const codewords = new Map<Candidate, Promise<CodewordSymptoms>>();
    const codewordFor = (candidate: Candidate): Promise<CodewordSymptoms> => {
      const known = codewords.get(candidate) ?? codewordOf(setting, candidate);
      codewords.set(candidate, known);
      return known;
    };
    /** What error is expected of decoded frames, a candidate of each group or the frame's only one. */
    const expectations = new Map<DecodedFrame, Promise<Float32Array | null>>();
    const expectedErrorOf = async (frame: DecodedFrame, { chain: { group } }: Candidate): Promise<number | null> => {
      const errors = expectations.get(frame) ?? expectedErrors(setting, frame.picture, frame.heard);
      expectations.set(frame, errors);
      return meanError(setting, await errors, group.element);
    };
    const doubtfulAmong = async (
      { best, decoded }: Judgement,
      suspect: (candidate: Candidate, g: number) => boolean = () => false,
    ): Promise<number[]> => {
      const frame = await decoded();
      const texture = textureOf(frame.picture, pictureWidth);
      const doubts = await Promise.all(
        best.map(async (candidate, g) => {
          const expectedError = await expectedErrorOf(frame, candidate);
          const seen = { ...texture, expectedError, ...(await codewordFor(candidate)) };
          const symptoms = symptomsOf(elements, candidate, found[g], seen);
          const { chance, verdict } = judgeSymptoms(setting, symptoms);
          const excess = excessResidual(expected, worstResidual(candidate, symptoms), symptoms.snr);
          return verdict !== 'decoded' || chance < config.sureAbove || excess > MOST_EXCESS || suspect(candidate, g);
        }),
      );
      return [...doubts.keys()].filter((g) => doubts[g]);
    };

    const { initialStarts, starts } = config;
    let judged = await follow(await explore([...groups.keys()], startsOf(estimator, 0, initialStarts)));
    const isFast = ({ chain }: Candidate): boolean => motion.isFast(chain);
    // A long channel that moves has many ways to be half right: one that was found once only is not believed.
    const isLone = (candidate: Candidate, g: number): boolean =>
      isFast(candidate) &&
      candidate.chain.group.tiles.length > 1 &&
      new Set(agreeingWith(candidate, found[g]).map(({ chain }) => chain.origin)).size < 2;
    let doubtful = starts > initialStarts ? await doubtfulAmong(judged, isFast) : [];
    const searched = doubtful.length > 0;
    if (doubtful.length > 0 && motion.fast.length > 0) {
      throwIfAborted(signal, name);
      // Slower motion is found by following what the still model has found.
      const models = motion.fast.map((model) => ({ start: 0, model }));
      judged = await follow(await explore(doubtful, models, Math.ceil(FAST_PASSES * config.passes)));
      doubtful = await doubtfulAmong(judged, isLone);
    }
    if (doubtful.length > 0) {
      throwIfAborted(signal, name);
      // Where something moves, further starts move alike.
      const [moving, still] = [true, false].map((fast) => doubtful.filter((g) => isFast(judged.best[g]) === fast));
      if (still.length > 0) judged = await explore(still, startsOf(estimator, initialStarts, starts));
      for (const g of moving) {
        const model = judged.best[g].chain.estimator;
        judged = await explore([g], startsOf(model, initialStarts, starts), Math.ceil(FAST_PASSES * config.passes));
      }
      judged = await follow(judged);
    }

    if (groups.length > 1 && signIsDecidable(setting)) {
      const { best } = judged;
      const settled = await signsInContext(
        setting,
        elements,
        best,
        equalisedUnder(setting, elements, best).equalised,
        counter,
      );
      if (settled?.some(({ signs }, g) => signs.some((sign, c) => sign !== best[g].signs[c]))) {
        judged = await judgeChosen(model, elements, settled, counter);
      } else {
        // Nothing is decoded anew where all signs were right.
        settled?.forEach(({ signLogOdds }, g) => (best[g].signLogOdds = signLogOdds));
      }
    }
    if (groups.length > 1) codewords.clear();
    let before: readonly (readonly number[])[] = [];
    for (let round = 0; groups.length > 1 && round < PHASE_ROUNDS; round++) {
      const { best } = judged;
      const { codeword } = await judged.decoded();
      const extrapolated = round % 2 === 1;
      const angles = best.map((one, g) =>
        phaseErrors(setting, one, elements, codeword, extrapolated ? before[g] : undefined),
      );
      const settled = angles.flat().every((angle) => Math.abs(angle) < LEAST_PHASE);
      if (round >= LEVELLING_ROUNDS && settled) break;
      best.forEach(({ chain, power }, g) => {
        if (round < LEVELLING_ROUNDS) chain.assumePower(Math.max(power, LEAST_POWER));
        chain.turnBy(angles[g]);
      });
      before = angles;
      judged = await judgeChosen(model, elements, best, counter);
    }

    const frame = await judged.decoded();
    const texture = textureOf(frame.picture, pictureWidth);
    const { chance, verdict, symptoms } = judgeFrame(
      setting,
      await Promise.all(
        judged.best.map(async (best, g) => {
          const expectedError = await expectedErrorOf(frame, best);
          const seen = { ...texture, expectedError, ...(await codewordFor(best)) };
          const symptoms = symptomsOf(elements, best, found[g], seen);
          return { symptoms, elements: best.chain.group.element.length };
        }),
      ),
    );
    return {
      ...frame,
      best: judged.best,
      found,
      chance,
      verdict,
      symptoms,
      starts: searched ? starts : initialStarts,
      agreeing: Math.min(...judged.best.map((candidate, g) => agreeingWith(candidate, found[g]).length)),
    };
  };
  return { model, solve };
}

/** χ of a candidate's worst channel, by the noise that the symptoms go by. */
const worstResidual = ({ worst, residual }: Candidate, symptoms: Symptoms): number =>
  (worst / residual) * symptoms.residual;

/** σ² guessed from the received power and the nominal CSNR, where it is not given. */
function initialNoiseVariance(elements: ComplexArray, group: BlindGroup, snrDb: number): number {
  let power = 0;
  for (const at of group.element) power += elements.re[at] ** 2 + elements.im[at] ** 2;
  return power / group.element.length / (1 + 10 ** (snrDb / 10));
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
        tapVariance: Float32Array.from(tapVariance),
      };
    });
  }
  return Array.from(
    { length: setting.interleaver.numPackets },
    (_, p) => estimates[setting.coherence === 'frame' ? 0 : p],
  );
}
