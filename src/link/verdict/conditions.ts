import type { RawConfig } from '../../config/load.js';

/** Something that a receiver may meet. `foreign`: what is sent are no codewords of this codec. */
export interface Condition {
  readonly name: string;
  readonly config: RawConfig;
  readonly foreign?: 'shuffled' | 'gaussian' | 'qpsk' | 'other codec';
  /** The pictures are drawn ones, of a kind that the codec was not trained on. */
  readonly drawn?: boolean;
  /** The receivers' model of the channel holds: nearly all that is decoded should be called so. */
  readonly fits?: boolean;
}

const channel = (settings: RawConfig, snrDb = 10): RawConfig => ({ snrDb, channel: settings });

const stillConditions: readonly Condition[] = [-8, -4, 0, 4, 10, 18].map((snrDb) => ({
  name: `still ${snrDb} dB`,
  config: { snrDb },
  fits: snrDb >= 0,
}));

/** Still, moving, offset, clipped, interfered, mismatched and foreign frames. */
export const conditions: readonly Condition[] = [
  ...stillConditions,
  ...[100, 300, 1000, 2000].map((dopplerHz) => ({ name: `Doppler ${dopplerHz} Hz`, config: channel({ dopplerHz }) })),
  { name: 'Doppler 500 Hz, 3 dB', config: channel({ dopplerHz: 500 }, 3) },
  ...[0.02, 0.05, 0.3].map((cfoSubcarriers) => ({
    name: `carrier offset ${cfoSubcarriers}`,
    config: channel({ cfoSubcarriers }),
  })),
  ...[100, 1000].map((phaseNoiseLinewidthHz) => ({
    name: `linewidth ${phaseNoiseLinewidthHz} Hz`,
    config: channel({ phaseNoiseLinewidthHz }, 15),
  })),
  { name: 'sampling offset 100 ppm', config: channel({ sfoPpm: 100 }) },
  ...[0.6, 0.9].map((clippingRatio) => ({
    name: `clipping ${clippingRatio}`,
    config: { snrDb: 15, ofdm: { clippingRatio } },
  })),
  ...[15, 5].map((sirDb) => ({ name: `tone ${sirDb} dB`, config: channel({ tone: { frequencyHz: 110e3, sirDb } }) })),
  ...[10, 0].map((sirDb) => ({
    name: `impulses ${sirDb} dB`,
    config: channel({ impulses: { probability: 0.005, sirDb } }),
  })),
  { name: 'IQ imbalance', config: channel({ iqImbalance: { gainDb: 1.5, phaseDeg: 8 } }, 15) },
  { name: 'DC offset', config: channel({ dcOffset: { re: 0.4, im: 0.3 } }, 15) },
  { name: 'prefix too short', config: { snrDb: 15, ofdm: { cyclicPrefixLength: 2 } } },
  {
    name: 'longer channel than assumed',
    config: { ...channel({ taps: { kind: 'exponential', numTaps: 12, decay: 8 } }), receiver: { tapWindow: 6 } },
  },
  { name: 'later than assumed', config: { ...channel({}), sync: { timingAdvance: 6 }, receiver: { tapWindow: 8 } } },
  { name: 'worse than designed', config: { snrDb: 2, designSnrDb: 12 } },
  { name: 'better than designed', config: { snrDb: 15, designSnrDb: 3 } },
  ...[4, 14].map((snrDb) => ({ name: `drawn pictures ${snrDb} dB`, config: { snrDb }, drawn: true })),
  ...(['shuffled', 'gaussian', 'qpsk'] as const).flatMap((foreign) =>
    [-4, 10].map((snrDb) => ({ name: `foreign (${foreign}) ${snrDb} dB`, config: { snrDb }, foreign })),
  ),
];

/** Another codec's codewords, cut or repeated to this one's size. */
const otherCodecConditions: readonly Condition[] = [4, 14].map((snrDb) => ({
  name: `foreign (other codec) ${snrDb} dB`,
  config: { snrDb },
  foreign: 'other codec',
}));

/** The conditions of a calibration: all, or the still ones alone. */
export function calibrationConditions(still: boolean, other: boolean): readonly Condition[] {
  if (still) return stillConditions;
  return other ? [...conditions, ...otherCodecConditions] : conditions;
}
