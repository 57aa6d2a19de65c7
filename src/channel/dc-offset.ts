import { z } from 'zod';
import type { Impairment } from './impairment.js';
import { requireFinite } from './checks.js';
import type { DcOffsetConfig } from './config.js';
import { memorylessBlock, type StreamBlock } from './stream-block.js';

/** y[n] = x[n] + d, as local-oscillator leakage leaves it. Throws ConfigError for values that are not finite. */
export function createDcOffset({ re, im }: DcOffsetConfig): StreamBlock {
  requireFinite('dcOffset.re', re);
  requireFinite('dcOffset.im', im);
  return memorylessBlock((input, output) => {
    for (let n = 0; n < input.re.length; n++) {
      output.re[n] = input.re[n] + re;
      output.im[n] = input.im[n] + im;
    }
  });
}

export const dcOffset = {
  schema: z.strictObject({ re: z.number(), im: z.number() }).optional(),
  side: 'rx',
  truth: 'no',
  create: (config) => createDcOffset(config),
} satisfies Impairment<DcOffsetConfig>;
