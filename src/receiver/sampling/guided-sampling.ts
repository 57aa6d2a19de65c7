import type { Rng } from '../../core/rng.js';
import type { Denoiser } from '../../diffusion/denoiser.js';
import { posteriorCoefficients } from '../../diffusion/samplers.js';
import type { NoiseSchedule } from '../../diffusion/schedule.js';
import type { Runtime } from '../../runtime/runtime.js';
import { tensor, type Tensor } from '../../runtime/tensor.js';
import type { LinkSetting } from '../receiver.js';
import type { ForwardOperatorOptions } from './forward-operator.js';

/** What all receivers that sample with a gradient are set to. */
export interface GuidedSamplingConfig {
  /** Network evaluations; null visits every step from the start on, as the paper does. */
  readonly steps: number | null;
  /** Chains sampled together; the one that explains the received signal best is the answer. */
  readonly chains: number;
  /** Whether the forward operator models the transmitter's clipping and the interference of a short prefix. */
  readonly modelClipping: boolean;
  readonly modelInterference: boolean;
}

/** What a sampler is made from. */
export interface SamplerParts<C> {
  readonly setting: LinkSetting;
  readonly config: C;
  readonly denoiser: Denoiser;
  readonly runtime: Runtime;
  readonly rng: Rng;
}

/** The setting of a sampler whose guidance runs through the decoder: D of the confirming term and of its target must be one network. */
export const withWholeDecoder = (setting: LinkSetting): LinkSetting => ({ ...setting, decoderShare: 1 });

/** A step of the chain from t to s. */
export interface ChainStep<T> {
  readonly t: number;
  readonly s: number;
  /** What the chain holds at t. */
  readonly noisy: T;
}

/** The ancestral step from t to s less `gain`·gradient. */
export function guidedStep(
  schedule: NoiseSchedule,
  {
    t,
    s,
    noisy: x,
    denoised,
    gradient,
    gain,
  }: ChainStep<Tensor> & {
    readonly denoised: Tensor;
    readonly gradient: Float32Array;
    readonly gain: number;
  },
  rng: Rng,
): Tensor {
  const { fromDenoised, fromChain, deviation } = posteriorCoefficients(schedule, t, s);
  const next = new Float32Array(x.data.length);
  for (let k = 0; k < next.length; k++) {
    next[k] =
      fromDenoised * denoised.data[k] +
      fromChain * x.data[k] +
      (deviation > 0 ? deviation * rng.gaussian() : 0) -
      gain * gradient[k];
  }
  return tensor(next, x.dims);
}

export function forwardOptions(
  { grid, tapPrior }: LinkSetting,
  { modelClipping, modelInterference }: GuidedSamplingConfig,
  knownPilots: boolean,
): ForwardOperatorOptions {
  const interference = modelInterference && tapPrior.length - 1 > grid.cyclicPrefixLength;
  return {
    channel: interference ? 'taps' : 'elements',
    clipping: modelClipping,
    interference,
    knownPilots,
    power: 'own',
  };
}

export function chainOf(pictures: Tensor, chain: number): Float32Array {
  const size = pictures.data.length / pictures.dims[0];
  return pictures.data.subarray(chain * size, (chain + 1) * size);
}

/** √ᾱ_t·x₀ + √(1−ᾱ_t)·ε for each chain. */
export function diffused(clean: Float32Array, noise: Tensor, { alphaBar }: NoiseSchedule, t: number): Tensor {
  const signal = Math.sqrt(alphaBar[t]);
  const spread = Math.sqrt(1 - alphaBar[t]);
  return tensor(
    noise.data.map((v, i) => signal * clean[i % clean.length] + spread * v),
    noise.dims,
  );
}

export const indexOfLeast = (values: Float32Array): number => values.indexOf(Math.min(...values));
