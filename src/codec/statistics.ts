import { FormatError } from '../core/errors.js';
import { encodeNpz, parseNpz } from '../core/npy.js';

/**
 * Second-order statistics of a codec's codewords over one tile of e×e latents: the real vector z ∈ R^n,
 * n = C·e² in the order [C,e,e], is modelled as N(mean, U Λ Uᵀ + diag ψ).
 */
export interface CodewordStatistics {
  readonly dimension: number;
  readonly rank: number;
  /** m, [n]. */
  readonly mean: Float32Array;
  /** U, [n, r], orthonormal columns by falling eigenvalue. */
  readonly basis: Float32Array;
  /** λ, [r]. */
  readonly eigenvalues: Float32Array;
  /** diag C, [n]; ψ = diag C − Σ_j λ_j U_ij² for whatever rank is used. */
  readonly latentVariance: Float32Array;
}

/** Smallest ψ: a hundredth of a latent's nominal variance 1/2 keeps the model proper. */
const FLOOR = 0.002;

/** The same statistics with the `rank` strongest directions only, and their residual variance ψ, [n]. */
export function truncate(statistics: CodewordStatistics, rank: number): CodewordStatistics & { psi: Float32Array } {
  const { dimension, mean, eigenvalues, latentVariance } = statistics;
  const kept = Math.min(rank, statistics.rank);
  const basis = new Float32Array(dimension * kept);
  const psi = new Float32Array(dimension);
  for (let i = 0; i < dimension; i++) {
    let explained = 0;
    for (let j = 0; j < kept; j++) {
      const u = statistics.basis[i * statistics.rank + j];
      basis[i * kept + j] = u;
      explained += eigenvalues[j] * u * u;
    }
    psi[i] = Math.max(FLOOR, latentVariance[i] - explained);
  }
  return { dimension, rank: kept, mean, basis, eigenvalues: eigenvalues.slice(0, kept), latentVariance, psi };
}

export function encodeStatistics(statistics: CodewordStatistics): Uint8Array {
  const { dimension, rank } = statistics;
  return encodeNpz(
    new Map([
      ['mean', { dtype: 'float32', shape: [dimension], data: statistics.mean }],
      ['basis', { dtype: 'float32', shape: [dimension, rank], data: statistics.basis }],
      ['eigenvalues', { dtype: 'float32', shape: [rank], data: statistics.eigenvalues }],
      ['variance', { dtype: 'float32', shape: [dimension], data: statistics.latentVariance }],
    ]),
  );
}

/** Parses a statistics file (.npz with mean, basis, eigenvalues, variance, float32). Throws FormatError. */
export function parseStatistics(bytes: Uint8Array, name: string, dimension: number): CodewordStatistics {
  const arrays = parseNpz(bytes, name);
  const get = (key: string, shape: readonly (number | null)[]): { data: Float32Array; shape: readonly number[] } => {
    const array = arrays.get(key);
    const fits =
      array?.dtype === 'float32' &&
      array.shape.length === shape.length &&
      shape.every((n, i) => n === null || n === array.shape[i]);
    if (!fits) {
      const want = shape.map((n) => n ?? 'r').join(', ');
      throw new FormatError('statistics.array', `${name}: needs a float32 array '${key}' of shape [${want}]`);
    }
    return array;
  };
  const basis = get('basis', [dimension, null]);
  const rank = basis.shape[1];
  return {
    dimension,
    rank,
    basis: basis.data,
    mean: get('mean', [dimension]).data,
    eigenvalues: get('eigenvalues', [rank]).data,
    latentVariance: get('variance', [dimension]).data,
  };
}
