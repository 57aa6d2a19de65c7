import { describe, expect, it } from 'vitest';
import { createComplex } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { liftingSizes } from '../../../src/fec/base-graph.js';
import { createLdpcCode } from '../../../src/fec/ldpc-code.js';
import { createLdpcDecoder } from '../../../src/fec/ldpc-decoder.js';
import { createLdpcEncoder } from '../../../src/fec/ldpc-encoder.js';
import { mcsOf } from '../../../src/fec/mcs.js';
import { createQam } from '../../../src/fec/qam.js';
import { rateDematch, rateMatch } from '../../../src/fec/rate-matching.js';
import { baseGraphFor } from '../../../src/fec/segmentation.js';

/**
 * Block error rates of single code blocks of 1000 bits over AWGN: points of Sionna 2.2.0's published tables
 * (`sionna/sys/bler_tables/PDSCH_table{1,2}.json`: exact ratios, 20 iterations of flooding sum-product).
 */
const published = [
  ['qam64', 6, 0.3571, 0.2273],
  ['qam64', 8, 2.1429, 0.3721],
  ['qam64', 11, 3.9286, 0.4233],
  ['qam64', 13, 5.7143, 0.514],
  ['qam64', 18, 9.2857, 0.6033],
  ['qam64', 25, 16.4286, 0.2048],
  ['qam64', 27, 18.2143, 0.3144],
  ['qam256', 14, 12.3684, 0.4167],
  ['qam256', 21, 18.6842, 0.4185],
  ['qam256', 24, 21.8421, 0.336],
] as const;

const INFORMATION = 1000;
const BLOCKS = 400;
const TOLERANCE_DB = 0.1;

/** Share of blocks in error, the same noise at every SNR. */
function blockErrorRate(table: 'qam64' | 'qam256', index: number, snrDb: number): number {
  const { bitsPerSymbol, rate } = mcsOf(table, index);
  const graph = baseGraphFor(INFORMATION, rate);
  const z = liftingSizes.find((size) => (graph === 1 ? 22 : 10) * size >= INFORMATION)!;
  const code = createLdpcCode(graph, z);
  const symbols = createComplex(Math.ceil(INFORMATION / rate / bitsPerSymbol));
  const count = symbols.re.length;
  const matching = rateMatch(code, INFORMATION, count * bitsPerSymbol, bitsPerSymbol);
  const encoder = createLdpcEncoder(code);
  const decoder = createLdpcDecoder(code, {
    algorithm: 'normalised-min-sum',
    iterations: 20,
    rows: matching.rows,
  });
  const qam = createQam(bitsPerSymbol, 'exact');
  const rng = createRng(1);
  const variance = 10 ** (-snrDb / 10);
  const noise = new Float32Array(count).fill(variance);
  const disturbance = createComplex(count);
  const word = new Uint8Array(code.numBits);
  const received = new Float32Array(count * bitsPerSymbol);
  const llr = new Float32Array(code.numBits);
  let errors = 0;
  for (let block = 0; block < BLOCKS; block++) {
    word.fill(0);
    for (let i = 0; i < INFORMATION; i++) word[i] = rng.integer(2);
    encoder.execute(word);
    qam.map(
      Uint8Array.from(matching.bitOf, (bit) => word[bit]),
      symbols,
    );
    rng.fillComplexGaussian(disturbance, variance);
    for (let i = 0; i < count; i++) {
      symbols.re[i] += disturbance.re[i];
      symbols.im[i] += disturbance.im[i];
    }
    qam.demap(symbols, noise, received);
    rateDematch(matching, code, INFORMATION, received, llr);
    decoder.execute(llr);
    let right = true;
    for (let i = 0; right && i < INFORMATION; i++) right = word[i] === (llr[i] < 0 ? 1 : 0);
    if (!right) errors++;
  }
  return errors / BLOCKS;
}

describe('block error rates', () => {
  it.each(published)(
    `%s, MCS %i at %f dB: within ${TOLERANCE_DB} dB of the published point`,
    (table, index, snr, bler) => {
      // Two standard errors of our own count; the published one has more blocks.
      const spread = 2 * Math.sqrt((bler * (1 - bler)) / BLOCKS);
      expect(blockErrorRate(table, index, snr + TOLERANCE_DB)).toBeLessThan(bler + spread);
      expect(blockErrorRate(table, index, snr - TOLERANCE_DB)).toBeGreaterThan(bler - spread);
    },
  );
});
