import { ConfigError } from '../core/errors.js';
import type { Rng } from '../core/rng.js';
import type { CsiModel, DriveByModel, TapModel } from './config.js';
import { readCsi } from './csi-sequence.js';
import { createDriveBy } from './drive-by.js';
import { createFadingTaps } from './fading-taps.js';
import { createMovingTaps, type MovingTaps } from './moving-taps.js';

/** Taps that move: fading, a passing vehicle, a measured sequence. */
export interface TapMotion {
  readonly numTaps: number;
  /** Taps of frame `frame` from its first sample on; the same frame gives the same taps. */
  frame(frame: number, frameSamples: number): MovingTaps;
  /** Taps of a stream without end. */
  stream(): MovingTaps;
}

/** Whether a model moves without a Doppler frequency. */
export const movesByItself = (model: TapModel): model is DriveByModel | CsiModel =>
  model.kind === 'drive-by' || model.kind === 'csi';

/** Whether taps move within a frame. */
export const tapsMove = (model: TapModel, dopplerHz: number): boolean => dopplerHz > 0 || movesByItself(model);

/**
 * The motion of a model. With `drive-by` and `csi` frames follow one another in the model's own time; fading is independent from frame to frame.
 *
 * @throws ConfigError for settings out of range and for a Doppler frequency beside a motion of the model's own; FormatError for a bad file
 */
export function createTapMotion(
  model: TapModel,
  { dopplerHz, sampleRateHz }: { readonly dopplerHz: number; readonly sampleRateHz: number },
  rng: Rng,
): TapMotion {
  if (!movesByItself(model)) {
    const fading = { taps: model, dopplerHz, sampleRateHz };
    const { numTaps } = createFadingTaps(fading, rng);
    return {
      numTaps,
      frame: (frame) => createFadingTaps(fading, rng.split(frame)),
      stream: () => createFadingTaps(fading, rng),
    };
  }
  if (dopplerHz > 0) {
    throw new ConfigError(
      'config.channel',
      `channel.dopplerHz is ${dopplerHz}: a ${model.kind} channel has a motion of its own; leave it out`,
      { value: dopplerHz },
    );
  }
  if (model.kind === 'drive-by') {
    const pass = createDriveBy(model);
    return {
      numTaps: pass.numTaps,
      frame: (frame) => createMovingTaps(pass.trajectory(frame, sampleRateHz)),
      stream: () => createMovingTaps(pass.trajectory(0, sampleRateHz)),
    };
  }
  const sequence = readCsi(model);
  return {
    numTaps: sequence.numTaps,
    frame: (frame, frameSamples) => createMovingTaps(sequence.trajectory(frame, frameSamples, sampleRateHz)),
    stream: () => createMovingTaps(sequence.trajectory(0, null, sampleRateHz)),
  };
}
