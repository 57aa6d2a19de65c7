/** A cyclic redundancy check: generator polynomial without its leading term, and its degree. */
export interface Crc {
  readonly polynomial: number;
  readonly length: number;
}

/** TS 38.212, 5.1: those of transport blocks and code blocks. */
export const CRC24A: Crc = { polynomial: 0x864cfb, length: 24 };
export const CRC24B: Crc = { polynomial: 0x800063, length: 24 };
export const CRC16: Crc = { polynomial: 0x1021, length: 16 };

/**
 * The remainder of a(D)·D^L over g(D), the register starting from zeros: 0 over bits that end with their own check.
 *
 * @param bits [count] 0 or 1, from `from` on, the first the highest power
 */
export function crcRemainder(
  { polynomial, length }: Crc,
  bits: Uint8Array,
  from = 0,
  count = bits.length - from,
): number {
  const top = 2 ** (length - 1);
  const mask = 2 ** length - 1;
  let register = 0;
  for (let i = from; i < from + count; i++) {
    const feedback = ((register & top) === 0 ? 0 : 1) ^ bits[i];
    register = (register << 1) & mask;
    if (feedback === 1) register ^= polynomial;
  }
  return register;
}

/** Writes the check of bits [from, from + count) behind them, highest power first. */
export function appendCrc(crc: Crc, bits: Uint8Array, from: number, count: number): void {
  const remainder = crcRemainder(crc, bits, from, count);
  for (let i = 0; i < crc.length; i++) bits[from + count + i] = (remainder >>> (crc.length - 1 - i)) & 1;
}
