import { type BitsPerSymbol, createQam } from '../fec/qam.js';

/** What the bits of a constellation, each decoded for itself, tell of each other's word over AWGN. */
export interface BitCapacity {
  /** Bits a symbol, 0…Q_m, at an SNR Es/σ², linear. */
  informationAt(snr: number): number;
  /** The SNR at which it is so much, linear. */
  snrFor(information: number): number;
}

const LOW_DB = -20;
const HIGH_DB = 45;
const STEP_DB = 0.5;
/** Nodes of the integral over the noise, in standard deviations. */
const REACH = 5;
const NODE = 0.25;

/**
 * Capacity of bit-interleaved coded modulation with exact ratios:
 *
 *   C = Q_m − Σ_b E log₂(1 + exp(−(1 − 2b)·L_b))
 *
 * Real and imaginary part are alike and independent, so that one is integrated (rectangles, which converge fast for a
 * Gaussian), and the result is interpolated between half decibels.
 *
 * Source: Caire, Taricco, Biglieri, "Bit-interleaved coded modulation", IEEE Trans. Inf. Theory 44(3), 1998.
 */
export function createBitCapacity(bitsPerSymbol: BitsPerSymbol): BitCapacity {
  const { levels } = createQam(bitsPerSymbol, 'exact');
  const half = bitsPerSymbol / 2;
  const table = Float64Array.from({ length: (HIGH_DB - LOW_DB) / STEP_DB + 1 }, (_, i) =>
    Math.min(bitsPerSymbol, Math.max(0, 2 * partInformation(levels, half, 10 ** ((LOW_DB + i * STEP_DB) / 10)))),
  );
  const informationAt = (snr: number): number => {
    const at = (10 * Math.log10(snr) - LOW_DB) / STEP_DB;
    // Far below the table information goes with the SNR.
    if (!(at > 0)) return table[0] * Math.max(0, snr) * 10 ** (-LOW_DB / 10);
    const i = Math.min(table.length - 2, Math.floor(at));
    return table[i] + (table[i + 1] - table[i]) * Math.min(1, at - i);
  };
  return {
    informationAt,
    snrFor(information) {
      let low = 1e-4;
      let high = 10 ** (HIGH_DB / 10);
      for (let step = 0; step < 50; step++) {
        const middle = Math.sqrt(low * high);
        if (informationAt(middle) < information) low = middle;
        else high = middle;
      }
      return Math.sqrt(low * high);
    },
  };
}

/** Bits that one part of a symbol tells. */
function partInformation(levels: Float64Array, half: number, snr: number): number {
  const deviation = Math.sqrt(1 / (2 * snr));
  const likelihood = new Float64Array(levels.length);
  let lost = 0;
  for (let sent = 0; sent < levels.length; sent++) {
    for (let t = -REACH; t <= REACH; t += NODE) {
      const weight = (NODE * Math.exp((-t * t) / 2)) / Math.sqrt(2 * Math.PI);
      const y = levels[sent] + deviation * t;
      let all = 0;
      for (let i = 0; i < levels.length; i++) {
        likelihood[i] = Math.exp((t * t) / 2 - (y - levels[i]) ** 2 * snr);
        all += likelihood[i];
      }
      for (let b = 0; b < half; b++) {
        const mask = 1 << (half - 1 - b);
        let same = 0;
        for (let i = 0; i < levels.length; i++) if ((i & mask) === (sent & mask)) same += likelihood[i];
        lost += (weight * Math.log2(all / same)) / levels.length;
      }
    }
  }
  return half - lost;
}
