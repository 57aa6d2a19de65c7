import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Codec, openCodec } from '../../../src/codec/codec.js';
import { symbolsOf } from '../../../src/codec/layout.js';
import { type RawConfig, resolveConfig } from '../../../src/config/load.js';
import { createComplex } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { type Denoiser, openDenoiser } from '../../../src/diffusion/denoiser.js';
import { linkFrames } from '../../../src/link/link.js';
import type { FrameOutcome } from '../../../src/link/results/frame-report.js';
import { createLinkSetting, gridOf } from '../../../src/link/setting/link-setting.js';
import { toldOf } from '../../../src/receiver/sampling/element-mapping.js';
import { createEqualiserGraph, createForwardGraph } from '../../../src/receiver/sampling/forward-operator.js';
import { createGuidance } from '../../../src/receiver/sampling/guidance.js';
import { createOnnxRuntime } from '../../../src/runtime/onnx-runtime.js';
import { tensor, type Tensor } from '../../../src/runtime/tensor.js';
import { builtinPicture } from '../../../src/source/builtin-pictures.js';
import { openPictures } from '../../../src/source/picture-source.js';
import { writeGaussianPrior } from '../../support/gaussian-prior.js';
import { writeMaskedCodec } from '../../support/masked-codec.js';

const runtime = createOnnxRuntime({ threads: 1 });
let codec: Codec;
let denoiser: Denoiser;
beforeAll(async () => {
  codec = await openCodec(writeMaskedCodec(), runtime);
  denoiser = await openDenoiser(writeGaussianPrior('epsilon'), runtime);
});
afterAll(() => runtime.dispose());

/** A frame of a face: its own layout, codeword and resource elements. */
async function frameOf(seed: number, raw: RawConfig = {}) {
  const { data, height, width } = await builtinPicture('faces', seed, 64);
  const config = resolveConfig(raw);
  const layout = await codec.layoutOf(data, height, width, config.snrDb);
  const setting = createLinkSetting(config, codec, gridOf(config), { height, width }, layout);
  const latents = await codec.encode(data, 1, layout, config.snrDb);
  const elements = createComplex(setting.interleaver.numPackets * setting.grid.elementsPerPacket);
  setting.interleaver.interleave(symbolsOf(layout, latents), elements);
  const rho = Math.sqrt(setting.rho);
  for (let i = 0; i < elements.re.length; i++) {
    elements.re[i] = Math.sqrt(1 - setting.rho) * elements.re[i] + rho * setting.superimposed.re[i];
    elements.im[i] = Math.sqrt(1 - setting.rho) * elements.im[i] + rho * setting.superimposed.im[i];
  }
  return { picture: data, setting, latents, elements, layout };
}
const row = (values: Float32Array): Tensor => tensor(values, [1, values.length]);
const only = (feeds: Readonly<Record<string, Tensor>>, names: readonly string[]): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(feeds).filter(([name]) => names.includes(name)));

const options = {
  channel: 'elements',
  clipping: false,
  interference: false,
  knownPilots: false,
  power: 'own',
} as const;

describe('sampling with a codec that chooses what it sends', () => {
  it.each([
    ['as it is', {}],
    ['with a superimposed pilot', { rho: 0.1 }],
  ])(
    'has resource elements as the link sends them, and the latents back at the encoder’s scale: %s',
    async (_, raw) => {
      const frames = [await frameOf(2, raw), await frameOf(9, raw)];
      // Another mask with another picture, and one graph for both.
      expect(frames[0].layout.numSymbols).not.toBe(frames[1].layout.numSymbols);
      for (const { setting, picture, latents, elements, layout } of frames) {
        const { channels, height, width, side } = layout;
        const raw = latents.map((v) => v / side!.scale);
        const ones = elements.re.map(() => 1);
        const zeros = elements.re.map(() => 0);
        const received = {
          received_re: row(zeros),
          received_im: row(zeros),
          channel_re: row(ones),
          channel_im: row(zeros),
        };
        const own = createForwardGraph(setting, options);
        // The encoder gives latents that are not sent as well; they must not count.
        const unsent = raw.map((v, i) => (side!.mask[i] === 1 ? v : 5));
        const feeds = { latents: tensor(unsent, [1, channels, height, width]), ...received, ...toldOf(setting, 1) };
        const ports = await runtime.describe(own);
        const out = await runtime.run(
          own,
          only(
            feeds,
            ports.inputs.map(({ name }) => name),
          ),
        );
        let error = 0;
        elements.re.forEach((v, i) => {
          error = Math.max(
            error,
            Math.abs(out['sent_re'].data[i] - v),
            Math.abs(out['sent_im'].data[i] - elements.im[i]),
          );
        });
        expect(error).toBeLessThan(1e-5);
        // Told its power, the operator scales by that.
        const told = createForwardGraph(setting, { ...options, power: 'told' });
        const power = await codec.latentPower(picture, layout, setting.snrDb);
        const twice = {
          ...feeds,
          latents: tensor(
            raw.map((v) => 2 * v),
            [1, channels, height, width],
          ),
        };
        const more = { ...twice, latent_power: tensor(Float32Array.of(power), [1]) };
        const names = (await runtime.describe(told)).inputs.map(({ name }) => name);
        const doubled = await runtime.run(told, only(more, names));
        const i = elements.re.findIndex((v, k) => setting.interleaver.symbolOf[k] >= 0 && Math.abs(v) > 0.3);
        const [pilot, amplitude] = [Math.sqrt(setting.rho) * setting.superimposed.re[i], Math.sqrt(1 - setting.rho)];
        expect((doubled['sent_re'].data[i] - pilot) / amplitude).toBeCloseTo(
          (2 * (elements.re[i] - pilot)) / amplitude,
          3,
        );

        const equaliser = createEqualiserGraph(setting);
        const heard = {
          ...{
            elements_re: row(elements.re),
            elements_im: row(elements.im),
            response_re: row(ones),
            response_im: row(zeros),
          },
          noise_variance: tensor(Float32Array.of(0), [1]),
          ...toldOf(setting, 1),
        };
        const wanted = (await runtime.describe(equaliser)).inputs.map(({ name }) => name);
        const back = (await runtime.run(equaliser, only(heard, wanted)))['latents'].data;
        back.forEach((v, k) => expect(v).toBeCloseTo(side!.mask[k] === 1 ? raw[k] : 0, 4));
      }
    },
  );

  it('is what the link’s samplers do, with a graph for all frames, and blind-em still refuses', async () => {
    const run = async (names: string[], knowledge = 'perfect'): Promise<(readonly FrameOutcome[])[]> => {
      const config = resolveConfig({
        receiver: {
          names,
          diffcom: { steps: 8, knowledge: 'pilot' },
          hifiDiffcom: { steps: 4, knowledge, perception: 0 },
          blindDiffcom: { steps: 4, runs: 1 },
        },
        channel: { taps: { kind: 'identity' } },
        snrDb: 20,
        run: { out: null },
      });
      const pictures = openPictures(['builtin:faces'], { maxPixels: 1 << 20, frames: 3 }).pictures();
      const frames = [];
      for await (const outcomes of linkFrames(config, { codec, runtime, denoiser }, pictures)) frames.push(outcomes);
      return frames;
    };
    const frames = await run(['perfect', 'diffcom', 'hifi-diffcom', 'blind-diffcom']);
    expect(new Set(frames.map(([{ report }]) => report.channelUses)).size).toBeGreaterThan(1);
    for (const outcomes of frames) {
      const [perfect, diffcom, hifi, blind] = outcomes.map(({ report }) => report);
      expect(outcomes.map(({ report }) => report.sideInformationBits)).toEqual(
        outcomes.map(() => perfect.sideInformationBits),
      );
      expect(perfect.sideInformationBits).toBeGreaterThan(0);
      // Of a sample nothing is shown: it is the decoder's picture.
      expect(hifi.psnrDb).toBeCloseTo(perfect.psnrDb!, 5);
      for (const { psnrDb } of [diffcom, blind]) expect(psnrDb).toBeGreaterThan(3);
    }
    await expect(run(['blind-em'])).rejects.toThrow(
      'only perfect, pilot, diffcom, hifi-diffcom, blind-diffcom, blind-hifi-diffcom take',
    );
    await expect(run(['hifi-diffcom'], 'blind-em')).rejects.toThrow('choose knowledge perfect or pilot');
  });

  it('has the slope of its loss, the confirming term through the decoder included', async () => {
    const { setting, elements, picture } = await frameOf(2);
    const guidance = await createGuidance(
      setting,
      denoiser,
      { batch: 1, forward: options, confirm: true, channelGradient: false },
      runtime,
    );
    const rng = createRng(7);
    const response = createComplex(elements.re.length);
    rng.fillComplexGaussian(response, 1);
    const target = picture.map((v) => 2 * v - 1);
    const noisy = target.map((v) => v + 0.3 * rng.gaussian());
    const step = (x: Float32Array) =>
      guidance.step({
        noisy: tensor(x, [1, 3, 64, 64]),
        sigma: 0.3,
        channel: response,
        received: elements,
        weights: { distance: 0.7, confirm: 0.4 },
        confirm: { response, noiseVariance: 0.1, target },
      });
    const { gradient, confirm } = await step(noisy);
    const size = Math.hypot(...gradient);
    expect(size).toBeGreaterThan(1e-3);
    expect(confirm[0]).toBeGreaterThan(0);
    const loss = async (by: number): Promise<number> => {
      const at = await step(noisy.map((v, i) => v + (by * gradient[i]) / size));
      return 0.7 * at.distance[0] + 0.4 * at.confirm[0];
    };
    expect(((await loss(0.02)) - (await loss(-0.02))) / 0.04 / size).toBeCloseTo(1, 1);
  });
});
