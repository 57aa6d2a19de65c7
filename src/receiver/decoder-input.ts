import type { CodewordLayout } from '../codec/layout.js';
import type { ComplexArray } from '../core/complex.js';
import { type ElementChannel, latentsOfElements } from './equalise.js';
import type { LinkSetting } from './receiver.js';

/** What was received of a frame, and what a receiver takes it to have come through. */
export interface HeardFrame {
  /** Y of every data resource element [P·S·M]. */
  readonly elements: ComplexArray;
  readonly channel: ElementChannel;
  /** σ², total per complex resource element. */
  readonly noiseVariance: number;
}

/** Where the real and imaginary parts of each of the layout's symbols lie among real latents. */
interface Places {
  readonly size: number;
  readonly real: (symbol: number) => number;
  readonly imaginary: (symbol: number) => number;
}

/** In tiles, [T, n] each. */
export const inTiles = ({ numTiles, tileSymbols, tileIndexOf }: CodewordLayout): Places => ({
  size: numTiles * 2 * tileSymbols,
  real: (symbol) => tileIndexOf[symbol],
  imaginary: (symbol) => tileIndexOf[symbol] + tileSymbols,
});

/** In the picture's latents [C,h,w]. */
export const inPicture = ({ channels, height, width, latentOf, imaginaryOf }: CodewordLayout): Places => ({
  size: channels * height * width,
  real: (symbol) => latentOf[symbol],
  imaginary: (symbol) => imaginaryOf[symbol],
});

/**
 * Precision w = 2(|Ĥ|² + v)/σ² and information vector q = 2·Re/Im(Ĥ*Y)/σ² of every real latent, the superimposed pilot taken out; 0 where
 * nothing was sent.
 */
export function informationOf(
  { layout, interleaver, rho, superimposed }: LinkSetting,
  { elements, channel: { response, responseVariance }, noiseVariance }: HeardFrame,
  { size, real, imaginary }: Places,
): { readonly precision: Float32Array; readonly information: Float32Array } {
  const precision = new Float32Array(size);
  const information = new Float32Array(size);
  const scale = 2 / noiseVariance;
  const amplitude = Math.sqrt(1 - rho);
  for (let i = 0; i < layout.numSymbols; i++) {
    const re = real(i);
    const im = imaginary(i);
    const element = interleaver.elementOf[i];
    const hr = response.re[element];
    const hi = response.im[element];
    const w = scale * (hr * hr + hi * hi + (responseVariance?.[element] ?? 0));
    const cr = Math.sqrt(rho) * superimposed.re[element];
    const ci = Math.sqrt(rho) * superimposed.im[element];
    precision[re] = (1 - rho) * w;
    precision[im] = (1 - rho) * w;
    information[re] = amplitude * (scale * (hr * elements.re[element] + hi * elements.im[element]) - w * cr);
    information[im] = amplitude * (scale * (hr * elements.im[element] - hi * elements.re[element]) - w * ci);
  }
  return { precision, information };
}

/**
 * What a codec's decoder is handed of a frame, latents [C,h,w]: the equalised ones, or, with a decoder that was trained on them
 * (`decodesRefined` in the card) and where it is known what was heard, the refiner's posterior mean E[z | Y, Ĥ]. An equalised latent does not say how surely
 * it was heard; the refiner knows, and what its neighbours say of it.
 *
 * @param equalised equalised resource elements [P·S·M]
 */
export async function decoderLatents(
  setting: LinkSetting,
  equalised: ComplexArray,
  heard?: HeardFrame,
): Promise<Float32Array> {
  const { codec, layout } = setting;
  if (heard === undefined || !codec.decodesRefined || layout.side !== null)
    return latentsOfElements(setting, equalised);
  const { precision, information } = informationOf(setting, heard, inPicture(layout));
  const { mean } = await codec.refine(precision, information, [1, layout.channels, layout.height, layout.width]);
  return mean;
}
