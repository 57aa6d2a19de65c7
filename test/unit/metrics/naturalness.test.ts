import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.js';
import {
  gammaFunction,
  naturalnessDistance,
  naturalnessFeatures,
  NUM_NATURALNESS_FEATURES,
  sharpness,
} from '../../../src/metrics/naturalness.js';
import type { PictureView } from '../../../src/metrics/picture-quality.js';
import { builtinPicture } from '../../../src/source/builtin-pictures.js';

const pictures = (count: number): Promise<PictureView[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => builtinPicture('natural', i)));

/** 3×3 mean. */
function blurred({ data, height, width }: PictureView): PictureView {
  const out = new Float32Array(data.length);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let sum = 0;
        for (let dy = -1; dy <= 1; dy++) {
          for (let dx = -1; dx <= 1; dx++) {
            const yy = Math.min(height - 1, Math.max(0, y + dy));
            const xx = Math.min(width - 1, Math.max(0, x + dx));
            sum += data[(c * height + yy) * width + xx] / 9;
          }
        }
        out[(c * height + y) * width + x] = sum;
      }
    }
  }
  return { data: out, height, width };
}

function noisy({ data, height, width }: PictureView, sigma: number): PictureView {
  const rng = createRng('noisy');
  return { data: data.map((v) => v + sigma * rng.gaussian()), height, width };
}

describe('sharpness', () => {
  it('is 1 for the same picture, less for a blurred one, more for a noisy one', async () => {
    for (const picture of await pictures(3)) {
      expect(sharpness(picture, picture)).toBe(1);
      expect(sharpness(blurred(picture), picture)).toBeLessThan(0.9);
      expect(sharpness(noisy(picture, 0.05), picture)).toBeGreaterThan(1.05);
    }
  });

  it('is not defined beside a picture without edges', () => {
    const flat = { data: new Float32Array(3 * 64).fill(0.5), height: 8, width: 8 };
    expect(sharpness(flat, flat)).toBeNaN();
  });
});

describe('naturalness', () => {
  it('knows Γ', () => {
    for (const [x, value] of [
      [1, 1],
      [5, 24],
      [0.5, Math.sqrt(Math.PI)],
      [0.1, 9.513507698668732],
    ]) {
      expect(gammaFunction(x)).toBeCloseTo(value, 9);
    }
  });

  it('finds the shape of Gaussian noise: 2 at the finest scale', () => {
    const rng = createRng(1);
    const grey = Float32Array.from({ length: 256 * 256 }, () => 0.5 + 0.1 * rng.gaussian());
    const data = new Float32Array(3 * grey.length);
    for (let c = 0; c < 3; c++) data.set(grey, c * grey.length);
    const features = naturalnessFeatures({ data, height: 256, width: 256 });
    expect(features).toHaveLength(NUM_NATURALNESS_FEATURES);
    // Local normalisation cuts the tails a little.
    expect(features[0]).toBeGreaterThan(1.9);
    expect(features[0]).toBeLessThan(3.5);
    // Taking out the local mean sets neighbours of white noise against each other; those of a blurred picture agree.
    expect(features[4]).toBeGreaterThan(1.2 * features[5]);
    const smooth = naturalnessFeatures(blurred({ data, height: 256, width: 256 }));
    expect(smooth[5]).toBeGreaterThan(1.2 * smooth[4]);
  });

  it('is 0 for the same crowd, and grows with blur and with noise', async () => {
    const sent = await pictures(24);
    const features = sent.map(naturalnessFeatures);
    const distanceOf = (changed: PictureView[]): number =>
      naturalnessDistance(changed.map(naturalnessFeatures), features);
    expect(naturalnessDistance(features, features)).toBeCloseTo(0, 6);
    const slight = distanceOf(sent.map((p) => noisy(p, 0.02)));
    expect(slight).toBeGreaterThan(0.5);
    expect(distanceOf(sent.map((p) => noisy(p, 0.1)))).toBeGreaterThan(slight);
    expect(distanceOf(sent.map(blurred))).toBeGreaterThan(5);
  });

  it('needs two pictures and features of one kind', () => {
    const one = [new Float64Array(36)];
    expect(naturalnessDistance(one, one)).toBeNaN();
    expect(() => naturalnessDistance([new Float64Array(3), new Float64Array(3)], [...one, ...one])).toThrow(/lengths/);
  });
});
