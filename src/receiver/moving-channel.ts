import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import {
  type ChannelEstimator,
  type ComplexRow,
  createRow,
  energyUnder,
  gaussianRow,
  innerProduct,
  invertHermitian,
} from './channel-posterior.js';

/** Functions of time over which a moving tap is expanded. */
export interface TimeBasis {
  /** φ_b(t), orthonormal over t, [B·T]. */
  readonly functions: Float64Array;
  /** λ_b, mean powers of the coefficients for a tap of power 1, Σ λ_b φ_b(t)² ≈ 1 at every t; [B], falling. */
  readonly powers: Float64Array;
  readonly numTimes: number;
}

/** Share of a tap's power that the basis may leave out: well below the noise at any SNR of interest. */
const LEFT_OUT = 1e-3;

/**
 * The best basis for Clarke fading (Jakes' spectrum): leading eigenvectors of
 *
 *   R[t,t'] = J₀(2π ν (t − t'))
 *
 * so that h_l(t) = Σ_b g_{l,b} φ_b(t), g_{l,b} ~ CN(0, p_l λ_b), is the Karhunen–Loève expansion of the tap.
 *
 * @param doppler ν = f_D·T, cycles per OFDM symbol, 0 < ν < ½
 * @param numTimes T, symbols
 */
export function jakesBasis(doppler: number, numTimes: number): TimeBasis {
  // Smooth functions of many symbols are combinations of few cosines: the eigenproblem is solved there.
  const size = Math.min(numTimes, 2 * Math.ceil(2 * doppler * numTimes) + 24);
  const cosines = Matrix.zeros(numTimes, size);
  for (let k = 0; k < size; k++) {
    const scale = Math.sqrt((k === 0 ? 1 : 2) / numTimes);
    for (let t = 0; t < numTimes; t++) cosines.set(t, k, scale * Math.cos((Math.PI * k * (t + 0.5)) / numTimes));
  }
  const correlation = Float64Array.from({ length: numTimes }, (_, d) => besselJ0(2 * Math.PI * doppler * d));
  const full = Matrix.zeros(numTimes, numTimes);
  for (let t = 0; t < numTimes; t++) for (let u = 0; u < numTimes; u++) full.set(t, u, correlation[Math.abs(t - u)]);
  const small = cosines.transpose().mmul(full).mmul(cosines);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(small, { assumeSymmetric: true });
  const order = realEigenvalues.map((_, i) => i).sort((a, b) => realEigenvalues[b] - realEigenvalues[a]);
  let kept = 0;
  let power = 0;
  while (kept < size && power < (1 - LEFT_OUT) * numTimes) power += Math.max(0, realEigenvalues[order[kept++]]);
  const functions = new Float64Array(kept * numTimes);
  const vectors = cosines.mmul(eigenvectorMatrix);
  for (let b = 0; b < kept; b++)
    for (let t = 0; t < numTimes; t++) functions[b * numTimes + t] = vectors.get(t, order[b]);
  return { functions, powers: Float64Array.from({ length: kept }, (_, b) => realEigenvalues[order[b]]), numTimes };
}

/** J₀(x) = mean of cos(x·sin θ) over θ; the trapezoidal rule is exact to rounding with so many points. */
export function besselJ0(x: number): number {
  const points = 32 + Math.ceil(2 * Math.abs(x));
  let sum = 0;
  for (let i = 0; i < points; i++) sum += Math.cos(x * Math.sin((2 * Math.PI * i) / points));
  return sum / points;
}

/**
 * The posterior of a moving channel given the sent resource elements: as `createChannelEstimator`'s, with each tap expanded over time.
 *
 *   H[t,m] = Σ_l F_L[m,l] Σ_b g_{l,b} φ_b(t),   g_{l,b} ~ CN(0, p_l λ_b)
 *   A[(l,b),(k,c)] = Σ_{t,m} e[t,m] F_L[m,l]* F_L[m,k] φ_b(t) φ_c(t) / s² + δ/(p_l λ_b),   Σ = A⁻¹
 *
 * LB×LB, Toeplitz in (l,k) within each block. `taps` are the mean over time. About (LB)³ + T·M·B²/2 operations.
 *
 * @param bins FFT bin of each subcarrier, [M]
 * @param fftSize N
 * @param priorPowers p, [L]
 */
export function createMovingEstimator(
  bins: Int32Array,
  fftSize: number,
  priorPowers: Float64Array,
  { functions, powers, numTimes }: TimeBasis,
): ChannelEstimator {
  const numBins = bins.length;
  const numTaps = priorPowers.length;
  const numFunctions = powers.length;
  const size = numTaps * numFunctions;
  const cos = Float64Array.from({ length: fftSize }, (_, i) => Math.cos((2 * Math.PI * i) / fftSize));
  const sin = Float64Array.from({ length: fftSize }, (_, i) => Math.sin((2 * Math.PI * i) / fftSize));
  // e^{j2π bin_m l/N}, [L·M]
  const turns = { re: new Float64Array(numTaps * numBins), im: new Float64Array(numTaps * numBins) };
  for (let l = 0; l < numTaps; l++) {
    for (let m = 0; m < numBins; m++) {
      turns.re[l * numBins + m] = cos[(bins[m] * l) % fftSize];
      turns.im[l * numBins + m] = sin[(bins[m] * l) % fftSize];
    }
  }
  const coefficientPowers = Float64Array.from(
    { length: size },
    (_, i) => priorPowers[i % numTaps] * Math.max(powers[Math.floor(i / numTaps)], 0),
  );
  const inversePrior = coefficientPowers.map((power) => 1 / Math.max(power, 1e-9));
  const logPrior = inversePrior.reduce((sum, v) => sum + Math.log(v), 0);
  const meanOf = Float64Array.from({ length: numFunctions }, (_, b) => {
    let sum = 0;
    for (let t = 0; t < numTimes; t++) sum += functions[b * numTimes + t];
    return sum / numTimes;
  });

  /** Σ_m x[m]·e^{+j2π bin_m l/N}, l = 0…L−1, to `out` from `at` on. */
  const adjoint = (re: Float64Array, im: Float64Array | null, out: ComplexRow, at: number): void => {
    for (let l = 0; l < numTaps; l++) {
      let sumRe = 0;
      let sumIm = 0;
      for (let m = 0, i = l * numBins; m < numBins; m++, i++) {
        const xi = im === null ? 0 : im[m];
        sumRe += re[m] * turns.re[i] - xi * turns.im[i];
        sumIm += re[m] * turns.im[i] + xi * turns.re[i];
      }
      out.re[at + l] = sumRe;
      out.im[at + l] = sumIm;
    }
  };

  /** H[t,m] of coefficients g [B·L]. */
  const respond = (g: ComplexRow): ComplexRow => {
    const out = createRow(numTimes * numBins);
    const re = new Float64Array(numBins);
    const im = new Float64Array(numBins);
    for (let b = 0; b < numFunctions; b++) {
      re.fill(0);
      im.fill(0);
      for (let l = 0; l < numTaps; l++) {
        const [gr, gi] = [g.re[b * numTaps + l], g.im[b * numTaps + l]];
        for (let m = 0, i = l * numBins; m < numBins; m++, i++) {
          re[m] += gr * turns.re[i] + gi * turns.im[i];
          im[m] += gi * turns.re[i] - gr * turns.im[i];
        }
      }
      for (let t = 0; t < numTimes; t++) {
        const f = functions[b * numTimes + t];
        for (let m = 0, at = t * numBins; m < numBins; m++, at++) {
          out.re[at] += f * re[m];
          out.im[at] += f * im[m];
        }
      }
    }
    return out;
  };

  /** Symbols t of which an element was sent, rising. */
  const timesOf = (energy: Float64Array): number[] =>
    Array.from({ length: numTimes }, (_, t) => t).filter((t) =>
      energy.subarray(t * numBins, (t + 1) * numBins).some((e) => e > 0),
    );

  /** Re of the diagonal of F Σ_bc Fᴴ, [M]. */
  const blockVariance = (sigma: ComplexRow, b: number, c: number): Float64Array => {
    const even = new Float64Array(numTaps);
    const odd = new Float64Array(numTaps);
    for (let l = 0; l < numTaps; l++) {
      for (let k = 0; k < numTaps; k++) {
        const at = (b * numTaps + l) * size + c * numTaps + k;
        const d = Math.abs(l - k);
        even[d] += sigma.re[at];
        odd[d] += l >= k ? sigma.im[at] : -sigma.im[at];
      }
    }
    const out = new Float64Array(numBins);
    for (let d = 0; d < numTaps; d++) {
      for (let m = 0, i = d * numBins; m < numBins; m++, i++) out[m] += even[d] * turns.re[i] + odd[d] * turns.im[i];
    }
    return out;
  };

  const varianceOf = (sigma: ComplexRow): Float64Array => {
    const out = new Float64Array(numTimes * numBins);
    for (let b = 0; b < numFunctions; b++) {
      for (let c = b; c < numFunctions; c++) {
        const v = blockVariance(sigma, b, c);
        for (let t = 0; t < numTimes; t++) {
          const f = (b === c ? 1 : 2) * functions[b * numTimes + t] * functions[c * numTimes + t];
          for (let m = 0, at = t * numBins; m < numBins; m++, at++) out[at] += f * v[m];
        }
      }
    }
    return out.map((v) => Math.max(0, v));
  };

  const meanTaps = (g: ComplexRow): ComplexRow => {
    const taps = createRow(numTaps);
    for (let i = 0; i < size; i++) {
      taps.re[i % numTaps] += meanOf[Math.floor(i / numTaps)] * g.re[i];
      taps.im[i % numTaps] += meanOf[Math.floor(i / numTaps)] * g.im[i];
    }
    return taps;
  };

  const meanTapVariance = (sigma: ComplexRow): Float64Array =>
    Float64Array.from({ length: numTaps }, (_, l) => {
      let sum = 0;
      for (let b = 0; b < numFunctions; b++) {
        for (let c = 0; c < numFunctions; c++) {
          sum += meanOf[b] * meanOf[c] * sigma.re[(b * numTaps + l) * size + c * numTaps + l];
        }
      }
      return Math.max(0, sum);
    });

  return {
    numTaps,
    numBins,
    numTimes,
    posterior(energy, cross, noiseVariance) {
      const a = createRow(size * size);
      const rhs = createRow(size);
      const row = createRow(numBins);
      const lag = createRow(numTaps);
      // Of pilots alone, most symbols say nothing.
      const heard = timesOf(energy);
      for (let b = 0; b < numFunctions; b++) {
        for (let c = b; c < numFunctions; c++) {
          row.re.fill(0);
          for (const t of heard) {
            const f = functions[b * numTimes + t] * functions[c * numTimes + t];
            for (let m = 0, at = t * numBins; m < numBins; m++, at++) row.re[m] += f * energy[at];
          }
          adjoint(row.re, null, lag, 0);
          for (let l = 0; l < numTaps; l++) {
            for (let k = 0; k < numTaps; k++) {
              const d = Math.abs(l - k);
              const re = lag.re[d] / noiseVariance;
              const im = (l >= k ? lag.im[d] : -lag.im[d]) / noiseVariance;
              const at = (b * numTaps + l) * size + c * numTaps + k;
              const mirrored = (c * numTaps + k) * size + b * numTaps + l;
              a.re[at] = re;
              a.im[at] = im;
              a.re[mirrored] = re;
              a.im[mirrored] = -im;
            }
          }
        }
        row.re.fill(0);
        row.im.fill(0);
        for (const t of heard) {
          const f = functions[b * numTimes + t];
          for (let m = 0, at = t * numBins; m < numBins; m++, at++) {
            row.re[m] += f * cross.re[at];
            row.im[m] += f * cross.im[at];
          }
        }
        adjoint(row.re, row.im, rhs, b * numTaps);
      }
      for (let i = 0; i < size; i++) {
        a.re[i * size + i] += inversePrior[i];
        a.im[i * size + i] = 0;
      }
      const logDet = invertHermitian(a, size) - logPrior;
      const g = createRow(size);
      for (let i = 0; i < size; i++) {
        let re = 0;
        let im = 0;
        for (let k = 0, at = i * size; k < size; k++, at++) {
          re += a.re[at] * rhs.re[k] - a.im[at] * rhs.im[k];
          im += a.re[at] * rhs.im[k] + a.im[at] * rhs.re[k];
        }
        g.re[i] = re / noiseVariance;
        g.im[i] = im / noiseVariance;
      }
      // Worked out when asked for: of models that are compared, most are never used.
      const response = once(() => respond(g));
      const responseVariance = once(() => varianceOf(a));
      return {
        taps: meanTaps(g),
        tapVariance: meanTapVariance(a),
        get response() {
          return response();
        },
        get responseVariance() {
          return responseVariance();
        },
        stride: numBins,
        priorEnergy: energyUnder(g, inversePrior),
        logDet,
        learnt: inversePrior.reduce((sum, w, i) => sum + 1 - a.re[i * size + i] * w, 0),
        fit: innerProduct(g, rhs) / noiseVariance,
      };
    },
    sample(rng) {
      const g = gaussianRow(coefficientPowers, rng);
      return {
        taps: meanTaps(g),
        tapVariance: new Float64Array(numTaps),
        response: respond(g),
        responseVariance: new Float64Array(numTimes * numBins),
        stride: numBins,
        priorEnergy: energyUnder(g, inversePrior),
        logDet: 0,
        learnt: 0,
        fit: 0,
      };
    },
  };
}

/** A value that is made when first asked for. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
