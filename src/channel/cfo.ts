import { z } from 'zod';
import type { Impairment } from './impairment.js';
import { requireFinite, requirePositive } from './checks.js';
import { sameLength, type StreamBlock } from './stream-block.js';

/** Phase step in radians per sample of a frequency in Hz; positive turns as exp(+j·step·n). */
export function cfoRadPerSample(cfoHz: number, sampleRateHz: number): number {
  requireFinite('cfoHz', cfoHz);
  requirePositive('sampleRateHz', sampleRateHz);
  return (2 * Math.PI * cfoHz) / sampleRateHz;
}

/** A frequency offset in subcarrier spacings, as OFDM texts give it, in Hz: f = ε·fs / fftSize. */
export function cfoHzFromSubcarriers(cfoSubcarriers: number, fftSize: number, sampleRateHz: number): number {
  requireFinite('cfoSubcarriers', cfoSubcarriers);
  requirePositive('fftSize', fftSize);
  requirePositive('sampleRateHz', sampleRateHz);
  return (cfoSubcarriers * sampleRateHz) / fftSize;
}

/**
 * Carrier frequency offset: y[n] = x[n]·exp(+j2π f n / fs), n counted from the start of the stream.
 * Power is kept. Phase is computed afresh from n, so it does not drift (float64: below 1e−6 rad for 10⁹ samples).
 *
 * @throws ConfigError for values that are not finite or a sample rate that is not above 0
 */
export function createCfo(cfoHz: number, sampleRateHz: number): StreamBlock {
  return cfoFrom(cfoRadPerSample(cfoHz, sampleRateHz) / (2 * Math.PI), 0);
}

function cfoFrom(cyclesPerSample: number, start: number): StreamBlock {
  let index = start;
  return {
    latencySamples: 0,
    maxOutputLength: sameLength,
    execute(input, output) {
      for (let n = 0; n < input.re.length; n++, index++) {
        const cycles = cyclesPerSample * index;
        const angle = 2 * Math.PI * (cycles - Math.floor(cycles));
        const cos = Math.cos(angle);
        const sin = Math.sin(angle);
        const re = input.re[n];
        const im = input.im[n];
        output.re[n] = re * cos - im * sin;
        output.im[n] = re * sin + im * cos;
      }
      return input.re.length;
    },
    reset() {
      index = 0;
    },
    clone: () => cfoFrom(cyclesPerSample, index),
  };
}

/** The link's own setting is in subcarriers (`cfoSubcarriers`); the simulated radio is told Hz. */
export const carrierOffset = {
  schema: z.number().default(0),
  side: 'rx',
  truth: 'moving',
  create: (hz, { sampleRateHz }) => createCfo(hz, sampleRateHz),
} satisfies Impairment<number>;
