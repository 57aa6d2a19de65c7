import type { TapModel } from '../channel/config.js';
import { createTapSource } from '../channel/tap-source.js';
import { createRng } from '../core/rng.js';
import { dbToPower } from '../core/units.js';
import { type Mcs, transportBlockSize } from '../fec/mcs.js';
import { segment } from '../fec/segmentation.js';
import type { BitsPerSymbol } from '../fec/qam.js';
import type { LinkSetting } from '../receiver/receiver.js';
import { type BitCapacity, createBitCapacity } from './capacity.js';

/** What the sender knows when it chooses a scheme: the mean SNR and what kind of channel it is, not this frame's. */
export interface Expectation {
  readonly taps: TapModel;
  readonly snrConvention: 'received' | 'average';
  readonly csi: 'perfect' | 'pilot';
  readonly targetFailure: number;
}

/** Channels that are drawn to count failures. */
const DRAWS = 200;
/** A code of a higher rate has no redundancy to speak of. */
const HIGHEST_RATE = 0.98;

/**
 * The SNR, linear, at which a scheme's blocks fail once in ten over AWGN: that at which the bits' capacity is the code's rate,
 * and the code's distance from it in dB,
 *
 *   Δ = 0.7 + 11/√K′ + 0.4·max(0, 1 − R/0.35),
 *
 * fitted to simulations of these codes with 20 iterations of offset min-sum (within 0.3 dB from QPSK of rate 0.12 to 256-QAM of
 * rate 0.93, blocks of 40 to 8000 bits). Infinity where there is hardly any redundancy.
 *
 * @param symbols k
 */
export function requiredSnr(symbols: number, mcs: Mcs, capacity: BitCapacity): number {
  const { numBlocks, blockBits } = segment(transportBlockSize(symbols, mcs), mcs.rate);
  const rate = (numBlocks * blockBits) / (symbols * mcs.bitsPerSymbol);
  if (rate > HIGHEST_RATE) return Infinity;
  const gapDb = 0.7 + 11 / Math.sqrt(blockBits) + 0.4 * Math.max(0, 1 - rate / 0.35);
  return capacity.snrFor(rate * mcs.bitsPerSymbol) * dbToPower(gapDb);
}

/**
 * The scheme that carries most with at most `targetFailure` of the frames expected to fail; the lowest where none does.
 *
 * Frames are drawn from the channel's statistics. One fails where the mean information of its resource elements, each at its own SNR
 * |H|²/σ² (with `pilot`, σ² and the error of the estimate together), is below what the code needs over AWGN.
 *
 * Source: mean mutual information per coded bit, Wan, Tsatsanis, Yang, "A fading-insensitive performance metric for a unified
 * link quality model", WCNC 2006.
 */
export function chooseMcs(setting: LinkSetting, table: readonly Mcs[], expectation: Expectation): Mcs {
  const { interleaver, snrDb } = setting;
  const frames = drawSnrs(setting, expectation, snrDb);
  const capacities = new Map<BitsPerSymbol, BitCapacity>();
  const means = new Map<BitsPerSymbol, Float64Array>();
  let chosen: Mcs | null = null;
  let most = 0;
  for (const mcs of table) {
    const { bitsPerSymbol } = mcs;
    const capacity = capacities.get(bitsPerSymbol) ?? createBitCapacity(bitsPerSymbol);
    capacities.set(bitsPerSymbol, capacity);
    const information =
      means.get(bitsPerSymbol) ??
      Float64Array.from(
        frames,
        (snrs) => snrs.reduce((sum, snr) => sum + capacity.informationAt(snr), 0) / snrs.length,
      );
    means.set(bitsPerSymbol, information);
    const required = requiredSnr(interleaver.numSymbols, mcs, capacity);
    if (!Number.isFinite(required)) continue;
    const needed = capacity.informationAt(required);
    const failures = information.reduce((sum, value) => sum + (value < needed ? 1 : 0), 0);
    const size = transportBlockSize(interleaver.numSymbols, mcs);
    if (failures <= expectation.targetFailure * frames.length && size > most) {
      most = size;
      chosen = mcs;
    }
  }
  return chosen ?? table[0];
}

/** SNR of every data subcarrier of every packet of each drawn frame, linear. */
function drawSnrs(setting: LinkSetting, { taps, snrConvention, csi }: Expectation, snrDb: number): Float64Array[] {
  const { grid, interleaver, coherence } = setting;
  const source = createTapSource(taps, createRng(grid.config.seed).split('link adaptation'));
  const channels = coherence === 'frame' ? 1 : interleaver.numPackets;
  const noise = dbToPower(-snrDb) * (csi === 'pilot' ? 1 + estimationError(setting) : 1);
  return Array.from({ length: DRAWS }, (_, draw) => {
    const gains = new Float64Array(channels * grid.numDataSubcarriers);
    for (let channel = 0; channel < channels; channel++) {
      const { re, im } = source.draw(draw * channels + channel);
      for (let m = 0; m < grid.numDataSubcarriers; m++) {
        let hr = 0;
        let hi = 0;
        for (let l = 0; l < re.length; l++) {
          const angle = (-2 * Math.PI * grid.dataBins[m] * l) / grid.fftSize;
          hr += re[l] * Math.cos(angle) - im[l] * Math.sin(angle);
          hi += re[l] * Math.sin(angle) + im[l] * Math.cos(angle);
        }
        gains[channel * grid.numDataSubcarriers + m] = hr * hr + hi * hi;
      }
    }
    const power = snrConvention === 'received' ? gains.reduce((sum, g) => sum + g, 0) / gains.length : 1;
    return gains.map((gain) => gain / power / noise);
  });
}

/** Variance of the estimated response over σ²: as many unknowns as taps, over as many pilots as there are in a channel. */
function estimationError({ grid, interleaver, coherence, tapPrior }: LinkSetting): number {
  const perPacket = grid.pilotSymbols * grid.numActiveSubcarriers + grid.symbolsPerPacket * grid.numPilotSubcarriers;
  const pilots = perPacket * (coherence === 'frame' ? interleaver.numPackets : 1);
  return pilots === 0 ? 0 : tapPrior.length / pilots;
}
