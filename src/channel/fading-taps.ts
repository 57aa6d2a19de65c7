import { type ComplexArray, createComplex } from '../core/complex.js';
import { ConfigError } from '../core/errors.js';
import type { Rng } from '../core/rng.js';
import { requireInteger, requireNonNegative, requirePositive } from './checks.js';
import type { FadingConfig } from './config.js';
import { createHistory, type History } from './history.js';
import { type StreamBlock, sameLength } from './stream-block.js';
import { tapStatistics } from './tap-statistics.js';

/** The line of sight's Doppler shift over the maximum one (TR 38.901 section 7.7.2). */
const lineOfSightDoppler = 0.7;
/** Taps are computed every so many samples and joined by straight lines: error at most (2π/128)²/8 = −70 dB. */
const updatesPerDopplerPeriod = 128;
const maxUpdateInterval = 256;

export interface FadingTaps extends StreamBlock {
  readonly numTaps: number;
  /** The exact taps h[l] at sample `sampleIndex` since the start (not the straight-line approximation), [numTaps]. */
  tapsAt(sampleIndex: number): ComplexArray;
  clone(): FadingTaps;
}

/**
 * Time-varying multipath, y[n] = Σ_l h_l[n]·x[n−l], each tap with Clarke's spectrum (Jakes):
 *
 *   h_l[n] = √(p_l / N) Σ_i exp(j(2π f_D cos α_i·n / fs + φ_i)),  α_i = (2πi + θ_i) / N,
 *
 * θ_i, φ_i uniform on [0, 2π), independent over i and l. Over realisations E[h_l[n+k] h_l[n]*] = p_l·J0(2π f_D k / fs)
 * exactly; one realisation follows it for 2π f_D k / fs well below N. E|h_l|² = p_l, Σ p_l = 1; the fourth moment is
 * (2 − 1/N)·p_l², Rayleigh's being 2. TDL-D/E keep their line of sight, at 0.7·f_D. At dopplerHz 0 the taps stand still.
 *
 * @throws ConfigError for settings out of range, for `identity`, and for a Doppler above half the sample rate
 * Source: Xiao, Zheng, Beaulieu, "Novel sum-of-sinusoids simulation models for Rayleigh and Rician fading channels",
 * IEEE Trans. Wireless Commun. 5(12), 2006.
 */
export function createFadingTaps(config: FadingConfig, rng: Rng): FadingTaps {
  const { dopplerHz, sampleRateHz, numSinusoids = 32 } = config;
  requirePositive('fading.sampleRateHz', sampleRateHz);
  requireNonNegative('fading.dopplerHz', dopplerHz);
  requireInteger('fading.numSinusoids', numSinusoids, 4, 1024);
  if (config.taps.kind === 'identity') {
    throw new ConfigError('config.channel', 'fading.taps: an identity channel does not fade, use "flat"');
  }
  if (dopplerHz > sampleRateHz / 2) {
    throw new ConfigError(
      'config.channel',
      `fading.dopplerHz ${dopplerHz} is above half the sample rate: check units`,
      {
        value: dopplerHz,
      },
    );
  }
  const paths = drawPaths(config, numSinusoids, rng);
  return fadingFrom(paths, createHistory(paths.numTaps), 0);
}

/** The sinusoids of all taps: tap l owns entries [first[l], first[l+1]). */
interface Paths {
  readonly numTaps: number;
  readonly first: Int32Array;
  readonly amplitude: Float64Array;
  /** Radians per sample. */
  readonly rate: Float64Array;
  readonly phase: Float64Array;
  readonly updateInterval: number;
}

function drawPaths(config: FadingConfig, numSinusoids: number, rng: Rng): Paths {
  const { diffuse, lineOfSight } = tapStatistics(config.taps);
  const cyclesPerSample = config.dopplerHz / config.sampleRateHz;
  const amplitude: number[] = [];
  const rate: number[] = [];
  const phase: number[] = [];
  const first = [0];
  diffuse.forEach((power, l) => {
    const stream = rng.split(`tap-${l}`);
    for (let i = 0; power > 0 && i < numSinusoids; i++) {
      const angle = (2 * Math.PI * (i + stream.uniform())) / numSinusoids;
      amplitude.push(Math.sqrt(power / numSinusoids));
      rate.push(2 * Math.PI * cyclesPerSample * Math.cos(angle));
      phase.push(2 * Math.PI * stream.uniform());
    }
    if (l === 0 && lineOfSight > 0) {
      amplitude.push(Math.sqrt(lineOfSight));
      rate.push(2 * Math.PI * cyclesPerSample * lineOfSightDoppler);
      phase.push(2 * Math.PI * rng.split('line-of-sight').uniform());
    }
    first.push(amplitude.length);
  });
  const longest = cyclesPerSample === 0 ? maxUpdateInterval : 1 / (cyclesPerSample * updatesPerDopplerPeriod);
  return {
    numTaps: diffuse.length,
    first: Int32Array.from(first),
    amplitude: Float64Array.from(amplitude),
    rate: Float64Array.from(rate),
    phase: Float64Array.from(phase),
    updateInterval: Math.max(1, Math.min(maxUpdateInterval, Math.floor(longest))),
  };
}

/** h[l] at one sample, into `re` and `im`. */
function evaluate(paths: Paths, sampleIndex: number, re: Float64Array, im: Float64Array): void {
  const { first, amplitude, rate, phase } = paths;
  for (let l = 0; l < paths.numTaps; l++) {
    let sumRe = 0;
    let sumIm = 0;
    for (let i = first[l]; i < first[l + 1]; i++) {
      const angle = phase[i] + rate[i] * sampleIndex;
      sumRe += amplitude[i] * Math.cos(angle);
      sumIm += amplitude[i] * Math.sin(angle);
    }
    re[l] = sumRe;
    im[l] = sumIm;
  }
}

function fadingFrom(paths: Paths, history: History, startIndex: number): FadingTaps {
  const { numTaps, updateInterval } = paths;
  const from = { re: new Float64Array(numTaps), im: new Float64Array(numTaps) };
  const to = { re: new Float64Array(numTaps), im: new Float64Array(numTaps) };
  const active = Int32Array.from({ length: numTaps }, (_, l) => l).filter((l) => paths.first[l] < paths.first[l + 1]);
  let sampleIndex = startIndex;
  let segment = -1;

  const loadSegment = (wanted: number): void => {
    if (segment !== -1 && wanted === segment + 1) {
      from.re.set(to.re);
      from.im.set(to.im);
    } else {
      evaluate(paths, wanted * updateInterval, from.re, from.im);
    }
    evaluate(paths, (wanted + 1) * updateInterval, to.re, to.im);
    segment = wanted;
  };

  return {
    numTaps,
    latencySamples: 0,
    maxOutputLength: sameLength,
    tapsAt(index) {
      const re = new Float64Array(numTaps);
      const im = new Float64Array(numTaps);
      evaluate(paths, index, re, im);
      const taps = createComplex(numTaps);
      taps.re.set(re);
      taps.im.set(im);
      return taps;
    },
    execute(input, output) {
      const length = input.re.length;
      for (let n = 0; n < length; n++, sampleIndex++) {
        const wanted = Math.floor(sampleIndex / updateInterval);
        if (wanted !== segment) loadSegment(wanted);
        const t = (sampleIndex - wanted * updateInterval) / updateInterval;
        const { re, im, newest } = history.push(input.re[n], input.im[n]);
        let yRe = 0;
        let yIm = 0;
        for (let i = 0; i < active.length; i++) {
          const l = active[i];
          const hRe = from.re[l] + t * (to.re[l] - from.re[l]);
          const hIm = from.im[l] + t * (to.im[l] - from.im[l]);
          const xRe = re[newest - l];
          const xIm = im[newest - l];
          yRe += hRe * xRe - hIm * xIm;
          yIm += hRe * xIm + hIm * xRe;
        }
        output.re[n] = yRe;
        output.im[n] = yIm;
      }
      return length;
    },
    reset() {
      history.reset();
      sampleIndex = 0;
    },
    clone: () => fadingFrom(paths, history.clone(), sampleIndex),
  };
}
