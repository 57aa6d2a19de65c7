import { type ComplexArray, concatComplex, createComplex, subarray } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { createFft } from '../../../src/dsp/fft.js';
import { createFrameParts, modulateFrame } from '../../../src/ofdm/frame.js';
import { createGrid, type Grid, ofdmProfiles } from '../../../src/ofdm/grid.js';
import { convolve, exponentialTaps, qpsk } from '../ofdm/helpers.js';

export const ota = createGrid(ofdmProfiles.ota);

export interface Scene {
  readonly lead: number;
  readonly tail?: number;
  readonly snrDb: number;
  readonly cfoSubcarriers: number;
  readonly taps: ComplexArray;
  readonly dc?: number;
  readonly seed: number;
}

export const oneTap: ComplexArray = { re: Float32Array.of(0.6), im: Float32Array.of(-0.8) };

/** Taps of the exponential profile, scaled to unit energy: the SNR is then the one received. */
export function unitTaps(seed: number | string): ComplexArray {
  const h = exponentialTaps(seed);
  const energy = h.re.reduce((sum, re, l) => sum + re * re + h.im[l] ** 2, 0);
  return { re: h.re.map((x) => x / Math.sqrt(energy)), im: h.im.map((x) => x / Math.sqrt(energy)) };
}

/** Builds received signals from one frame of one packet; noise of 1/SNR per unit of resource element power. */
export function createStage(grid: Grid): (scene: Scene) => ComplexArray {
  const frame = modulateFrame(grid, qpsk(grid.elementsPerPacket, 'stage'), createFrameParts(grid));
  return ({ lead, tail = 300, snrDb, cfoSubcarriers, taps, dc = 0, seed }) => {
    const through = convolve(frame, taps);
    const out = createComplex(lead + through.re.length + tail);
    createRng(seed).fillComplexGaussian(out, 10 ** (-snrDb / 10));
    for (let i = 0; i < through.re.length; i++) {
      const angle = (2 * Math.PI * cfoSubcarriers * (lead + i)) / grid.fftSize;
      const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
      out.re[lead + i] += through.re[i] * cos - through.im[i] * sin;
      out.im[lead + i] += through.re[i] * sin + through.im[i] * cos;
    }
    for (let i = 0; i < out.re.length; i++) out.re[i] += dc;
    return out;
  };
}

export interface Burst {
  readonly fftSize: number;
  readonly prefixes: readonly number[];
  readonly symbols: number;
  readonly seed: number;
  /** Subcarriers −used…used, DC left out; all by default. */
  readonly used?: number;
}

/** OFDM symbols of QPSK with their prefixes, mean power 1. */
export function burst({ fftSize, prefixes, symbols, seed, used = fftSize / 2 }: Burst): ComplexArray {
  const rng = createRng(seed).split('burst');
  const fft = createFft(fftSize, 'unitary');
  const parts: ComplexArray[] = [];
  for (let s = 0; s < symbols; s++) {
    const x = createComplex(fftSize);
    let count = 0;
    for (let f = -used; f <= used; f++) {
      if (f === 0 && used < fftSize / 2) continue;
      const bin = (f + fftSize) % fftSize;
      x.re[bin] = rng.integer(2) * 2 - 1;
      x.im[bin] = rng.integer(2) * 2 - 1;
      count++;
    }
    const gain = Math.sqrt(fftSize / count / 2);
    fft.inverse(x, x);
    for (let i = 0; i < fftSize; i++) {
      x.re[i] *= gain;
      x.im[i] *= gain;
    }
    parts.push(subarray(x, fftSize - prefixes[s % prefixes.length]), x);
  }
  return concatComplex(parts);
}
