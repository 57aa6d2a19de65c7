import type { ComplexArray } from '../core/complex.js';
import { ConfigError } from '../core/errors.js';

/** Q_m: bits of a symbol of QPSK, 16-, 64- and 256-QAM. */
export type BitsPerSymbol = 2 | 4 | 6 | 8;

/** `exact`: ln of sums over all symbols. `max-log`: the nearest symbol of each kind alone. */
export type LlrKind = 'exact' | 'max-log';

/**
 * A square constellation of unit mean power (TS 38.211, 5.1.3 to 5.1.6). Even bits choose the real part, odd ones the
 * imaginary part, each by the same Gray code: level(b₀ b₁ …) = (1 − 2b₀)·(2^{m−1} − (1 − 2b₁)·(2^{m−2} − …(1 − 2b_{m−1})·1)),
 * so 4 − (2 − 1) for three bits 0.
 */
export interface Qam {
  readonly bitsPerSymbol: BitsPerSymbol;
  /** [2^{Q_m/2}] amplitude of each choice of a part's bits, the first bit the highest. */
  readonly levels: Float64Array;
  /** @param bits [Q_m·k] @param symbols [k] */
  map(bits: Uint8Array, symbols: ComplexArray): void;
  /**
   * ln P(0)/P(1) of every bit, of y = h·z + n:
   *
   *   L = ln Σ_{z: b=0} exp(−|y − h·z|²/σ²) − ln Σ_{z: b=1} exp(−|y − h·z|²/σ²)
   *
   * @param equalised [k] y/h
   * @param noise [k] σ²/|h|², total per complex symbol
   * @param llr [Q_m·k] written
   */
  demap(equalised: ComplexArray, noise: Float32Array, llr: Float32Array): void;
}

/** @throws ConfigError */
export function createQam(bitsPerSymbol: BitsPerSymbol, kind: LlrKind): Qam {
  if (![2, 4, 6, 8].includes(bitsPerSymbol)) {
    throw new ConfigError('fec.qam', `${bitsPerSymbol} bits a symbol: choose 2, 4, 6 or 8`, { value: bitsPerSymbol });
  }
  const half = bitsPerSymbol / 2;
  const count = 2 ** half;
  const norm = 1 / Math.sqrt((2 * (count * count - 1)) / 3);
  const levels = Float64Array.from({ length: count }, (_, index) => norm * levelOf(index, half));
  const metric = new Float64Array(count);

  /** Ratios of one part's bits, at llr[at], llr[at + 2] … */
  const demapPart = (y: number, noise: number, llr: Float32Array, at: number): void => {
    const scale = -1 / Math.max(noise, 1e-9);
    let best = -Infinity;
    for (let i = 0; i < count; i++) {
      metric[i] = scale * (y - levels[i]) ** 2;
      best = Math.max(best, metric[i]);
    }
    for (let b = 0; b < half; b++) {
      const mask = 1 << (half - 1 - b);
      let zero = kind === 'exact' ? 0 : -Infinity;
      let one = zero;
      for (let i = 0; i < count; i++) {
        if (kind === 'exact') {
          // Down to e⁻⁷⁰⁰, so that no sum is empty; beyond that a ratio is certain anyway.
          const likelihood = Math.exp(Math.max(-700, metric[i] - best));
          if ((i & mask) === 0) zero += likelihood;
          else one += likelihood;
        } else if ((i & mask) === 0) zero = Math.max(zero, metric[i]);
        else one = Math.max(one, metric[i]);
      }
      llr[at + 2 * b] = kind === 'exact' ? Math.log(zero / one) : zero - one;
    }
  };

  return {
    bitsPerSymbol,
    levels,
    map(bits, { re, im }) {
      for (let k = 0; k < re.length; k++) {
        let real = 0;
        let imaginary = 0;
        for (let b = 0, at = k * bitsPerSymbol; b < half; b++, at += 2) {
          real = 2 * real + bits[at];
          imaginary = 2 * imaginary + bits[at + 1];
        }
        re[k] = levels[real];
        im[k] = levels[imaginary];
      }
    },
    demap({ re, im }, noise, llr) {
      for (let k = 0; k < re.length; k++) {
        demapPart(re[k], noise[k], llr, k * bitsPerSymbol);
        demapPart(im[k], noise[k], llr, k * bitsPerSymbol + 1);
      }
    },
  };
}

/** The amplitude before normalisation, an odd number. */
function levelOf(index: number, bits: number): number {
  let level = 1;
  for (let b = 0; b < bits; b++) {
    const sign = ((index >> b) & 1) === 0 ? 1 : -1;
    // From the last bit to the first: 1 ∓, then 2 −, 4 −, …
    level = b === bits - 1 ? sign * level : 2 ** (b + 1) - sign * level;
  }
  return level;
}
