import { type ComplexArray, createComplex } from '../core/complex.js';
import { ConfigError, ShapeError } from '../core/errors.js';
import { createRng } from '../core/rng.js';
import type { Grid } from './grid.js';
import { fillQpsk } from './pilots.js';

/** Where each codeword symbol lies on the grid. Immutable. */
export interface Interleaver {
  readonly numSymbols: number;
  readonly numPackets: number;
  /** [numSymbols] resource element of each symbol; resource element = packet·S·M + s·M + m. */
  readonly elementOf: Int32Array;
  /** [numPackets·S·M] symbol in each resource element, −1 for padding. */
  readonly symbolOf: Int32Array;
  /** [numPackets·S·M] what padding resource elements carry (unit-power QPSK known to both ends); 0 elsewhere. */
  readonly filler: ComplexArray;
  /** symbols [numSymbols] → resource elements [numPackets·S·M], padding filled. */
  interleave(symbols: ComplexArray, elements: ComplexArray): void;
  /** resource elements [numPackets·S·M] → symbols [numSymbols], padding dropped. */
  deinterleave(elements: ComplexArray, symbols: ComplexArray): void;
}

/**
 * Maps k codeword symbols to P = ⌈k / (S·M)⌉ packets of elements.
 *
 * Let total = P·S·M and G the group length. Symbols and resource elements are both cut into consecutive groups [gG, min((g+1)G,
 * total)), and symbol i of group g goes to resource element gG + π_g(i − gG), π_g a seeded uniform permutation of that group.
 * - `none`: identity, no permutation.
 * - `frame`: G = total. A fade of one packet is shared by the whole picture.
 * - `tile`: G = max(S·M, tileSymbols), the codeword being in tile order. A tile is spread over all symbols and
 *   subcarriers of the packet(s) it occupies and touches no others.
 * Symbols k…total−1 do not exist: their resource elements are padding. π_g depends on the seed, g and the group's length only.
 *
 * @param numSymbols k
 * @param tileSymbols codeword symbols of one picture tile; only `tile` uses it
 * @throws ConfigError if either is not a whole number of at least 1
 */
export function createInterleaver(grid: Grid, numSymbols: number, tileSymbols: number): Interleaver {
  requireWhole('numSymbols', numSymbols);
  requireWhole('tileSymbols', tileSymbols);
  const numPackets = Math.ceil(numSymbols / grid.elementsPerPacket);
  const total = numPackets * grid.elementsPerPacket;
  const elementOf = new Int32Array(numSymbols);
  const symbolOf = new Int32Array(total).fill(-1);
  const place = elementPlacement(grid, total, tileSymbols);
  for (let i = 0; i < numSymbols; i++) {
    elementOf[i] = place[i];
    symbolOf[place[i]] = i;
  }
  const filler = createComplex(total);
  fillQpsk(filler, createRng(grid.config.seed).split('filler'));
  for (const element of elementOf) {
    filler.re[element] = 0;
    filler.im[element] = 0;
  }
  const check = (symbols: ComplexArray, elements: ComplexArray): void => {
    requireLength('codeword symbols', symbols, numSymbols);
    requireLength('elements', elements, total);
  };
  return {
    numSymbols,
    numPackets,
    elementOf,
    symbolOf,
    filler,
    interleave(symbols, elements) {
      check(symbols, elements);
      elements.re.set(filler.re);
      elements.im.set(filler.im);
      for (let i = 0; i < numSymbols; i++) {
        elements.re[elementOf[i]] = symbols.re[i];
        elements.im[elementOf[i]] = symbols.im[i];
      }
    },
    deinterleave(elements, symbols) {
      check(symbols, elements);
      for (let i = 0; i < numSymbols; i++) {
        symbols.re[i] = elements.re[elementOf[i]];
        symbols.im[i] = elements.im[elementOf[i]];
      }
    },
  };
}

function elementPlacement(grid: Grid, total: number, tileSymbols: number): Int32Array {
  const place = Int32Array.from({ length: total }, (_, i) => i);
  const kind = grid.config.interleaver;
  if (kind === 'none') return place;
  const groupLength = kind === 'frame' ? total : Math.max(grid.elementsPerPacket, tileSymbols);
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
