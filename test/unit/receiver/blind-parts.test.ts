import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Codec, openCodec } from '../../../src/codec/codec.js';
import { symbolsOf } from '../../../src/codec/layout.js';
import { truncate } from '../../../src/codec/statistics.js';
import { type RawConfig, resolveConfig } from '../../../src/config/load.js';
import { type ComplexArray, createComplex } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { findModel } from '../../../src/core/shipped-models.js';
import { createLinkSetting, gridOf } from '../../../src/link/setting/link-setting.js';
import { createCodewordGraph, createEvidenceGraph } from '../../../src/receiver/blind/codeword-graph.js';
import { channelUnder } from '../../../src/receiver/blind/candidate.js';
import { BlindChain } from '../../../src/receiver/blind/em-state.js';
import { findGroups } from '../../../src/receiver/blind/groups.js';
import { type BlindModel, runIterations } from '../../../src/receiver/blind/iterations.js';
import { createMotionModels } from '../../../src/receiver/blind/motion.js';
import { rankAlone, signsInContext } from '../../../src/receiver/blind/parts.js';
import { judge, weighEvidence } from '../../../src/receiver/blind/ranking.js';
import { chooseSigns, signLogOddsOf, withTilesAligned } from '../../../src/receiver/blind/sign.js';
import { createChannelEstimator, createRow } from '../../../src/receiver/channel-posterior.js';
import { codewordSymptoms, codewordSymptomsOf } from '../../../src/receiver/codeword-symptoms.js';
import { createMovingEstimator, jakesBasis } from '../../../src/receiver/moving-channel.js';
import { equalise } from '../../../src/receiver/equalise.js';
import type { LinkSetting } from '../../../src/receiver/receiver.js';
import { phaseErrorOver, residualEnergy } from '../../../src/receiver/residual.js';
import { createOnnxRuntime } from '../../../src/runtime/onnx-runtime.js';
import { builtinPicture } from '../../../src/source/builtin-pictures.js';

const runtime = createOnnxRuntime({ threads: 1 });
let codec: Codec;
beforeAll(async () => {
  codec = await openCodec(findModel('codec', 'faces-12'), runtime);
});
afterAll(() => runtime.dispose());

const settingOf = (raw: RawConfig = {}, edge = 64): LinkSetting => {
  const config = resolveConfig(raw);
  return createLinkSetting(config, codec, gridOf(config), { height: edge, width: edge });
};

interface Scene {
  readonly setting: LinkSetting;
  readonly codeword: ComplexArray;
  readonly elements: ComplexArray;
  readonly response: ComplexArray;
  readonly problem: BlindModel;
}

/** A face through taps, with noise. */
async function scene({ sigma2 = 0.05, seed = 1 } = {}): Promise<Scene> {
  const setting = settingOf();
  const { grid, interleaver, layout, tapPrior } = setting;
  const picture = await builtinPicture('faces', 2, 64);
  const codeword = symbolsOf(layout, await codec.encode(picture.data, 1, layout, setting.snrDb));
  const rng = createRng(seed);
  const estimator = createChannelEstimator(grid.dataBins, grid.fftSize, tapPrior);
  const taps = createRow(tapPrior.length);
  tapPrior.forEach((p, l) => {
    taps.re[l] = Math.sqrt(p / 2) * rng.gaussian();
    taps.im[l] = Math.sqrt(p / 2) * rng.gaussian();
  });
  const row = estimator.certain(taps).response;
  const elements = createComplex(grid.elementsPerPacket);
  const response = createComplex(grid.elementsPerPacket);
  interleaver.interleave(codeword, elements);
  for (let i = 0; i < elements.re.length; i++) {
    const m = i % grid.numDataSubcarriers;
    const [hr, hi] = [row.re[m], row.im[m]];
    const [xr, xi] = [elements.re[i], elements.im[i]];
    const noise = Math.sqrt(sigma2 / 2);
    response.re[i] = hr;
    response.im[i] = hi;
    elements.re[i] = hr * xr - hi * xi + noise * rng.gaussian();
    elements.im[i] = hr * xi + hi * xr + noise * rng.gaussian();
  }
  const statistics = codec.statistics!;
  const config = {
    rank: 64,
    passes: 20,
    annealing: 30,
    solverSteps: 6,
    refinements: 0,
    initialStarts: 1,
    starts: 1,
    sureAbove: 0.9,
    tracking: 'none' as const,
    dopplers: [0.01, 0.05],
  };
  const rank = Math.min(config.rank, statistics.rank);
  const eStep = createCodewordGraph(statistics, rank, config.solverSteps);
  const evidence = createEvidenceGraph(statistics, rank);
  return {
    setting,
    codeword,
    elements,
    response,
    problem: { setting, config, runtime, eStep, evidence, estimator, rank },
  };
}

const chainOf = ({ setting, problem, elements }: Scene, sigma2 = 0.05): BlindChain => {
  const chain = new BlindChain(setting, findGroups(setting)[0], problem.estimator, elements, sigma2);
  chain.startFromMean(codec.statistics!.mean);
  return chain;
};
const candidateOf = (chain: BlindChain) => ({
  chain,
  signs: Int8Array.of(1),
  signLogOdds: 0,
  evidence: Number.NaN,
  power: Number.NaN,
  residual: Number.NaN,
  energy: Number.NaN,
  alone: Number.NaN,
  worst: Number.NaN,
  phaseError: Number.NaN,
});

/** A face of four tiles, each through a channel of its own that is known up to `signs`. */
async function parts(signs: readonly number[]) {
  const setting = settingOf({}, 128);
  const { grid, interleaver, layout, tapPrior } = setting;
  const picture = await builtinPicture('faces', 3, 128);
  const codeword = symbolsOf(layout, await codec.encode(picture.data, 1, layout, setting.snrDb));
  const rng = createRng(5);
  const estimator = createChannelEstimator(grid.dataBins, grid.fftSize, tapPrior);
  const elements = createComplex(interleaver.numPackets * grid.elementsPerPacket);
  interleaver.interleave(codeword, elements);
  const certain = signs.map(() => {
    const taps = createRow(tapPrior.length);
    tapPrior.forEach((p, l) => {
      taps.re[l] = Math.sqrt(p / 2) * rng.gaussian();
      taps.im[l] = Math.sqrt(p / 2) * rng.gaussian();
    });
    return estimator.certain(taps);
  });
  const sigma2 = 0.1;
  for (let i = 0; i < elements.re.length; i++) {
    const { response } = certain[Math.floor(i / grid.elementsPerPacket)];
    const m = i % grid.numDataSubcarriers;
    const [xr, xi, hr, hi] = [elements.re[i], elements.im[i], response.re[m], response.im[m]];
    elements.re[i] = hr * xr - hi * xi + Math.sqrt(sigma2 / 2) * rng.gaussian();
    elements.im[i] = hr * xi + hi * xr + Math.sqrt(sigma2 / 2) * rng.gaussian();
  }
  const candidates = findGroups(setting).map((group, g) => {
    const chain = new BlindChain(setting, group, estimator, elements, sigma2);
    chain.posteriors.push(certain[g]);
    return { ...candidateOf(chain), evidence: 0, signs: Int8Array.of(signs[g]), signLogOdds: 1 };
  });
  return { setting, elements, candidates, sigma2 };
}

describe('the parts of a larger picture', () => {
  it('show by themselves which of their candidates is right', async () => {
    const { setting, elements, candidates } = await parts([1, 1, 1, 1]);
    expect(candidates).toHaveLength(4);
    const wrong = { ...candidates[1], signs: Int8Array.of(-1) };
    await rankAlone(setting, elements, [candidates[1], wrong], { evaluations: 0 });
    expect(candidates[1].alone).toBeLessThan(wrong.alone - 100);
  });

  it('have their signs settled by their neighbours, whatever each believes', async () => {
    const { setting, elements, candidates, sigma2 } = await parts([1, 1, -1, 1]);
    const channel = channelUnder(candidates, elements.re.length);
    const equalised = equalise(setting, elements, channel, sigma2);
    const settled = await signsInContext(setting, elements, candidates, equalised, { evaluations: 0 });
    expect(settled?.map(({ signs }) => signs[0])).toEqual([1, 1, 1, 1]);
    expect(settled?.every(({ signLogOdds }) => signLogOdds > 1)).toBe(true);
    // What is sure of itself is left alone.
    const sure = candidates.map((candidate) => ({ ...candidate, signLogOdds: 30 }));
    expect(await signsInContext(setting, elements, sure, equalised, { evaluations: 0 })).toBeNull();
  });
});

describe('EM', () => {
  const still = { estimateNoise: false, counter: { evaluations: 0 } };

  it('raises the evidence pass by pass, and then stands', async () => {
    const made = await scene();
    const values: number[] = [];
    for (const passes of [1, 2, 4, 8, 16]) {
      const chain = chainOf(made);
      await runIterations(made.problem, [chain], { ...still, passes, annealing: 1 });
      const candidate = candidateOf(chain);
      await weighEvidence(made.problem, [candidate], { evaluations: 0 });
      const [{ priorEnergy, logDet }] = chain.posteriors;
      values.push(candidate.evidence + 2 * (priorEnergy + logDet));
    }
    // Smaller is more likely; the rescaling of parameter expansion may cost a little of the last steps.
    for (let i = 1; i < values.length; i++) expect(values[i]).toBeLessThan(values[i - 1] + 0.01 * Math.abs(values[0]));
    expect(values.at(-1)!).toBeLessThan(values[0] - 20);
  });

  it('finds the channel up to its sign, and the sign is settled rightly', async () => {
    const made = await scene();
    const chain = chainOf(made);
    await runIterations(made.problem, [chain], still);
    const { signs, logOdds } = await chooseSigns(made.setting, chain, made.elements);
    const { response } = chain.posteriors[0];
    let [error, power] = [0, 0];
    for (let m = 0; m < 64; m++) {
      error +=
        (signs[0] * response.re[m] - made.response.re[m]) ** 2 + (signs[0] * response.im[m] - made.response.im[m]) ** 2;
      power += made.response.re[m] ** 2 + made.response.im[m] ** 2;
    }
    expect(error / power).toBeLessThan(0.05);
    expect(logOdds).toBeGreaterThan(3);
    chain.turn(Int8Array.of(-1));
    const turned = await chooseSigns(made.setting, chain, made.elements);
    expect(turned.signs[0]).toBe(-signs[0]);
    expect(turned.logOdds).toBeCloseTo(logOdds, 2);
  });

  it('has its candidates decoded once each, and the best of all judged so far chosen', async () => {
    const made = await scene();
    const chain = chainOf(made);
    await runIterations(made.problem, [chain], still);
    const { signs } = await chooseSigns(made.setting, chain, made.elements);
    const [right, wrong] = [1, -1].map((turn) => ({
      ...candidateOf(chain),
      evidence: 0,
      signs: signs.map((sign) => turn * sign),
    }));
    const known = new Map();
    const counter = { evaluations: 0 };
    const first = await judge(made.problem, made.elements, [[right]], counter, known);
    expect(counter.evaluations).toBe(2);
    const { picture } = await first.decoded();
    const second = await judge(made.problem, made.elements, [[right, wrong]], counter, known);
    expect(counter.evaluations).toBe(4);
    expect(second.best).toEqual([right]);
    expect((await second.decoded()).picture).toBe(picture);
    const { best } = await judge(made.problem, made.elements, [[wrong, right]], counter, known);
    expect(best).toEqual([right]);
    expect(counter.evaluations).toBe(4);
  });

  it('ends where passes change nothing any more; a channel that may move has all of them', async () => {
    const made = await scene();
    const { setting, problem, elements } = made;
    const passesOf = async (chain: BlindChain, passes: number, annealing?: number): Promise<number> => {
      const counter = { evaluations: 0 };
      await runIterations(problem, [chain], { estimateNoise: false, counter, passes, annealing });
      return counter.evaluations;
    };
    const chain = chainOf(made);
    // 36 heated passes of 60, of which every other may be skipped; then a few.
    const made60 = await passesOf(chain, 60);
    expect(made60).toBeGreaterThanOrEqual(19);
    expect(made60).toBeLessThan(44);
    const found = chain.posteriors[0].response.re.slice();
    expect(await passesOf(chain, 60, 1)).toBeLessThan(8);
    const { response } = chain.posteriors[0];
    const [moved, power] = [0, 1].map((k) =>
      found.reduce((sum, v, m) => sum + (k === 0 ? v - response.re[m] : v) ** 2, 0),
    );
    expect(moved / power).toBeLessThan(1e-3);

    const { grid, tapPrior } = setting;
    const numTimes = elements.re.length / grid.numDataSubcarriers;
    const basis = jakesBasis(0.01, numTimes);
    const moving = createMovingEstimator(grid.dataBins, grid.fftSize, tapPrior, basis);
    const other = new BlindChain(setting, findGroups(setting)[0], moving, elements, 0.05);
    other.startFromMean(codec.statistics!.mean);
    expect(await passesOf(other, 40)).toBe(40);
  });

  it('takes a still channel to stand still', async () => {
    const made = await scene();
    const chain = chainOf(made);
    await runIterations(made.problem, [chain], still);
    const motion = createMotionModels(made.setting, made.problem.config.dopplers, made.problem.estimator);
    expect(motion.likeliest(chain)).toBeNull();
  });
});

describe('what is seen of a codeword', () => {
  it('is more for one of the codec’s than for what is none', async () => {
    const { setting, elements, response } = await scene();
    const channel = { response, responseVariance: null };
    const own = await codewordSymptoms(setting, elements, channel, 0.05);
    const rng = createRng(9);
    const white = createComplex(elements.re.length);
    for (let i = 0; i < white.re.length; i++) {
      const [xr, xi] = [Math.SQRT1_2 * rng.gaussian(), Math.SQRT1_2 * rng.gaussian()];
      white.re[i] = response.re[i] * xr - response.im[i] * xi + Math.sqrt(0.025) * rng.gaussian();
      white.im[i] = response.re[i] * xi + response.im[i] * xr + Math.sqrt(0.025) * rng.gaussian();
    }
    const foreign = await codewordSymptoms(setting, white, channel, 0.05);
    expect(own.codewordGain!).toBeGreaterThan(foreign.codewordGain! + 0.1);
    expect(own.refinedResidual!).toBeGreaterThan(0.7);
    expect(own.refinedResidual!).toBeLessThan(1.3);
    expect(foreign.refinedVariance!).toBeGreaterThan(1.2 * own.refinedVariance!);
  });

  it('is the same by the dense formula, for equal precisions', async () => {
    const { setting } = await scene();
    const { dimension: n, rank, basis, eigenvalues, mean, psi } = truncate(codec.statistics!, 128);
    const rng = createRng(4);
    const w = 8;
    const precision = new Float32Array(n).fill(w);
    const information = Float32Array.from({ length: n }, () => 3 * rng.gaussian());
    const { codewordGain } = await codewordSymptomsOf(setting, Int32Array.of(0), precision, information);
    // y = q/w ~ N(m, C + I/w) against N(0, (½ + 1/w)·I): the matrix determinant lemma and Woodbury's identity, with ψ as it is.
    const t = Array.from({ length: n }, (_, i) => information[i] / w - mean[i]);
    const d = Array.from({ length: n }, (_, i) => psi[i] + 1 / w);
    const inner = Matrix.zeros(rank, rank);
    const right = Matrix.zeros(rank, 1);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < rank; j++) {
        const u = basis[i * rank + j];
        right.set(j, 0, right.get(j, 0) + (u * t[i]) / d[i]);
        for (let k = 0; k <= j; k++) inner.set(j, k, inner.get(j, k) + (u * basis[i * rank + k]) / d[i]);
      }
    }
    for (let j = 0; j < rank; j++) {
      inner.set(j, j, inner.get(j, j) + 1 / eigenvalues[j]);
      for (let k = 0; k < j; k++) inner.set(k, j, inner.get(j, k));
    }
    const decomposition = new CholeskyDecomposition(inner);
    const solved = decomposition.solve(right);
    let quadratic = 0;
    let logDeterminant = 0;
    let white = 0;
    for (let i = 0; i < n; i++) {
      quadratic += t[i] ** 2 / d[i];
      logDeterminant += Math.log(d[i]);
      white += (information[i] / w) ** 2 / (0.5 + 1 / w) + Math.log(0.5 + 1 / w);
    }
    for (let j = 0; j < rank; j++) {
      quadratic -= right.get(j, 0) * solved.get(j, 0);
      logDeterminant += 2 * Math.log(decomposition.lowerTriangularMatrix.get(j, j)) + Math.log(eigenvalues[j]);
    }
    const dense = (white - quadratic - logDeterminant) / (2 * n);
    // ψ is not the same for every latent, so the precisions w/(1 + wψ) are only nearly equal.
    expect(Math.abs(codewordGain! - dense)).toBeLessThan(0.02 * Math.abs(dense) + 0.01);
  });
});

describe('a long channel that moves', () => {
  it('has tiles turned over that lie upside down', async () => {
    const setting = settingOf({ channel: { coherence: 'frame' } }, 128);
    const { grid, interleaver, layout, tapPrior } = setting;
    const picture = await builtinPicture('faces', 3, 128);
    const codeword = symbolsOf(layout, await codec.encode(picture.data, 1, layout, setting.snrDb));
    const elements = createComplex(interleaver.numPackets * grid.elementsPerPacket);
    interleaver.interleave(codeword, elements);
    const rng = createRng(2);
    elements.re.forEach((_, i) => {
      elements.re[i] += 0.15 * rng.gaussian();
      elements.im[i] += 0.15 * rng.gaussian();
    });
    const numTimes = interleaver.numPackets * (grid.pilotSymbols + grid.symbolsPerPacket);
    const estimator = createMovingEstimator(grid.dataBins, grid.fftSize, tapPrior, jakesBasis(0.01, numTimes));
    const [group] = findGroups(setting);
    const chain = new BlindChain(setting, group, estimator, elements, 0.05);
    // The codeword as sent, but for its last tile, which is upside down.
    const perTile = 2 * layout.tileSymbols;
    const mean = new Float32Array(group.tiles.length * perTile);
    for (let i = 0; i < group.element.length; i++) {
      const tile = Math.floor(group.tileIndex[i] / perTile);
      const symbol = interleaver.symbolOf[group.element[i]];
      const sign = tile === 3 ? -1 : 1;
      mean[group.tileIndex[i]] = sign * codeword.re[symbol];
      mean[group.tileIndex[i] + layout.tileSymbols] = sign * codeword.im[symbol];
    }
    const update = { tracking: 'none', estimateNoise: false } as const;
    chain.update(0.05, mean, new Float32Array(mean.length).fill(0.01), 0, update);
    const aligned = await withTilesAligned(setting, chain, elements);
    expect(aligned).not.toBeNull();
    expect(await signLogOddsOf(setting, aligned!, elements)).toBeGreaterThan(
      (await signLogOddsOf(setting, chain, elements)) + 3,
    );
    expect(await withTilesAligned(setting, aligned!, elements)).toBeNull();
  });
});

describe("a picture's codeword in place of what the passes found", () => {
  it('gives the phase of every symbol of an oscillator that wanders, whatever was found before', async () => {
    const one = await scene();
    const { setting, codeword, elements, response } = one;
    const { numDataSubcarriers, symbolsPerPacket } = setting.grid;
    const rng = createRng(11);
    const steps = Array.from({ length: symbolsPerPacket }, () => 0.7 * rng.gaussian());
    const phase = steps.map((_, t) => steps.slice(0, t + 1).reduce((sum, step) => sum + step, 0));
    elements.re.forEach((re, i) => {
      const angle = phase[Math.floor(i / numDataSubcarriers)];
      const im = elements.im[i];
      elements.re[i] = re * Math.cos(angle) - im * Math.sin(angle);
      elements.im[i] = re * Math.sin(angle) + im * Math.cos(angle);
    });
    const chain = chainOf(one).withCodeword(codeword);
    expect(chain.wanders).toBe(true);
    // Response and phase together are what was sent through; both have a mean phase of their own.
    const { group, posteriors } = chain;
    let [error, energy] = [0, 0];
    group.element.forEach((element, i) => {
      const { response: row } = posteriors[0];
      const m = group.subcarrier[i];
      const found = chain.residualPhaseAt(0, group.time[i], m);
      const angle = phase[Math.floor(element / numDataSubcarriers)];
      const [hr, hi] = [response.re[element], response.im[element]];
      const re =
        row.re[m] * Math.cos(found) - row.im[m] * Math.sin(found) - hr * Math.cos(angle) + hi * Math.sin(angle);
      const im =
        row.re[m] * Math.sin(found) + row.im[m] * Math.cos(found) - hr * Math.sin(angle) - hi * Math.cos(angle);
      error += re * re + im * im;
      energy += hr * hr + hi * hi;
    });
    expect(error / energy).toBeLessThan(0.02);
  });
});

describe('groups', () => {
  it('are a tile and its packet, or everything where packets share a channel', () => {
    const apart = findGroups(settingOf({}, 128));
    expect(apart.map(({ channels, tiles }) => [channels.length, tiles.length])).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
    const [whole, ...rest] = findGroups(settingOf({ channel: { coherence: 'frame' } }, 128));
    expect(rest).toHaveLength(0);
    expect(whole.tiles).toHaveLength(4);
    expect([...whole.channels]).toEqual([0]);
    // One channel's time goes on through all packets, pilots included.
    expect(Math.max(...whole.time)).toBe(3 * 17 + 15);
  });

  it('hold every symbol once', () => {
    const setting = settingOf({}, 128);
    const seen = findGroups(setting).flatMap(({ element }) => [...element].map((c) => setting.interleaver.symbolOf[c]));
    expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: setting.layout.numSymbols }, (_, i) => i));
  });
});

describe('the residual', () => {
  it('is the noise alone for what was sent, by definition for anything else', async () => {
    const made = await scene({ sigma2: 0.1 });
    const all = Int32Array.from({ length: made.elements.re.length }, (_, i) => i);
    const energy = residualEnergy(made.setting, made.elements, made.response, made.codeword, all);
    expect(energy / all.length).toBeCloseTo(0.1, 1);
    const nothing = createComplex(made.codeword.re.length);
    let power = 0;
    for (let i = 0; i < all.length; i++) power += made.elements.re[i] ** 2 + made.elements.im[i] ** 2;
    expect(residualEnergy(made.setting, made.elements, made.response, nothing, all)).toBeCloseTo(power, 2);
    expect(residualEnergy(made.setting, made.elements, made.response, nothing, Int32Array.of(3))).toBeCloseTo(
      made.elements.re[3] ** 2 + made.elements.im[3] ** 2,
      6,
    );
  });

  it('is told apart from symbols that are turned', async () => {
    const made = await scene({ sigma2: 1e-4 });
    const { setting, response, codeword } = made;
    const all = Int32Array.from({ length: made.elements.re.length }, (_, i) => i);
    const phaseError = (elements: ComplexArray) => phaseErrorOver(setting, elements, response, codeword, all);
    expect(phaseError(made.elements)).toBeLessThan(0.01);
    /** Every symbol t turned by angle(t), and its amplitude times gain(t). */
    const changed = (angle: (t: number) => number, gain: (t: number) => number = () => 1): ComplexArray => {
      const out = createComplex(all.length);
      for (const i of all) {
        const t = Math.floor(i / setting.grid.numDataSubcarriers);
        const [cos, sin] = [gain(t) * Math.cos(angle(t)), gain(t) * Math.sin(angle(t))];
        out.re[i] = made.elements.re[i] * cos - made.elements.im[i] * sin;
        out.im[i] = made.elements.re[i] * sin + made.elements.im[i] * cos;
      }
      return out;
    };
    expect(phaseError(changed(() => 0.4))).toBeCloseTo(0.4, 2);
    // One way and the other: cos φ is the mean of the cosines.
    expect(phaseError(changed((t) => (t % 2 === 0 ? 0.3 : -0.3)))).toBeCloseTo(0.3, 2);
    const louder = changed(
      () => 0,
      (t) => (t < 8 ? 1 : 2),
    );
    expect(phaseError(louder)).toBeLessThan(0.01);
  });
});
