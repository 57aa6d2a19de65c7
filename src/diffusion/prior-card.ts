import { z } from 'zod';
import { cardFacts } from '../core/card-facts.js';
import { type LoadedCard, readCardAs } from '../core/card-file.js';

/**
 * The card of a picture prior: a denoising network in ONNX and how its inputs and output are meant; see docs/priors.md.
 */
export const priorCardSchema = z.strictObject({
  format: z.literal('blindlink-prior/1'),
  name: z.string().min(1),
  /** ONNX: noisy picture [N,3,H,W] and noise level [N] → prediction [N,3 or 6,H,W]. */
  network: z.string(),
  /**
   * What the network predicts. `denoised`: takes x₀ + σ·ε itself and gives x̂₀; `x0`, `epsilon`, `v`: take
   * x_t = √ᾱ·x₀ + √(1−ᾱ)·ε and give x₀, ε or √ᾱ·ε − √(1−ᾱ)·x₀. Of six channels the last three (a learned variance,
   * as ADM has) are left out.
   */
  prediction: z.enum(['denoised', 'x0', 'epsilon', 'v']),
  /** What the second input is: σ itself, or the time 0…T−1 of the schedule (as ADM counts it). */
  noiseInput: z.enum(['sigma', 'time']),
  /** The schedule a time refers to. */
  schedule: z
    .strictObject({ kind: z.literal('linear'), steps: z.int().min(2), first: z.number(), last: z.number() })
    .default({ kind: 'linear', steps: 1000, first: 1e-4, last: 0.02 }),
  /** The pictures' range as the network sees it. */
  valueRange: z.tuple([z.number(), z.number()]).default([-1, 1]),
  /** Height and width must be multiples of this. */
  multipleOf: z.int().min(1).default(1),
  /** SHA-256 of each file named above. */
  sha256: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits')).default({}),

  ...cardFacts,

  description: z.string().optional(),
  licence: z.string().optional(),
  training: z.record(z.string(), z.unknown()).optional(),
  quality: z.record(z.string(), z.unknown()).optional(),
});

export type PriorCard = z.infer<typeof priorCardSchema>;

/** Reads and checks a prior's card. Throws FormatError with one line: which file, what is wrong. */
export const readPriorCard = (path: string): LoadedCard<PriorCard> => readCardAs(path, priorCardSchema, 'prior');
