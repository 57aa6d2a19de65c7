import { describe, expect, it } from 'vitest';
import type { FadingConfig } from '../../../src/channel/config.js';
import { createFadingTaps } from '../../../src/channel/fading-taps.js';
import { delayProfiles } from '../../../src/channel/profiles.js';
import { runBlock } from '../../../src/channel/stream-block.js';
import { createTapDelayLine } from '../../../src/channel/tap-delay-line.js';
import { tapProfile } from '../../../src/channel/tap-statistics.js';
import { type ComplexArray, createComplex, meanPower } from '../../../src/core/complex.js';
import { ConfigError } from '../../../src/core/errors.js';
import { createRng } from '../../../src/core/rng.js';
import { autocorrelation, besselJ0, db, errorRatio, noiseSignal } from './helpers.js';

const flat: FadingConfig = { taps: { kind: 'flat' }, dopplerHz: 100, sampleRateHz: 1e5 };

function ones(length: number): ComplexArray {
  const x = createComplex(length);
  x.re.fill(1);
  return x;
}

describe('fading taps', () => {
  it('over realisations the autocorrelation is J0(2πf_D·τ) (4000 draws, 5 standard errors)', () => {
    const draws = 4000;
    const lags = [0, 100, 200, 383, 500, 1000, 3000];
    const re = new Float64Array(lags.length);
    const im = new Float64Array(lags.length);
    const root = createRng('jakes');
    for (let i = 0; i < draws; i++) {
      const fading = createFadingTaps(flat, root.split(i));
      const h0 = fading.tapsAt(777);
      lags.forEach((lag, k) => {
        const h = fading.tapsAt(777 + lag);
        re[k] += (h.re[0] * h0.re[0] + h.im[0] * h0.im[0]) / draws;
        im[k] += (h.im[0] * h0.re[0] - h.re[0] * h0.im[0]) / draws;
      });
    }
    lags.forEach((lag, k) => {
      const expected = besselJ0((2 * Math.PI * 100 * lag) / 1e5);
      expect(Math.abs(re[k] - expected)).toBeLessThan(5 / Math.sqrt(draws));
      expect(Math.abs(im[k])).toBeLessThan(5 / Math.sqrt(draws));
    });
  });

  it('over time it follows J0 as well (16 realisations of 200 Doppler periods, within 0.03)', () => {
    const root = createRng('time');
    const runs = Array.from({ length: 16 }, (_, i) =>
      runBlock(createFadingTaps({ ...flat, dopplerHz: 2000 }, root.split(i)), ones(10_000)),
    );
    for (const lag of [0, 5, 10, 19, 30, 60, 100]) {
      const mean = runs.reduce((sum, h) => sum + autocorrelation(h, lag).re / runs.length, 0);
      expect(Math.abs(mean - besselJ0((2 * Math.PI * 2000 * lag) / 1e5))).toBeLessThan(0.03);
    }
  });

  it('is Rayleigh: fourth moment (2 − 1/N)·p², median power ln 2', () => {
    const root = createRng('rayleigh');
    const draws = 20_000;
    const powers = Float64Array.from({ length: draws }, (_, i) => {
      const h = createFadingTaps(flat, root.split(i)).tapsAt(i);
      return h.re[0] ** 2 + h.im[0] ** 2;
    }).sort();
    const fourth = powers.reduce((total, p) => total + (p * p) / draws, 0);
    expect(Math.abs(fourth - (2 - 1 / 32))).toBeLessThan(5 * Math.sqrt(20 / draws));
    expect(Math.abs(powers[draws / 2] - Math.LN2)).toBeLessThan(5 / Math.sqrt(draws));
  });

  it('mean tap powers follow the profile, Σ p = 1 (3000 draws)', () => {
    const taps = { kind: 'exponential', numTaps: 8, decay: 4 } as const;
    const root = createRng('powers');
    const draws = 3000;
    const power = new Float64Array(8);
    for (let i = 0; i < draws; i++) {
      const h = createFadingTaps({ ...flat, taps }, root.split(i)).tapsAt(0);
      for (let l = 0; l < 8; l++) power[l] += (h.re[l] ** 2 + h.im[l] ** 2) / draws;
    }
    const p = tapProfile(taps);
    for (let l = 0; l < 8; l++) expect(Math.abs(power[l] / p[l] - 1)).toBeLessThan(5 / Math.sqrt(draws));
  });

  it.each([3, 30, 100, 3000])(
    'straight lines between updates are within −65 dB of the exact taps at %d Hz',
    (dopplerHz) => {
      const fading = createFadingTaps({ ...flat, dopplerHz }, createRng('lines'));
      const y = runBlock(fading, ones(4000));
      const exact = createComplex(4000);
      for (let n = 0; n < 4000; n++) {
        const h = fading.tapsAt(n);
        exact.re[n] = h.re[0];
        exact.im[n] = h.im[0];
      }
      expect(db(errorRatio(y, exact))).toBeLessThan(-65);
    },
  );

  it('without Doppler it is the static channel with the same taps', () => {
    const taps = { kind: 'profile', name: 'EVA', sampleRateHz: 5e6 } as const;
    const fading = createFadingTaps({ taps, dopplerHz: 0, sampleRateHz: 5e6 }, createRng('still'));
    const x = noiseSignal(2000);
    const expected = runBlock(createTapDelayLine(fading.tapsAt(0)), x);
    expect(errorRatio(runBlock(fading, x), expected)).toBeLessThan(1e-12);
  });

  it('TDL-E keeps a strong line of sight that turns at 0.7·f_D', () => {
    const taps = { kind: 'profile', name: 'TDL-E', sampleRateHz: 1e9, delaySpreadS: 20e-9 } as const;
    const fading = createFadingTaps({ taps, dopplerHz: 1e5, sampleRateHz: 1e9 }, createRng('los'));
    const direct = createComplex(5000);
    for (let i = 0; i < 5000; i++) {
      const n = 1000 * i;
      const h = fading.tapsAt(n);
      const angle = -2 * Math.PI * 0.7 * 1e-4 * n;
      direct.re[i] = h.re[0] * Math.cos(angle) - h.im[0] * Math.sin(angle);
      direct.im[i] = h.re[0] * Math.sin(angle) + h.im[0] * Math.cos(angle);
    }
    const mean = (part: Float32Array): number => part.reduce((sum, v) => sum + v / part.length, 0);
    const powers = delayProfiles['TDL-E'].powersDb.map((v) => 10 ** (v / 10));
    const lineOfSight = powers[0] / powers.reduce((sum, p) => sum + p, 0);
    const turning = mean(direct.re) ** 2 + mean(direct.im) ** 2;
    expect(Math.abs(turning / lineOfSight - 1)).toBeLessThan(0.01);
    // What is left is the −22 dB Rayleigh part of the first path.
    expect(Math.abs(db((meanPower(direct) - turning) / lineOfSight) + 22)).toBeLessThan(3);
  });

  it.each<[Partial<FadingConfig>, RegExp]>([
    [{ taps: { kind: 'identity' } }, /identity channel does not fade/],
    [{ dopplerHz: -1 }, /fading\.dopplerHz/],
    [{ dopplerHz: 6e4 }, /above half the sample rate/],
    [{ sampleRateHz: 0 }, /fading\.sampleRateHz/],
    [{ numSinusoids: 3 }, /fading\.numSinusoids/],
  ])('refuses %o', (change, message) => {
    expect(() => createFadingTaps({ ...flat, ...change }, createRng(1))).toThrow(ConfigError);
    expect(() => createFadingTaps({ ...flat, ...change }, createRng(1))).toThrow(message);
  });
});
