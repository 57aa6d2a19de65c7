import { EigenvalueDecomposition, Matrix, QrDecomposition } from 'ml-matrix';
import { ConfigError, throwIfAborted } from '../core/errors.js';
import type { Rng } from '../core/rng.js';
import { createGraphBuilder } from '../graph/graph-builder.js';
import type { Graph, Runtime } from '../runtime/onnx-runtime.js';
import { tensor } from '../runtime/tensor.js';
import type { Codec } from './codec.js';
import type { CodewordStatistics } from './statistics.js';

/** Extra directions and rounds of the subspace iteration: errors of the last kept eigenvalue fall below a per cent. */
const OVERSAMPLING = 32;
const ROUNDS = 6;
const BATCH = 50;

export interface StatisticsOptions {
  /** r, directions kept. */
  readonly rank: number;
  /** The encoder's SNRs to average over, dB. */
  readonly snrsDb: readonly number[];
  readonly onProgress?: (done: number) => void;
  readonly signal?: AbortSignal;
}

/**
 * Estimates mean and covariance of a codec's codewords over tiles, and the r strongest
 * directions of the covariance by randomised subspace iteration (Halko, Martinsson and Tropp, 2011).
 *
 * @param tiles pictures [3,e,e] in [0,1], e = tile·downSampling
 * @throws ConfigError if there are fewer tiles than directions
 */
export async function estimateStatistics(
  codec: Codec,
  tiles: AsyncIterable<Float32Array>,
  runtime: Runtime,
  rng: Rng,
  options: StatisticsOptions,
): Promise<CodewordStatistics> {
  const edge = codec.card.tile * codec.card.downSampling;
  const layout = codec.layoutFor(edge, edge);
  const n = layout.channels * codec.card.tile ** 2;
  const { product, gram } = createProducts();
  const sum = new Float64Array(n);
  const second = new Float64Array(n * n);
  let count = 0;

  const absorb = async (batch: readonly Float32Array[], snrDb: number): Promise<void> => {
    throwIfAborted(options.signal, 'model statistics');
    const pictures = new Float32Array(batch.length * 3 * edge * edge);
    batch.forEach((picture, i) => {
      pictures.set(picture, i * picture.length);
    });
    const z = tensor(await codec.encode(pictures, batch.length, layout, snrDb), [batch.length, n]);
    for (let i = 0; i < z.data.length; i++) sum[i % n] += z.data[i];
    const outer = (await runtime.run(gram, { x: z })).out.data;
    for (let i = 0; i < outer.length; i++) second[i] += outer[i];
    count += batch.length;
    options.onProgress?.(count);
  };

  let batch: Float32Array[] = [];
  let batches = 0;
  for await (const tile of tiles) {
    batch.push(tile);
    if (batch.length < BATCH) continue;
    await absorb(batch, options.snrsDb[batches++ % options.snrsDb.length]);
    batch = [];
  }
  if (batch.length > 0) await absorb(batch, options.snrsDb[batches % options.snrsDb.length]);
  if (count <= options.rank + OVERSAMPLING) {
    throw new ConfigError(
      'statistics.samples',
      `${count} tiles of ${edge}×${edge} pixels are too few for rank ${options.rank}: give more pictures or a lower --rank`,
    );
  }

  const mean = Float32Array.from(sum, (v) => v / count);
  const covariance = new Float32Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) covariance[i * n + j] = second[i * n + j] / count - mean[i] * mean[j];
  }
  const variance = Float32Array.from({ length: n }, (_, i) => covariance[i * (n + 1)]);

  const width = options.rank + OVERSAMPLING;
  const apply = async (q: Float32Array): Promise<Float32Array> =>
    (await runtime.run(product, { a: tensor(covariance, [n, n]), b: tensor(q, [n, width]) })).out.data;
  let q = orthonormal(
    Float32Array.from({ length: n * width }, () => rng.gaussian()),
    n,
    width,
  );
  for (let round = 0; round < ROUNDS; round++) {
    throwIfAborted(options.signal, 'model statistics');
    q = orthonormal(await apply(q), n, width);
  }
  const image = toMatrix(await apply(q), n, width);
  const small = toMatrix(q, n, width).transpose().mmul(image);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(small.add(small.transpose()).mul(0.5));
  const order = realEigenvalues.map((_, i) => i).sort((a, b) => realEigenvalues[b] - realEigenvalues[a]);
  const kept = order.slice(0, options.rank);
  const rotation = eigenvectorMatrix.subMatrixColumn(kept);
  const basis = Float32Array.from(toMatrix(q, n, width).mmul(rotation).to1DArray());
  return {
    dimension: n,
    rank: options.rank,
    mean,
    basis,
    eigenvalues: Float32Array.from(kept, (i) => Math.max(realEigenvalues[i], 1e-6)),
    latentVariance: variance,
  };
}

/** out = a·b, and out = xᵀ·x. */
function createProducts(): { product: Graph; gram: Graph } {
  const multiply = createGraphBuilder('product');
  const a = multiply.input('a', ['rows', 'inner']);
  const b = multiply.input('b', ['inner', 'columns']);
  multiply.output('out', multiply.node('MatMul', [a, b]), ['rows', 'columns']);
  const square = createGraphBuilder('gram');
  const x = square.input('x', ['rows', 'columns']);
  const xt = square.node('Transpose', [x], { perm: [1, 0] });
  square.output('out', square.node('MatMul', [xt, x]), ['columns', 'columns']);
  return {
    product: { name: 'matrix product', bytes: multiply.build() },
    gram: { name: 'gram matrix', bytes: square.build() },
  };
}

const toMatrix = (data: Float32Array, rows: number, columns: number): Matrix =>
  Matrix.from1DArray(rows, columns, Array.from(data));

function orthonormal(data: Float32Array, rows: number, columns: number): Float32Array {
  return Float32Array.from(new QrDecomposition(toMatrix(data, rows, columns)).orthogonalMatrix.to1DArray());
}
