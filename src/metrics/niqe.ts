import { fitAsymmetric, gammaFunction, lumaOf, mscn, NEIGHBOURS, NUM_NATURALNESS_FEATURES } from './naturalness.js';
import { niqeModel } from './niqe-model.js';
import type { PictureView } from './picture-quality.js';

/** Edge of the blocks that are looked at, pixels, at the first of two scales. */
export const NIQE_BLOCK = 96;
const N = NUM_NATURALNESS_FEATURES;

/** What natural pictures' blocks look like: mean and covariance of their features. */
export interface NiqeModel {
  /** [36] */
  readonly mean: ArrayLike<number>;
  /** [36·37/2] the covariance's upper triangle, row after row */
  readonly covariance: ArrayLike<number>;
}

/** A block's features, and how sharp it is: the mean local deviation of its luma. */
export interface NiqeBlock {
  /** [36] */
  readonly features: Float64Array;
  readonly sharpness: number;
}

/**
 * NIQE: how far the natural-scene statistics of a picture's 96×96 blocks are from those of natural pictures,
 * √((μ−ν)ᵀ ((Σ + Σ_ν)/2)⁻¹ (μ−ν)); lower is more natural, without knowing what was sent. 8-bit Rec. 601 luma, two scales, as
 * published but for the model, which is fitted to other photographs (`niqe-model.ts`): its numbers compare with each other, not with
 * papers'. NaN for pictures that hold fewer than two blocks, or nothing but flat ones.
 * Source: Mittal, Soundararajan and Bovik, Making a "completely blind" image quality analyzer, 2013.
 */
export function niqe(picture: PictureView, model: NiqeModel = niqeModel): number {
  // Flat blocks have no statistics.
  const rows = niqeBlocks(picture)
    .map(({ features }) => features)
    .filter((features) => features.every(Number.isFinite));
  if (rows.length < 2) return Number.NaN;
  const { mean, covariance } = featureModel(rows);
  const difference = Float64Array.from({ length: N }, (_, i) => model.mean[i] - mean[i]);
  const pooled = Array.from({ length: N }, (_, i) =>
    Float64Array.from({ length: N }, (_, j) => (triangle(model.covariance, i, j) + triangle(covariance, i, j)) / 2),
  );
  const solved = solvePositive(pooled, difference);
  return Math.sqrt(difference.reduce((sum, v, i) => sum + v * solved[i], 0));
}

/** Mean and covariance (of samples: over n − 1) of features. */
export function featureModel(rows: readonly Float64Array[]): NiqeModel {
  const n = rows.length;
  const mean = Float64Array.from({ length: N }, (_, j) => rows.reduce((sum, row) => sum + row[j], 0) / n);
  const covariance: number[] = [];
  for (let i = 0; i < N; i++) {
    for (let j = i; j < N; j++) {
      covariance.push(rows.reduce((sum, row) => sum + (row[i] - mean[i]) * (row[j] - mean[j]), 0) / (n - 1));
    }
  }
  return { mean, covariance };
}

/** The whole blocks of a picture, row after row. */
export function niqeBlocks(picture: PictureView): readonly NiqeBlock[] {
  const [down, across] = [Math.floor(picture.height / NIQE_BLOCK), Math.floor(picture.width / NIQE_BLOCK)];
  if (down * across === 0) return [];
  let [height, width] = [down * NIQE_BLOCK, across * NIQE_BLOCK];
  const whole = lumaOf(picture);
  let luma: Float64Array = new Float64Array(height * width);
  for (let r = 0; r < height; r++)
    for (let c = 0; c < width; c++) luma[r * width + c] = Math.round(255 * clipped(whole[r * picture.width + c])) / 255;
  const features = Array.from({ length: down * across }, () => new Float64Array(N));
  let sharpness: number[] = [];
  for (let scale = 0; scale < 2; scale++) {
    const edge = NIQE_BLOCK >> scale;
    const { normalised, deviation } = mscn(luma, height, width);
    for (let b = 0; b < features.length; b++) {
      const [top, left] = [Math.floor(b / across) * edge, (b % across) * edge];
      features[b].set(blockFeatures(cut(normalised, width, top, left, edge), edge), scale * (N / 2));
    }
    if (scale === 1) break;
    sharpness = features.map((_, b) => {
      const block = cut(deviation, width, Math.floor(b / across) * edge, (b % across) * edge, edge);
      return block.reduce((sum, v) => sum + v, 0) / block.length;
    });
    luma = halvedColumns(halvedRows(luma, height, width), height / 2, width);
    [height, width] = [height / 2, width / 2];
  }
  return features.map((own, b) => ({ features: own, sharpness: sharpness[b] }));
}

const clipped = (v: number): number => Math.min(1, Math.max(0, v));

function cut(x: Float64Array, width: number, top: number, left: number, edge: number): Float64Array {
  const block = new Float64Array(edge * edge);
  for (let r = 0; r < edge; r++) {
    const at = (top + r) * width + left;
    block.set(x.subarray(at, at + edge), r * edge);
  }
  return block;
}

/** Shape and mean scale of the block's own values, and shape, mean and both scales of the products of neighbours, in a circle. */
function blockFeatures(block: Float64Array, edge: number): number[] {
  const own = scaled(block);
  const features = [own.shape, (own.left + own.right) / 2];
  for (const [down, right] of NEIGHBOURS) {
    const products = block.map((v, i) => {
      const r = (Math.floor(i / edge) - down + edge) % edge;
      const c = ((i % edge) - right + edge) % edge;
      return v * block[r * edge + c];
    });
    const { shape, mean, left, right: rightScale } = scaled(products);
    features.push(shape, mean, left, rightScale);
  }
  return features;
}

/** An asymmetric generalised Gaussian by its shape, mean and the scales β of its sides; NaN where a side is empty. */
function scaled(x: Float64Array): { shape: number; mean: number; left: number; right: number } {
  const { shape, mean, left, right } = fitAsymmetric(x);
  if (left === 0 || right === 0) return { shape: Number.NaN, mean: Number.NaN, left: Number.NaN, right: Number.NaN };
  const spread = Math.sqrt(gammaFunction(1 / shape) / gammaFunction(3 / shape));
  return { shape, mean, left: spread * Math.sqrt(left), right: spread * Math.sqrt(right) };
}

/** Keys' cubic (a = −0.5) stretched to twice its width, so that halving does not alias; [8], around the middle of two pixels. */
const CUBIC = [-3.5, -2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5].map((offset) => {
  const t = Math.abs(offset) / 2;
  return (t < 1 ? 1.5 * t ** 3 - 2.5 * t ** 2 + 1 : -0.5 * t ** 3 + 2.5 * t ** 2 - 4 * t + 2) / 2;
});
const CUBIC_SUM = CUBIC.reduce((a, b) => a + b, 0);

/** Every second row by the cubic; edges are mirrored, their last pixel included. */
function halvedRows(y: Float64Array, height: number, width: number): Float64Array {
  const out = new Float64Array((height / 2) * width);
  for (let r = 0; r < height / 2; r++) {
    for (let k = 0; k < CUBIC.length; k++) {
      const from = 2 * r - 3 + k;
      const at = from < 0 ? -1 - from : from >= height ? 2 * height - 1 - from : from;
      const weight = CUBIC[k] / CUBIC_SUM;
      for (let c = 0; c < width; c++) out[r * width + c] += weight * y[at * width + c];
    }
  }
  return out;
}

function halvedColumns(y: Float64Array, height: number, width: number): Float64Array {
  const half = width / 2;
  const out = new Float64Array(height * half);
  for (let r = 0; r < height; r++) {
    for (let c = 0; c < half; c++) {
      let sum = 0;
      for (let k = 0; k < CUBIC.length; k++) {
        const from = 2 * c - 3 + k;
        const at = from < 0 ? -1 - from : from >= width ? 2 * width - 1 - from : from;
        sum += CUBIC[k] * y[r * width + at];
      }
      out[r * half + c] = sum / CUBIC_SUM;
    }
  }
  return out;
}

/** Element (i, j) of a symmetric matrix kept as its upper triangle. */
function triangle(upper: ArrayLike<number>, i: number, j: number): number {
  const [a, b] = i <= j ? [i, j] : [j, i];
  return upper[a * N - (a * (a - 1)) / 2 + (b - a)];
}

/** x with A·x = b for a symmetric positive definite A, by Cholesky's factors. */
function solvePositive(a: readonly Float64Array[], b: Float64Array): Float64Array {
  const n = b.length;
  const lower = a.map((row) => Float64Array.from(row));
  const x = Float64Array.from(b);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i][j];
      for (let k = 0; k < j; k++) sum -= lower[i][k] * lower[j][k];
      lower[i][j] = i === j ? Math.sqrt(sum) : sum / lower[j][j];
    }
  }
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) x[i] -= lower[i][k] * x[k];
    x[i] /= lower[i][i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) x[i] -= lower[k][i] * x[k];
    x[i] /= lower[i][i];
  }
  return x;
}
