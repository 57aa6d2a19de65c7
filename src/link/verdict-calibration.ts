import { Matrix, solve } from 'ml-matrix';
import type { CodecCard } from '../codec/card.js';
import type { Codec } from '../codec/codec.js';
import { type RawConfig, resolveConfig } from '../config/load.js';
import { throwIfAborted } from '../core/errors.js';
import { createRng, type Rng } from '../core/rng.js';
import { powerToDb } from '../core/units.js';
import {
  type ExpectedSymptoms,
  LEAST_CONTRAST,
  NOISY_SNR_DB,
  UNCALIBRATED,
  verdictInputNames,
  verdictInputs,
  type VerdictModel,
} from '../receiver/verdict.js';
import type { Symptoms } from '../receiver/symptoms.js';
import type { Runtime } from '../runtime/runtime.js';
import { padPicture } from '../source/picture.js';
import { openPictures, type PictureSource } from '../source/picture-source.js';
import { createSimulation } from './frame/simulation.js';
import { receiveFrame } from './observe.js';
import { reportFrame } from './results/frame-report.js';
import { createLinkSetting, gridOf } from './setting/link-setting.js';
import { createReceiver, findReceivers } from './setting/receivers.js';

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

/** One frame as one receiver met it. */
export interface VerdictSample {
  readonly condition: string;
  readonly fits: boolean;
  readonly receiver: string;
  readonly symptoms: Symptoms;
  readonly success: boolean;
  readonly psnrDb: number;
}

export interface VerdictQuality {
  readonly frames: number;
  readonly successes: number;
  readonly decoded: number;
  /** Of those called decoded, the share that are; null without any. */
  readonly precision: number | null;
  /** Of the successes, the share called decoded; null without any. */
  readonly recall: number | null;
}

export interface CalibrationOptions {
  /** Frames a condition. */
  readonly frames: number;
  readonly seed: number;
  readonly receivers: readonly string[];
  /** A codec that is not this one; without it no condition has codewords of another. */
  readonly other?: Codec | null;
  /** What an earlier run saw of a condition, or undefined: it is not simulated again. */
  readonly known?: (condition: string) => readonly VerdictSample[] | undefined;
  /** Called with all that was seen under one condition. */
  readonly onCondition?: (condition: string, samples: readonly VerdictSample[]) => void;
  /** Pixel variance below which a receiver that searches is to promise nothing. */
  readonly leastContrast?: number | undefined;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number) => void;
}

const DRAWN = ['builtin:faces', 'builtin:natural'];

/** Starts that a doubtful frame gets: more would change its symptoms little, and take most of the time. */
const CALIBRATION_STARTS = 3;

/** The conditions of a calibration: all, or the still ones alone. */
export function calibrationConditions(still: boolean, other: boolean): readonly Condition[] {
  if (still) return stillConditions;
  return other ? [...conditions, ...otherCodecConditions] : conditions;
}

/**
 * Learns a codec's verdict from simulated frames.
 *
 * @param source pictures that neither trained the codec nor judge it elsewhere
 */
export async function calibrateVerdict(
  codec: Codec,
  source: PictureSource,
  runtime: Runtime,
  options: CalibrationOptions,
): Promise<{ verdict: NonNullable<CodecCard['verdict']>; samples: readonly VerdictSample[] }> {
  // The search goes on where the verdict doubts: here it goes by rules that hold for any codec.
  const plain = withVerdict(codec, UNCALIBRATED);
  const all = calibrationConditions(false, (options.other ?? null) !== null);
  const samples = await collect(plain, all, source, runtime, options);
  return { verdict: verdictFrom(samples, options.leastContrast), samples };
}

/**
 * A verdict with the weights of another codec's: only what rightly decoded frames show is learnt, which takes seconds. The inputs
 * are relative to that, so weights carry over between codecs of a kind.
 */
export async function adoptVerdict(
  codec: Codec,
  weights: NonNullable<CodecCard['verdict']>,
  source: PictureSource,
  runtime: Runtime,
  options: Omit<CalibrationOptions, 'receivers' | 'other'>,
): Promise<{ verdict: NonNullable<CodecCard['verdict']>; samples: readonly VerdictSample[] }> {
  const informed = { ...options, receivers: ['perfect'] };
  const samples = await collect(codec, stillConditions, source, runtime, informed);
  return { verdict: { ...weights, expected: expectedFrom(samples) }, samples };
}

/** Frames under each condition, but those already known. */
async function collect(
  codec: Codec,
  wanted: readonly Condition[],
  source: PictureSource,
  runtime: Runtime,
  options: CalibrationOptions,
): Promise<VerdictSample[]> {
  const samples: VerdictSample[] = [];
  let done = 0;
  for (const condition of wanted) {
    const before = done;
    const known = options.known?.(condition.name);
    const tick = (): void => options.onProgress?.(++done);
    const seen = known ?? (await samplesOf(codec, condition, source, runtime, options, tick));
    if (known === undefined) options.onCondition?.(condition.name, seen);
    done = before + options.frames;
    options.onProgress?.(done);
    samples.push(...seen);
  }
  return samples;
}

/**
 * What samples teach: the usual symptoms from still frames with the channel known, then the models.
 * @param leastContrast pictures below it are promised by no receiver that searches, and teach none
 */
export function verdictFrom(
  samples: readonly VerdictSample[],
  leastContrast?: number,
): NonNullable<CodecCard['verdict']> {
  const expected = expectedFrom(samples);
  const searching = samples.filter(
    ({ symptoms }) => symptoms.agreement !== null && symptoms.contrast >= (leastContrast ?? LEAST_CONTRAST),
  );
  const informed = samples.filter(({ symptoms }) => symptoms.agreement === null);
  return {
    expected,
    ...(leastContrast !== undefined && { leastContrast }),
    informed: fitModel(informed, expected),
    blind: fitModel(searching, expected),
  };
}

function expectedFrom(samples: readonly VerdictSample[]): NonNullable<CodecCard['verdict']>['expected'] {
  const still = samples.filter(
    ({ condition, receiver, success }) => /^still/.test(condition) && receiver === 'perfect' && success,
  );
  const levels = [...new Set(still.map(({ condition }) => condition))]
    .map((name) => still.filter(({ condition }) => condition === name))
    .sort((a, b) => a[0].symptoms.snr - b[0].symptoms.snr);
  const usual = (of: (symptoms: Symptoms) => number, least: number, share = 0.5): number[] =>
    levels.map((list) => {
      const values = list.map(({ symptoms }) => of(symptoms)).sort((a, b) => a - b);
      return round(Math.max(least, values[Math.floor(share * (values.length - 1))]));
    });
  const seen = (of: (symptoms: Symptoms) => number | null): boolean =>
    still.length > 0 && still.every(({ symptoms }) => of(symptoms) !== null);
  const deviation = (list: readonly VerdictSample[]): number => {
    const values = list.map(({ symptoms }) => symptoms.codewordGain ?? 0);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  };
  return {
    snrDb: usual(({ snr }) => powerToDb(snr), -Infinity),
    residual: usual(({ residual }) => residual, 1e-3, 0.7),
    // A codec without a polarity network has no usual sign.
    // What three of four reach counts as usual.
    sign: usual(({ signLogOdds }) => signLogOdds ?? 1, 0.5, 0.2),
    roughness: usual(({ roughness }) => roughness, 1e-3, 0.8),
    ...(seen(({ codewordGain }) => codewordGain) && {
      codewordGain: usual(({ codewordGain }) => codewordGain ?? 0, -Infinity, 0.3),
      codewordGainSpread: levels.map((list) => round(Math.max(1e-3, deviation(list)))),
    }),
    ...(seen(({ refinedVariance }) => refinedVariance) && {
      refinedResidual: usual(({ refinedResidual }) => refinedResidual ?? 1, 1e-3, 0.7),
      refinedVariance: usual(({ refinedVariance }) => refinedVariance ?? 1, 1e-6),
    }),
  };
}

export const withVerdict = (codec: Codec, verdict: NonNullable<CodecCard['verdict']>): Codec => ({
  ...codec,
  card: { ...codec.card, verdict },
});

/** Frames under one condition. */
async function samplesOf(
  codec: Codec,
  { name, config: raw, foreign, drawn = false, fits = false }: Condition,
  photographs: PictureSource,
  runtime: Runtime,
  { frames, seed, receivers, other = null, signal }: CalibrationOptions,
  tick: () => void,
): Promise<VerdictSample[]> {
  const given = (raw['receiver'] as RawConfig | undefined) ?? {};
  const config = resolveConfig({
    ...raw,
    seed,
    receiver: { ...given, names: receivers, blindEm: { starts: CALIBRATION_STARTS } },
  });
  const rng = createRng(seed).split(name);
  const grid = gridOf(config);
  const simulation = createSimulation(config, grid, rng);
  const descriptors = await findReceivers(config);
  const source = drawn ? openPictures(DRAWN, { maxPixels: 1 << 20 }) : photographs;
  const samples: VerdictSample[] = [];
  for (let index = 0; index < frames; index++) {
    throwIfAborted(signal, 'the calibration');
    // Each condition begins with other pictures.
    const picture = await source.at((index + offsetOf(name)) % source.count);
    const padded = padPicture(picture, codec.multipleOf);
    const setting = createLinkSetting(config, codec, grid, padded);
    const sending =
      foreign === undefined
        ? setting
        : { ...setting, codec: foreignTo(codec, foreign, other, rng.split('foreign').split(index)) };
    const arrived = simulation.transport(await simulation.encode(picture, padded, index, sending));
    for (const descriptor of descriptors) {
      if (arrived.observed === null) continue;
      const receiver = createReceiver(descriptor, { config, setting, runtime, denoiser: null, rng });
      const { observed: elements, noiseVariance, response } = arrived;
      const seen = { index, elements, noiseVariance, response };
      const { result } = await receiveFrame(receiver, [seen], (one) => one, config, signal);
      if (result.symptoms === undefined) continue;
      const { report } = reportFrame(arrived, receiver.name, result);
      // A codec's kin may be understood: what counts is the picture.
      const success = (foreign === undefined || foreign === 'other codec') && report.success;
      const { symptoms } = result;
      samples.push({ condition: name, fits, receiver: receiver.name, symptoms, success, psnrDb: report.psnrDb });
    }
    tick();
  }
  return samples;
}

/** A codec whose codewords are none of the other's. */
function foreignTo(codec: Codec, kind: NonNullable<Condition['foreign']>, other: Codec | null, rng: Rng): Codec {
  return {
    ...codec,
    async encode(pictures, count, layout, snrDb) {
      const latents = await codec.encode(pictures, count, layout, snrDb);
      if (kind === 'other codec' && other !== null) {
        const { downSampling } = codec.card;
        const theirLayout = other.layoutFor(layout.height * downSampling, layout.width * downSampling);
        const theirs = await other.encode(pictures, count, theirLayout, snrDb);
        return latents.map((_, i) => theirs[i % theirs.length]);
      }
      if (kind === 'gaussian') return latents.map(() => rng.gaussian() * Math.SQRT1_2);
      if (kind === 'qpsk') return latents.map(() => (rng.uniform() < 0.5 ? -1 : 1) * Math.SQRT1_2);
      for (let i = latents.length - 1; i > 0; i--) {
        const j = rng.integer(i + 1);
        [latents[i], latents[j]] = [latents[j], latents[i]];
      }
      return latents;
    },
  };
}

/** Share of the frames called decoded, over all conditions, that are; and in each condition, of each receiver. */
const PRECISION = 0.995;
const LEAST_PRECISION = 0.99;
/** Share of right ones where the model fits that should be called decoded; for more precision in each condition, and for that over all of them, down to: */
const RECALL = 0.95;
const LEAST_RECALL = 0.75;

/**
 * Logistic regression of success on the verdict's inputs, by Newton's method with a small ridge; then the least threshold at
 * which all conditions together keep the precision. Where that would leave too few of the frames that fit the model called
 * decoded, the threshold gives way as far as that needs.
 */
export function fitModel(samples: readonly VerdictSample[], expected: ExpectedSymptoms): VerdictModel {
  const rows = samples.map(({ symptoms }) => {
    const inputs = verdictInputs(expected, symptoms);
    return [1, ...verdictInputNames.map((name) => inputs[name])];
  });
  const size = rows[0].length;
  let weights = new Float64Array(size);
  const ridge = Array.from({ length: size }, (_, i) => (i === 0 ? 1e-6 : 0.05));
  for (let step = 0; step < 40; step++) {
    const gradient = ridge.map((r, i) => -r * weights[i]);
    const hessian = Matrix.diag(ridge);
    rows.forEach((row, n) => {
      const p = chanceOf(row, weights);
      const rest = (samples[n].success ? 1 : 0) - p;
      for (let i = 0; i < size; i++) {
        gradient[i] += rest * row[i];
        for (let j = 0; j < size; j++) hessian.set(i, j, hessian.get(i, j) + p * (1 - p) * row[i] * row[j]);
      }
    });
    const change = solve(hessian, Matrix.columnVector(gradient)).to1DArray();
    // Steps of at most two keep separable data from running away.
    const scale = Math.min(1, 2 / Math.max(...change.map(Math.abs)));
    weights = weights.map((w, i) => w + scale * change[i]);
  }
  const chances = rows.map((row) => chanceOf(row, weights));
  const byName = Object.fromEntries(verdictInputNames.map((name, i) => [name, round(weights[i + 1])])) as Record<
    (typeof verdictInputNames)[number],
    number
  >;
  const judged = samples.map((sample, n) => ({ ...sample, chance: chances[n] }));
  const [noisy, rest] = [true, false].map((noise) =>
    judged.filter(({ symptoms: { snr } }) => powerToDb(Math.max(snr, 1e-12)) < NOISY_SNR_DB === noise),
  );
  const decoded = thresholdOf(rest);
  // Little is learnt from noise: it may ask for more than the rest does, never for less.
  const decodedInNoise = Math.max(decoded, thresholdOf(noisy));
  return { intercept: round(weights[0]), ...byName, decoded, ...(noisy.length > 0 && { decodedInNoise }) };
}

type JudgedSample = VerdictSample & { readonly chance: number };

function thresholdOf(samples: readonly JudgedSample[]): number {
  const falling = [...samples].sort((a, b) => b.chance - a.chance);
  let wrong = 0;
  let threshold = 1;
  falling.forEach(({ success, chance }, n) => {
    if (!success) wrong++;
    if (wrong <= (1 - PRECISION) * (n + 1)) threshold = chance;
  });
  const fitting = samples
    .flatMap(({ fits, success, chance }) => (fits && success ? [chance] : []))
    .sort((a, b) => a - b);
  const leaving = (recall: number): number =>
    fitting.length === 0 ? 1 : fitting[Math.floor((1 - recall) * fitting.length)];
  const base = Math.max(0.5, Math.min(threshold, leaving(LEAST_RECALL)));
  // Only a threshold that leaves a wrong frame out can gain anything: the next chance above one.
  const rising = falling.map(({ chance }) => chance).reverse();
  const candidates = falling
    .flatMap(({ success, chance }) => (success ? [] : [rising.find((next) => next > chance) ?? 1]))
    .filter((candidate) => candidate > base && candidate <= leaving(RECALL));
  return [base, ...candidates].reduce((best, candidate) => {
    const gain = numBroken(samples, best) - numBroken(samples, candidate);
    return gain > 0 || (gain === 0 && candidate < best) ? candidate : best;
  });
}

/** Conditions, of each receiver, in which less than the least precision is kept. */
function numBroken(samples: readonly JudgedSample[], threshold: number): number {
  const groups = new Map<string, { decoded: number; wrong: number }>();
  for (const { condition, receiver, success, chance } of samples) {
    if (chance < threshold) continue;
    const key = `${condition} ${receiver}`;
    const group = groups.get(key) ?? { decoded: 0, wrong: 0 };
    groups.set(key, { decoded: group.decoded + 1, wrong: group.wrong + (success ? 0 : 1) });
  }
  return [...groups.values()].filter(({ decoded, wrong }) => wrong > (1 - LEAST_PRECISION) * decoded).length;
}

function chanceOf(row: readonly number[], weights: Float64Array): number {
  return 1 / (1 + Math.exp(-row.reduce((sum, v, i) => sum + v * weights[i], 0)));
}

/** How a model does on samples, by condition. */
export function qualityOf(
  samples: readonly VerdictSample[],
  isDecoded: (sample: VerdictSample) => boolean,
): Record<string, VerdictQuality> {
  const names = [...new Set(samples.map(({ condition }) => condition))];
  return Object.fromEntries(
    names.map((name) => {
      const mine = samples.filter(({ condition }) => condition === name);
      const decoded = mine.filter(isDecoded);
      const successes = mine.filter(({ success }) => success);
      const both = decoded.filter(({ success }) => success).length;
      return [
        name,
        {
          frames: mine.length,
          successes: successes.length,
          decoded: decoded.length,
          precision: decoded.length === 0 ? null : both / decoded.length,
          recall: successes.length === 0 ? null : both / successes.length,
        },
      ];
    }),
  );
}

const offsetOf = (name: string): number =>
  [...name].reduce((sum, letter) => (31 * sum + letter.charCodeAt(0)) % 9973, 7);

const round = (value: number): number => Number(value.toPrecision(5));
