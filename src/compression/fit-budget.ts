import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { FormatError, throwIfAborted } from '../core/errors.js';
import { type Pixels, resize, squaredError } from './pixels.js';
import type { SourceCodec, Writing } from './source-codec.js';

/**
 * `counted`: every byte of the file is sent. `shared`: what the file has in common with that of a grey picture of the same size
 * and quality, which both ends can make, is not sent again (a raw DEFLATE stream with that file as its dictionary).
 */
export type Headers = 'counted' | 'shared';

/** A picture in as many bytes as there are. */
export interface FittedPicture {
  /** What is sent: the file, or what is left of it behind two bytes for quality, scale and writing. */
  readonly bytes: Uint8Array;
  readonly quality: number;
  /** Edge of the coded picture over that of the sent one. */
  readonly scale: number;
}

export interface BudgetCodec {
  readonly source: SourceCodec;
  /**
   * The picture of least squared error that fits: the best quality at full size, or at a smaller one where that is better
   * or nothing else fits. null where nothing does.
   */
  fit(pixels: Pixels, budget: number, signal?: AbortSignal): Promise<FittedPicture | null>;
  /** The picture of what `fit` gave, at the size that both ends know. @throws FormatError */
  restore(bytes: Uint8Array, height: number, width: number, signal?: AbortSignal): Promise<Pixels>;
}

/** Edges relative to the picture's. */
const SCALES = [1, 3 / 4, 1 / 2, 3 / 8, 1 / 4, 3 / 16, 1 / 8];
const LEAST_EDGE = 8;
/** A file of this share of the budget is not searched for further. */
const ENOUGH = 0.97;
const writings: readonly Writing[] = ['compact', 'plain'];

/** @throws nothing of its own; what the source codec throws comes through */
export function createBudgetCodec(source: SourceCodec, headers: Headers): BudgetCodec {
  const { smallest, best } = source.qualities;
  const direction = best >= smallest ? 1 : -1;
  const count = Math.abs(best - smallest) + 1;
  /** Files of a grey picture, by size, quality and writing. */
  const greys = new Map<string, Uint8Array>();

  const greyFile = async (height: number, width: number, quality: number, writing: Writing): Promise<Uint8Array> => {
    const key = `${height} ${width} ${quality} ${writing}`;
    let file = greys.get(key);
    if (file === undefined) {
      file = await source.encode(greyOf(height, width), quality, writing);
      greys.set(key, file);
      if (greys.size > KEPT_GREYS) greys.delete(greys.keys().next().value!);
    }
    return file;
  };

  /** The bytes of one quality at one scale: of the ways to write it the shortest. */
  const attempt = async (pixels: Pixels, step: number, scale: number, signal?: AbortSignal): Promise<Attempt> => {
    throwIfAborted(signal, 'the picture codec');
    const quality = smallest + direction * step;
    if (headers === 'counted') {
      const file = await source.encode(pixels, quality, 'compact', signal);
      return { bytes: file, file, quality };
    }
    let shortest: Attempt | null = null;
    for (const writing of source.writings) {
      const file = await source.encode(pixels, quality, writing, signal);
      const dictionary = await greyFile(pixels.height, pixels.width, quality, writing);
      const rest = deflateRawSync(file, { dictionary, level: 9 });
      const bytes = new Uint8Array(2 + rest.length);
      bytes[0] = SCALES.indexOf(scale) + 16 * writings.indexOf(writing);
      bytes[1] = step;
      bytes.set(rest, 2);
      if (shortest === null || bytes.length < shortest.bytes.length) shortest = { bytes, file, quality };
    }
    return shortest!;
  };

  /** The best quality that fits at one scale; sizes are taken to grow with quality. */
  const search = async (
    pixels: Pixels,
    budget: number,
    scale: number,
    signal?: AbortSignal,
  ): Promise<Attempt | null> => {
    let found = await attempt(pixels, 0, scale, signal);
    if (found.bytes.length > budget) return null;
    let low = 0;
    let high = count;
    while (high - low > 1 && found.bytes.length < ENOUGH * budget) {
      const middle = (low + high) >> 1;
      const next = await attempt(pixels, middle, scale, signal);
      if (next.bytes.length <= budget) {
        low = middle;
        found = next;
      } else high = middle;
    }
    return found;
  };

  return {
    source,
    async fit(pixels, budget, signal) {
      let kept: { readonly fitted: FittedPicture; readonly error: number } | null = null;
      for (const scale of SCALES) {
        const [height, width] = scaled(pixels.height, pixels.width, scale);
        if (scale < 1 && Math.min(height, width) < LEAST_EDGE) break;
        const found = await search(await resize(pixels, height, width), budget, scale, signal);
        if (found === null) continue;
        const decoded = await resize(await source.decode(found.file, signal), pixels.height, pixels.width);
        const error = squaredError(decoded, pixels);
        if (kept !== null && error >= kept.error) break;
        kept = { fitted: { bytes: found.bytes, quality: found.quality, scale }, error };
      }
      return kept?.fitted ?? null;
    },
    async restore(bytes, height, width, signal) {
      if (headers === 'counted') return resize(await source.decode(bytes, signal), height, width);
      const scale = SCALES.at(bytes[0] & 15);
      const writing = writings.at(bytes[0] >> 4);
      if (bytes.length < 2 || scale === undefined || writing === undefined) {
        throw new FormatError('compression.damaged', `${source.name}: ${bytes.length} bytes that hold no picture`);
      }
      const dictionary = await greyFile(...scaled(height, width, scale), smallest + direction * bytes[1], writing);
      const file = inflateRawSync(bytes.subarray(2), { dictionary });
      return resize(await source.decode(file, signal), height, width);
    },
  };
}

interface Attempt {
  readonly bytes: Uint8Array;
  readonly file: Uint8Array;
  readonly quality: number;
}

const KEPT_GREYS = 1000;

const scaled = (height: number, width: number, scale: number): [number, number] => [
  Math.max(1, Math.round(scale * height)),
  Math.max(1, Math.round(scale * width)),
];

const greyOf = (height: number, width: number): Pixels => ({
  data: new Uint8Array(3 * height * width).fill(128),
  height,
  width,
});
