import { describe, expect, it } from 'vitest';
import { countOf, timeLeft } from '../../../src/cli/progress.js';

describe('progress', () => {
  it.each([
    [0, 0, 100, ''],
    [50, 100, 0.5, ''],
    [50, 100, 10, '10 s left'],
    [1, 100, 1, '1 min 39 s left'],
    [1, 60, 1, '59 s left'],
    [1, 61, 1, '1 min 0 s left'],
    [2.8e9, 18e9, 70, '6 min 20 s left'],
    [1e9, 18e9, 70, '19 min left'],
    [1e8, 18e9, 70, '3 h 28 min left'],
    [120, 100, 10, '0 s left'],
  ])('after %f of %f in %f s: %j', (done, total, seconds, text) => {
    expect(timeLeft(done, total, seconds)).toBe(text);
  });

  it.each([
    [3, 500, '3/500'],
    [2.87e9, 18e9, '2.87/18.00 G'],
    [500, 2e5, '0.50/200.00 k'],
  ])('%f of %f is %s', (done, total, text) => {
    expect(countOf(done, total)).toBe(text);
  });
});
