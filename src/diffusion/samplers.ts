import { throwIfAborted } from '../core/errors.js';
import type { Rng } from '../core/rng.js';
import { sizeOf, tensor, type Tensor } from '../runtime/tensor.js';
import type { Denoiser } from './denoiser.js';
import type { NoiseSchedule } from './schedule.js';

/** A sampler's state after a step: the chain x (its noise σ) and the denoised picture it came from, both [N,3,H,W]. */
export interface SamplerStep {
  readonly step: number;
  readonly of: number;
  readonly sigma: number;
  readonly denoised: Tensor;
  readonly chain: Tensor;
}

/** Standard normal pictures. */
export function normalTensor(dims: readonly number[], rng: Rng): Tensor {
  return tensor(
    Float32Array.from({ length: sizeOf(dims) }, () => rng.gaussian()),
    dims,
  );
}

/** Posterior mean coefficients and deviation of one ancestral step t → s: x_s = fromDenoised·x̂₀ + fromChain·x_t + deviation·ε. */
export interface PosteriorCoefficients {
  readonly fromDenoised: number;
  readonly fromChain: number;
  readonly deviation: number;
}

/**
 * The DDPM posterior q(x_s | x_t, x̂₀) for s < t (Ho et al., 2020, equation 7), with α = ᾱ_t/ᾱ_s and β = 1−α:
 *
 *   mean = √ᾱ_s·β/(1−ᾱ_t)·x̂₀ + √α·(1−ᾱ_s)/(1−ᾱ_t)·x_t,   variance = β·(1−ᾱ_s)/(1−ᾱ_t)
 */
export function posteriorCoefficients({ alphaBar }: NoiseSchedule, t: number, s: number): PosteriorCoefficients {
  const alpha = alphaBar[t] / alphaBar[s];
  const beta = 1 - alpha;
  const rest = 1 - alphaBar[t];
  return {
    fromDenoised: (Math.sqrt(alphaBar[s]) * beta) / rest,
    fromChain: (Math.sqrt(alpha) * (1 - alphaBar[s])) / rest,
    deviation: Math.sqrt((beta * (1 - alphaBar[s])) / rest),
  };
}

/**
 * Ancestral sampling (DDPM, Ho et al., 2020, algorithm 2) from x_T ~ N(0, I) in VP scale, over the given times.
 */
export async function* sampleAncestral(
  denoiser: Denoiser,
  dims: readonly number[],
  times: Int32Array,
  rng: Rng,
  signal?: AbortSignal,
): AsyncIterable<SamplerStep> {
  const { schedule } = denoiser;
  let x = normalTensor(dims, rng);
  for (let i = 0; i < times.length; i++) {
    throwIfAborted(signal, 'sampling');
    const t = times[i];
    const s = times[i + 1] ?? 0;
    const denoised = await denoiser.denoise(scaled(x, 1 / Math.sqrt(schedule.alphaBar[t])), schedule.sigma[t]);
    const { fromDenoised, fromChain, deviation } = posteriorCoefficients(schedule, t, s);
    const next = new Float32Array(x.data.length);
    for (let k = 0; k < next.length; k++) {
      next[k] =
        fromDenoised * denoised.data[k] + fromChain * x.data[k] + (deviation > 0 ? deviation * rng.gaussian() : 0);
    }
    x = tensor(next, dims);
    yield { step: i + 1, of: times.length, sigma: schedule.sigma[s], denoised, chain: x };
  }
}

/**
 * DDIM (Song et al., 2021) in the scale x₀ + σ·ε, over falling noise levels with a last step to 0:
 *
 *   x_{σ'} = x̂₀ + σ_down·(x − x̂₀)/σ + σ_up·ε,   σ_up = η·√(σ'²·(σ² − σ'²)/σ²),   σ_down = √(σ'² − σ_up²)
 *
 * η = 0 is deterministic, η = 1 ancestral.
 */
export async function* sampleDdim(
  denoiser: Denoiser,
  start: Tensor,
  sigmas: Float64Array,
  { eta, rng, signal }: { readonly eta: number; readonly rng: Rng; readonly signal?: AbortSignal },
): AsyncIterable<SamplerStep> {
  let x = start;
  for (let i = 0; i < sigmas.length; i++) {
    throwIfAborted(signal, 'sampling');
    const denoised = await denoiser.denoise(x, sigmas[i]);
    x = ddimStep(x, denoised, sigmas[i], sigmas[i + 1] ?? 0, eta, rng);
    yield { step: i + 1, of: sigmas.length, sigma: sigmas[i + 1] ?? 0, denoised, chain: x };
  }
}

/** One step of `sampleDdim`. */
export function ddimStep(x: Tensor, denoised: Tensor, from: number, to: number, eta: number, rng: Rng): Tensor {
  const sigmaUp = eta * Math.sqrt(Math.max(0, (to * to * (from * from - to * to)) / (from * from)));
  const sigmaDown = Math.sqrt(Math.max(0, to * to - sigmaUp * sigmaUp));
  const next = new Float32Array(x.data.length);
  for (let k = 0; k < next.length; k++) {
    next[k] =
      denoised.data[k] +
      (sigmaDown / from) * (x.data[k] - denoised.data[k]) +
      (sigmaUp > 0 ? sigmaUp * rng.gaussian() : 0);
  }
  return tensor(next, x.dims);
}

/**
 * DPM-Solver++(2M) (Lu et al., 2022): second order from one evaluation a step, in the scale x₀ + σ·ε with λ = −ln σ:
 *
 *   x' = (σ'/σ)·x + (1 − σ'/σ)·D,   D = (1 + 1/(2r))·x̂₀ − 1/(2r)·x̂₀(before),   r = (λ − λ_before)/(λ' − λ)
 */
export async function* sampleMultistep(
  denoiser: Denoiser,
  start: Tensor,
  sigmas: Float64Array,
  signal?: AbortSignal,
): AsyncIterable<SamplerStep> {
  let x = start;
  let before: { denoised: Tensor; sigma: number } | null = null;
  for (let i = 0; i < sigmas.length; i++) {
    throwIfAborted(signal, 'sampling');
    const sigma = sigmas[i];
    const to = sigmas[i + 1] ?? 0;
    const denoised = await denoiser.denoise(x, sigma);
    const ratio = to / sigma;
    // The last step goes to σ = 0, where λ is infinite and r is 0: first order.
    const slope = before === null || to === 0 ? 0 : Math.log(sigma / to) / Math.log(before.sigma / sigma) / 2;
    const next = new Float32Array(x.data.length);
    for (let k = 0; k < next.length; k++) {
      const d = denoised.data[k] + slope * (denoised.data[k] - (before?.denoised.data[k] ?? 0));
      next[k] = ratio * x.data[k] + (1 - ratio) * d;
    }
    before = { denoised, sigma };
    x = tensor(next, x.dims);
    yield { step: i + 1, of: sigmas.length, sigma: to, denoised, chain: x };
  }
}

/** gain·x. */
export const scaled = (x: Tensor, gain: number): Tensor =>
  tensor(
    x.data.map((v) => gain * v),
    x.dims,
  );
