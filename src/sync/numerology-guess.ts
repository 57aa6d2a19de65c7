import { type ComplexArray, subarray } from '../core/complex.js';

/** What OFDM a signal looks like, from its own repetitions. */
export interface NumerologyGuess {
  readonly fftSize: number;
  readonly cyclicPrefixLength: number;
  /** How far the folded correlation stands above its own spread, in standard deviations. */
  readonly strength: number;
}

const SIZES = [64, 128, 256, 512, 1024, 2048] as const;
const SHARES = [1 / 4, 1 / 8, 1 / 10, 9 / 128, 1 / 14, 1 / 16, 1 / 32] as const;
/** White noise gives 2 to 4. */
const LEAST_STRENGTH = 6;
/** Symbols folded together: bursts keep their timing that long. */
const SYMBOLS = 24;

/**
 * Tries the usual numerologies: for each N the products x*[n]·x[n+N] are folded at the period N + K, and the energy of a
 * run of K of them is compared with the others. Used only to tell a user that a signal is there but is another one.
 *
 * @returns the likeliest, or null if none stands out
 */
export function guessNumerology(received: ComplexArray): NumerologyGuess | null {
  const samples = limited(received);
  let best: NumerologyGuess | null = null;
  for (const fftSize of SIZES) {
    for (const share of SHARES) {
      const prefix = Math.max(4, Math.round(fftSize * share));
      const period = fftSize + prefix;
      const count = SYMBOLS * period;
      const strengths: number[] = [];
      for (let at = 0; at + count + fftSize <= samples.re.length; at += count) {
        strengths.push(foldedStrength(subarray(samples, at, at + count + fftSize), fftSize, prefix, count));
      }
      // Bursts fill some blocks only: what the better ones say.
      const strength = strengths.sort((a, b) => a - b)[Math.floor(0.8 * (strengths.length - 1))] ?? 0;
      if (strength > Math.max(LEAST_STRENGTH, best?.strength ?? 0)) {
        best = { fftSize, cyclicPrefixLength: prefix, strength };
      }
    }
  }
  return best;
}

/** Clicks tell nothing of repetitions but outweigh all else: amplitudes are limited to four times the median. */
function limited({ re, im }: ComplexArray): ComplexArray {
  const sorted = Float32Array.from(re, (v, i) => Math.hypot(v, im[i])).sort();
  const limit = 4 * (sorted[sorted.length >> 1] ?? 0);
  if (limit === 0) return { re, im };
  const gain = Float32Array.from(re, (v, i) => Math.min(1, limit / Math.hypot(v, im[i])));
  return {
    re: re.map((v, i) => (gain[i] < 1 ? v * gain[i] : v)),
    im: im.map((v, i) => (gain[i] < 1 ? v * gain[i] : v)),
  };
}

function foldedStrength({ re, im }: ComplexArray, lag: number, prefix: number, count: number): number {
  const period = lag + prefix;
  const foldRe = new Float64Array(period);
  const foldIm = new Float64Array(period);
  for (let n = 0, at = 0; n < count; n++) {
    foldRe[at] += re[n] * re[n + lag] + im[n] * im[n + lag];
    foldIm[at] += re[n] * im[n + lag] - im[n] * re[n + lag];
    if (++at === period) at = 0;
  }
  // Sums over a prefix at every offset.
  const runRe = new Float64Array(period);
  const runIm = new Float64Array(period);
  let [sumRe, sumIm] = [0, 0];
  for (let i = 0; i < prefix; i++) {
    sumRe += foldRe[i];
    sumIm += foldIm[i];
  }
  for (let i = 0; i < period; i++) {
    runRe[i] = sumRe;
    runIm[i] = sumIm;
    const enter = (i + prefix) % period;
    sumRe += foldRe[enter] - foldRe[i];
    sumIm += foldIm[enter] - foldIm[i];
  }
  const mean = (x: Float64Array): number => x.reduce((sum, v) => sum + v, 0) / x.length;
  const powerOver = (flatRe: number, flatIm: number): Float64Array =>
    runRe.map((v, i) => (v - flatRe) ** 2 + (runIm[i] - flatIm) ** 2);
  const first = powerOver(mean(runRe), mean(runIm));
  const peak = first.indexOf(Math.max(...first));
  const clear = (_: number, i: number): boolean => {
    const distance = Math.abs(i - peak);
    return Math.min(distance, period - distance) > prefix;
  };
  const power = powerOver(mean(runRe.filter(clear)), mean(runIm.filter(clear)));
  const floor = mean(power.filter(clear));
  return floor > 0 ? Math.sqrt(power[peak] / floor) : 0;
}
