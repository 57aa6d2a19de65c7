import type { ComplexArray } from '../core/complex.js';
import { createComplex } from '../core/complex.js';
import { createFft } from '../dsp/fft.js';
import type { PacketCells } from '../ofdm/demodulator.js';
import type { Grid } from '../ofdm/grid.js';

/**
 * How well received cells fit the superimposed reference at their place: energy of the K + 1 strongest-placed taps of
 * b[m] = Σ_s C*[s,m]·Y[s,m], over the cells' own energy.
 *
 * Only where the first symbol is assumed rightly do the reference's cells add up: b is then S·√ρ·H plus what looks like
 * noise, and H has its energy in few taps.
 */
export function referenceFit(grid: Grid, cells: PacketCells, reference: ComplexArray, advance: number): number {
  const n = grid.fftSize;
  const fft = createFft(n);
  const response = createComplex(n);
  const m = grid.numDataSubcarriers;
  const { data } = cells;
  let energy = 0;
  for (let i = 0; i < data.re.length; i++) {
    const bin = grid.dataBins[i % m];
    const [cr, ci, yr, yi] = [reference.re[i], reference.im[i], data.re[i], data.im[i]];
    response.re[bin] += cr * yr + ci * yi;
    response.im[bin] += cr * yi - ci * yr;
    energy += yr * yr + yi * yi;
  }
  fft.inverse(response, response);
  const last = Math.min(n - 1, grid.cyclicPrefixLength + advance);
  let inside = 0;
  for (let l = 0; l <= last; l++) inside += response.re[l] ** 2 + response.im[l] ** 2;
  return energy > 0 ? (inside * n) / energy : 0;
}

/** Candidates by how well they fit the reference, best first. */
export function bestByReference<T extends { readonly cells: PacketCells }>(
  grid: Grid,
  candidates: readonly T[],
  reference: ComplexArray,
  advance: number,
): T[] {
  const fits = new Map(
    candidates.map((candidate) => [candidate, referenceFit(grid, candidate.cells, reference, advance)]),
  );
  return [...candidates].sort((a, b) => (fits.get(b) ?? 0) - (fits.get(a) ?? 0));
}
