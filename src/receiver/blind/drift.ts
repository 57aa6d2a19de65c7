import { type ComplexArray, createComplex } from '../../core/complex.js';
import { type Grid, signedSubcarrier } from '../../ofdm/grid.js';
import type { ChannelPosterior } from '../channel-posterior.js';
import type { SmoothPhases } from '../phase-smoother.js';
import type { BlindGroup } from './groups.js';

export type Tracking = 'none' | 'phase' | 'phase+timing';

/**
 * What turns a group's resource elements besides their channels. Of a channel, (s, m) is turned by β·(s − s̄) + γ·(s − s̄)·f_m: a residual
 * carrier offset of β rad per symbol and a sampling offset seen as a phase slope γ over the subcarrier's frequency f_m ∈ [−½, ½); and, once the
 * oscillator is taken to wander, by a common phase of each symbol.
 */
export class Drift {
  /** Common phase of each OFDM symbol by channel; null while the oscillator is not taken to wander. */
  phases: readonly SmoothPhases[] | null = null;
  /** Received resource elements of the group with the drift taken out, in the group's order. */
  readonly received: ComplexArray;
  /** β and γ by channel. */
  private readonly slope: Float64Array;
  private readonly timing: Float64Array;
  private readonly centre: Float64Array;
  private readonly frequency: Float64Array;

  constructor(
    { fftSize, dataBins }: Pick<Grid, 'fftSize' | 'dataBins'>,
    private readonly group: BlindGroup,
    private readonly elements: ComplexArray,
  ) {
    const numChannels = group.channels.length;
    this.slope = new Float64Array(numChannels);
    this.timing = new Float64Array(numChannels);
    this.received = createComplex(group.element.length);
    this.frequency = Float64Array.from(dataBins, (bin) => signedSubcarrier(bin, fftSize) / fftSize);
    const last = new Float64Array(numChannels);
    for (let i = 0; i < group.element.length; i++) {
      last[group.channel[i]] = Math.max(last[group.channel[i]], group.time[i]);
    }
    this.centre = last.map((s) => s / 2);
    this.takeOut();
  }

  /** Takes over another's drift, with other phases of the symbols. */
  follow(other: Drift, phases: readonly SmoothPhases[] | null): void {
    this.slope.set(other.slope);
    this.timing.set(other.timing);
    this.phases = phases;
    this.takeOut();
  }

  /**
   * One Gauss–Newton step on β (and γ): with r = (Ĥ·X)*·Y, the residual phase of a resource element is Im r / Re r, weighted by
   * Re r. The constant phase belongs to the taps.
   */
  step(posteriors: readonly ChannelPosterior[], x: ComplexArray, tracking: Exclude<Tracking, 'none'>): void {
    const { group, received } = this;
    const numChannels = group.channels.length;
    const phase = Array.from({ length: numChannels }, () => ({ pull: 0, weight: 0, timingPull: 0, timingWeight: 0 }));
    for (let i = 0; i < group.element.length; i++) {
      const channel = group.channel[i];
      const { response, stride } = posteriors[channel];
      const m = group.subcarrier[i];
      const at = group.time[i] * stride + m;
      const pr = response.re[at] * x.re[i] - response.im[at] * x.im[i];
      const pi = response.re[at] * x.im[i] + response.im[at] * x.re[i];
      const re = pr * received.re[i] + pi * received.im[i];
      const im = pr * received.im[i] - pi * received.re[i];
      const s = group.time[i] - this.centre[channel];
      const sf = s * this.frequency[m];
      const sum = phase[channel];
      sum.pull += s * im;
      sum.weight += s * s * re;
      sum.timingPull += sf * im;
      sum.timingWeight += sf * sf * re;
    }
    phase.forEach((sum, channel) => {
      if (sum.weight > 0) this.slope[channel] += sum.pull / sum.weight;
      if (tracking === 'phase+timing' && sum.timingWeight > 0) {
        this.timing[channel] += sum.timingPull / sum.timingWeight;
      }
    });
  }

  /** Phase by which the drift turns a resource element of the group. */
  phaseAt(channel: number, time: number, subcarrier: number): number {
    const s = time - this.centre[channel];
    const common = this.phases === null ? 0 : this.phases[channel].phases[time];
    return common + s * (this.slope[channel] + this.timing[channel] * this.frequency[subcarrier]);
  }

  /** Takes the drift, as it stands, out of what was received. */
  takeOut(): void {
    const { group, elements, received } = this;
    const still = this.phases === null && this.slope.every((b) => b === 0) && this.timing.every((g) => g === 0);
    for (let i = 0; i < group.element.length; i++) {
      const element = group.element[i];
      if (still) {
        received.re[i] = elements.re[element];
        received.im[i] = elements.im[element];
        continue;
      }
      const angle = this.phaseAt(group.channel[i], group.time[i], group.subcarrier[i]);
      const cos = Math.cos(angle);
      const sin = Math.sin(angle);
      received.re[i] = elements.re[element] * cos + elements.im[element] * sin;
      received.im[i] = elements.im[element] * cos - elements.re[element] * sin;
    }
  }
}
