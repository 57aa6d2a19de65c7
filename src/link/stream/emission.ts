import type { Codec } from '../../codec/codec.js';
import type { LinkConfig } from '../../config/schema.js';
import { type ComplexArray, createComplex, scaleInPlace } from '../../core/complex.js';
import { ConfigError, throwIfAborted } from '../../core/errors.js';
import { createRng } from '../../core/rng.js';
import { padPicture, type Picture } from '../../source/picture.js';
import { createLinkSetting, gridOf } from '../setting/link-setting.js';
import type { SentPicture } from './reception.js';
import { createTransmission } from '../frame/transmission.js';

export interface EmissionOptions {
  /** Silence before the first frame and behind the last, samples. */
  readonly leadSamples: number;
  readonly tailSamples: number;
  /** Silence between frames; a seeded half of it more is added, so that a receiver cannot lean on the pattern. */
  readonly gapSamples: number;
  /** R.m.s. amplitude of a frame on the wire, of full scale; null leaves the modem's own (about 0.9). */
  readonly rms: number | null;
  readonly signal?: AbortSignal | undefined;
}

/** What is put on the air, part by part: frames with silence between them. */
export interface EmissionPart {
  readonly samples: ComplexArray;
  /** null for silence. */
  readonly sent: (SentPicture & { readonly picture: Picture }) | null;
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
  const rng = createRng(config.seed);
  const transmission = createTransmission(config, grid, rng);
  const gaps = rng.split('gaps');
  const silence = (length: number): EmissionPart => ({ samples: createComplex(length), sent: null });
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
      setting: createLinkSetting(config, codec, grid, padded.height, padded.width),
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
    const { samples } = await transmission.encode(picture, padded, frame, size.setting);
    if (options.rms !== null) scaleInPlace(samples, options.rms / Math.sqrt(grid.meanPower));
    yield { samples, sent: { frame, name: picture.name, picture, sampleStart: at } };
    at += samples.re.length;
    frame++;
  }
  if (options.tailSamples > 0) yield silence(options.tailSamples);
}

/**
 * Prepares the first parts before the first is handed out, so that a radio that cannot wait is not kept waiting by the
 * encoder; further ones are made on the way.
 */
export async function* prepared(parts: AsyncIterable<EmissionPart>, ahead = 1024): AsyncIterable<EmissionPart> {
  const ready: EmissionPart[] = [];
  const iterator = parts[Symbol.asyncIterator]();
  while (ready.length < ahead) {
    const next = await iterator.next();
    if (next.done === true) break;
    ready.push(next.value);
  }
  yield* ready;
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value;
}
