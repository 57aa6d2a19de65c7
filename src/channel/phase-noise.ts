import { z } from 'zod';
import type { Impairment } from './impairment.js';
import type { Rng } from '../core/rng.js';
import { requireNonNegative, requirePositive } from './checks.js';
import { createReplayableNormals, type ReplayableNormals } from './replayable-normals.js';
import { sameLength, type StreamBlock } from './stream-block.js';

/**
 * Wiener phase noise of a free-running oscillator: y[n] = x[n]·exp(jφ[n]), φ[0] = 0,
 * φ[n] = φ[n−1] + w[n], w ~ N(0, 2π·β / fs). β is the full width at half maximum of the Lorentzian line, so
 * E[exp(j(φ[n+k] − φ[n]))] = exp(−π β k / fs). (Texts whose β is the half width write 4πβ.) Power is kept.
 *
 * @throws ConfigError for a negative linewidth or a sample rate that is not above 0
 * Source: Petrovic, Rave, Fettweis, "Effects of phase noise on OFDM systems", IEEE Trans. Commun. 55(8), 2007.
 */
export function createPhaseNoise(linewidthHz: number, sampleRateHz: number, rng: Rng): StreamBlock {
  requireNonNegative('phaseNoiseLinewidthHz', linewidthHz);
  requirePositive('sampleRateHz', sampleRateHz);
  return phaseNoiseFrom(Math.sqrt((2 * Math.PI * linewidthHz) / sampleRateHz), createReplayableNormals(rng), 0);
}

function phaseNoiseFrom(step: number, normals: ReplayableNormals, start: number): StreamBlock {
  let phase = start;
  return {
    latencySamples: 0,
    maxOutputLength: sameLength,
    execute(input, output) {
      for (let n = 0; n < input.re.length; n++) {
        const cos = Math.cos(phase);
        const sin = Math.sin(phase);
        const re = input.re[n];
        const im = input.im[n];
        output.re[n] = re * cos - im * sin;
        output.im[n] = re * sin + im * cos;
        phase += step * normals.next();
      }
      return input.re.length;
    },
    reset() {
      normals.reset();
      phase = 0;
    },
    clone: () => phaseNoiseFrom(step, normals.clone(), phase),
  };
}

export const phaseNoise = {
  schema: z.number().min(0).default(0),
  side: 'rx',
  truth: 'moving',
  create: (linewidthHz, { sampleRateHz, rng }) => createPhaseNoise(linewidthHz, sampleRateHz, rng.split('phase-noise')),
} satisfies Impairment<number>;
