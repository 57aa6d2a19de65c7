import { amplifier } from './amplifier.js';
import { carrierOffset } from './cfo.js';
import { dcOffset } from './dc-offset.js';
import { propagationDelay } from './delay.js';
import type { Impairment } from './impairment.js';
import { impulses, tone } from './interference.js';
import { iqImbalance } from './iq-imbalance.js';
import { phaseNoise } from './phase-noise.js';
import { quantizer } from './quantizer.js';
import { samplingOffset } from './sfo.js';

/**
 * Every impairment by the name of its setting under `channel`, in physical order:
 * amplifier → propagation delay → (channel, thermal noise) → tone → impulses → CFO → phase noise → SFO → IQ → DC → quantiser.
 * SFO stands at the converter's clock, after the mixer (CFO, phase noise). IQ imbalance and DC offset are the same before
 * or after it, being constant, real-linear and memoryless.
 */
export const impairments = {
  amplifier,
  delaySamples: propagationDelay,
  tone,
  impulses,
  cfoHz: carrierOffset,
  phaseNoiseLinewidthHz: phaseNoise,
  sfoPpm: samplingOffset,
  iqImbalance,
  dcOffset,
  quantizer,
} as const;

type Impairments = typeof impairments;
type SettingOf<D> = D extends { create: (value: infer T, ...rest: never) => unknown } ? T : never;

/** Everything but the taps and the thermal noise. An impairment that is left out, or zero, is off. */
export type ImpairmentConfig = { readonly [K in keyof Impairments]?: SettingOf<Impairments[K]> | undefined } & {
  readonly sampleRateHz: number;
  /** Mean power of the wanted signal to which back-off and SIR refer; default 1. */
  readonly signalPower?: number | undefined;
};

/** The descriptors without their types, for code that goes through all of them. */
export const impairmentList = Object.entries(impairments) as unknown as readonly [
  keyof typeof impairments,
  Impairment<unknown>,
][];

/** Schemas of the link's settings, by name. The link has the carrier offset in subcarriers. */
export const impairmentSchemas = Object.fromEntries(
  impairmentList.filter(([name]) => name !== 'cfoHz').map(([name, { schema }]) => [name, schema]),
) as { readonly [K in Exclude<keyof Impairments, 'cfoHz'>]: Impairments[K]['schema'] };
