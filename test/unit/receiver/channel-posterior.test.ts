import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.js';
import { createChannelEstimator, createRow } from '../../../src/receiver/channel-posterior.js';

const N = 64;
const bins = Int32Array.from({ length: N }, (_, i) => i);
const prior = (L: number): Float64Array => {
  const p = Float64Array.from({ length: L }, (_, l) => Math.exp(-l / 4));
  const sum = p.reduce((a, b) => a + b, 0);
  return p.map((v) => v / sum);
};

/** F h by definition. */
function respond(h: { re: Float64Array; im: Float64Array }, bin: number): [number, number] {
  let re = 0;
  let im = 0;
  h.re.forEach((_, l) => {
    const a = (-2 * Math.PI * bin * l) / N;
    re += h.re[l] * Math.cos(a) - h.im[l] * Math.sin(a);
    im += h.re[l] * Math.sin(a) + h.im[l] * Math.cos(a);
  });
  return [re, im];
}

describe('the channel posterior', () => {
  it('is the DFT of the taps where the taps are certain', () => {
    const rng = createRng(3);
    const taps = createRow(5);
    for (let l = 0; l < 5; l++) [taps.re[l], taps.im[l]] = [rng.gaussian(), rng.gaussian()];
    const { response } = createChannelEstimator(bins, N, prior(5)).certain(taps);
    for (const m of [0, 1, 17, 63]) {
      const [re, im] = respond(taps, m);
      expect(response.re[m]).toBeCloseTo(re, 10);
      expect(response.im[m]).toBeCloseTo(im, 10);
    }
  });

  it('finds noiseless taps exactly, on a band with holes too', () => {
    const rng = createRng(4);
    const some = bins.filter((b) => b > 0 && (b < 27 || b > 37));
    const taps = createRow(8);
    for (let l = 0; l < 8; l++) [taps.re[l], taps.im[l]] = [rng.gaussian(), rng.gaussian()];
    const estimator = createChannelEstimator(some, N, prior(8));
    const cross = createRow(some.length);
    some.forEach((b, m) => ([cross.re[m], cross.im[m]] = respond(taps, b)));
    const found = estimator.posterior(new Float64Array(some.length).fill(1), cross, 1e-9);
    for (let l = 0; l < 8; l++) {
      expect(found.taps.re[l]).toBeCloseTo(taps.re[l], 5);
      expect(found.taps.im[l]).toBeCloseTo(taps.im[l], 5);
    }
  });

  it('is calibrated: errors have the variance that it states, for taps and response', () => {
    const L = 8;
    const p = prior(L);
    const estimator = createChannelEstimator(bins, N, p);
    const rng = createRng(5);
    const variance = 0.5;
    let tapRatio = 0;
    let responseRatio = 0;
    const trials = 400;
    for (let trial = 0; trial < trials; trial++) {
      const taps = createRow(L);
      for (let l = 0; l < L; l++) {
        const s = Math.sqrt(p[l] / 2);
        [taps.re[l], taps.im[l]] = [s * rng.gaussian(), s * rng.gaussian()];
      }
      const energy = new Float64Array(N);
      const cross = createRow(N);
      for (let m = 0; m < N; m++) {
        const [hr, hi] = respond(taps, m);
        const x = 0.3 + rng.uniform();
        const s = Math.sqrt(variance / 2);
        energy[m] = x * x;
        cross.re[m] = x * (x * hr + s * rng.gaussian());
        cross.im[m] = x * (x * hi + s * rng.gaussian());
      }
      const found = estimator.posterior(energy, cross, variance);
      for (let l = 0; l < L; l++) {
        const e = (found.taps.re[l] - taps.re[l]) ** 2 + (found.taps.im[l] - taps.im[l]) ** 2;
        tapRatio += e / found.tapVariance[l] / L;
      }
      const [hr, hi] = respond(taps, 9);
      const e = (found.response.re[9] - hr) ** 2 + (found.response.im[9] - hi) ** 2;
      responseRatio += e / found.responseVariance[9];
    }
    // Means of 400 chi-squares: standard error 0.018 and 0.05.
    expect(tapRatio / trials).toBeCloseTo(1, 1);
    expect(Math.abs(responseRatio / trials - 1)).toBeLessThan(0.2);
  });
});
