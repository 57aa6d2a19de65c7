import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.js';
import { baseGraph, liftingSets, liftingSizes } from '../../../src/fec/base-graph.js';
import { createLdpcCode, isCodeword } from '../../../src/fec/ldpc-code.js';
import { createLdpcEncoder } from '../../../src/fec/ldpc-encoder.js';
import { createTransportBlockCode } from '../../../src/fec/transport-block.js';

/** From an independent implementation's tables and Gaussian elimination: test/golden/nr-ldpc.py. */
const golden = JSON.parse(readFileSync(new URL('../../golden/nr-ldpc.json', import.meta.url), 'utf8')) as {
  edges: Record<'1' | '2', { count: number; sha256: string }>;
  codewords: { bg: 1 | 2; z: number; sha256: string }[];
  transportBlocks: { payload: number; rate: number; coded: number; bitsPerSymbol: number; sha256: string }[];
};

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');

/** The generator of that file. */
function bitsOf(seed: number, count: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: count }, () => {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    return state >>> 31;
  });
}

describe('the code of TS 38.212', () => {
  it.each([1, 2] as const)('base graph %i has the exponents of an independent implementation', (number) => {
    const graph = baseGraph(number);
    let text = '';
    for (let row = 0; row < graph.rows; row++) {
      for (let e = graph.rowStart[row]; e < graph.rowStart[row + 1]; e++) {
        text += `${row};${graph.columnOf[e]};${[...graph.exponents.subarray(8 * e, 8 * e + 8)].join(';')}\n`;
      }
    }
    expect(graph.columnOf.length).toBe(golden.edges[number].count);
    expect(sha256(text)).toBe(golden.edges[number].sha256);
  });

  it('codewords are those of Gaussian elimination', () => {
    for (const { bg, z, sha256: expected } of golden.codewords) {
      const code = createLdpcCode(bg, z);
      const bits = new Uint8Array(code.numBits);
      bits.set(bitsOf(100 * bg + z, code.numInformation));
      createLdpcEncoder(code).execute(bits);
      expect(sha256(bits), `base graph ${bg}, Z ${z}`).toBe(expected);
    }
  });

  it('transport blocks are those of the formulas: checks, segmentation, fillers, circular buffer, bit interleaving', () => {
    for (const { sha256: expected, ...block } of golden.transportBlocks) {
      const decoder = { algorithm: 'offset-min-sum', iterations: 10 } as const;
      const code = createTransportBlockCode({ ...block, decoder });
      expect(sha256(code.encode(bitsOf(block.payload, block.payload))), JSON.stringify(block)).toBe(expected);
    }
  });

  it('there are 51 lifting sizes in eight sets', () => {
    expect(liftingSizes.length).toBe(51);
    expect(liftingSets.map((set) => set.at(-1))).toEqual([256, 384, 320, 224, 288, 352, 208, 240]);
    expect(() => createLdpcCode(1, 17)).toThrow('lifting size 17: choose one of');
  });

  it('random words of both graphs and all lifting sizes satisfy every check, and none with a flipped bit', () => {
    const rng = createRng(1);
    for (const number of [1, 2] as const) {
      for (const z of liftingSizes) {
        const code = createLdpcCode(number, z);
        const bits = new Uint8Array(code.numBits);
        for (let i = 0; i < code.numInformation; i++) bits[i] = rng.integer(2);
        createLdpcEncoder(code).execute(bits);
        expect(isCodeword(code, bits), `base graph ${number}, Z ${z}`).toBe(true);
        bits[rng.integer(code.numBits)] ^= 1;
        expect(isCodeword(code, bits)).toBe(false);
      }
    }
  });
});
