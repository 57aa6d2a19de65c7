import { type ComplexArray, createComplex } from '../core/complex.js';
import { createRng, type Rng } from '../core/rng.js';
import type { Grid } from './grid.js';

/** Fills `out` with uniformly random QPSK of unit modulus, (±1 ± j)/√2. */
export function fillQpsk(out: ComplexArray, rng: Rng): void {
  for (let i = 0; i < out.re.length; i++) {
    const bits = rng.uint32() >>> 30;
    out.re[i] = (bits & 1) === 0 ? Math.SQRT1_2 : -Math.SQRT1_2;
    out.im[i] = (bits & 2) === 0 ? Math.SQRT1_2 : -Math.SQRT1_2;
  }
}

/** The block pilots X_p [pilotSymbols, numActiveSubcarriers]: seeded QPSK, unit modulus, the same in every packet. */
export function blockPilotElements(grid: Grid): ComplexArray {
  return qpskElements(grid, 'block-pilots', grid.pilotSymbols * grid.numActiveSubcarriers);
}

/** The comb pilots [S, numPilotSubcarriers]: seeded QPSK, unit modulus, the same in every packet. */
export function combPilotElements(grid: Grid): ComplexArray {
  return qpskElements(grid, 'comb-pilots', grid.symbolsPerPacket * grid.numPilotSubcarriers);
}

function qpskElements(grid: Grid, label: string, length: number): ComplexArray {
  const elements = createComplex(length);
  fillQpsk(elements, createRng(grid.config.seed).split(label));
  return elements;
}
