import type { ComplexArray } from '../core/complex.js';
import type { LinkSetting } from './receiver.js';

/**
 * ‖Y − Ĥ·(√(1−ρ)·z + √ρ·C)‖² over some cells: what a codeword leaves unexplained of the received signal.
 *
 * @param received Y [P·S·M]
 * @param response Ĥ of every cell [P·S·M]
 * @param codeword z [k]
 * @param cells which cells to sum over; each must carry a codeword symbol
 */
export function residualEnergy(
  setting: LinkSetting,
  received: ComplexArray,
  response: ComplexArray,
  codeword: ComplexArray,
  cells: Int32Array,
): number {
  const { rho, reference, interleaver } = setting;
  const amplitude = Math.sqrt(1 - rho);
  const referenceAmplitude = Math.sqrt(rho);
  let sum = 0;
  for (const cell of cells) {
    const symbol = interleaver.symbolOf[cell];
    const xr = amplitude * codeword.re[symbol] + referenceAmplitude * reference.re[cell];
    const xi = amplitude * codeword.im[symbol] + referenceAmplitude * reference.im[cell];
    const hr = response.re[cell];
    const hi = response.im[cell];
    sum += (received.re[cell] - hr * xr + hi * xi) ** 2 + (received.im[cell] - hr * xi - hi * xr) ** 2;
  }
  return sum;
}
