import { type CodewordStatistics, truncate } from '../codec/statistics.js';
import type { ComplexArray } from '../core/complex.js';
import { informationOf, inTiles } from './decoder-input.js';
import type { ElementChannel } from './equalise.js';
import type { LinkSetting } from './receiver.js';
import type { Symptoms } from './symptoms.js';
import { packTiles, tileBatches, unpackTiles } from './tile-batches.js';

/** What the received signal shows of its codeword, whatever the decoder makes of it. */
export type CodewordSymptoms = Pick<Symptoms, 'codewordGain' | 'refinedResidual' | 'refinedVariance'>;

const NO_CODEWORD_SYMPTOMS: CodewordSymptoms = {
  codewordGain: null,
  refinedResidual: null,
  refinedVariance: null,
};

/** Strongest directions of the codeword's covariance that are looked at. */
const RANK = 128;

const truncated = new WeakMap<CodewordStatistics, ReturnType<typeof truncate>>();

/** Of a frame with this channel, σ² `noiseVariance`; nulls where the codec chooses what it sends. */
export function codewordSymptoms(
  setting: LinkSetting,
  elements: ComplexArray,
  channel: ElementChannel,
  noiseVariance: number,
): Promise<CodewordSymptoms> {
  const { layout } = setting;
  if (layout.side !== null) return Promise.resolve(NO_CODEWORD_SYMPTOMS);
  const tiles = Int32Array.from({ length: layout.numTiles }, (_, t) => t);
  const { precision, information } = informationOf(setting, { elements, channel, noiseVariance }, inTiles(layout));
  return codewordSymptomsOf(setting, tiles, precision, information);
}

/**
 * @param tiles which tiles of the layout
 * @param precision w = 2(|Ĥ|² + v)/σ² of each latent, 0 where nothing was observed, [T, n]
 * @param information q = 2·Re/Im(Ĥ*Y)/σ², [T, n]
 */
export async function codewordSymptomsOf(
  setting: LinkSetting,
  tiles: Int32Array,
  precision: Float32Array,
  information: Float32Array,
): Promise<CodewordSymptoms> {
  const { codec } = setting;
  return {
    codewordGain: codec.statistics === null ? null : gainOf(codec.statistics, precision, information),
    ...(await refinedSymptoms(setting, tiles, precision, information)),
  };
}

/**
 * Mean over latents of log p(Y | statistics) − log p(Y | white codeword), with N(m, UΛUᵀ + diag ψ) and N(0, ½):
 *
 *   statistics: 2·log p = Σ (2·q·m − w·m²) + Σ (q − w·m)·t·ψ + Σ_j (Uᵀt)_j²·d_j − Σ log(1 + wψ) − Σ_j log(1 + λ_j·ḡ)
 *   white:      2·log p = Σ q²/(w + 2) − Σ log(1 + w/2)
 *
 * t = (q − w·m)/(1 + wψ), d_j = 1/(1/λ_j + ḡ), ḡ the mean of w/(1 + wψ): exact for equal precisions, which the interleaver
 * makes nearly true.
 */
function gainOf(statistics: CodewordStatistics, precision: Float32Array, information: Float32Array): number {
  let model = truncated.get(statistics);
  if (model === undefined) truncated.set(statistics, (model = truncate(statistics, RANK)));
  const { dimension, rank, basis, eigenvalues, psi, mean } = model;
  let sum = 0;
  let count = 0;
  const projected = new Float64Array(rank);
  const residuals = new Float64Array(dimension);
  for (let tile = 0; tile < precision.length; tile += dimension) {
    projected.fill(0);
    let g = 0;
    for (let i = 0; i < dimension; i++) {
      const w = precision[tile + i];
      residuals[i] = 0;
      if (w === 0) continue;
      const q = information[tile + i];
      const m = mean[i];
      const kappa = 1 / (1 + w * psi[i]);
      const t = (q - w * m) * kappa;
      g += w * kappa;
      residuals[i] = t;
      const white = (q * q) / (w + 2) - Math.log(1 + w / 2);
      sum += 2 * q * m - w * m * m + (q - w * m) * t * psi[i] - Math.log(1 + w * psi[i]) - white;
      count++;
    }
    g /= dimension;
    project(basis, rank, residuals, projected);
    for (let j = 0; j < rank; j++) {
      const lambda = Math.max(eigenvalues[j], 1e-9);
      sum += projected[j] ** 2 / (1 / lambda + g) - Math.log(1 + lambda * g);
    }
  }
  return count === 0 ? 0 : sum / (2 * count);
}

/** out[j] += Σ_i basis[i, j]·x[i], four rows at a time: a sum in memory is touched a fourth as often. */
function project(basis: Float32Array, rank: number, x: Float64Array, out: Float64Array): void {
  const whole = x.length - (x.length % 4);
  for (let i = 0; i < whole; i += 4) {
    const [a, b, c, d] = [x[i], x[i + 1], x[i + 2], x[i + 3]];
    for (let j = 0, at = i * rank; j < rank; j++, at++) {
      out[j] += basis[at] * a + basis[at + rank] * b + basis[at + 2 * rank] * c + basis[at + 3 * rank] * d;
    }
  }
  for (let i = whole; i < x.length; i++) {
    for (let j = 0, at = i * rank; j < rank; j++, at++) out[j] += basis[at] * x[i];
  }
}

async function refinedSymptoms(
  setting: LinkSetting,
  tiles: Int32Array,
  precision: Float32Array,
  information: Float32Array,
): Promise<Pick<Symptoms, 'refinedResidual' | 'refinedVariance'>> {
  const { codec, layout } = setting;
  if (!codec.hasRefiner) return { refinedResidual: null, refinedVariance: null };
  const mean = new Float32Array(precision.length);
  const variance = new Float32Array(precision.length);
  for (const batch of tileBatches(setting, tiles)) {
    const [w, q] = [precision, information].map((values) => packTiles(batch, layout.channels, values));
    const dims = [batch.members.length, layout.channels, batch.height, batch.width] as const;
    const refined = await codec.refine(w, q, dims);
    unpackTiles(batch, layout.channels, refined.mean, mean);
    unpackTiles(batch, layout.channels, refined.variance, variance);
  }
  let residual = 0;
  let spread = 0;
  let count = 0;
  for (let i = 0; i < precision.length; i++) {
    const w = precision[i];
    if (w === 0) continue;
    residual += w * ((information[i] / w - mean[i]) ** 2 + variance[i]);
    spread += variance[i];
    count++;
  }
  return { refinedResidual: residual / Math.max(1, count), refinedVariance: spread / Math.max(1, count) };
}
