import { ShapeError } from '../core/errors.js';

/** A picture [3, height, width] in [0,1]. */
export interface PictureView {
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
}

/** Mean squared error over all samples. */
export function mse(a: PictureView, b: PictureView): number {
  expectSameSize(a, b);
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += (a.data[i] - b.data[i]) ** 2;
  return sum / a.data.length;
}

/** PSNR = 10·log10(1 / MSE) in dB over RGB in [0,1]; Infinity for equal pictures. */
export const psnrDb = (a: PictureView, b: PictureView): number => -10 * Math.log10(mse(a, b));

const C1 = 0.01 ** 2;
const C2 = 0.03 ** 2;
const WINDOW = 11;
const SIGMA = 1.5;

/**
 * SSIM (Wang et al., 2004): 11×11 Gaussian window of σ = 1.5, valid positions only, K1 = 0.01, K2 = 0.03, mean over
 * the three colour channels. Pictures smaller than the window use a window of their smaller edge (odd).
 */
export function ssim(a: PictureView, b: PictureView): number {
  expectSameSize(a, b);
  return meanOverChannels(a, b, ({ luminanceContrast }) => luminanceContrast);
}

const SCALE_WEIGHTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];

/** MS-SSIM and how many scales it had: five need an edge of 176 pixels or more. */
export interface MultiScaleSsim {
  readonly value: number;
  readonly scales: number;
}

/**
 * MS-SSIM (Wang, Simoncelli and Bovik, 2003). Where the picture is too small for five scales of an 11-pixel window,
 * the remaining weights are rescaled to sum to 1; `scales` says how many were used.
 */
export function msSsim(a: PictureView, b: PictureView): MultiScaleSsim {
  expectSameSize(a, b);
  const edge = Math.min(a.height, a.width);
  let scales = 1;
  while (scales < 5 && Math.floor(edge / 2 ** scales) >= WINDOW) scales++;
  const weights = SCALE_WEIGHTS.slice(0, scales);
  const total = weights.reduce((sum, w) => sum + w, 0);
  let value = 1;
  let x = a;
  let y = b;
  for (let s = 0; s < scales; s++) {
    const last = s === scales - 1;
    const term = meanOverChannels(x, y, (means) => (last ? means.luminanceContrast : means.contrast));
    value *= Math.max(term, 0) ** (weights[s] / total);
    if (!last) {
      x = halve(x);
      y = halve(y);
    }
  }
  return { value, scales };
}

interface SsimMeans {
  readonly luminanceContrast: number;
  readonly contrast: number;
}

function meanOverChannels(a: PictureView, b: PictureView, pick: (means: SsimMeans) => number): number {
  const size = a.height * a.width;
  let sum = 0;
  for (let c = 0; c < 3; c++) {
    const x = a.data.subarray(c * size, (c + 1) * size);
    const y = b.data.subarray(c * size, (c + 1) * size);
    sum += pick(channelSsim(x, y, a.height, a.width));
  }
  return sum / 3;
}

function channelSsim(x: Float32Array, y: Float32Array, height: number, width: number): SsimMeans {
  const edge = Math.min(height, width);
  const window = gaussianWindow(edge >= WINDOW ? WINDOW : edge - 1 + (edge % 2));
  const blur = (values: Float64Array): Float64Array => blurValid(values, height, width, window);
  const plane = new Float64Array(x.length);
  const product = (a: Float32Array, b: Float32Array): Float64Array => {
    for (let i = 0; i < plane.length; i++) plane[i] = a[i] * b[i];
    return plane;
  };
  const mx = blur(Float64Array.from(x));
  const my = blur(Float64Array.from(y));
  const xx = blur(product(x, x));
  const yy = blur(product(y, y));
  const xy = blur(product(x, y));
  let full = 0;
  let contrast = 0;
  for (let i = 0; i < mx.length; i++) {
    const cs = (2 * (xy[i] - mx[i] * my[i]) + C2) / (xx[i] - mx[i] * mx[i] + (yy[i] - my[i] * my[i]) + C2);
    contrast += cs;
    full += (cs * (2 * mx[i] * my[i] + C1)) / (mx[i] * mx[i] + my[i] * my[i] + C1);
  }
  return { luminanceContrast: full / mx.length, contrast: contrast / mx.length };
}

function gaussianWindow(length: number): Float64Array {
  const centre = (length - 1) / 2;
  const window = Float64Array.from({ length }, (_, i) => Math.exp(-((i - centre) ** 2) / (2 * SIGMA ** 2)));
  const sum = window.reduce((total, v) => total + v, 0);
  return window.map((v) => v / sum);
}

/** Separable filter, valid positions only. */
function blurValid(values: Float64Array, height: number, width: number, window: Float64Array): Float64Array {
  const n = window.length;
  const outWidth = width - n + 1;
  const outHeight = height - n + 1;
  const rows = new Float64Array(height * outWidth);
  const out = new Float64Array(outHeight * outWidth);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < outWidth; x++) {
      let sum = 0;
      for (let k = 0; k < n; k++) sum += window[k] * values[y * width + x + k];
      rows[y * outWidth + x] = sum;
    }
  }
  for (let y = 0; y < outHeight; y++) {
    const at = y * outWidth;
    for (let k = 0; k < n; k++) {
      const weight = window[k];
      const from = (y + k) * outWidth;
      for (let x = 0; x < outWidth; x++) out[at + x] += weight * rows[from + x];
    }
  }
  return out;
}

/** 2×2 averages; an odd last row or column is dropped. */
function halve({ data, height, width }: PictureView): PictureView {
  const h = height >> 1;
  const w = width >> 1;
  const out = new Float32Array(3 * h * w);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < h; y++) {
      for (let x = 0; x < w; x++) {
        const i = (c * height + 2 * y) * width + 2 * x;
        out[(c * h + y) * w + x] = (data[i] + data[i + 1] + data[i + width] + data[i + width + 1]) / 4;
      }
    }
  }
  return { data: out, height: h, width: w };
}

function expectSameSize(a: PictureView, b: PictureView): void {
  if (a.height !== b.height || a.width !== b.width) {
    throw new ShapeError(
      'metrics.size',
      `pictures of ${a.width}×${a.height} and ${b.width}×${b.height} cannot be compared`,
    );
  }
}
