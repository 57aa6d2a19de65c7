import type { LinkConfig } from '../../config/schema.js';
import { LinkError } from '../../core/errors.js';
import type { Recording } from '../../recording/recording.js';
import { openPictures, type PictureSource } from '../../source/picture-source.js';
import type { Picture } from '../../source/picture.js';
import { createSentLog, type SentLog } from './sent-log.js';

/**
 * What a recording of the link says was sent: built-in pictures are drawn again, files are read if they are still there.
 *
 * @param options.timed whether times of what was sent hold (the recording is played once, from its start)
 * @param options.onMissing told once, in words, where pictures cannot be read
 */
export function sentLogOf(
  recording: Recording,
  config: LinkConfig,
  { timed = true, onMissing }: { readonly timed?: boolean; readonly onMissing?: (reason: string) => void } = {},
): SentLog {
  const listed = recording.metadata.global['blindlink:sent'] as
    { frame: number; picture: string; sample_start?: number }[] | undefined;
  if (listed === undefined) return createSentLog();
  let source: PictureSource | null = null;
  try {
    source = openPictures(config.pictures, { maxPixels: config.source.maxPixels, frames: listed.length });
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    onMissing?.(error.message);
  }
  /** Where each name is among the pictures, as far as they were looked through. */
  const places = new Map<string, number>();
  const load = async (frame: number, name: string): Promise<Picture | null> => {
    if (source === null) return null;
    const at = async (index: number): Promise<Picture | null> => {
      const picture = await source.at(index).catch(() => null);
      if (picture !== null && !places.has(picture.name)) places.set(picture.name, index);
      return picture?.name === name ? picture : null;
    };
    // Frame for picture where each was sent once; a live link shows each for some frames.
    const found = await at(places.get(name) ?? Math.min(frame, source.count - 1));
    for (let index = 0; found === null && index < source.count; index++) {
      const picture = await at(index);
      if (picture !== null) return picture;
    }
    return found;
  };
  return createSentLog(
    listed.map(({ frame, picture: name, sample_start: start }) => ({
      frame,
      name,
      sampleStart: timed ? (start ?? null) : null,
      load: () => load(frame, name),
    })),
  );
}
