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
  return meansOverChannels(a, b).luminanceContrast;
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
export const msSsim = (a: PictureView, b: PictureView): MultiScaleSsim => structuralQuality(a, b).msSsim;

/** Both at once: MS-SSIM's first scale is SSIM's only one. */
export function structuralQuality(
  a: PictureView,
  b: PictureView,
): { readonly ssim: number; readonly msSsim: MultiScaleSsim } {
  expectSameSize(a, b);
  const edge = Math.min(a.height, a.width);
  let scales = 1;
  while (scales < 5 && Math.floor(edge / 2 ** scales) >= WINDOW) scales++;
  const weights = SCALE_WEIGHTS.slice(0, scales);
  const total = weights.reduce((sum, w) => sum + w, 0);
  let value = 1;
  let ssim = 0;
  let x = a;
  let y = b;
  for (let s = 0; s < scales; s++) {
    const last = s === scales - 1;
    const means = meansOverChannels(x, y);
    if (s === 0) ssim = means.luminanceContrast;
    const term = last ? means.luminanceContrast : means.contrast;
    value *= Math.max(term, 0) ** (weights[s] / total);
    if (!last) {
      x = halve(x);
      y = halve(y);
    }
  }
  return { ssim, msSsim: { value, scales } };
}

interface SsimMeans {
  readonly luminanceContrast: number;
  readonly contrast: number;
}

function meansOverChannels(a: PictureView, b: PictureView): SsimMeans {
  const size = a.height * a.width;
  let luminanceContrast = 0;
  let contrast = 0;
  for (let c = 0; c < 3; c++) {
    const x = a.data.subarray(c * size, (c + 1) * size);
    const y = b.data.subarray(c * size, (c + 1) * size);
    const means = channelSsim(x, y, a.height, a.width);
    luminanceContrast += means.luminanceContrast;
    contrast += means.contrast;
  }
  return { luminanceContrast: luminanceContrast / 3, contrast: contrast / 3 };
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
  const mx = blur(new Float64Array(x));
  const my = blur(new Float64Array(y));
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

/** Separable filter, valid positions only. Both passes add a position's terms in order, so that the usual window's may be written out. */
function blurValid(values: Float64Array, height: number, width: number, window: Float64Array): Float64Array {
  const n = window.length;
  const outWidth = width - n + 1;
  const outHeight = height - n + 1;
  const rows = new Float64Array(height * outWidth);
  const out = new Float64Array(outHeight * outWidth);
  const filter = n === WINDOW ? filterByEleven : filterBy;
  for (let y = 0; y < height; y++) filter(values, y * width, 1, rows, y * outWidth, outWidth, window);
  for (let y = 0; y < outHeight; y++) filter(rows, y * outWidth, outWidth, out, y * outWidth, outWidth, window);
  return out;
}

/** to[at + x] = Σ_k window[k]·from[start + x + k·step], 0 ≤ x < count. */
type Filter = (
  from: Float64Array,
  start: number,
  step: number,
  to: Float64Array,
  at: number,
  count: number,
  window: Float64Array,
) => void;

const filterBy: Filter = (from, start, step, to, at, count, window) => {
  for (let x = 0; x < count; x++) {
    let sum = 0;
    for (let k = 0; k < window.length; k++) sum += window[k] * from[start + x + k * step];
    to[at + x] = sum;
  }
};

/** The same for eleven terms: a loop over them takes three times as long. */
const filterByEleven: Filter = (from, start, step, to, at, count, window) => {
  const [w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10] = window;
  for (let x = 0; x < count; x++) {
    const i = start + x;
    to[at + x] =
      w0 * from[i] +
      w1 * from[i + step] +
      w2 * from[i + 2 * step] +
      w3 * from[i + 3 * step] +
      w4 * from[i + 4 * step] +
      w5 * from[i + 5 * step] +
      w6 * from[i + 6 * step] +
      w7 * from[i + 7 * step] +
      w8 * from[i + 8 * step] +
      w9 * from[i + 9 * step] +
      w10 * from[i + 10 * step];
  }
};

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
