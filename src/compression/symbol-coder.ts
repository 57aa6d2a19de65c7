import { FormatError } from '../core/errors.js';
import { createContexts, RangeDecoder, RangeEncoder } from './range-coder.js';

/** Classes of a place's surroundings, and of how large a magnitude is already. */
const CLASSES = 6;
const UNARY = 14;
const MOST_ESCAPE_BITS = 20;

/** [C,h,w]. */
export type SymbolShape = readonly [channels: number, height: number, width: number];

/** What codes one bit of a symbol, or reads it. */
type BitCoder = (contexts: Uint16Array, context: number, bit: number) => number;

/**
 * Whole numbers [C,h,w] in channel, row, column order, each in the context of what is there already: the magnitudes to its left, above, and
 * at its place in the channel before. A zero flag, a sign, then the magnitude less one: in unary up to 14, beyond in Elias's γ code.
 */
export function encodeSymbols(symbols: Int32Array, shape: SymbolShape): Uint8Array {
  const coder = new RangeEncoder();
  visit(symbols, shape, (contexts, context, bit) => {
    coder.encode(contexts, context, bit);
    return bit;
  });
  return coder.finish();
}

/** Their inverse. @throws FormatError for a magnitude beyond 20 bits, as no encoder writes it */
export function decodeSymbols(bytes: Uint8Array, shape: SymbolShape): Int32Array {
  const coder = new RangeDecoder(bytes);
  const symbols = new Int32Array(shape[0] * shape[1] * shape[2]);
  visit(symbols, shape, (contexts, context) => coder.decode(contexts, context));
  return symbols;
}

/** Goes through all symbols: what `code` gives back for each bit is what the symbol becomes. */
function visit(symbols: Int32Array, [channels, height, width]: SymbolShape, code: BitCoder): void {
  const zero = createContexts(CLASSES);
  const sign = createContexts(1);
  const unary = createContexts(CLASSES * UNARY);
  const escape = createContexts(2 * (MOST_ESCAPE_BITS + 1));
  const size = height * width;
  for (let i = 0; i < channels * size; i++) {
    const place = i % size;
    const left = place % width > 0 ? Math.abs(symbols[i - 1]) : 0;
    const above = place >= width ? Math.abs(symbols[i - width]) : 0;
    const before = i >= size ? Math.abs(symbols[i - size]) : 0;
    const around = classOf(left + above + before);
    const value = symbols[i];
    if (code(zero, around, value === 0 ? 0 : 1) === 0) {
      symbols[i] = 0;
      continue;
    }
    const negative = code(sign, 0, value < 0 ? 1 : 0);
    const rest = magnitude(
      Math.abs(value) - 1,
      (k, bit) => code(unary, around * UNARY + k, bit),
      (k, bit) => code(escape, k, bit),
    );
    symbols[i] = negative === 1 ? -(rest + 1) : rest + 1;
  }
}

/** A whole number from 0 on: unary, and beyond its end γ. */
function magnitude(
  value: number,
  unary: (k: number, bit: number) => number,
  escape: (k: number, bit: number) => number,
): number {
  for (let k = 0; k < UNARY; k++) if (unary(k, value > k ? 1 : 0) === 0) return k;
  const beyond = value - UNARY + 1;
  const length = Math.floor(Math.log2(Math.max(1, beyond)));
  let bits = 0;
  while (escape(bits, length > bits ? 1 : 0) === 1) {
    if (++bits > MOST_ESCAPE_BITS) throw new FormatError('compression.damaged', 'a symbol that no encoder writes');
  }
  let found = 1;
  for (let k = bits - 1; k >= 0; k--) found = 2 * found + escape(MOST_ESCAPE_BITS + 1 + k, (beyond >> k) & 1);
  return found + UNARY - 1;
}

const classOf = (sum: number): number => (sum < 3 ? sum : sum < 5 ? 3 : sum < 9 ? 4 : 5);
