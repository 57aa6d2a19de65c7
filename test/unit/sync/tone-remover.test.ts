import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ComplexArray, concatComplex, createComplex, subarray } from '../../../src/core/complex.js';
import { createToneRemover } from '../../../src/sync/tone-remover.js';
import { gaussian } from '../ofdm/helpers.js';
import { burst } from './helpers.js';

const power = ({ re, im }: ComplexArray): number => re.reduce((sum, v, i) => sum + v * v + im[i] ** 2, 0) / re.length;

function withTones(x: ComplexArray, tones: readonly { f: number; power: number }[]): ComplexArray {
  const out = { re: x.re.slice(), im: x.im.slice() };
  for (const { f, power: p } of tones) {
    for (let i = 0; i < out.re.length; i++) {
      out.re[i] += Math.sqrt(p) * Math.cos(2 * Math.PI * f * i + 1);
      out.im[i] += Math.sqrt(p) * Math.sin(2 * Math.PI * f * i + 1);
    }
  }
  return out;
}

describe('tone remover', () => {
  it.each([
    [[{ f: 0.1234, power: 1 }]],
    [[{ f: -0.31, power: 100 }]],
    [
      [
        { f: 0.05, power: 1 },
        { f: 0.2501, power: 0.5 },
      ],
    ],
  ])('takes %j out of noise and leaves it as it was', (tones) => {
    const noise = gaussian(20 * 2048, 'noise');
    const out = createToneRemover().execute(withTones(noise, tones));
    const error = createComplex(noise.re.length);
    for (let i = 0; i < error.re.length; i++) {
      error.re[i] = out.re[i] - noise.re[i];
      error.im[i] = out.im[i] - noise.im[i];
    }
    // The noise's own share of three unknowns a tone, out of 2048 samples; and the parabolas' error.
    expect(power(error)).toBeLessThan(0.004 * tones.length);
  });

  it('leaves noise and OFDM bit for bit', () => {
    for (const x of [
      gaussian(20 * 2048, 1),
      burst({ fftSize: 64, prefixes: [16], symbols: 256, seed: 1, used: 26 }),
      burst({ fftSize: 128, prefixes: [9], symbols: 256, seed: 2, used: 12 }),
    ]) {
      const { re, im } = createToneRemover().execute(x);
      expect(re).toEqual(x.re.subarray(0, re.length));
      expect(im).toEqual(x.im.subarray(0, im.length));
    }
  });

  it('gives the same for any chunks, and goes on from a clone', () => {
    const x = withTones(gaussian(5 * 2048 + 100, 3), [{ f: 0.2, power: 1 }]);
    const whole = createToneRemover().execute(x);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 0, max: 10_000 }), (chunk, turn) => {
        let remover = createToneRemover();
        const parts: ComplexArray[] = [];
        for (let at = 0; at < x.re.length; at += chunk) {
          const { re, im } = remover.execute(subarray(x, at, at + chunk));
          parts.push({ re: re.slice(), im: im.slice() });
          // Once, wherever that is: a clone copies what waits, and a chunk may be one sample.
          if (at <= turn && turn < at + chunk) remover = remover.clone();
        }
        expect(concatComplex(parts)).toEqual({ re: whole.re, im: whole.im });
        expect(remover.waiting()).toBe(100);
      }),
      { numRuns: 10 },
    );
  });
});
