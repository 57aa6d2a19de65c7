import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.js';
import { ConfigError } from '../../../src/core/errors.js';
import type { ProfileName, TapModel } from '../../../src/channel/config.js';
import { frequencyResponse } from '../../../src/channel/frequency-response.js';
import { delayProfiles } from '../../../src/channel/profiles.js';
import { createTapSource } from '../../../src/channel/tap-source.js';
import { numTapsOf, tapProfile } from '../../../src/channel/tap-statistics.js';
import { complexFrom, meanPower } from '../../../src/core/complex.js';
import { noiseSignal } from './helpers.js';

const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((total, v) => total + v, 0);

/** Root of the second central moment of the delays, powers as weights. */
function rmsDelay(delays: readonly number[], powers: ArrayLike<number>): number {
  const total = sum(powers);
  const mean = delays.reduce((m, delay, i) => m + delay * powers[i], 0) / total;
  return Math.sqrt(delays.reduce((v, delay, i) => v + (delay - mean) ** 2 * powers[i], 0) / total);
}

describe('power delay profiles', () => {
  it.each<[ProfileName, number, number, number]>([
    ['EPA', 7, 43e-9, 0.5e-9],
    ['EVA', 9, 357e-9, 0.5e-9],
    ['ETU', 9, 991e-9, 0.5e-9],
    ['TDL-A', 23, 1, 1e-3],
    ['TDL-B', 23, 1, 1e-3],
    ['TDL-C', 24, 1, 1e-3],
    ['TDL-D', 14, 1, 7e-3],
    ['TDL-E', 15, 1, 1e-3],
  ])('%s has %i paths and RMS delay spread %d', (name, numPaths, spread, tolerance) => {
    const { delays, powersDb } = delayProfiles[name];
    expect([delays.length, powersDb.length]).toEqual([numPaths, numPaths]);
    const powers = powersDb.map((v) => 10 ** (v / 10));
    expect(Math.abs(rmsDelay(delays, powers) - spread)).toBeLessThan(tolerance);
  });

  it('the line of sight of TDL-D and TDL-E has the K factors of the standard', () => {
    const kDb = (name: ProfileName): number => delayProfiles[name].powersDb[0] - delayProfiles[name].powersDb[1];
    expect(kDb('TDL-D')).toBeCloseTo(13.3, 9);
    expect(kDb('TDL-E')).toBeCloseTo(22, 9);
  });

  it('the exponential profile is c·exp(−l/decay) with unit sum', () => {
    const p = tapProfile({ kind: 'exponential', numTaps: 8, decay: 4 });
    const c = (1 - Math.exp(-1 / 4)) / (1 - Math.exp(-2));
    p.forEach((value, l) => expect(value).toBeCloseTo(c * Math.exp(-l / 4), 14));
  });

  it.each<[string, TapModel, number]>([
    ['exponential', { kind: 'exponential', numTaps: 8, decay: 4 }, 8],
    ['flat', { kind: 'flat' }, 1],
    ['identity', { kind: 'identity' }, 1],
    ['EPA at 20 MHz: 410 ns is sample 8', { kind: 'profile', name: 'EPA', sampleRateHz: 20e6 }, 9],
    ['ETU at 1 MHz: 5 µs is sample 5', { kind: 'profile', name: 'ETU', sampleRateHz: 1e6 }, 6],
    ['TDL-A at 30.72 MHz, 300 ns', { kind: 'profile', name: 'TDL-A', sampleRateHz: 30.72e6, delaySpreadS: 300e-9 }, 90],
    ['TDL-D at 10 MHz, 100 ns by default', { kind: 'profile', name: 'TDL-D', sampleRateHz: 10e6 }, 14],
  ])('%s: number of taps and unit power', (_, model, numTaps) => {
    expect(numTapsOf(model)).toBe(numTaps);
    expect(tapProfile(model)).toHaveLength(numTaps);
    expect(sum(tapProfile(model))).toBeCloseTo(1, 12);
  });

  it('paths at the same sample add their powers, and sampling keeps the delay spread', () => {
    const p = tapProfile({ kind: 'profile', name: 'EPA', sampleRateHz: 10e6 });
    const w = delayProfiles.EPA.powersDb.map((v) => 10 ** (v / 10));
    expect(p[0]).toBeCloseTo((w[0] + w[1]) / sum(w), 12);
    expect(p[1]).toBeCloseTo((w[2] + w[3] + w[4]) / sum(w), 12);
    expect(p[3]).toBe(0);

    const fine = tapProfile({ kind: 'profile', name: 'TDL-B', sampleRateHz: 500e6, delaySpreadS: 300e-9 });
    expect(Math.abs(rmsDelay([...fine.keys()], fine) / 500e6 / 300e-9 - 1)).toBeLessThan(1e-3);
  });

  it.each<[TapModel, RegExp]>([
    [{ kind: 'exponential', numTaps: 0, decay: 4 }, /taps\.numTaps must be a whole number from 1/],
    [{ kind: 'exponential', numTaps: 2.5, decay: 4 }, /taps\.numTaps/],
    [{ kind: 'exponential', numTaps: 8, decay: 0 }, /taps\.decay must be a number above 0, got 0/],
    [{ kind: 'exponential', numTaps: 8, decay: Number.NaN }, /taps\.decay/],
    [{ kind: 'profile', name: 'EPA', sampleRateHz: 0 }, /taps\.sampleRateHz/],
    [{ kind: 'profile', name: 'EPA', sampleRateHz: 1e6, delaySpreadS: 1e-7 }, /EPA has fixed delays: remove it/],
    [{ kind: 'profile', name: 'TDL-A', sampleRateHz: 1e6, delaySpreadS: -1 }, /taps\.delaySpreadS/],
    [{ kind: 'profile', name: 'TDL-A', sampleRateHz: 1e6, delaySpreadS: 100 }, /check delaySpreadS \(seconds\)/],
    [{ kind: 'profile', name: 'TDL-Z' as ProfileName, sampleRateHz: 1e6 }, /one of EPA, .*got TDL-Z/],
  ])('refuses %o', (model, message) => {
    expect(() => tapProfile(model)).toThrow(ConfigError);
    expect(() => createTapSource(model, createRng(1))).toThrow(message);
  });
});

describe('tap source', () => {
  it('tap powers follow the profile and taps are uncorrelated (20,000 draws, 5 standard errors)', () => {
    const model: TapModel = { kind: 'exponential', numTaps: 8, decay: 4 };
    const source = createTapSource(model, createRng('profile'));
    const p = tapProfile(model);
    const draws = 20_000;
    const power = new Float64Array(8);
    const fourth = new Float64Array(8);
    let crossRe = 0;
    let improper = 0;
    for (let i = 0; i < draws; i++) {
      const { re, im } = source.draw(i);
      for (let l = 0; l < 8; l++) {
        const e = re[l] ** 2 + im[l] ** 2;
        power[l] += e / draws;
        fourth[l] += (e * e) / draws;
      }
      crossRe += (re[0] * re[1] + im[0] * im[1]) / draws;
      improper += (re[0] ** 2 - im[0] ** 2) / draws;
    }
    for (let l = 0; l < 8; l++) {
      expect(Math.abs(power[l] / p[l] - 1)).toBeLessThan(5 / Math.sqrt(draws));
      // Rayleigh: E|h|⁴ = 2p², whose relative standard error is √(20/4/draws).
      expect(Math.abs(fourth[l] / (2 * p[l] ** 2) - 1)).toBeLessThan(5 * Math.sqrt(5 / draws));
    }
    expect(Math.abs(crossRe)).toBeLessThan(5 * Math.sqrt((p[0] * p[1]) / 2 / draws));
    expect(Math.abs(improper)).toBeLessThan(5 * p[0] * Math.sqrt(1 / draws));
  });

  it.each<[ProfileName, number]>([
    ['TDL-D', 13.3],
    ['TDL-E', 22],
  ])('%s: tap 0 is Rician with K = %d dB and a uniform phase', (name, kDb) => {
    // 20 samples per delay spread: fine enough that no later path falls into tap 0.
    const source = createTapSource({ kind: 'profile', name, sampleRateHz: 1e9, delaySpreadS: 20e-9 }, createRng(name));
    const draws = 10_000;
    const magnitude2 = new Float64Array(draws);
    let meanRe = 0;
    for (let i = 0; i < draws; i++) {
      const { re, im } = source.draw(i);
      magnitude2[i] = re[0] ** 2 + im[0] ** 2;
      meanRe += re[0] / draws;
    }
    const m2 = sum(magnitude2) / draws;
    const m4 = sum(magnitude2.map((v) => v * v)) / draws;
    // Moments of Rice: m2 = Ω, m4 = Ω²(2 + 4K + K²)/(1 + K)², so K/(1+K) = √(2 − m4/m2²).
    const share = Math.sqrt(2 - m4 / m2 ** 2);
    const k = share / (1 - share);
    expect(Math.abs(10 * Math.log10(k) - kDb)).toBeLessThan(0.5);
    expect(Math.abs(meanRe)).toBeLessThan(5 * Math.sqrt(m2 / 2 / draws));
  });

  it('draws depend on the index only, and on the seed', () => {
    const model: TapModel = { kind: 'exponential', numTaps: 4, decay: 2 };
    const a = createTapSource(model, createRng(1));
    const b = createTapSource(model, createRng(1));
    a.draw(0);
    a.draw(9);
    expect(a.draw(3)).toEqual(b.draw(3));
    expect(a.draw(3)).not.toEqual(a.draw(4));
    expect(a.draw(3)).not.toEqual(createTapSource(model, createRng(2)).draw(3));
  });

  it('identity is one unit tap', () => {
    const source = createTapSource({ kind: 'identity' }, createRng(1));
    expect(source.draw(5)).toEqual(complexFrom([1], [0]));
  });
});

describe('frequency response', () => {
  it('of a delayed unit tap is a phase ramp exp(−j2πmd/M)', () => {
    const H = frequencyResponse(complexFrom([0, 0, 1], [0, 0, 0]), 16);
    for (let m = 0; m < 16; m++) {
      expect(H.re[m]).toBeCloseTo(Math.cos((2 * Math.PI * m * 2) / 16), 6);
      expect(H.im[m]).toBeCloseTo(-Math.sin((2 * Math.PI * m * 2) / 16), 6);
    }
  });

  it('obeys Parseval: mean |H|² = Σ|h|²', () => {
    const h = noiseSignal(8);
    expect(meanPower(frequencyResponse(h, 64))).toBeCloseTo(8 * meanPower(h), 4);
  });

  it('aliases taps beyond the size', () => {
    const long = complexFrom([1, 0, 0, 0, 0.5], [0, 0, 0, 0, 0.25]);
    expect(frequencyResponse(long, 4)).toEqual(frequencyResponse(complexFrom([1.5], [0.25]), 4));
  });

  it('refuses a size that is not a positive whole number', () => {
    expect(() => frequencyResponse(noiseSignal(2), 0)).toThrow(ConfigError);
  });
});
