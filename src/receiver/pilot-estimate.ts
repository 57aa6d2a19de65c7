import { type ComplexArray, createComplex } from '../core/complex.js';
import { ConfigError } from '../core/errors.js';
import { type ChannelEstimator, createChannelEstimator, createRow } from './channel-posterior.js';
import type { KnownChannel } from './informed.js';
import type { LinkSetting, PilotObservation, TapEstimate } from './receiver.js';

/**
 * `ls`: Ĥ = Y_p/X_p. `lmmse-scalar`: the same, shrunk by 1/(1+σ²) per subcarrier (what the paper's code calls LMMSE).
 * `lmmse`: the tap-domain estimate with the prior p, ĥ = (A + P⁻¹)⁻¹b.
 */
export type PilotEstimator = 'ls' | 'lmmse-scalar' | 'lmmse';

/** A frame's channel from its pilots; σ² where it is given. */
export type PilotEstimate = (pilots: PilotObservation | null, noiseVariance: number | null) => KnownChannel;

/** The estimator of `pilot`, for every receiver that may start from pilots. */
export function createPilotEstimate(setting: LinkSetting, estimator: PilotEstimator, receiver: string): PilotEstimate {
  const { grid, tapPrior } = setting;
  const combOnly = grid.pilotSymbols === 0;
  if (combOnly && (grid.numPilotSubcarriers === 0 || estimator !== 'lmmse')) {
    throw new ConfigError(
      'receiver.pilots',
      grid.numPilotSubcarriers === 0
        ? `receiver ${receiver}: the link sends no pilots; set ofdm.pilotSymbols to 1 or leave the receiver out`
        : `receiver ${receiver}: estimator ${estimator} needs ofdm.pilotSymbols ≥ 1; comb pilots alone need 'lmmse'`,
    );
  }
  const layout: PilotLayout = {
    setting,
    active: createChannelEstimator(grid.activeBins, grid.fftSize, tapPrior),
    dataInActive: grid.dataBins.map((bin) => grid.activeBins.indexOf(bin)),
    combInActive: grid.pilotBins.map((bin) => grid.activeBins.indexOf(bin)),
  };
  return (pilots, noiseVariance) => {
    if (pilots === null) throw new ConfigError('receiver.pilots', `receiver ${receiver}: was given no pilots`);
    return estimateFrame(layout, estimator, pilots, noiseVariance);
  };
}

interface PilotLayout {
  readonly setting: LinkSetting;
  readonly active: ChannelEstimator;
  readonly dataInActive: Int32Array;
  readonly combInActive: Int32Array;
}

function estimateFrame(
  layout: PilotLayout,
  estimator: PilotEstimator,
  pilots: PilotObservation,
  givenVariance: number | null,
): KnownChannel {
  const { grid, interleaver, coherence } = layout.setting;
  const { numPackets } = interleaver;
  const response = createComplex(numPackets * grid.cellsPerPacket);
  const variance = new Float32Array(response.re.length);
  const estimates: TapEstimate[] = [];
  let noise = 0;
  const together = coherence === 'frame';
  for (let p = 0; p < numPackets; p++) {
    const packets = together ? Array.from({ length: numPackets }, (_, i) => i) : [p];
    const packet = estimatePackets(layout, estimator, pilots, packets, givenVariance);
    noise += packet.noiseVariance / numPackets;
    estimates.push(packet.estimate);
    for (let s = 0; s < grid.symbolsPerPacket; s++) {
      const turn = combPhase(layout, packet.response, pilots.comb, p, s);
      for (let m = 0; m < grid.numDataSubcarriers; m++) {
        const cell = p * grid.cellsPerPacket + s * grid.numDataSubcarriers + m;
        const a = layout.dataInActive[m];
        response.re[cell] = packet.response.re[a] * turn.re - packet.response.im[a] * turn.im;
        response.im[cell] = packet.response.re[a] * turn.im + packet.response.im[a] * turn.re;
        variance[cell] = packet.responseVariance[a];
      }
    }
  }
  return { response, variance, estimates, noiseVariance: noise };
}

interface PacketEstimate {
  readonly response: { re: Float64Array; im: Float64Array };
  readonly responseVariance: Float64Array;
  readonly estimate: TapEstimate;
  readonly noiseVariance: number;
}

/** One channel from the pilots of the packets that share it. */
function estimatePackets(
  layout: PilotLayout,
  estimator: PilotEstimator,
  pilots: PilotObservation,
  packets: readonly number[],
  givenVariance: number | null,
): PacketEstimate {
  const { setting, active } = layout;
  const { grid, blockPilots, combPilots, snrDb } = setting;
  const numActive = grid.numActiveSubcarriers;
  const energy = new Float64Array(numActive);
  const cross = createRow(numActive);
  let received = 0;
  let observations = 0;
  const add = (a: number, xr: number, xi: number, yr: number, yi: number): void => {
    energy[a] += xr * xr + xi * xi;
    cross.re[a] += xr * yr + xi * yi;
    cross.im[a] += xr * yi - xi * yr;
    received += yr * yr + yi * yi;
    observations++;
  };
  for (const p of packets) {
    for (let i = 0; i < blockPilots.re.length; i++) {
      const at = p * blockPilots.re.length + i;
      add(i % numActive, blockPilots.re[i], blockPilots.im[i], pilots.block.re[at], pilots.block.im[at]);
    }
    // With block pilots the combs only track the phase: mixing both would blur a drifting channel.
    if (grid.pilotSymbols > 0) continue;
    for (let i = 0; i < combPilots.re.length; i++) {
      const a = layout.combInActive[i % grid.numPilotSubcarriers];
      const at = p * combPilots.re.length + i;
      add(a, combPilots.re[i], combPilots.im[i], pilots.comb.re[at], pilots.comb.im[at]);
    }
  }

  let noiseVariance = givenVariance ?? received / observations / (1 + 10 ** (snrDb / 10));
  let posterior = active.posterior(energy, cross, noiseVariance);
  if (givenVariance === null) {
    for (let round = 0; round < 3; round++) {
      noiseVariance =
        pilotResidual(energy, cross, received, posterior.response) / Math.max(1, observations - active.numTaps);
      posterior = active.posterior(energy, cross, Math.max(noiseVariance, 1e-6));
    }
  }
  const estimate = {
    taps: { re: Float32Array.from(posterior.taps.re), im: Float32Array.from(posterior.taps.im) },
    variance: Float32Array.from(posterior.tapVariance),
  };
  if (estimator === 'lmmse') return { ...posterior, estimate, noiseVariance };

  const shrink = estimator === 'lmmse-scalar' ? 1 / (1 + noiseVariance) : 1;
  const response = createRow(numActive);
  for (let a = 0; a < numActive; a++) {
    response.re[a] = (shrink * cross.re[a]) / energy[a];
    response.im[a] = (shrink * cross.im[a]) / energy[a];
  }
  const taps = tapsOfResponse(setting, response);
  return {
    response,
    responseVariance: new Float64Array(numActive),
    estimate: { taps, variance: new Float32Array(taps.re.length) },
    noiseVariance,
  };
}

/** ‖Y − ĤX‖² from the sums: ‖Y‖² − 2·Re Σ Ĥ*·X*Y + Σ|Ĥ|²|X|². */
function pilotResidual(
  energy: Float64Array,
  cross: { re: Float64Array; im: Float64Array },
  received: number,
  response: { re: Float64Array; im: Float64Array },
): number {
  let sum = received;
  for (let a = 0; a < energy.length; a++) {
    sum -= 2 * (response.re[a] * cross.re[a] + response.im[a] * cross.im[a]);
    sum += (response.re[a] ** 2 + response.im[a] ** 2) * energy[a];
  }
  return Math.max(sum, 0);
}

/** Inverse DFT of a response on the active bins, the window's taps only. */
function tapsOfResponse(setting: LinkSetting, response: { re: Float64Array; im: Float64Array }): ComplexArray {
  const { activeBins, fftSize } = setting.grid;
  const taps = createComplex(setting.tapPrior.length);
  for (let l = 0; l < taps.re.length; l++) {
    for (let a = 0; a < activeBins.length; a++) {
      const angle = (2 * Math.PI * activeBins[a] * l) / fftSize;
      taps.re[l] += (response.re[a] * Math.cos(angle) - response.im[a] * Math.sin(angle)) / activeBins.length;
      taps.im[l] += (response.im[a] * Math.cos(angle) + response.re[a] * Math.sin(angle)) / activeBins.length;
    }
  }
  return taps;
}

/** e^{jθ_s} from the comb pilots of symbol s; 1 without any. */
function combPhase(
  layout: PilotLayout,
  response: { re: Float64Array; im: Float64Array },
  comb: ComplexArray,
  packet: number,
  symbol: number,
): { re: number; im: number } {
  const { grid, combPilots } = layout.setting;
  let re = 0;
  let im = 0;
  for (let i = 0; i < grid.numPilotSubcarriers; i++) {
    const known = symbol * grid.numPilotSubcarriers + i;
    const at = packet * combPilots.re.length + known;
    const a = layout.combInActive[i];
    const er = response.re[a] * combPilots.re[known] - response.im[a] * combPilots.im[known];
    const ei = response.re[a] * combPilots.im[known] + response.im[a] * combPilots.re[known];
    re += er * comb.re[at] + ei * comb.im[at];
    im += er * comb.im[at] - ei * comb.re[at];
  }
  const size = Math.hypot(re, im);
  return size > 0 ? { re: re / size, im: im / size } : { re: 1, im: 0 };
}
