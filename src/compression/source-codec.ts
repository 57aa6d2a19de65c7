import sharp, { type Sharp } from 'sharp';
import { FormatError } from '../core/errors.js';
import { open, type Pixels, toPixels } from './pixels.js';

/**
 * How a file is written: `compact` as small as the format can be; `plain` with tables that are the same in all files, for
 * where what both ends know is not sent.
 */
export type Writing = 'compact' | 'plain';

/** A picture codec that makes files. */
export interface SourceCodec {
  readonly name: string;
  /** Whole numbers from the smallest files to the best pictures, either of which may be the greater. */
  readonly qualities: { readonly smallest: number; readonly best: number };
  /** Ways in which a file may be written. */
  readonly writings: readonly Writing[];
  encode(pixels: Pixels, quality: number, writing: Writing, signal?: AbortSignal): Promise<Uint8Array>;
  /** @throws FormatError for what is no such file */
  decode(file: Uint8Array, signal?: AbortSignal): Promise<Pixels>;
}

export type BuiltinSource = 'jpeg' | 'webp' | 'avif';

const writers: Readonly<
  Record<BuiltinSource, { readonly write: (p: Sharp, q: number, w: Writing) => Sharp; readonly plain: boolean }>
> = {
  // Compact: trellis quantisation and progressive scans with their own Huffman tables. Plain: the tables of the standard's annex K.
  jpeg: {
    write: (picture, quality, writing) =>
      writing === 'compact'
        ? picture.jpeg({ quality, mozjpeg: true, chromaSubsampling: '4:2:0' })
        : picture.jpeg({ quality, optimiseCoding: false, chromaSubsampling: '4:2:0' }),
    plain: true,
  },
  webp: { write: (picture, quality) => picture.webp({ quality, effort: 6 }), plain: false },
  avif: { write: (picture, quality) => picture.avif({ quality, effort: 4, chromaSubsampling: '4:2:0' }), plain: false },
};

/** JPEG (mozjpeg), WebP (libwebp) and AVIF (libaom), 4:2:0, without metadata. */
export function createBuiltinSource(name: BuiltinSource): SourceCodec {
  const { write, plain } = writers[name];
  return {
    name,
    qualities: { smallest: 1, best: 100 },
    writings: plain ? ['compact', 'plain'] : ['compact'],
    encode: (pixels, quality, writing) => write(open(pixels), quality, writing).toBuffer(),
    async decode(file) {
      try {
        return await toPixels(sharp(file));
      } catch (cause) {
        throw new FormatError('compression.damaged', `${name}: a file of ${file.length} bytes cannot be decoded`, {
          cause,
        });
      }
    },
  };
}
