import { z } from 'zod';
import type { Impairment } from './impairment.js';
import { requireInteger } from './checks.js';
import { createHistory, type History } from './history.js';
import { sameLength, type StreamBlock } from './stream-block.js';

/** y[n] = x[n − delay], zeros before the start. Throws ConfigError unless `delay` is a whole number from 0 to 2^20. */
export function createDelay(delay: number): StreamBlock {
  requireInteger('delaySamples', delay, 0, 2 ** 20);
  return delayFrom(delay, createHistory(delay + 1));
}

function delayFrom(delay: number, history: History): StreamBlock {
  return {
    latencySamples: delay,
    maxOutputLength: sameLength,
    execute(input, output) {
      for (let n = 0; n < input.re.length; n++) {
        const { re, im, newest } = history.push(input.re[n], input.im[n]);
        output.re[n] = re[newest - delay];
        output.im[n] = im[newest - delay];
      }
      return input.re.length;
    },
    reset: () => history.reset(),
    clone: () => delayFrom(delay, history.clone()),
  };
}

export const propagationDelay = {
  schema: z.int().min(0).default(0),
  side: 'tx',
  truth: 'still',
  create: (samples) => createDelay(samples),
} satisfies Impairment<number>;
