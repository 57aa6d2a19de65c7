import { Matrix, solve } from 'ml-matrix';
import { afterAll, describe, expect, it } from 'vitest';
import type { CodewordStatistics } from '../../../src/codec/statistics.js';
import { createRng } from '../../../src/core/rng.js';
import { createCodewordGraph, createEvidenceGraph } from '../../../src/receiver/blind/codeword-graph.js';
import { createOnnxRuntime } from '../../../src/runtime/onnx-runtime.js';
import { tensor } from '../../../src/runtime/tensor.js';

const runtime = createOnnxRuntime({ threads: 1 });
afterAll(() => runtime.dispose());

const n = 24;
const r = 3;
const rng = createRng(7);

/** Statistics with orthonormal columns (disjoint supports) and a floor of ψ. */
function makeStatistics(): CodewordStatistics {
  const basis = new Float32Array(n * r);
  for (let i = 0; i < n; i++) basis[i * r + (i % r)] = 1 / Math.sqrt(n / r);
  const eigenvalues = Float32Array.of(5, 2, 0.7);
  const variance = Float32Array.from({ length: n }, (_, i) => eigenvalues[i % r] / (n / r) + 0.1 + 0.3 * rng.uniform());
  return {
    dimension: n,
    rank: r,
    mean: Float32Array.from({ length: n }, () => 0.3 * rng.gaussian()),
    basis,
    eigenvalues,
    latentVariance: variance,
  };
}

/** Posterior mean and variance, and −2·log marginal likelihood up to a constant, from dense n×n algebra. */
function dense(s: CodewordStatistics, w: Float32Array, q: Float32Array) {
  const c = Matrix.zeros(n, n);
  for (let i = 0; i < n; i++) {
    let explained = 0;
    for (let k = 0; k < r; k++) explained += s.eigenvalues[k] * s.basis[i * r + k] ** 2;
    for (let j = 0; j < n; j++) {
      let sum = i === j ? s.latentVariance[i] - explained : 0;
      for (let k = 0; k < r; k++) sum += s.eigenvalues[k] * s.basis[i * r + k] * s.basis[j * r + k];
      c.set(i, j, sum);
    }
  }
  const inverse = solve(c, Matrix.eye(n));
  const posterior = solve(Matrix.add(inverse, Matrix.diag(Array.from(w))), Matrix.eye(n));
  const b = Matrix.columnVector(Array.from(q, (v, i) => v - w[i] * s.mean[i]));
  const shift = posterior.mmul(b).to1DArray();
  const mean = shift.map((v, i) => v + s.mean[i]);
  return { mean, variance: posterior.diag() };
}

/** The posterior's variances for equal precisions, by the graph and by dense algebra. */
async function variances(statistics: CodewordStatistics): Promise<{ found: Float32Array; exact: readonly number[] }> {
  const w = new Float32Array(n).fill(1.7);
  const exact = dense(statistics, w, new Float32Array(n));
  const { variance } = await runtime.run(createCodewordGraph(statistics, r, 4), {
    precision: tensor(w, [1, n]),
    information: tensor(new Float32Array(n), [1, n]),
    coefficients: tensor(new Float32Array(r), [1, r]),
  });
  return { found: variance.data, exact: exact.variance };
}

describe('the E-step graph', () => {
  it('reproduces the exact Gaussian posterior, with unequal precisions and places not observed', async () => {
    const statistics = makeStatistics();
    const w = Float32Array.from({ length: n }, (_, i) => (i % 5 === 0 ? 0 : 4 * rng.uniform()));
    const q = w.map((v) => v * rng.gaussian());
    const exact = dense(statistics, w, q);
    const { mean, solution, variance } = await runtime.run(createCodewordGraph(statistics, r, 6), {
      precision: tensor(w, [1, n]),
      information: tensor(q, [1, n]),
      coefficients: tensor(new Float32Array(r), [1, r]),
    });
    mean.data.forEach((v, i) => expect(v).toBeCloseTo(exact.mean[i], 4));
    expect(solution.dims).toEqual([1, r]);
    // The variance takes the precisions as equal: right on average.
    const average = (x: ArrayLike<number>): number => Array.from(x).reduce((a, b) => a + b, 0) / n;
    expect(average(variance.data) / average(exact.variance)).toBeCloseTo(1, 1);
  });

  it('gives the exact variance for equal precisions', async () => {
    const statistics = { ...makeStatistics(), latentVariance: new Float32Array(n).fill(0) };
    for (let i = 0; i < n; i++) statistics.latentVariance[i] = statistics.eigenvalues[i % r] / (n / r) + 0.2;
    const { found, exact } = await variances(statistics);
    found.forEach((v, i) => expect(v).toBeCloseTo(exact[i], 5));
  });

  it('takes directions of nearly the same eigenvalue together, and the variance is within a few per cent where their supports are disjoint', async () => {
    const statistics = makeStatistics();
    statistics.eigenvalues.forEach((_, j) => (statistics.eigenvalues[j] = 4 * 0.96 ** j));
    for (let i = 0; i < n; i++) {
      let explained = 0;
      for (let k = 0; k < r; k++) explained += statistics.eigenvalues[k] * statistics.basis[i * r + k] ** 2;
      statistics.latentVariance[i] = explained + 0.2;
    }
    const { found, exact } = await variances(statistics);
    found.forEach((v, i) => expect(Math.abs(v / exact[i] - 1)).toBeLessThan(0.05));
  });

  it('treats rows of a batch independently', async () => {
    const statistics = makeStatistics();
    const graph = createCodewordGraph(statistics, r, 5);
    const w = Float32Array.from({ length: 2 * n }, () => rng.uniform());
    const q = Float32Array.from({ length: 2 * n }, () => rng.gaussian());
    const run = (a: number, b: number) =>
      runtime.run(graph, {
        precision: tensor(w.slice(a * n, b * n), [b - a, n]),
        information: tensor(q.slice(a * n, b * n), [b - a, n]),
        coefficients: tensor(new Float32Array((b - a) * r), [b - a, r]),
      });
    const both = (await run(0, 2)).mean.data;
    const second = (await run(1, 2)).mean.data;
    second.forEach((v, i) => expect(both[n + i]).toBeCloseTo(v, 5));
  });

  it('scores the codeword that was sent through a channel above its negative, by the exact difference', async () => {
    const statistics = makeStatistics();
    const w = new Float32Array(n).fill(2);
    const q = w.map((v, i) => v * statistics.mean[i]);
    const graph = createCodewordGraph(statistics, r, 8);
    const score = async (information: Float32Array): Promise<number> => {
      const feeds = { precision: tensor(w, [1, n]), information: tensor(information, [1, n]) };
      const { mean } = await runtime.run(graph, { ...feeds, coefficients: tensor(new Float32Array(r), [1, r]) });
      return (await runtime.run(createEvidenceGraph(statistics, r), { ...feeds, mean })).score.data[0];
    };
    const negated = q.map((v) => -v);
    // −2·log p differs by bᵀ(posterior)b terms only; here b = 0 for the right sign and −2wm for the wrong one.
    const { mean } = dense(statistics, w, negated);
    const prior = (e: Float32Array): number =>
      e.reduce((s, v, i) => s + w[i] * statistics.mean[i] ** 2 - 2 * v * statistics.mean[i], 0);
    const gain = negated.reduce((s, v, i) => s + (v - w[i] * statistics.mean[i]) * (mean[i] - statistics.mean[i]), 0);
    const expected = prior(negated) - gain - prior(q);
    expect((await score(negated)) - (await score(q))).toBeCloseTo(expected, 3);
    expect(expected).toBeGreaterThan(0);
  });
});
