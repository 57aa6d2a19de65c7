import { expect, it } from 'vitest';
import { createPictureCache } from '../../../src/campaign/picture-cache.js';
import type { Picture } from '../../../src/source/picture.js';

const picture = (name: string, samples: number): Picture =>
  ({ name, data: new Float32Array(samples), height: 1, width: samples / 3, notes: [] }) as Picture;

it('keeps the pictures asked for last, as many as fit, and reads the others again', async () => {
  const cache = createPictureCache(12);
  const reads: string[] = [];
  const get = async (name: string, samples = 6): Promise<string> => {
    const read = (): Promise<Picture> => {
      reads.push(name);
      return Promise.resolve(picture(name, samples));
    };
    return (await cache.get(name, read)).name;
  };
  for (const name of ['a', 'b', 'a', 'c', 'a', 'b']) expect(await get(name)).toBe(name);
  expect(reads).toEqual(['a', 'b', 'c', 'b']);
  await get('large', 30);
  await get('large', 30);
  expect(reads.slice(4)).toEqual(['large', 'large']);
});
