import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Codec, openCodec } from '../../../src/codec/codec.js';
import { symbolsOf } from '../../../src/codec/layout.js';
import { resolveConfig } from '../../../src/config/load.js';
import { createComplex } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { findModel } from '../../../src/core/shipped-models.js';
import { createLinkSetting, gridOf } from '../../../src/link/setting/link-setting.js';
import { decoderLatents } from '../../../src/receiver/decoder-input.js';
import { equalise, latentsOfElements } from '../../../src/receiver/equalise.js';
import { createOnnxRuntime } from '../../../src/runtime/onnx-runtime.js';
import { builtinPicture } from '../../../src/source/builtin-pictures.js';

const runtime = createOnnxRuntime({ threads: 1 });
let faces: Codec;
beforeAll(async () => {
  faces = await openCodec(findModel('codec', 'faces-12'), runtime);
});
afterAll(() => runtime.dispose());

/** A face of `edge` pixels through a channel of four levels, known but for `spread`, with noise. */
async function heardFace({ rho = 0, edge = 64, spread = 0, sigma2 = 0.1 } = {}) {
  const asked: { precision: Float32Array; information: Float32Array; dims: readonly number[] }[] = [];
  const codec: Codec = {
    ...faces,
    decodesRefined: true,
    refine(precision, information, dims) {
      asked.push({ precision, information, dims });
      return faces.refine(precision, information, dims);
    },
  };
  const config = resolveConfig({ rho });
  const setting = createLinkSetting(config, codec, gridOf(config), { height: edge, width: edge });
  const { layout, interleaver, superimposed } = setting;
  const picture = await builtinPicture('faces', 2, edge);
  const sent = await codec.encode(picture.data, 1, layout, setting.snrDb);
  const elements = createComplex(interleaver.symbolOf.length);
  interleaver.interleave(symbolsOf(layout, sent), elements);
  const rng = createRng(3);
  const response = createComplex(elements.re.length);
  for (let i = 0; i < elements.re.length; i++) {
    [response.re[i], response.im[i]] = [
      [1, 0.2],
      [-0.1, 0.4],
      [0.3, -1.2],
      [0.05, 0.1],
    ][i % 4] as [number, number];
    const [a, b] = [Math.sqrt(1 - rho), Math.sqrt(rho)];
    const xr = a * elements.re[i] + b * superimposed.re[i];
    const xi = a * elements.im[i] + b * superimposed.im[i];
    elements.re[i] = response.re[i] * xr - response.im[i] * xi + Math.sqrt(sigma2 / 2) * rng.gaussian();
    elements.im[i] = response.re[i] * xi + response.im[i] * xr + Math.sqrt(sigma2 / 2) * rng.gaussian();
  }
  const responseVariance = spread === 0 ? null : new Float32Array(elements.re.length).fill(spread);
  const heard = { elements, channel: { response, responseVariance }, noiseVariance: sigma2 };
  const equalised = equalise(setting, elements, heard.channel, sigma2);
  const error = (latents: Float32Array) => latents.reduce((sum, v, i) => sum + (v - sent[i]) ** 2, 0) / sent.length;
  return { setting, heard, equalised, asked, error };
}

describe('what a decoder is handed', () => {
  it('is the refiner’s posterior mean, nearer to what was sent than the equaliser comes', async () => {
    for (const given of [{}, { edge: 96, spread: 0.02 }, { rho: 0.1 }]) {
      const { setting, heard, equalised, asked, error } = await heardFace(given);
      const latents = await decoderLatents(setting, equalised, heard);
      const { channels, height, width } = setting.layout;
      expect(asked.map(({ dims }) => dims)).toEqual([[1, channels, height, width]]);
      expect(error(latents)).toBeLessThan(0.6 * error(latentsOfElements(setting, equalised)));
    }
  });

  it('says of each latent how surely it was heard: q/(w + 2) is what the equaliser gives, w = 2(|H|² + v)/σ²', async () => {
    for (const given of [{ spread: 0.02 }, { rho: 0.1 }, { edge: 96 }]) {
      const { setting, heard, equalised, asked } = await heardFace(given);
      await decoderLatents(setting, equalised, heard);
      const [{ precision, information }] = asked;
      const known = latentsOfElements(setting, equalised);
      known.forEach((z, i) => expect(information[i] / (precision[i] + 2)).toBeCloseTo(z, 4));
      const { layout, interleaver, rho } = setting;
      const element = interleaver.elementOf[7];
      const { re, im } = heard.channel.response;
      const w = (2 * (1 - rho) * (re[element] ** 2 + im[element] ** 2 + (given.spread ?? 0))) / 0.1;
      expect(precision[layout.latentOf[7]]).toBeCloseTo(w, 3);
      expect(precision[layout.imaginaryOf[7]]).toBeCloseTo(w, 3);
    }
  });

  it('is equalised latents for decoders that know no others, and where it is not said what was heard', async () => {
    const { setting, heard, equalised, asked } = await heardFace();
    const known = latentsOfElements(setting, equalised);
    expect(await decoderLatents(setting, equalised)).toEqual(known);
    const plain = { ...setting.codec, decodesRefined: false };
    expect(await decoderLatents({ ...setting, codec: plain }, equalised, heard)).toEqual(known);
    expect(asked).toEqual([]);
  });

  it('needs a refiner', async () => {
    const from = dirname(findModel('codec', 'faces-12'));
    const folder = mkdtempSync(join(tmpdir(), 'blindlink-decodes-refined-'));
    try {
      const card = JSON.parse(readFileSync(join(from, 'card.json'), 'utf8')) as Record<string, unknown>;
      for (const file of ['encoder.onnx', 'decoder.onnx']) copyFileSync(join(from, file), join(folder, file));
      const { encoder, decoder, latentChannels, downSampling, snrInput } = card;
      const bare = {
        format: 'blindlink-codec/1',
        name: 'bare',
        encoder,
        decoder,
        latentChannels,
        downSampling,
        snrInput,
      };
      writeFileSync(join(folder, 'card.json'), JSON.stringify({ ...bare, decodesRefined: true }));
      await expect(openCodec(join(folder, 'card.json'), runtime)).rejects.toThrow(/decodesRefined needs a refiner/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
