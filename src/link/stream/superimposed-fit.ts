import type { ComplexArray } from '../../core/complex.js';
import { createComplex } from '../../core/complex.js';
import { createFft } from '../../dsp/fft.js';
import type { PacketElements } from '../../ofdm/demodulator.js';
import type { Grid } from '../../ofdm/grid.js';

/**
 * How well received resource elements fit the superimposed pilot at their place: the energy that
 * b[m] = Σ_s C*[s,m]·Y[s,m] has in its first K + 1 + advance taps, over the resource elements' own energy.
 *
 * Only where the first symbol is assumed rightly do the superimposed pilot's resource elements add up: b is then S·√ρ·H plus what looks like
 * noise, and H has its energy in few taps.
 */
export function createSuperimposedFit(
  grid: Grid,
  advance: number,
): (elements: PacketElements, superimposed: ComplexArray) => number {
  const n = grid.fftSize;
  const fft = createFft(n);
  const response = createComplex(n);
  const { dataBins, numDataSubcarriers: m } = grid;
  const last = Math.min(n - 1, grid.cyclicPrefixLength + advance);
  return ({ data }, superimposed) => {
    response.re.fill(0);
    response.im.fill(0);
    let energy = 0;
    for (let i = 0, k = 0; i < data.re.length; i++) {
      const bin = dataBins[k];
      const [cr, ci, yr, yi] = [superimposed.re[i], superimposed.im[i], data.re[i], data.im[i]];
      response.re[bin] += cr * yr + ci * yi;
      response.im[bin] += cr * yi - ci * yr;
      energy += yr * yr + yi * yi;
      if (++k === m) k = 0;
    }
    fft.inverse(response, response);
    let inside = 0;
    for (let l = 0; l <= last; l++) inside += response.re[l] ** 2 + response.im[l] ** 2;
    return energy > 0 ? (inside * n) / energy : 0;
  };
}
