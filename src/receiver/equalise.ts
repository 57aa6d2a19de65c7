import { latentsOf } from '../codec/layout.js';
import { type ComplexArray, createComplex } from '../core/complex.js';
import type { LinkSetting } from './receiver.js';

export type EqualiserKind = 'mmse' | 'zf';

/** What an equaliser knows of each data resource element, [P·S·M]. */
export interface ElementChannel {
  readonly response: ComplexArray;
  /** Posterior variance of the response; null where it is taken as exact. */
  readonly responseVariance: Float32Array | null;
}

/**
 * Removes channel and superimposed pilot from every resource element:
 *
 *   mmse: z̃ = √(1−ρ)·Ĥ*·(Y − √ρ·Ĥ·C) / ((1−ρ)(|Ĥ|² + v) + σ²)
 *   zf:   z̃ = (Y − √ρ·Ĥ·C) / (√(1−ρ)·Ĥ)
 *
 * @param received Y [P·S·M], or of the resource elements `only`
 * @param noiseVariance σ², total per complex resource element
 * @param only which resource elements are given; all in order by default
 */
export function equalise(
  setting: LinkSetting,
  received: ComplexArray,
  channel: ElementChannel,
  noiseVariance: number,
  kind: EqualiserKind = 'mmse',
  only?: Int32Array,
): ComplexArray {
  const { rho, superimposed } = setting;
  const { response, responseVariance } = channel;
  const out = createComplex(received.re.length);
  const amplitude = Math.sqrt(1 - rho);
  const superimposedAmplitude = Math.sqrt(rho);
  for (let i = 0; i < out.re.length; i++) {
    const hr = response.re[i];
    const hi = response.im[i];
    const element = only === undefined ? i : only[i];
    const cr = superimposedAmplitude * superimposed.re[element];
    const ci = superimposedAmplitude * superimposed.im[element];
    const yr = received.re[i] - (hr * cr - hi * ci);
    const yi = received.im[i] - (hr * ci + hi * cr);
    const power = hr * hr + hi * hi;
    const spread = responseVariance === null ? 0 : responseVariance[i];
    const denominator =
      kind === 'mmse' ? (1 - rho) * (power + spread) + noiseVariance : (1 - rho) * Math.max(power, 1e-12);
    const gain = amplitude / denominator;
    out.re[i] = gain * (hr * yr + hi * yi);
    out.im[i] = gain * (hr * yi - hi * yr);
  }
  return out;
}

/** Equalised resource elements [P·S·M] → latents [C,h,w], into `out`. */
export function elementsToLatents(setting: LinkSetting, elements: ComplexArray, out: Float32Array): void {
  const symbols = createComplex(setting.layout.numSymbols);
  setting.interleaver.deinterleave(elements, symbols);
  latentsOf(setting.layout, symbols, out);
}

/** The same into latents of their own. */
export function latentsOfElements(setting: LinkSetting, elements: ComplexArray): Float32Array {
  const { channels, height, width } = setting.layout;
  const latents = new Float32Array(channels * height * width);
  elementsToLatents(setting, elements, latents);
  return latents;
}
