import { ConfigError } from '../core/errors.js';
import { CORE_ROWS } from './base-graph.js';
import type { LdpcCode } from './ldpc-code.js';

/** Which bits of a codeword are sent, and in which order. */
export interface RateMatching {
  /** [E] bit of the codeword behind each sent bit, bit interleaving included. */
  readonly bitOf: Int32Array;
  /** Rows of the base graph that the sent bits reach: parity of later rows is not sent at all. */
  readonly rows: number;
}

/** Numerators of k₀ by redundancy version, in columns of the circular buffer; TS 38.212, table 5.4.2.1-2. */
const STARTS = { 1: [0, 17, 33, 56], 2: [0, 13, 25, 43] } as const;

/**
 * Rate matching of one code block (TS 38.212, 5.4.2): the circular buffer is the codeword without its first 2·Z bits, read
 * from k₀ on, fillers skipped; then E bits, written in Q_m rows, are read by columns. The buffer is not limited (I_LBRM = 0).
 *
 * @param blockBits K′: bits K′…K − 1 are fillers
 * @param sent E, a multiple of `bitsPerSymbol`
 * @throws ConfigError
 */
export function rateMatch(
  { graph, z, numInformation, numBits }: LdpcCode,
  blockBits: number,
  sent: number,
  bitsPerSymbol: number,
  redundancyVersion: 0 | 1 | 2 | 3 = 0,
): RateMatching {
  if (!Number.isInteger(sent / bitsPerSymbol) || sent < 1) {
    throw new ConfigError(
      'fec.rate',
      `${sent} coded bits: must be whole symbols of ${bitsPerSymbol} bits, at least one`,
    );
  }
  const buffer = numBits - 2 * z;
  const start = STARTS[graph.number][redundancyVersion] * z;
  const chosen = new Int32Array(sent);
  let last = 0;
  for (let count = 0, j = 0; count < sent; j++) {
    const bit = 2 * z + ((start + j) % buffer);
    if (bit >= blockBits && bit < numInformation) continue;
    chosen[count++] = bit;
    last = Math.max(last, bit);
  }
  const columns = sent / bitsPerSymbol;
  const bitOf = new Int32Array(sent);
  for (let row = 0; row < bitsPerSymbol; row++) {
    for (let column = 0; column < columns; column++) {
      bitOf[row + column * bitsPerSymbol] = chosen[row * columns + column];
    }
  }
  const rows = Math.max(CORE_ROWS, Math.floor(last / z) + 1 - graph.systematic);
  return { bitOf, rows };
}

/**
 * Soft rate dematching: ratios of received bits to those of the codeword, repetitions added up, fillers certain.
 *
 * @param received [E] ln P(0)/P(1)
 * @param llr [numBits] overwritten
 */
export function rateDematch(
  { bitOf }: RateMatching,
  { numInformation }: LdpcCode,
  blockBits: number,
  received: Float32Array,
  llr: Float32Array,
): void {
  llr.fill(0);
  llr.fill(1e4, blockBits, numInformation);
  for (let i = 0; i < bitOf.length; i++) llr[bitOf[i]] += received[i];
}
