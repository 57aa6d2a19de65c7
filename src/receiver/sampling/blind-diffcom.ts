import { type ComplexArray, createComplex } from '../../core/complex.js';
import { throwIfAborted } from '../../core/errors.js';
import type { Rng } from '../../core/rng.js';
import { posteriorCoefficients, normalTensor, scaled } from '../../diffusion/samplers.js';
import { type NoiseSchedule, respace } from '../../diffusion/schedule.js';
import type { Tensor } from '../../runtime/tensor.js';
import { responseOfTaps } from '../channel-posterior.js';
import {
  chainOf,
  forwardOptions,
  guidedStep,
  type GuidedSamplingConfig,
  indexOfLeast,
  type SamplerParts,
} from './guided-sampling.js';
import { equalise } from '../equalise.js';
import { createGuidance, type Guidance } from './guidance.js';
import { conclude, decodeElements, type KnownChannel } from '../informed.js';
import { fromPrior, pictureDims } from './picture-scale.js';
import type { Receiver } from '../receiver.js';

export interface BlindDiffcomConfig extends GuidedSamplingConfig {
  /** `paper`: algorithm 3 as derived. `reference`: as the published code runs. */
  readonly variant: 'paper' | 'reference';
  /** ζ_x and ζ_h. */
  readonly zetaPicture: number;
  readonly zetaChannel: number;
}

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
 */
export function createBlindDiffcom({
  setting,
  config,
  denoiser,
  runtime,
  rng,
}: SamplerParts<BlindDiffcomConfig>): Receiver {
  const { grid, interleaver, tapPrior, coherence } = setting;
  const { schedule } = denoiser;
  const { chains } = config;
  const forward = { ...forwardOptions(setting, config, false), channel: 'taps' } as const;
  const times = respace(schedule.numSteps, config.steps ?? schedule.numSteps);
  const numChannels = coherence === 'frame' ? 1 : interleaver.numPackets;
  const channels = new ChannelDiffusion(schedule, tapPrior, config.variant);
  let guidance: Promise<Guidance> | null = null;

  return {
    name: 'blind-diffcom',
    needs: { pilots: false, truth: false },
    async *receive({ frame }, signal) {
      const began = performance.now();
      guidance ??= createGuidance(
        setting,
        denoiser,
        { batch: chains, forward, confirm: false, channelGradient: true },
        runtime,
      );
      const guide = await guidance;
      const draws = rng.split('sampling').split(frame.index);
      const channelDraws = rng.split('channel').split(frame.index);
      let x: Tensor = normalTensor(pictureDims(setting, chains), draws);
      let h = createComplex(chains * numChannels * tapPrior.length);
      channelDraws.fillComplexGaussian(h, 1);
      let clean = h;
      let distance = new Float32Array(chains);
      for (let i = 0; i < times.length; i++) {
        throwIfAborted(signal, 'blind-diffcom');
        const t = times[i];
        const s = times[i + 1] ?? 0;
        const root = Math.sqrt(schedule.alphaBar[t]);
        clean = channels.denoise(h, t);
        const step = await guide.step({
          noisy: scaled(x, 1 / root),
          sigma: schedule.sigma[t],
          channel: spread(clean, chains, numChannels, interleaver.numPackets),
          received: frame.elements,
          weights: { distance: 1, confirm: 0 },
        });
        distance = Float32Array.from(step.distance);
        const fade = config.variant === 'reference' ? (times.length - i) / times.length : 1;
        const gain = (fade * config.zetaPicture) / root;
        x = guidedStep(schedule, t, s, x, step.denoised, step.gradient, gain, draws);
        const gradient = step.channelGradient ?? createComplex(h.re.length);
        const gathered = gather(gradient, chains, numChannels, interleaver.numPackets);
        h = channels.step(h, clean, gathered, t, s, fade * config.zetaChannel, channelDraws);
        const best = indexOfLeast(distance);
        yield { kind: 'progress', done: i + 1, of: times.length, picture: fromPrior(chainOf(step.denoised, best)) };
      }
      const best = indexOfLeast(distance);
      // After the last step h is ĥ₀ less its guidance.
      const estimates = Array.from({ length: interleaver.numPackets }, (_, p) => {
        const at = (best * numChannels + Math.min(p, numChannels - 1)) * tapPrior.length;
        const end = at + tapPrior.length;
        return {
          taps: { re: h.re.slice(at, end), im: h.im.slice(at, end) },
          tapVariance: new Float32Array(tapPrior.length),
        };
      });
      const response = responseOfTaps(
        grid,
        estimates.map(({ taps }) => taps),
      );
      const channel: KnownChannel = {
        response,
        responseVariance: null,
        estimates,
        noiseVariance: frame.noiseVariance ?? 10 ** (-setting.snrDb / 10),
      };
      const equalised = equalise(setting, frame.elements, channel, channel.noiseVariance);
      const ending = {
        picture: fromPrior(chainOf(x, best)),
        equalised,
        deterministic: await decodeElements(setting, equalised),
        evaluations: 2 * chains * times.length + 1,
        began,
      };
      yield { kind: 'final', result: await conclude(setting, frame, channel, ending) };
    },
  };
}

/** The taps' side of the diffusion. */
export class ChannelDiffusion {
  constructor(
    private readonly schedule: NoiseSchedule,
    private readonly profile: Float64Array,
    private readonly variant: BlindDiffcomConfig['variant'],
  ) {}

  /** ĥ₀ = slope·h_t, tap by tap. */
  slope(t: number, tap: number): number {
    const a = this.schedule.alphaBar[t];
    if (this.variant === 'reference') return 1 / (1 + Math.sqrt(1 - a));
    const p = this.profile[tap];
    return (Math.sqrt(a) * p) / (a * p + 1 - a);
  }

  denoise(h: ComplexArray, t: number): ComplexArray {
    const taps = this.profile.length;
    return {
      re: h.re.map((v, i) => this.slope(t, i % taps) * v),
      im: h.im.map((v, i) => this.slope(t, i % taps) * v),
    };
  }

  /** The ancestral step of h from t to s, less ζ·∇_{h_t}; `gradient` is that in ĥ₀. */
  step(
    h: ComplexArray,
    clean: ComplexArray,
    gradient: ComplexArray,
    t: number,
    s: number,
    zeta: number,
    rng: Rng,
  ): ComplexArray {
    const { fromDenoised, fromChain, deviation } = posteriorCoefficients(this.schedule, t, s);
    const next = createComplex(h.re.length);
    rng.fillComplexGaussian(next, 1);
    const amplitude = this.variant === 'reference' ? deviation * deviation : deviation;
    for (let i = 0; i < h.re.length; i++) {
      const pull = zeta * this.slope(t, i % this.profile.length);
      next.re[i] = fromDenoised * clean.re[i] + fromChain * h.re[i] + amplitude * next.re[i] - pull * gradient.re[i];
      next.im[i] = fromDenoised * clean.im[i] + fromChain * h.im[i] + amplitude * next.im[i] - pull * gradient.im[i];
    }
    return next;
  }
}

/** Taps of each chain's channels [chains, C, L] → of its packets [chains, P, L]; one channel may serve all packets. */
function spread(taps: ComplexArray, chains: number, numChannels: number, numPackets: number): ComplexArray {
  if (numChannels === numPackets) return taps;
  const length = taps.re.length / chains;
  const out = createComplex(chains * numPackets * length);
  for (let at = 0; at < chains * numPackets; at++) {
    const from = Math.floor(at / numPackets) * length;
    out.re.set(taps.re.subarray(from, from + length), at * length);
    out.im.set(taps.im.subarray(from, from + length), at * length);
  }
  return out;
}

/** The way back for gradients: packets that share a channel add up. */
function gather(gradient: ComplexArray, chains: number, numChannels: number, numPackets: number): ComplexArray {
  if (numChannels === numPackets) return gradient;
  const length = gradient.re.length / chains / numPackets;
  const out = createComplex(chains * length);
  for (let i = 0; i < gradient.re.length; i++) {
    const at = Math.floor(i / (numPackets * length)) * length + (i % length);
    out.re[at] += gradient.re[i];
    out.im[at] += gradient.im[i];
  }
  return out;
}
