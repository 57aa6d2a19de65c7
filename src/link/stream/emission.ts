import type { Codec } from '../../codec/codec.js';
import type { LinkConfig } from '../../config/schema.js';
import { type ComplexArray, createComplex, scaleInPlace } from '../../core/complex.js';
import { ConfigError, throwIfAborted } from '../../core/errors.js';
import { createRng } from '../../core/rng.js';
import { padPicture, type Picture } from '../../source/picture.js';
import { createSender } from '../frame/sender.js';
import { createLinkSetting, gridOf } from '../setting/link-setting.js';

export interface EmissionOptions {
  /** Silence before the first frame and behind the last, samples. */
  readonly leadSamples: number;
  readonly tailSamples: number;
  /** Silence between frames; a seeded half of it more is added, so that a receiver cannot lean on the pattern. */
  readonly gapSamples: number;
  /**
   * R.m.s. amplitude of a frame, of the converter's full scale: no sample then exceeds amplitude 1. null leaves the modem's
   * own power (about 0.9), which models of the air expect.
   */
  readonly rms: number | null;
  readonly signal?: AbortSignal | undefined;
}

/** What is put on the air, part by part: frames with silence between them. */
export interface EmissionPart {
  readonly samples: ComplexArray;
  /** Samples that were limited to full scale. */
  readonly limited: number;
  /** null for silence. */
  readonly sent: {
    readonly frame: number;
    readonly picture: Picture;
    readonly sampleStart: number;
    readonly sampleCount: number;
  } | null;
}

/**
 * The sending half of the link: pictures → codec → OFDM → samples. All pictures must have one size, since a receiver of a
 * stream must know how long a frame is.
 *
 * @throws ConfigError for pictures of different sizes
 */
export async function* createEmission(
  config: LinkConfig,
  codec: Codec,
  pictures: AsyncIterable<Picture>,
  options: EmissionOptions,
): AsyncIterable<EmissionPart> {
  const grid = gridOf(config);
  const sender = createSender(grid);
  const gaps = createRng(config.seed).split('gaps');
  const silence = (length: number): EmissionPart => ({ samples: createComplex(length), limited: 0, sent: null });
  let size: { width: number; height: number; setting: ReturnType<typeof createLinkSetting> } | null = null;
  let at = options.leadSamples;
  let frame = 0;
  if (options.leadSamples > 0) yield silence(options.leadSamples);
  for await (const picture of pictures) {
    throwIfAborted(options.signal, 'the transmission');
    const padded = padPicture(picture, codec.multipleOf);
    size ??= {
      width: picture.width,
      height: picture.height,
      setting: createLinkSetting(config, codec, grid, padded),
    };
    if (picture.width !== size.width || picture.height !== size.height) {
      throw new ConfigError(
        'config.pictures',
        `${picture.name}: is ${picture.width}×${picture.height}, the first picture was ${size.width}×${size.height}; a stream has pictures of one size`,
      );
    }
    if (frame > 0 && options.gapSamples > 0) {
      const gap = options.gapSamples + gaps.integer(Math.max(1, options.gapSamples >> 1));
      at += gap;
      yield silence(gap);
    }
    const { samples } = await sender.encode(picture, padded, frame, size.setting);
    let limited = 0;
    if (options.rms !== null) {
      scaleInPlace(samples, options.rms / Math.sqrt(grid.meanPower));
      limited = limitToFullScale(samples);
    }
    yield { samples, limited, sent: { frame, picture, sampleStart: at, sampleCount: samples.re.length } };
    at += samples.re.length;
    frame++;
  }
  if (options.tailSamples > 0) yield silence(options.tailSamples);
}

/** Brings amplitudes above 1 down to 1, phase kept; how many there were. */
export function limitToFullScale({ re, im }: ComplexArray): number {
  let limited = 0;
  for (let n = 0; n < re.length; n++) {
    const amplitude = Math.hypot(re[n], im[n]);
    if (amplitude <= 1) continue;
    // A little below, so that rounding to float32 stays inside.
    const gain = (1 - 1e-6) / amplitude;
    re[n] *= gain;
    im[n] *= gain;
    limited++;
  }
  return limited;
}

/** Most that is prepared before the first part is handed out: samples and pictures, in bytes. */
const PREPARED_BYTES = 64 * 2 ** 20;

/**
 * Prepares the first parts before the first is handed out, so that a radio that cannot wait is not kept waiting by the
 * encoder; further ones are made on the way.
 */
export async function* prepared(
  parts: AsyncIterable<EmissionPart>,
  bytes = PREPARED_BYTES,
): AsyncIterable<EmissionPart> {
  const ready: EmissionPart[] = [];
  let held = 0;
  const iterator = parts[Symbol.asyncIterator]();
  while (held < bytes) {
    const next = await iterator.next();
    if (next.done === true) break;
    ready.push(next.value);
    held += 8 * next.value.samples.re.length + (next.value.sent?.picture.data.byteLength ?? 0);
  }
  for (let next = ready.shift(); next !== undefined; next = ready.shift()) yield next;
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
}
