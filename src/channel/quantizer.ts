import { z } from 'zod';
import type { Impairment } from './impairment.js';
import { requireInteger, requirePositive } from './checks.js';
import type { QuantizerConfig } from './config.js';
import { sameLength, type StreamBlock } from './stream-block.js';

export interface Quantizer extends StreamBlock {
  /** Distance of two levels, 2·fullScale / 2^bits. */
  readonly step: number;
  /** Complex samples since the start of which I or Q was outside [−fullScale, fullScale). NaN counts as outside. */
  readonly clippedSamples: number;
  clone(): Quantizer;
}

/**
 * Analogue-to-digital conversion of I and of Q: Δ = 2A/2^b, mid-rise, y = Δ·(⌊x/Δ⌋ + ½) clipped to ±(A − Δ/2).
 * Within full scale the error is at most Δ/2 and has power Δ²/12 per real dimension, Δ²/6 per complex sample: a full-scale
 * sine has SNR 6.02·b + 1.76 dB. Zero becomes Δ/2 + jΔ/2.
 *
 * @throws ConfigError unless bits is 1…24 and fullScale above 0
 */
export function createQuantizer(config: QuantizerConfig): Quantizer {
  requireInteger('quantizer.bits', config.bits, 1, 24);
  requirePositive('quantizer.fullScale', config.fullScale);
  return quantizerFrom(config, 0);
}

function quantizerFrom(config: QuantizerConfig, alreadyClipped: number): Quantizer {
  const lowest = -(2 ** (config.bits - 1));
  const highest = -lowest - 1;
  const step = config.fullScale / -lowest;
  let clippedSamples = alreadyClipped;
  return {
    latencySamples: 0,
    step,
    get clippedSamples() {
      return clippedSamples;
    },
    maxOutputLength: sameLength,
    execute(input, output) {
      for (let n = 0; n < input.re.length; n++) {
        const re = Math.floor(input.re[n] / step);
        const im = Math.floor(input.im[n] / step);
        if (!(re >= lowest && re <= highest && im >= lowest && im <= highest)) clippedSamples += 1;
        output.re[n] = step * (Math.max(lowest, Math.min(highest, re)) + 0.5);
        output.im[n] = step * (Math.max(lowest, Math.min(highest, im)) + 0.5);
      }
      return input.re.length;
    },
    reset() {
      clippedSamples = 0;
    },
    clone: () => quantizerFrom(config, clippedSamples),
  };
}

export const quantizer = {
  schema: z.strictObject({ bits: z.int().min(1).max(24), fullScale: z.number().positive() }).optional(),
  side: 'rx',
  truth: 'no',
  create: (config) => createQuantizer(config),
} satisfies Impairment<QuantizerConfig>;
