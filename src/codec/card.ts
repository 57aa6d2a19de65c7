import { z } from 'zod';
import { cardFacts } from '../core/card-facts.js';
import { type LoadedCard, readCardAs } from '../core/card-file.js';
import { DEFAULT_TILE } from './layout.js';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits');

const verdictModel = z.strictObject({
  intercept: z.number(),
  excess: z.number(),
  snr: z.number(),
  contrast: z.number(),
  roughness: z.number(),
  sign: z.number(),
  agreement: z.number(),
  gain: z.number().default(0),
  misfit: z.number().default(0),
  vagueness: z.number().default(0),
  turned: z.number().default(0),
  distortion: z.number().default(0),
  /** Chance of success from which a picture is called decoded. */
  decoded: z.number(),
  /** The same where the SNR is below −6 dB; `decoded` where it is left out. */
  decodedInNoise: z.number().optional(),
});

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
  /** Further decoders of the same latents, by name: ONNX files with the decoder's inputs and output. */
  decoders: z
    .record(
      z.string().regex(/^(?!own$)[a-z][a-z0-9-]*$/, 'must be small letters, digits and hyphens, and not own'),
      z.string(),
    )
    .default({}),
  /** C, real latent channels; even, for channels c and c + C/2 make a complex symbol. */
  latentChannels: z.int().min(2).multipleOf(2),
  /** d, pixels per latent along each axis. */
  downSampling: z.int().min(1),
  /** Both edges of a picture are padded to multiples of this; of downSampling where it is left out. */
  multipleOf: z.int().min(1).optional(),
  /** The pictures' range as the networks see it. */
  valueRange: z.tuple([z.number(), z.number()]).default([0, 1]),
  /** Latents along each edge of a tile: what statistics, refiner and polarity network work on. */
  tile: z.int().min(1).max(64).default(DEFAULT_TILE),
  /** Whether the networks take the SNR in dB as a second input. */
  snrInput: z.boolean().default(false),
  /**
   * Whether the encoder chooses what it sends: its second output is a mask [N,C,h,w] of 0 and 1, the decoder's last input
   * is that mask, and its latents have the encoder's scale.
   */
  mask: z.boolean().default(false),

  /** Second-order statistics of the codewords (.npz), made by `blindlink model statistics`. */
  statistics: z.string().optional(),
  /** What `model statistics` found: share of the codeword's power in its mean, of the variance in the directions kept. */
  codeword: z
    .strictObject({ meanPowerShare: z.number(), rank: z.int(), varianceShare: z.number(), tiles: z.int() })
    .optional(),
  /** Settings of blind-em that suit this codec; a user's own win over them. */
  blindEm: z
    .strictObject({
      rank: z.int().min(1).optional(),
      passes: z.int().min(1).optional(),
      initialStarts: z.int().min(1).optional(),
      refinements: z.int().min(0).optional(),
    })
    .optional(),
  /** Ranges of the values in encoder, decoders and refiner (JSON), made by `blindlink model quantise`: what has them can run on int8. */
  ranges: z.string().optional(),
  /** ONNX: precision and information vector [N,C,h,w] of the latents → their posterior mean and variance, both [N,C,h,w]. */
  refiner: z.string().optional(),
  /** Whether decoders were trained on the refiner's posterior mean: receivers then hand them that in place of equalised latents. */
  decodesRefined: z.boolean().default(false),
  /** ONNX: latents [N,C,h,w] → the log-odds [N] that their sign is right. */
  polarity: z.string().optional(),
  /** ONNX: decoded picture [N,3,d·h,d·w] in [0,1], precision and information vector [N,C,h,w] → expected squared error [N,1,h,w] of each latent's patch. */
  distortion: z.string().optional(),
  /** The shipped prior that suits this codec's pictures. */
  prior: z.string().optional(),
  /** How verdicts read this codec's residuals, made by `blindlink model verdict`; see docs/receivers.md. */
  verdict: z
    .strictObject({
      /** What rightly decoded frames show, by SNR. */
      expected: z.strictObject({
        snrDb: z.array(z.number()).min(1),
        residual: z.array(z.number().positive()).min(1),
        sign: z.array(z.number().positive()).min(1),
        roughness: z.array(z.number().positive()).min(1),
        codewordGain: z.array(z.number()).min(1).optional(),
        codewordGainSpread: z.array(z.number().positive()).min(1).optional(),
        refinedResidual: z.array(z.number().positive()).min(1).optional(),
        refinedVariance: z.array(z.number().positive()).min(1).optional(),
        phaseError: z.array(z.number().positive()).min(1).optional(),
      }),
      /** Pixel variance below which a receiver that searches promises nothing; 0.002 where it is left out. */
      leastContrast: z.number().min(0).max(1).optional(),
      /** Of receivers that know their channel, and of those that search for it. */
      informed: verdictModel,
      blind: verdictModel,
    })
    .optional(),
  /** SHA-256 of each file named above. */
  sha256: z.record(z.string(), sha256).default({}),

  ...cardFacts,

  description: z.string().optional(),
  licence: z.string().optional(),
  training: z.record(z.string(), z.unknown()).optional(),
  quality: z.record(z.string(), z.unknown()).optional(),
});

export type CodecCard = z.infer<typeof cardSchema>;

/** A codec's card and the folder its file names are relative to. */
export type LoadedCodecCard = LoadedCard<CodecCard>;

/** Reads and checks a codec's card. Throws FormatError with one line: which file, what is wrong. */
export const readCard = (path: string): LoadedCodecCard => readCardAs(path, cardSchema, 'codec');
