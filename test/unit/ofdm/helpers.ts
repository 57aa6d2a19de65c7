import { type ComplexArray, createComplex } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { type OfdmConfig, ofdmProfiles } from '../../../src/ofdm/grid.js';
import { fillQpsk } from '../../../src/ofdm/pilots.js';

export function qpsk(length: number, seed: number | string): ComplexArray {
  const x = createComplex(length);
  fillQpsk(x, createRng(seed));
  return x;
}

export function gaussian(length: number, seed: number | string, variance = 1): ComplexArray {
  const x = createComplex(length);
  createRng(seed).fillComplexGaussian(x, variance);
  return x;
}

/** Largest distance between two signals of equal length. */
export function maxDistance(a: ComplexArray, b: ComplexArray): number {
  if (a.re.length !== b.re.length) return Infinity;
  let max = 0;
  for (let i = 0; i < a.re.length; i++) max = Math.max(max, Math.hypot(a.re[i] - b.re[i], a.im[i] - b.im[i]));
  return max;
}

/** y[n] = Σ_l h[l] x[n−l], as long as x plus the tail. */
export function convolve(x: ComplexArray, h: ComplexArray): ComplexArray {
  const y = createComplex(x.re.length + h.re.length - 1);
  for (let n = 0; n < y.re.length; n++) {
    let [re, im] = [0, 0];
    for (let l = 0; l < h.re.length; l++) {
      const i = n - l;
      if (i < 0 || i >= x.re.length) continue;
      re += h.re[l] * x.re[i] - h.im[l] * x.im[i];
      im += h.re[l] * x.im[i] + h.im[l] * x.re[i];
    }
    y.re[n] = re;
    y.im[n] = im;
  }
  return y;
}

/** Taps CN(0, p_l), p_l ∝ exp(−l/τ), Σ p_l = 1. */
export function exponentialTaps(seed: number | string, length = 8, decay = 4): ComplexArray {
  const h = gaussian(length, seed);
  let sum = 0;
  for (let l = 0; l < length; l++) sum += Math.exp(-l / decay);
  for (let l = 0; l < length; l++) {
    const gain = Math.sqrt(Math.exp(-l / decay) / sum);
    h.re[l] *= gain;
    h.im[l] *= gain;
  }
  return h;
}

/** A grid of configurations that differ in everything that can differ. */
export const variety: readonly (readonly [string, OfdmConfig])[] = [
  ['paper', ofdmProfiles.paper],
  ['ota', ofdmProfiles.ota],
  ['no prefix, no pilots', { ...ofdmProfiles.paper, cyclicPrefixLength: 0, pilotSymbols: 0 }],
  ['prefix as long as the symbol', { ...ofdmProfiles.paper, fftSize: 16, cyclicPrefixLength: 16, symbolsPerPacket: 3 }],
  ['one data subcarrier', { ...ofdmProfiles.paper, fftSize: 16, guardSubcarriers: [8, 6], dcNull: true }],
  [
    '128 subcarriers, odd prefix, pilots at the edges',
    {
      ...ofdmProfiles.ota,
      fftSize: 128,
      cyclicPrefixLength: 13,
      guardSubcarriers: [11, 9],
      pilotSubcarriers: [-53, 54, 1],
      symbolsPerPacket: 1,
      pilotSymbols: 3,
    },
  ],
  ['512 subcarriers', { ...ofdmProfiles.ota, fftSize: 512, cyclicPrefixLength: 40, symbolsPerPacket: 2 }],
];
