import { describe, expect, it } from 'vitest';
import { bootstrapMean, normalQuantile, wilsonInterval } from '../../../src/campaign/intervals.js';
import { stopReason, stopSchema } from '../../../src/campaign/stopping.js';
import { createRng } from '../../../src/core/rng.js';

describe('intervals', () => {
  it('know the normal quantiles', () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963985, 7);
    expect(normalQuantile(0.5)).toBeCloseTo(0, 12);
    expect(normalQuantile(0.001)).toBeCloseTo(-3.090232306, 7);
  });

  it("have Wilson's values, within 0…1 at the ends", () => {
    // Newcombe 1998, Statistics in Medicine 17, table I: 81/263 and 0/20.
    expect(wilsonInterval(81, 263).map((v) => v.toFixed(4))).toEqual(['0.2553', '0.3662']);
    expect(wilsonInterval(0, 20)[0]).toBe(0);
    expect(wilsonInterval(0, 20)[1]).toBeCloseTo(0.1611, 4);
  });

  it('by bootstrap cover the true mean about as often as they say, and are as wide as theory has it', () => {
    const rng = createRng(7);
    let covered = 0;
    let width = 0;
    for (let trial = 0; trial < 200; trial++) {
      const values = Array.from({ length: 60 }, () => rng.gaussian());
      const { low, high } = bootstrapMean(values, { seed: trial, resamples: 300 });
      if (low <= 0 && high >= 0) covered++;
      width += (high - low) / 200;
    }
    expect(covered).toBeGreaterThan(180);
    expect(covered).toBeLessThan(199);
    expect(width).toBeCloseTo((2 * 1.96) / Math.sqrt(60), 1);
  });
});

describe('stopping rules', () => {
  const figures = (frames: number, successes: number, spread: number) => ({
    frames,
    successes,
    psnrMean: 25,
    psnrSquares: spread ** 2 * (frames - 1),
  });
  const rule = (given: object) => stopSchema.parse({ minFrames: 10, ...given });

  it.each([
    ['too few frames', { failures: 1 }, figures(9, 0, 1), null],
    ['enough failures', { failures: 5 }, figures(20, 15, 1), 'failures'],
    ['a failure short', { failures: 6 }, figures(20, 15, 1), null],
    ['a narrow mean: 1.96/√100', { psnrHalfWidthDb: 0.197 }, figures(100, 100, 1), 'psnr'],
    ['a mean that is not', { psnrHalfWidthDb: 0.195 }, figures(100, 100, 1), null],
    ['a narrow share', { successHalfWidth: 0.05 }, figures(400, 200, 1), 'success'],
    ['no rule', {}, figures(1000, 0, 0), null],
  ] as const)('%s', (_, given, one, reason) => {
    expect(stopReason(rule(given), new Map([['a', one]]))).toBe(reason);
  });

  it('ask all receivers, or those that are named', () => {
    const both = new Map([
      ['a', figures(50, 0, 1)],
      ['b', figures(50, 50, 1)],
    ]);
    expect(stopReason(rule({ failures: 5 }), both)).toBeNull();
    expect(stopReason(rule({ failures: 5, of: ['a'] }), both)).toBe('failures');
  });
});
