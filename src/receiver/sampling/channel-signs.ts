import type { ComplexArray } from '../../core/complex.js';
import { tileLogOdds } from '../informed.js';
import type { LinkSetting } from '../receiver.js';

/** The polarity network's log-odds for each channel's sign, summed over its tiles: a tile speaks for the packet that has most of it. */
export async function channelLogOdds(
  setting: LinkSetting,
  packets: Int32Array,
  numChannels: number,
  equalised: ComplexArray,
): Promise<Float64Array> {
  const sums = new Float64Array(numChannels);
  const logOdds = (await tileLogOdds(setting, equalised)) ?? [];
  logOdds.forEach((value, tile) => (sums[Math.min(packets[tile], numChannels - 1)] += value));
  return sums;
}

/** Turns over, in place, a chain's channels whose log-odds are negative. */
export function turnOver({ re, im }: ComplexArray, chain: number, chains: number, logOdds: Float64Array): void {
  const length = re.length / chains / logOdds.length;
  logOdds.forEach((value, channel) => {
    if (value >= 0) return;
    const from = (chain * logOdds.length + channel) * length;
    for (let l = from; l < from + length; l++) {
      re[l] *= -1;
      im[l] *= -1;
    }
  });
}

/** The packet with most symbols of each tile. */
export function packetsOfTiles({ layout, interleaver, grid }: LinkSetting): Int32Array {
  const { numPackets } = interleaver;
  const counts = new Int32Array(layout.numTiles * numPackets);
  for (let i = 0; i < layout.numSymbols; i++) {
    const tile = Math.floor(layout.tileIndexOf[i] / (2 * layout.tileSymbols));
    counts[tile * numPackets + Math.floor(interleaver.elementOf[i] / grid.elementsPerPacket)]++;
  }
  return Int32Array.from({ length: layout.numTiles }, (_, tile) => {
    const mine = counts.subarray(tile * numPackets, (tile + 1) * numPackets);
    return mine.indexOf(Math.max(...mine));
  });
}
