import { describe, expect, it } from 'vitest';
import { cropPlanes, padPicture } from '../../../src/source/picture.js';

const picture = {
  name: 'p',
  height: 2,
  width: 3,
  data: Float32Array.from({ length: 18 }, (_, i) => i / 18),
  notes: ['old'],
};

describe('padPicture', () => {
  it('repeats the last row and column, and says so after the notes before', () => {
    const padded = padPicture(picture, 4);
    expect([padded.height, padded.width]).toEqual([4, 4]);
    const first = [0, 1, 2, 2, 3, 4, 5, 5, 3, 4, 5, 5, 3, 4, 5, 5].map((v) => Math.fround(v / 18));
    expect([...padded.data.subarray(0, 16)]).toEqual(first);
    expect(padded.notes).toEqual(['old', expect.stringContaining('3×2 to 4×4')]);
  });

  it('gives the picture itself where nothing is to be done', () => {
    expect(padPicture(picture, 1)).toBe(picture);
  });

  it('is undone by cropPlanes', () => {
    const padded = padPicture(picture, 16);
    expect(cropPlanes(padded.data, 16, 16, 2, 3)).toEqual(picture.data);
  });
});
