import type { CodecCard } from '../../codec/card.js';
import type { Codec } from '../../codec/codec.js';
import { type RawConfig, resolveConfig } from '../../config/load.js';
import { throwIfAborted } from '../../core/errors.js';
import { createRng, type Rng } from '../../core/rng.js';
import { UNCALIBRATED } from '../../receiver/verdict.js';
import type { Runtime } from '../../runtime/runtime.js';
import { padPicture } from '../../source/picture.js';
import { openPictures, type PictureSource } from '../../source/picture-source.js';
import { createSimulation } from '../frame/simulation.js';
import { receiveFrame } from '../observe.js';
import { reportFrame } from '../results/frame-report.js';
import { createLinkSetting, gridOf } from '../setting/link-setting.js';
import { createReceiver, findReceivers } from '../setting/receivers.js';
import { calibrationConditions, type Condition } from './conditions.js';
import { expectedFrom, type LearningOptions, verdictFrom, type VerdictSample } from './learn.js';

export interface CalibrationOptions extends Pick<LearningOptions, 'leastContrast' | 'recall'> {
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
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number) => void;
}

const DRAWN = ['builtin:faces', 'builtin:natural'];

/** Starts that a doubtful frame gets: more would change its symptoms little, and take most of the time. */
const CALIBRATION_STARTS = 3;

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
  return { verdict: verdictFrom(samples, { ...options, before: codec.card.verdict }), samples };
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
  const samples = await collect(codec, calibrationConditions(true, false), source, runtime, informed);
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
      const { report } = reportFrame(arrived, receiver, result);
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

const offsetOf = (name: string): number =>
  [...name].reduce((sum, letter) => (31 * sum + letter.charCodeAt(0)) % 9973, 7);
