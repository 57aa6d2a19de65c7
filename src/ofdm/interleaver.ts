import { type ComplexArray, createComplex } from '../core/complex.js';
import { ConfigError, ShapeError } from '../core/errors.js';
import { createRng } from '../core/rng.js';
import type { Grid } from './grid.js';
import { fillQpsk } from './pilots.js';

/** Where each codeword symbol lies on the grid. Immutable. */
export interface Interleaver {
  readonly numSymbols: number;
  readonly numPackets: number;
  /** [numSymbols] cell of each symbol; cell = packet·S·M + s·M + m. */
  readonly cellOf: Int32Array;
  /** [numPackets·S·M] symbol in each cell, −1 for padding. */
  readonly symbolOf: Int32Array;
  /** [numPackets·S·M] what padding cells carry (unit-power QPSK known to both ends); 0 elsewhere. */
  readonly filler: ComplexArray;
  /** symbols [numSymbols] → cells [numPackets·S·M], padding filled. */
  interleave(symbols: ComplexArray, cells: ComplexArray): void;
  /** cells [numPackets·S·M] → symbols [numSymbols], padding dropped. */
  deinterleave(cells: ComplexArray, symbols: ComplexArray): void;
}

/**
 * Maps k codeword symbols to P = ⌈k / (S·M)⌉ packets of cells.
 *
 * Let total = P·S·M and G the group length. Symbols and cells are both cut into consecutive groups [gG, min((g+1)G,
 * total)), and symbol i of group g goes to cell gG + π_g(i − gG), π_g a seeded uniform permutation of that group.
 * - `none`: identity, no permutation.
 * - `frame`: G = total. A fade of one packet is shared by the whole picture.
 * - `tile`: G = max(S·M, tileSymbols), the codeword being in tile order. A tile is spread over all symbols and
 *   subcarriers of the packet(s) it occupies and touches no others.
 * Symbols k…total−1 do not exist: their cells are padding. π_g depends on the seed, g and the group's length only.
 *
 * @param numSymbols k
 * @param tileSymbols codeword symbols of one picture tile; only `tile` uses it
 * @throws ConfigError if either is not a whole number of at least 1
 */
export function createInterleaver(grid: Grid, numSymbols: number, tileSymbols: number): Interleaver {
  requireWhole('numSymbols', numSymbols);
  requireWhole('tileSymbols', tileSymbols);
  const numPackets = Math.ceil(numSymbols / grid.cellsPerPacket);
  const total = numPackets * grid.cellsPerPacket;
  const cellOf = new Int32Array(numSymbols);
  const symbolOf = new Int32Array(total).fill(-1);
  const place = cellPlacement(grid, total, tileSymbols);
  for (let i = 0; i < numSymbols; i++) {
    cellOf[i] = place[i];
    symbolOf[place[i]] = i;
  }
  const filler = createComplex(total);
  fillQpsk(filler, createRng(grid.config.seed).split('filler'));
  for (const cell of cellOf) {
    filler.re[cell] = 0;
    filler.im[cell] = 0;
  }
  const check = (symbols: ComplexArray, cells: ComplexArray): void => {
    requireLength('codeword symbols', symbols, numSymbols);
    requireLength('cells', cells, total);
  };
  return {
    numSymbols,
    numPackets,
    cellOf,
    symbolOf,
    filler,
    interleave(symbols, cells) {
      check(symbols, cells);
      cells.re.set(filler.re);
      cells.im.set(filler.im);
      for (let i = 0; i < numSymbols; i++) {
        cells.re[cellOf[i]] = symbols.re[i];
        cells.im[cellOf[i]] = symbols.im[i];
      }
    },
    deinterleave(cells, symbols) {
      check(symbols, cells);
      for (let i = 0; i < numSymbols; i++) {
        symbols.re[i] = cells.re[cellOf[i]];
        symbols.im[i] = cells.im[cellOf[i]];
      }
    },
  };
}

function cellPlacement(grid: Grid, total: number, tileSymbols: number): Int32Array {
  const place = Int32Array.from({ length: total }, (_, i) => i);
  const kind = grid.config.interleaver;
  if (kind === 'none') return place;
  const groupLength = kind === 'frame' ? total : Math.max(grid.cellsPerPacket, tileSymbols);
  const rng = createRng(grid.config.seed).split('interleaver');
  for (let start = 0, group = 0; start < total; start += groupLength, group++) {
    const length = Math.min(groupLength, total - start);
    const order = rng.split(group).permutation(length);
    for (let i = 0; i < length; i++) place[start + i] = start + order[i];
  }
  return place;
}

function requireWhole(where: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new ConfigError('config.interleaver', `${where} is ${value}: choose a whole number of at least 1`, { value });
  }
}

function requireLength(what: string, x: ComplexArray, length: number): void {
  if (x.re.length !== length || x.im.length !== length) {
    throw new ShapeError('shape.interleaver', `the interleaver takes ${length} ${what}, got ${x.re.length}`);
  }
}
