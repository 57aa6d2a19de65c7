import { describe, expect, it } from 'vitest';
import type { SnrConvention } from '../../../src/channel/config.js';
import { addNoise, noiseVariance } from '../../../src/channel/noise.js';
import { createComplex, meanPower } from '../../../src/core/complex.js';
import { ConfigError } from '../../../src/core/errors.js';
import { createRng } from '../../../src/core/rng.js';
import { noiseSignal } from './helpers.js';

describe('noise', () => {
  it('the two CSNR conventions', () => {
    expect(noiseVariance('average', 10, 0.3)).toBeCloseTo(0.1, 15);
    expect(noiseVariance('received', 10, 0.3)).toBeCloseTo(0.03, 15);
    expect(noiseVariance('average', -3, 1)).toBeCloseTo(1.9952623, 6);
  });

  it.each<[SnrConvention, number, number]>([
    ['average', Number.NaN, 1],
    ['average', Number.POSITIVE_INFINITY, 1],
    ['received', 10, -1],
    ['received', 10, Number.NaN],
    ['typical' as SnrConvention, 10, 1],
  ])('refuses %s, %d dB, power %d', (convention, csnrDb, power) => {
    expect(() => noiseVariance(convention, csnrDb, power)).toThrow(ConfigError);
  });

  it('variance is the total per complex sample, half per dimension, circular (200,000 samples, 5 standard errors)', () => {
    const x = createComplex(200_000);
    addNoise(x, 0.4, createRng('noise'));
    let re2 = 0;
    let cross = 0;
    for (let n = 0; n < x.re.length; n++) {
      re2 += x.re[n] ** 2 / x.re.length;
      cross += (x.re[n] * x.im[n]) / x.re.length;
    }
    const standardError = 1 / Math.sqrt(x.re.length);
    expect(Math.abs(meanPower(x) / 0.4 - 1)).toBeLessThan(5 * standardError);
    expect(Math.abs(re2 / 0.2 - 1)).toBeLessThan(5 * Math.SQRT2 * standardError);
    expect(Math.abs(cross / 0.2)).toBeLessThan(5 * standardError);
  });

  it('adds to the signal, and variance 0 leaves it alone', () => {
    const x = noiseSignal(100);
    addNoise(x, 0, createRng(1));
    expect(x).toEqual(noiseSignal(100));
    addNoise(x, 1e-8, createRng(1));
    expect(x).not.toEqual(noiseSignal(100));
    expect(Math.abs(x.re[5] - noiseSignal(100).re[5])).toBeLessThan(1e-3);
  });

  it('refuses a negative variance', () => {
    expect(() => addNoise(createComplex(1), -1, createRng(1))).toThrow(ConfigError);
  });
});
