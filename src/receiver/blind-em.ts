import { ConfigError, throwIfAborted } from '../core/errors.js';
import type { ComplexArray } from '../core/complex.js';
import type { Rng } from '../core/rng.js';
import { symbolsOf } from '../codec/layout.js';
import type { Graph, Runtime } from '../runtime/onnx-runtime.js';
import { tensor } from '../runtime/tensor.js';
import { BlindChain, type Tracking } from './blind-chain.js';
import { type BlindGroup, findGroups } from './blind-groups.js';
import { type Candidate, channelUnder } from './candidate.js';
import { type ChannelEstimator, createChannelEstimator } from './channel-posterior.js';
import { createCodewordGraph, createEvidenceGraph } from './codeword-graph.js';
import { cellsToLatents, equalise } from './equalise.js';
import { residualEnergy } from './residual.js';
import type { LinkSetting, Observations, Receiver, ReceiverResult, ReceiverStep, TapEstimate } from './receiver.js';
import { chooseSigns, signIsDecidable } from './sign.js';
import { measuredSnr, successChance, verdictOf } from './verdict.js';

export interface BlindEmConfig {
  /** r, directions of the codeword's covariance that are used; at most what the statistics file holds. */
  readonly rank: number;
  /** I, EM passes. */
  readonly passes: number;
  /** Factor on the noise variance in the first pass; it falls linearly to 1 after 60 % of the passes. */
  readonly annealing: number;
  /** Conjugate-gradient steps in each E-step. */
  readonly solverSteps: number;
  /** Starts of every part of a frame: the first from the mean codeword, the others from the tap prior. */
  readonly initialStarts: number;
  /** Starts in all, for parts that the initial ones leave in doubt. */
  readonly starts: number;
  /** A part whose chance of success is above this needs no further starts. */
  readonly sureAbove: number;
  readonly tracking: Tracking;
}

/** Tracking begins when the codeword's estimate is good enough to be a reference: after this share of the passes. */
const TRACK_AFTER = 0.4;

/**
 * A frame's mean power is known, a part's is not: a smooth part of a large picture is sent with less. The decoded
 * picture, encoded again, says how much; this often, since each correction changes what is decoded.
 */
const LEVELLING_ROUNDS = 4;
const LEAST_POWER = 1e-3;

/**
 * Decodes a frame without pilots: EM over the channel taps with the codeword's second-order statistics.
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
export function createBlindEm(setting: LinkSetting, config: BlindEmConfig, runtime: Runtime, rng: Rng): Receiver {
  const { statistics } = setting.codec;
  if (statistics === null) {
    throw new ConfigError(
      'receiver.statistics',
      `receiver blind-em: ${setting.codec.path} names no statistics file; make one with 'blindlink model statistics'`,
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

  async function* receive(observations: Observations, signal?: AbortSignal): AsyncIterable<ReceiverStep> {
    const began = performance.now();
    const { cells, noiseVariance, index } = observations.frame;
    const draws = rng.split(index);
    const counter = { evaluations: 0 };

    const open = (group: BlindGroup, start: number): BlindChain => {
      const initialNoise = noiseVariance ?? initialNoiseVariance(cells, group, setting.snrDb);
      const chain = new BlindChain(setting, group, estimator, cells, initialNoise);
      if (start === 0) chain.startFromMean(mean);
      else chain.startFromDraw(setting.tapPrior, draws.split(group.channels[0]).split(start));
      return chain;
    };
    const solve = async (chains: readonly BlindChain[]): Promise<Candidate[][]> => {
      await runPasses(problem, chains, noiseVariance === null, counter, signal);
      const candidates = await Promise.all(chains.map((chain) => candidatesOf(setting, chain, cells, counter)));
      await weighEvidence(problem, candidates.flat(), counter);
      return candidates;
    };

    /** Solves starts first…end−1 of some groups and adds them to `found`, a list of candidates a group. */
    const found: Candidate[][] = groups.map(() => []);
    const explore = async (which: readonly number[], first: number, end: number): Promise<Judgement> => {
      const chains = which.flatMap((g) => Array.from({ length: end - first }, (_, i) => open(groups[g], first + i)));
      const solved = await solve(chains);
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
      yield { kind: 'progress', done: initialStarts, of: starts };
      throwIfAborted(signal, 'blind-em');
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
    const { best } = judged;
    const result: ReceiverResult = {
      picture: judged.picture,
      channel: channelEstimates(setting, best),
      equalised: judged.equalised,
      noiseVariance: meanOf(best, ({ chain }) => chain.noiseVariance),
      residual: meanOf(best, ({ residual }) => residual),
      verdict: verdictOf(chance),
      confidence: chance,
      signLogOdds: Math.min(...best.map((candidate) => candidate.signLogOdds)),
      evaluations: counter.evaluations,
      starts: doubtful.length > 0 ? starts : initialStarts,
      agreeing: Math.min(...best.map((candidate, g) => countAgreeing(candidate, found[g]))),
      milliseconds: performance.now() - began,
    };
    yield { kind: 'final', result };
  }

  return { name: 'blind-em', needs: { pilots: false, truth: false }, receive };
}

interface Problem {
  readonly setting: LinkSetting;
  readonly config: BlindEmConfig;
  readonly runtime: Runtime;
  readonly eStep: Graph;
  readonly evidence: Graph;
  readonly estimator: ChannelEstimator;
  readonly rank: number;
}

interface Counter {
  evaluations: number;
}

/** All chains advance together: their tiles are the rows of one batch. */
async function runPasses(
  problem: Problem,
  chains: readonly BlindChain[],
  estimateNoise: boolean,
  counter: Counter,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { config, setting, rank } = problem;
  const dimension = 2 * setting.layout.tileSymbols;
  const offsets: number[] = [];
  let rows = 0;
  for (const chain of chains) {
    offsets.push(rows * dimension);
    rows += chain.group.tiles.length;
  }
  const precision = tensor(new Float32Array(rows * dimension), [rows, dimension]);
  const evidence = tensor(new Float32Array(rows * dimension), [rows, dimension]);
  let coefficients = tensor(new Float32Array(rows * rank), [rows, rank]);
  for (let pass = 0; pass < config.passes; pass++) {
    throwIfAborted(signal, 'blind-em');
    const heat = Math.max(1, config.annealing * (1 - pass / (0.6 * config.passes)));
    chains.forEach((chain, i) => {
      chain.writeEvidence(heat * chain.noiseVariance, precision.data, evidence.data, offsets[i]);
    });
    const { mean, variance, solution } = await problem.runtime.run(problem.eStep, {
      precision,
      evidence,
      coefficients,
    });
    coefficients = solution;
    counter.evaluations += rows;
    const tracking = pass >= TRACK_AFTER * config.passes ? config.tracking : 'none';
    chains.forEach((chain, i) => {
      chain.update(heat * chain.noiseVariance, mean.data, variance.data, offsets[i], {
        tracking,
        estimateNoise: estimateNoise && heat === 1,
      });
    });
  }
}

/** A chain with its sign settled; both signs where nothing settles it. */
async function candidatesOf(
  setting: LinkSetting,
  chain: BlindChain,
  cells: ComplexArray,
  counter: Counter,
): Promise<Candidate[]> {
  const open = { evidence: Number.NaN, power: Number.NaN, residual: Number.NaN, energy: Number.NaN };
  if (signIsDecidable(setting)) {
    const { signs, logOdds } = await chooseSigns(setting, chain, cells);
    counter.evaluations += chain.group.tiles.length;
    return [{ chain, signs, signLogOdds: logOdds, ...open }];
  }
  return [1, -1].map((sign) => ({
    chain,
    signs: new Int8Array(chain.group.channels.length).fill(sign),
    signLogOdds: 0,
    ...open,
  }));
}

/** Fills in G of each candidate: one more E-step at the true noise variance, with the signs chosen. */
async function weighEvidence(problem: Problem, candidates: readonly Candidate[], counter: Counter): Promise<void> {
  const { setting, rank, runtime } = problem;
  const dimension = 2 * setting.layout.tileSymbols;
  const rows = candidates.reduce((sum, { chain }) => sum + chain.group.tiles.length, 0);
  const precision = tensor(new Float32Array(rows * dimension), [rows, dimension]);
  const evidence = tensor(new Float32Array(rows * dimension), [rows, dimension]);
  let row = 0;
  for (const candidate of candidates) {
    const { chain, signs } = candidate;
    const at = row * dimension;
    candidate.evidence = chain.writeEvidence(chain.noiseVariance, precision.data, evidence.data, at, signs);
    row += chain.group.tiles.length;
  }
  const coefficients = tensor(new Float32Array(rows * rank), [rows, rank]);
  const { mean } = await runtime.run(problem.eStep, { precision, evidence, coefficients });
  const { score } = await runtime.run(problem.evidence, { precision, evidence, mean });
  counter.evaluations += rows;
  row = 0;
  for (const candidate of candidates) {
    for (let t = 0; t < candidate.chain.group.tiles.length; t++) candidate.evidence += score.data[row++];
  }
}

interface Judgement {
  readonly best: Candidate[];
  readonly picture: Float32Array;
  readonly equalised: ComplexArray;
}

/**
 * Decodes one picture per rank of candidates, encodes each again, fills in the candidates' residuals and energies,
 * and returns the picture made of each group's best.
 */
async function judge(
  problem: Problem,
  cells: ComplexArray,
  candidates: readonly (readonly Candidate[])[],
  counter: Counter,
): Promise<Judgement> {
  const depth = Math.max(...candidates.map((list) => list.length));
  const variants = Array.from({ length: depth }, (_, v) =>
    candidates.map((list) => list[Math.min(v, list.length - 1)]),
  );
  const decoded = await decodeVariants(problem, cells, variants, counter);
  const best = candidates.map((list) => list.reduce((a, b) => (b.energy < a.energy ? b : a)));
  const at = variants.findIndex((variant) => variant.every((candidate, g) => candidate === best[g]));
  const chosen = at >= 0 ? decoded[at] : (await decodeVariants(problem, cells, [best], counter))[0];
  return { best, ...chosen };
}

async function decodeVariants(
  problem: Problem,
  cells: ComplexArray,
  variants: readonly (readonly Candidate[])[],
  counter: Counter,
): Promise<{ picture: Float32Array; equalised: ComplexArray }[]> {
  const { setting, estimator } = problem;
  const { codec, layout } = setting;
  const size = layout.channels * layout.height * layout.width;
  const latents = new Float32Array(variants.length * size);
  const prepared = variants.map((variant, v) => {
    const channel = channelUnder(variant, cells.re.length);
    const noise = variant.reduce((sum, { chain }) => sum + chain.noiseVariance, 0) / variant.length;
    const equalised = equalise(setting, cells, channel, noise);
    cellsToLatents(setting, equalised, latents.subarray(v * size, (v + 1) * size));
    return { channel, equalised };
  });
  const pictures = await codec.decode(latents, variants.length, layout, setting.snrDb);
  const again = await codec.encode(pictures, variants.length, layout, setting.snrDb);
  counter.evaluations += 2 * variants.length;
  const pictureSize = pictures.length / variants.length;
  return prepared.map(({ channel, equalised }, v) => {
    const z = symbolsOf(layout, again.subarray(v * size, (v + 1) * size));
    for (const candidate of variants[v]) {
      const { cell } = candidate.chain.group;
      const sum = residualEnergy(setting, cells, channel.response, z, cell);
      candidate.power = meanPowerOver(z, cell, setting.interleaver.symbolOf);
      const scaled = sum / candidate.chain.noiseVariance;
      candidate.residual = scaled / cell.length;
      const prior = candidate.chain.posteriors.reduce((total, p) => total + estimator.priorEnergy(p), 0);
      candidate.energy = scaled + candidate.evidence + 2 * prior;
    }
    return { picture: pictures.subarray(v * pictureSize, (v + 1) * pictureSize), equalised };
  });
}

/** The chance that a group's best candidate is right, given all candidates of the group. */
function chanceOf({ codec }: LinkSetting, cells: ComplexArray, best: Candidate, all: readonly Candidate[]): number {
  const chains = new Set(all.map(({ chain }) => chain)).size;
  return successChance(codec.card, {
    residual: best.residual,
    snr: measuredSnr(cells, best.chain.noiseVariance),
    signLogOdds: best.signLogOdds,
    agreement: countAgreeing(best, all) / chains,
  });
}

function meanPowerOver(z: ComplexArray, cells: Int32Array, symbolOf: Int32Array): number {
  let sum = 0;
  for (const cell of cells) sum += z.re[symbolOf[cell]] ** 2 + z.im[symbolOf[cell]] ** 2;
  return sum / cells.length;
}

const meanOf = (candidates: readonly Candidate[], value: (candidate: Candidate) => number): number =>
  candidates.reduce((sum, candidate) => sum + value(candidate), 0) / candidates.length;

/** Starts that ended at the chosen taps, sign included: closer than a tenth of their energy. */
function countAgreeing(chosen: Candidate, all: readonly Candidate[]): number {
  const signed = ({ chain, signs }: Candidate): number[] =>
    chain.posteriors.flatMap(({ taps }, c) => [...taps.re, ...taps.im].map((v) => signs[c] * v));
  const target = signed(chosen);
  const energy = target.reduce((sum, v) => sum + v * v, 0);
  return all.filter(
    (candidate) => signed(candidate).reduce((sum, v, i) => sum + (v - target[i]) ** 2, 0) < 0.1 * energy,
  ).length;
}

/** σ² guessed from the received power and the nominal CSNR, where it is not given. */
function initialNoiseVariance(cells: ComplexArray, group: BlindGroup, snrDb: number): number {
  let power = 0;
  for (const at of group.cell) power += cells.re[at] ** 2 + cells.im[at] ** 2;
  return power / group.cell.length / (1 + 10 ** (snrDb / 10));
}

function channelEstimates(setting: LinkSetting, best: readonly Candidate[]): TapEstimate[] {
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
