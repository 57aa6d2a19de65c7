import { openPictures } from '../../source/picture-source.js';
import type { Picture } from '../../source/picture.js';
import { readPicture } from '../../source/read-picture.js';
import type { CameraPicture, PictureFeed } from './live-frame.js';

/** Pictures without end: each is shown for some frames, then the next, from the start again after the last. */
export interface PictureRoll {
  /** The picture of a frame; frames are asked for in ascending order, or again. */
  at(frame: number): Promise<Picture>;
}

/** Kept in memory, so that a round is read once; beyond that pictures are read anew in each round. */
const KEPT = 64;

/** @throws FormatError (`picture.*`) for what cannot be read */
export async function openPictureRoll(
  feed: PictureFeed,
  { maxPixels, holdFrames, camera }: { maxPixels: number; holdFrames: number; camera: () => CameraPicture | null },
): Promise<PictureRoll> {
  if (feed.kind === 'camera') {
    return { at: () => Promise.resolve(cameraPicture(camera())) };
  }
  if (feed.kind === 'file') {
    const picture = await readPicture(feed.name, { maxPixels, bytes: feed.bytes });
    return { at: () => Promise.resolve(picture) };
  }
  const source = openPictures(feed.specs, { maxPixels });
  const kept: Picture[] = [];
  let iterator = source.pictures()[Symbol.asyncIterator]();
  let turn = -1;
  let current: Picture | null = null;
  return {
    async at(frame) {
      const wanted = Math.floor(frame / holdFrames);
      if (current !== null && wanted === turn) return current;
      turn = wanted;
      if (source.count <= KEPT) {
        while (kept.length <= wanted % source.count) {
          const next = await iterator.next();
          if (next.done === true) break;
          kept.push(next.value);
        }
        return (current = kept[wanted % source.count]);
      }
      let next = await iterator.next();
      if (next.done === true) {
        iterator = source.pictures()[Symbol.asyncIterator]();
        next = await iterator.next();
      }
      return (current = next.value as Picture);
    },
  };
}

/** The newest picture of a camera; black until the first has come. */
function cameraPicture(newest: CameraPicture | null): Picture {
  const { width, height, rgb } = newest ?? { width: 64, height: 64, rgb: new Uint8Array(3 * 64 * 64) };
  const size = width * height;
  const data = new Float32Array(3 * size);
  for (let i = 0; i < size; i++) for (let c = 0; c < 3; c++) data[c * size + i] = rgb[3 * i + c] / 255;
  return { name: 'camera', data, width, height, notes: [] };
}
