import type { Picture } from '../source/picture.js';

/** Pictures by name, those asked for last, as many as fit. */
export interface PictureCache {
  get(key: string, read: () => Promise<Picture>): Promise<Picture>;
}

/** @param maxSamples of all pictures together; one that has more is not kept */
export function createPictureCache(maxSamples: number): PictureCache {
  const kept = new Map<string, Picture>();
  let samples = 0;
  return {
    async get(key, read) {
      const found = kept.get(key);
      if (found !== undefined) {
        // The newest last.
        kept.delete(key);
        kept.set(key, found);
        return found;
      }
      const picture = await read();
      kept.set(key, picture);
      samples += picture.data.length;
      for (const [oldest, { data }] of kept) {
        if (samples <= maxSamples) break;
        kept.delete(oldest);
        samples -= data.length;
      }
      return picture;
    },
  };
}
