import { describe, expect, it } from 'vitest';
import type { CodecCard } from '../../../src/codec/card.js';
import type { Codec } from '../../../src/codec/codec.js';
import { fitModel, verdictFrom, type VerdictSample } from '../../../src/link/verdict/learn.js';
import { createRng } from '../../../src/core/rng.js';
import type { Symptoms } from '../../../src/receiver/symptoms.js';
import { errorShown } from '../../../src/receiver/expected-error.js';
import {
  excessResidual,
  type Judged,
  judgedWithError,
  judgeSymptoms,
  lowered,
  textureOf,
  UNCALIBRATED,
} from '../../../src/receiver/verdict.js';

const right: Symptoms = {
  residual: 1.1,
  snr: 10,
  contrast: 0.05,
  roughness: 0.1,
  signLogOdds: 20,
  agreement: 1,
  codewordGain: 0.2,
  refinedResidual: 1,
  refinedVariance: 0.1,
  phaseError: 0.05,
  expectedError: null,
};
const setting = (snrDb = 10, verdict?: CodecCard['verdict']) => ({ snrDb, codec: { card: { verdict } } as Codec });
const judge = (symptoms: Partial<Symptoms>, snrDb = 10) => judgeSymptoms(setting(snrDb), { ...right, ...symptoms });

describe('the verdict', () => {
  it('calls decoded what looks right, for receivers that search and that do not', () => {
    expect(judge({}).verdict).toBe('decoded');
    expect(judge({ agreement: null }).verdict).toBe('decoded');
  });

  it('promises nothing of a picture of one colour to a receiver that had to find the sign', () => {
    expect(judge({ contrast: 1e-4 }).verdict).toBe('doubtful');
    expect(judge({ contrast: 1e-4, agreement: null }).verdict).toBe('decoded');
  });

  it('promises nothing below the contrast that its card asks for, where it searched', () => {
    const verdict = { ...UNCALIBRATED, leastContrast: 0.02 };
    const at = (contrast: number, agreement: number | null = 1): string =>
      judgeSymptoms(setting(10, verdict), { ...right, contrast, agreement }).verdict;
    expect([at(0.019), at(0.021), at(0.019, null)]).toEqual(['doubtful', 'decoded', 'decoded']);
  });

  it('gains nothing from a residual below what is expected', () => {
    const { expected } = UNCALIBRATED;
    expect(excessResidual(expected, 0.01, 10)).toBe(0);
    expect(judge({ residual: 1e-9 }).chance).toBe(judge({ residual: 1.1 }).chance);
    expect(excessResidual(expected, 1.1 * Math.E, 10)).toBeCloseTo(1, 6);
    expect(excessResidual(expected, 1e9, 10)).toBe(3);
  });

  it('falls with every symptom of failure', () => {
    const chance = judge({}).chance;
    expect(judge({ residual: 3 }).chance).toBeLessThan(chance);
    expect(judge({ signLogOdds: 1 }).chance).toBeLessThan(chance);
    expect(judge({ agreement: 0.2 }).chance).toBeLessThan(chance);
  });

  it.each([
    ['an SNR below −10 dB', { snr: 0.05 }, -10],
    ['an SNR 16 dB below the design’s', { snr: 0.3 }, 12],
    ['an SNR of nothing at all', { snr: -0.5 }, 10],
    ['a residual that is no number', { residual: Number.NaN }, 10],
    ['an SNR that is no number', { snr: Number.NaN }, 10],
  ])('%s is an obstacle, whatever else is seen', (_, symptoms, snrDb) => {
    expect(judge(symptoms, snrDb).verdict).toBe('failed');
  });

  it('hears what the codeword’s own statistics and the refiner say, where the card knows what is usual', () => {
    const usual = { codewordGain: [0.2], codewordGainSpread: [0.05], refinedResidual: [1], refinedVariance: [0.1] };
    const expected = { ...UNCALIBRATED.expected, snrDb: [10], residual: [1], sign: [20], roughness: [0.1], ...usual };
    const model = { ...UNCALIBRATED.blind, gain: 1, misfit: -1, vagueness: -1 };
    const verdict = { expected, informed: model, blind: model };
    const chance = (seen: Partial<Symptoms>): number =>
      judgeSymptoms(setting(10, verdict), { ...right, ...seen }).chance;
    const odds = (p: number): number => Math.log(p / (1 - p));
    const plain = odds(chance({}));
    expect(odds(chance({ codewordGain: 0.1 })) - plain).toBeCloseTo(-2, 6);
    expect(odds(chance({ codewordGain: -9 })) - plain).toBeCloseTo(-6, 6);
    expect(odds(chance({ refinedResidual: Math.E })) - plain).toBeCloseTo(-1, 6);
    expect(odds(chance({ refinedVariance: 0.1 * Math.exp(0.5) })) - plain).toBeCloseTo(-0.5, 6);
    expect(chance({ codewordGain: null, refinedResidual: null, refinedVariance: null })).toBe(chance({}));
  });

  it('hears of OFDM symbols that are turned', () => {
    const usual = { phaseError: [0.05] };
    const expected = { ...UNCALIBRATED.expected, snrDb: [10], residual: [1], sign: [20], roughness: [0.1], ...usual };
    const model = { ...UNCALIBRATED.blind, turned: -2 };
    const verdict = { expected, informed: model, blind: model };
    const chance = (seen: Partial<Symptoms>): number =>
      judgeSymptoms(setting(10, verdict), { ...right, ...seen }).chance;
    const odds = (p: number): number => Math.log(p / (1 - p));
    const plain = odds(chance({}));
    expect(odds(chance({ phaseError: 0.07 * Math.E - 0.02 })) - plain).toBeCloseTo(-2, 6);
    // Less than usual proves nothing.
    expect(chance({ phaseError: 0 })).toBe(chance({}));
  });

  it('hears what PSNR the receiver expects, 5 dB about the one of a success', () => {
    const model = { ...UNCALIBRATED.blind, distortion: 3 };
    const verdict = { expected: UNCALIBRATED.expected, informed: model, blind: model };
    const odds = (expectedError: number | null): number => {
      const { chance } = judgeSymptoms(setting(10, verdict), { ...right, expectedError });
      return Math.log(chance / (1 - chance));
    };
    const plain = odds(null);
    expect(odds(10 ** -1.5) - plain).toBeCloseTo(0, 6);
    expect(odds(10 ** -1.7) - plain).toBeCloseTo(1.2, 6);
    expect(odds(10 ** -1.4) - plain).toBeCloseTo(-0.6, 6);
    expect([odds(10 ** -2.6), odds(1)]).toEqual([odds(10 ** -2), odds(10 ** -1)]);
  });

  it('of another picture that is shown is what it would have been with that one’s expected error', () => {
    const blind = { ...UNCALIBRATED.blind, distortion: 12, decoded: 0.9 };
    const known = setting(10, { ...UNCALIBRATED, blind });
    const at = (expectedError: number): Judged => judgeSymptoms(known, { ...right, expectedError });
    const [fine, poor] = [10 ** -1.8, 10 ** -1.2];
    const moved = judgedWithError(known, at(fine), { ...right, expectedError: fine }, poor);
    expect(at(fine).verdict).toBe('decoded');
    expect(moved.chance).toBeCloseTo(at(poor).chance, 9);
    expect(moved.verdict).toBe(at(poor).verdict);
    expect(moved.verdict).not.toBe('decoded');
    // Never raised: neither by a smaller error nor where something else had lowered it.
    expect(judgedWithError(known, at(poor), { ...right, expectedError: poor }, fine)).toEqual(at(poor));
    const low: Judged = { chance: 0.99, verdict: 'doubtful' };
    expect(judgedWithError(known, low, { ...right, expectedError: fine }, fine * 1.1).verdict).toBe('doubtful');
  });

  it('is lowered by a share of its chance', () => {
    expect(lowered({ chance: 0.99, verdict: 'decoded' }, 0.95).verdict).toBe('decoded');
    expect(lowered({ chance: 0.99, verdict: 'decoded' }, 0.6)).toEqual({ chance: 0.99 * 0.6, verdict: 'doubtful' });
    expect(lowered({ chance: 0.99, verdict: 'decoded' }, 0.1).verdict).toBe('failed');
  });
});

it('the error of a picture shown in place of the decoded one is that one’s and the distance between the two', () => {
  const [decoded, shown] = [new Float32Array(12).fill(0.5), new Float32Array(12).fill(0.6)];
  expect(errorShown(0.02, shown, decoded)).toBeCloseTo(0.03, 6);
  expect(errorShown(0.02, decoded, decoded)).toBe(0.02);
  expect(errorShown(null, shown, decoded)).toBeNull();
});

describe('texture', () => {
  it('is 1 for white noise, small for a slope, nothing for a flat picture', () => {
    const rng = createRng(1);
    const noise = Float32Array.from({ length: 3 * 64 * 64 }, () => 0.5 + 0.1 * rng.gaussian());
    expect(textureOf(noise, 64).roughness).toBeCloseTo(1, 1);
    expect(textureOf(noise, 64).contrast).toBeCloseTo(0.01, 3);
    const slope = noise.map((_, i) => (i % 64) / 64);
    expect(textureOf(slope, 64).roughness).toBeLessThan(0.01);
    expect(textureOf(new Float32Array(3 * 64).fill(0.3), 8)).toEqual({ contrast: 0, roughness: 0 });
  });
});

describe('a model fitted to samples', () => {
  /** Frames that succeed where the residual is as expected and the sign is clear. */
  const rng = createRng(3);
  const samples = Array.from({ length: 600 }, (_, i): VerdictSample => {
    const success = rng.uniform() < 0.6;
    const residual = success ? 1 + 0.1 * rng.uniform() : 1 + 4 * rng.uniform();
    const signLogOdds = success ? 10 + 10 * rng.uniform() : 8 * rng.uniform();
    const symptoms = { ...right, residual, signLogOdds };
    return { condition: `c${i % 4}`, fits: i % 4 === 0, receiver: 'x', symptoms, success, psnrDb: success ? 25 : 10 };
  });

  it('keeps its precision under every condition, and calls most successes decoded', () => {
    const model = fitModel(samples, UNCALIBRATED.expected);
    const verdict = { expected: UNCALIBRATED.expected, informed: model, blind: model };
    const decoded = samples.filter(
      ({ symptoms }) => judgeSymptoms(setting(10, verdict), symptoms).verdict === 'decoded',
    );
    const wrong = decoded.filter(({ success }) => !success).length;
    expect(wrong / decoded.length).toBeLessThanOrEqual(0.01);
    expect(decoded.length).toBeGreaterThan(0.9 * samples.filter(({ success }) => success).length);
    expect(model.excess).toBeLessThan(0);
    expect(model.sign).toBeGreaterThan(0);
    expect(model).not.toHaveProperty('decodedInNoise');
    // One wrong frame of a rare condition looks much like the right ones: where fewer of these need be believed, the threshold leaves it out.
    const odd = { ...right, residual: 1.06, signLogOdds: 12.5 };
    const rare = { ...samples[0], condition: 'rare', fits: false, symptoms: odd, success: false };
    const [careful, bold] = [0.5, 1].map((recall) => fitModel([...samples, rare], UNCALIBRATED.expected, recall));
    expect(careful.decoded).toBeGreaterThan(bold.decoded);
  });

  it('is learnt for receivers that know their channel alone, where no other was seen: what is usual and the other model stay', () => {
    const known = samples.map((sample) => ({
      ...sample,
      condition: 'still 10 dB',
      receiver: 'perfect',
      symptoms: { ...sample.symptoms, agreement: null },
    }));
    const verdict = verdictFrom(known, { before: UNCALIBRATED });
    const { phaseError, ...usual } = verdict.expected;
    expect(usual).toEqual(UNCALIBRATED.expected);
    // Of each SNR that it has; all samples have the one.
    expect(phaseError).toEqual([0.05, 0.05, 0.05, 0.05, 0.05]);
    expect(verdict.blind).toEqual(UNCALIBRATED.blind);
    expect(verdict.informed).toEqual(fitModel(known, verdict.expected));
    const searching = verdictFrom([...known, ...samples], { before: UNCALIBRATED });
    expect(searching.blind).toEqual(fitModel(samples, searching.expected));
    expect(() => verdictFrom(known)).toThrow(/no frame of a receiver without pilots/);
    expect(() => verdictFrom(samples)).toThrow(/no frame of perfect/);
  });

  it('keeps it in noise too, where failures look right, and costs nothing where there is less noise', () => {
    const noise = createRng(4);
    // One frame of eight in noise fails, and shows it by little more than less contrast.
    const noisy = Array.from({ length: 300 }, (_, i): VerdictSample => {
      const success = i % 8 > 0;
      const contrast = (success ? 0.05 : 0.03) * Math.exp(0.3 * noise.gaussian());
      const symptoms = { ...right, snr: 0.2, contrast };
      return { condition: 'noise', fits: false, receiver: 'x', symptoms, success, psnrDb: success ? 16 : 14 };
    });
    const model = fitModel([...samples, ...noisy], UNCALIBRATED.expected);
    const verdict = { expected: UNCALIBRATED.expected, informed: model, blind: model };
    const decodedOf = (list: readonly VerdictSample[], snrDb: number): VerdictSample[] =>
      list.filter(({ symptoms }) => judgeSymptoms(setting(snrDb, verdict), symptoms).verdict === 'decoded');
    expect(model.decodedInNoise).toBeGreaterThan(model.decoded);
    const inNoise = decodedOf(noisy, -7);
    expect(inNoise.filter(({ success }) => !success).length).toBeLessThanOrEqual(0.005 * inNoise.length);
    expect(decodedOf(samples, 10).length).toBeGreaterThan(0.9 * samples.filter(({ success }) => success).length);
    // One threshold for all would break the promise there.
    const plain = { ...model, decodedInNoise: undefined };
    const broken = noisy.filter(
      ({ symptoms }) =>
        judgeSymptoms(setting(-7, { ...verdict, informed: plain, blind: plain }), symptoms).verdict === 'decoded',
    );
    expect(broken.filter(({ success }) => !success).length).toBeGreaterThan(0.05 * broken.length);
  });
});
