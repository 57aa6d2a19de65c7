import type { ComplexArray } from './complex.js';

/**
 * Seeded, splittable randomness, always passed as an argument.
 *
 * The generator is xoshiro128** (Blackman and Vigna, 2018), its state expanded by splitmix32 from a hash of
 * the seed and the labels it was split by. `split` depends on the labels alone, never on how many numbers
 * were drawn, so adding a draw in one place does not change any other stream.
 */
export interface Rng {
  /** An independent stream named by `label`; the same labels give the same stream. */
  split(label: string | number): Rng;
  /** A uniform 32-bit unsigned integer. */
  uint32(): number;
  /** Uniform in [0, 1), 53 bits. */
  uniform(): number;
  /** Uniform integer in [0, bound), without modulo bias. */
  integer(bound: number): number;
  /** Standard normal, N(0, 1). */
  gaussian(): number;
  /** Fills `out` with CN(0, variance); `variance` is the total per complex sample, half of it per real dimension. */
  fillComplexGaussian(out: ComplexArray, variance: number): void;
  /** A uniformly random permutation of 0…n−1. */
  permutation(n: number): Int32Array;
}

export function createRng(seed: number | string): Rng {
  return rngFromPath(`${seed}`);
}

/**
 * xoshiro128** from a state that is not all zero: 32-bit unsigned integers of period 2¹²⁸ − 1.
 * Source: Blackman and Vigna, "Scrambled linear pseudorandom number generators", ACM Trans. Math. Softw. 47(4), 2021.
 */
export function xoshiro128(s0: number, s1: number, s2: number, s3: number): () => number {
  return () => {
    const product = Math.imul(s1, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const t = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = (s3 << 11) | (s3 >>> 21);
    return result >>> 0;
  };
}

function rngFromPath(path: string): Rng {
  let mixer = hash(path);
  const next = (): number => {
    mixer = (mixer + 0x9e3779b9) | 0;
    let z = mixer ^ (mixer >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z ^= z >>> 15;
    z = Math.imul(z, 0x735a2d97);
    return z ^ (z >>> 15);
  };
  const uint32 = xoshiro128(next(), next(), next(), next() | 1);
  let spare = 0;
  let hasSpare = false;

  const uniform = (): number => ((uint32() >>> 5) * 67108864 + (uint32() >>> 6)) / 9007199254740992;
  const gaussian = (): number => {
    if (hasSpare) {
      hasSpare = false;
      return spare;
    }
    for (;;) {
      const u = (uint32() + 0.5) * (2 / 4294967296) - 1;
      const v = (uint32() + 0.5) * (2 / 4294967296) - 1;
      const radius = u * u + v * v;
      if (radius >= 1 || radius === 0) continue;
      const factor = Math.sqrt((-2 * Math.log(radius)) / radius);
      spare = v * factor;
      hasSpare = true;
      return u * factor;
    }
  };
  const integer = (bound: number): number => {
    const limit = 4294967296 - (4294967296 % bound);
    let draw = uint32();
    while (draw >= limit) draw = uint32();
    return draw % bound;
  };

  return {
    split: (label) => rngFromPath(`${path}/${label}`),
    uint32,
    uniform,
    integer,
    gaussian,
    fillComplexGaussian(out, variance) {
      const sigma = Math.sqrt(variance / 2);
      for (let i = 0; i < out.re.length; i++) {
        out.re[i] = sigma * gaussian();
        out.im[i] = sigma * gaussian();
      }
    },
    permutation(n) {
      const order = new Int32Array(n);
      for (let i = 0; i < n; i++) order[i] = i;
      for (let i = n - 1; i > 0; i--) {
        const j = integer(i + 1);
        const held = order[i];
        order[i] = order[j];
        order[j] = held;
      }
      return order;
    },
  };
}

/** FNV-1a with a final avalanche, 32 bits. */
function hash(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    h ^= text.charCodeAt(i);
    h = Math.imul(h, 0x01000193);
  }
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  return h | 0;
}
