import { describe, expect, it } from 'vitest';
import { concatComplex, copyComplex, createComplex, subarray } from '../../../src/core/complex.js';
import { ConfigError } from '../../../src/core/errors.js';
import { correctCfo } from '../../../src/sync/correct-cfo.js';
import { HalfCorrelator } from '../../../src/sync/half-correlator.js';
import { candidateThreshold, energyShareThreshold } from '../../../src/sync/thresholds.js';
import { gaussian, maxDistance } from '../ofdm/helpers.js';

describe('CFO correction', () => {
  it('turns each sample by −cfo times its index', () => {
    const x = gaussian(300, 1);
    const y = correctCfo(x, 0.1, 1_000_000, createComplex(300));
    for (const n of [0, 63, 64, 200, 299]) {
      const angle = -0.1 * (1_000_000 + n);
      expect(y.re[n]).toBeCloseTo(x.re[n] * Math.cos(angle) - x.im[n] * Math.sin(angle), 5);
      expect(y.im[n]).toBeCloseTo(x.re[n] * Math.sin(angle) + x.im[n] * Math.cos(angle), 5);
    }
  });

  it('gives the same in chunks, from negative indices too, and undoes itself', () => {
    const x = gaussian(500, 2);
    const whole = correctCfo(x, -0.03, -77, createComplex(500));
    const parts = [0, 1, 130, 131, 400].map((at, i, all) => copyComplex(subarray(x, at, all[i + 1] ?? 500)));
    let at = -77;
    for (const part of parts) {
      correctCfo(part, -0.03, at);
      at += part.re.length;
    }
    expect(concatComplex(parts)).toEqual(whole);
    expect(maxDistance(correctCfo(whole, 0.03, -77), x)).toBeLessThan(1e-6);
  });

  it.each([NaN, Infinity])('refuses an offset of %s', (cfo) => {
    expect(() => correctCfo(createComplex(1), cfo)).toThrow(ConfigError);
  });
});

describe('half correlator', () => {
  it('has M = 1 for two equal halves whatever gain, offset and constant, and gives the offset', () => {
    const half = gaussian(32, 1);
    const x = createComplex(64);
    for (let i = 0; i < 64; i++) {
      const angle = 0.4 * Math.PI * (i < 32 ? 0 : 1);
      x.re[i] = 9 + 1e-3 * (half.re[i % 32] * Math.cos(angle) - half.im[i % 32] * Math.sin(angle));
      x.im[i] = -4 + 1e-3 * (half.re[i % 32] * Math.sin(angle) + half.im[i % 32] * Math.cos(angle));
    }
    const correlator = new HalfCorrelator(32);
    correlator.start(x, 0);
    expect(correlator.metric()).toBeGreaterThan(0.999);
    expect(Math.atan2(correlator.pIm, correlator.pRe)).toBeCloseTo(0.4 * Math.PI, 2);
  });

  it('steps and scans to what it would sum afresh', () => {
    const x = gaussian(400, 2);
    const [stepped, fresh, scanned] = [new HalfCorrelator(16), new HalfCorrelator(16), new HalfCorrelator(16)];
    const best = { metric: 0, at: -1 };
    stepped.start(x, 0);
    scanned.start(x, 0);
    let largest = 0;
    for (let d = 0; d < 300; d++) {
      fresh.start(x, d);
      largest = Math.max(largest, fresh.metric());
      expect(stepped.metric()).toBeCloseTo(fresh.metric(), 9);
      stepped.step(x, d);
    }
    expect(scanned.scan(x, 0, 300, 1, best)).toBe(300);
    expect(best.metric).toBeCloseTo(largest, 9);
    expect(scanned.metric()).toBeCloseTo(stepped.metric(), 9);
  });

  it('of noise passes the candidate threshold as often as it says', () => {
    const correlator = new HalfCorrelator(32);
    const x = gaussian(64 * 20_000, 3);
    const threshold = candidateThreshold(32, 0.01);
    let passed = 0;
    for (let i = 0; i < 20_000; i++) {
      correlator.start(x, 64 * i);
      if (correlator.metric() > threshold) passed++;
    }
    // 200 expected, standard deviation 14.
    expect(passed).toBeGreaterThan(150);
    expect(passed).toBeLessThan(250);
  });
});

describe('energy share threshold', () => {
  it('is the upper quantile of a beta distribution', () => {
    // One dimension of n: P(Q > q) = (1 − q)^(n−1).
    expect(energyShareThreshold(1, 11, 1e-3)).toBeCloseTo(1 - 1e-3 ** 0.1, 9);
    const x = gaussian(20 * 20_000, 4);
    const threshold = energyShareThreshold(5, 20, 0.02);
    let passed = 0;
    for (let i = 0; i < 20_000; i++) {
      let [inside, all] = [0, 0];
      for (let j = 0; j < 20; j++) {
        const power = x.re[20 * i + j] ** 2 + x.im[20 * i + j] ** 2;
        all += power;
        if (j < 5) inside += power;
      }
      if (inside / all > threshold) passed++;
    }
    expect(passed).toBeGreaterThan(320);
    expect(passed).toBeLessThan(480);
  });
});
