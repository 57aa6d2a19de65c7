import { createHash } from 'node:crypto';
import type { CodewordStatistics } from '../../codec/statistics.js';
import { truncate } from '../../codec/statistics.js';
import { createGraphBuilder, type Value } from '../../graph/graph-builder.js';
import type { Graph } from '../../runtime/onnx-runtime.js';

/**
 * The E-step over codewords as one ONNX graph.
 *
 * Prior z ~ N(m, U Λ Uᵀ + diag ψ); the channel gives each real coordinate a precision w and an information vector q
 * (w = 2(|Ĥ|²+v)/s², q = 2·Ĥ*Y/s²; both 0 where nothing was observed). With g = w/(1+wψ), t = (q−wm)/(1+wψ),
 * p = ψ/(1+wψ), κ = p/ψ = 1/(1+wψ):
 *
 *   (Λ⁻¹ + Uᵀ diag(g) U) a = Uᵀ t           by `steps` preconditioned conjugate-gradient steps from the last pass's a
 *   E[z]   = (m + U a) + p·(q − w·(m + U a))
 *   Var[z] = p + κ²·(U∘U)·d,                 d = 1/(1/λ + mean g), the preconditioner
 *
 * The preconditioner is the system's inverse for equal precisions, which the interleaver makes nearly true: six
 * steps reproduce a direct solve to the receiver's accuracy at a tenth of its cost. With one tile nearly all time goes into
 * reading U, so U·a is carried along from step to step instead of being worked out anew, and in (U∘U)·d neighbouring
 * directions of nearly the same d share their mean.
 *
 * Inputs: precision, information [B, n] and coefficients [B, r]. Outputs: mean, variance [B, n], solution [B, r].
 */
export function createCodewordGraph(statistics: CodewordStatistics, rank: number, steps: number): Graph {
  const { dimension: n, rank: r, mean, basis, eigenvalues, psi } = truncate(statistics, rank);
  const builder = createGraphBuilder('codeword-posterior');
  const op = (type: string, ...inputs: Value[]): Value => builder.node(type, inputs);
  const w = builder.input('precision', ['batch', n]);
  const q = builder.input('information', ['batch', n]);
  const start = builder.input('coefficients', ['batch', r]);

  const u = builder.constant(basis, [n, r]);
  const m = builder.constant(mean, [n]);
  const noise = builder.constant(psi, [n]);
  const inverseLambda = builder.constant(
    eigenvalues.map((v) => 1 / Math.max(v, 1e-9)),
    [r],
  );
  const one = builder.scalar(1);
  const tiny = builder.scalar(1e-20);
  const lastAxis = builder.int64s([1]);
  const rowSum = (x: Value): Value => builder.node('ReduceSum', [x, lastAxis], { keepdims: 1 });
  /** U a. */
  const synthesis = (a: Value): Value => builder.node('Gemm', [a, u], { transB: 1 });
  /** Uᵀ z. */
  const analysis = (z: Value): Value => op('MatMul', z, u);

  const kappa = op('Div', one, op('Add', one, op('Mul', w, noise)));
  const g = op('Mul', w, kappa);
  const t = op('Mul', op('Sub', q, op('Mul', w, m)), kappa);
  const meanPrecision = op('Mul', rowSum(g), builder.scalar(1 / n));
  const d = op('Div', one, op('Add', inverseLambda, meanPrecision));

  let a = start;
  let image = synthesis(a);
  let residual = op('Sub', analysis(op('Sub', t, op('Mul', g, image))), op('Mul', a, inverseLambda));
  let preconditioned = op('Mul', residual, d);
  let direction = preconditioned;
  let rz = rowSum(op('Mul', residual, preconditioned));
  for (let step = 0; step < steps; step++) {
    const directionImage = synthesis(direction);
    const weighted = op('Mul', g, directionImage);
    const scaled = op('Mul', direction, inverseLambda);
    const curvature = op('Add', rowSum(op('Mul', direction, scaled)), rowSum(op('Mul', directionImage, weighted)));
    const alpha = op('Div', rz, op('Max', curvature, tiny));
    a = op('Add', a, op('Mul', alpha, direction));
    image = op('Add', image, op('Mul', alpha, directionImage));
    if (step === steps - 1) break;
    residual = op('Sub', residual, op('Mul', alpha, op('Add', scaled, analysis(weighted))));
    preconditioned = op('Mul', residual, d);
    const next = rowSum(op('Mul', residual, preconditioned));
    direction = op('Add', preconditioned, op('Mul', op('Div', next, op('Max', rz, tiny)), direction));
    rz = next;
  }

  const base = op('Add', m, image);
  const p = op('Mul', noise, kappa);
  const { sums, means, count } = directionsAlike(basis, eigenvalues, n);
  const spread = op('MatMul', op('MatMul', d, builder.constant(means, [r, count])), builder.constant(sums, [count, n]));
  const posterior = op('Add', base, op('Mul', p, op('Sub', q, op('Mul', w, base))));
  const variance = op('Add', p, op('Mul', op('Mul', kappa, kappa), spread));
  builder.output('mean', posterior, ['batch', n]);
  builder.output('variance', variance, ['batch', n]);
  builder.output('solution', a, ['batch', r]);
  return named(`codeword-posterior r=${r} steps=${steps} n=${n}`, builder.build());
}

/**
 * How badly a channel explains what was received, as a graph: G = −2·log p(Y | Ĥ) up to terms that all channels share.
 *
 *   G = Σ(w·m² − 2·q·m) − (q − w·m)ᵀ(E[z] − m) + Σ log(1 + wψ) + Σ_j log(1 + λ_j·(Uᵀ diag(g) U)_jj)
 *
 * The last sum bounds the log-determinant from above (Hadamard); equal precisions make it exact.
 *
 * Inputs: precision, information, mean (the E-step's) [B, n]. Output: score [B, 1].
 */
export function createEvidenceGraph(statistics: CodewordStatistics, rank: number): Graph {
  const { dimension: n, rank: r, mean, basis, eigenvalues, psi } = truncate(statistics, rank);
  const builder = createGraphBuilder('evidence');
  const op = (type: string, ...inputs: Value[]): Value => builder.node(type, inputs);
  const w = builder.input('precision', ['batch', n]);
  const q = builder.input('information', ['batch', n]);
  const z = builder.input('mean', ['batch', n]);
  const m = builder.constant(mean, [n]);
  const one = builder.scalar(1);
  const lastAxis = builder.int64s([1]);
  const rowSum = (x: Value): Value => builder.node('ReduceSum', [x, lastAxis], { keepdims: 1 });

  const spread = op('Add', one, op('Mul', w, builder.constant(psi, [n])));
  const wm = op('Mul', w, m);
  const prior = op('Sub', op('Mul', wm, m), op('Mul', op('Add', q, q), m));
  const gain = op('Mul', op('Sub', q, wm), op('Sub', z, m));
  const squares = builder.constant(
    basis.map((v) => v * v),
    [n, r],
  );
  const diagonal = op('MatMul', op('Div', w, spread), squares);
  const directions = op('Log', op('Add', one, op('Mul', diagonal, builder.constant(eigenvalues, [r]))));
  const perPlace = op('Add', op('Sub', prior, gain), op('Log', spread));
  builder.output('score', op('Add', rowSum(perPlace), rowSum(directions)), ['batch', 1]);
  return named(`evidence r=${r} n=${n}`, builder.build());
}

/** Neighbouring directions whose eigenvalues differ by less than this factor share one d in the posterior variance. */
const ALIKE = 1.1;

/** (U∘U)·d ≈ `sums`ᵀ·(`means`ᵀ·d): means of d over directions alike [r, count], and U∘U summed over them [count, n]. */
function directionsAlike(
  basis: Float32Array,
  eigenvalues: Float32Array,
  n: number,
): { sums: Float32Array; means: Float32Array; count: number } {
  const r = eigenvalues.length;
  const starts: number[] = [];
  eigenvalues.forEach((v, j) => {
    if (j === 0 || ALIKE * v < eigenvalues[starts[starts.length - 1]]) starts.push(j);
  });
  const count = starts.length;
  const sums = new Float32Array(count * n);
  const means = new Float32Array(r * count);
  starts.forEach((start, group) => {
    const end = starts[group + 1] ?? r;
    for (let j = start; j < end; j++) {
      means[j * count + group] = 1 / (end - start);
      for (let i = 0; i < n; i++) sums[group * n + i] += basis[i * r + j] ** 2;
    }
  });
  return { sums, means, count };
}

/** The graph under a name that tells codecs apart: the runtime keeps sessions by name. */
function named(what: string, bytes: Uint8Array): Graph {
  return {
    name: `${what} #${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}`,
    bytes,
    isMatrixBound: true,
  };
}
