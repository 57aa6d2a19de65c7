import { type ComplexArray, createComplex } from '../core/complex.js';
import { ConfigError } from '../core/errors.js';
import {
  type ChannelEstimator,
  type ChannelPosterior,
  type ComplexRow,
  createChannelEstimator,
  createRow,
} from './channel-posterior.js';
import type { KnownChannel } from './informed.js';
import { createMovingEstimators, DOPPLERS, MOTION_MARGIN, type MovingEstimators } from './moving-estimators.js';
import { type SmoothPhases, smoothPhases, unwrapped } from './phase-smoother.js';
import type { LinkSetting, PilotObservation, TapEstimate } from './receiver.js';

/**
 * `ls`: Ĥ = Y_p/X_p. `lmmse-scalar`: the same, shrunk by 1/(1+σ²) per subcarrier (what the paper's code calls LMMSE).
 * `lmmse`: in time and frequency, ĝ = (A + P⁻¹)⁻¹b with the taps expanded over the symbols (`moving-channel.ts`). The Doppler
 * spread, which nobody tells, is the one with most evidence; one symbol with pilots shows none, and the channel is then
 * taken to stand still.
 */
export type PilotEstimator = 'ls' | 'lmmse-scalar' | 'lmmse';

/** Data resource elements that a decoder takes as known: x [P·S·M] of error variance `spread` each, and what was received there. */
export interface DecidedElements {
  readonly elements: ComplexArray;
  readonly received: ComplexArray;
  readonly spread: number;
}

/** A frame's channel from its pilots, and from decided resource elements where there are any; σ² where it is given. */
export type PilotEstimate = (
  pilots: PilotObservation | null,
  noiseVariance: number | null,
  decided?: DecidedElements,
) => KnownChannel;

/** The estimator of `pilot`, for every receiver that may start from pilots. */
export function createPilotEstimate(setting: LinkSetting, estimator: PilotEstimator, receiver: string): PilotEstimate {
  const { grid, tapPrior, coherence, interleaver } = setting;
  const combOnly = grid.pilotSymbols === 0;
  if (combOnly && (grid.numPilotSubcarriers === 0 || estimator !== 'lmmse')) {
    throw new ConfigError(
      'receiver.pilots',
      grid.numPilotSubcarriers === 0
        ? `receiver ${receiver}: the link sends no pilots; set ofdm.pilotSymbols to 1 or leave the receiver out`
        : `receiver ${receiver}: estimator ${estimator} needs ofdm.pilotSymbols ≥ 1; comb pilots alone need 'lmmse'`,
    );
  }
  const bins = grid.activeBins;
  const still = createChannelEstimator(bins, grid.fftSize, tapPrior);
  const numTimes = (grid.pilotSymbols + grid.symbolsPerPacket) * (coherence === 'frame' ? interleaver.numPackets : 1);
  const layout: PilotLayout = {
    setting,
    estimator,
    numTimes,
    still,
    fit: createChannelEstimator(bins, grid.fftSize, new Float64Array(tapPrior.length).fill(1)),
    moving: createMovingEstimators(still, { bins, fftSize: grid.fftSize, tapPrior }, numTimes, DOPPLERS),
    dataInActive: grid.dataBins.map((bin) => bins.indexOf(bin)),
    combInActive: grid.pilotBins.map((bin) => bins.indexOf(bin)),
  };
  return (pilots, noiseVariance, decided) => {
    if (pilots === null) throw new ConfigError('receiver.pilots', `receiver ${receiver}: was given no pilots`);
    return estimateFrame(layout, pilots, noiseVariance, decided ?? null);
  };
}

/** Estimates of phases and channel in turn. */
const PHASE_ROUNDS = 3;

interface PilotLayout {
  readonly setting: LinkSetting;
  readonly estimator: PilotEstimator;
  /** Symbols of one channel, block pilots and data. */
  readonly numTimes: number;
  readonly still: ChannelEstimator;
  /** Least-squares taps of a response at the active bins. */
  readonly fit: ChannelEstimator;
  readonly moving: MovingEstimators;
  readonly dataInActive: Int32Array;
  readonly combInActive: Int32Array;
}

function estimateFrame(
  layout: PilotLayout,
  pilots: PilotObservation,
  givenVariance: number | null,
  decided: DecidedElements | null,
): KnownChannel {
  const { grid, interleaver, coherence } = layout.setting;
  const { numPackets } = interleaver;
  const response = createComplex(numPackets * grid.elementsPerPacket);
  const responseVariance = new Float32Array(response.re.length);
  const estimates: TapEstimate[] = [];
  const all = Array.from({ length: numPackets }, (_, p) => p);
  const groups = coherence === 'frame' ? [all] : all.map((p) => [p]);
  let noise = 0;
  for (const packets of groups) {
    const channel = estimateChannel(layout, sumsOf(layout, pilots, packets, decided), givenVariance);
    const { posterior, phases } = channel;
    noise += channel.noiseVariance / groups.length;
    packets.forEach((p, i) => {
      estimates[p] = channel.estimate;
      for (let s = 0; s < grid.symbolsPerPacket; s++) {
        const t = timeOf(layout, i, grid.pilotSymbols + s);
        const cos = Math.cos(phases[t]);
        const sin = Math.sin(phases[t]);
        for (let m = 0; m < grid.numDataSubcarriers; m++) {
          const element = p * grid.elementsPerPacket + s * grid.numDataSubcarriers + m;
          const at = t * posterior.stride + layout.dataInActive[m];
          response.re[element] = posterior.response.re[at] * cos - posterior.response.im[at] * sin;
          response.im[element] = posterior.response.re[at] * sin + posterior.response.im[at] * cos;
          responseVariance[element] = posterior.responseVariance[at];
        }
      }
    });
  }
  return { response, responseVariance, estimates, noiseVariance: noise };
}

/** Symbol `s` (block pilots first) of the i-th packet of a channel, counted through all of them. */
const timeOf = ({ setting: { grid } }: PilotLayout, i: number, s: number): number =>
  i * (grid.pilotSymbols + grid.symbolsPerPacket) + s;

/** Sums over known resource elements: e = |X|² and b = X*·Y by symbol and active subcarrier, [T·A], and ‖Y‖². */
interface KnownSums {
  readonly energy: Float64Array;
  readonly cross: ComplexRow;
  readonly received: number;
  readonly observations: number;
}

function sumsOf(
  layout: PilotLayout,
  pilots: PilotObservation,
  packets: readonly number[],
  decided: DecidedElements | null,
): KnownSums {
  const { setting, numTimes, combInActive, dataInActive } = layout;
  const { grid, blockPilots, combPilots } = setting;
  const numActive = grid.numActiveSubcarriers;
  const energy = new Float64Array(numTimes * numActive);
  const cross = createRow(numTimes * numActive);
  let received = 0;
  let observations = 0;
  const add = (at: number, xr: number, xi: number, yr: number, yi: number, spread: number): void => {
    energy[at] += xr * xr + xi * xi + spread;
    cross.re[at] += xr * yr + xi * yi;
    cross.im[at] += xr * yi - xi * yr;
    received += yr * yr + yi * yi;
    observations++;
  };
  packets.forEach((p, i) => {
    for (let k = 0; k < blockPilots.re.length; k++) {
      const from = p * blockPilots.re.length + k;
      const at = timeOf(layout, i, Math.floor(k / numActive)) * numActive + (k % numActive);
      add(at, blockPilots.re[k], blockPilots.im[k], pilots.block.re[from], pilots.block.im[from], 0);
    }
    for (let k = 0; k < combPilots.re.length; k++) {
      const from = p * combPilots.re.length + k;
      const s = Math.floor(k / grid.numPilotSubcarriers);
      const at = timeOf(layout, i, grid.pilotSymbols + s) * numActive + combInActive[k % grid.numPilotSubcarriers];
      add(at, combPilots.re[k], combPilots.im[k], pilots.comb.re[from], pilots.comb.im[from], 0);
    }
    for (let k = 0; decided !== null && k < grid.elementsPerPacket; k++) {
      const from = p * grid.elementsPerPacket + k;
      // Nobody decides what padding was.
      if (setting.interleaver.symbolOf[from] < 0) continue;
      const s = Math.floor(k / grid.numDataSubcarriers);
      const at = timeOf(layout, i, grid.pilotSymbols + s) * numActive + dataInActive[k % grid.numDataSubcarriers];
      const { elements, received: y, spread } = decided;
      add(at, elements.re[from], elements.im[from], y.re[from], y.im[from], spread);
    }
  });
  return { energy, cross, received, observations };
}

/** A channel as a model has it: the phases [T] stand beside the posterior. */
interface ChannelModel {
  readonly posterior: ChannelPosterior;
  readonly phases: Float64Array;
  readonly evidence: number;
}

function estimateChannel(
  layout: PilotLayout,
  sums: KnownSums,
  givenVariance: number | null,
): ChannelModel & { readonly estimate: TapEstimate; readonly noiseVariance: number } {
  const { setting } = layout;
  let noiseVariance = givenVariance ?? sums.received / sums.observations / (1 + 10 ** (setting.snrDb / 10));
  let model = likeliestModel(layout, sums, noiseVariance);
  for (let round = 0; givenVariance === null && round < 3; round++) {
    const freedom = Math.max(1, sums.observations - model.posterior.learnt);
    noiseVariance = Math.max(residualOf(layout, sums, model) / freedom, 1e-6);
    model = likeliestModel(layout, sums, noiseVariance);
  }
  const { taps, tapVariance } = model.posterior;
  const estimate = {
    taps: { re: Float32Array.from(taps.re), im: Float32Array.from(taps.im) },
    tapVariance: Float32Array.from(tapVariance),
  };
  if (layout.estimator === 'lmmse') return { ...model, estimate, noiseVariance };
  return { ...plainEstimate(layout, sums, model, noiseVariance), noiseVariance };
}

/** A channel that stands still, one whose oscillator wanders, and those that move: the one with most evidence. */
function likeliestModel(layout: PilotLayout, sums: KnownSums, noiseVariance: number): ChannelModel {
  const { still, moving, numTimes } = layout;
  const evidenceOf = ({ fit, logDet }: ChannelPosterior): number => fit - logDet;
  const posterior = posteriorUnder(layout, still, sums, noiseVariance);
  let best: ChannelModel = { posterior, phases: new Float64Array(numTimes), evidence: evidenceOf(posterior) };
  // First from symbol to symbol, which needs no channel; then against the channel that this gives.
  let turned = posteriorUnder(layout, still, turnedBack(layout, sums, differentialPhases(layout, sums)), noiseVariance);
  for (let round = 0; round < PHASE_ROUNDS; round++) {
    const { wander, phases, cost } = phasesUnder(layout, sums, turned, noiseVariance);
    if (!wander) break;
    turned = posteriorUnder(layout, still, turnedBack(layout, sums, phases), noiseVariance);
    const evidence = evidenceOf(turned) - cost;
    if (evidence > best.evidence) best = { posterior: turned, phases, evidence };
  }
  if (layout.estimator !== 'lmmse' || knownTimes(layout, sums) < 2) return best;
  for (const doppler of moving.dopplers) {
    const estimator = moving.of(doppler);
    if (estimator === still) continue;
    const moved = posteriorUnder(layout, estimator, sums, noiseVariance);
    const evidence = evidenceOf(moved) - (best.posterior.stride === 0 ? MOTION_MARGIN : 0);
    if (evidence > best.evidence) best = { posterior: moved, phases: new Float64Array(numTimes), evidence };
  }
  return best;
}

function posteriorUnder(
  { setting, numTimes }: PilotLayout,
  estimator: ChannelEstimator,
  { energy, cross }: KnownSums,
  noiseVariance: number,
): ChannelPosterior {
  if (estimator.numTimes > 1) return estimator.posterior(energy, cross, noiseVariance);
  const numActive = setting.grid.numActiveSubcarriers;
  const e = new Float64Array(numActive);
  const b = createRow(numActive);
  for (let i = 0; i < numTimes * numActive; i++) {
    e[i % numActive] += energy[i];
    b.re[i % numActive] += cross.re[i];
    b.im[i % numActive] += cross.im[i];
  }
  return estimator.posterior(e, b, noiseVariance);
}

/** θ_t − θ_t' = arg Σ b_t'*·b_t over subcarriers that neighbouring symbols t' < t with known resource elements share, added up. */
function differentialPhases({ setting, numTimes }: PilotLayout, { energy, cross }: KnownSums): Float64Array {
  const numActive = setting.grid.numActiveSubcarriers;
  const phases = new Float64Array(numTimes);
  let before = -1;
  for (let t = 0; t < numTimes; t++) {
    let re = 0;
    let im = 0;
    let known = false;
    for (let a = 0; a < numActive; a++) {
      const i = t * numActive + a;
      if (energy[i] === 0) continue;
      known = true;
      if (before < 0) continue;
      const k = before * numActive + a;
      re += cross.re[k] * cross.re[i] + cross.im[k] * cross.im[i];
      im += cross.re[k] * cross.im[i] - cross.im[k] * cross.re[i];
    }
    if (!known) continue;
    phases[t] = (before < 0 ? 0 : phases[before]) + Math.atan2(im, re);
    before = t;
  }
  return phases;
}

/** The common phase of each symbol with known resource elements: θ_t = arg Σ Ĥ*·b, of error variance σ²/(2·Σ|Ĥ|²e), smoothed. */
function phasesUnder(
  { setting, numTimes }: PilotLayout,
  { energy, cross }: KnownSums,
  { response, stride }: ChannelPosterior,
  noiseVariance: number,
): SmoothPhases {
  const numActive = setting.grid.numActiveSubcarriers;
  const angle = new Float64Array(numTimes);
  const variance = new Float64Array(numTimes);
  const seen: number[] = [];
  let last = 0;
  for (let t = 0; t < numTimes; t++) {
    let re = 0;
    let im = 0;
    let power = 0;
    for (let a = 0; a < numActive; a++) {
      const i = t * numActive + a;
      const at = t * stride + a;
      re += response.re[at] * cross.re[i] + response.im[at] * cross.im[i];
      im += response.re[at] * cross.im[i] - response.im[at] * cross.re[i];
      power += (response.re[at] ** 2 + response.im[at] ** 2) * energy[i];
    }
    if (power === 0) continue;
    last = unwrapped(Math.atan2(im, re), last);
    angle[t] = last;
    variance[t] = noiseVariance / (2 * power);
    seen.push(t);
  }
  return smoothPhases({ angle, variance, seen }, false);
}

function turnedBack({ setting }: PilotLayout, sums: KnownSums, phases: Float64Array): KnownSums {
  const numActive = setting.grid.numActiveSubcarriers;
  const cross = createRow(sums.cross.re.length);
  for (let i = 0; i < cross.re.length; i++) {
    const cos = Math.cos(phases[Math.floor(i / numActive)]);
    const sin = Math.sin(phases[Math.floor(i / numActive)]);
    cross.re[i] = sums.cross.re[i] * cos + sums.cross.im[i] * sin;
    cross.im[i] = sums.cross.im[i] * cos - sums.cross.re[i] * sin;
  }
  return { ...sums, cross };
}

/** Symbols that hold known elements. */
function knownTimes({ setting, numTimes }: PilotLayout, { energy }: KnownSums): number {
  const numActive = setting.grid.numActiveSubcarriers;
  let count = 0;
  for (let t = 0; t < numTimes; t++) {
    if (energy.subarray(t * numActive, (t + 1) * numActive).some((e) => e > 0)) count++;
  }
  return count;
}

/** ‖Y − ĤX‖² from the sums: ‖Y‖² − 2·Re Σ Ĥ*·X*Y + Σ|Ĥ|²|X|². */
function residualOf(layout: PilotLayout, sums: KnownSums, { posterior, phases }: ChannelModel): number {
  const numActive = layout.setting.grid.numActiveSubcarriers;
  const { energy, cross, received } = turnedBack(layout, sums, phases);
  const { response, stride } = posterior;
  let sum = received;
  for (let i = 0; i < energy.length; i++) {
    const at = Math.floor(i / numActive) * stride + (i % numActive);
    sum -= 2 * (response.re[at] * cross.re[i] + response.im[at] * cross.im[i]);
    sum += (response.re[at] ** 2 + response.im[at] ** 2) * energy[i];
  }
  return Math.max(sum, 0);
}

/** `ls` and `lmmse-scalar`: each subcarrier by itself, from the block pilots. */
function plainEstimate(
  layout: PilotLayout,
  sums: KnownSums,
  model: ChannelModel,
  noiseVariance: number,
): ChannelModel & { readonly estimate: TapEstimate } {
  const { setting, estimator, numTimes } = layout;
  const { grid } = setting;
  const numActive = grid.numActiveSubcarriers;
  const shrink = estimator === 'lmmse-scalar' ? 1 / (1 + noiseVariance) : 1;
  const { cross, energy } = turnedBack(layout, sums, model.phases);
  const response = createRow(numActive);
  const perPacket = grid.pilotSymbols + grid.symbolsPerPacket;
  for (let a = 0; a < numActive; a++) {
    let e = 0;
    for (let t = 0; t < numTimes; t++) {
      if (t % perPacket >= grid.pilotSymbols) continue;
      response.re[a] += shrink * cross.re[t * numActive + a];
      response.im[a] += shrink * cross.im[t * numActive + a];
      e += energy[t * numActive + a];
    }
    response.re[a] /= e;
    response.im[a] /= e;
  }
  const { taps: fitted } = layout.fit.posterior(new Float64Array(numActive).fill(1), response, 1e-5);
  const taps = { re: Float32Array.from(fitted.re), im: Float32Array.from(fitted.im) };
  const posterior = { ...model.posterior, response, responseVariance: new Float64Array(numActive), stride: 0 };
  return { ...model, posterior, estimate: { taps, tapVariance: new Float32Array(taps.re.length) } };
}
