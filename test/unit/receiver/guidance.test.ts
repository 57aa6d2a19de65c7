import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Codec, openCodec } from '../../../src/codec/codec.js';
import { createComplex } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { findModel } from '../../../src/core/shipped-models.js';
import { type Denoiser, openDenoiser } from '../../../src/diffusion/denoiser.js';
import { normalTensor } from '../../../src/diffusion/samplers.js';
import { resolveConfig, type RawConfig } from '../../../src/config/load.js';
import { createLinkSetting, gridOf } from '../../../src/link/setting/link-setting.js';
import { createGuidance, type GuidanceInput, type GuidanceOptions } from '../../../src/receiver/sampling/guidance.js';
import type { LinkSetting } from '../../../src/receiver/receiver.js';
import { createOnnxRuntime } from '../../../src/runtime/onnx-runtime.js';
import { tensor } from '../../../src/runtime/tensor.js';
import { exactDenoised, writeGaussianPrior } from '../../support/gaussian-prior.js';

const runtime = createOnnxRuntime({ threads: 1 });
let codec: Codec;
let denoiser: Denoiser;
beforeAll(async () => {
  codec = await openCodec(findModel('codec', 'faces-12'), runtime);
  denoiser = await openDenoiser(writeGaussianPrior('epsilon'), runtime);
});
afterAll(() => runtime.dispose());

const settingOf = (raw: RawConfig): LinkSetting => {
  const config = resolveConfig(raw);
  return createLinkSetting(config, codec, gridOf(config), { height: 32, width: 32 });
};

/** A random problem for a setting: chains, channel, received elements. */
function problemOf(setting: LinkSetting, options: GuidanceOptions): GuidanceInput {
  const rng = createRng(3);
  const numElements = setting.interleaver.numPackets * setting.grid.elementsPerPacket;
  const perChain =
    options.forward.channel === 'taps' ? setting.interleaver.numPackets * setting.tapPrior.length : numElements;
  const channel = createComplex(options.batch * perChain);
  rng.fillComplexGaussian(channel, options.forward.channel === 'taps' ? 1 / setting.tapPrior.length : 1);
  const received = createComplex(numElements);
  rng.fillComplexGaussian(received, 1.1);
  const response = createComplex(numElements);
  rng.fillComplexGaussian(response, 1);
  const noisy = normalTensor([options.batch, 3, 32, 32], rng);
  const target = Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => Math.sin(i / 50));
  return {
    noisy,
    sigma: 0.8,
    channel,
    received,
    weights: { distance: 0.7, confirm: options.confirm ? 0.4 : 0 },
    ...(options.confirm ? { confirm: { response, noiseVariance: 0.1, target } } : {}),
  };
}

const taps = { channel: 'taps', clipping: true, interference: true, knownPilots: false, power: 'own' } as const;
const elements = {
  channel: 'elements',
  clipping: true,
  interference: false,
  knownPilots: false,
  power: 'own',
} as const;

describe('a guidance step', () => {
  it.each([
    ['taps', {}, { batch: 1, forward: taps, confirm: false, channelGradient: true }],
    ['two chains', {}, { batch: 2, forward: taps, confirm: false, channelGradient: true }],
    [
      'a known response and the confirming term',
      {},
      { batch: 1, forward: elements, confirm: true, channelGradient: false },
    ],
    [
      'clipping and a short prefix',
      { ofdm: { clippingRatio: 1, cyclicPrefixLength: 3 } },
      { batch: 1, forward: taps, confirm: false, channelGradient: true },
    ],
    ['a superimposed pilot', { rho: 0.1 }, { batch: 1, forward: elements, confirm: true, channelGradient: false }],
  ] as const)('gives the slope of its loss in picture and channel: %s', async (_, raw, options) => {
    const setting = settingOf(raw as RawConfig);
    const guidance = await createGuidance(setting, denoiser, options, runtime);
    const input = problemOf(setting, options);
    const output = await guidance.step(input);
    const loss = async (changed: GuidanceInput): Promise<number> => {
      const { distance, confirm } = await guidance.step(changed);
      return distance.reduce((sum, d, i) => sum + input.weights.distance * d + input.weights.confirm * confirm[i], 0);
    };
    const slopeAlong = async (move: (by: number) => GuidanceInput): Promise<number> =>
      ((await loss(move(0.02))) - (await loss(move(-0.02)))) / 0.04;

    // Along the gradient itself the slope is the gradient's length.
    const size = Math.hypot(...output.gradient);
    const direction = output.gradient.map((v) => v / size);
    const along = await slopeAlong((by) => ({
      ...input,
      noisy: tensor(
        input.noisy.data.map((v, i) => v + by * direction[i]),
        input.noisy.dims,
      ),
    }));
    expect(size).toBeGreaterThan(1e-3);
    expect(along / size).toBeCloseTo(1, 1);

    if (output.channelGradient === null) return;
    const { re, im } = output.channelGradient;
    const channelSize = Math.hypot(...re, ...im);
    const alongChannel = await slopeAlong((by) => ({
      ...input,
      channel: {
        re: input.channel.re.map((v, i) => v + (by * re[i]) / channelSize),
        im: input.channel.im.map((v, i) => v + (by * im[i]) / channelSize),
      },
    }));
    expect(alongChannel / channelSize).toBeCloseTo(1, 1);
  });

  it('takes pictures of sizes that the prior does not: denoises as the denoiser does, and knows its slope', async () => {
    const prior = await openDenoiser(findModel('prior', 'faces-prior'), runtime);
    expect(prior.card.multipleOf).toBe(8);
    const config = resolveConfig({});
    const [height, width] = [36, 20];
    const setting = createLinkSetting(config, codec, gridOf(config), { height, width });
    const options = { batch: 2, forward: elements, confirm: false, channelGradient: false } as const;
    const guidance = await createGuidance(setting, prior, options, runtime);
    const problem = problemOf(setting, options);
    const noisy = normalTensor([2, 3, height, width], createRng(5));
    const input = { ...problem, noisy };
    const output = await guidance.step(input);
    const { data } = await prior.denoise(noisy, input.sigma);
    output.denoised.data.forEach((v, i) => {
      expect(v).toBeCloseTo(Math.min(1, Math.max(-1, data[i])), 4);
    });

    const size = Math.hypot(...output.gradient);
    const lossAt = async (by: number): Promise<number> => {
      const moved = noisy.data.map((v, i) => v + (by * output.gradient[i]) / size);
      const { distance } = await guidance.step({ ...input, noisy: tensor(moved, noisy.dims) });
      return distance.reduce((sum, d) => sum + input.weights.distance * d, 0);
    };
    expect(((await lossAt(0.02)) - (await lossAt(-0.02))) / 0.04 / size).toBeCloseTo(1, 1);
  });

  it('denoises as the denoiser does, clipped, and keeps chains apart', async () => {
    const setting = settingOf({});
    const options = { batch: 2, forward: taps, confirm: false, channelGradient: true } as const;
    const guidance = await createGuidance(setting, denoiser, options, runtime);
    const input = problemOf(setting, options);
    const both = await guidance.step(input);
    input.noisy.data.forEach((v, i) => {
      expect(both.denoised.data[i]).toBeCloseTo(Math.min(1, Math.max(-1, exactDenoised(v, 0.8))), 4);
    });
    const moved = input.noisy.data.slice();
    for (let i = 0; i < moved.length / 2; i++) moved[i] += 0.5;
    const other = await guidance.step({ ...input, noisy: tensor(moved, input.noisy.dims) });
    expect(other.distance[0]).not.toBeCloseTo(both.distance[0], 3);
    expect(other.distance[1]).toBeCloseTo(both.distance[1], 3);
    const second = both.gradient.subarray(both.gradient.length / 2);
    other.gradient.subarray(both.gradient.length / 2).forEach((v, i) => expect(v).toBeCloseTo(second[i], 4));
  });
});
