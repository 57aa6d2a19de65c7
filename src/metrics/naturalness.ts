import { ShapeError } from '../core/errors.js';
import { frechetDistance } from './frechet.js';
import type { PictureView } from './picture-quality.js';

/** Rec. 601 luma of a picture [3,H,W] in [0,1]. */
export function lumaOf({ data, height, width }: PictureView): Float64Array {
  const n = height * width;
  const out = new Float64Array(n);
  for (let i = 0; i < n; i++) out[i] = 0.299 * data[i] + 0.587 * data[n + i] + 0.114 * data[2 * n + i];
  return out;
}

/**
 * How sharp a received picture is beside the one sent: Σ‖∇ŷ‖ / Σ‖∇y‖ over luma, forward differences. 1 is as sharp;
 * below is blurred, above is noisy or over-sharp. NaN for a sent picture without any edge.
 */
export function sharpness(received: PictureView, sent: PictureView): number {
  const total = (picture: PictureView): number => {
    const { height, width } = picture;
    const y = lumaOf(picture);
    let sum = 0;
    for (let r = 0; r + 1 < height; r++) {
      for (let c = 0; c + 1 < width; c++) {
        const at = r * width + c;
        // Math.hypot, which minds overflow, takes twenty times as long.
        sum += Math.sqrt((y[at + 1] - y[at]) ** 2 + (y[at + width] - y[at]) ** 2);
      }
    }
    return sum;
  };
  const reference = total(sent);
  return reference > 0 ? total(received) / reference : Number.NaN;
}

/** Features a picture is described by: 18 at each of two scales. */
export const NUM_NATURALNESS_FEATURES = 36;

/**
 * Natural-scene statistics of a picture (BRISQUE's features; Mittal, Moorthy and Bovik, 2012): at two scales, the shape
 * and variance of a generalised Gaussian (here that of the asymmetric fit, within 5 % of the symmetric one's shape) fitted to the locally normalised luma (MSCN), and shape, mean, left and right
 * variance of an asymmetric one fitted to the products of neighbours in four directions. Blur, noise and blocking
 * each move them; the picture's content hardly does.
 */
export function naturalnessFeatures(picture: PictureView): Float64Array {
  const out = new Float64Array(NUM_NATURALNESS_FEATURES);
  let { height, width } = picture;
  let luma = lumaOf(picture);
  for (let scale = 0; scale < 2; scale++) {
    const { normalised } = mscn(luma, height, width);
    out.set(scaleFeatures(normalised, height, width), 18 * scale);
    ({ luma, height, width } = halved(luma, height, width));
  }
  return out;
}

/**
 * Fréchet distance ‖m₁−m₂‖² + tr(C₁ + C₂ − 2(C₁C₂)^½) between Gaussians fitted to the features of two sets of pictures,
 * each feature in units of its deviation over the second set: how far received pictures are, as a crowd, from looking
 * like those sent. 0 is alike. NaN for fewer than two pictures.
 */
export function naturalnessDistance(received: readonly Float64Array[], sent: readonly Float64Array[]): number {
  if (received.length < 2 || sent.length < 2) return Number.NaN;
  const n = sent[0].length;
  if ([...received, ...sent].some((row) => row.length !== n)) {
    throw new ShapeError('metrics.features', 'feature vectors of different lengths cannot be compared');
  }
  const mean = Float64Array.from({ length: n }, (_, j) => sent.reduce((sum, row) => sum + row[j], 0) / sent.length);
  const deviation = Float64Array.from({ length: n }, (_, j) =>
    Math.max(1e-6, Math.sqrt(sent.reduce((sum, row) => sum + (row[j] - mean[j]) ** 2, 0) / sent.length)),
  );
  const standard = (rows: readonly Float64Array[]): Float64Array[] =>
    rows.map((row) => row.map((v, j) => (v - mean[j]) / deviation[j]));
  return frechetDistance(standard(received), standard(sent));
}

const RADIUS = 3;
const WEIGHTS = (() => {
  const raw = Array.from({ length: 2 * RADIUS + 1 }, (_, i) => Math.exp(-((i - RADIUS) ** 2) / (2 * (7 / 6) ** 2)));
  const sum = raw.reduce((a, b) => a + b, 0);
  return raw.map((v) => v / sum);
})();

/** Luma less its local mean over its local deviation, (y − μ)/(s + 1/255), and s; 7×7 Gaussian window, edges repeated. */
export function mscn(
  y: Float64Array,
  height: number,
  width: number,
): { readonly normalised: Float64Array; readonly deviation: Float64Array } {
  const mean = blurred(y, height, width);
  const square = blurred(
    y.map((v) => v * v),
    height,
    width,
  );
  const deviation = square.map((v, i) => Math.sqrt(Math.max(0, v - mean[i] ** 2)));
  return { normalised: y.map((v, i) => (v - mean[i]) / (deviation[i] + 1 / 255)), deviation };
}

function blurred(y: Float64Array, height: number, width: number): Float64Array {
  const across = new Float64Array(y.length);
  const out = new Float64Array(y.length);
  const clamp = (v: number, end: number): number => Math.min(end - 1, Math.max(0, v));
  for (let r = 0; r < height; r++) {
    for (let c = 0; c < width; c++) {
      let sum = 0;
      for (let k = -RADIUS; k <= RADIUS; k++) sum += WEIGHTS[k + RADIUS] * y[r * width + clamp(c + k, width)];
      across[r * width + c] = sum;
    }
  }
  for (let r = 0; r < height; r++) {
    for (let c = 0; c < width; c++) {
      let sum = 0;
      for (let k = -RADIUS; k <= RADIUS; k++) sum += WEIGHTS[k + RADIUS] * across[clamp(r + k, height) * width + c];
      out[r * width + c] = sum;
    }
  }
  return out;
}

function halved(y: Float64Array, height: number, width: number): { luma: Float64Array; height: number; width: number } {
  const h = height >> 1;
  const w = width >> 1;
  const luma = new Float64Array(h * w);
  for (let r = 0; r < h; r++) {
    for (let c = 0; c < w; c++) {
      const at = 2 * r * width + 2 * c;
      luma[r * w + c] = (y[at] + y[at + 1] + y[at + width] + y[at + width + 1]) / 4;
    }
  }
  return { luma, height: h, width: w };
}

/** The neighbours whose products are looked at: rows down, columns to the right. */
export const NEIGHBOURS = [
  [0, 1],
  [1, 0],
  [1, 1],
  [1, -1],
] as const;

function scaleFeatures(x: Float64Array, height: number, width: number): number[] {
  const whole = fitAsymmetric(x);
  const features = [whole.shape, (whole.left + whole.right) / 2];
  for (const [down, right] of NEIGHBOURS) {
    const products: number[] = [];
    for (let r = 0; r + down < height; r++) {
      for (let c = Math.max(0, -right); c + Math.max(0, right) < width; c++) {
        products.push(x[r * width + c] * x[(r + down) * width + c + right]);
      }
    }
    const { shape, mean, left, right: rightVariance } = fitAsymmetric(Float64Array.from(products));
    features.push(shape, mean, left, rightVariance);
  }
  return features;
}

export interface AsymmetricGaussian {
  readonly shape: number;
  readonly mean: number;
  /** Variances to the left and to the right of 0. */
  readonly left: number;
  readonly right: number;
}

/** Moment-matched asymmetric generalised Gaussian (Lasmar, Stitou and Berthoumieu, 2009). */
export function fitAsymmetric(x: Float64Array): AsymmetricGaussian {
  let left = 0;
  let right = 0;
  let numLeft = 0;
  let numRight = 0;
  let absolute = 0;
  for (const v of x) {
    absolute += Math.abs(v);
    if (v < 0) {
      left += v * v;
      numLeft++;
    } else {
      right += v * v;
      numRight++;
    }
  }
  const leftVariance = numLeft > 0 ? left / numLeft : 0;
  const rightVariance = numRight > 0 ? right / numRight : 0;
  const square = (left + right) / Math.max(1, x.length);
  if (square < 1e-12) return { shape: 10, mean: 0, left: leftVariance, right: rightVariance };
  const gamma = rightVariance > 0 ? Math.sqrt(leftVariance / rightVariance) : 1e3;
  const ratio = (absolute / x.length) ** 2 / square;
  const adjusted = (ratio * (gamma ** 3 + 1) * (gamma + 1)) / (gamma ** 2 + 1) ** 2;
  const shape = shapeOf(adjusted);
  const spread = Math.sqrt(gammaFunction(1 / shape) / gammaFunction(3 / shape));
  const mean =
    ((Math.sqrt(rightVariance) - Math.sqrt(leftVariance)) * spread * gammaFunction(2 / shape)) /
    gammaFunction(1 / shape);
  return { shape, mean, left: leftVariance, right: rightVariance };
}

/** α with Γ(2/α)²/(Γ(1/α)Γ(3/α)) = ratio, between 0.2 and 10, by bisection: the left side grows with α. */
function shapeOf(ratio: number): number {
  let low = 0.2;
  let high = 10;
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    const value = gammaFunction(2 / middle) ** 2 / (gammaFunction(1 / middle) * gammaFunction(3 / middle));
    if (value < ratio) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Γ(x) for x > 0, by Lanczos' approximation (relative error below 1e-13). */
export function gammaFunction(x: number): number {
  if (x < 0.5) return Math.PI / (Math.sin(Math.PI * x) * gammaFunction(1 - x));
  const coefficients = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ];
  const shifted = x - 1;
  let sum = coefficients[0];
  for (let i = 1; i < coefficients.length; i++) sum += coefficients[i] / (shifted + i);
  const t = shifted + 7.5;
  return Math.sqrt(2 * Math.PI) * t ** (shifted + 0.5) * Math.exp(-t) * sum;
}
