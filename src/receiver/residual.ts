import type { ComplexArray } from '../core/complex.js';
import type { LinkSetting } from './receiver.js';

/**
 * ‖Y − Ĥ·(√(1−ρ)·z + √ρ·C)‖² over some resource elements: what a codeword leaves unexplained of the received signal.
 *
 * @param received Y [P·S·M]
 * @param response Ĥ of every resource element [P·S·M]
 * @param codeword z [k]
 * @param resource elements which resource elements to sum over; each must carry a codeword symbol
 */
export function residualEnergy(
  setting: LinkSetting,
  received: ComplexArray,
  response: ComplexArray,
  codeword: ComplexArray,
  elements: Int32Array,
): number {
  const { rho, superimposed, interleaver } = setting;
  const amplitude = Math.sqrt(1 - rho);
  const superimposedAmplitude = Math.sqrt(rho);
  let sum = 0;
  for (const element of elements) {
    const symbol = interleaver.symbolOf[element];
    const xr = amplitude * codeword.re[symbol] + superimposedAmplitude * superimposed.re[element];
    const xi = amplitude * codeword.im[symbol] + superimposedAmplitude * superimposed.im[element];
    const hr = response.re[element];
    const hi = response.im[element];
    sum += (received.re[element] - hr * xr + hi * xi) ** 2 + (received.im[element] - hr * xi - hi * xr) ** 2;
  }
  return sum;
}
