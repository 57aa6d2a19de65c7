import { beforeAll, describe, expect, it } from 'vitest';
import { mse } from '../../../src/metrics/picture-quality.js';
import { BUILTIN_KINDS, builtinPicture } from '../../../src/source/builtin-pictures.js';
import type { Picture } from '../../../src/source/picture.js';

const luma = ({ data, height, width }: Picture): Float64Array => {
  const n = height * width;
  return Float64Array.from({ length: n }, (_, i) => (data[i] + data[n + i] + data[2 * n + i]) / 3);
};

/** Power of the mean row spectrum in cycles [low, high) per picture, by a plain DFT. */
function bandPower(pictures: readonly Picture[], low: number, high: number): number {
  let sum = 0;
  for (const picture of pictures) {
    const values = luma(picture);
    for (let y = 0; y < picture.height; y++) {
      for (let k = low; k < high; k++) {
        let re = 0;
        let im = 0;
        for (let x = 0; x < picture.width; x++) {
          const v = values[y * picture.width + x];
          re += v * Math.cos((2 * Math.PI * k * x) / picture.width);
          im += v * Math.sin((2 * Math.PI * k * x) / picture.width);
        }
        sum += (re * re + im * im) / (high - low);
      }
    }
  }
  return sum;
}

describe.each(BUILTIN_KINDS)('builtin:%s', (kind) => {
  let pictures: Picture[] = [];
  beforeAll(async () => {
    pictures = await Promise.all([0, 1, 2, 3, 4].map((index) => builtinPicture(kind, index)));
  });

  it('gives the same pixels for the same index, and others for the next', async () => {
    const again = await builtinPicture(kind, 0);
    expect(again.data).toEqual(pictures[0].data);
    expect(mse(pictures[0], pictures[1])).toBeGreaterThan(0.003);
  });

  it('fills [0, 1] with contrast in every picture', () => {
    for (const { data } of pictures) {
      const mean = data.reduce((sum, v) => sum + v, 0) / data.length;
      const spread = Math.sqrt(data.reduce((sum, v) => sum + (v - mean) ** 2, 0) / data.length);
      expect(Math.min(...data)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...data)).toBeLessThanOrEqual(1);
      expect(mean).toBeGreaterThan(0.08);
      expect(mean).toBeLessThan(0.9);
      expect(spread).toBeGreaterThan(0.06);
    }
  });

  it('has a spectrum that falls as that of photographs does', () => {
    // Power as f^-a from a mean frequency of 2.5 to one of 19.5: photographs have a of about 1.5 to 3 in rows.
    const exponent = Math.log(bandPower(pictures, 2, 4) / bandPower(pictures, 16, 24)) / Math.log(19.5 / 2.5);
    expect(exponent).toBeGreaterThan(1);
    expect(exponent).toBeLessThan(3.5);
  });

  it('shows the same picture at another size', async () => {
    const small = await builtinPicture(kind, 2, 32);
    const large = pictures[2];
    const reduced = new Float32Array(3 * 32 * 32).map((_, i) => {
      const [c, y, x] = [Math.floor(i / 1024), Math.floor(i / 32) % 32, i % 32];
      const from = (c * 64 + 2 * y) * 64 + 2 * x;
      return (large.data[from] + large.data[from + 1] + large.data[from + 64] + large.data[from + 65]) / 4;
    });
    expect(mse(small, { ...small, data: reduced })).toBeLessThan(0.004);
  });
});
