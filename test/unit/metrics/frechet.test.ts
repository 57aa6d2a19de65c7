import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.js';
import { frechetDistance, frechetInterval } from '../../../src/metrics/frechet.js';

/** `count` vectors of `length` independent Gaussians with these means and deviations. */
function gaussians(seed: string, count: number, length: number, mean = 0, deviation = 1): Float64Array[] {
  const rng = createRng(seed);
  return Array.from({ length: count }, () => Float64Array.from({ length }, () => mean + deviation * rng.gaussian()));
}

const rows = (...vectors: number[][]): Float64Array[] => vectors.map((vector) => Float64Array.from(vector));
/** Axis-aligned sets: mean m, covariance diag(s²) with either divisor. */
const cross = (m: number[], s: number[], ddof: 0 | 1): Float64Array[] => {
  const k = Math.sqrt((2 * s.length - ddof) / 2);
  return s.flatMap((deviation, j) =>
    [1, -1].map((sign) => Float64Array.from(m, (v, i) => v + (i === j ? sign * k * deviation : 0))),
  );
};

describe('frechetDistance', () => {
  it('is Σ (Δm)² + (s₁ − s₂)² for covariances diag(s²)', () => {
    for (const ddof of [0, 1] as const) {
      const a = cross([1, 2, 3], [1, 2, 0.5], ddof);
      const b = cross([1, 0, 4], [3, 2, 1.5], ddof);
      expect(frechetDistance(a, b, ddof)).toBeCloseTo(4 + 1 + (4 + 0 + 1), 10);
    }
  });

  it('is the closed form for two dimensions, whose trace of the root is √(tr M + 2 √det M), M = C₁C₂', () => {
    const a = rows([0, 0], [2, 1], [1, 3], [4, 2], [3, 5]);
    const b = rows([1, 1], [0, 2], [5, 1], [2, 2], [3, 0], [1, 4]);
    const moments = (set: Float64Array[]) => {
      const n = set.length;
      const m = [0, 1].map((j) => set.reduce((sum, row) => sum + row[j], 0) / n);
      const c = (i: number, j: number): number =>
        set.reduce((sum, row) => sum + (row[i] - m[i]) * (row[j] - m[j]), 0) / (n - 1);
      return { m, c: [c(0, 0), c(0, 1), c(1, 1)] };
    };
    const [p, q] = [moments(a), moments(b)];
    const det = (c: number[]): number => c[0] * c[2] - c[1] ** 2;
    const traceOfProduct = p.c[0] * q.c[0] + 2 * p.c[1] * q.c[1] + p.c[2] * q.c[2];
    const root = Math.sqrt(traceOfProduct + 2 * Math.sqrt(det(p.c) * det(q.c)));
    const shift = (p.m[0] - q.m[0]) ** 2 + (p.m[1] - q.m[1]) ** 2;
    expect(frechetDistance(a, b, 1)).toBeCloseTo(shift + p.c[0] + p.c[2] + q.c[0] + q.c[2] - 2 * root, 10);
  });

  it('is the same by Gram matrices as by covariances', () => {
    // Features that are always 0 change nothing but which way is taken.
    const widened = (set: Float64Array[]): Float64Array[] =>
      set.map((row) => Float64Array.from({ length: 40 }, (_, j) => row.at(j) ?? 0));
    const a = gaussians('a', 30, 6, 0.5);
    const b = gaussians('b', 25, 6, 0, 2);
    expect(frechetDistance(widened(a), widened(b), 1)).toBeCloseTo(frechetDistance(a, b, 1), 6);
    // One set with fewer, one with more vectors than features.
    const few = a.slice(0, 4);
    expect(frechetDistance(few, b, 1)).toBeCloseTo(frechetDistance(b, few, 1), 6);
    expect(frechetDistance(widened(few), widened(b), 1)).toBeCloseTo(frechetDistance(few, b, 1), 6);
  });

  it('is 0 between equal sets, singular covariances or not', () => {
    for (const count of [2, 20, 200]) {
      const set = gaussians('same', count, 50);
      expect(frechetDistance(set, set, 1)).toBeLessThan(1e-5);
    }
  });

  it('takes 60 pictures of 2048 features without a matrix of features by features', () => {
    // Two sets of n samples of one distribution in d dimensions are about 2·d/n·σ² apart in their means alone.
    const distance = frechetDistance(gaussians('x', 60, 2048), gaussians('y', 60, 2048), 1);
    expect(distance).toBeGreaterThan((2 * 2048) / 60);
    expect(distance).toBeLessThan(2 * 2048);
  });
});

describe('frechetInterval', () => {
  /** Pairs as receivers make them: what was sent, and that with noise and a shift. */
  const pairs = (seed: string, count: number) => {
    const sent = gaussians(`${seed}/sent`, count, 4);
    const noise = gaussians(`${seed}/noise`, count, 4);
    return { sent, received: sent.map((v, i) => v.map((x, j) => 0.8 * x + 0.3 * noise[i][j] + 0.4)) };
  };

  it('is as wide as distances of other pictures vary, and holds their mean as often as it says', () => {
    const found = Array.from({ length: 300 }, (_, i) => {
      const { sent, received } = pairs(`draw ${i}`, 80);
      return frechetInterval(received, sent, 1);
    });
    const mean = found.reduce((sum, { value }) => sum + value, 0) / found.length;
    const std = Math.sqrt(found.reduce((sum, { value }) => sum + (value - mean) ** 2, 0) / found.length);
    const half = found.reduce((sum, { low, high }) => sum + (high - low) / 2, 0) / found.length;
    expect(half / 2.262 / std).toBeGreaterThan(0.85);
    expect(half / 2.262 / std).toBeLessThan(1.25);
    const held = found.filter(({ low, high }) => low <= mean && mean <= high).length / found.length;
    expect(held).toBeGreaterThan(0.91);
    expect(held).toBeLessThan(0.99);
  });

  it('has no bounds of few pictures', () => {
    const { sent, received } = pairs('few', 19);
    expect(frechetInterval(received, sent, 1)).toEqual({
      value: frechetDistance(received, sent, 1),
      low: Number.NaN,
      high: Number.NaN,
    });
  });
});
