import { type ComplexArray, createComplex } from '../core/complex.js';
import { ConfigError } from '../core/errors.js';
import { createRng } from '../core/rng.js';
import { createFft } from '../dsp/fft.js';
import { type Grid, signedSubcarrier } from './grid.js';
import { fillQpsk } from './pilots.js';

/** The known head of a frame: two OFDM symbols (Schmidl & Cox 1997, section III). */
export interface Preamble {
  /** [2·(N+K)] samples, mean power of a data symbol. */
  readonly samples: ComplexArray;
  /** [N] spectrum of the first word: QPSK on even active subcarriers except DC, so that its two halves are equal. */
  readonly firstWord: ComplexArray;
  /** [N] spectrum of the second word: QPSK of unit modulus on all active subcarriers. */
  readonly secondWord: ComplexArray;
  /** FFT bins the first word uses, ascending. */
  readonly firstWordBins: Int32Array;
}

/** Draws per word; the one with the lowest peak is sent, since the preamble is not clipped. */
const draws = 64;

/**
 * The preamble of a grid. The first word (two equal halves of N/2 samples) is for detection and the fractional frequency
 * offset, the second for the offset in whole subcarriers, timing and a first channel estimate. Power: word 1 has amplitude
 * √(N_active / numEven) on its subcarriers, so both words have the mean sample power of data symbols, N_active / N.
 *
 * @throws ConfigError if the configuration has no preamble
 */
export function createPreamble(grid: Grid): Preamble {
  if (grid.config.preamble !== 'schmidl-cox') {
    throw new ConfigError('config.ofdm', `ofdm.preamble is ${grid.config.preamble}: choose schmidl-cox`, {
      value: grid.config.preamble,
    });
  }
  const n = grid.fftSize;
  const firstWordBins = grid.activeBins.filter((bin) => bin !== 0 && signedSubcarrier(bin, n) % 2 === 0);
  const amplitude = Math.sqrt(grid.numActiveSubcarriers / firstWordBins.length);
  const first = quietWord(grid, 'preamble-1', firstWordBins, amplitude);
  const second = quietWord(grid, 'preamble-2', grid.activeBins, 1);

  const samples = createComplex(grid.preambleLength);
  [first, second].forEach((word, i) => {
    const start = i * grid.symbolLength;
    for (let t = 0; t < grid.symbolLength; t++) {
      const from = (t - grid.cyclicPrefixLength + n) % n;
      samples.re[start + t] = word.time.re[from];
      samples.im[start + t] = word.time.im[from];
    }
  });
  return { samples, firstWord: first.spectrum, secondWord: second.spectrum, firstWordBins };
}

interface Word {
  readonly spectrum: ComplexArray;
  readonly time: ComplexArray;
}

function quietWord(grid: Grid, label: string, bins: Int32Array, amplitude: number): Word {
  const fft = createFft(grid.fftSize, 'unitary');
  const rng = createRng(grid.config.seed).split(label);
  const elements = createComplex(bins.length);
  let best: Word | null = null;
  let bestPeak = Infinity;
  for (let draw = 0; draw < draws; draw++) {
    fillQpsk(elements, rng.split(draw));
    const spectrum = createComplex(grid.fftSize);
    const time = createComplex(grid.fftSize);
    bins.forEach((bin, i) => {
      spectrum.re[bin] = amplitude * elements.re[i];
      spectrum.im[bin] = amplitude * elements.im[i];
    });
    fft.inverse(spectrum, time);
    let peak = 0;
    for (let t = 0; t < grid.fftSize; t++) peak = Math.max(peak, time.re[t] ** 2 + time.im[t] ** 2);
    if (best === null || peak < bestPeak) {
      best = { spectrum, time };
      bestPeak = peak;
    }
  }
  return best as Word;
}
