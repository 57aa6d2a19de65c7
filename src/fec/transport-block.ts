import { ConfigError, ShapeError } from '../core/errors.js';
import { appendCrc, CRC24B, crcRemainder } from './crc.js';
import { createLdpcCode } from './ldpc-code.js';
import { createLdpcDecoder, type LdpcDecoder, type LdpcDecoderConfig } from './ldpc-decoder.js';
import { createLdpcEncoder } from './ldpc-encoder.js';
import { rateDematch, type RateMatching, rateMatch } from './rate-matching.js';
import { segment, type Segmentation } from './segmentation.js';

export interface TransportBlockConfig {
  /** A: information bits. */
  readonly payload: number;
  /** R: the target code rate, which chooses the base graph. */
  readonly rate: number;
  /** G: coded bits in all, a multiple of `bitsPerSymbol`. */
  readonly coded: number;
  /** Q_m. */
  readonly bitsPerSymbol: number;
  readonly decoder: Omit<LdpcDecoderConfig, 'rows'>;
}

export interface DecodedTransportBlock {
  /** [A] */
  readonly bits: Uint8Array;
  /** Whether every check of transport block and code blocks holds. */
  readonly ok: boolean;
  /** Mean over the code blocks. */
  readonly iterations: number;
}

/** Information bits to coded bits and back: checks, segmentation, LDPC, rate matching, concatenation (TS 38.212, 7.2). */
export interface TransportBlockCode {
  readonly config: TransportBlockConfig;
  readonly segmentation: Segmentation;
  /** @param bits [A] @returns [G] */
  encode(bits: Uint8Array): Uint8Array;
  /** @param llr [G] ln P(0)/P(1) */
  decode(llr: Float32Array): DecodedTransportBlock;
}

/** @throws ConfigError for sizes that cannot be met */
export function createTransportBlockCode(config: TransportBlockConfig): TransportBlockCode {
  const { payload, rate, coded, bitsPerSymbol, decoder } = config;
  const segmentation = segment(payload, rate);
  const { graph, crc, numBlocks, blockBits, lifting, numInformation } = segmentation;
  if (coded / bitsPerSymbol < numBlocks || !Number.isInteger(coded / bitsPerSymbol)) {
    throw new ConfigError(
      'fec.rate',
      `${coded} coded bits: must be whole symbols of ${bitsPerSymbol} bits, at least one of the ${numBlocks} code blocks each`,
    );
  }
  const code = createLdpcCode(graph, lifting);
  const encoder = createLdpcEncoder(code);
  const checked = payload + crc.length;
  const own = numBlocks === 1 ? 0 : CRC24B.length;
  const share = blockBits - own;
  /** Code blocks of the same length share all but their place: there are two lengths at most (5.4.2.1). */
  const kinds = new Map<number, { matching: RateMatching; decoder: LdpcDecoder }>();
  const lengths = Array.from({ length: numBlocks }, (_, r) => {
    const symbols = coded / bitsPerSymbol;
    const short = numBlocks - (symbols % numBlocks);
    return bitsPerSymbol * (r < short ? Math.floor(symbols / numBlocks) : Math.ceil(symbols / numBlocks));
  });
  for (const length of lengths) {
    if (kinds.has(length)) continue;
    const matching = rateMatch(code, blockBits, length, bitsPerSymbol);
    kinds.set(length, { matching, decoder: createLdpcDecoder(code, { ...decoder, rows: matching.rows }) });
  }
  const llr = new Float32Array(code.numBits);

  return {
    config,
    segmentation,
    encode(bits) {
      requireLength('information bits', bits.length, payload);
      const block = new Uint8Array(checked);
      block.set(bits);
      appendCrc(crc, block, 0, payload);
      const out = new Uint8Array(coded);
      const word = new Uint8Array(code.numBits);
      let at = 0;
      for (let r = 0; r < numBlocks; r++) {
        word.fill(0, 0, numInformation);
        word.set(block.subarray(r * share, (r + 1) * share));
        if (own > 0) appendCrc(CRC24B, word, 0, share);
        encoder.execute(word);
        const { bitOf } = kinds.get(lengths[r])!.matching;
        for (let i = 0; i < bitOf.length; i++) out[at + i] = word[bitOf[i]];
        at += bitOf.length;
      }
      return out;
    },
    decode(received) {
      requireLength('ratios', received.length, coded);
      const block = new Uint8Array(checked);
      const word = new Uint8Array(blockBits);
      let ok = true;
      let iterations = 0;
      let at = 0;
      for (let r = 0; r < numBlocks; r++) {
        const { matching, decoder: ldpc } = kinds.get(lengths[r])!;
        rateDematch(matching, code, blockBits, received.subarray(at, at + lengths[r]), llr);
        iterations += ldpc.execute(llr).iterations / numBlocks;
        for (let i = 0; i < blockBits; i++) word[i] = llr[i] < 0 ? 1 : 0;
        if (own > 0 && crcRemainder(CRC24B, word) !== 0) ok = false;
        block.set(word.subarray(0, share), r * share);
        at += lengths[r];
      }
      if (crcRemainder(crc, block) !== 0) ok = false;
      return { bits: block.slice(0, payload), ok, iterations };
    },
  };
}

function requireLength(what: string, length: number, expected: number): void {
  if (length !== expected) {
    throw new ShapeError('shape.transport-block', `the transport block takes ${expected} ${what}, got ${length}`);
  }
}
