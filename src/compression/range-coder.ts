/**
 * An adaptive binary range coder, as LZMA's (Martin, "Range encoding", 1979; carries as in Schindler, 1998): a bit costs −log2 of the
 * probability that its context has learnt so far, in steps of 1/2048.
 */
const PROBABILITY_BITS = 11;
const ONE = 1 << PROBABILITY_BITS;
/** How fast contexts learn: a small picture has few symbols. */
const RATE = 4;
const LEAST_RANGE = 2 ** 24;

/** Probabilities of a 0 bit, one a context, even at first. */
export const createContexts = (count: number): Uint16Array => new Uint16Array(count).fill(ONE / 2);

export class RangeEncoder {
  private low = 0;
  private range = 0xffffffff;
  private cache = 0;
  private pending = 1;
  private readonly out: number[] = [];

  encode(contexts: Uint16Array, context: number, bit: number): void {
    const p = contexts[context];
    const bound = (this.range >>> PROBABILITY_BITS) * p;
    if (bit === 0) {
      this.range = bound;
      contexts[context] = p + ((ONE - p) >> RATE);
    } else {
      this.low += bound;
      this.range -= bound;
      contexts[context] = p - (p >> RATE);
    }
    while (this.range < LEAST_RANGE) {
      this.range = (this.range * 256) >>> 0;
      this.shift();
    }
  }

  /** The bytes; none that is 0 at the end, for a decoder goes on with zeros. */
  finish(): Uint8Array {
    for (let i = 0; i < 5; i++) this.shift();
    // The first byte is the carry of nothing.
    let end = this.out.length;
    while (end > 1 && this.out[end - 1] === 0) end--;
    return Uint8Array.from(this.out.slice(1, end));
  }

  private shift(): void {
    if (this.low < 0xff000000 || this.low >= 2 ** 32) {
      const carry = this.low >= 2 ** 32 ? 1 : 0;
      for (let byte = this.cache; this.pending > 0; this.pending--, byte = 0xff) this.out.push((byte + carry) & 0xff);
      this.cache = Math.floor(this.low / LEAST_RANGE) & 0xff;
    }
    this.pending++;
    this.low = (this.low % LEAST_RANGE) * 256;
  }
}

export class RangeDecoder {
  private code = 0;
  private range = 0xffffffff;
  private at = 0;

  constructor(private readonly bytes: Uint8Array) {
    for (let i = 0; i < 4; i++) this.code = this.code * 256 + this.next();
  }

  decode(contexts: Uint16Array, context: number): 0 | 1 {
    const p = contexts[context];
    const bound = (this.range >>> PROBABILITY_BITS) * p;
    const bit = this.code < bound ? 0 : 1;
    if (bit === 0) {
      this.range = bound;
      contexts[context] = p + ((ONE - p) >> RATE);
    } else {
      this.code -= bound;
      this.range -= bound;
      contexts[context] = p - (p >> RATE);
    }
    while (this.range < LEAST_RANGE) {
      this.range = (this.range * 256) >>> 0;
      this.code = (this.code * 256 + this.next()) >>> 0;
    }
    return bit;
  }

  private next(): number {
    return this.at < this.bytes.length ? this.bytes[this.at++] : 0;
  }
}
