import { z } from 'zod';
import { cardFacts } from '../core/card-facts.js';
import { type LoadedCard, readCardAs } from '../core/card-file.js';

const sha256 = z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits'));

/** The card of a perceptual feature network in ONNX; see docs/perception.md. */
export const featureCardSchema = z
  .strictObject({
    format: z.literal('blindlink-features/1'),
    name: z.string().min(1),
    /**
     * `lpips`, `dists`: two pictures [N,3,H,W] → distance [N], 0 for equal pictures.
     * `fid`: pictures [N,3,H,W] → features [N,D]. Pictures are RGB in [0,1].
     */
    kind: z.enum(['lpips', 'dists', 'fid']),
    network: z.string(),
    /** Smallest height and width, in pixels. */
    minimumSize: z.int().min(1),
    /** SHA-256 of the network's file: figures are named by it. */
    sha256,
    /** The files that its weights are from, and their SHA-256. */
    source: sha256,
    licence: z.string(),

    ...cardFacts,

    description: z.string().optional(),
  })
  .refine(({ network, sha256 }) => network in sha256, { path: ['sha256'], error: 'must have the hash of the network' });

export type FeatureCard = z.infer<typeof featureCardSchema>;

/** Reads and checks a feature network's card. Throws FormatError with one line: which file, what is wrong. */
export const readFeatureCard = (path: string): LoadedCard<FeatureCard> =>
  readCardAs(path, featureCardSchema, 'feature network');
