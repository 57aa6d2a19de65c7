import { type ComplexArray, createComplex, subarray } from '../core/complex.js';
import { ConfigError, ShapeError } from '../core/errors.js';
import { createRng } from '../core/rng.js';
import type { Grid } from './grid.js';
import { fillQpsk } from './pilots.js';

/**
 * The superimposed pilot C [numPackets, S, M]: seeded QPSK of unit modulus, another for every resource element.
 * The first packets of a longer superimposed pilot equal a shorter one.
 */
export function superimposedPilot(grid: Grid, numPackets: number): ComplexArray {
  const elements = createComplex(numPackets * grid.elementsPerPacket);
  const rng = createRng(grid.config.seed).split('reference');
  for (let p = 0; p < numPackets; p++) {
    const start = p * grid.elementsPerPacket;
    fillQpsk(subarray(elements, start, start + grid.elementsPerPacket), rng.split(p));
  }
  return elements;
}

/**
 * Adds the superimposed pilot: out = √(1−ρ)·elements + √ρ·superimposed, so that unit-power resource elements keep unit power.
 * The fraction ρ of the power buys the receiver the sign and phase of the channel without pilots.
 *
 * @param out may be `elements` itself
 * @throws ConfigError if ρ is not in [0, 1); ShapeError if the lengths differ
 */
export function superimpose(elements: ComplexArray, superimposed: ComplexArray, rho: number, out: ComplexArray): void {
  check(elements, superimposed, rho, out);
  const keep = Math.sqrt(1 - rho);
  const add = Math.sqrt(rho);
  for (let i = 0; i < elements.re.length; i++) {
    out.re[i] = keep * elements.re[i] + add * superimposed.re[i];
    out.im[i] = keep * elements.im[i] + add * superimposed.im[i];
  }
}

/** Undoes `superimpose`: out = (elements − √ρ·superimposed) / √(1−ρ). Noise in `elements` grows by 1/(1−ρ) in power. */
export function removeSuperimposed(
  elements: ComplexArray,
  superimposed: ComplexArray,
  rho: number,
  out: ComplexArray,
): void {
  check(elements, superimposed, rho, out);
  const gain = 1 / Math.sqrt(1 - rho);
  const subtract = Math.sqrt(rho);
  for (let i = 0; i < elements.re.length; i++) {
    out.re[i] = gain * (elements.re[i] - subtract * superimposed.re[i]);
    out.im[i] = gain * (elements.im[i] - subtract * superimposed.im[i]);
  }
}

function check(elements: ComplexArray, superimposed: ComplexArray, rho: number, out: ComplexArray): void {
  if (!(rho >= 0 && rho < 1)) {
    throw new ConfigError('config.reference', `power share ρ of the superimposed pilot is ${rho}: choose 0 ≤ ρ < 1`, {
      value: rho,
    });
  }
  const n = elements.re.length;
  if (superimposed.re.length !== n || out.re.length !== n) {
    throw new ShapeError(
      'shape.reference',
      `${n} resource elements, ${superimposed.re.length} superimposed ones and room for ${out.re.length} must be equal`,
    );
  }
}
