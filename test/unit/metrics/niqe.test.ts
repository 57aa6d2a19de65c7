import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { niqe, niqeBlocks } from '../../../src/metrics/niqe.js';
import type { PictureView } from '../../../src/metrics/picture-quality.js';
import { openPictures } from '../../../src/source/picture-source.js';

/** From pyiqa with our model: test/golden/niqe.py. */
const golden = JSON.parse(readFileSync(new URL('../../golden/niqe.json', import.meta.url), 'utf8')) as number[];

/** The textures of that file. */
function texture(shift: number, noise: number, height = 200, width = 300): PictureView {
  const data = new Float32Array(3 * height * width);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const wave = 0.25 * Math.sin(x / (3 + c) + shift * Math.cos(y / 9)) * Math.cos(y / 5 + c);
        const grain = 0.2 * Math.sin((x * y) % 17) * (0.5 + 0.5 * Math.sin(x / 31));
        const more = noise * Math.sin(((x + 1) * (y + 3) * 12.9898) % 78.233);
        data[(c * height + y) * width + x] = Math.min(1, Math.max(0, 0.5 + wave + grain + more));
      }
    }
  }
  return { data, height, width };
}

describe('NIQE', () => {
  it.each([
    [0, 0],
    [0.4, 0],
    [0.4, 0.1],
    [3, 0.3],
  ])('is pyiqa’s with the same model: texture %d, noise %d', (shift, noise) => {
    const expected = golden[[0, 0.4, 0.4, 3].findIndex((s, i) => s === shift && [0, 0, 0.1, 0.3][i] === noise)];
    // Shapes come from a table with steps of 0.001 there.
    expect(Math.abs(niqe(texture(shift, noise)) / expected - 1)).toBeLessThan(2e-3);
  });

  it('is higher for a picture that is blurred or noisy', async () => {
    const source = openPictures(['builtin:natural/512'], { maxPixels: 1 << 20, frames: 1 });
    const { data, height, width } = await source.at(0);
    const sharp = niqe({ data, height, width });
    const blurred = data.map((_, i) => {
      const x = i % width;
      let sum = 0;
      for (let k = -4; k <= 4; k++) sum += data[i + Math.min(width - 1 - x, Math.max(-x, k))];
      return sum / 9;
    });
    const noisy = data.map((v, i) => Math.min(1, Math.max(0, v + 0.15 * Math.sin((i * 12.9898) % 78.233))));
    expect(sharp).toBeGreaterThan(1);
    expect(niqe({ data: blurred, height, width })).toBeGreaterThan(sharp);
    expect(niqe({ data: noisy, height, width })).toBeGreaterThan(sharp);
  });

  it('needs two blocks of 96 pixels that are not flat', () => {
    expect(niqeBlocks(texture(0, 0, 95, 400))).toHaveLength(0);
    expect(niqeBlocks(texture(0, 0, 100, 290))).toHaveLength(3);
    expect(niqe(texture(0, 0, 191, 191))).toBeNaN();
    expect(niqe(texture(0, 0, 96, 192))).toBeGreaterThan(0);
    expect(niqe({ data: new Float32Array(3 * 192 * 192).fill(0.5), height: 192, width: 192 })).toBeNaN();
  });
});
