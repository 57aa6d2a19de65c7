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
  it('is a bijection onto the cells in use, whatever the lengths', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...grids),
        fc.integer({ min: 1, max: 4000 }),
        fc.integer({ min: 1, max: 2000 }),
        (grid, numSymbols, tileSymbols) => {
          const interleaver = createInterleaver(grid, numSymbols, tileSymbols);
          expect(interleaver.numPackets).toBe(Math.ceil(numSymbols / 768));
          expect(new Set(interleaver.cellOf).size).toBe(numSymbols);
          const symbols = gaussian(numSymbols, 1);
          const cells = createComplex(interleaver.numPackets * 768);
          interleaver.interleave(symbols, cells);
          interleaver.symbolOf.forEach((symbol, cell) => {
            if (symbol >= 0) expect(interleaver.cellOf[symbol]).toBe(cell);
            else expect(cells.re[cell] ** 2 + cells.im[cell] ** 2).toBeCloseTo(1, 5);
          });
          const back = createComplex(numSymbols);
          interleaver.deinterleave(cells, back);
          expect(back).toEqual(symbols);
        },
      ),
      { numRuns: 12 },
    );
  });

  it('keeps each tile within its group of cells and spreads it over them', () => {
    const grid = createGrid(ofdmProfiles.paper);
    const { cellOf } = createInterleaver(grid, 4096, 1024);
    for (let tile = 0; tile < 4; tile++) {
      const cells = cellOf.subarray(tile * 1024, (tile + 1) * 1024);
      expect(Math.min(...cells)).toBe(tile * 1024);
      expect(Math.max(...cells)).toBe(tile * 1024 + 1023);
      // Sixteen neighbouring latents meet many subcarriers and symbols.
      expect(new Set(cells.subarray(0, 16).map((cell) => cell % 64)).size).toBeGreaterThan(8);
      expect(new Set(cells.subarray(0, 16).map((cell) => cell >> 6)).size).toBeGreaterThan(6);
    }
    // Tiles smaller than a packet share its cells; tiles larger than a packet keep to their own.
    const small = createInterleaver(grid, 1024, 256).cellOf.subarray(0, 256);
    expect(Math.max(...small)).toBeGreaterThan(900);
    const large = createInterleaver(grid, 4096, 2048).cellOf.subarray(0, 2048);
    expect(Math.max(...large)).toBe(2047);
  });

  it('depends on seed and kind; none is the identity', () => {
    const cellsFor = (change: object): Int32Array =>
      createInterleaver(createGrid({ ...ofdmProfiles.paper, ...change }), 2048, 1024).cellOf;
    expect([...cellsFor({ interleaver: 'none' })]).toEqual(Array.from({ length: 2048 }, (_, i) => i));
    expect(cellsFor({})).toEqual(cellsFor({}));
    expect(cellsFor({ seed: 2 })).not.toEqual(cellsFor({}));
    expect(cellsFor({ interleaver: 'frame' })).not.toEqual(cellsFor({}));
  });

  it('fills padding so that power stays 1', () => {
    const interleaver = createInterleaver(createGrid(ofdmProfiles.paper), 1, 1024);
    const cells = createComplex(1024);
    interleaver.interleave({ re: Float32Array.of(1), im: Float32Array.of(0) }, cells);
    expect(meanPower(cells)).toBeCloseTo(1, 5);
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
