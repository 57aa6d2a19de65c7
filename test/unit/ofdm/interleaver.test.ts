import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createComplex, meanPower } from '../../../src/core/complex.js';
import { ConfigError, ShapeError } from '../../../src/core/errors.js';
import { createGrid, ofdmProfiles } from '../../../src/ofdm/grid.js';
import { createInterleaver } from '../../../src/ofdm/interleaver.js';
import { gaussian } from './helpers.js';

const kinds = ['none', 'tile', 'frame'] as const;
const grids = kinds.map((interleaver) => createGrid({ ...ofdmProfiles.ota, interleaver }));

describe('interleaver', () => {
  it('is a bijection onto the elements in use, whatever the lengths', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...grids),
        fc.integer({ min: 1, max: 4000 }),
        fc.integer({ min: 1, max: 2000 }),
        (grid, numSymbols, tileSymbols) => {
          const interleaver = createInterleaver(grid, numSymbols, tileSymbols);
          expect(interleaver.numPackets).toBe(Math.ceil(numSymbols / 768));
          expect(new Set(interleaver.elementOf).size).toBe(numSymbols);
          const symbols = gaussian(numSymbols, 1);
          const elements = createComplex(interleaver.numPackets * 768);
          interleaver.interleave(symbols, elements);
          interleaver.symbolOf.forEach((symbol, element) => {
            if (symbol >= 0) expect(interleaver.elementOf[symbol]).toBe(element);
            else expect(elements.re[element] ** 2 + elements.im[element] ** 2).toBeCloseTo(1, 5);
          });
          const back = createComplex(numSymbols);
          interleaver.deinterleave(elements, back);
          expect(back).toEqual(symbols);
        },
      ),
      { numRuns: 12 },
    );
  });

  it('keeps each tile within its group of elements and spreads it over them', () => {
    const grid = createGrid(ofdmProfiles.paper);
    const { elementOf } = createInterleaver(grid, 4096, 1024);
    for (let tile = 0; tile < 4; tile++) {
      const elements = elementOf.subarray(tile * 1024, (tile + 1) * 1024);
      expect(Math.min(...elements)).toBe(tile * 1024);
      expect(Math.max(...elements)).toBe(tile * 1024 + 1023);
      // Sixteen neighbouring latents meet many subcarriers and symbols.
      expect(new Set(elements.subarray(0, 16).map((element) => element % 64)).size).toBeGreaterThan(8);
      expect(new Set(elements.subarray(0, 16).map((element) => element >> 6)).size).toBeGreaterThan(6);
    }
    // Tiles smaller than a packet share its resource elements; tiles larger than a packet keep to their own.
    const small = createInterleaver(grid, 1024, 256).elementOf.subarray(0, 256);
    expect(Math.max(...small)).toBeGreaterThan(900);
    const large = createInterleaver(grid, 4096, 2048).elementOf.subarray(0, 2048);
    expect(Math.max(...large)).toBe(2047);
  });

  it('depends on seed and kind; none is the identity', () => {
    const elementsFor = (change: object): Int32Array =>
      createInterleaver(createGrid({ ...ofdmProfiles.paper, ...change }), 2048, 1024).elementOf;
    expect([...elementsFor({ interleaver: 'none' })]).toEqual(Array.from({ length: 2048 }, (_, i) => i));
    expect(elementsFor({})).toEqual(elementsFor({}));
    expect(elementsFor({ seed: 2 })).not.toEqual(elementsFor({}));
    expect(elementsFor({ interleaver: 'frame' })).not.toEqual(elementsFor({}));
  });

  it('fills padding so that power stays 1', () => {
    const interleaver = createInterleaver(createGrid(ofdmProfiles.paper), 1, 1024);
    const elements = createComplex(1024);
    interleaver.interleave({ re: Float32Array.of(1), im: Float32Array.of(0) }, elements);
    expect(meanPower(elements)).toBeCloseTo(1, 5);
  });

  it.each([
    [0, 1024],
    [1.5, 1024],
    [1024, 0],
    [1024, NaN],
  ])('refuses %s symbols in tiles of %s', (numSymbols, tileSymbols) => {
    expect(() => createInterleaver(grids[0], numSymbols, tileSymbols)).toThrow(ConfigError);
  });

  it('refuses arrays of another length', () => {
    const interleaver = createInterleaver(grids[0], 100, 100);
    expect(() => interleaver.interleave(createComplex(99), createComplex(768))).toThrow(ShapeError);
    expect(() => interleaver.deinterleave(createComplex(767), createComplex(100))).toThrow(ShapeError);
  });
});
