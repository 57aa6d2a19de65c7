import { ShapeError } from '../core/errors.js';
import { windowedRows } from './windowed-rows.js';

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

/** What an equal picture counts as in a mean. */
const MOST_PSNR_DB = 100;

/** A PSNR for means: that of equal pictures, infinite or null once stored, is 100 dB, which 8-bit pictures cannot reach otherwise. */
export const finitePsnrDb = (psnrDb: number | null): number => Math.min(psnrDb ?? MOST_PSNR_DB, MOST_PSNR_DB);

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

/**
 * Of sum s = x + y and difference d = x − y, with · the window's mean: 2·x̄·ȳ = (s̄² − d̄²)/2, x̄² + ȳ² = (s̄² + d̄²)/2, and the same
 * of the second moments, so that four planes are filtered instead of five; a row at a time, which stays in the cache.
 */
function channelSsim(x: Float32Array, y: Float32Array, height: number, width: number): SsimMeans {
  const edge = Math.min(height, width);
  const window = gaussianWindow(edge >= WINDOW ? WINDOW : edge - 1 + (edge % 2));
  const reach = window.length - 1;
  const outWidth = width - reach;
  const rows = windowedRows(4, width, window);
  const [s, d, ss, dd] = rows.inputs;
  const [meanS, meanD, meanSs, meanDd] = rows.outputs;
  let full = 0;
  let contrast = 0;
  for (let row = 0; row < height; row++) {
    for (let i = 0, at = row * width; i < width; i++, at++) {
      const sum = x[at] + y[at];
      const difference = x[at] - y[at];
      s[i] = sum;
      d[i] = difference;
      ss[i] = sum * sum;
      dd[i] = difference * difference;
    }
    rows.push();
    if (row < reach) continue;
    for (let i = 0; i < outWidth; i++) {
      const sumSquared = meanS[i] * meanS[i];
      const differenceSquared = meanD[i] * meanD[i];
      const twiceProduct = (sumSquared - differenceSquared) / 2;
      const squares = (sumSquared + differenceSquared) / 2;
      const cs = ((meanSs[i] - meanDd[i]) / 2 - twiceProduct + C2) / ((meanSs[i] + meanDd[i]) / 2 - squares + C2);
      contrast += cs;
      full += (cs * (twiceProduct + C1)) / (squares + C1);
    }
  }
  const count = outWidth * (height - reach);
  return { luminanceContrast: full / count, contrast: contrast / count };
}

function gaussianWindow(length: number): Float64Array {
  const centre = (length - 1) / 2;
  const window = Float64Array.from({ length }, (_, i) => Math.exp(-((i - centre) ** 2) / (2 * SIGMA ** 2)));
  const sum = window.reduce((total, v) => total + v, 0);
  return window.map((v) => v / sum);
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
