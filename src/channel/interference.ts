import { z } from 'zod';
import type { Impairment } from './impairment.js';
import type { Rng } from '../core/rng.js';
import { dbToPower } from '../core/units.js';
import { requireBetween, requireFinite, requirePositive } from './checks.js';
import type { ImpulseConfig, ToneConfig } from './config.js';
import { createReplayableNormals, type ReplayableNormals } from './replayable-normals.js';
import { sameLength, type StreamBlock } from './stream-block.js';

/**
 * Adds a narrowband interferer: y[n] = x[n] + √P·exp(j(2π f n / fs + φ)), φ uniform,
 * P = signalPower·10^(−sirDb/10).
 *
 * @throws ConfigError for values that are not finite, or |frequencyHz| above half the sample rate
 */
export function createToneInterferer(
  config: ToneConfig,
  sampleRateHz: number,
  signalPower: number,
  rng: Rng,
): StreamBlock {
  requireFinite('tone.frequencyHz', config.frequencyHz);
  requireFinite('tone.sirDb', config.sirDb);
  requirePositive('sampleRateHz', sampleRateHz);
  requirePositive('signalPower', signalPower);
  requireBetween('tone.frequencyHz', config.frequencyHz, -sampleRateHz / 2, sampleRateHz / 2);
  const amplitude = Math.sqrt(signalPower * dbToPower(-config.sirDb));
  return toneFrom(amplitude, config.frequencyHz / sampleRateHz, rng.uniform(), 0);
}

function toneFrom(amplitude: number, cyclesPerSample: number, startCycles: number, start: number): StreamBlock {
  let index = start;
  return {
    latencySamples: 0,
    maxOutputLength: sameLength,
    execute(input, output) {
      for (let n = 0; n < input.re.length; n++, index++) {
        const cycles = startCycles + cyclesPerSample * index;
        const angle = 2 * Math.PI * (cycles - Math.floor(cycles));
        output.re[n] = input.re[n] + amplitude * Math.cos(angle);
        output.im[n] = input.im[n] + amplitude * Math.sin(angle);
      }
      return input.re.length;
    },
    reset() {
      index = 0;
    },
    clone: () => toneFrom(amplitude, cyclesPerSample, startCycles, index),
  };
}

/**
 * Adds Bernoulli–Gaussian impulses: y[n] = x[n] + b[n]·w[n], b = 1 with probability q, w ~ CN(0, P/q), so the mean
 * interference power is P = signalPower·10^(−sirDb/10).
 *
 * @throws ConfigError unless 0 < probability ≤ 1 and the powers are finite
 */
export function createImpulseInterferer(config: ImpulseConfig, signalPower: number, rng: Rng): StreamBlock {
  requirePositive('impulses.probability', config.probability);
  requireBetween('impulses.probability', config.probability, 0, 1);
  requireFinite('impulses.sirDb', config.sirDb);
  requirePositive('signalPower', signalPower);
  const sigma = Math.sqrt((signalPower * dbToPower(-config.sirDb)) / config.probability / 2);
  return impulsesFrom(sigma, config.probability, createReplayableNormals(rng));
}

function impulsesFrom(sigma: number, probability: number, normals: ReplayableNormals): StreamBlock {
  // Two normals give |g|² ~ exponential: P(g1² + g2² > −2·ln q) = q, one Bernoulli draw without a second kind of stream.
  const threshold = -2 * Math.log(probability);
  return {
    latencySamples: 0,
    maxOutputLength: sameLength,
    execute(input, output) {
      for (let n = 0; n < input.re.length; n++) {
        const g1 = normals.next();
        const g2 = normals.next();
        const re = normals.next();
        const im = normals.next();
        const hit = g1 * g1 + g2 * g2 >= threshold ? sigma : 0;
        output.re[n] = input.re[n] + hit * re;
        output.im[n] = input.im[n] + hit * im;
      }
      return input.re.length;
    },
    reset: () => normals.reset(),
    clone: () => impulsesFrom(sigma, probability, normals.clone()),
  };
}

export const tone = {
  schema: z.strictObject({ frequencyHz: z.number(), sirDb: z.number() }).optional(),
  side: 'rx',
  truth: 'no',
  create: (config, { sampleRateHz, signalPower, rng }) =>
    createToneInterferer(config, sampleRateHz, signalPower, rng.split('tone')),
} satisfies Impairment<ToneConfig>;

export const impulses = {
  schema: z.strictObject({ probability: z.number().gt(0).max(1), sirDb: z.number() }).optional(),
  side: 'rx',
  truth: 'no',
  create: (config, { signalPower, rng }) => createImpulseInterferer(config, signalPower, rng.split('impulses')),
} satisfies Impairment<ImpulseConfig>;
