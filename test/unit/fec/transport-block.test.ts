import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.js';
import { appendCrc, CRC16, CRC24A, CRC24B, crcRemainder } from '../../../src/fec/crc.js';
import { createLdpcCode } from '../../../src/fec/ldpc-code.js';
import { createLdpcDecoder, ldpcAlgorithms, type LdpcDecoderConfig } from '../../../src/fec/ldpc-decoder.js';
import { createLdpcEncoder } from '../../../src/fec/ldpc-encoder.js';
import { liftingSizes } from '../../../src/fec/base-graph.js';
import { rateMatch } from '../../../src/fec/rate-matching.js';
import { segment } from '../../../src/fec/segmentation.js';
import { createTransportBlockCode } from '../../../src/fec/transport-block.js';

const bitsOfText = (text: string): Uint8Array =>
  Uint8Array.from([...text].flatMap((c) => Array.from({ length: 8 }, (_, i) => (c.charCodeAt(0) >> (7 - i)) & 1)));

const decoder = { algorithm: 'offset-min-sum', iterations: 20 } as const;

describe('checks', () => {
  // The usual check values of CRC-16/XMODEM, CRC-24/LTE-A and CRC-24/LTE-B.
  it.each([
    [CRC16, 0x31c3],
    [CRC24A, 0xcde703],
    [CRC24B, 0x23ef52],
  ])('of "123456789" are as catalogued', (crc, value) => {
    expect(crcRemainder(crc, bitsOfText('123456789'))).toBe(value);
  });

  it('leave nothing of bits that carry their own, and something of any single error', () => {
    const bits = new Uint8Array(60 + 24);
    bits.set(
      createRng(1)
        .permutation(60)
        .map((v) => v & 1),
    );
    appendCrc(CRC24A, bits, 0, 60);
    expect(crcRemainder(CRC24A, bits)).toBe(0);
    for (let i = 0; i < bits.length; i++) {
      bits[i] ^= 1;
      expect(crcRemainder(CRC24A, bits)).not.toBe(0);
      bits[i] ^= 1;
    }
  });
});

describe('decoders', () => {
  it.each(ldpcAlgorithms)('%s: corrects noise at every lifting size and both graphs', (algorithm) => {
    const rng = createRng(2);
    for (const number of [1, 2] as const) {
      for (const z of liftingSizes.filter((size) => size >= 8 && (algorithm !== 'sum-product' || size < 40))) {
        const code = createLdpcCode(number, z);
        const bits = new Uint8Array(code.numBits);
        for (let i = 0; i < code.numInformation; i++) bits[i] = rng.integer(2);
        createLdpcEncoder(code).execute(bits);
        const llr = new Float32Array(code.numBits);
        // At Es/N0 of 2 dB the rate 1/3 or 1/5 is far inside what the code can do.
        const variance = 10 ** -0.2 / 2;
        for (let i = 2 * z; i < bits.length; i++) {
          llr[i] = (2 / variance) * (1 - 2 * bits[i] + Math.sqrt(variance) * rng.gaussian());
        }
        const { converged, iterations } = createLdpcDecoder(code, { algorithm, iterations: 25 }).execute(llr);
        const label = `base graph ${number}, Z ${z}`;
        expect(converged, label).toBe(true);
        expect(iterations, label).toBeGreaterThan(0);
        expect(
          bits.every((bit, i) => bit === (llr[i] < 0 ? 1 : 0)),
          label,
        ).toBe(true);
      }
    }
  });

  it('stops at once where there is nothing to correct, and says so where there is too much', () => {
    const code = createLdpcCode(2, 16);
    const engine = createLdpcDecoder(code, decoder);
    expect(engine.execute(new Float32Array(code.numBits).fill(5))).toEqual({ iterations: 0, converged: true });
    const rng = createRng(3);
    const noise = Float32Array.from({ length: code.numBits }, () => rng.gaussian());
    expect(engine.execute(noise)).toEqual({ iterations: 20, converged: false });
    // What came before leaves no trace.
    expect(engine.execute(new Float32Array(code.numBits).fill(5)).converged).toBe(true);
  });

  it.each<[string, Partial<LdpcDecoderConfig>]>([
    ['algorithm is sum', { algorithm: 'sum' as 'sum-product' }],
    ['iterations is 0', { iterations: 0 }],
    ['scale is 2', { scale: 2 }],
    ['offset is -1', { offset: -1 }],
    ['rows is 3', { rows: 3 }],
  ])('refuses: %s', (message, wrong) => {
    expect(() => createLdpcDecoder(createLdpcCode(2, 16), { ...decoder, ...wrong })).toThrow(message);
  });

  it('refuses another length', () => {
    expect(() => createLdpcDecoder(createLdpcCode(2, 16), decoder).execute(new Float32Array(3))).toThrow('takes 832');
  });
});

describe('transport blocks', () => {
  it('segment as NR does', () => {
    expect(segment(292, 0.9)).toMatchObject({ graph: 2, numBlocks: 1, lifting: 40 });
    expect(segment(3824, 0.5)).toMatchObject({ graph: 2, numBlocks: 1, lifting: 384 });
    expect(segment(8424, 0.5)).toMatchObject({ graph: 1, numBlocks: 1, lifting: 384, blockBits: 8448 });
    expect(segment(8448, 0.5)).toMatchObject({ graph: 1, numBlocks: 2, blockBits: 4260 });
    expect(() => segment(8425, 0.5)).toThrow('does not split into 2 equal code blocks');
    expect(() => segment(0, 0.5)).toThrow('at least 1');
  });

  it.each([
    [24, 0.3, 100, 2],
    [500, 0.5, 1000, 4],
    [3000, 0.9, 3336, 6],
    [8448, 0.5, 17000, 4],
    [17424, 0.7, 24896, 8],
    // Sent more than once.
    [40, 0.1, 1200, 2],
  ])('%i bits at rate %f in %i come back over noise, and come back as failed when there is only noise', (...sizes) => {
    const [payload, rate, coded, bitsPerSymbol] = sizes;
    const code = createTransportBlockCode({ payload, rate, coded, bitsPerSymbol, decoder });
    const rng = createRng(4);
    const bits = Uint8Array.from({ length: payload }, () => rng.integer(2));
    const sent = code.encode(bits);
    const llr = Float32Array.from(sent, (bit) => (1 - 2 * bit) * 8 + 3 * rng.gaussian());
    const received = code.decode(llr);
    expect(received.ok).toBe(true);
    expect(received.bits).toEqual(bits);
    expect(code.decode(llr.map(() => rng.gaussian())).ok).toBe(false);
  });

  it('send no filler, and the buffer in order', () => {
    const code = createLdpcCode(2, 16);
    const { bitOf, rows } = rateMatch(code, 150, 300, 2);
    expect(bitOf.some((bit) => bit >= 150 && bit < 160)).toBe(false);
    expect([bitOf[0], bitOf[2], bitOf[4]]).toEqual([32, 33, 34]);
    expect([...bitOf].filter((bit) => bit < 32)).toEqual([]);
    expect(rows).toBe(Math.floor((32 + 299 + 10) / 16) + 1 - 10);
    expect(() => rateMatch(code, 150, 301, 2)).toThrow('whole symbols of 2 bits');
  });

  it('refuse sizes that do not fit', () => {
    const code = { payload: 100, rate: 0.5, coded: 203, bitsPerSymbol: 2, decoder };
    expect(() => createTransportBlockCode(code)).toThrow('203 coded bits');
    expect(() => createTransportBlockCode({ ...code, coded: 200 }).encode(new Uint8Array(99))).toThrow('takes 100');
  });
});
