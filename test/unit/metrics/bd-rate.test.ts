import { describe, expect, it } from 'vitest';
import { bdRate } from '../../../src/metrics/bd-rate.js';

/** Rates that double, qualities that grow by 3 dB and a little more each time. */
const curve = (factor: number, shift = 0, points = 5) => {
  const rates = Array.from({ length: points }, (_, i) => factor * 2 ** i);
  return { rates, quality: rates.map((_, i) => 20 + 3 * i + 0.2 * i * i + shift) };
};

describe('BD-rate', () => {
  it('of a curve that needs so much more rate everywhere is just that', () => {
    expect(bdRate(curve(1), curve(1))).toBeCloseTo(0, 12);
    expect(bdRate(curve(1), curve(1.25))).toBeCloseTo(0.25, 10);
    expect(bdRate(curve(1), curve(0.9))).toBeCloseTo(-0.1, 10);
    // There and back.
    expect((1 + bdRate(curve(1), curve(1, 1))) * (1 + bdRate(curve(1, 1), curve(1)))).toBeCloseTo(1, 10);
  });

  it('does not depend on the order of points, nor on points where curves are straight', () => {
    const { rates, quality } = curve(1.2);
    expect(bdRate(curve(1), { rates: rates.toReversed(), quality: quality.toReversed() })).toBeCloseTo(0.2, 10);
    const straight = (points: number, shift: number) => ({
      rates: Array.from({ length: points }, (_, i) => 10 ** (i / (points - 1))),
      quality: Array.from({ length: points }, (_, i) => 20 + (10 * i) / (points - 1) + shift),
    });
    // A dB less for the same rate, 10 dB a decade: a tenth of a decade more rate.
    expect(bdRate(straight(3, 0), straight(7, -1))).toBeCloseTo(10 ** 0.1 - 1, 10);
  });

  it('is over the qualities that both reach, and nothing where there is none', () => {
    const low = { rates: [1, 2], quality: [20, 23] };
    expect(bdRate(low, { rates: [2, 4, 8], quality: [20, 23, 50] })).toBeGreaterThan(0.9);
    expect(bdRate(low, { rates: [2, 4], quality: [30, 33] })).toBeNaN();
    expect(bdRate(low, { rates: [2, 4], quality: [33, 30] })).toBeNaN();
    expect(() => bdRate(low, { rates: [1], quality: [2] })).toThrow('two points');
  });
});
