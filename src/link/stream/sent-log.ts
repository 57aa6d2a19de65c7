import { psnrDb } from '../../metrics/picture-quality.js';
import type { Picture } from '../../source/picture.js';

/** A picture that was sent, and when, where the sender's and the receiver's counts of samples are the same. */
export interface SentPicture {
  readonly frame: number;
  readonly name: string;
  readonly sampleStart: number | null;
  /** The picture itself, read again when it is needed; null where it cannot be had. */
  load(): Promise<Picture | null>;
}

/** What was sent, for figures alone: receivers never see it. */
export interface SentLog {
  readonly entries: readonly SentPicture[];
  add(sent: SentPicture): void;
  /** Which of the pictures sent a frame holds: by its time where times can be compared, else by its content (where given). */
  identify(start: number, frameSamples: number, received: Picture | null): Promise<KnownPicture | null>;
}

export interface KnownPicture {
  readonly name: string;
  readonly picture: Picture | null;
}

/** A picture is known by its content where times do not tell: that much PSNR or more to one of those sent. */
const SAME_PICTURE_DB = 12;
/** Pictures are compared small first, this many pixels along each edge: a thousand of them are cheap to keep. */
const THUMBNAIL = 8;
/** Pictures kept after they were read, in bytes. */
const CACHE_BYTES = 64 * 2 ** 20;

/**
 * @param options.keep entries kept, the newest; by default all (their pictures are not kept)
 */
export function createSentLog(
  sent: readonly SentPicture[] = [],
  { keep = Infinity }: { readonly keep?: number } = {},
): SentLog {
  const entries = [...sent];
  const thumbnails = new Map<SentPicture, Float32Array | null>();
  const cache = new Map<SentPicture, Picture>();
  let cached = 0;

  const load = async (entry: SentPicture): Promise<Picture | null> => {
    const kept = cache.get(entry);
    if (kept !== undefined) return kept;
    const picture = await entry.load();
    if (picture === null) return null;
    cache.set(entry, picture);
    cached += picture.data.byteLength;
    for (const [oldest, { data }] of cache) {
      if (cached <= CACHE_BYTES || oldest === entry) break;
      cache.delete(oldest);
      cached -= data.byteLength;
    }
    return picture;
  };

  const byTime = (start: number, within: number): SentPicture | null => {
    let nearest: SentPicture | null = null;
    let distance = within;
    for (const entry of entries) {
      if (entry.sampleStart === null || Math.abs(entry.sampleStart - start) > distance) continue;
      distance = Math.abs(entry.sampleStart - start);
      nearest = entry;
    }
    return nearest;
  };

  const byContent = async (received: Picture): Promise<KnownPicture | null> => {
    const small = thumbnailOf(received);
    let best: SentPicture | null = null;
    let least = Infinity;
    for (const entry of entries) {
      if (!thumbnails.has(entry)) {
        const picture = await load(entry);
        thumbnails.set(entry, picture === null ? null : thumbnailOf(picture));
      }
      const one = thumbnails.get(entry);
      if (!one) continue;
      const distance = one.reduce((sum, v, i) => sum + (v - small[i]) ** 2, 0);
      if (distance < least) [least, best] = [distance, entry];
    }
    const picture = best === null ? null : await load(best);
    if (best === null || picture?.width !== received.width || picture.height !== received.height) return null;
    return psnrDb(picture, received) > SAME_PICTURE_DB ? { name: best.name, picture } : null;
  };

  return {
    entries,
    add(entry) {
      entries.push(entry);
      if (entries.length <= keep) return;
      const gone = entries.shift()!;
      thumbnails.delete(gone);
      cached -= cache.get(gone)?.data.byteLength ?? 0;
      cache.delete(gone);
    },
    async identify(start, frameSamples, received) {
      if (!entries.some(({ sampleStart }) => sampleStart !== null)) {
        return received === null ? null : byContent(received);
      }
      const found = byTime(start, frameSamples / 2);
      return found === null ? null : { name: found.name, picture: await load(found) };
    },
  };
}

/** Means over 8×8 blocks of each colour, [3·64]. */
function thumbnailOf({ data, width, height }: Picture): Float32Array {
  const out = new Float32Array(3 * THUMBNAIL * THUMBNAIL);
  const count = new Float32Array(THUMBNAIL * THUMBNAIL);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = Math.floor((y * THUMBNAIL) / height) * THUMBNAIL + Math.floor((x * THUMBNAIL) / width);
      count[at]++;
      for (let c = 0; c < 3; c++) out[c * THUMBNAIL ** 2 + at] += data[(c * height + y) * width + x];
    }
  }
  return out.map((v, i) => v / Math.max(1, count[i % THUMBNAIL ** 2]));
}
