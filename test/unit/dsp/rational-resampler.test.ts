import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ComplexArray, concatComplex, createComplex, subarray } from '../../../src/core/complex.js';
import { createRationalResampler } from '../../../src/dsp/rational-resampler.js';
import { gaussian } from '../ofdm/helpers.js';

function tone(frequency: number, length: number): ComplexArray {
  const x = createComplex(length);
  for (let n = 0; n < length; n++) {
    x.re[n] = Math.cos(2 * Math.PI * frequency * n);
    x.im[n] = Math.sin(2 * Math.PI * frequency * n);
  }
  return x;
}

describe('rational resampler', () => {
  it.each([
    [640e3, 1.92e6],
    [1.92e6, 640e3],
    [1e6, 1.5e6],
    [20e6, 30.72e6],
    [1e6, 1e6],
  ])('%d to %d: tones keep amplitude and phase, and lie where they should', (from, to) => {
    const ratio = to / from;
    for (const share of [-0.42, -0.1, 0, 0.3, 0.42]) {
      const frequency = share * Math.min(1, ratio);
      const y = createRationalResampler(from, to).execute(tone(frequency, 6000));
      let worst = 0;
      for (let n = Math.ceil(200 * ratio); n < y.re.length - 200; n++) {
        const angle = (2 * Math.PI * frequency * n) / ratio;
        worst = Math.max(worst, Math.abs(y.re[n] - Math.cos(angle)), Math.abs(y.im[n] - Math.sin(angle)));
      }
      expect(worst, `${share}`).toBeLessThan(0.002);
    }
  });

  it('keeps out what the lower rate cannot carry', () => {
    const y = createRationalResampler(2e6, 1e6).execute(tone(0.31, 6000));
    let power = 0;
    for (let n = 200; n < y.re.length; n++) power += (y.re[n] ** 2 + y.im[n] ** 2) / (y.re.length - 200);
    expect(10 * Math.log10(power)).toBeLessThan(-70);
  });

  it('gives the same for any chunks, and everything once the delay is fed', () => {
    const x = gaussian(3000, 1);
    const once = createRationalResampler(2, 3);
    const whole = concatComplex([once.execute(x), once.execute(createComplex(once.latencySamples))]);
    expect(Math.abs(whole.re.length - 4500)).toBeLessThanOrEqual(2);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 900 }), (chunk) => {
        const resampler = createRationalResampler(2, 3);
        const parts: ComplexArray[] = [];
        for (let at = 0; at < 3000; at += chunk) parts.push(resampler.execute(subarray(x, at, at + chunk)));
        parts.push(resampler.execute(createComplex(resampler.latencySamples)));
        expect(concatComplex(parts)).toEqual(whole);
      }),
      { numRuns: 8 },
    );
  });

  it('refuses rates without a ratio of whole numbers', () => {
    expect(() => createRationalResampler(1e6, 1e6 * Math.SQRT2)).toThrow(/ratio must be one of whole numbers/);
  });
});
