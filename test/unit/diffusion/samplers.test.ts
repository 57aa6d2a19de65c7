import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AbortedError } from '../../../src/core/errors.js';
import { createRng } from '../../../src/core/rng.js';
import { type Denoiser, openDenoiser } from '../../../src/diffusion/denoiser.js';
import {
  type SamplerStep,
  posteriorCoefficients,
  normalTensor,
  sampleAncestral,
  sampleDdim,
  sampleMultistep,
  scaled,
} from '../../../src/diffusion/samplers.js';
import { karrasSigmas, linearSchedule, respace, stepNearest, timeOf } from '../../../src/diffusion/schedule.js';
import { createOnnxRuntime } from '../../../src/runtime/onnx-runtime.js';
import { tensor } from '../../../src/runtime/tensor.js';
import { exactDenoised, MEAN, SPREAD, writeGaussianPrior } from '../../support/gaussian-prior.js';

const runtime = createOnnxRuntime({ threads: 1 });
afterAll(() => runtime.dispose());

const open = (...prior: Parameters<typeof writeGaussianPrior>): Promise<Denoiser> =>
  openDenoiser(writeGaussianPrior(...prior), runtime);

async function last(steps: AsyncIterable<SamplerStep>): Promise<SamplerStep> {
  let final: SamplerStep | null = null;
  for await (const step of steps) final = step;
  if (final === null) throw new Error('no steps');
  return final;
}

function moments(values: Float32Array): { mean: number; deviation: number } {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return { mean, deviation: Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length) };
}

let denoiser: Denoiser;
beforeAll(async () => {
  denoiser = await open('denoised');
});
const dims = [2, 3, 32, 32];

describe('a denoiser', () => {
  it.each([
    ['denoised', [-1, 1], 3],
    ['x0', [-1, 1], 3],
    ['epsilon', [-1, 1], 6],
    ['v', [-1, 1], 3],
    ['epsilon', [0, 1], 3],
    ['denoised', [0, 1], 3],
  ] as const)('adapts a network that predicts %s in %s with %d channels', async (kind, range, channels) => {
    const adapted = await open(kind, range, channels);
    for (const sigma of [0.05, 0.7, 12]) {
      const x = tensor(
        Float32Array.from({ length: 768 }, (_, i) => Math.sin(i) * (1 + sigma)),
        [1, 3, 16, 16],
      );
      const { data } = await adapted.denoise(x, sigma);
      x.data.forEach((v, i) => expect(data[i]).toBeCloseTo(exactDenoised(v, sigma), 3));
    }
  });

  it('refuses pictures that do not fit and cards that name no network', async () => {
    await expect(denoiser.denoise(tensor(new Float32Array(16), [1, 1, 4, 4]), 1)).rejects.toThrow(
      /\[N, 3, height, width\]/,
    );
    await expect(openDenoiser('/nowhere/card.json', runtime)).rejects.toThrow(/no such prior card/);
  });
});

describe('the schedule', () => {
  const schedule = linearSchedule();
  it('is DDPM’s: ᾱ falls from 1 to 4e-5', () => {
    expect(schedule.alphaBar[0]).toBe(1);
    expect(schedule.alphaBar[1]).toBeCloseTo(0.9999, 10);
    expect(schedule.alphaBar[1000]).toBeCloseTo(4.036e-5, 7);
    expect(schedule.sigma[1000]).toBeCloseTo(157.4, 0);
  });

  it('finds times by noise, exactly at its steps', () => {
    for (const t of [1, 2, 500, 999, 1000]) expect(timeOf(schedule, schedule.sigma[t])).toBeCloseTo(t, 6);
    expect(timeOf(schedule, 1e-9)).toBe(1);
    expect(timeOf(schedule, 1e9)).toBe(1000);
    const t = stepNearest(schedule, 0);
    expect(schedule.sigma[t]).toBeCloseTo(1, 1);
  });

  it('respaces from end to end and refuses nothing to do', () => {
    expect([...respace(1000, 4)]).toEqual([1000, 667, 334, 1]);
    expect([...respace(3, 10)]).toEqual([3, 2, 1]);
    expect(() => respace(0, 4)).toThrow(/at least 1/);
    expect(() => linearSchedule(1)).toThrow(/2 steps or more/);
    const sigmas = karrasSigmas(10, 0.1, 5);
    expect(sigmas[0]).toBeCloseTo(10, 9);
    expect(sigmas[4]).toBeCloseTo(0.1, 9);
  });

  it('gives ancestral steps that keep the marginal: x_s has variance ᾱ_s·s² + 1−ᾱ_s for exact x̂₀', () => {
    for (const [t, s] of [
      [1000, 800],
      [300, 299],
      [40, 0],
    ]) {
      const { fromDenoised, fromChain, deviation: noise } = posteriorCoefficients(schedule, t, s);
      // x_t = √ᾱ_t·x₀ + √(1−ᾱ_t)·ε with x̂₀ = x₀ gives q(x_s | x₀).
      const signal = fromDenoised + fromChain * Math.sqrt(schedule.alphaBar[t]);
      const variance = fromChain ** 2 * (1 - schedule.alphaBar[t]) + noise ** 2;
      expect(signal).toBeCloseTo(Math.sqrt(schedule.alphaBar[s]), 9);
      expect(variance).toBeCloseTo(1 - schedule.alphaBar[s], 9);
    }
  });
});

describe('samplers', () => {
  it('draw the prior: ancestral', async () => {
    const { chain } = await last(sampleAncestral(denoiser, dims, respace(1000, 100), createRng(1)));
    const { mean, deviation } = moments(chain.data);
    expect(mean).toBeCloseTo(MEAN, 1);
    expect(deviation).toBeGreaterThan(0.85 * SPREAD);
    expect(deviation).toBeLessThan(1.1 * SPREAD);
  });

  it.each([0, 0.5, 1])('draw the prior: DDIM with η = %d', async (eta) => {
    const sigmas = karrasSigmas(80, 0.005, 60);
    const start = scaled(normalTensor(dims, createRng(2)), 80);
    const { chain } = await last(sampleDdim(denoiser, start, sigmas, { eta, rng: createRng(3) }));
    const { mean, deviation } = moments(chain.data);
    expect(mean).toBeCloseTo(MEAN, 1);
    expect(deviation / SPREAD).toBeGreaterThan(0.85);
    expect(deviation / SPREAD).toBeLessThan(1.1);
  });

  it('are of second order where they say so: halving the step quarters the error', async () => {
    const start = tensor(new Float32Array(768).fill(5), [1, 3, 16, 16]);
    // The probability flow has a closed form for this prior.
    const truth = (from: number, to: number): number =>
      MEAN + (5 - MEAN) * Math.sqrt((SPREAD ** 2 + to ** 2) / (SPREAD ** 2 + from ** 2));
    const errorOf = async (count: number, second: boolean): Promise<number> => {
      const sigmas = Float64Array.from({ length: count + 1 }, (_, i) => 4 * (0.2 / 4) ** (i / count));
      const run = second
        ? sampleMultistep(denoiser, start, sigmas)
        : sampleDdim(denoiser, start, sigmas, { eta: 0, rng: createRng(1) });
      for await (const { sigma, chain } of run) {
        if (Math.abs(sigma - 0.2) < 1e-9) return Math.abs(chain.data[0] - truth(4, 0.2));
      }
      throw new Error('never came to 0.2');
    };
    expect((await errorOf(10, false)) / (await errorOf(20, false))).toBeGreaterThan(1.6);
    expect((await errorOf(10, false)) / (await errorOf(20, false))).toBeLessThan(2.6);
    expect((await errorOf(10, true)) / (await errorOf(20, true))).toBeGreaterThan(3);
    expect(await errorOf(20, true)).toBeLessThan((await errorOf(20, false)) / 4);
  });

  it('repeat for a seed and stop when cancelled', async () => {
    const draw = async (seed: number): Promise<number> =>
      (await last(sampleAncestral(denoiser, [1, 3, 16, 16], respace(1000, 5), createRng(seed)))).chain.data[7];
    expect(await draw(4)).toBe(await draw(4));
    expect(await draw(4)).not.toBe(await draw(5));
    const controller = new AbortController();
    const run = sampleAncestral(denoiser, [1, 3, 16, 16], respace(1000, 5), createRng(1), controller.signal);
    const consume = async (): Promise<number> => {
      let seen = 0;
      for await (const { step } of run) {
        seen = step;
        controller.abort();
      }
      return seen;
    };
    await expect(consume()).rejects.toThrow(AbortedError);
  });
});
