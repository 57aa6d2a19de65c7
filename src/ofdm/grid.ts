import { type OfdmConfig, validateOfdmConfig } from './config.js';

export { type OfdmConfig, ofdmProfiles } from './config.js';

/**
 * Where everything lies in a packet: the one object both ends share. Frozen.
 *
 * A packet is `pilotSymbols` block-pilot symbols followed by S data symbols, each K + N samples. A frame is the preamble
 * (if any) followed by packets. Resource elements are unit power; with unitary transforms a sample then has mean power
 * `meanPower` = N_active / N, and σ² per sample equals σ² per cell.
 */
export interface Grid {
  readonly config: OfdmConfig;
  /** N */
  readonly fftSize: number;
  /** K */
  readonly cyclicPrefixLength: number;
  /** N + K */
  readonly symbolLength: number;
  /** [M] FFT bin of each data subcarrier, ascending bins: 0…N/2−1 are frequencies 0…N/2−1, then −N/2…−1. */
  readonly dataBins: Int32Array;
  /** [numPilotSubcarriers] FFT bin of each comb pilot, ascending. */
  readonly pilotBins: Int32Array;
  /** [numActiveSubcarriers] FFT bins of data and comb pilots together, ascending. */
  readonly activeBins: Int32Array;
  /** M */
  readonly numDataSubcarriers: number;
  readonly numPilotSubcarriers: number;
  readonly numActiveSubcarriers: number;
  /** S */
  readonly symbolsPerPacket: number;
  readonly pilotSymbols: number;
  /** S·M; resource element index = s·M + m. */
  readonly elementsPerPacket: number;
  /** (pilotSymbols + S)·(N + K) samples */
  readonly packetLength: number;
  /** 2·(N + K) samples, or 0 without a preamble. */
  readonly preambleLength: number;
  /** Mean power per sample of data, pilot and preamble symbols for unit-power resource elements: N_active / N. */
  readonly meanPower: number;
  /** Samples of a frame of `numPackets` packets, preamble included. */
  frameLength(numPackets: number): number;
}

/**
 * Lays out the time-frequency grid of a configuration.
 *
 * @throws ConfigError (`config.ofdm`) for settings that cannot be met
 */
export function createGrid(config: OfdmConfig): Grid {
  validateOfdmConfig(config);
  const { fftSize, cyclicPrefixLength, symbolsPerPacket, pilotSymbols, guardSubcarriers } = config;
  const pilots = new Set(config.pilotSubcarriers);
  const data: number[] = [];
  const comb: number[] = [];
  const active: number[] = [];
  for (let bin = 0; bin < fftSize; bin++) {
    const frequency = signedSubcarrier(bin, fftSize);
    if (frequency < -fftSize / 2 + guardSubcarriers[0] || frequency > fftSize / 2 - 1 - guardSubcarriers[1]) continue;
    if (frequency === 0 && config.dcNull) continue;
    active.push(bin);
    (pilots.has(frequency) ? comb : data).push(bin);
  }
  const symbolLength = fftSize + cyclicPrefixLength;
  const packetLength = (pilotSymbols + symbolsPerPacket) * symbolLength;
  const preambleLength = config.preamble === 'none' ? 0 : 2 * symbolLength;
  return Object.freeze({
    config: Object.freeze({
      ...config,
      guardSubcarriers: Object.freeze([guardSubcarriers[0], guardSubcarriers[1]] as const),
      pilotSubcarriers: Object.freeze([...config.pilotSubcarriers]),
    }),
    fftSize,
    cyclicPrefixLength,
    symbolLength,
    dataBins: Int32Array.from(data),
    pilotBins: Int32Array.from(comb),
    activeBins: Int32Array.from(active),
    numDataSubcarriers: data.length,
    numPilotSubcarriers: comb.length,
    numActiveSubcarriers: active.length,
    symbolsPerPacket,
    pilotSymbols,
    elementsPerPacket: symbolsPerPacket * data.length,
    packetLength,
    preambleLength,
    meanPower: active.length / fftSize,
    frameLength: (numPackets: number) => preambleLength + numPackets * packetLength,
  });
}

/** The signed frequency −N/2…N/2−1 of an FFT bin 0…N−1. */
export function signedSubcarrier(bin: number, fftSize: number): number {
  return bin < fftSize / 2 ? bin : bin - fftSize;
}

/** The FFT bin 0…N−1 of a signed frequency. */
export function binOfSubcarrier(subcarrier: number, fftSize: number): number {
  return ((subcarrier % fftSize) + fftSize) % fftSize;
}
