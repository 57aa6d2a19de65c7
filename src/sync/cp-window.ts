import type { ComplexArray } from '../core/complex.js';
import { ConfigError } from '../core/errors.js';

/** OFDM symbols of N samples, each behind a cyclic prefix whose length may follow a list that repeats (LTE's slot: 10, 9 × 6). */
export interface CpNumerology {
  readonly fftSize: number;
  /** Samples, one a symbol of the period. */
  readonly cyclicPrefixLengths: readonly number[];
}

/** Where the symbols of a window lie, derived once from the numerology. */
export interface CpPattern {
  readonly fftSize: number;
  /** T: samples of a period of the list of prefixes. */
  readonly periodLength: number;
  readonly symbolsPerPeriod: number;
  /** W symbols of a window, [W] where each begins behind the window's offset, and its prefix. */
  readonly starts: Int32Array;
  readonly prefixes: Int32Array;
  /** Σ prefixes: products that are summed. */
  readonly totalPrefix: number;
  readonly longestPrefix: number;
  /** W symbols and their length. */
  readonly numSymbols: number;
  readonly length: number;
}

/**
 * @param leastSymbols W is the least multiple of the list's length that is not below it
 * @throws ConfigError for a numerology that cannot be
 */
export function createCpPattern({ fftSize, cyclicPrefixLengths }: CpNumerology, leastSymbols: number): CpPattern {
  if (!Number.isInteger(fftSize) || fftSize < 8 || fftSize > 65_536) {
    throw new ConfigError('config.sync', `FFT size is ${fftSize}: choose a whole number from 8 to 65536`);
  }
  if (cyclicPrefixLengths.length === 0 || cyclicPrefixLengths.length > 1024) {
    throw new ConfigError('config.sync', 'cyclic prefix: give one length, or a list that repeats');
  }
  for (const length of cyclicPrefixLengths) {
    if (!Number.isInteger(length) || length < 1 || length > fftSize) {
      throw new ConfigError('config.sync', `cyclic prefix is ${length}: choose whole numbers from 1 to ${fftSize}`);
    }
  }
  const symbolsPerPeriod = cyclicPrefixLengths.length;
  const numSymbols = Math.ceil(leastSymbols / symbolsPerPeriod) * symbolsPerPeriod;
  const starts = new Int32Array(numSymbols);
  const prefixes = Int32Array.from(starts, (_, s) => cyclicPrefixLengths[s % symbolsPerPeriod]);
  for (let s = 1; s < numSymbols; s++) starts[s] = starts[s - 1] + prefixes[s - 1] + fftSize;
  const totalPrefix = prefixes.reduce((sum, k) => sum + k, 0);
  const length = starts[numSymbols - 1] + prefixes[numSymbols - 1] + fftSize;
  return {
    fftSize,
    periodLength: (length / numSymbols) * symbolsPerPeriod,
    symbolsPerPeriod,
    starts,
    prefixes,
    totalPrefix,
    longestPrefix: Math.max(...cyclicPrefixLengths),
    numSymbols,
    length,
  };
}

/** −ln of the chance that `independent` pairs of noise samples correlate as strongly: −(D − 1)·ln(1 − ρ²). */
export const correlationSignificance = (metric: number, independent: number): number =>
  -Math.max(independent - 1, 1) * Math.log1p(-Math.min(metric * metric, 1 - 1e-12));

/**
 * Σ |R(τ)/R(0)|² over |τ| < reach: by how much fewer independent samples a coloured signal has. 1 for white noise. Lags
 * are taken ever more sparsely, with straight lines between.
 *
 * @param different samples that are not repetitions of others
 */
export function colourOf(x: ComplexArray, from: number, count: number, reach: number, different = count): number {
  const shareAt = (lag: number): number => {
    let [re, im, energy] = [0, 0, 0];
    for (let i = from; i + lag < from + count; i++) {
      re += x.re[i] * x.re[i + lag] + x.im[i] * x.im[i + lag];
      im += x.re[i] * x.im[i + lag] - x.im[i] * x.re[i + lag];
      energy += x.re[i] * x.re[i] + x.im[i] * x.im[i];
    }
    return energy > 0 ? (re * re + im * im) / (energy * energy) : 0;
  };
  let sum = 1;
  let [lag, share] = [0, 1];
  while (lag < reach - 1) {
    const next = Math.min(reach - 1, lag + Math.max(1, lag >> 2));
    const value = shareAt(next);
    // Twice, for lags of both signs; white noise's own small values are not correlation.
    const own = 1 / different;
    const steps = next - lag;
    sum += 2 * (steps === 1 ? Math.max(0, value - own) : (steps * Math.max(0, share + value - 2 * own)) / 2);
    [lag, share] = [next, value];
  }
  return sum;
}

/** Running sums over a stretch of signal: any prefix of any symbol is then two look-ups. */
export class LagProducts {
  /** Sums of x*[n]·x[n+N] and of (|x[n]|² + |x[n+N]|²)/2 over n < index. */
  readonly re: Float64Array;
  readonly im: Float64Array;
  readonly energy: Float64Array;
  /** Products formed. */
  count = 0;
  /** What was taken off every sample. */
  meanRe = 0;
  meanIm = 0;

  constructor(readonly capacity: number) {
    this.re = new Float64Array(capacity + 1);
    this.im = new Float64Array(capacity + 1);
    this.energy = new Float64Array(capacity + 1);
  }

  /**
   * From x[from … from + count + lag − 1], its mean removed: a DC offset looks the same at any lag. Samples from `end` on
   * are not there: their products are zero.
   */
  form(x: ComplexArray, from: number, count: number, lag: number, end = Infinity): void {
    this.count = count;
    const last = Math.max(from, Math.min(end, from + count + lag));
    let meanRe = 0;
    let meanIm = 0;
    for (let n = from; n < last; n++) {
      meanRe += x.re[n];
      meanIm += x.im[n];
    }
    meanRe /= Math.max(1, last - from);
    meanIm /= Math.max(1, last - from);
    this.meanRe = meanRe;
    this.meanIm = meanIm;
    let [re, im, energy] = [0, 0, 0];
    const there = Math.min(count, Math.max(0, last - lag - from));
    for (let i = 0; i < there; i++) {
      const ar = x.re[from + i] - meanRe;
      const ai = x.im[from + i] - meanIm;
      const br = x.re[from + i + lag] - meanRe;
      const bi = x.im[from + i + lag] - meanIm;
      re += ar * br + ai * bi;
      im += ar * bi - ai * br;
      energy += 0.5 * (ar * ar + ai * ai + br * br + bi * bi);
      this.re[i + 1] = re;
      this.im[i + 1] = im;
      this.energy[i + 1] = energy;
    }
    this.re.fill(re, there + 1, count + 1);
    this.im.fill(im, there + 1, count + 1);
    this.energy.fill(energy, there + 1, count + 1);
  }
}

/** What one window of W symbols says. */
export interface CpEstimate {
  /** θ̂ in [0, T): where, behind the window's first sample, a period begins. */
  readonly offset: number;
  /** |Γ|/Φ at θ̂, 0…1; SNR/(SNR + 1) for a signal in white noise. */
  readonly metric: number;
  /** arg Γ / 2π. */
  readonly cfoSubcarriers: number;
  /** |Γ|, for weighing windows against one another. */
  readonly strength: number;
  /** −ln of the chance that white noise, or a signal without prefixes, looks like this at one offset. */
  readonly significance: number;
  /** The same where another station may stand beside it: less is asked where one that agrees came before. */
  readonly significanceBeside: number;
}

/**
 * Timing and carrier offset from prefixes alone, over one window of W symbols:
 *
 *   Γ(θ) = Σ_s Σ_{n in prefix s} x*[n]·x[n+N],  Φ(θ) = Σ_s Σ (|x[n]|² + |x[n+N]|²)/2
 *   θ̂ = argmax |Γ(θ)| − ρ·Φ(θ),  ε̂ = arg Γ(θ̂) / 2π,  ρ = SNR/(SNR + 1)
 *
 * van de Beek, Sandell and Börjesson (1997), eqs. 8–12, summed over W symbols and with ρ estimated as the largest |Γ|/Φ. What Γ has
 * at all offsets alike (a tone, a narrow band) is taken off first.
 *
 * Evidence, the smaller of two: for white noise (|Γ|/Φ)² exceeds t with probability (1 − t)^(D−1) at most, D = ΣK counted in
 * symbols that carry energy; and |Γ|² at the other offsets is exponentially distributed about its mean.
 *
 * @param allowed offsets that θ̂ may have
 */
export function estimateCpWindow(
  pattern: CpPattern,
  sums: LagProducts,
  allowed: (offset: number) => boolean = () => true,
): CpEstimate {
  const { periodLength, starts, prefixes, numSymbols, totalPrefix, longestPrefix } = pattern;
  const gammaRe = new Float64Array(periodLength);
  const gammaIm = new Float64Array(periodLength);
  const phi = new Float64Array(periodLength);
  for (let s = 0; s < numSymbols; s++) {
    const from = starts[s];
    const to = from + prefixes[s];
    for (let theta = 0; theta < periodLength; theta++) {
      gammaRe[theta] += sums.re[to + theta] - sums.re[from + theta];
      gammaIm[theta] += sums.im[to + theta] - sums.im[from + theta];
      phi[theta] += sums.energy[to + theta] - sums.energy[from + theta];
    }
  }
  // First against the mean of all products, then against what lies clear of the peak.
  const share = totalPrefix / sums.count;
  let flatRe = sums.re[sums.count] * share;
  let flatIm = sums.im[sums.count] * share;
  const among = (value: (i: number) => number): number =>
    argmax(periodLength, (i) => (allowed(i) ? value(i) : -Infinity));
  let best = among((i) => Math.hypot(gammaRe[i] - flatRe, gammaIm[i] - flatIm));
  const clear = (i: number): boolean => circular(i, best, periodLength) > longestPrefix;
  let outside = 0;
  let [sumRe, sumIm] = [0, 0];
  for (let i = 0; i < periodLength; i++) {
    if (!clear(i)) continue;
    outside++;
    sumRe += gammaRe[i];
    sumIm += gammaIm[i];
  }
  const hasOutside = outside >= periodLength / 8;
  if (hasOutside) {
    flatRe = sumRe / outside;
    flatIm = sumIm / outside;
  }
  const strengthAt = (i: number): number => Math.hypot(gammaRe[i] - flatRe, gammaIm[i] - flatIm);
  let floor = 0;
  if (hasOutside) for (let i = 0; i < periodLength; i++) if (clear(i)) floor += strengthAt(i) ** 2 / outside;

  const metricAt = (i: number): number => (phi[i] > 0 ? Math.min(1, strengthAt(i) / phi[i]) : 0);
  const rho = metricAt(best);
  best = among((i) => strengthAt(i) - rho * phi[i]);
  const metric = metricAt(best);
  const strength = strengthAt(best);

  let [energy, energySquared] = [0, 0];
  for (let s = 0; s < numSymbols; s++) {
    const e = sums.energy[starts[s] + prefixes[s] + best] - sums.energy[starts[s] + best];
    energy += e;
    energySquared += e * e;
  }
  const effective = energySquared > 0 ? (totalPrefix / numSymbols) * ((energy * energy) / energySquared) : 1;
  const white = correlationSignificance(metric, effective);
  const stands = hasOutside ? (strength * strength) / (floor + Number.MIN_VALUE) : Infinity;
  const second = argmax(periodLength, (i) => (clear(i) ? strengthAt(i) : -Infinity));
  const clearOfBoth = (i: number): boolean => clear(i) && circular(i, second, periodLength) > longestPrefix;
  let rest = 0;
  for (let i = 0; i < periodLength; i++) if (clearOfBoth(i)) rest++;
  let lower = 0;
  for (let i = 0; i < periodLength; i++) if (clearOfBoth(i)) lower += strengthAt(i) ** 2 / rest;
  const standsBeside = rest >= periodLength / 10 ? (strength * strength) / (lower + Number.MIN_VALUE) : stands;
  return {
    offset: best,
    metric,
    cfoSubcarriers: Math.atan2(gammaIm[best] - flatIm, gammaRe[best] - flatRe) / (2 * Math.PI),
    strength,
    significance: metric > 0 ? Math.min(white, stands) : 0,
    significanceBeside: metric > 0 ? Math.min(white, standsBeside) : 0,
  };
}

/** Distance of two places on a circle of `period`. */
export function circular(a: number, b: number, period: number): number {
  const apart = Math.abs(a - b);
  return Math.min(apart, period - apart);
}

function argmax(length: number, value: (i: number) => number): number {
  let best = 0;
  let bestValue = -Infinity;
  for (let i = 0; i < length; i++) {
    const v = value(i);
    if (v > bestValue) {
      bestValue = v;
      best = i;
    }
  }
  return best;
}
