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

/**
 * How far a frame's OFDM symbols are turned against what a codeword and a channel make of them, rad:
 *
 *   φ = arccos(Re Σ_t s_t / Σ_t |s_t|),   s_t = Σ_m (Ĥ·X)*·Y over the elements of symbol t,   X = √(1−ρ)·z + √ρ·C
 *
 * 0 where all that is unexplained is noise: a channel or an oscillator that moved on turns symbols, distortion does not.
 */
export function phaseErrorOver(
  { rho, superimposed, interleaver, grid }: Pick<LinkSetting, 'rho' | 'superimposed' | 'interleaver' | 'grid'>,
  received: ComplexArray,
  response: ComplexArray,
  codeword: ComplexArray,
  elements: Int32Array,
): number {
  const amplitude = Math.sqrt(1 - rho);
  const superimposedAmplitude = Math.sqrt(rho);
  const sums = new Map<number, { re: number; im: number }>();
  for (const element of elements) {
    const t = Math.floor(element / grid.numDataSubcarriers);
    let sum = sums.get(t);
    if (sum === undefined) sums.set(t, (sum = { re: 0, im: 0 }));
    const symbol = interleaver.symbolOf[element];
    const xr = amplitude * codeword.re[symbol] + superimposedAmplitude * superimposed.re[element];
    const xi = amplitude * codeword.im[symbol] + superimposedAmplitude * superimposed.im[element];
    const pr = response.re[element] * xr - response.im[element] * xi;
    const pi = response.re[element] * xi + response.im[element] * xr;
    sum.re += pr * received.re[element] + pi * received.im[element];
    sum.im += pr * received.im[element] - pi * received.re[element];
  }
  let along = 0;
  let coherent = 0;
  for (const { re, im } of sums.values()) {
    along += re;
    coherent += Math.hypot(re, im);
  }
  return coherent === 0 ? 0 : Math.acos(Math.min(1, Math.max(-1, along / coherent)));
}
