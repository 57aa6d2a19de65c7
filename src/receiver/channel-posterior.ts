import { type ComplexArray, createComplex } from '../core/complex.js';
import type { Rng } from '../core/rng.js';
import type { Grid } from '../ofdm/grid.js';

/**
 * The channel's posterior given the sent resource elements: Gaussian in closed form.
 *
 *   A = F_Lᴴ diag(e) F_L / s² + P⁻¹,   Σ = A⁻¹,   μ = Σ · F_Lᴴ b / s²
 *
 * with e[m] = Σ_s E|Z[s,m]|², b[m] = Σ_s E[Z[s,m]]*·Y[s,m], F_L[m,l] = exp(−j2π·bin_m·l/N) and the prior
 * P = diag(p). A is Hermitian Toeplitz plus a diagonal, L×L, inverted in double precision.
 */
export interface ChannelEstimator {
  readonly numTaps: number;
  readonly numBins: number;
  /** OFDM symbols that are told apart: 1 where the channel stands still. */
  readonly numTimes: number;
  /** e and b, [numTimes·M], summed over symbols where the channel stands still. */
  posterior(energy: Float64Array, cross: ComplexRow, noiseVariance: number): ChannelPosterior;
  /** A channel drawn from the prior, as a posterior without uncertainty. */
  sample(rng: Rng): ChannelPosterior;
}

/** Of a channel that stands still. */
export interface StillEstimator extends ChannelEstimator {
  /** F_L·h at the estimator's bins as a posterior without uncertainty. */
  certain(taps: ComplexRow): ChannelPosterior;
}

/** A complex vector in double precision. */
export interface ComplexRow {
  readonly re: Float64Array;
  readonly im: Float64Array;
}

export interface ChannelPosterior {
  /** μ, [L]; of a moving channel its mean over time. */
  readonly taps: ComplexRow;
  /** diag Σ, [L]. */
  readonly tapVariance: Float64Array;
  /** F_L μ, [M] where the channel stands still, else [T·M]: symbol t, subcarrier m is at t·stride + m. */
  readonly response: ComplexRow;
  /** diag(F_L Σ F_Lᴴ), laid out as `response`. */
  readonly responseVariance: Float64Array;
  /** 0 where the channel stands still, else M. */
  readonly stride: number;
  /** μᴴP⁻¹μ. */
  readonly priorEnergy: number;
  /** log det(A·P): what the posterior has narrowed the prior down. */
  readonly logDet: number;
  /** Σ (1 − Σ_ll/p_l): how many coefficients the observations have told, of L (MacKay, "Bayesian interpolation", 1992). */
  readonly learnt: number;
  /** μᴴ·F_Lᴴb / s²; less logDet it is the log evidence of the model given the resource elements, up to what all models share. */
  readonly fit: number;
}

export const createRow = (length: number): ComplexRow => ({
  re: new Float64Array(length),
  im: new Float64Array(length),
});

/** CN(0, power) each. */
export function gaussianRow(powers: Float64Array, rng: Rng): ComplexRow {
  const row = createRow(powers.length);
  powers.forEach((power, i) => {
    const sigma = Math.sqrt(power / 2);
    row.re[i] = sigma * rng.gaussian();
    row.im[i] = sigma * rng.gaussian();
  });
  return row;
}

/**
 * @param bins FFT bin of each subcarrier, [M]
 * @param fftSize N
 * @param priorPowers p, [L]; a tap of power 0 is held at 0
 */
export function createChannelEstimator(bins: Int32Array, fftSize: number, priorPowers: Float64Array): StillEstimator {
  const numBins = bins.length;
  const numTaps = priorPowers.length;
  const cos = Float64Array.from({ length: fftSize }, (_, i) => Math.cos((2 * Math.PI * i) / fftSize));
  const sin = Float64Array.from({ length: fftSize }, (_, i) => Math.sin((2 * Math.PI * i) / fftSize));
  const turn = (m: number, l: number): number => (bins[m] * l) % fftSize;
  const tiny = 1e-9;
  const inversePrior = priorPowers.map((p) => 1 / Math.max(p, tiny));

  const transform = (taps: ComplexRow): ComplexRow => {
    const out = createRow(numBins);
    for (let m = 0; m < numBins; m++) {
      let re = 0;
      let im = 0;
      for (let l = 0; l < numTaps; l++) {
        const t = turn(m, l);
        re += taps.re[l] * cos[t] + taps.im[l] * sin[t];
        im += taps.im[l] * cos[t] - taps.re[l] * sin[t];
      }
      out.re[m] = re;
      out.im[m] = im;
    }
    return out;
  };

  /** Σ_m x[m]·exp(+j2π·bin_m·l/N) for l = 0…L−1. */
  const adjoint = (x: ComplexRow): ComplexRow => {
    const out = createRow(numTaps);
    for (let l = 0; l < numTaps; l++) {
      let re = 0;
      let im = 0;
      for (let m = 0; m < numBins; m++) {
        const t = turn(m, l);
        re += x.re[m] * cos[t] - x.im[m] * sin[t];
        im += x.im[m] * cos[t] + x.re[m] * sin[t];
      }
      out.re[l] = re;
      out.im[l] = im;
    }
    return out;
  };

  return {
    numTaps,
    numBins,
    numTimes: 1,
    posterior(energy, cross, noiseVariance) {
      const lag = adjoint({ re: energy, im: new Float64Array(numBins) });
      const a = createRow(numTaps * numTaps);
      for (let l = 0; l < numTaps; l++) {
        for (let k = 0; k < numTaps; k++) {
          const d = Math.abs(l - k);
          a.re[l * numTaps + k] = lag.re[d] / noiseVariance + (l === k ? inversePrior[l] : 0);
          a.im[l * numTaps + k] = (l >= k ? lag.im[d] : -lag.im[d]) / noiseVariance;
        }
      }
      const logDet = invertHermitian(a, numTaps) - inversePrior.reduce((sum, v) => sum + Math.log(v), 0);
      const b = adjoint(cross);
      const taps = createRow(numTaps);
      const tapVariance = new Float64Array(numTaps);
      for (let l = 0; l < numTaps; l++) {
        let re = 0;
        let im = 0;
        for (let k = 0; k < numTaps; k++) {
          const ar = a.re[l * numTaps + k];
          const ai = a.im[l * numTaps + k];
          re += ar * b.re[k] - ai * b.im[k];
          im += ar * b.im[k] + ai * b.re[k];
        }
        taps.re[l] = re / noiseVariance;
        taps.im[l] = im / noiseVariance;
        tapVariance[l] = a.re[l * numTaps + l];
      }
      const priorEnergy = energyUnder(taps, inversePrior);
      const fit = innerProduct(taps, b) / noiseVariance;
      const response = transform(taps);
      return {
        taps,
        tapVariance,
        response,
        responseVariance: responseVariance(a),
        stride: 0,
        priorEnergy,
        logDet,
        learnt: tapVariance.reduce((sum, v, l) => sum + 1 - v * inversePrior[l], 0),
        fit,
      };
    },
    certain,
    sample: (rng) => certain(gaussianRow(priorPowers, rng)),
  };

  function certain(taps: ComplexRow): ChannelPosterior {
    return {
      taps,
      tapVariance: new Float64Array(numTaps),
      response: transform(taps),
      responseVariance: new Float64Array(numBins),
      stride: 0,
      priorEnergy: energyUnder(taps, inversePrior),
      logDet: 0,
      learnt: 0,
      fit: 0,
    };
  }

  /** F Σ Fᴴ has on its diagonal Σ_d r[d]·exp(−j2π·bin·d/N), r[d] the sum of Σ's d-th diagonal. */
  function responseVariance(sigma: ComplexRow): Float64Array {
    const re = new Float64Array(numTaps);
    const im = new Float64Array(numTaps);
    for (let l = 0; l < numTaps; l++) {
      for (let k = 0; k <= l; k++) {
        re[l - k] += sigma.re[l * numTaps + k];
        im[l - k] += sigma.im[l * numTaps + k];
      }
    }
    const out = new Float64Array(numBins);
    for (let m = 0; m < numBins; m++) {
      let sum = re[0];
      for (let d = 1; d < numTaps; d++) {
        const t = turn(m, d);
        sum += 2 * (re[d] * cos[t] + im[d] * sin[t]);
      }
      out[m] = Math.max(0, sum);
    }
    return out;
  }
}

/** F_L·h at every data resource element, [P·S·M]; the last packet's taps [L] serve those that follow, too. */
export function responseOfTaps(
  grid: Grid,
  taps: readonly { readonly re: ArrayLike<number>; readonly im: ArrayLike<number> }[],
  numPackets = taps.length,
): ComplexArray {
  const numTaps = Math.max(...taps.map(({ re }) => re.length));
  const estimator = createChannelEstimator(grid.dataBins, grid.fftSize, new Float64Array(numTaps).fill(1));
  const response = createComplex(numPackets * grid.elementsPerPacket);
  for (let p = 0; p < numPackets; p++) {
    const { re, im } = taps[Math.min(p, taps.length - 1)];
    const padded = createRow(numTaps);
    padded.re.set(re);
    padded.im.set(im);
    const row = estimator.certain(padded).response;
    for (let i = 0, at = p * grid.elementsPerPacket; i < grid.elementsPerPacket; i++, at++) {
      response.re[at] = row.re[i % grid.numDataSubcarriers];
      response.im[at] = row.im[i % grid.numDataSubcarriers];
    }
  }
  return response;
}

/** Least-squares taps of each packet's mean response at its data resource elements, in a window of `numTaps`. */
export function fitTaps(grid: Grid, response: ComplexArray, numTaps: number): ComplexArray[] {
  const estimator = createChannelEstimator(grid.dataBins, grid.fftSize, new Float64Array(numTaps).fill(1));
  return Array.from({ length: response.re.length / grid.elementsPerPacket }, (_, p) => {
    const energy = new Float64Array(grid.numDataSubcarriers).fill(grid.symbolsPerPacket);
    const cross = createRow(grid.numDataSubcarriers);
    for (let i = 0; i < grid.elementsPerPacket; i++) {
      const m = i % grid.numDataSubcarriers;
      cross.re[m] += response.re[p * grid.elementsPerPacket + i];
      cross.im[m] += response.im[p * grid.elementsPerPacket + i];
    }
    const { taps } = estimator.posterior(energy, cross, 1e-5);
    return { re: Float32Array.from(taps.re), im: Float32Array.from(taps.im) };
  });
}

/** Σ |x_i|²·weight_i. */
export const energyUnder = ({ re, im }: ComplexRow, weight: Float64Array): number =>
  weight.reduce((sum, w, i) => sum + w * (re[i] ** 2 + im[i] ** 2), 0);

/** Re xᴴy. */
export const innerProduct = (x: ComplexRow, y: ComplexRow): number =>
  x.re.reduce((sum, v, i) => sum + v * y.re[i] + x.im[i] * y.im[i], 0);

/**
 * Inverts a Hermitian positive definite matrix in place; returns log det of what it was. Swept pivot by pivot: it stays
 * Hermitian, with −A⁻¹ at the end, so only the lower triangle is worked on.
 */
export function invertHermitian({ re, im }: ComplexRow, n: number): number {
  const column = createRow(n);
  let logDet = 0;
  for (let p = 0; p < n; p++) {
    const pivot = re[p * n + p];
    logDet += Math.log(pivot);
    for (let i = 0; i < n; i++) {
      const at = i < p ? p * n + i : i * n + p;
      column.re[i] = re[at];
      column.im[i] = i < p ? -im[at] : im[at];
    }
    for (let i = 0; i < n; i++) {
      // a_ij −= a_ip·a_jp*/a_pp
      const fr = column.re[i] / pivot;
      const fi = column.im[i] / pivot;
      if (i === p) {
        for (let j = 0, at = p * n; j < p; j++, at++) {
          re[at] = column.re[j] / pivot;
          im[at] = -column.im[j] / pivot;
        }
        re[p * n + p] = -1 / pivot;
        im[p * n + p] = 0;
        continue;
      }
      for (let j = 0, at = i * n; j <= i; j++, at++) {
        re[at] -= fr * column.re[j] + fi * column.im[j];
        im[at] -= fi * column.re[j] - fr * column.im[j];
      }
      if (i > p) {
        re[i * n + p] = fr;
        im[i * n + p] = fi;
      }
    }
  }
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      const at = i * n + j;
      const mirrored = j * n + i;
      re[at] = re[mirrored] = -re[at];
      const odd = -im[at];
      im[at] = odd;
      im[mirrored] = -odd;
    }
    im[i * n + i] = 0;
  }
  return logDet;
}

/** A posterior whose channel is `gain` times as strong. */
export function scalePosterior(posterior: ChannelPosterior, gain: number): ChannelPosterior {
  if (gain === 1) return posterior;
  const scaleRow = (row: ComplexRow, by: number): ComplexRow => ({
    re: row.re.map((v) => by * v),
    im: row.im.map((v) => by * v),
  });
  return {
    taps: scaleRow(posterior.taps, gain),
    tapVariance: posterior.tapVariance.map((v) => gain * gain * v),
    response: scaleRow(posterior.response, gain),
    responseVariance: posterior.responseVariance.map((v) => gain * gain * v),
    stride: posterior.stride,
    priorEnergy: gain * gain * posterior.priorEnergy,
    logDet: posterior.logDet,
    learnt: posterior.learnt,
    fit: posterior.fit,
  };
}

/** A posterior whose channel is turned by an angle in radians. */
export function turnPosterior(posterior: ChannelPosterior, angle: number): ChannelPosterior {
  const cos = Math.cos(angle);
  const sin = Math.sin(angle);
  const turn = ({ re, im }: ComplexRow): ComplexRow => ({
    re: re.map((v, i) => cos * v - sin * im[i]),
    im: im.map((v, i) => sin * re[i] + cos * v),
  });
  return { ...posterior, taps: turn(posterior.taps), response: turn(posterior.response) };
}
