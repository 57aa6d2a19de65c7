import { EigenvalueDecomposition, Matrix } from 'ml-matrix';

/**
 * Fréchet distance ‖m₁−m₂‖² + tr C₁ + tr C₂ − 2·tr (C₁C₂)^½ between Gaussians fitted to two sets of feature vectors, full
 * covariances (Dowson and Landau, 1982). C = XᵀX for centred rows X over √(n − ddof), so the last trace is the sum of the
 * singular values of X₁X₂ᵀ: with fewer vectors than features it costs n³ instead of d³, and singular covariances do no harm.
 *
 * @param a n₁ vectors of d features
 * @param b n₂ vectors of d features
 * @param ddof 0: covariances divided by n; 1: by n − 1, as numpy.cov and with it the published FID
 */
export function frechetDistance(a: readonly Float64Array[], b: readonly Float64Array[], ddof: 0 | 1 = 0): number {
  const first = centred(a, ddof);
  const second = centred(b, ddof);
  const shift = first.mean.reduce((sum, v, j) => sum + (v - second.mean[j]) ** 2, 0);
  const traces = energy(first.rows) + energy(second.rows);
  return Math.max(0, shift + traces - 2 * sumOfSingularValues(first.rows, second.rows));
}

/** Blocks that are left out in turn, and the 97.5 % quantile of Student's t with one degree less. */
const BLOCKS = 10;
const T_QUANTILE = 2.262;
const MOST = 600;

/**
 * The Fréchet distance of pairs of feature vectors (a picture received and the same one sent) with its 95 % interval: block jackknife, F ± t·s,
 * s² = (g − 1)/g·Σ(F₋ᵢ − mean)² over g blocks of every g-th pair, each left out once. A bootstrap would not do: pictures drawn twice leave fewer
 * directions, which adds to the distance. What few pictures add to it (its bias) is in the interval's middle.
 * Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 11.
 *
 * @returns NaN bounds of fewer than 20 pairs, and of more pairs and features than 600, where eleven distances would take minutes
 */
export function frechetInterval(
  a: readonly Float64Array[],
  b: readonly Float64Array[],
  ddof: 0 | 1 = 0,
): { readonly value: number; readonly low: number; readonly high: number } {
  const value = frechetDistance(a, b, ddof);
  if (a.length < 2 * BLOCKS || Math.min(a.length, a[0].length) > MOST)
    return { value, low: Number.NaN, high: Number.NaN };
  const rest = (rows: readonly Float64Array[], block: number): Float64Array[] =>
    rows.filter((_, i) => i % BLOCKS !== block);
  const without = Array.from({ length: BLOCKS }, (_, block) => frechetDistance(rest(a, block), rest(b, block), ddof));
  const mean = without.reduce((sum, v) => sum + v, 0) / BLOCKS;
  const squares = without.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  const half = T_QUANTILE * Math.sqrt(((BLOCKS - 1) / BLOCKS) * squares);
  return { value, low: Math.max(0, value - half), high: value + half };
}

/** Means of the features, and the rows less them over √(n − ddof). */
function centred(rows: readonly Float64Array[], ddof: number): { mean: Float64Array; rows: Matrix } {
  const mean = new Float64Array(rows[0].length);
  for (const row of rows) row.forEach((v, j) => (mean[j] += v / rows.length));
  const scale = 1 / Math.sqrt(rows.length - ddof);
  return { mean, rows: new Matrix(rows.map((row) => Array.from(row, (v, j) => scale * (v - mean[j])))) };
}

const energy = (matrix: Matrix): number => matrix.norm('frobenius') ** 2;

/** Of X₁X₂ᵀ: through the smaller of its own size and that of the covariances. */
function sumOfSingularValues(x1: Matrix, x2: Matrix): number {
  const features = x1.columns;
  if (x1.rows <= features) return sumOfRoots(gram(x1.mmul(x2.transpose())));
  if (x2.rows <= features) return sumOfRoots(gram(x2.mmul(x1.transpose())));
  const root = squareRoot(gram(x2.transpose()));
  return sumOfRoots(root.mmul(gram(x1.transpose())).mmul(root));
}

const gram = (matrix: Matrix): Matrix => matrix.mmul(matrix.transpose());

/** Σ √λ over the eigenvalues of a positive semi-definite matrix. */
function sumOfRoots(matrix: Matrix): number {
  const { realEigenvalues } = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  return realEigenvalues.reduce((sum, v) => sum + Math.sqrt(Math.max(0, v)), 0);
}

/** The symmetric root of a positive semi-definite matrix. */
function squareRoot(matrix: Matrix): Matrix {
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  const roots = Matrix.diag(realEigenvalues.map((v) => Math.sqrt(Math.max(0, v))));
  return eigenvectorMatrix.mmul(roots).mmul(eigenvectorMatrix.transpose());
}
