import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { naturalnessFeatures } from '../../../src/metrics/naturalness.js';
import { msSsim, psnrDb, ssim, type PictureView } from '../../../src/metrics/picture-quality.js';

/** From scikit-image, pytorch-msssim and piq: test/golden/picture-metrics.py. */
const golden = JSON.parse(readFileSync(new URL('../../golden/picture-metrics.json', import.meta.url), 'utf8')) as {
  psnrDb: number;
  ssim: number;
  msSsim: number;
  naturalness: number[];
};

/** The textures of that file. */
function texture(edge: number, shift: number, grey = false): PictureView {
  const data = new Float32Array(3 * edge * edge);
  const clip = (v: number): number => Math.min(1, Math.max(0, v));
  for (let c = 0; c < 3; c++) {
    const k = grey ? 0 : c;
    for (let y = 0; y < edge; y++) {
      for (let x = 0; x < edge; x++) {
        const wave = 0.25 * Math.sin(x / (3 + k) + shift * Math.cos(y / 9)) * Math.cos(y / 5 + k);
        const grain = 0.2 * Math.sin((x * y) % 17) * (0.5 + 0.5 * Math.sin(x / 31));
        data[(c * edge + y) * edge + x] = clip(0.5 + wave + grain);
      }
    }
  }
  return { data, height: edge, width: edge };
}

describe('picture metrics against public implementations', () => {
  const small = [texture(64, 0), texture(64, 0.4)] as const;

  it('PSNR is scikit-image’s', () => {
    expect(psnrDb(...small)).toBeCloseTo(golden.psnrDb, 4);
  });

  it('SSIM is scikit-image’s with its Gaussian window', () => {
    expect(ssim(...small)).toBeCloseTo(golden.ssim, 5);
  });

  it('MS-SSIM of grey pictures is pytorch-msssim’s, all five scales', () => {
    const { value, scales } = msSsim(texture(256, 0, true), texture(256, 0.4, true));
    expect(scales).toBe(5);
    expect(value).toBeCloseTo(golden.msSsim, 4);
  });

  it('BRISQUE’s features of neighbours’ products, first scale, are piq’s', () => {
    const features = naturalnessFeatures(texture(256, 0, true));
    for (let i = 2; i < 18; i++) {
      // Shapes come from a table with steps of 0.001 there, and edges are padded otherwise.
      const [found, expected] = [features[i], golden.naturalness[i]];
      expect(Math.abs(found - expected), `feature ${i}`).toBeLessThan(0.01 + 0.015 * Math.abs(expected));
    }
    // The first shape is that of the asymmetric fit here, of the symmetric one there.
    expect(Math.abs(features[0] - golden.naturalness[0])).toBeLessThan(0.05 * golden.naturalness[0]);
  });
});
