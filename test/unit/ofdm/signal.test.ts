import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { complexFrom, copyComplex, createComplex, meanPower } from '../../../src/core/complex.js';
import { ConfigError, ShapeError } from '../../../src/core/errors.js';
import { clipInPlace } from '../../../src/ofdm/clipping.js';
import { modulateFrame } from '../../../src/ofdm/frame.js';
import { createGrid, ofdmProfiles } from '../../../src/ofdm/grid.js';
import { ccdf, paprDb, symbolPaprDb } from '../../../src/ofdm/papr.js';
import { superimposedPilot, removeSuperimposed, superimpose } from '../../../src/ofdm/superimposed-pilot.js';
import { gaussian, maxDistance, qpsk } from './helpers.js';

describe('clipping', () => {
  it('limits amplitude, keeps phase, leaves small samples alone, and does nothing the second time', () => {
    fc.assert(
      fc.property(fc.integer(), fc.double({ min: 0.1, max: 4, noNaN: true }), (seed, ratio) => {
        const x = gaussian(200, seed, 2);
        const y = copyComplex(x);
        const clipped = clipInPlace(y, ratio, 2);
        const limit = ratio * Math.SQRT2;
        let over = 0;
        for (let i = 0; i < 200; i++) {
          const before = Math.hypot(x.re[i], x.im[i]);
          if (before > limit) over++;
          expect(Math.hypot(y.re[i], y.im[i])).toBeCloseTo(Math.min(before, limit), 4);
          expect(Math.abs(y.re[i] * x.im[i] - y.im[i] * x.re[i])).toBeLessThan(1e-4);
        }
        expect(clipped).toBe(over);
        const again = copyComplex(y);
        clipInPlace(again, ratio, 2);
        expect(maxDistance(again, y)).toBeLessThan(1e-5);
      }),
      { numRuns: 20 },
    );
  });

  it('bounds data symbols of a frame at γ√(N_active/N), and leaves preamble and pilots as they are', () => {
    const plain = createGrid(ofdmProfiles.ota);
    const grid = createGrid({ ...ofdmProfiles.ota, clippingRatio: 1 });
    const elements = qpsk(grid.elementsPerPacket, 1);
    const clipped = modulateFrame(grid, elements);
    const unclipped = modulateFrame(plain, elements);
    const dataStart = grid.preambleLength + grid.symbolLength;
    let peak = 0;
    for (let i = 0; i < clipped.re.length; i++) {
      if (i < dataStart) expect(clipped.re[i]).toBe(unclipped.re[i]);
      else peak = Math.max(peak, Math.hypot(clipped.re[i], clipped.im[i]));
    }
    expect(peak).toBeCloseTo(Math.sqrt(52 / 64), 5);
    // Rayleigh amplitudes clipped at γ = 1 keep 1 − e^−1 of the power.
    expect(meanPower(clipped) / meanPower(unclipped)).toBeLessThan(0.8);
  });

  it.each([0, -1, NaN])('refuses a ratio of %s', (ratio) => {
    expect(() => clipInPlace(createComplex(1), ratio, 1)).toThrow(ConfigError);
  });
});

describe('PAPR', () => {
  it('of known signals', () => {
    expect(paprDb(complexFrom([1, 0, -1, 0], [0, 1, 0, -1]))).toBeCloseTo(0, 6);
    expect(paprDb(complexFrom([2, 0, 0, 0], [0, 0, 0, 0]))).toBeCloseTo(10 * Math.log10(4), 6);
  });

  it('of an OFDM symbol whose elements are equal is N, and oversampling only raises it', () => {
    const grid = createGrid({ ...ofdmProfiles.paper, pilotSymbols: 0, symbolsPerPacket: 3 });
    const elements = qpsk(3 * 64, 2);
    elements.re.fill(1, 0, 64);
    elements.im.fill(0, 0, 64);
    const samples = modulateFrame(grid, elements);
    const critical = symbolPaprDb(grid, samples);
    expect(critical[0]).toBeCloseTo(10 * Math.log10(64), 4);
    const fine = symbolPaprDb(grid, samples, 4);
    for (let s = 0; s < 3; s++) expect(fine[s]).toBeGreaterThanOrEqual(critical[s] - 1e-4);
    expect(fine[1]).toBeGreaterThan(critical[1]);
  });

  it('of a tone between the samples needs oversampling to be seen', () => {
    const grid = createGrid({ ...ofdmProfiles.paper, pilotSymbols: 0, symbolsPerPacket: 1, cyclicPrefixLength: 0 });
    // Resource elements at ±16: x = √2 cos(2πt/4 + π/4), whose samples are all ±1 though its peak is √2.
    const elements = createComplex(64);
    elements.re[16] = elements.im[16] = elements.re[48] = Math.SQRT1_2;
    elements.im[48] = -Math.SQRT1_2;
    const samples = modulateFrame(grid, elements);
    expect(symbolPaprDb(grid, samples)[0]).toBeCloseTo(0, 4);
    expect(symbolPaprDb(grid, samples, 2)[0]).toBeCloseTo(10 * Math.log10(2), 4);
  });

  it('CCDF counts what lies above, and of many symbols follows 1 − (1 − e^−γ)^N', () => {
    expect([...ccdf([1, 2, 2, 3], [0, 1, 2, 2.5, 3])]).toEqual([1, 0.75, 0.25, 0.25, 0]);
    const grid = createGrid({ ...ofdmProfiles.paper, pilotSymbols: 0, symbolsPerPacket: 2000 });
    const papr = symbolPaprDb(grid, modulateFrame(grid, qpsk(grid.elementsPerPacket, 3)));
    const [measured] = ccdf(papr, [7]);
    expect(Math.abs(measured - (1 - (1 - Math.exp(-(10 ** 0.7))) ** 64))).toBeLessThan(0.06);
  });

  it('refuses other oversampling and ragged lengths', () => {
    const grid = createGrid(ofdmProfiles.paper);
    expect(() => symbolPaprDb(grid, createComplex(76), 3)).toThrow(ConfigError);
    expect(() => symbolPaprDb(grid, createComplex(75))).toThrow(ShapeError);
  });
});

describe('superimposed pilot', () => {
  const grid = createGrid(ofdmProfiles.paper);

  it('has unit modulus, is its own in each packet, and longer ones begin like shorter ones', () => {
    const two = superimposedPilot(grid, 2);
    for (let i = 0; i < 2048; i++) expect(two.re[i] ** 2 + two.im[i] ** 2).toBeCloseTo(1, 5);
    const one = superimposedPilot(grid, 1);
    expect(two.re.slice(0, 1024)).toEqual(one.re);
    expect(two.re.slice(1024)).not.toEqual(one.re);
  });

  it('keeps unit power and is removed again', () => {
    const elements = qpsk(1024, 4);
    const reference = superimposedPilot(grid, 1);
    const sent = createComplex(1024);
    superimpose(elements, reference, 0.1, sent);
    expect(sent.re[7]).toBeCloseTo(Math.sqrt(0.9) * elements.re[7] + Math.sqrt(0.1) * reference.re[7], 6);
    expect(meanPower(sent)).toBeGreaterThan(0.95);
    expect(meanPower(sent)).toBeLessThan(1.05);
    removeSuperimposed(sent, reference, 0.1, sent);
    expect(maxDistance(sent, elements)).toBeLessThan(1e-6);
    superimpose(elements, reference, 0, sent);
    expect(sent).toEqual(elements);
  });

  it.each([-0.1, 1, NaN])('refuses ρ = %s', (rho) => {
    const x = createComplex(4);
    expect(() => superimpose(x, x, rho, x)).toThrow(ConfigError);
    expect(() => removeSuperimposed(x, createComplex(3), 0.1, x)).toThrow(ShapeError);
  });
});
