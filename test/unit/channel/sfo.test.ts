import { describe, expect, it } from 'vitest';
import { createSfo } from '../../../src/channel/sfo.js';
import { runBlock } from '../../../src/channel/stream-block.js';
import { createComplex, subarray } from '../../../src/core/complex.js';
import { ConfigError } from '../../../src/core/errors.js';
import { createFractionalFilter } from '../../../src/dsp/resample.js';
import { db, errorRatio, noiseSignal, tone } from './helpers.js';

describe('sampling frequency offset', () => {
  it.each([
    [0.1, 20],
    [-0.25, -20],
    [0.4, 200],
    [-0.46, -5000],
    [0.46, 5000],
  ])('a tone at %d cycles/sample, %d ppm: error below −77 dB of x(n(1 + δ) − 32)', (frequency, ppm) => {
    const sfo = createSfo(ppm);
    const y = runBlock(sfo, tone(20_000, frequency));
    const expected = tone(y.re.length, frequency * (1 + ppm * 1e-6), -2 * Math.PI * frequency * sfo.latencySamples);
    // The first 64 outputs see the zeros before the start.
    expect(db(errorRatio(subarray(y, 64), subarray(expected, 64)))).toBeLessThan(-77);
  });

  it('a slow clock (positive ppm) gives fewer samples, a fast one more', () => {
    const x = noiseSignal(100_000);
    expect(runBlock(createSfo(100), x).re.length).toBe(99_991);
    expect(runBlock(createSfo(-100), x).re.length).toBe(100_011);
    expect(runBlock(createSfo(0), x).re.length).toBe(100_000);
  });

  it('0 ppm is a delay of exactly delaySamples', () => {
    const x = noiseSignal(500);
    const sfo = createSfo(0);
    const y = runBlock(sfo, x);
    expect(errorRatio(subarray(y, sfo.latencySamples), subarray(x, 0, 500 - sfo.latencySamples))).toBeLessThan(1e-12);
  });

  it.each([Number.NaN, 10_001, -20_000])('refuses %d ppm', (ppm) => {
    expect(() => createSfo(ppm)).toThrow(ConfigError);
  });
});

describe('fractional filter', () => {
  it('passes a constant exactly and a whole sample without change', () => {
    const filter = createFractionalFilter(32);
    const weights = new Float64Array(32);
    for (const fraction of [0, 0.1234, 0.5, 0.999]) {
      filter.weights(fraction, weights);
      expect(weights.reduce((sum, w) => sum + w, 0)).toBeCloseTo(1, 12);
    }
    filter.weights(0, weights);
    expect(weights[15]).toBeCloseTo(1, 12);
  });

  it.each([
    [64, 0.46, -77],
    [64, 0.47, -33],
    [32, 0.42, -78],
  ])('%i taps at %d cycles/sample: worst error below the stated %d dB', (numTaps, frequency, limitDb) => {
    const filter = createFractionalFilter(numTaps);
    const weights = new Float64Array(numTaps);
    let worst = 0;
    for (let fraction = 0.00037; fraction < 1; fraction += 0.00173) {
      filter.weights(fraction, weights);
      const error = createComplex(1);
      error.re[0] = -1;
      weights.forEach((w, i) => {
        const angle = 2 * Math.PI * frequency * (i + 1 - numTaps / 2 - fraction);
        error.re[0] += w * Math.cos(angle);
        error.im[0] += w * Math.sin(angle);
      });
      worst = Math.max(worst, error.re[0] ** 2 + error.im[0] ** 2);
    }
    expect(db(worst)).toBeLessThan(limitDb);
  });

  it.each([0, 3, 2.5])('refuses %d taps', (numTaps) => {
    expect(() => createFractionalFilter(numTaps)).toThrow(RangeError);
  });
});
