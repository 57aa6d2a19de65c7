/**
 * The LDPC decoder in information bits per second, on one core: base graph 1, Z = 384, 10 iterations without an early end,
 * and at an Es/N0 where it may end early. Runs on the build: `npm run build && node test/bench/ldpc.bench.mjs`.
 *
 * A public figure beside it: github.com/SherlockHsu/5G-SIMD-LDPC gives, for blocks of 8448 bits at rate 5/6 on a Xeon Gold 6154,
 * 62 Mbit/s with SSE4.1, 130 with AVX2 and 223 with AVX-512 (iterations not said). Its SSE4.1 has 128-bit vectors like ours.
 */
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const dist = resolve(process.env.BLINDLINK_DIST ?? join(here, '../../dist'));
const load = (path) => import(pathToFileURL(join(dist, path)).href);
const { createLdpcCode } = await load('fec/ldpc-code.js');
const { createLdpcEncoder } = await load('fec/ldpc-encoder.js');
const { createLdpcDecoder } = await load('fec/ldpc-decoder.js');
const { rateMatch, rateDematch } = await load('fec/rate-matching.js');
const { createRng } = await load('core/rng.js');

const INFORMATION = 22 * 384;
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const rng = createRng(1);
const code = createLdpcCode(1, 384);
const word = new Uint8Array(code.numBits);
for (let i = 0; i < INFORMATION; i++) word[i] = rng.integer(2);
const encoder = createLdpcEncoder(code);

/** Ratios of a word over AWGN. */
function received(matching, snrDb) {
  const variance = 10 ** (-snrDb / 10);
  return Float32Array.from(matching.bitOf, (bit) => {
    const y = (1 - 2 * word[bit]) * Math.SQRT1_2 + Math.sqrt(variance / 2) * rng.gaussian();
    return (4 * Math.SQRT1_2 * y) / variance;
  });
}

const encodeMs = Array.from({ length: 200 }, () => {
  const began = performance.now();
  encoder.execute(word);
  return performance.now() - began;
});
console.log(`encoder, base graph 1, Z 384: ${(INFORMATION / median(encodeMs) / 1000).toFixed(1)} Mbit/s`);

const operatingPoints = [
  // Far below the threshold nothing ends early; a dB above it most blocks do.
  [1 / 2, -3, 'all iterations'],
  [1 / 2, 2, 'Es/N0 2 dB'],
  [5 / 6, -3, 'all iterations'],
  [5 / 6, 6.5, 'Es/N0 6.5 dB'],
];
for (const algorithm of ['offset-min-sum', 'normalised-min-sum', 'sum-product']) {
  for (const [rate, snrDb, label] of operatingPoints) {
    const matching = rateMatch(code, INFORMATION, 2 * Math.ceil(INFORMATION / rate / 2), 2);
    const decoder = createLdpcDecoder(code, { algorithm, iterations: 10, rows: matching.rows });
    const llr = new Float32Array(code.numBits);
    const times = [];
    let iterations = 0;
    const blocks = algorithm === 'sum-product' ? 20 : 300;
    for (let block = 0; block < blocks; block++) {
      rateDematch(matching, code, INFORMATION, received(matching, snrDb), llr);
      const began = performance.now();
      iterations += decoder.execute(llr).iterations / blocks;
      times.push(performance.now() - began);
    }
    const speed = `${(INFORMATION / median(times) / 1000).toFixed(2)} Mbit/s`;
    console.log(
      `${algorithm.padEnd(19)} rate ${rate.toFixed(3)} ${label.padEnd(16)} ${speed}, ${iterations.toFixed(1)} iterations`,
    );
  }
}
