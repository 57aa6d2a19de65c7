import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.js';
import { msSsim, psnrDb, ssim, structuralQuality } from '../../../src/metrics/picture-quality.js';
import { channelError, evm } from '../../../src/metrics/signal-quality.js';

const rng = createRng(11);
const picture = (height: number, width: number) => ({
  data: Float32Array.from({ length: 3 * height * width }, (_, i) => 0.5 + 0.4 * Math.sin(i / 7) * Math.cos(i / 301)),
  height,
  width,
});
type View = ReturnType<typeof picture>;
const noisy = (p: View, sigma: number): View => ({ ...p, data: p.data.map((v) => v + sigma * rng.gaussian()) });

/** SSIM written from its definition: one window at a time, two-dimensional weights, no running sums. */
function slowSsim(a: View, b: View): number {
  const weights: number[] = [];
  const edge = Math.min(a.height, a.width);
  const n = edge >= 11 ? 11 : edge - 1 + (edge % 2);
  const half = (n - 1) / 2;
  for (let y = -half; y <= half; y++)
    for (let x = -half; x <= half; x++) weights.push(Math.exp(-(x * x + y * y) / 4.5));
  const total = weights.reduce((s, v) => s + v, 0);
  let sum = 0;
  let count = 0;
  for (let c = 0; c < 3; c++) {
    for (let top = 0; top + n <= a.height; top++) {
      for (let left = 0; left + n <= a.width; left++) {
        let [ma, mb, aa, bb, ab] = [0, 0, 0, 0, 0];
        weights.forEach((w, k) => {
          const at = (c * a.height + top + Math.floor(k / n)) * a.width + left + (k % n);
          ma += (w / total) * a.data[at];
          mb += (w / total) * b.data[at];
        });
        weights.forEach((w, k) => {
          const at = (c * a.height + top + Math.floor(k / n)) * a.width + left + (k % n);
          aa += (w / total) * (a.data[at] - ma) ** 2;
          bb += (w / total) * (b.data[at] - mb) ** 2;
          ab += (w / total) * (a.data[at] - ma) * (b.data[at] - mb);
        });
        sum += ((2 * ma * mb + 1e-4) * (2 * ab + 9e-4)) / ((ma * ma + mb * mb + 1e-4) * (aa + bb + 9e-4));
        count++;
      }
    }
  }
  return sum / count;
}

describe('picture metrics', () => {
  it('gives SSIM and MS-SSIM together as it gives each', () => {
    const rng = createRng(4);
    for (const [height, width] of [
      [40, 64],
      [9, 14],
    ]) {
      const data = Float32Array.from({ length: 3 * height * width }, () => rng.uniform());
      const a = { data, height, width };
      const b = { ...a, data: data.map((v) => 0.8 * v + 0.1 * rng.uniform()) };
      expect(structuralQuality(a, b)).toEqual({ ssim: ssim(a, b), msSsim: msSsim(a, b) });
    }
  });

  it('PSNR of an error of 0.1 everywhere is 20 dB', () => {
    const a = picture(8, 8);
    expect(psnrDb(a, { ...a, data: a.data.map((v) => v + 0.1) })).toBeCloseTo(20, 4);
    expect(psnrDb(a, a)).toBe(Infinity);
  });

  // Larger and smaller ones in turn: they share a piece of memory.
  it.each([
    [20, 17],
    [11, 40],
    [7, 9],
    [2, 5],
    [1, 1],
    [48, 31],
    [3, 300],
    [12, 13],
  ])('SSIM of %i×%i pixels agrees with its definition', (height, width) => {
    const a = picture(height, width);
    const b = noisy(a, 0.08);
    expect(ssim(a, b)).toBeCloseTo(slowSsim(a, b), 6);
  });

  it('SSIM and MS-SSIM are 1 for equal pictures, symmetric, and fall with noise', () => {
    const a = picture(64, 64);
    const little = noisy(a, 0.02);
    const much = noisy(a, 0.2);
    expect(ssim(a, a)).toBeCloseTo(1, 9);
    expect(msSsim(a, a).value).toBeCloseTo(1, 9);
    expect(ssim(a, little)).toBeCloseTo(ssim(little, a), 12);
    expect(ssim(a, little)).toBeGreaterThan(ssim(a, much));
    expect(msSsim(a, little).value).toBeGreaterThan(msSsim(a, much).value);
  });

  it.each([
    [64, 3],
    [175, 4],
    [176, 5],
  ])('MS-SSIM of %i pixels has %i scales', (edge, scales) => {
    expect(msSsim(picture(edge, edge), picture(edge, edge)).scales).toBe(scales);
  });

  it('compares pictures smaller than the window', () => {
    const a = picture(6, 9);
    expect(ssim(a, a)).toBeCloseTo(1, 9);
    expect(ssim(a, noisy(a, 0.3))).toBeLessThan(0.95);
  });

  it('refuses pictures of different size', () => {
    expect(() => psnrDb(picture(8, 8), picture(8, 9))).toThrow(/8×8 and 9×8/);
  });
});

describe('signal metrics', () => {
  const row = (re: number[], im: number[]) => ({ re: Float32Array.from(re), im: Float32Array.from(im) });

  it('channel error counts taps that one side lacks', () => {
    const { error, nmse } = channelError(row([1], [0]), row([1, 0], [0, 2]));
    expect(error).toBeCloseTo(4);
    expect(nmse).toBeCloseTo(0.8);
  });

  it('EVM is the relative amplitude of the error', () => {
    expect(evm(row([1.1, 0], [0, 1]), row([1, 0], [0, 1]))).toBeCloseTo(0.1 / Math.SQRT2, 5);
  });
});
