import { ConfigError } from '../core/errors.js';

/** Everything both ends must agree on before a sample is sent. */
export interface OfdmConfig {
  /** N: samples per OFDM symbol without its prefix; a power of two from 16 to 65536. */
  readonly fftSize: number;
  /** K samples, 0 to N. K < L−1 for a channel of L taps is legal: the inter-symbol interference case of the paper. */
  readonly cyclicPrefixLength: number;
  /** S data symbols in a packet. */
  readonly symbolsPerPacket: number;
  /** Known symbols, all active subcarriers, at the head of each packet. 0 is legal: the blind case. */
  readonly pilotSymbols: number;
  /** Empty subcarriers at the edges of the band: most negative frequencies, most positive frequencies. */
  readonly guardSubcarriers: readonly [low: number, high: number];
  /** Leaves subcarrier 0 empty. */
  readonly dcNull: boolean;
  /** Comb pilots in the data symbols, as signed subcarriers −N/2…N/2−1. */
  readonly pilotSubcarriers: readonly number[];
  readonly preamble: 'none' | 'schmidl-cox';
  /** γ: data symbols are limited to |x| ≤ γ·√(mean power), phase kept. null is off. */
  readonly clippingRatio: number | null;
  readonly interleaver: 'none' | 'tile' | 'frame';
  /** Seeds pilots, preamble, interleaver, filler and superimposed pilot. */
  readonly seed: number;
}

const paper: OfdmConfig = Object.freeze({
  fftSize: 64,
  cyclicPrefixLength: 12,
  symbolsPerPacket: 16,
  pilotSymbols: 1,
  guardSubcarriers: Object.freeze([0, 0] as const),
  dcNull: false,
  pilotSubcarriers: Object.freeze([]),
  preamble: 'none',
  clippingRatio: null,
  interleaver: 'tile',
  seed: 1,
});

/**
 * `paper`: the numerology of the DiffCom paper. `ota`: for the air: guards, DC null, comb pilots, preamble.
 * Spread one and change what differs: `{ ...ofdmProfiles.paper, pilotSymbols: 0 }`.
 */
export const ofdmProfiles: { readonly paper: OfdmConfig; readonly ota: OfdmConfig } = Object.freeze({
  paper,
  ota: Object.freeze({
    ...paper,
    cyclicPrefixLength: 16,
    guardSubcarriers: Object.freeze([6, 5] as const),
    dcNull: true,
    pilotSubcarriers: Object.freeze([-21, -7, 7, 21]),
    preamble: 'schmidl-cox' as const,
  }),
});

/** Samples of a packet that are still worked on at once: 17 s at 1 MS/s, 128 MiB. */
const MOST_PACKET_SAMPLES = 1 << 24;

/** Throws a ConfigError (`config.ofdm`) that names the setting, its value and the remedy. */
export function validateOfdmConfig(config: OfdmConfig): void {
  const { fftSize: n, guardSubcarriers, pilotSubcarriers, clippingRatio } = config;
  if (!Number.isInteger(n) || n < 16 || n > 65536 || (n & (n - 1)) !== 0) {
    throw fault('fftSize', n, 'choose a power of two from 16 to 65536');
  }
  requireCount('cyclicPrefixLength', config.cyclicPrefixLength, 0);
  if (config.cyclicPrefixLength > n) {
    throw fault('cyclicPrefixLength', config.cyclicPrefixLength, `choose at most fftSize = ${n}`);
  }
  requireCount('symbolsPerPacket', config.symbolsPerPacket, 1);
  requireCount('pilotSymbols', config.pilotSymbols, 0);
  const longest = Math.floor(MOST_PACKET_SAMPLES / (n + config.cyclicPrefixLength));
  if (config.symbolsPerPacket + config.pilotSymbols > longest) {
    const setting = config.symbolsPerPacket > longest ? 'symbolsPerPacket' : 'pilotSymbols';
    throw fault(setting, config[setting], `a packet has at most ${longest} symbols of this length, pilots included`);
  }
  if (guardSubcarriers.length !== 2) {
    throw fault('guardSubcarriers', guardSubcarriers, 'give two numbers, for the low and the high edge');
  }
  requireCount('guardSubcarriers[0]', guardSubcarriers[0], 0);
  requireCount('guardSubcarriers[1]', guardSubcarriers[1], 0);
  const low = -n / 2 + guardSubcarriers[0];
  const high = n / 2 - 1 - guardSubcarriers[1];
  const nulled = config.dcNull && low <= 0 && high >= 0 ? 1 : 0;
  const seen = new Set<number>();
  if (high - low + 1 - nulled < 1) {
    throw fault('guardSubcarriers', guardSubcarriers, `no data subcarrier is left of ${n}: narrow the guards`);
  }
  for (const pilot of pilotSubcarriers) {
    if (!Number.isInteger(pilot) || pilot < low || pilot > high) {
      throw fault('pilotSubcarriers', pilot, `the band between the guards is ${low} to ${high}`);
    }
    if (pilot === 0 && config.dcNull) throw fault('pilotSubcarriers', 0, 'dcNull keeps subcarrier 0 empty: remove it');
    if (seen.has(pilot)) throw fault('pilotSubcarriers', pilot, 'it is listed twice: remove one');
    seen.add(pilot);
  }
  if (high - low + 1 - nulled - seen.size < 1) {
    throw fault('pilotSubcarriers', pilotSubcarriers, 'no data subcarrier is left: list fewer');
  }
  if (clippingRatio !== null && !(clippingRatio > 0 && Number.isFinite(clippingRatio))) {
    throw fault('clippingRatio', clippingRatio, 'choose a number above 0, or null for no clipping');
  }
  requireOneOf('preamble', config.preamble, ['none', 'schmidl-cox']);
  requireOneOf('interleaver', config.interleaver, ['none', 'tile', 'frame']);
  if (!Number.isSafeInteger(config.seed)) throw fault('seed', config.seed, 'choose a whole number');
  if (config.preamble === 'schmidl-cox') validateForPreamble(low, high);
}

/** The first preamble word needs at least two even subcarriers besides DC. */
function validateForPreamble(low: number, high: number): void {
  let even = 0;
  for (let f = low; f <= high; f++) if (f % 2 === 0 && f !== 0) even++;
  if (even < 2) {
    throw fault(
      'preamble',
      'schmidl-cox',
      'it needs two even subcarriers besides DC: narrow the guards, or choose none',
    );
  }
}

function requireCount(where: string, value: number, min: number): void {
  if (!Number.isInteger(value) || value < min) throw fault(where, value, `choose a whole number of at least ${min}`);
}

function requireOneOf(where: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) throw fault(where, value, `choose one of ${allowed.join(', ')}`);
}

const fault = (where: string, value: unknown, remedy: string): ConfigError =>
  new ConfigError('config.ofdm', `ofdm.${where} is ${JSON.stringify(value)}: ${remedy}`, { value });
