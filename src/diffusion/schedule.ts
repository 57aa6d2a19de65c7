import { ConfigError } from '../core/errors.js';

/**
 * The variance-preserving schedule of a diffusion: x_t = √ᾱ_t·x₀ + √(1−ᾱ_t)·ε for t = 1…T.
 * Index 0 is the clean picture, ᾱ_0 = 1.
 */
export interface NoiseSchedule {
  /** T. */
  readonly numSteps: number;
  /** ᾱ_t, [T+1]. */
  readonly alphaBar: Float64Array;
  /** σ_t = √((1−ᾱ_t)/ᾱ_t), the noise of x_t/√ᾱ_t, [T+1]. */
  readonly sigma: Float64Array;
}

/** β from `first` to `last` linearly over T steps: what ADM and DDPM checkpoints were trained with (Ho et al., 2020). */
export function linearSchedule(numSteps = 1000, first = 1e-4, last = 0.02): NoiseSchedule {
  if (!(numSteps >= 2) || !(first > 0) || !(last < 1) || !(last >= first)) {
    throw new ConfigError(
      'config.schedule',
      `schedule of ${numSteps} steps with β ${first}…${last}: needs 2 steps or more and 0 < first ≤ last < 1`,
    );
  }
  const alphaBar = new Float64Array(numSteps + 1).fill(1);
  for (let t = 1; t <= numSteps; t++) {
    alphaBar[t] = alphaBar[t - 1] * (1 - (first + ((last - first) * (t - 1)) / (numSteps - 1)));
  }
  return { numSteps, alphaBar, sigma: alphaBar.map((a) => Math.sqrt((1 - a) / a)) };
}

/**
 * The time at which the schedule's noise is σ, between steps by ln σ; what a network conditioned on the step is told.
 * Clipped to 1…T.
 */
export function timeOf({ sigma, numSteps }: NoiseSchedule, value: number): number {
  if (value <= sigma[1]) return 1;
  if (value >= sigma[numSteps]) return numSteps;
  let low = 1;
  let high = numSteps;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sigma[middle] <= value) low = middle;
    else high = middle;
  }
  return low + Math.log(value / sigma[low]) / Math.log(sigma[high] / sigma[low]);
}

/** The step whose ᾱ is nearest to a wanted one in log10(ᾱ/(1−ᾱ)). */
export function stepNearest({ alphaBar, numSteps }: NoiseSchedule, logSnr: number): number {
  let best = 1;
  let distance = Number.POSITIVE_INFINITY;
  for (let t = 1; t <= numSteps; t++) {
    const d = Math.abs(Math.log10(alphaBar[t] / (1 - alphaBar[t])) - logSnr);
    if (d < distance) {
      distance = d;
      best = t;
    }
  }
  return best;
}

/**
 * `count` steps from `from` down to 1, evenly spaced, the ends included: the times a respaced sampler visits, falling.
 * A last 0 (the clean picture) is left to the sampler.
 */
export function respace(from: number, count: number): Int32Array {
  if (!(from >= 1) || !(count >= 1)) {
    throw new ConfigError('config.steps', `${count} steps from time ${from}: both must be at least 1`);
  }
  const steps = Math.min(count, from);
  return Int32Array.from({ length: steps }, (_, i) =>
    steps === 1 ? from : Math.round(from - ((from - 1) * i) / (steps - 1)),
  );
}

/** `count` noise levels from `high` down to `low`, evenly in σ^(1/ρ), ρ = 7 (Karras et al., 2022, equation 5). */
export function karrasSigmas(high: number, low: number, count: number): Float64Array {
  const rho = 7;
  const [a, b] = [high ** (1 / rho), low ** (1 / rho)];
  return Float64Array.from({ length: count }, (_, i) =>
    count === 1 ? high : (a + ((b - a) * i) / (count - 1)) ** rho,
  );
}
