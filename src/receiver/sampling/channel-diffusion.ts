import { type ComplexArray, createComplex } from '../../core/complex.js';
import type { Rng } from '../../core/rng.js';
import { posteriorCoefficients } from '../../diffusion/samplers.js';
import type { NoiseSchedule } from '../../diffusion/schedule.js';
import type { ChainStep } from './guided-sampling.js';

/** How the taps are diffused; see `createBlindDiffcom`. */
export type DiffusionVariant = 'normalised' | 'paper' | 'reference';

/** The taps' side of the diffusion. */
export class ChannelDiffusion {
  constructor(
    private readonly schedule: NoiseSchedule,
    private readonly profile: Float64Array,
    private readonly variant: DiffusionVariant,
  ) {}

  /** ĥ₀ = slope·h_t, tap by tap. */
  slope(t: number, tap: number): number {
    const a = this.schedule.alphaBar[t];
    if (this.variant !== 'paper') return 1 / (1 + Math.sqrt(1 - a));
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

  /** h_t whose ĥ₀ is `taps`. */
  noisy(taps: ComplexArray, t: number): ComplexArray {
    const count = this.profile.length;
    return {
      re: taps.re.map((v, i) => v / this.slope(t, i % count)),
      im: taps.im.map((v, i) => v / this.slope(t, i % count)),
    };
  }

  /** The ancestral step of h from t to s, less ζ·∇_{h_t}; `gradient` is that in ĥ₀. */
  step(
    {
      t,
      s,
      noisy: h,
      clean,
      gradient,
      zeta,
    }: ChainStep<ComplexArray> & {
      readonly clean: ComplexArray;
      readonly gradient: ComplexArray;
      readonly zeta: number;
    },
    rng: Rng,
  ): ComplexArray {
    const { fromDenoised, fromChain, deviation } = posteriorCoefficients(this.schedule, t, s);
    const next = createComplex(h.re.length);
    rng.fillComplexGaussian(next, 1);
    const amplitude = this.variant === 'paper' ? deviation : deviation * deviation;
    for (let i = 0; i < h.re.length; i++) {
      const pull = zeta * this.slope(t, i % this.profile.length);
      next.re[i] = fromDenoised * clean.re[i] + fromChain * h.re[i] + amplitude * next.re[i] - pull * gradient.re[i];
      next.im[i] = fromDenoised * clean.im[i] + fromChain * h.im[i] + amplitude * next.im[i] - pull * gradient.im[i];
    }
    return next;
  }
}

/** Of one chain, its share of `taps`. */
export function sliceOf({ re, im }: ComplexArray, chain: number, chains: number): ComplexArray {
  const size = re.length / chains;
  return { re: re.slice(chain * size, (chain + 1) * size), im: im.slice(chain * size, (chain + 1) * size) };
}

/** Taps of each chain's channels [chains, C, L] → of its packets [chains, P, L]; one channel may serve all packets. */
export function spread(taps: ComplexArray, chains: number, numChannels: number, numPackets: number): ComplexArray {
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
export function gather(gradient: ComplexArray, chains: number, numChannels: number, numPackets: number): ComplexArray {
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
