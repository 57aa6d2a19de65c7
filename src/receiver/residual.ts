import { type ComplexArray, gather } from '../core/complex.js';
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
  const symbols = elements.map((element) => setting.interleaver.symbolOf[element]);
  return residualOver(setting, {
    elements,
    received: gather(received, elements),
    response: gather(response, elements),
    codeword: gather(codeword, symbols),
  });
}

/** The same with everything given in the order of the resource elements. */
export function residualOver(
  { rho, superimposed }: LinkSetting,
  part: {
    readonly elements: Int32Array;
    readonly received: ComplexArray;
    readonly response: ComplexArray;
    readonly codeword: ComplexArray;
  },
): number {
  const { elements, received, response, codeword } = part;
  const amplitude = Math.sqrt(1 - rho);
  const superimposedAmplitude = Math.sqrt(rho);
  let sum = 0;
  for (let i = 0; i < elements.length; i++) {
    const xr = amplitude * codeword.re[i] + superimposedAmplitude * superimposed.re[elements[i]];
    const xi = amplitude * codeword.im[i] + superimposedAmplitude * superimposed.im[elements[i]];
    const hr = response.re[i];
    const hi = response.im[i];
    sum += (received.re[i] - hr * xr + hi * xi) ** 2 + (received.im[i] - hr * xi - hi * xr) ** 2;
  }
  return sum;
}
