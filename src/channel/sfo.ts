import { z } from 'zod';
import type { Impairment } from './impairment.js';
import { createFractionalFilter, type FractionalFilter } from '../dsp/resample.js';
import { requireBetween } from './checks.js';
import { createHistory, type History } from './history.js';
import type { StreamBlock } from './stream-block.js';

const numTaps = 64;
const maxPpm = 10_000;

/**
 * Sampling frequency offset: y[n] = x(n·(1 + δ) − D), δ = ppm·1e−6, D = `latencySamples` = 32, x(t) the band-limited
 * signal through the samples, zero before the start. Positive ppm: the receiver's period is too long (slow clock), so
 * fewer samples come out. The number of outputs differs from the number of inputs by one every 1/|δ| samples.
 * Error below −77 dB for frequencies up to 0.46 cycles/sample (see `createFractionalFilter`). `output` must not be `input`.
 *
 * @throws ConfigError for |ppm| > 10000
 */
export function createSfo(sfoPpm: number): StreamBlock {
  requireBetween('sfoPpm', sfoPpm, -maxPpm, maxPpm);
  return sfoFrom(sfoPpm * 1e-6, createFractionalFilter(numTaps), createHistory(numTaps), { skip: 1, fraction: 0 });
}

/** Where the next output lies: after `skip` more inputs, and then `fraction` of a sample. */
interface Position {
  skip: number;
  fraction: number;
}

function sfoFrom(offset: number, filter: FractionalFilter, history: History, start: Position): StreamBlock {
  const weights = new Float64Array(numTaps);
  const next = { ...start };
  const advance = (): void => {
    const moved = next.fraction + offset;
    const whole = Math.floor(moved);
    next.skip = whole + 1;
    next.fraction = moved - whole;
  };
  return {
    latencySamples: numTaps / 2,
    maxOutputLength: (inputLength) => Math.ceil(inputLength / (1 + Math.min(0, offset))) + 1,
    execute(input, output) {
      let written = 0;
      for (let n = 0; n < input.re.length; n++) {
        const { re, im, newest } = history.push(input.re[n], input.im[n]);
        next.skip -= 1;
        while (next.skip === 0) {
          filter.weights(next.fraction, weights);
          const oldest = newest - numTaps + 1;
          let yRe = 0;
          let yIm = 0;
          for (let i = 0; i < numTaps; i++) {
            yRe += weights[i] * re[oldest + i];
            yIm += weights[i] * im[oldest + i];
          }
          output.re[written] = yRe;
          output.im[written] = yIm;
          written += 1;
          advance();
        }
      }
      return written;
    },
    reset() {
      history.reset();
      next.skip = 1;
      next.fraction = 0;
    },
    clone: () => sfoFrom(offset, filter, history.clone(), next),
  };
}

export const samplingOffset = {
  schema: z.number().default(0),
  side: 'rx',
  truth: 'moving',
  create: (ppm) => createSfo(ppm),
} satisfies Impairment<number>;
