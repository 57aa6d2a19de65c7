import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.js';
import { smoothPhases } from '../../../src/receiver/phase-smoother.js';

const T = 16;

/** A walk of steps of a deviation, seen with errors of another. */
function walk(seed: number, step: number, error: number) {
  const rng = createRng(seed);
  const truth = new Float64Array(T);
  for (let t = 1; t < T; t++) truth[t] = truth[t - 1] + step * rng.gaussian();
  const angle = truth.map((value) => value + error * rng.gaussian());
  return { truth, seen: { angle, variance: new Float64Array(T).fill(error ** 2), seen: [...truth.keys()] } };
}

/** Mean square of what is left, both less their means. */
function meanSquare(found: Float64Array, truth: Float64Array): number {
  const difference = found.map((value, t) => value - truth[t]);
  const mean = difference.reduce((sum, value) => sum + value, 0) / T;
  return difference.reduce((sum, value) => sum + (value - mean) ** 2, 0) / T;
}

const average = (step: number, error: number): number => {
  const seeds = Array.from({ length: 40 }, (_, i) => i);
  const squares = seeds.map((seed) => {
    const { truth, seen } = walk(seed, step, error);
    return meanSquare(smoothPhases(seen, true).phases, truth);
  });
  return squares.reduce((sum, value) => sum + value, 0) / seeds.length;
};

describe('phases of an oscillator', () => {
  it('keep their steps where these are far beyond the errors', () => {
    // Errors alone would leave 1·10⁻⁴; smoothing must not add to them.
    expect(average(0.7, 0.01)).toBeLessThan(1.2e-4);
  });

  it('lose most of their errors where these are far beyond the steps', () => {
    expect(average(0.01, 0.2)).toBeLessThan(0.4 * 0.04);
  });

  it('stand still where only errors are seen', () => {
    const still = Array.from({ length: 40 }, (_, seed) => smoothPhases(walk(seed, 0, 0.1).seen, false));
    // By likelihood alone, and by chance some do not: those cost passes, and the ranking of candidates decides.
    expect(still.filter(({ wander }) => !wander).length).toBeGreaterThan(20);
    expect(still.find(({ wander }) => !wander)).toMatchObject({ cost: 0, phases: new Float64Array(T) });
  });
});
