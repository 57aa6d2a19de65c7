import { type ComplexArray, createComplex } from '../core/complex.js';
import { ConfigError, ShapeError } from '../core/errors.js';
import { powerToDb } from '../core/units.js';
import { createFft } from '../dsp/fft.js';
import type { Grid } from './grid.js';

/**
 * Peak-to-average power ratio of a stretch of signal: max|x|² / mean|x|², in dB. 0 dB for a constant envelope,
 * NaN for silence.
 */
export function paprDb(x: ComplexArray, start = 0, end = x.re.length): number {
  let peak = 0;
  let sum = 0;
  for (let i = start; i < end; i++) {
    const power = x.re[i] * x.re[i] + x.im[i] * x.im[i];
    if (power > peak) peak = power;
    sum += power;
  }
  return powerToDb((peak * (end - start)) / sum);
}

/**
 * PAPR of each OFDM symbol of a modulated signal, in dB, cyclic prefix left out (it repeats samples).
 *
 * With `oversampling` F > 1 the symbol is interpolated to F·N samples by a zero-padded inverse DFT, which shows the peaks
 * between the samples (F = 4 comes within about 0.1 dB of the analogue signal). The subcarrier at −N/2, if used, is kept
 * as a negative frequency.
 *
 * @param samples [count·(N+K)] whole symbols from the start on (leave the preamble out or in: it is two symbols)
 * @param oversampling a power of two, 1 by default
 * @returns [count] float64, dB
 */
export function symbolPaprDb(grid: Grid, samples: ComplexArray, oversampling = 1): Float64Array {
  const n = grid.fftSize;
  if (!Number.isInteger(oversampling) || oversampling < 1 || (oversampling & (oversampling - 1)) !== 0) {
    throw new ConfigError('config.papr', `oversampling is ${oversampling}: choose a power of two`, {
      value: oversampling,
    });
  }
  const count = samples.re.length / grid.symbolLength;
  if (!Number.isInteger(count)) {
    throw new ShapeError('shape.papr', `${samples.re.length} samples are not whole symbols of ${grid.symbolLength}`);
  }
  const out = new Float64Array(count);
  const interpolate = oversampling === 1 ? null : interpolatorFor(n, oversampling);
  for (let s = 0; s < count; s++) {
    const start = s * grid.symbolLength + grid.cyclicPrefixLength;
    out[s] = interpolate === null ? paprDb(samples, start, start + n) : paprDb(interpolate(samples, start));
  }
  return out;
}

type Interpolator = (x: ComplexArray, start: number) => ComplexArray;

/** Its transforms are compiled code: made once for each size, not once a frame. */
const interpolators = new Map<string, Interpolator>();

function interpolatorFor(n: number, oversampling: number): Interpolator {
  const key = `${n}×${oversampling}`;
  let found = interpolators.get(key);
  if (found === undefined) interpolators.set(key, (found = createInterpolator(n, oversampling)));
  return found;
}

function createInterpolator(n: number, oversampling: number): Interpolator {
  const short = createFft(n);
  const long = createFft(n * oversampling);
  const symbol = createComplex(n);
  const spectrum = createComplex(n * oversampling);
  const fine = createComplex(n * oversampling);
  const shift = n * (oversampling - 1);
  return (x, start) => {
    for (const part of ['re', 'im'] as const) {
      for (let i = 0; i < n; i++) symbol[part][i] = x[part][start + i];
    }
    short.forward(symbol, symbol);
    for (const part of ['re', 'im'] as const) {
      spectrum[part].set(symbol[part].subarray(0, n / 2));
      spectrum[part].set(symbol[part].subarray(n / 2), n / 2 + shift);
    }
    long.inverse(spectrum, fine);
    return fine;
  };
}

/**
 * Complementary cumulative distribution: the fraction of values above each threshold, P(PAPR > threshold).
 *
 * @param values, thresholds dB
 * @returns [thresholds.length] float64 in [0, 1]; NaN if there are no values
 */
export function ccdf(values: ArrayLike<number>, thresholds: ArrayLike<number>): Float64Array {
  const sorted = Float64Array.from(values).sort();
  return Float64Array.from(thresholds, (threshold) => {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] > threshold) high = middle;
      else low = middle + 1;
    }
    return (sorted.length - low) / sorted.length;
  });
}
