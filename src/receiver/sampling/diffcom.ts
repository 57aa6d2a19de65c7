import type { ComplexArray } from '../../core/complex.js';
import { ConfigError, throwIfAborted } from '../../core/errors.js';
import { normalTensor, scaled } from '../../diffusion/samplers.js';
import { type NoiseSchedule, respace, stepNearest } from '../../diffusion/schedule.js';
import type { Tensor } from '../../runtime/tensor.js';
import type { ChannelKnowledge } from './channel-knowledge.js';
import { equalise } from '../equalise.js';
import type { ForwardOperatorOptions } from './forward-operator.js';
import {
  chainOf,
  diffused,
  forwardOptions,
  guidedStep,
  type GuidedSamplingConfig,
  indexOfLeast,
  type SamplerParts,
  withWholeDecoder,
} from './guided-sampling.js';
import { createGuidance, type Guidance, type GuidanceInput } from './guidance.js';
import { decoderLatents } from '../decoder-input.js';
import { between, conclude, heardThrough, type KnownChannel, renderElements, renderLatents } from '../informed.js';
import { fromPrior, pictureDims, toPrior } from './picture-scale.js';
import type { LinkSetting, Receiver } from '../receiver.js';

export interface DiffcomConfig extends GuidedSamplingConfig {
  /** ζ, weight of the received signal's distance. */
  readonly zeta: number;
}

export interface HifiDiffcomConfig extends DiffcomConfig {
  /** γ, weight of the confirming term. */
  readonly gamma: number;
  /** Which terms guide: both, or the paper's Variant 1 (latent: distance alone) and 2 (pixel: confirming term alone). */
  readonly guidance: 'both' | 'latent' | 'pixel';
  /** 0: the decoder's picture; 1: the sample, as published; between: on the line between them. */
  readonly perception: number;
  /** Whether sampling starts at t_N from the deterministic reconstruction; otherwise at T from noise. */
  readonly adaptiveStart: boolean;
  /** δ and N of the start, and the CBR in it: a number, or the codec's own. */
  readonly delta: number;
  readonly startFactor: number;
  readonly startBandwidthRatio: number | null;
}

/**
 * t_N = min(T, N·argmin_t | log10(ᾱ_t/(1−ᾱ_t)) − δ·log10 (1+CSNR)^CBR |): the noisier the reconstruction, the earlier
 * the start (arXiv 2406.07390, equation 21; its code has CBR = 1/48 and δ = 5 written in).
 */
export function adaptiveStart(
  schedule: NoiseSchedule,
  { delta, startFactor }: Pick<HifiDiffcomConfig, 'delta' | 'startFactor'>,
  snrDb: number,
  bandwidthRatio: number,
): number {
  const logSnr = delta * bandwidthRatio * Math.log10(1 + 10 ** (snrDb / 10));
  const start = Math.round(startFactor * stepNearest(schedule, logSnr));
  return Math.min(schedule.numSteps, Math.max(1, start));
}

/**
 * What ζ and γ, which are meant for 64×64 pixels, are multiplied by: √(H·W)/64. The gradient of a norm has about the same length whatever
 * the size, so a pixel's share of a step falls with the root of how many there are.
 */
export function stepScale(setting: LinkSetting): number {
  const [, , height, width] = pictureDims(setting, 1);
  return Math.sqrt(height * width) / 64;
}

/** A sampler that takes its channel as known. */
export interface InformedSamplerParts<C> extends SamplerParts<C> {
  readonly knowledge: ChannelKnowledge;
}

/**
 * DiffCom (arXiv 2406.07390, algorithm 1): for t = T…1
 *
 *   x̂₀ = denoiser(x_t),   x'_{t−1} = ancestral DDPM step,   x_{t−1} = x'_{t−1} − ζ·∇_{x_t} ‖y − W(E(x̂₀); ĥ)‖₂
 *
 * The gradient goes through W, E and the denoiser; the norm, not its square, is differentiated.
 */
export function createDiffcom({ config, ...parts }: InformedSamplerParts<DiffcomConfig>): Receiver {
  const whole = {
    ...config,
    gamma: 0,
    guidance: 'latent',
    adaptiveStart: false,
    delta: 0,
    startFactor: 1,
    startBandwidthRatio: null,
    perception: 1,
  } as const;
  return createSampling('diffcom', { ...parts, config: whole });
}

/**
 * HiFi-DiffCom (arXiv 2406.07390, algorithm 2): DiffCom with the confirming term −γ·∇_{x_t} ‖x_d − D(W⁻¹(W(E(x̂₀); ĥ); ĥ))‖₂,
 * x_d = D(W⁻¹(y; ĥ)), started at t_N from √ᾱ·x_d + √(1−ᾱ)·ε. Pictures are in [−1, 1] in both terms. D is the decoder whose pictures are shown.
 */
export function createHifiDiffcom(parts: InformedSamplerParts<HifiDiffcomConfig>): Receiver {
  return createSampling('hifi-diffcom', parts);
}

function createSampling(
  name: 'diffcom' | 'hifi-diffcom',
  { setting: given, config, knowledge, denoiser, runtime, rng }: InformedSamplerParts<HifiDiffcomConfig>,
): Receiver {
  const setting = withWholeDecoder(given);
  const { codec, snrDb } = setting;
  const { schedule } = denoiser;
  const { chains } = config;
  const forward = forwardOptions(setting, config, knowledge.needs.pilots);
  const confirm = config.guidance !== 'latent';
  const scale = stepScale(setting);
  const weights = {
    distance: config.guidance === 'pixel' ? 0 : scale * config.zeta,
    confirm: config.guidance === 'latent' ? 0 : scale * config.gamma,
  };
  const start = config.adaptiveStart
    ? adaptiveStart(schedule, config, snrDb, config.startBandwidthRatio ?? codec.bandwidthRatio)
    : schedule.numSteps;
  const times = respace(start, config.steps ?? start);
  let guidance: Promise<Guidance> | null = null;

  return {
    name,
    needs: knowledge.needs,
    async *receive(observations, signal) {
      const began = performance.now();
      const { frame } = observations;
      guidance ??= createGuidance(
        setting,
        denoiser,
        { batch: chains, forward, confirm, channelGradient: false },
        runtime,
      );
      const guide = await guidance;
      const counter = { evaluations: 0 };
      const channel = await knowledge.learn(observations, counter, signal);
      const equalised = equalise(setting, frame.elements, channel, channel.noiseVariance);
      const latents = await decoderLatents(setting, equalised, heardThrough(frame, channel));
      const deterministic = await codec.decode(latents, 1, setting.layout, snrDb);
      const shown = await renderLatents(setting, latents, 1, deterministic);
      const begin = toPrior(setting, shown);
      // W⁻¹ in the graph equalises: its target does as well.
      const target =
        confirm && codec.decodesRefined ? toPrior(setting, await renderElements(setting, equalised)) : begin;

      const draws = rng.split('sampling').split(frame.index);
      const dims = pictureDims(setting, chains);
      let x: Tensor = normalTensor(dims, draws);
      if (config.adaptiveStart) x = diffused(begin.data, x, schedule, start);
      const constant: Omit<GuidanceInput, 'noisy' | 'sigma'> = {
        channel: channelInput(channel, forward),
        received: frame.elements,
        weights,
        ...(confirm
          ? { confirm: { response: channel.response, noiseVariance: channel.noiseVariance, target: target.data } }
          : {}),
      };
      let distance = new Float32Array(chains);
      for (let i = 0; i < times.length; i++) {
        throwIfAborted(signal, name);
        const t = times[i];
        const root = Math.sqrt(schedule.alphaBar[t]);
        const step = await guide.step({ ...constant, noisy: scaled(x, 1 / root), sigma: schedule.sigma[t] });
        counter.evaluations += chains * (confirm ? 3 : 2);
        distance = Float32Array.from(step.distance);
        // ∇ in x_t is ∇ in x_t/√ᾱ_t, over √ᾱ_t.
        const { denoised, gradient } = step;
        x = guidedStep(schedule, { t, s: times[i + 1] ?? 0, noisy: x, denoised, gradient, gain: 1 / root }, draws);
        const best = indexOfLeast(distance);
        yield { kind: 'progress', done: i + 1, of: times.length, picture: fromPrior(chainOf(step.denoised, best)) };
      }
      const sample = fromPrior(chainOf(x, indexOfLeast(distance)));
      const picture = between(shown, sample, config.perception);
      const ending = { picture, equalised, latents, deterministic, evaluations: counter.evaluations, began };
      yield { kind: 'final', result: await conclude(setting, frame, channel, ending) };
    },
  };
}

function channelInput(channel: KnownChannel, { channel: kind }: ForwardOperatorOptions): ComplexArray {
  if (kind === 'elements') return channel.response;
  if (channel.estimates.length === 0) throw new ConfigError('receiver.taps', 'the channel is known without its taps');
  return {
    re: Float32Array.from(channel.estimates.flatMap(({ taps }) => [...taps.re])),
    im: Float32Array.from(channel.estimates.flatMap(({ taps }) => [...taps.im])),
  };
}
