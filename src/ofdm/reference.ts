import { type ComplexArray, createComplex, subarray } from '../core/complex.js';
import { ConfigError, ShapeError } from '../core/errors.js';
import { createRng } from '../core/rng.js';
import type { Grid } from './grid.js';
import { fillQpsk } from './pilots.js';

/**
 * The superimposed reference C [numPackets, S, M]: seeded QPSK of unit modulus, its own for every cell.
 * The first packets of a longer reference equal a shorter one.
 */
export function referenceCells(grid: Grid, numPackets: number): ComplexArray {
  const cells = createComplex(numPackets * grid.cellsPerPacket);
  const rng = createRng(grid.config.seed).split('reference');
  for (let p = 0; p < numPackets; p++) {
    const start = p * grid.cellsPerPacket;
    fillQpsk(subarray(cells, start, start + grid.cellsPerPacket), rng.split(p));
  }
  return cells;
}

/**
 * Adds the reference: out = √(1−ρ)·cells + √ρ·reference, so that unit-power cells keep unit power.
 * The fraction ρ of the power buys the receiver the sign and phase of the channel without pilots.
 *
 * @param out may be `cells` itself
 * @throws ConfigError if ρ is not in [0, 1); ShapeError if the lengths differ
 */
export function superimpose(cells: ComplexArray, reference: ComplexArray, rho: number, out: ComplexArray): void {
  check(cells, reference, rho, out);
  const keep = Math.sqrt(1 - rho);
  const add = Math.sqrt(rho);
  for (let i = 0; i < cells.re.length; i++) {
    out.re[i] = keep * cells.re[i] + add * reference.re[i];
    out.im[i] = keep * cells.im[i] + add * reference.im[i];
  }
}

/** Undoes `superimpose`: out = (cells − √ρ·reference) / √(1−ρ). Noise in `cells` grows by 1/(1−ρ) in power. */
export function removeReference(cells: ComplexArray, reference: ComplexArray, rho: number, out: ComplexArray): void {
  check(cells, reference, rho, out);
  const gain = 1 / Math.sqrt(1 - rho);
  const subtract = Math.sqrt(rho);
  for (let i = 0; i < cells.re.length; i++) {
    out.re[i] = gain * (cells.re[i] - subtract * reference.re[i]);
    out.im[i] = gain * (cells.im[i] - subtract * reference.im[i]);
  }
}

function check(cells: ComplexArray, reference: ComplexArray, rho: number, out: ComplexArray): void {
  if (!(rho >= 0 && rho < 1)) {
    throw new ConfigError('config.reference', `reference power ρ is ${rho}: choose 0 ≤ ρ < 1`, { value: rho });
  }
  const n = cells.re.length;
  if (reference.re.length !== n || out.re.length !== n) {
    throw new ShapeError(
      'shape.reference',
      `${n} cells, ${reference.re.length} reference cells and room for ${out.re.length} must be equal`,
    );
  }
}
