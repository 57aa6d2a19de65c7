import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import { FormatError } from '../core/errors.js';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits');

/**
 * The card of a codec: what its files are and how they are meant. Only the first block is needed to run a codec
 * exported elsewhere; see docs/codecs.md.
 */
export const cardSchema = z.strictObject({
  format: z.literal('blindlink-codec/1'),
  name: z.string().min(1),
  /** ONNX: picture [N,3,H,W] (and the SNR in dB [N]) → latents [N,C,H/d,W/d] of any scale. */
  encoder: z.string(),
  /** ONNX: latents [N,C,h,w], mean square 1/2 (and the SNR in dB [N]) → picture [N,3,d·h,d·w]. */
  decoder: z.string(),
  /** C, real latent channels; even, for channels c and c + C/2 make a complex symbol. */
  latentChannels: z.int().min(2).multipleOf(2),
  /** d, pixels per latent along each axis. */
  downSampling: z.int().min(1),
  /** The pictures' range as the networks see it. */
  valueRange: z.tuple([z.number(), z.number()]).default([0, 1]),
  /** Whether the networks take the SNR in dB as a second input. */
  snrInput: z.boolean().default(false),

  /** Second-order statistics of the codewords (.npz), made by `blindlink model statistics`. */
  statistics: z.string().optional(),
  /** Settings of blind-em that suit this codec; a user's own win over them. */
  blindEm: z
    .strictObject({
      rank: z.int().min(1).optional(),
      passes: z.int().min(1).optional(),
      initialStarts: z.int().min(1).optional(),
    })
    .optional(),
  /** ONNX: latents [N,C,h,w] → the log-odds [N] that their sign is right. */
  polarity: z.string().optional(),
  /** How blind-em's verdict reads this codec's residuals; see docs/receivers.md. */
  verdict: z
    .strictObject({
      intercept: z.number(),
      logResidual: z.number(),
      signLogOdds: z.number(),
      agreement: z.number(),
    })
    .optional(),
  /** SHA-256 of each file named above. */
  sha256: z.record(z.string(), sha256).default({}),

  description: z.string().optional(),
  licence: z.string().optional(),
  training: z.record(z.string(), z.unknown()).optional(),
  quality: z.record(z.string(), z.unknown()).optional(),
});

export type CodecCard = z.infer<typeof cardSchema>;

/** A card and the folder its file names are relative to. */
export interface LoadedCard {
  readonly card: CodecCard;
  readonly path: string;
  readonly folder: string;
}

/** Reads and checks a card. Throws FormatError with one line: which file, what is wrong. */
export function readCard(path: string): LoadedCard {
  const where = resolve(path);
  let raw: unknown;
  try {
    raw = JSON.parse(readFileSync(where, 'utf8'));
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new FormatError('card.read', `${where}: ${missing ? 'no such codec card' : 'not JSON'}`, { cause });
  }
  const parsed = cardSchema.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const at = issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
    throw new FormatError('card.schema', `${where}: ${at}${issue.message}`, { value: raw });
  }
  return { card: parsed.data, path: where, folder: dirname(where) };
}

/** The bytes of a file that a card names; checked against the card's hash where it gives one. */
export function readCardFile(loaded: LoadedCard, file: string): Uint8Array {
  const path = join(loaded.folder, file);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new FormatError('card.file', `${path}: named by ${loaded.path}, but cannot be read`, { cause });
  }
  const expected = loaded.card.sha256[file];
  if (expected !== undefined && createHash('sha256').update(bytes).digest('hex') !== expected) {
    throw new FormatError('card.hash', `${path}: its SHA-256 is not the one in ${loaded.path}; fetch it again`);
  }
  return bytes;
}
