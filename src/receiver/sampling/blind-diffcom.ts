import { type ComplexArray, createComplex } from '../../core/complex.js';
import { ConfigError, throwIfAborted } from '../../core/errors.js';
import type { Rng } from '../../core/rng.js';
import { normalTensor, scaled } from '../../diffusion/samplers.js';
import { respace } from '../../diffusion/schedule.js';
import type { Tensor } from '../../runtime/tensor.js';
import { createChannelEstimator, createRow, responseOfTaps } from '../channel-posterior.js';
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
import { equalise } from '../equalise.js';
import { ChannelDiffusion, type DiffusionVariant, gather, sliceOf, spread } from './channel-diffusion.js';
import { channelLogOdds, packetsOfTiles, turnOver } from './channel-signs.js';
import { createGuidance, type Guidance, type GuidanceInput } from './guidance.js';
import { decoderLatents } from '../decoder-input.js';
import { between, conclude, heardThrough, type KnownChannel, renderElements, renderLatents } from '../informed.js';
import { fromPrior, pictureDims, toPrior } from './picture-scale.js';
import type { LinkSetting, ReceivedFrame, Receiver, ReceiverResult, ReceiverStep } from '../receiver.js';

export interface BlindDiffcomConfig extends GuidedSamplingConfig {
  /**
   * `normalised`: step sizes that carry over between sizes and rates. `paper`: algorithm 3 as derived. `reference`: as the published
   * code runs.
   */
  readonly variant: DiffusionVariant;
  /** ζ_x and ζ_h. */
  readonly zetaPicture: number;
  readonly zetaChannel: number;
  /** What W scales latents by: their own power, or that of the sent picture's latents, one number of side information. */
  readonly power: 'own' | 'told';
  /** Whether the polarity network, where the codec has one, may turn the taps over in the first half of the steps. */
  readonly polarity: boolean;
  /** Runs at most: another one follows while none is called decoded, and the likeliest is kept. */
  readonly runs: number;
}

export interface BlindHifiDiffcomConfig extends GuidedSamplingConfig {
  readonly zetaPicture: number;
  readonly zetaChannel: number;
  /** γ, weight of the confirming term per √pixel value. */
  readonly gamma: number;
  readonly runs: number;
  /** 0: the decoder's picture with the channel that was found; 1: the sample; between: on the line between them. */
  readonly perception: number;
}

/** How often the polarity network is asked: this many times in all steps, during the first half of them. */
const POLARITY_LOOKS = 20;

/** Bits of the latents' power, where the receiver is told: one float. */
const TOLD_BITS = 32;

/**
 * Blind-DiffCom (arXiv 2406.07390, algorithm 3): picture and taps sampled together, no pilots. For t = T…1, with the
 * picture's x̂₀ from the denoiser and the taps' ĥ₀ from their known score,
 *
 *   x_{t−1} = x'_{t−1} − ζ_x·∇_{x_t} ‖y − W(E(x̂₀); ĥ₀)‖₂,   h_{t−1} = h'_{t−1} − ζ_h·∇_{h_t} ‖y − W(E(x̂₀); ĥ₀)‖₂
 *
 * x', h' ancestral steps. Gradients for complex taps are ∂/∂Re + j·∂/∂Im.
 *
 * `paper`: h₀ ~ CN(0, P), so h_t ~ CN(0, ᾱP + (1−ᾱ)I) and ∇_{h*} log p(h_t) = −h_t/(ᾱp + 1−ᾱ); Tweedie's formula with
 * this (Wirtinger) score, whose noise is CN(0, 1−ᾱ), gives the exact posterior mean ĥ₀ = √ᾱ·p/(ᾱp + 1−ᾱ)·h_t.
 * `reference`: score −h_t of an all-ones profile, times √(1−ᾱ_t) where 1−ᾱ_t belongs, over ᾱ_t where √ᾱ_t belongs, so that
 * ĥ₀ = h_t·(1 − √(1−ᾱ_t))/ᾱ_t = h_t/(1 + √(1−ᾱ_t)); noise multiplied by the variance instead of its root, and step sizes
 * that fall linearly to 0 (there ζ_x = 1.0, ζ_h = 0.2).
 * `normalised`: the reference's slope, noise and fall, with ζ_x·√N and ζ_h·√N/N_c in the place of ζ_x and ζ_h, N resource elements in
 * the frame, N_c behind each channel. The gradient for a pixel is that of its own few resource elements over ‖y − ŷ‖, which grows
 * with √N; the gradient for a tap sums over all N_c, and a step beyond 2‖y − ŷ‖/N_c overshoots.
 */
export function createBlindDiffcom({ config, ...parts }: SamplerParts<BlindDiffcomConfig>): Receiver {
  return createBlindSampling('blind-diffcom', { ...parts, config: { ...config, gamma: 0, perception: 1 } });
}

/**
 * Blind-DiffCom (`normalised`) with HiFi-DiffCom's confirming term, whose channel is the taps' estimate of each step:
 *
 *   loss = ζ_x·√N·‖y − W(E(x̂₀); ĥ₀)‖₂ + γ·√(3HW)·‖x_d − D(W⁻¹(W(E(x̂₀); ĥ₀); ĥ₀))‖₂,   x_d = D(W⁻¹(y; ĥ₀))
 *
 * An encoder that normalises its codewords hardly hears a picture's tone and contrast; its decoder knows what pictures have them.
 * In the second half of the steps, when signs are settled, the taps need no step size: they are their posterior's mean given X of
 * E(x̂₀), with s² = max(σ², ‖y − ŷ‖²/N) for noise.
 */
export function createBlindHifiDiffcom({ config, ...parts }: SamplerParts<BlindHifiDiffcomConfig>): Receiver {
  const whole = { ...config, variant: 'normalised', power: 'own', polarity: true } as const;
  return createBlindSampling('blind-hifi-diffcom', { ...parts, config: whole });
}

function createBlindSampling(
  name: 'blind-diffcom' | 'blind-hifi-diffcom',
  { setting: given, config, denoiser, runtime, rng }: SamplerParts<BlindDiffcomConfig & BlindHifiDiffcomConfig>,
): Receiver {
  const setting = withWholeDecoder(given);
  const { interleaver, tapPrior, coherence, codec, grid } = setting;
  const { schedule } = denoiser;
  const { chains, variant } = config;
  const told = config.power === 'told';
  const confirm = config.gamma > 0;
  const forward = { ...forwardOptions(setting, config, false), channel: 'taps', power: config.power } as const;
  const times = respace(schedule.numSteps, config.steps ?? schedule.numSteps);
  const { numPackets } = interleaver;
  const numChannels = coherence === 'frame' ? 1 : numPackets;
  const channels = new ChannelDiffusion(schedule, tapPrior, variant);
  const gains = gainsOf(setting, config, numChannels);
  const packets = packetsOfTiles(setting);
  const estimator = createChannelEstimator(grid.dataBins, grid.fftSize, tapPrior);
  const settled = (i: number): boolean => confirm && i >= times.length / 2;
  const looksEvery = Math.max(1, Math.floor(times.length / POLARITY_LOOKS));
  const looks = (i: number): boolean =>
    config.polarity && codec.hasPolarity && i < times.length / 2 && (i + 1) % looksEvery === 0;
  let guidance: Promise<Guidance> | null = null;

  /** The taps' posterior mean given what each chain takes to be sent, [chains, C, L]. */
  function tapsGiven(
    sent: ComplexArray,
    { elements: received }: ReceivedFrame,
    distance: Float32Array,
    noiseVariance: number,
  ): ComplexArray {
    const { elementsPerPacket, numDataSubcarriers } = grid;
    const size = received.re.length;
    const taps = createComplex(chains * numChannels * tapPrior.length);
    for (let at = 0; at < chains * numChannels; at++) {
      const chain = Math.floor(at / numChannels);
      const packet = at % numChannels;
      const [from, to] =
        numChannels === numPackets ? [packet * elementsPerPacket, (packet + 1) * elementsPerPacket] : [0, size];
      const energy = new Float64Array(numDataSubcarriers);
      const cross = createRow(numDataSubcarriers);
      for (let i = from; i < to; i++) {
        const m = i % numDataSubcarriers;
        const xr = sent.re[chain * size + i];
        const xi = sent.im[chain * size + i];
        energy[m] += xr * xr + xi * xi;
        cross.re[m] += xr * received.re[i] + xi * received.im[i];
        cross.im[m] += xr * received.im[i] - xi * received.re[i];
      }
      const mean = estimator.posterior(energy, cross, Math.max(noiseVariance, distance[chain] ** 2 / size)).taps;
      taps.re.set(mean.re, at * tapPrior.length);
      taps.im.set(mean.im, at * tapPrior.length);
    }
    return taps;
  }

  /** One run from noise to a result; progress on the way. */
  async function* sample(
    guide: Guidance,
    frame: ReceivedFrame,
    latentPower: number | null,
    draws: Rng,
    channelDraws: Rng,
    signal?: AbortSignal,
  ): AsyncIterable<ReceiverStep> {
    const began = performance.now();
    const noiseVariance = frame.noiseVariance ?? 10 ** (-setting.snrDb / 10);
    const channelOf = (taps: ComplexArray, chain: number): KnownChannel =>
      channelWith(setting, spread(sliceOf(taps, chain, chains), 1, numChannels, numPackets), noiseVariance);
    let x: Tensor = normalTensor(pictureDims(setting, chains), draws);
    let h = createComplex(chains * numChannels * tapPrior.length);
    channelDraws.fillComplexGaussian(h, 1);
    let distance = new Float32Array(chains);
    let evaluations = 1;
    for (let i = 0; i < times.length; i++) {
      throwIfAborted(signal, name);
      const t = times[i];
      const s = times[i + 1] ?? 0;
      const root = Math.sqrt(schedule.alphaBar[t]);
      const clean = channels.denoise(h, t);
      const step = await guide.step({
        noisy: scaled(x, 1 / root),
        sigma: schedule.sigma[t],
        channel: spread(clean, chains, numChannels, numPackets),
        received: frame.elements,
        weights: { distance: 1, confirm: gains.confirm },
        ...(confirm && { confirm: await confirmation(setting, frame, chains, (c) => channelOf(clean, c)) }),
        ...(latentPower !== null && { latentPower }),
      });
      evaluations += chains * (confirm ? 4 : 2);
      distance = Float32Array.from(step.distance);
      const fade = variant === 'paper' ? 1 : (times.length - i) / times.length;
      const { denoised, gradient } = step;
      x = guidedStep(schedule, { t, s, noisy: x, denoised, gradient, gain: (fade * gains.picture) / root }, draws);
      const gathered = gather(step.channelGradient ?? createComplex(h.re.length), chains, numChannels, numPackets);
      h = settled(i)
        ? channels.noisy(tapsGiven(step.sent, frame, step.distance, noiseVariance), s)
        : channels.step({ t, s, noisy: h, clean, gradient: gathered, zeta: fade * gains.channel }, channelDraws);
      for (let c = 0; c < chains && looks(i); c++) {
        evaluations++;
        const sums = await channelLogOdds(
          setting,
          packets,
          numChannels,
          equalise(setting, frame.elements, channelOf(clean, c), noiseVariance),
        );
        if (sums.every((value) => value >= 0)) continue;
        turnOver(h, c, chains, sums);
        const turned = channelOf(channels.denoise(h, s), c);
        const again = await renderElements(setting, equalise(setting, frame.elements, turned, noiseVariance));
        const size = x.data.length / chains;
        const noise = normalTensor(pictureDims(setting, 1), draws);
        x.data.set(diffused(toPrior(setting, again).data, noise, schedule, s).data, c * size);
      }
      const best = indexOfLeast(distance);
      yield { kind: 'progress', done: i + 1, of: times.length, picture: fromPrior(chainOf(step.denoised, best)) };
    }
    const best = indexOfLeast(distance);
    // After the last step h is ĥ₀ less its guidance.
    const channel = channelOf(h, best);
    const equalised = equalise(setting, frame.elements, channel, noiseVariance);
    const picture = fromPrior(chainOf(x, best));
    const latents = await decoderLatents(setting, equalised, heardThrough(frame, channel));
    const deterministic = await codec.decode(latents, 1, setting.layout, setting.snrDb);
    // What is judged is the sample: a line to the decoder's picture would always agree with it.
    const line = config.perception === 1 ? picture : await renderLatents(setting, latents, 1, deterministic);
    const shown = between(line, picture, config.perception);
    const ending = { picture, equalised, latents, deterministic, shown, evaluations, began };
    const result = await conclude(setting, frame, channel, ending);
    yield {
      kind: 'final',
      result: { ...result, ...(told && { sideInformationBits: TOLD_BITS }) },
    };
  }

  return {
    name,
    needs: { pilots: false, truth: false, latentPower: told },
    async *receive({ frame, latentPower = null }, signal) {
      const began = performance.now();
      if (told && latentPower === null) {
        throw new ConfigError(
          'receiver.power',
          `receiver ${name}: only simulate and sweep can tell the power of the sent picture's latents; set receiver.blindDiffcom.power=own`,
        );
      }
      guidance ??= createGuidance(
        setting,
        denoiser,
        { batch: chains, forward, confirm, channelGradient: true },
        runtime,
      );
      const guide = await guidance;
      let best: ReceiverResult | null = null;
      let evaluations = 0;
      let starts = 0;
      while (best?.verdict !== 'decoded' && starts < config.runs) {
        const of = (stream: string): Rng => {
          const mine = rng.split(stream).split(frame.index);
          return starts === 0 ? mine : mine.split(starts);
        };
        for await (const step of sample(guide, frame, latentPower, of('sampling'), of('channel'), signal)) {
          if (step.kind === 'progress') {
            const before = starts * times.length;
            yield { ...step, done: before + step.done, of: before + step.of };
            continue;
          }
          evaluations += step.result.evaluations;
          if (best === null || (step.result.confidence ?? 0) > (best.confidence ?? 0)) best = step.result;
        }
        starts++;
      }
      const milliseconds = performance.now() - began;
      yield { kind: 'final', result: { ...best!, evaluations, starts, milliseconds } };
    },
  };
}

/** What the gradients of the picture and of the taps are multiplied by, and the confirming term beside the distance. */
function gainsOf(
  { interleaver, grid, layout, codec }: LinkSetting,
  { variant, zetaPicture, zetaChannel, gamma }: BlindDiffcomConfig & BlindHifiDiffcomConfig,
  numChannels: number,
): { readonly picture: number; readonly channel: number; readonly confirm: number } {
  if (variant !== 'normalised') return { picture: zetaPicture, channel: zetaChannel, confirm: 0 };
  const elements = interleaver.numPackets * grid.elementsPerPacket;
  const root = Math.sqrt(elements);
  const pixels = 3 * layout.height * layout.width * codec.card.downSampling ** 2;
  const picture = zetaPicture * root;
  return {
    picture,
    channel: (zetaChannel * root) / (elements / numChannels),
    confirm: (gamma * Math.sqrt(pixels)) / picture,
  };
}

/** Taps of every packet, [P, L], as the channel of an equaliser. */
function channelWith({ grid, tapPrior }: LinkSetting, taps: ComplexArray, noiseVariance: number): KnownChannel {
  const length = tapPrior.length;
  const estimates = Array.from({ length: taps.re.length / length }, (_, p) => ({
    taps: { re: taps.re.slice(p * length, (p + 1) * length), im: taps.im.slice(p * length, (p + 1) * length) },
    tapVariance: new Float32Array(length),
  }));
  const response = responseOfTaps(
    grid,
    estimates.map((one) => one.taps),
  );
  return { response, responseVariance: null, estimates, noiseVariance };
}

/** W⁻¹'s channel and x_d of every chain. */
async function confirmation(
  setting: LinkSetting,
  frame: ReceivedFrame,
  chains: number,
  channelOf: (chain: number) => KnownChannel,
): Promise<NonNullable<GuidanceInput['confirm']>> {
  const size = frame.elements.re.length;
  const response = createComplex(chains * size);
  const pictures: Float32Array[] = [];
  let noiseVariance = 0;
  for (let c = 0; c < chains; c++) {
    const channel = channelOf(c);
    noiseVariance = channel.noiseVariance;
    response.re.set(channel.response.re, c * size);
    response.im.set(channel.response.im, c * size);
    pictures.push(await renderElements(setting, equalise(setting, frame.elements, channel, noiseVariance)));
  }
  const target = new Float32Array(chains * pictures[0].length);
  pictures.forEach((picture, c) => target.set(toPrior(setting, picture).data, c * picture.length));
  return { response, noiseVariance, target };
}
