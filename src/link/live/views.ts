import type { ComplexArray } from '../../core/complex.js';
import { powerToDb } from '../../core/units.js';
import { MAX_POINTS, type Pixels, type Points, type ResponseMap } from '../../dashboard/messages.js';
import { createFft } from '../../dsp/fft.js';
import { type Grid, signedSubcarrier } from '../../ofdm/grid.js';
import type { TapEstimate } from '../../receiver/receiver.js';

const FLOOR_DB = -60;

/** Planes [3,H,W] in [0,1] → pixels. */
export function pixelsOf(planes: Float32Array, width: number, height: number): Pixels {
  const size = width * height;
  const rgb = new Uint8Array(3 * size);
  const [red, green, blue] = [0, 1, 2].map((c) => planes.subarray(c * size, (c + 1) * size));
  // Clamped and rounded by the array's own conversion.
  const clamped = new Uint8ClampedArray(rgb.buffer);
  for (let i = 0, at = 0; i < size; i++, at += 3) {
    clamped[at] = 255 * red[i];
    clamped[at + 1] = 255 * green[i];
    clamped[at + 2] = 255 * blue[i];
  }
  return { width, height, rgb };
}

/** At most MAX_POINTS of the points, evenly spread. */
export function thinned({ re, im }: ComplexArray): Points {
  const step = Math.max(1, Math.ceil(re.length / MAX_POINTS));
  if (step === 1) return { re: re.slice(), im: im.slice() };
  const length = Math.floor(re.length / step);
  const out = { re: new Float32Array(length), im: new Float32Array(length) };
  for (let i = 0; i < length; i++) {
    out.re[i] = re[i * step];
    out.im[i] = im[i * step];
  }
  return out;
}

/** |H| in dB at every bin, ascending frequencies −N/2…N/2−1. */
export function responseDb(taps: Points, fftSize: number, offset = 0): Float32Array {
  const out = new Float32Array(fftSize);
  for (let k = 0; k < fftSize; k++) {
    let re = 0;
    let im = 0;
    for (let l = 0; l < taps.re.length; l++) {
      const angle = (-2 * Math.PI * (k - fftSize / 2) * l) / fftSize;
      re += taps.re[l] * Math.cos(angle) - taps.im[l] * Math.sin(angle);
      im += taps.im[l] * Math.cos(angle) + taps.re[l] * Math.sin(angle);
    }
    out[k] = decibels(Math.max(0, Math.hypot(re, im) + offset) ** 2);
  }
  return out;
}

/**
 * A packet's taps with |Ĥ| and its ± one standard deviation, from the taps' posterior variances taken as independent: a
 * resource element's error then has variance Σv_l, half of it along Ĥ.
 */
export function channelView(
  estimate: TapEstimate,
  fftSize: number,
): { taps: Points; variance: Float32Array; responseDb: Float32Array; lowDb: Float32Array; highDb: Float32Array } {
  const { taps, tapVariance } = estimate;
  const spread = Math.sqrt(tapVariance.reduce((sum, v) => sum + v, 0) / 2);
  return {
    taps,
    variance: tapVariance,
    responseDb: responseDb(taps, fftSize),
    lowDb: responseDb(taps, fftSize, -spread),
    highDb: responseDb(taps, fftSize, spread),
  };
}

/** Most symbols and subcarriers of a map. */
const MAP_EDGE = 128;

/** |H| in dB over symbols and subcarriers of a frame, from its data resource elements [P·S·M]; the first 128 symbols, subcarriers thinned to 128. */
export function responseMap(response: ComplexArray, grid: Grid): ResponseMap {
  const { fftSize, numDataSubcarriers: width } = grid;
  const signed = (m: number): number => signedSubcarrier(grid.dataBins[m], fftSize);
  const ascending = Array.from({ length: width }, (_, m) => m).sort((a, b) => signed(a) - signed(b));
  const step = Math.ceil(width / MAP_EDGE);
  const columns = Math.ceil(width / step);
  const rows = Math.min(MAP_EDGE, Math.floor(response.re.length / width));
  const db = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const element = r * width + ascending[c * step];
      db[r * columns + c] = decibels(response.re[element] ** 2 + response.im[element] ** 2);
    }
  }
  return { rows, columns, db };
}

const SEGMENT = 256;
const segmentFft = createFft(SEGMENT);

/** Welch's estimate (Hann windows of 256 samples, half overlapped) in dB, ascending frequencies, of mean power 1 at 0 dB. */
export function spectrumDb(samples: ComplexArray): Float32Array {
  const window = Float32Array.from({ length: SEGMENT }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / SEGMENT));
  const energy = window.reduce((sum, w) => sum + w * w, 0);
  const power = new Float64Array(SEGMENT);
  const part = { re: new Float32Array(SEGMENT), im: new Float32Array(SEGMENT) };
  let segments = 0;
  for (let at = 0; at === 0 || at + SEGMENT <= samples.re.length; at += SEGMENT / 2) {
    for (let i = 0; i < SEGMENT; i++) {
      part.re[i] = (samples.re[at + i] ?? 0) * window[i];
      part.im[i] = (samples.im[at + i] ?? 0) * window[i];
    }
    segmentFft.forward(part, part);
    for (let i = 0; i < SEGMENT; i++) power[i] += (part.re[i] ** 2 + part.im[i] ** 2) / energy;
    segments++;
  }
  return Float32Array.from(power, (_, i) => decibels(power[(i + SEGMENT / 2) % SEGMENT] / segments));
}

const decibels = (power: number): number => Math.max(FLOOR_DB, powerToDb(Math.max(power, 1e-12)));

/** A figure that could not be measured is null. */
export const finite = (value: number | null): number | null =>
  value !== null && Number.isFinite(value) ? value : null;
