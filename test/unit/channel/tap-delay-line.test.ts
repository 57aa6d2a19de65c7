import { describe, expect, it } from 'vitest';
import { createTapDelayLine } from '../../../src/channel/tap-delay-line.js';
import { runBlock } from '../../../src/channel/stream-block.js';
import { complexFrom, createComplex } from '../../../src/core/complex.js';
import { ConfigError } from '../../../src/core/errors.js';
import { errorRatio, noiseSignal } from './helpers.js';

describe('tap delay line', () => {
  it('an impulse brings out the taps', () => {
    const taps = complexFrom([1, 0.5, -0.25], [0, -1, 2]);
    const y = runBlock(createTapDelayLine(taps), complexFrom([1, 0, 0, 0], [0, 0, 0, 0]));
    expect(y).toEqual(complexFrom([1, 0.5, -0.25, 0], [0, -1, 2, 0]));
  });

  it('multiplies complex numbers: (1 + 2j)·(3 − j) = 5 + 5j', () => {
    const y = runBlock(createTapDelayLine(complexFrom([1], [2])), complexFrom([3], [-1]));
    expect([y.re[0], y.im[0]]).toEqual([5, 5]);
  });

  it('equals the direct convolution on noise', () => {
    const x = noiseSignal(2500, 'x');
    const h = noiseSignal(13, 'h');
    const expected = createComplex(x.re.length);
    for (let n = 0; n < x.re.length; n++) {
      for (let l = 0; l < h.re.length && l <= n; l++) {
        expected.re[n] += h.re[l] * x.re[n - l] - h.im[l] * x.im[n - l];
        expected.im[n] += h.re[l] * x.im[n - l] + h.im[l] * x.re[n - l];
      }
    }
    expect(errorRatio(runBlock(createTapDelayLine(h), x), expected)).toBeLessThan(1e-12);
  });

  it('zero taps between paths keep their places', () => {
    const line = createTapDelayLine(complexFrom([0, 0, 2, 0], [0, 0, 0, -1]));
    expect(runBlock(line, complexFrom([1, 0, 0, 0], [0, 0, 0, 0]))).toEqual(complexFrom([0, 0, 2, 0], [0, 0, 0, -1]));
  });

  it('new taps act on the samples already in the line', () => {
    const line = createTapDelayLine(complexFrom([1, 0], [0, 0]));
    runBlock(line, complexFrom([7], [0]));
    line.setTaps(complexFrom([0, 1], [0, 0]));
    expect(runBlock(line, complexFrom([9], [0])).re[0]).toBe(7);
  });

  it('copies its taps', () => {
    const taps = complexFrom([1], [0]);
    const line = createTapDelayLine(taps);
    const copy = line.clone();
    taps.re[0] = 5;
    copy.setTaps(complexFrom([3], [0]));
    expect(runBlock(line, complexFrom([1], [0])).re[0]).toBe(1);
  });

  it('refuses no taps, or another number of taps', () => {
    expect(() => createTapDelayLine(createComplex(0))).toThrow(ConfigError);
    expect(() => createTapDelayLine(createComplex(3)).setTaps(createComplex(2))).toThrow(/has 3 taps, got 2/);
  });
});
