import type { ComplexArray } from '../../core/complex.js';
import { createComplex } from '../../core/complex.js';
import { LinkError } from '../../core/errors.js';
import type { Rng } from '../../core/rng.js';
import type { BlindGroup } from './groups.js';
import {
  type ChannelEstimator,
  type ChannelPosterior,
  createRow,
  scalePosterior,
  turnPosterior,
} from '../channel-posterior.js';
import { Drift, type Tracking } from './drift.js';
import type { LinkSetting } from '../receiver.js';
import type { SmoothPhases } from '../phase-smoother.js';
import { phasesOfMotion, symbolPhases } from './symbol-phases.js';

/** See `passVariance`. Faces at 28 dB: 19.8 dB of PSNR without, 31.3 dB with it, as good as with the channel known. */
const LEAST_NOISE_SHARE = 0.05;

/** Noise variance of the hottest pass, in units of the signal's power; see `heated`. */
const HOTTEST = 3;

/** How often taps and phases are found in turn where a picture's codeword stands for what was sent. */
const CODEWORD_ROUNDS = 4;

/**
 * One start of the EM on one group: the channel posterior of each of its channels, the phase drift tracked so far
 * and the noise variance in use.
 */
export class BlindChain {
  readonly posteriors: ChannelPosterior[];
  noiseVariance: number;
  /** E|x|² per resource element as the last M-step saw it. */
  meanPower = 1;
  /** The chain that this one was made of, by another model of the channel: both are one start. */
  origin: BlindChain = this;
  /** The codeword as the last M-step saw it, and what the channel was then scaled by. */
  private last: { readonly x: ComplexArray; readonly power: Float32Array; readonly gain: number } | null = null;
  private readonly receivedPower: number;
  private readonly drift: Drift;

  constructor(
    private readonly setting: LinkSetting,
    readonly group: BlindGroup,
    readonly estimator: ChannelEstimator,
    private readonly elements: ComplexArray,
    noiseVariance: number,
  ) {
    this.noiseVariance = noiseVariance;
    let power = 0;
    for (const element of group.element) power += elements.re[element] ** 2 + elements.im[element] ** 2;
    this.receivedPower = power / group.element.length;
    this.drift = new Drift(setting.grid, group, elements);
    this.posteriors = [];
  }

  /** Starts from the posterior that the mean codeword gives, the codeword's spread counted as noise. */
  startFromMean(mean: Float32Array): void {
    const { group, setting } = this;
    const { rho, superimposed } = setting;
    const imaginary = setting.layout.tileSymbols;
    const perTile = 2 * imaginary;
    const sums = this.createSums(this.estimator);
    const amplitude = Math.sqrt(1 - rho);
    const superimposedAmplitude = Math.sqrt(rho);
    for (let i = 0; i < group.element.length; i++) {
      const at = group.tileIndex[i] % perTile;
      const xr = amplitude * mean[at] + superimposedAmplitude * superimposed.re[group.element[i]];
      const xi = amplitude * mean[at + imaginary] + superimposedAmplitude * superimposed.im[group.element[i]];
      sums.add(i, xr, xi, xr * xr + xi * xi);
    }
    this.posteriors.length = 0;
    sums.forEach((energy, cross) => {
      this.posteriors.push(this.estimator.posterior(energy, cross, this.noiseVariance + 1));
    });
  }

  /** Starts from channels drawn from the prior. */
  startFromDraw(rng: Rng): void {
    this.posteriors.length = 0;
    for (let c = 0; c < this.group.channels.length; c++) this.posteriors.push(this.estimator.sample(rng));
  }

  /**
   * Writes precision w and information vector q of the group's symbols, [T, n] each from `offset` on; places without a symbol
   * are left alone (they must be 0). With x = √(1−ρ)·z + √ρ·C the channel sees x, the E-step wants z.
   *
   * @param signs turns the channels over, where given
   * @returns what the known superimposed pilot adds to −2·log p(Y|z, Ĥ): Σ w·ρ|C|² − 2·√ρ·(q_re·C_re + q_im·C_im)
   */
  writeInformation(
    noiseVariance: number,
    precision: Float32Array,
    information: Float32Array,
    offset: number,
    signs?: Int8Array,
  ): number {
    const { group, setting } = this;
    const { received } = this.drift;
    const { rho, superimposed } = setting;
    const imaginary = setting.layout.tileSymbols;
    const amplitude = Math.sqrt(1 - rho);
    const superimposedAmplitude = Math.sqrt(rho);
    const scale = 2 / noiseVariance;
    let known = 0;
    for (let i = 0; i < group.element.length; i++) {
      const { response, responseVariance, stride } = this.posteriors[group.channel[i]];
      const m = group.time[i] * stride + group.subcarrier[i];
      const sign = signs?.[group.channel[i]] ?? 1;
      const hr = sign * response.re[m];
      const hi = sign * response.im[m];
      const w = scale * (hr * hr + hi * hi + responseVariance[m]);
      const yr = received.re[i];
      const yi = received.im[i];
      let qr = scale * (hr * yr + hi * yi);
      let qi = scale * (hr * yi - hi * yr);
      if (rho > 0) {
        const cr = superimposedAmplitude * superimposed.re[group.element[i]];
        const ci = superimposedAmplitude * superimposed.im[group.element[i]];
        known += w * (cr * cr + ci * ci) - 2 * (qr * cr + qi * ci);
        qr = amplitude * (qr - w * cr);
        qi = amplitude * (qi - w * ci);
      }
      const at = offset + group.tileIndex[i];
      precision[at] = (1 - rho) * w;
      precision[at + imaginary] = (1 - rho) * w;
      information[at] = qr;
      information[at + imaginary] = qi;
    }
    return known;
  }

  /**
   * The M-step: the exact channel posterior given E[z] and Var[z] ([T, n] from `offset` on), rescaled so that the codeword
   * has mean power 1, as its statistics mean it; then, where asked, the drift and the noise variance that fit. The
   * rescaling (left out where the estimate's scale is meant, `absolute`) is parameter-expanded EM (Liu, Rubin and Wu, 1998): it halves the channel error at equal passes.
   */
  update(
    noiseVariance: number,
    mean: Float32Array,
    spread: Float32Array,
    offset: number,
    options: { tracking: Tracking; estimateNoise: boolean; absolute?: boolean },
  ): void {
    const { group, setting } = this;
    const { rho, superimposed } = setting;
    const imaginary = setting.layout.tileSymbols;
    const amplitude = Math.sqrt(1 - rho);
    const superimposedAmplitude = Math.sqrt(rho);
    const count = group.element.length;
    const x = createComplex(count);
    const power = new Float32Array(count);
    const sums = this.createSums(this.estimator);
    let total = 0;
    for (let i = 0; i < count; i++) {
      const at = offset + group.tileIndex[i];
      let xr = amplitude * mean[at];
      let xi = amplitude * mean[at + imaginary];
      if (rho > 0) {
        xr += superimposedAmplitude * superimposed.re[group.element[i]];
        xi += superimposedAmplitude * superimposed.im[group.element[i]];
      }
      x.re[i] = xr;
      x.im[i] = xi;
      power[i] = xr * xr + xi * xi + (1 - rho) * (spread[at] + spread[at + imaginary]);
      total += power[i];
      sums.add(i, xr, xi, power[i]);
    }
    // The encoder sends mean power 1: what the codeword's estimate lacks in amplitude is the channel's (PX-EM).
    const gain = options.absolute === true ? 1 : Math.sqrt(total / count);
    sums.forEach((energy, cross, channel) => {
      this.posteriors[channel] = scalePosterior(this.estimator.posterior(energy, cross, noiseVariance), gain);
    });
    this.meanPower = total / count / gain ** 2;
    this.last = { x, power, gain };
    if (options.tracking !== 'none') this.track(x, options.tracking);
    if (options.estimateNoise) this.noiseVariance = this.expectedResidual(x, power, gain);
  }

  /**
   * Log evidence of another model of the channels' motion, given the codeword as the last M-step saw it: Σ over channels of
   * μᴴF_Lᴴb/s² − log det(A·P), up to a constant that all models share.
   */
  evidenceUnder(estimator: ChannelEstimator): number {
    return this.posteriorsUnder(estimator).reduce((sum, { fit, logDet }) => sum + fit - logDet, 0);
  }

  /** This chain with another model of its channels' motion, its posteriors those of the last M-step's codeword. */
  withEstimator(estimator: ChannelEstimator): BlindChain {
    return this.copy(estimator, this.drift.phases);
  }

  /** This chain with the codeword of some tiles turned over, its posteriors those that follow. Tiles by their place in the group. */
  withTilesTurned(turned: readonly boolean[]): BlindChain {
    const { last, group, setting } = this;
    if (last === null) throw new LinkError('receiver.chain', 'no M-step has been made yet');
    const perTile = 2 * setting.layout.tileSymbols;
    const sign = group.tileIndex.map((at) => (turned[Math.floor(at / perTile)] ? -1 : 1));
    const x = { re: last.x.re.map((v, i) => sign[i] * v), im: last.x.im.map((v, i) => sign[i] * v) };
    return this.copy(this.estimator, this.drift.phases, { ...last, x });
  }

  /** This chain with a picture's codeword [k] for what was sent, its posteriors and its symbols' phases those that follow. The phases are tracked from here on. */
  withCodeword(codeword: ComplexArray): BlindChain {
    const { group, setting } = this;
    const { rho, superimposed, interleaver } = setting;
    const [amplitude, superimposedAmplitude] = [Math.sqrt(1 - rho), Math.sqrt(rho)];
    const x = createComplex(group.element.length);
    const power = Float32Array.from(group.element, (element, i) => {
      const symbol = interleaver.symbolOf[element];
      x.re[i] = amplitude * codeword.re[symbol] + superimposedAmplitude * superimposed.re[element];
      x.im[i] = amplitude * codeword.im[symbol] + superimposedAmplitude * superimposed.im[element];
      return x.re[i] ** 2 + x.im[i] ** 2;
    });
    const last = { x, power, gain: 1 };
    let chain = this.copy(this.estimator, this.drift.phases, last);
    for (let round = 0; round < CODEWORD_ROUNDS; round++) {
      chain = chain.copy(chain.estimator, chain.estimatePhases(last), last);
    }
    return chain;
  }

  private copy(
    estimator: ChannelEstimator,
    phases: readonly SmoothPhases[] | null,
    last: BlindChain['last'] = this.last,
  ): BlindChain {
    const { setting, group, elements, noiseVariance } = this;
    const chain = new BlindChain(setting, group, estimator, elements, noiseVariance);
    chain.origin = this.origin;
    chain.drift.follow(this.drift, phases);
    chain.meanPower = this.meanPower;
    chain.last = last;
    chain.posteriors.push(
      ...chain.posteriorsUnder(estimator).map((posterior) => scalePosterior(posterior, last?.gain ?? 1)),
    );
    return chain;
  }

  /**
   * This chain with a common phase for each OFDM symbol taken out of the received resource elements and tracked from here on; null where the
   * phases do not wander beyond what the noise makes them, or are tracked already.
   */
  withPhases(): BlindChain | null {
    if (this.last === null || this.wanders) return null;
    const found = this.estimatePhases(this.last);
    if (found.every(({ wander }) => !wander)) return null;
    return this.copy(this.estimator, found);
  }

  /**
   * This chain with what its channels' motion turns from symbol to symbol taken for an oscillator's phases, and the rest to stand
   * still: θ_t − θ_{t−1} = arg Σ_m Ĥ[t,m]·Ĥ[t−1,m]*. Tracked from here on.
   */
  withMotionAsPhases(still: ChannelEstimator): BlindChain {
    return this.copy(still, phasesOfMotion(this.posteriors, this.group));
  }

  private estimatePhases({ x, power }: { x: ComplexArray; power: Float32Array }): SmoothPhases[] {
    const { group, posteriors, passVariance } = this;
    const { received, phases: before } = this.drift;
    const { gain } = this.last ?? { gain: 1 };
    return symbolPhases({ group, received, posteriors, gain, x, power, passVariance, before });
  }

  private posteriorsUnder(estimator: ChannelEstimator): ChannelPosterior[] {
    if (this.last === null) throw new LinkError('receiver.chain', 'no M-step has been made yet');
    const { x, power } = this.last;
    const sums = this.createSums(estimator);
    for (let i = 0; i < power.length; i++) sums.add(i, x.re[i], x.im[i], power[i]);
    const posteriors: ChannelPosterior[] = [];
    sums.forEach((energy, cross) => {
      posteriors.push(estimator.posterior(energy, cross, this.passVariance));
    });
    return posteriors;
  }

  /** Turns channels over for good. */
  turn(signs: Int8Array): void {
    this.posteriors.forEach((posterior, channel) => {
      this.posteriors[channel] = scalePosterior(posterior, signs[channel]);
    });
    if (this.last === null) return;
    const { x } = this.last;
    this.group.channel.forEach((channel, i) => {
      x.re[i] *= signs[channel];
      x.im[i] *= signs[channel];
    });
  }

  /**
   * σ² that the passes work with: at least a share of the received power. EM moves a tap by what the noise leaves open, so
   * below it the search stands still; and the codeword's model is not exact to more than about that.
   */
  get passVariance(): number {
    return Math.max(this.noiseVariance, LEAST_NOISE_SHARE * this.receivedPower);
  }

  /** The passes' σ² at a heat: no hotter than a few times the signal, or every start would end where the mean codeword's does. */
  heated(heat: number): number {
    const signal = Math.max(0, this.receivedPower - this.noiseVariance);
    return Math.max(this.passVariance, Math.min(heat * this.passVariance, HOTTEST * signal));
  }

  /** Gives the codeword mean power `power` a resource element, and the channel what that takes from it. */
  assumePower(power: number): void {
    const gain = Math.sqrt(this.meanPower / power);
    this.posteriors.forEach((posterior, channel) => {
      this.posteriors[channel] = scalePosterior(posterior, gain);
    });
    this.meanPower = power;
  }

  /** Turns the channels by angles in radians, one each. */
  turnBy(angles: readonly number[]): void {
    this.posteriors.forEach((posterior, channel) => {
      this.posteriors[channel] = turnPosterior(posterior, angles[channel]);
    });
  }

  /** Whether a phase of its own is taken out of each symbol. */
  get wanders(): boolean {
    return this.drift.phases !== null;
  }

  /** What the freedom of the symbols' phases costs in log evidence. */
  get phaseCost(): number {
    return this.drift.phases?.reduce((sum, { cost }) => sum + cost, 0) ?? 0;
  }

  /** Phase by which the drift turns a resource element of the group. */
  residualPhaseAt(channel: number, time: number, subcarrier: number): number {
    return this.drift.phaseAt(channel, time, subcarrier);
  }

  /** E‖Y − H·X‖² per resource element with H before its rescaling by `gain`, kept above a thousandth of the received power. */
  private expectedResidual(x: ComplexArray, power: Float32Array, gain: number): number {
    const { group } = this;
    const { received } = this.drift;
    let sum = 0;
    let total = 0;
    for (let i = 0; i < group.element.length; i++) {
      const { response, responseVariance, stride } = this.posteriors[group.channel[i]];
      const m = group.time[i] * stride + group.subcarrier[i];
      const hr = response.re[m] / gain;
      const hi = response.im[m] / gain;
      const yr = received.re[i];
      const yi = received.im[i];
      const crossReal = yr * (hr * x.re[i] - hi * x.im[i]) + yi * (hr * x.im[i] + hi * x.re[i]);
      const y = yr * yr + yi * yi;
      total += y;
      sum += y - 2 * crossReal + (hr * hr + hi * hi + responseVariance[m] / gain ** 2) * power[i];
    }
    return Math.max(sum, 0.001 * total) / group.element.length;
  }

  /** One step of the drift towards what is left of it, and the symbols' phases anew where they have their own. */
  private track(x: ComplexArray, tracking: Exclude<Tracking, 'none'>): void {
    this.drift.step(this.posteriors, x, tracking);
    // The phases are found with what was taken out so far.
    if (this.wanders && this.last !== null) this.drift.phases = this.estimatePhases(this.last);
    this.drift.takeOut();
  }

  /** Per channel: e = Σ|x|² and b = Σ x*·Y by subcarrier, and by symbol where the channel moves. */
  private createSums(estimator: ChannelEstimator): {
    add(i: number, xr: number, xi: number, power: number): void;
    forEach(use: (energy: Float64Array, cross: { re: Float64Array; im: Float64Array }, channel: number) => void): void;
  } {
    const { group } = this;
    const { received } = this.drift;
    const { numBins, numTimes } = estimator;
    const stride = numTimes === 1 ? 0 : numBins;
    const energy = Array.from(group.channels, () => new Float64Array(numTimes * numBins));
    const cross = Array.from(group.channels, () => createRow(numTimes * numBins));
    return {
      add(i, xr, xi, power) {
        const channel = group.channel[i];
        const m = group.time[i] * stride + group.subcarrier[i];
        energy[channel][m] += power;
        cross[channel].re[m] += xr * received.re[i] + xi * received.im[i];
        cross[channel].im[m] += xr * received.im[i] - xi * received.re[i];
      },
      forEach(use) {
        energy.forEach((e, channel) => {
          use(e, cross[channel], channel);
        });
      },
    };
  }
}
