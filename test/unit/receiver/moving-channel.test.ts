import { Matrix, solve } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.js';
import { createChannelEstimator, createRow } from '../../../src/receiver/channel-posterior.js';
import { besselJ0, createMovingEstimator, jakesBasis } from '../../../src/receiver/moving-channel.js';

const N = 16;
const M = 12;
const T = 6;
const L = 3;
const bins = Int32Array.from({ length: M }, (_, i) => i + 2);
const prior = Float64Array.of(0.6, 0.3, 0.1);

describe('J₀', () => {
  it.each([
    [0, 1],
    [1, 0.7651976866],
    [2.4048255577, 0],
    [10, -0.2459357645],
    [50, 0.0558123277],
  ])('of %f is %f (Abramowitz and Stegun, table 9.1)', (x, value) => {
    expect(besselJ0(x)).toBeCloseTo(value, 9);
  });
});

describe('the basis of Clarke fading', () => {
  it.each([
    [0.01, 16],
    [0.08, 16],
    [0.15, 34],
    [0.02, 300],
  ])('at ν = %f over %i symbols is orthonormal and holds 99.9 %% of R', (doppler, numTimes) => {
    const { functions, powers } = jakesBasis(doppler, numTimes);
    const size = powers.length;
    for (let b = 0; b < size; b++) {
      for (let c = 0; c < size; c++) {
        let sum = 0;
        for (let t = 0; t < numTimes; t++) sum += functions[b * numTimes + t] * functions[c * numTimes + t];
        expect(sum).toBeCloseTo(b === c ? 1 : 0, 8);
      }
    }
    expect(powers.reduce((sum, v) => sum + v, 0) / numTimes).toBeGreaterThan(0.999);
    // R[0, d] out of the expansion.
    for (const d of [0, 1, Math.floor(numTimes / 2)]) {
      let sum = 0;
      const t = Math.floor(numTimes / 4);
      for (let b = 0; b < size; b++) sum += powers[b] * functions[b * numTimes + t] * functions[b * numTimes + t + d];
      expect(sum).toBeCloseTo(besselJ0(2 * Math.PI * doppler * d), 1);
    }
  });

  it('is about 2νT + 2 functions', () => {
    expect(jakesBasis(0.004, 16).powers).toHaveLength(2);
    expect(jakesBasis(0.15, 16).powers.length).toBeLessThan(2 * 0.15 * 16 + 4);
  });
});

describe('the posterior of a moving channel', () => {
  const basis = jakesBasis(0.1, T);
  const B = basis.powers.length;
  const rng = createRng(7);
  const elements = T * M;
  const z = createRow(elements);
  const y = createRow(elements);
  const spread = Float64Array.from({ length: elements }, () => 0.2 * rng.uniform());
  for (let i = 0; i < elements; i++) {
    [z.re[i], z.im[i], y.re[i], y.im[i]] = [rng.gaussian(), rng.gaussian(), rng.gaussian(), rng.gaussian()];
    // Of the second symbol nothing is known, and of one subcarrier nothing in the fourth.
    if (Math.floor(i / M) === 1 || i === 3 * M + 2) z.re[i] = z.im[i] = spread[i] = 0;
  }
  const energy = Float64Array.from({ length: elements }, (_, i) => z.re[i] ** 2 + z.im[i] ** 2 + spread[i]);
  const cross = createRow(elements);
  for (let i = 0; i < elements; i++) {
    cross.re[i] = z.re[i] * y.re[i] + z.im[i] * y.im[i];
    cross.im[i] = z.re[i] * y.im[i] - z.im[i] * y.re[i];
  }
  const variance = 0.3;

  /** All of it by definition, as one real system of 2·LB unknowns. */
  function bruteForce() {
    const size = L * B;
    const row = (i: number): [number[], number[]] => {
      const [t, m] = [Math.floor(i / M), i % M];
      const re: number[] = [];
      const im: number[] = [];
      for (let b = 0; b < B; b++) {
        for (let l = 0; l < L; l++) {
          const angle = (-2 * Math.PI * bins[m] * l) / N;
          re.push(basis.functions[b * T + t] * Math.cos(angle));
          im.push(basis.functions[b * T + t] * Math.sin(angle));
        }
      }
      return [re, im];
    };
    const a = Matrix.zeros(2 * size, 2 * size);
    const rhs = Matrix.zeros(2 * size, 1);
    for (let i = 0; i < elements; i++) {
      const [re, im] = row(i);
      for (let p = 0; p < size; p++) {
        // (A* b)_p and (A* e A)_pq, as real and imaginary parts.
        rhs.set(p, 0, rhs.get(p, 0) + (re[p] * cross.re[i] + im[p] * cross.im[i]) / variance);
        rhs.set(size + p, 0, rhs.get(size + p, 0) + (re[p] * cross.im[i] - im[p] * cross.re[i]) / variance);
        for (let q = 0; q < size; q++) {
          const real = ((re[p] * re[q] + im[p] * im[q]) * energy[i]) / variance;
          const imag = ((re[p] * im[q] - im[p] * re[q]) * energy[i]) / variance;
          a.set(p, q, a.get(p, q) + real);
          a.set(size + p, size + q, a.get(size + p, size + q) + real);
          a.set(p, size + q, a.get(p, size + q) - imag);
          a.set(size + p, q, a.get(size + p, q) + imag);
        }
      }
    }
    let logPrior = 0;
    for (let p = 0; p < size; p++) {
      const power = prior[p % L] * basis.powers[Math.floor(p / L)];
      logPrior += Math.log(power);
      a.set(p, p, a.get(p, p) + 1 / power);
      a.set(size + p, size + p, a.get(size + p, size + p) + 1 / power);
    }
    const g = solve(a, rhs).to1DArray();
    const sigma = solve(a, Matrix.eye(2 * size, 2 * size));
    const response = createRow(elements);
    const responseVariance = new Float64Array(elements);
    for (let i = 0; i < elements; i++) {
      const [re, im] = row(i);
      for (let p = 0; p < size; p++) {
        response.re[i] += re[p] * g[p] - im[p] * g[size + p];
        response.im[i] += re[p] * g[size + p] + im[p] * g[p];
        for (let q = 0; q < size; q++) {
          // Re of F Σ F*: Σ is [[S, −R], [R, S]] with S + jR the complex one.
          const s = sigma.get(p, q);
          const r = sigma.get(size + p, q);
          responseVariance[i] += (re[p] * re[q] + im[p] * im[q]) * s + (re[p] * im[q] - im[p] * re[q]) * r;
        }
      }
    }
    // The real system has the complex one's determinant twice.
    let logDet = 0;
    const lu = a.clone();
    for (let k = 0; k < 2 * size; k++) {
      logDet += 0.5 * Math.log(lu.get(k, k));
      for (let r = k + 1; r < 2 * size; r++) {
        const factor = lu.get(r, k) / lu.get(k, k);
        for (let c = k; c < 2 * size; c++) lu.set(r, c, lu.get(r, c) - factor * lu.get(k, c));
      }
    }
    return { response, responseVariance, logDet: logDet + logPrior, g };
  }

  const estimator = createMovingEstimator(bins, N, prior, basis);
  const found = estimator.posterior(energy, cross, variance);
  const expected = bruteForce();

  it('has the response of the dense solution at every element, and its variance', () => {
    for (let i = 0; i < elements; i++) {
      expect(found.response.re[i]).toBeCloseTo(expected.response.re[i], 8);
      expect(found.response.im[i]).toBeCloseTo(expected.response.im[i], 8);
      expect(found.responseVariance[i]).toBeCloseTo(expected.responseVariance[i], 8);
    }
    expect(found.stride).toBe(M);
  });

  it('has its determinant and prior energy', () => {
    expect(found.logDet).toBeCloseTo(expected.logDet, 6);
    const size = L * B;
    let energyOf = 0;
    for (let p = 0; p < size; p++) {
      energyOf += (expected.g[p] ** 2 + expected.g[size + p] ** 2) / (prior[p % L] * basis.powers[Math.floor(p / L)]);
    }
    expect(found.priorEnergy).toBeCloseTo(energyOf, 6);
  });

  it('is that of a still channel where the basis is one constant', () => {
    const constant = { functions: new Float64Array(T).fill(1 / Math.sqrt(T)), powers: Float64Array.of(T), numTimes: T };
    const moving = createMovingEstimator(bins, N, prior, constant).posterior(energy, cross, variance);
    const summed = new Float64Array(M);
    const crossed = createRow(M);
    for (let i = 0; i < elements; i++) {
      summed[i % M] += energy[i];
      crossed.re[i % M] += cross.re[i];
      crossed.im[i % M] += cross.im[i];
    }
    const still = createChannelEstimator(bins, N, prior).posterior(summed, crossed, variance);
    for (let l = 0; l < L; l++) {
      expect(moving.taps.re[l]).toBeCloseTo(still.taps.re[l], 8);
      expect(moving.tapVariance[l]).toBeCloseTo(still.tapVariance[l], 8);
    }
    for (let m = 0; m < M; m++) {
      expect(moving.response.im[m]).toBeCloseTo(still.response.im[m], 8);
      expect(moving.responseVariance[m]).toBeCloseTo(still.responseVariance[m], 8);
    }
    expect(moving.logDet).toBeCloseTo(still.logDet, 6);
    expect(moving.fit).toBeCloseTo(still.fit, 6);
    expect(moving.priorEnergy).toBeCloseTo(still.priorEnergy, 6);
  });

  it('samples channels of the prior’s powers, that move as J₀ says', () => {
    const doppler = 0.05;
    const estimator = createMovingEstimator(bins, N, prior, jakesBasis(doppler, T));
    const rng = createRng(5);
    const correlation = new Float64Array(T);
    const draws = 4000;
    for (let n = 0; n < draws; n++) {
      const { response } = estimator.sample(rng);
      for (let t = 0; t < T; t++) {
        correlation[t] += (response.re[0] * response.re[t * M] + response.im[0] * response.im[t * M]) / draws;
      }
    }
    // Σ p_l = 1; four standard errors of 4000 draws.
    correlation.forEach((value, t) => {
      expect(Math.abs(value - besselJ0(2 * Math.PI * doppler * t))).toBeLessThan(0.065);
    });
  });
});
