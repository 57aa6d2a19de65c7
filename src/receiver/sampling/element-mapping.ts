import type { CodewordLayout } from '../../codec/layout.js';
import { tensor, type Tensor } from '../../runtime/tensor.js';
import type { LinkSetting } from '../receiver.js';

/** Which latent each resource element's real or imaginary part carries, with what amplitude, and what it carries besides that is known. */
interface Mapping {
  readonly place: Float32Array;
  readonly amplitude: Float32Array;
  readonly known: Float32Array;
}

/** X = amplitude·z[place] + known, a resource element at a time. */
export function elementMapping({ interleaver, layout, rho, superimposed }: LinkSetting): {
  readonly re: Mapping;
  readonly im: Mapping;
} {
  const amplitude = Math.sqrt(1 - rho);
  const part = (latentOf: Int32Array, filler: Float32Array, known: Float32Array): Mapping => {
    const latents = Array.from(interleaver.symbolOf, (symbol) => (symbol < 0 ? -1 : latentOf[symbol]));
    return {
      place: Float32Array.from(latents, (latent) => Math.max(0, latent)),
      amplitude: Float32Array.from(latents, (latent) => (latent < 0 ? 0 : amplitude)),
      known: Float32Array.from(filler, (v, i) => amplitude * v + Math.sqrt(rho) * known[i]),
    };
  };
  return {
    re: part(layout.latentOf, interleaver.filler.re, superimposed.re),
    im: part(layout.imaginaryOf, interleaver.filler.im, superimposed.im),
  };
}

/** What graphs of a codec that chooses what it sends take beside their other inputs, of one frame; nothing for other codecs. */
export function toldOf(setting: LinkSetting, batch: number): Readonly<Record<string, Tensor>> {
  const { interleaver, layout } = setting;
  const { side, channels, height, width } = layout;
  if (side === null) return {};
  const told: Record<string, Tensor> = {};
  const { numLatents, elementOf, isReal, isImaginary } = latentMapping(layout, interleaver.elementOf, side.scale);
  for (const [name, { place, amplitude, known }] of Object.entries(elementMapping(setting))) {
    told[`place_${name}`] = tensor(place, [place.length]);
    told[`amplitude_${name}`] = tensor(amplitude, [1, amplitude.length]);
    told[`known_${name}`] = tensor(known, [1, known.length]);
  }
  const mask = Float32Array.from(side.mask);
  const every = new Float32Array(batch * numLatents);
  for (let i = 0; i < batch; i++) every.set(mask, i * numLatents);
  return {
    ...told,
    sent_mask: tensor(mask, [1, numLatents]),
    told_mask: tensor(every, [batch, channels, height, width]),
    element_of: tensor(elementOf, [numLatents]),
    is_real: tensor(isReal, [1, numLatents]),
    is_imaginary: tensor(isImaginary, [1, numLatents]),
  };
}

/** Where each latent was sent, and as which part of a symbol; at the encoder's own scale (`scale` made it mean |z|² = 1), 0 where it was not. */
function latentMapping(layout: CodewordLayout, elementOfSymbol: Int32Array, scale: number) {
  const numLatents = layout.channels * layout.height * layout.width;
  const [elementOf, isReal, isImaginary] = [0, 1, 2].map(() => new Float32Array(numLatents));
  for (let symbol = 0; symbol < layout.numSymbols; symbol++) {
    const [real, imaginary] = [layout.latentOf[symbol], layout.imaginaryOf[symbol]];
    elementOf[real] = elementOfSymbol[symbol];
    isReal[real] = 1 / scale;
    if (imaginary < 0) continue;
    elementOf[imaginary] = elementOfSymbol[symbol];
    isImaginary[imaginary] = 1 / scale;
  }
  return { numLatents, elementOf, isReal, isImaginary };
}
