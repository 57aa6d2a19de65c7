import { type ComplexArray, concatComplex, createComplex, subarray } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { runBlock, type StreamBlock } from '../../../src/channel/stream-block.js';

/** CN(0, 1) samples. */
export function noiseSignal(length: number, seed: number | string = 1): ComplexArray {
  const x = createComplex(length);
  createRng(seed).fillComplexGaussian(x, 1);
  return x;
}

/** exp(j(2π·cyclesPerSample·n + phase)). */
export function tone(length: number, cyclesPerSample: number, phase = 0): ComplexArray {
  const x = createComplex(length);
  for (let n = 0; n < length; n++) {
    x.re[n] = Math.cos(2 * Math.PI * cyclesPerSample * n + phase);
    x.im[n] = Math.sin(2 * Math.PI * cyclesPerSample * n + phase);
  }
  return x;
}

/** Feeds `x` in chunks whose lengths cycle through `sizes`. */
export function inChunks(block: StreamBlock, x: ComplexArray, sizes: readonly number[]): ComplexArray {
  const parts: ComplexArray[] = [];
  for (let at = 0, i = 0; at < x.re.length; i++) {
    const end = Math.min(x.re.length, at + sizes[i % sizes.length]);
    parts.push(runBlock(block, subarray(x, at, end)));
    at = end;
  }
  return concatComplex(parts);
}

/** Σ|a − b|² / Σ|b|². */
export function errorRatio(a: ComplexArray, b: ComplexArray): number {
  if (a.re.length !== b.re.length) throw new RangeError(`lengths differ: ${a.re.length} and ${b.re.length}`);
  let error = 0;
  let power = 0;
  for (let n = 0; n < a.re.length; n++) {
    error += (a.re[n] - b.re[n]) ** 2 + (a.im[n] - b.im[n]) ** 2;
    power += b.re[n] ** 2 + b.im[n] ** 2;
  }
  return error / power;
}

export const db = (ratio: number): number => 10 * Math.log10(ratio);

/** J0 by the midpoint rule on Bessel's integral, exact to double precision here. */
export function besselJ0(x: number): number {
  const steps = 256;
  let sum = 0;
  for (let i = 0; i < steps; i++) sum += Math.cos(x * Math.sin((Math.PI * (i + 0.5)) / steps));
  return sum / steps;
}

/** Mean of a[n+lag]·conj(a[n]). */
export function autocorrelation(a: ComplexArray, lag: number): { re: number; im: number } {
  const count = a.re.length - lag;
  let re = 0;
  let im = 0;
  for (let n = 0; n < count; n++) {
    re += a.re[n + lag] * a.re[n] + a.im[n + lag] * a.im[n];
    im += a.im[n + lag] * a.re[n] - a.re[n + lag] * a.im[n];
  }
  return { re: re / count, im: im / count };
}

/** Sample for sample the same bits (deep equality of long arrays is slow, and prints them all). */
export function identical(a: ComplexArray, b: ComplexArray): boolean {
  const same = (x: Float32Array, y: Float32Array): boolean =>
    x.length === y.length && x.every((v, n) => Object.is(v, y[n]));
  return same(a.re, b.re) && same(a.im, b.im);
}
