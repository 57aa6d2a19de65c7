import { type ComplexArray, createComplex } from '../core/complex.js';
import { powerToDb } from '../core/units.js';
import { createFft } from '../dsp/fft.js';
import type { Grid } from '../ofdm/grid.js';
import { createPreamble } from '../ofdm/preamble.js';
import { correctCfo } from './correct-cfo.js';
import { colourOf } from './cp-window.js';
import { HalfCorrelator } from './half-correlator.js';

/** What the known preamble says about a candidate. */
export interface PreambleFit {
  /** First sample of the preamble, in the coordinates of the buffer. */
  readonly start: number;
  readonly cfoSubcarriers: number;
  /** Share of the received energy that the preamble through some channel of K + 1 taps explains: Q in [0, 1]. */
  readonly correlation: number;
  /**
   * Energy of those K + 1 lags over that of as many other lags, on average. A wideband preamble stands out; a narrow
   * band signal, which Q may mistake for it, looks alike at all lags.
   */
  readonly contrast: number;
  /** Share of the energy of the second word's subcarriers that lies in the strongest three; near 1 for a narrow band signal. */
  readonly topShare: number;
  /** By how much fewer independent samples the preamble's have: see `colourOf`. 1 for white noise, 1.1 to 5 for a preamble. */
  readonly colour: number;
  /** M of the half correlator, averaged over the plateau. */
  readonly metric: number;
  /** Mean power of an active resource element over σ², in dB. */
  readonly snrDb: number;
  /** σ² per complex sample, which is σ² per cell. */
  readonly noiseVariance: number;
}

export interface PreambleVerifier {
  /** Samples that must be buffered before and after a candidate position. */
  readonly lookBehind: number;
  readonly lookAhead: number;
  /** Timing hypotheses times frequency hypotheses. */
  readonly hypotheses: number;
  /**
   * `candidate` is the position of the half correlator's maximum in `buffer`. null if the two words do not even agree
   * with one another at any frequency: most noise ends there, at little cost.
   */
  verify(buffer: ComplexArray, candidate: number): PreambleFit | null;
}

/** A path counts as the first if its power is within this factor of the strongest path's. */
const firstPathRatio = 0.1;
/** … and this many times the noise in the correlator: a noise value passes with probability e^−9. */
const firstPathNoise = 9;

/** Noise that gets beyond step 2, per frequency hypothesis. */
const wordAgreementProbability = 0.02;

/**
 * Looks at a candidate with the whole preamble in hand:
 * 1. plateau: the K + 1 neighbouring positions with the largest sum of M; the phase of ΣP gives the fraction of the CFO;
 * 2. the even part 2g of the CFO maximises |Σ_k Y₁*[k+2g] X₁[k] Y₂[k+2g] X₂*[k]|, normalised by energies (Schmidl & Cox
 *    eq. 25); its phase over the N + K samples between the words refines the fraction;
 * 3. timing: cross-correlation with the known samples; the first lag within K of the strongest whose power is at least a
 *    tenth of the strongest and nine times the noise: the first path that matters, not the strongest;
 * 4. Q: energy of the K + 1 lags from there over the received energy, the statistic that decides; no more than twice
 *    what each word gives by itself, since the edge of a burst may look like one word, hardly like both;
 * 5. σ²: what differs between the first word's halves, with a quarter of the prefix:
 *    min_θ Σ|r₁ − r₂e^{jθ}|² = 2σ²(L' − 1) − σ², means removed, L' = N/2 + K/4. A DC offset does not disturb it.
 *
 * @param maxCfoSubcarriers |CFO| up to about this many subcarrier spacings is searched
 */
export function createPreambleVerifier(grid: Grid, maxCfoSubcarriers: number): PreambleVerifier {
  const n = grid.fftSize;
  const k = grid.cyclicPrefixLength;
  const symbol = grid.symbolLength;
  const half = n / 2;
  const margin = n / 4;
  const preamble = createPreamble(grid);
  const length = grid.preambleLength;
  const preambleEnergy = energy(preamble.samples, 0, length);
  const maxShift = Math.max(0, Math.round(maxCfoSubcarriers / 2));
  const shareThreshold = 1 - wordAgreementProbability ** (1 / (preamble.firstWordBins.length - 1));
  const fft = createFft(n, 'unitary');
  const correlator = new HalfCorrelator(half);

  // The segment starts at candidate − lookBehind; lags are searched over `numLags`, with K more for the taps behind them.
  const lookBehind = 2 * k + 2 * margin;
  const numLags = 3 * k + 4 * margin;
  const segmentLength = numLags + k + length;
  const lookAhead = segmentLength - lookBehind;
  const segment = createComplex(segmentLength);
  const corrected = createComplex(segmentLength);
  const lagPower = new Float64Array(numLags + k);
  const wordPower = [new Float64Array(numLags + k), new Float64Array(numLags + k)];
  // lag + i stays below the segment's length: a transform that long has no wrap-around.
  let longSize = n;
  while (longSize < segmentLength) longSize *= 2;
  const long = createFft(longSize);
  const [padded, spectrum, product] = [createComplex(longSize), createComplex(longSize), createComplex(longSize)];
  const correlation = [createComplex(longSize), createComplex(longSize)];
  const wordSpectra = [0, 1].map((word) => {
    const alone = createComplex(longSize);
    for (let i = word * symbol; i < (word + 1) * symbol; i++) {
      alone.re[i] = preamble.samples.re[i];
      alone.im[i] = preamble.samples.im[i];
    }
    long.forward(alone, alone);
    return alone;
  });
  const y1 = createComplex(n);
  const y2 = createComplex(n);
  const metrics = new Float64Array(2 * (k + margin) + 1);
  const pRe = new Float64Array(metrics.length);
  const pIm = new Float64Array(metrics.length);

  /** Plateau: its first position relative to the segment, mean M and fractional CFO. */
  const findPlateau = (): { at: number; metric: number; cfo: number } => {
    const first = lookBehind - k - margin;
    correlator.start(segment, first);
    for (let i = 0; i < metrics.length; i++) {
      if (i > 0) correlator.step(segment, first + i - 1);
      metrics[i] = correlator.metric();
      pRe[i] = correlator.pRe;
      pIm[i] = correlator.pIm;
    }
    let best = { at: 0, metric: -1, cfo: 0 };
    for (let i = 0; i + k < metrics.length; i++) {
      let [sum, re, im] = [0, 0, 0];
      for (let j = i; j <= i + k; j++) {
        sum += metrics[j];
        re += pRe[j];
        im += pIm[j];
      }
      const metric = sum / (k + 1);
      if (metric > best.metric) best = { at: first + i, metric, cfo: Math.atan2(im, re) / Math.PI };
    }
    return best;
  };

  const transformWords = (x: ComplexArray, at: number): void => {
    for (const [word, start] of [
      [y1, at],
      [y2, at + symbol],
    ] as const) {
      for (let i = 0; i < n; i++) {
        word.re[i] = x.re[start + i];
        word.im[i] = x.im[start + i];
      }
      fft.forward(word, word);
    }
  };

  /** Σ_k Y₁*[k+shift] X₁[k] Y₂[k+shift] X₂*[k] over the first word's subcarriers, and its normalised square. */
  const wordProduct = (shift: number): { re: number; im: number; share: number } => {
    let [re, im, energy1, energy2] = [0, 0, 0, 0];
    const { firstWord: x1, secondWord: x2 } = preamble;
    for (const bin of preamble.firstWordBins) {
      const at = (bin + shift + n) % n;
      // u = Y₁*·Y₂, v = X₁·X₂*
      const uRe = y1.re[at] * y2.re[at] + y1.im[at] * y2.im[at];
      const uIm = y1.re[at] * y2.im[at] - y1.im[at] * y2.re[at];
      const vRe = x1.re[bin] * x2.re[bin] + x1.im[bin] * x2.im[bin];
      const vIm = x1.im[bin] * x2.re[bin] - x1.re[bin] * x2.im[bin];
      re += uRe * vRe - uIm * vIm;
      im += uRe * vIm + uIm * vRe;
      energy1 += y1.re[at] ** 2 + y1.im[at] ** 2;
      energy2 += y2.re[at] ** 2 + y2.im[at] ** 2;
    }
    const norm = energy1 * energy2;
    return { re, im, share: norm > 0 ? (re * re + im * im) / norm : 0 };
  };

  /** CFO left after the fraction: 2g + δ. */
  const remainingCfo = (): { cfo: number; share: number } => {
    let best = { shift: 0, re: 1, im: 0, share: -1 };
    for (let g = -maxShift; g <= maxShift; g++) {
      const product = wordProduct(2 * g);
      if (product.share > best.share) best = { shift: 2 * g, ...product };
    }
    const turned = Math.atan2(best.im, best.re) - (2 * Math.PI * best.shift * k) / n;
    const wrapped = Math.atan2(Math.sin(turned), Math.cos(turned));
    return { cfo: best.shift + (wrapped * n) / (2 * Math.PI * symbol), share: best.share };
  };

  /** Of the energy of y2 on the active subcarriers, shifted by the offset found. */
  const strongestShare = (cfo: number): number => {
    const shift = Math.round(cfo);
    const powers = grid.activeBins.map((bin) => (bin + shift + n) % n);
    const sorted = Float64Array.from(powers, (at) => y2.re[at] ** 2 + y2.im[at] ** 2).sort();
    const total = sorted.reduce((sum, p) => sum + p, 0);
    return total > 0 ? sorted.subarray(-3).reduce((sum, p) => sum + p, 0) / total : 1;
  };

  /** All lags at once, word by word, through the frequency domain. */
  const correlate = (): void => {
    padded.re.set(corrected.re);
    padded.im.set(corrected.im);
    long.forward(padded, spectrum);
    for (let word = 0; word < 2; word++) {
      const { re: pr, im: pi } = wordSpectra[word];
      for (let i = 0; i < pr.length; i++) {
        const xr = spectrum.re[i];
        const xi = spectrum.im[i];
        product.re[i] = pr[i] * xr + pi[i] * xi;
        product.im[i] = pr[i] * xi - pi[i] * xr;
      }
      long.inverse(product, correlation[word]);
    }
    const [c1, c2] = correlation;
    for (let lag = 0; lag < lagPower.length; lag++) {
      wordPower[0][lag] = c1.re[lag] ** 2 + c1.im[lag] ** 2;
      wordPower[1][lag] = c2.re[lag] ** 2 + c2.im[lag] ** 2;
      lagPower[lag] = (c1.re[lag] + c2.re[lag]) ** 2 + (c1.im[lag] + c2.im[lag]) ** 2;
    }
  };

  /** σ² and signal power per sample from the first word, whose useful part starts at `at`. */
  const measurePowers = (at: number, prefix: number): { noiseVariance: number; signalPower: number } => {
    const pairs = half + prefix;
    const { product, difference } = repetition(segment, at - prefix, pairs, half);
    return { noiseVariance: difference / (2 * (pairs - 1) - 1), signalPower: product / pairs };
  };

  /** Energy at K + 1 lags over the energy received in [from, to) behind `lag`. */
  const explainedShare = (powers: Float64Array, lag: number, from: number, to: number): number => {
    let explained = 0;
    for (let l = lag; l <= lag + k; l++) explained += powers[l];
    const received = energy(corrected, lag + from, lag + to) * energy(preamble.samples, from, to);
    return received > 0 ? explained / received : 0;
  };

  const firstPath = (noiseVariance: number): number => {
    let strongest = 0;
    for (let lag = 1; lag < numLags; lag++) if (lagPower[lag] > lagPower[strongest]) strongest = lag;
    const least = Math.max(firstPathRatio * lagPower[strongest], firstPathNoise * noiseVariance * preambleEnergy);
    for (let lag = Math.max(0, strongest - k); lag < strongest; lag++) if (lagPower[lag] >= least) return lag;
    return strongest;
  };

  return {
    lookBehind,
    lookAhead,
    hypotheses: numLags * (2 * maxShift + 1),
    verify(buffer, candidate) {
      copyWithoutMean(buffer, candidate - lookBehind, segment);
      const plateau = findPlateau();
      // The middle of the plateau lies in the first word's prefix, clear of both neighbours for channels up to K/2 long.
      const middle = plateau.at + (k >> 1);
      correctCfo(segment, (2 * Math.PI * plateau.cfo) / n, 0, corrected);
      transformWords(corrected, middle);
      const remaining = remainingCfo();
      if (remaining.share < shareThreshold) return null;
      const cfoSubcarriers = plateau.cfo + remaining.cfo;
      const topShare = strongestShare(remaining.cfo);
      correctCfo(segment, (2 * Math.PI * cfoSubcarriers) / n, 0, corrected);

      correlate();
      const lag = firstPath(measurePowers(middle, 0).noiseVariance);
      const whole = explainedShare(lagPower, lag, 0, length);
      const first = explainedShare(wordPower[0], lag, 0, symbol);
      const second = explainedShare(wordPower[1], lag, symbol, length);
      let [inside, outside] = [0, 0];
      for (let l = 0; l < lagPower.length; l++) {
        if (l >= lag && l <= lag + k) inside += lagPower[l];
        else outside += lagPower[l];
      }
      const { noiseVariance, signalPower } = measurePowers(lag + k, k >> 2);
      return {
        start: candidate - lookBehind + lag,
        cfoSubcarriers,
        correlation: Math.min(1, whole, 2 * first, 2 * second),
        contrast: inside / (k + 1) / Math.max(outside / (lagPower.length - k - 1), Number.MIN_VALUE),
        topShare,
        colour: colourOf(corrected, lag, length, half),
        metric: plateau.metric,
        snrDb: powerToDb(signalPower / grid.meanPower / noiseVariance),
        noiseVariance,
      };
    },
  };
}

/** Sums over x[at…at+length−1] and the same stretch `lag` later, means removed. */
function repetition(x: ComplexArray, at: number, length: number, lag: number): { product: number; difference: number } {
  let [aRe, aIm, bRe, bIm, re, im, total] = [0, 0, 0, 0, 0, 0, 0];
  for (let i = at; i < at + length; i++) {
    const [ar, ai, br, bi] = [x.re[i], x.im[i], x.re[i + lag], x.im[i + lag]];
    aRe += ar;
    aIm += ai;
    bRe += br;
    bIm += bi;
    re += ar * br + ai * bi;
    im += ar * bi - ai * br;
    total += ar * ar + ai * ai + br * br + bi * bi;
  }
  const product = Math.hypot(re - (aRe * bRe + aIm * bIm) / length, im - (aRe * bIm - aIm * bRe) / length);
  const energies = total - (aRe * aRe + aIm * aIm + bRe * bRe + bIm * bIm) / length;
  return { product, difference: Math.max(energies - 2 * product, 0) };
}

function copyWithoutMean(from: ComplexArray, start: number, to: ComplexArray): void {
  const count = to.re.length;
  let [re, im] = [0, 0];
  for (let i = 0; i < count; i++) {
    re += from.re[start + i];
    im += from.im[start + i];
  }
  for (let i = 0; i < count; i++) {
    to.re[i] = from.re[start + i] - re / count;
    to.im[i] = from.im[start + i] - im / count;
  }
}

function energy(x: ComplexArray, start: number, end: number): number {
  let sum = 0;
  for (let i = start; i < end; i++) sum += x.re[i] * x.re[i] + x.im[i] * x.im[i];
  return sum;
}
