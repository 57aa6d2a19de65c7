import type { Rng } from '../../src/core/rng.js';

const values = [
  '-1',
  '0',
  '1e999',
  '99999999999999999999',
  '4294967296',
  'null',
  '""',
  '{}',
  '[[[[',
  '\u0000',
  '-',
  '"',
];

/** A damaged copy of one of `seeds`: bytes changed, cut, doubled, numbers exchanged, parts of another seed put in. */
export function mutate(seeds: readonly Uint8Array[], rng: Rng): Uint8Array {
  let bytes = Buffer.from(seeds[rng.integer(seeds.length)]);
  for (let n = 1 + rng.integer(4); n > 0; n--) {
    const at = rng.integer(bytes.length + 1);
    const length = Math.min(bytes.length - at, 1 + rng.integer(rng.integer(8) === 0 ? 256 : 8));
    const [before, part, after] = [bytes.subarray(0, at), bytes.subarray(at, at + length), bytes.subarray(at + length)];
    switch (rng.integer(8)) {
      case 0:
        bytes = Buffer.concat([before, Buffer.from(part).map((b) => b ^ (1 << rng.integer(8))), after]);
        break;
      case 1:
        bytes = Buffer.concat([before, Buffer.alloc(length, [0, 255, 127, 128][rng.integer(4)]), after]);
        break;
      case 2:
        bytes = Buffer.concat([before, after]);
        break;
      case 3:
        bytes = Buffer.concat([before, part, part, after]);
        break;
      case 4:
        bytes = Buffer.concat([before, Buffer.from(Array.from({ length }, () => rng.integer(256))), after]);
        break;
      case 5:
        bytes = Buffer.from(before);
        break;
      case 6: {
        const other = seeds[rng.integer(seeds.length)];
        const from = rng.integer(other.length + 1);
        bytes = Buffer.concat([before, other.subarray(from, from + 1 + rng.integer(64)), after]);
        break;
      }
      case 7: {
        const text = bytes.toString('latin1');
        const numbers = [...text.matchAll(/-?\d+/g)];
        if (numbers.length === 0) break;
        const { 0: found, index } = numbers[rng.integer(numbers.length)];
        const value = values[rng.integer(values.length)];
        bytes = Buffer.from(text.slice(0, index) + value + text.slice(index + found.length), 'latin1');
        break;
      }
    }
  }
  return bytes.subarray(0, 1 << 16);
}
