import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ComplexArray, createComplex, meanPower, scaleInPlace } from '../../../src/core/complex.js';
import { ConfigError, ShapeError } from '../../../src/core/errors.js';
import { createRng } from '../../../src/core/rng.js';
import { createFft } from '../../../src/dsp/fft.js';
import { createFftKernel } from '../../../src/dsp/fft-kernel.js';

function noise(length: number, seed: number): ComplexArray {
  const x = createComplex(length);
  createRng(seed).fillComplexGaussian(x, 1);
  return x;
}

function naiveDft(x: ComplexArray, sign: -1 | 1): { re: Float64Array; im: Float64Array } {
  const n = x.re.length;
  const out = { re: new Float64Array(n), im: new Float64Array(n) };
  for (let k = 0; k < n; k++) {
    for (let i = 0; i < n; i++) {
      const angle = (sign * 2 * Math.PI * ((k * i) % n)) / n;
      out.re[k] += x.re[i] * Math.cos(angle) - x.im[i] * Math.sin(angle);
      out.im[k] += x.re[i] * Math.sin(angle) + x.im[i] * Math.cos(angle);
    }
  }
  return out;
}

/** Root of Σ|a − g·b|² / Σ|g·b|². */
function relativeError(a: ComplexArray, b: { re: ArrayLike<number>; im: ArrayLike<number> }, gain = 1): number {
  let error = 0;
  let power = 0;
  for (let i = 0; i < a.re.length; i++) {
    error += (a.re[i] - gain * b.re[i]) ** 2 + (a.im[i] - gain * b.im[i]) ** 2;
    power += (gain * b.re[i]) ** 2 + (gain * b.im[i]) ** 2;
  }
  return Math.sqrt(error / power);
}

describe('FFT', () => {
  it.each([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024])('of %i points is the DFT, both ways', (n) => {
    const x = noise(n, n);
    const y = createComplex(n);
    const [forward, inverse] = [naiveDft(x, -1), naiveDft(x, 1)];
    const standard = createFft(n);
    standard.forward(x, y);
    expect(relativeError(y, forward)).toBeLessThan(5e-7);
    standard.inverse(x, y);
    expect(relativeError(y, inverse, 1 / n)).toBeLessThan(5e-7);
    const unitary = createFft(n, 'unitary');
    unitary.forward(x, y);
    expect(relativeError(y, forward, 1 / Math.sqrt(n))).toBeLessThan(5e-7);
    unitary.inverse(x, y);
    expect(relativeError(y, inverse, 1 / Math.sqrt(n))).toBeLessThan(5e-7);
  });

  it.each([2 ** 15, 2 ** 20])('of %i points turns a pure tone into one bin, and comes back', (n) => {
    const x = createComplex(n);
    const bin = Math.floor(n / 3);
    for (let i = 0; i < n; i++) {
      const angle = (2 * Math.PI * ((bin * i) % n)) / n;
      x.re[i] = Math.cos(angle);
      x.im[i] = Math.sin(angle);
    }
    const y = createComplex(n);
    const fft = createFft(n);
    fft.forward(x, y);
    const expected = createComplex(n);
    expected.re[bin] = n;
    expect(relativeError(y, expected)).toBeLessThan(1e-6);
    fft.inverse(y, y);
    expect(relativeError(y, x)).toBeLessThan(1e-6);
  });

  it('keeps energy (Parseval), is linear, and works in place', () => {
    const sizes = fc.integer({ min: 0, max: 9 }).map((log) => 2 ** log);
    const ffts = new Map(Array.from({ length: 10 }, (_, log) => [2 ** log, createFft(2 ** log, 'unitary')] as const));
    fc.assert(
      fc.property(sizes, fc.integer(), fc.double({ min: -4, max: 4, noNaN: true }), (n, seed, gain) => {
        const fft = ffts.get(n)!;
        const a = noise(n, seed);
        const b = noise(n, seed + 0.5);
        const [fa, fb, fsum] = [createComplex(n), createComplex(n), createComplex(n)];
        const sum = createComplex(n);
        for (let i = 0; i < n; i++) {
          sum.re[i] = a.re[i] + gain * b.re[i];
          sum.im[i] = a.im[i] + gain * b.im[i];
        }
        fft.forward(a, fa);
        fft.forward(b, fb);
        fft.forward(sum, fsum);
        expect(meanPower(fa)).toBeCloseTo(meanPower(a), 4);
        for (let i = 0; i < n; i++) {
          expect(fsum.re[i]).toBeCloseTo(fa.re[i] + gain * fb.re[i], 4);
          expect(fsum.im[i]).toBeCloseTo(fa.im[i] + gain * fb.im[i], 4);
        }
        fft.forward(a, a);
        expect(a).toEqual(fa);
      }),
      { numRuns: 40 },
    );
  });

  it.each([0, -4, 3, 48, 2.5, NaN, 2 ** 21])('refuses a size of %s in one line', (n) => {
    expect(() => createFft(n)).toThrow(ConfigError);
    expect(() => createFft(n)).toThrow(/choose a power of two/);
  });

  it('refuses arrays of another length', () => {
    const fft = createFft(16);
    expect(() => fft.forward(createComplex(8), createComplex(16))).toThrow(ShapeError);
    expect(() => fft.inverse(createComplex(16), createComplex(17))).toThrow(ShapeError);
  });
});

describe('FFT kernel', () => {
  it.each([0, 1, 3, 12, 13, 16, 63, 64])('repeats the last %i results in front of each of several transforms', (k) => {
    const n = 64;
    const count = 3;
    const kernel = createFftKernel(n, {
      inputLength: count * n,
      outputLength: count * (n + k),
      scale: 0.25,
      prefixLength: k,
    });
    const x = noise(count * n, 7);
    kernel.inRe.set(x.re);
    kernel.inIm.set(x.im);
    kernel.run('inverse', count, 0, n, 0, n + k);
    const fft = createFft(n);
    for (let i = 0; i < count; i++) {
      const expected = createComplex(n);
      const one = { re: x.re.slice(i * n, (i + 1) * n), im: x.im.slice(i * n, (i + 1) * n) };
      fft.inverse(one, expected);
      scaleInPlace(expected, 0.25 * n);
      const at = i * (n + k);
      const got = { re: kernel.outRe.slice(at, at + n + k), im: kernel.outIm.slice(at, at + n + k) };
      const withPrefix = {
        re: [...expected.re.slice(n - k), ...expected.re],
        im: [...expected.im.slice(n - k), ...expected.im],
      };
      expect(relativeError(got, withPrefix)).toBeLessThan(5e-7);
    }
    expect(kernel.inRe).toEqual(x.re);
  });

  it('copies long prefixes and refuses what it cannot hold', () => {
    const kernel = createFftKernel(256, { inputLength: 256, outputLength: 457, scale: 1, prefixLength: 201 });
    kernel.inRe.set(noise(256, 3).re);
    kernel.run('forward', 1, 0, 256, 0, 457);
    expect(kernel.outRe.slice(0, 201)).toEqual(kernel.outRe.slice(256));
    expect(kernel.outIm.slice(0, 201)).toEqual(kernel.outIm.slice(256));
    expect(() => createFftKernel(8, { inputLength: 8, outputLength: 8, scale: 1, prefixLength: 0 })).toThrow(
      RangeError,
    );
  });
});
