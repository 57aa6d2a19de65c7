import { type ComplexArray, createComplex, subarray } from '../core/complex.js';
import { createFft } from '../dsp/fft.js';

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
/** Symbols folded together, and at least: bursts keep their timing that long. */
const SYMBOLS = { most: 24, least: 12 } as const;
/** FFT sizes beyond the usual ones, and how many of them are looked into. */
const OTHER_SIZES = { least: 24, most: 8192, count: 4 } as const;
/** Samples of one correlation. */
const BLOCK = 1 << 16;

/**
 * Tries the usual numerologies, and those that the signal's own correlation suggests: for each N the products x*[n]·x[n+N] are
 * folded at the period N + K, and the energy of a run of K of them is compared with the others. Used only to tell a user that a
 * signal is there but is another one.
 *
 * @returns the likeliest, or null if none stands out
 */
export function guessNumerology(received: ComplexArray): NumerologyGuess | null {
  const samples = limited(received);
  let best: NumerologyGuess | null = null;
  const consider = (fftSize: number, prefix: number): void => {
    const period = fftSize + prefix;
    const symbols = Math.min(SYMBOLS.most, Math.floor((samples.re.length - fftSize) / period));
    if (symbols < SYMBOLS.least) return;
    const count = symbols * period;
    const strengths: number[] = [];
    for (let at = 0; at + count + fftSize <= samples.re.length; at += count) {
      strengths.push(foldedStrength(subarray(samples, at, at + count + fftSize), fftSize, prefix, count));
    }
    // Bursts fill some blocks only: what the better ones say.
    const strength = strengths.sort((a, b) => a - b)[Math.floor(0.8 * (strengths.length - 1))];
    if (strength > Math.max(LEAST_STRENGTH, best?.strength ?? 0)) {
      best = { fftSize, cyclicPrefixLength: prefix, strength };
    }
  };
  for (const fftSize of SIZES) {
    for (const share of SHARES) consider(fftSize, Math.max(4, Math.round(fftSize * share)));
  }
  for (const { fftSize, prefix } of suggested(samples)) consider(fftSize, prefix);
  return best;
}

/**
 * Sizes and prefixes by correlation: prefixes make |R(N)| stand out from its neighbours; the products at that lag come and go with
 * the period N + K, at which their own correlation is largest.
 */
function suggested(samples: ComplexArray): { fftSize: number; prefix: number }[] {
  const { least, most, count } = OTHER_SIZES;
  const last = Math.min(most, samples.re.length >> 4);
  if (last <= least) return [];
  const correlation = autocorrelation(samples, last + 1);
  const sizes: number[] = [];
  // Coloured signals correlate at many lags: a peak is twice what is beside it, and the largest there.
  const isPeak = (lag: number): boolean => {
    const reach = Math.max(8, lag >> 3);
    for (let d = 1; d <= reach; d++) {
      const beside = Math.max(correlation[lag - d], correlation[lag + d] ?? 0);
      if (beside * (2 * d > reach ? 2 : 1) > correlation[lag]) return false;
    }
    return true;
  };
  for (let lag = least; lag <= last; lag++) if (isPeak(lag)) sizes.push(lag);
  return sizes
    .sort((a, b) => correlation[b] - correlation[a])
    .slice(0, count)
    .map((fftSize) => {
      const products = lagProducts(samples, fftSize);
      const longest = Math.ceil(1.3 * fftSize) + 4;
      // Over several symbols the period shows to the sample.
      const multiples = Math.max(1, Math.min(12, Math.floor(Math.min(BLOCK, products.re.length / 2) / longest)));
      const own = autocorrelation(products, multiples * longest + 1);
      const comb = (period: number): number => {
        let sum = 0;
        for (let m = 1; m <= multiples; m++) sum += own[m * period];
        return sum;
      };
      let period = fftSize + 4;
      for (let lag = period; lag <= longest; lag++) if (comb(lag) > comb(period)) period = lag;
      return { fftSize, prefix: period - fftSize };
    });
}

/** |Σ_n x*[n]·x[n+τ]| for τ < `lags`, block by block. */
function autocorrelation({ re, im }: ComplexArray, lags: number): Float64Array {
  let size = 2;
  while (size < Math.min(BLOCK, re.length) + lags) size *= 2;
  const fft = createFft(size);
  const [part, whole] = [createComplex(size), createComplex(size)];
  const sumRe = new Float64Array(lags);
  const sumIm = new Float64Array(lags);
  for (let at = 0; at < re.length; at += BLOCK) {
    for (const [x, end] of [
      [part, at + BLOCK],
      [whole, at + BLOCK + lags],
    ] as const) {
      x.re.fill(0);
      x.im.fill(0);
      x.re.set(re.subarray(at, Math.min(end, at + size)));
      x.im.set(im.subarray(at, Math.min(end, at + size)));
      fft.forward(x, x);
    }
    for (let k = 0; k < size; k++) {
      const [ar, ai, br, bi] = [part.re[k], part.im[k], whole.re[k], whole.im[k]];
      part.re[k] = ar * br + ai * bi;
      part.im[k] = ar * bi - ai * br;
    }
    fft.inverse(part, part);
    for (let lag = 0; lag < lags; lag++) {
      sumRe[lag] += part.re[lag];
      sumIm[lag] += part.im[lag];
    }
  }
  return sumRe.map((v, lag) => Math.hypot(v, sumIm[lag]));
}

/** x*[n]·x[n+N], their mean removed. */
function lagProducts({ re, im }: ComplexArray, lag: number): ComplexArray {
  const count = re.length - lag;
  const out = createComplex(count);
  let [meanRe, meanIm] = [0, 0];
  for (let n = 0; n < count; n++) {
    out.re[n] = re[n] * re[n + lag] + im[n] * im[n + lag];
    out.im[n] = re[n] * im[n + lag] - im[n] * re[n + lag];
    meanRe += out.re[n] / count;
    meanIm += out.im[n] / count;
  }
  for (let n = 0; n < count; n++) {
    out.re[n] -= meanRe;
    out.im[n] -= meanIm;
  }
  return out;
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
