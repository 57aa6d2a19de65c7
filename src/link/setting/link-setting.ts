import { driveByDopplerHz } from '../../channel/drive-by.js';
import type { ImpairmentConfig } from '../../channel/impairments.js';
import { tapProfile } from '../../channel/tap-statistics.js';
import type { Codec } from '../../codec/codec.js';
import type { CodewordLayout } from '../../codec/layout.js';
import type { LinkConfig } from '../../config/schema.js';
import { ConfigError } from '../../core/errors.js';
import { createGrid, type Grid, type OfdmConfig, ofdmProfiles } from '../../ofdm/grid.js';
import { createInterleaver } from '../../ofdm/interleaver.js';
import { blockPilotElements, combPilotElements } from '../../ofdm/pilots.js';
import { superimposedPilot } from '../../ofdm/superimposed-pilot.js';
import { jakesBasis } from '../../receiver/moving-channel.js';
import type { LinkSetting } from '../../receiver/receiver.js';

/** The profile's settings with those that the user gave in their place. */
export function ofdmConfigOf(config: LinkConfig): OfdmConfig {
  const { profile, pilotSpacing, ...given } = config.ofdm;
  const overrides = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const ofdm: OfdmConfig = { ...ofdmProfiles[profile], ...overrides };
  if (pilotSpacing === undefined) return ofdm;
  if (given.pilotSubcarriers !== undefined) {
    throw new ConfigError('config.ofdm', 'ofdm.pilotSpacing and ofdm.pilotSubcarriers: give one of them');
  }
  return { ...ofdm, pilotSubcarriers: combOf(ofdm, pilotSpacing) };
}

/** Every n-th subcarrier of the band, from half a spacing inside its lower edge on, DC left out where it is empty. */
function combOf({ fftSize, guardSubcarriers, dcNull }: OfdmConfig, spacing: number): number[] {
  const low = -fftSize / 2 + guardSubcarriers[0];
  const high = fftSize / 2 - 1 - guardSubcarriers[1];
  const comb: number[] = [];
  for (let f = low + Math.floor(spacing / 2); f <= high; f += spacing) comb.push(f === 0 && dcNull ? 1 : f);
  return comb;
}

/** Whether packets of a frame have channels of their own: as configured, else as the profile means it. */
export const coherenceOf = (config: LinkConfig): 'packet' | 'frame' =>
  config.channel.coherence ?? (config.ofdm.profile === 'paper' ? 'packet' : 'frame');

/** How the receiver finds frames: as configured, else by the preamble where there is one. */
export function syncMethodOf(config: LinkConfig, grid: Grid): 'ideal' | 'preamble' | 'cp' {
  const method = config.sync.method ?? (grid.config.preamble === 'none' ? 'ideal' : 'preamble');
  if (method === 'preamble' && grid.config.preamble === 'none') {
    throw new ConfigError(
      'config.sync',
      'sync.method is "preamble": set ofdm.preamble to schmidl-cox (or ofdm.profile to ota)',
    );
  }
  return method;
}

/** Samples by which the FFT window leads: as configured, and at least a quarter of the prefix behind a real search. */
export function timingAdvanceOf(config: LinkConfig, grid: Grid): number {
  const { timingAdvance } = config.sync;
  if (timingAdvance > grid.cyclicPrefixLength) {
    throw new ConfigError(
      'config.sync',
      `sync.timingAdvance is ${timingAdvance}: choose at most the cyclic prefix, ${grid.cyclicPrefixLength}`,
    );
  }
  const least = syncMethodOf(config, grid) !== 'ideal' ? Math.floor(grid.cyclicPrefixLength / 4) : 0;
  return Math.max(timingAdvance, least);
}

/**
 * Prior tap powers in the receiver's window. `model`: the channel's profile, delayed by the timing advance (and
 * spread over twice that where timing comes from a search). `flat`: equal powers over the window.
 */
export function tapPriorOf(config: LinkConfig, grid: Grid): Float64Array {
  const model = tapProfile(config.channel.taps);
  const advance = timingAdvanceOf(config, grid);
  const delays =
    syncMethodOf(config, grid) !== 'ideal' ? Array.from({ length: 2 * advance + 1 }, (_, d) => d) : [advance];
  const natural = model.length + delays[delays.length - 1];
  const window = config.receiver.tapWindow ?? natural;
  if (window > grid.fftSize) {
    throw new ConfigError(
      'config.taps',
      `${window} taps do not fit ${grid.fftSize} subcarriers: lower receiver.tapWindow, channel.taps or raise ofdm.fftSize`,
    );
  }
  const prior = new Float64Array(window);
  if (config.receiver.tapProfile === 'flat') return prior.fill(1 / window);
  for (const delay of delays) {
    for (let l = 0; l < model.length && l + delay < window; l++) prior[l + delay] += model[l] / delays.length;
  }
  return prior;
}

/** The CSNR in dB that encoder and decoder are adapted to. */
export const codecSnrOf = (config: LinkConfig): number => config.designSnrDb ?? config.snrDb;

/**
 * Everything both ends share for pictures of one size, or, with a layout of its own, for one frame.
 * @throws ConfigError where the codec needs such a layout
 */
export function createLinkSetting(
  config: LinkConfig,
  codec: Codec,
  grid: Grid,
  { height, width }: { readonly height: number; readonly width: number },
  layout: CodewordLayout = codec.layoutFor(height, width),
): LinkSetting {
  checkMotion(config, grid);
  checkOffset(config, grid);
  const interleaver = createInterleaver(grid, layout.numSymbols, layout.tileSymbols);
  checkBasis(config, grid, interleaver.numPackets);
  return {
    codec,
    layout,
    grid,
    interleaver,
    snrDb: codecSnrOf(config),
    rho: config.rho,
    superimposed: superimposedPilot(grid, interleaver.numPackets),
    blockPilots: blockPilotElements(grid),
    combPilots: combPilotElements(grid),
    tapPrior: tapPriorOf(config, grid),
    coherence: coherenceOf(config),
    decoderShare: config.receiver.decoderShare,
  };
}

/** Refuses a carrier offset that turns the band round, which would look like a small one. Throws ConfigError. */
function checkOffset({ channel }: LinkConfig, { fftSize }: Grid): void {
  const offset = channel.cfoSubcarriers;
  if (Math.abs(offset) < fftSize / 2) return;
  throw new ConfigError(
    'config.offset',
    `channel.cfoSubcarriers is ${offset}: must be within ±${fftSize / 2} subcarrier spacings (${channel.sampleRateHz / fftSize} Hz each), half the band; check units`,
    { value: offset },
  );
}

/** Refuses motion that no receiver of OFDM symbols could follow. Throws ConfigError. */
function checkMotion({ channel, receiver }: LinkConfig, { symbolLength }: Grid): void {
  const symbolRateHz = channel.sampleRateHz / symbolLength;
  const { motion } = receiver.blindEm;
  const { taps } = channel;
  const given = [
    ['channel.dopplerHz', channel.dopplerHz],
    ['the Doppler shift of channel.taps', taps.kind === 'drive-by' ? driveByDopplerHz(taps) : 0],
    ['receiver.blindEm.motion', typeof motion === 'number' ? motion : 0],
  ] as const;
  for (const [setting, hz] of given) {
    if (hz <= symbolRateHz / 2) continue;
    throw new ConfigError(
      'config.motion',
      `${setting} is ${Math.round(hz)}: at most ${Math.floor(symbolRateHz / 2)} Hz, half the rate of OFDM symbols (${Math.floor(symbolRateHz)} Hz); check units`,
      { value: hz },
    );
  }
}

/** Refuses a motion, asked for by its frequency, whose basis has a function for every symbol: that explains whatever comes. Throws ConfigError. */
function checkBasis(config: LinkConfig, grid: Grid, numPackets: number): void {
  const { motion } = config.receiver.blindEm;
  if (typeof motion !== 'number') return;
  const whole = coherenceOf(config) === 'frame';
  const symbols = whole ? numPackets * (grid.pilotSymbols + grid.symbolsPerPacket) : grid.symbolsPerPacket;
  const functions = jakesBasis((motion * grid.symbolLength) / config.channel.sampleRateHz, symbols).powers.length;
  if (functions < symbols) return;
  throw new ConfigError(
    'config.motion',
    `receiver.blindEm.motion is ${motion}: takes ${functions} functions of time, and a ${whole ? 'frame' : 'packet'} has ${symbols} symbol(s); ` +
      'take longer packets, less motion, or still',
    { value: motion },
  );
}

/** What stands between the ends besides taps and noise, in the simulated channel's own terms. */
export function impairmentsOf(
  { channel }: LinkConfig,
  grid: Grid,
  sampleRateHz: number = channel.sampleRateHz,
): ImpairmentConfig {
  const cfoHz = (channel.cfoSubcarriers * sampleRateHz) / grid.fftSize;
  return { ...channel, sampleRateHz, cfoHz, signalPower: grid.meanPower };
}

/** The size that pictures of a size are padded to. */
export function paddedSize(
  { multipleOf }: Codec,
  { width, height }: { readonly width: number; readonly height: number },
): { width: number; height: number } {
  const up = (edge: number): number => multipleOf * Math.ceil(edge / multipleOf);
  return { width: up(width), height: up(height) };
}

export const gridOf = (config: LinkConfig): Grid => createGrid(ofdmConfigOf(config));
