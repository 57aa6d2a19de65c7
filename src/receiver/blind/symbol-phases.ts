import type { ComplexArray } from '../../core/complex.js';
import type { ChannelPosterior } from '../channel-posterior.js';
import { type SmoothPhases, smoothPhases, unwrapped } from '../phase-smoother.js';
import type { BlindGroup } from './groups.js';

/** A phase's step is stretched to no more than 1/(1 − this): at first sight, and in the passes that follow it, where more would overshoot. */
const MOST_MISSING = 0.9;
const MOST_MISSING_TRACKED = 0.6;

/** OFDM symbols up to the group's last. */
const numSymbolsOf = ({ time }: BlindGroup): number => time.reduce((most, t) => Math.max(most, t + 1), 0);

/** What phases are found from. */
export interface SymbolPhasesInput {
  readonly group: BlindGroup;
  /** Y of the group's resource elements, what was found before taken out. */
  readonly received: ComplexArray;
  readonly posteriors: readonly ChannelPosterior[];
  /** What the posteriors were scaled by after the codeword was estimated. */
  readonly gain: number;
  /** E[x] and E|x|² of the group's resource elements. */
  readonly x: ComplexArray;
  readonly power: Float32Array;
  /** s², the passes' noise variance. */
  readonly passVariance: number;
  /** What was taken out before, by channel; null where phases are not tracked yet. */
  readonly before: readonly SmoothPhases[] | null;
}

/**
 * The common phase of each symbol on top of what was taken out: δ_t = arg Σ_m (Ĥ·X)*·Y, divided by 1 − r_t, of error variance
 * v_t = ρ/(2·Σ_m |ĤX|²·(1 − r_t)) with ρ the residual energy of a cell. The codeword's estimate has followed the phases
 * that were assumed; r_t = Σ_m |Ĥ|²·|Y|²·Var X / (s²·Re Σ_m (ĤX)*Y) is the share of the information that is missing
 * for it (Louis, "Finding the observed information matrix when using the EM algorithm", JRSS B 44(2), 1982), and EM
 * alone would go 1 − r_t of the way in a pass. Smoothed as a random walk
 * (`phase-smoother.ts`). The mean phase is left to the taps.
 */
export function symbolPhases({
  group,
  received,
  posteriors,
  gain,
  x,
  power,
  passVariance,
  before,
}: SymbolPhasesInput): SmoothPhases[] {
  const numTimes = numSymbolsOf(group);
  return Array.from(group.channels, (_, channel) => {
    const re = new Float64Array(numTimes);
    const im = new Float64Array(numTimes);
    const explained = new Float64Array(numTimes);
    const missing = new Float64Array(numTimes);
    let residual = 0;
    let count = 0;
    const { response, stride } = posteriors[channel];
    for (let i = 0; i < group.element.length; i++) {
      if (group.channel[i] !== channel) continue;
      const t = group.time[i];
      const at = t * stride + group.subcarrier[i];
      // The posterior was scaled by `gain` after x was made: together they explain Y without it.
      const hr = response.re[at] / gain;
      const hi = response.im[at] / gain;
      const pr = hr * x.re[i] - hi * x.im[i];
      const pi = hr * x.im[i] + hi * x.re[i];
      re[t] += pr * received.re[i] + pi * received.im[i];
      im[t] += pr * received.im[i] - pi * received.re[i];
      explained[t] += pr * pr + pi * pi;
      const spread = Math.max(0, power[i] - x.re[i] ** 2 - x.im[i] ** 2);
      missing[t] += (hr * hr + hi * hi) * (received.re[i] ** 2 + received.im[i] ** 2) * spread;
      residual += (received.re[i] - pr) ** 2 + (received.im[i] - pi) ** 2;
      count++;
    }
    const rho = residual / Math.max(1, count);
    const assumed = before?.[channel].phases;
    const seen: number[] = [];
    const angle = new Float64Array(numTimes);
    const variance = new Float64Array(numTimes);
    let last = 0;
    for (let t = 0; t < numTimes; t++) {
      if (explained[t] === 0) continue;
      const known =
        1 -
        Math.min(
          before === null ? MOST_MISSING : MOST_MISSING_TRACKED,
          missing[t] / (passVariance * Math.max(re[t], 1e-12)),
        );
      const raw = Math.atan2(im[t], re[t]) / known + (assumed?.[t] ?? 0);
      last = unwrapped(raw, last);
      angle[t] = last;
      variance[t] = rho / (2 * explained[t] * known);
      seen.push(t);
    }
    return smoothPhases({ angle, variance, seen }, before !== null);
  });
}

/** By how much channels that move turn from symbol to symbol, summed, as phases: θ_t − θ_{t−1} = arg Σ_m Ĥ[t,m]·Ĥ[t−1,m]*, of mean 0. */
export function phasesOfMotion(posteriors: readonly ChannelPosterior[], group: BlindGroup): SmoothPhases[] {
  const numTimes = numSymbolsOf(group);
  return posteriors.map(({ response, stride }) => {
    const angle = new Float64Array(numTimes);
    for (let t = 1; t < numTimes; t++) {
      let re = 0;
      let im = 0;
      for (let m = 0; m < stride; m++) {
        const [now, before] = [t * stride + m, (t - 1) * stride + m];
        re += response.re[now] * response.re[before] + response.im[now] * response.im[before];
        im += response.im[now] * response.re[before] - response.re[now] * response.im[before];
      }
      angle[t] = angle[t - 1] + Math.atan2(im, re);
    }
    const mean = angle.reduce((sum, value) => sum + value, 0) / numTimes;
    return { phases: angle.map((value) => value - mean), wander: true, cost: 0 };
  });
}
