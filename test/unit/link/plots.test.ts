import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { complexFrom } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { constellationSvg, tapsSvg } from '../../../src/link/results/plots.js';

const cloud = (count: number) => {
  const rng = createRng(5);
  const draw = () => Array.from({ length: count }, () => rng.gaussian());
  return complexFrom(draw(), draw());
};
const pointsIn = (svg: string): number => svg.match(/h\.01/g)?.length ?? 0;
const numbers = (svg: string, pattern: RegExp): number[] => [...svg.matchAll(pattern)].map((m) => Number(m[1]));

describe('constellationSvg', () => {
  it('draws a point where the element is: right and up are positive', () => {
    // The axes reach 1.15 times the 99th percentile of |x|, 1 here, over half of 240 pixels.
    const svg = constellationSvg({ title: 't', panels: [{ label: 'p', points: complexFrom([1, 0], [0, 1]) }] });
    const [right, up] = [...svg.matchAll(/M([\d.]+) ([\d.]+)h\.01/g)].map((m) => [Number(m[1]), Number(m[2])]);
    expect(right[0]).toBeCloseTo(24 + 120 + 120 / 1.15, 0);
    expect(right[1]).toBeCloseTo(36 + 120, 0);
    expect(up[0]).toBeCloseTo(24 + 120, 0);
    expect(up[1]).toBeCloseTo(36 + 120 - 120 / 1.15, 0);
  });

  it('thins to at most 4000 points a panel, the same ones each time', () => {
    const plot = { title: 't', panels: [{ label: 'p', points: cloud(9001) }] };
    const count = pointsIn(constellationSvg(plot));
    expect(count).toBeGreaterThan(2500);
    expect(count).toBeLessThanOrEqual(4000);
    expect(constellationSvg(plot)).toBe(constellationSvg(plot));
  });

  it('leaves out what is not a number, and draws the rest', () => {
    const points = complexFrom([Number.NaN, 1, 0, Infinity], [0, 0, 1, 0]);
    const svg = constellationSvg({ title: 't', panels: [{ label: 'p', points }] });
    expect(svg).not.toContain('NaN');
    expect(pointsIn(svg)).toBe(2);
  });

  it('keeps labels from breaking the drawing', async () => {
    const svg = constellationSvg({ title: 'a < b & "c"', panels: [{ label: '<script>', points: cloud(10) }] });
    expect(svg).not.toContain('<script>');
    await expect(sharp(Buffer.from(svg)).metadata()).resolves.toMatchObject({ format: 'svg' });
  });
});

describe('tapsSvg', () => {
  const truth = complexFrom([1, 0, -0.5], [0, 0.5, 0]);
  const estimate = { label: 'blind', taps: truth, tapVariance: Float32Array.of(0.08, 0, 0) };

  it('puts a right estimate at the end of the bar of the truth', () => {
    const svg = tapsSvg({ title: 't', truth, estimates: [estimate] });
    const bars = numbers(svg, /M[\d.]+ [\d.]+V([\d.]+)h/g);
    const dots = numbers(svg, /cy="([\d.]+)"/g);
    expect(dots).toHaveLength(6);
    expect(dots).toEqual(bars);
  });

  it('draws ± one standard deviation per real dimension: √(variance / 2)', () => {
    const svg = tapsSvg({ title: 't', truth, estimates: [estimate] });
    const [, low, high] = /M[\d.]+ ([\d.]+)V([\d.]+)" stroke="#0072b2"/.exec(svg) ?? [];
    // 180 pixels stand for −1.15 … 1.15.
    expect(((Number(low) - Number(high)) / 180) * 2.3).toBeCloseTo(2 * Math.sqrt(0.08 / 2), 2);
  });

  it('shows estimates with more taps than the truth, and no estimate at all', () => {
    const long = {
      label: 'long',
      taps: complexFrom([1, 0, 0, 0, 0.2], [0, 0, 0, 0, 0]),
      tapVariance: new Float32Array(5),
    };
    expect(tapsSvg({ title: 't', truth, estimates: [long] }).match(/<circle/g)).toHaveLength(10);
    expect(tapsSvg({ title: 't', truth, estimates: [] })).not.toMatch(/NaN|Infinity|<circle/);
  });
});
