import { type ComplexArray, createComplex } from '../core/complex.js';
import { createRng } from '../core/rng.js';
import { type Mcs, transportBlockSize } from '../fec/mcs.js';
import { createQam, type LlrKind } from '../fec/qam.js';
import type { LdpcDecoderConfig } from '../fec/ldpc-decoder.js';
import { createTransportBlockCode } from '../fec/transport-block.js';

/** Some bytes as k symbols of one frame, and back: one transport block, scrambled, mapped and interleaved. */
export interface PacketCode {
  readonly mcs: Mcs;
  /** Bits of the transport block, the length of what it carries included. */
  readonly payloadBits: number;
  /** Bytes that it can carry. */
  readonly capacity: number;
  /** @param bytes at most `capacity` of them @returns [k] of unit mean power */
  encode(bytes: Uint8Array): ComplexArray;
  /**
   * @param equalised [k] y/h of every symbol
   * @param noise [k] σ²/|h|²
   * @returns the bytes; null where a check fails
   */
  decode(
    equalised: ComplexArray,
    noise: Float32Array,
  ): { readonly bytes: Uint8Array | null; readonly iterations: number };
}

export interface PacketCodeConfig {
  /** k. */
  readonly symbols: number;
  readonly mcs: Mcs;
  readonly interleaving: 'frame' | 'none';
  readonly llr: LlrKind;
  readonly decoder: Omit<LdpcDecoderConfig, 'rows'>;
  /** Of scrambler and interleaver, which both ends share. */
  readonly seed: number;
}

/** Bytes that say how long a packet's content is. */
const LENGTH_BYTES = 3;

/** @throws ConfigError for sizes that cannot be met */
export function createPacketCode({ symbols, mcs, interleaving, llr, decoder, seed }: PacketCodeConfig): PacketCode {
  const { bitsPerSymbol, rate } = mcs;
  const coded = symbols * bitsPerSymbol;
  const payloadBits = transportBlockSize(symbols, mcs);
  const code = createTransportBlockCode({ payload: payloadBits, rate, coded, bitsPerSymbol, decoder });
  const qam = createQam(bitsPerSymbol, llr);
  const rng = createRng(seed).split('packet');
  const scrambler = Uint8Array.from({ length: coded }, () => rng.integer(2));
  const place =
    interleaving === 'frame'
      ? rng.split('interleaver').permutation(symbols)
      : Int32Array.from({ length: symbols }, (_, i) => i);
  const inOrder = createComplex(symbols);
  const noiseInOrder = new Float32Array(symbols);
  const ratios = new Float32Array(coded);
  const capacity = Math.max(0, payloadBits / 8 - LENGTH_BYTES);
  return {
    mcs,
    payloadBits,
    capacity,
    encode(bytes) {
      const content = new Uint8Array(payloadBits / 8);
      for (let i = 0; i < LENGTH_BYTES; i++) content[i] = bytes.length >>> (8 * (LENGTH_BYTES - 1 - i));
      content.set(bytes, LENGTH_BYTES);
      const bits = code.encode(
        Uint8Array.from({ length: payloadBits }, (_, i) => (content[i >> 3] >> (7 - (i & 7))) & 1),
      );
      for (let i = 0; i < coded; i++) bits[i] ^= scrambler[i];
      qam.map(bits, inOrder);
      const out = createComplex(symbols);
      for (let i = 0; i < symbols; i++) {
        out.re[place[i]] = inOrder.re[i];
        out.im[place[i]] = inOrder.im[i];
      }
      return out;
    },
    decode(equalised, noise) {
      for (let i = 0; i < symbols; i++) {
        inOrder.re[i] = equalised.re[place[i]];
        inOrder.im[i] = equalised.im[place[i]];
        noiseInOrder[i] = noise[place[i]];
      }
      qam.demap(inOrder, noiseInOrder, ratios);
      for (let i = 0; i < coded; i++) if (scrambler[i] === 1) ratios[i] = -ratios[i];
      const { bits, ok, iterations } = code.decode(ratios);
      if (!ok) return { bytes: null, iterations };
      const content = new Uint8Array(payloadBits / 8);
      for (let i = 0; i < payloadBits; i++) content[i >> 3] |= bits[i] << (7 - (i & 7));
      const length = content.subarray(0, LENGTH_BYTES).reduce((sum, byte) => 256 * sum + byte, 0);
      return { bytes: length > capacity ? null : content.slice(LENGTH_BYTES, LENGTH_BYTES + length), iterations };
    },
  };
}
