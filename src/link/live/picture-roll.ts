import { squarePicture } from '../../source/square-picture.js';
import { openPictures } from '../../source/picture-source.js';
import type { Picture } from '../../source/picture.js';
import { readPicture } from '../../source/read-picture.js';
import type { CameraPicture, PictureFeed } from './live-frame.js';

/** Pictures without end: each is shown for some frames, then the next, from the start again after the last. */
export interface PictureRoll {
  /** The picture of a frame; frames are asked for in ascending order, or again. */
  at(frame: number): Promise<Picture>;
  /** The picture given last, or the first; the roll does not move on. */
  latest(): Promise<Picture>;
}

/** Kept in memory, so that a round is read once; beyond that pictures are read anew in each round. */
const KEPT = 64;

export interface PictureRollOptions {
  readonly maxPixels: number;
  readonly holdFrames: number;
  /** Edge of the squares that are given; null: pictures as they are. */
  readonly edge: number | null;
  readonly camera: () => CameraPicture | null;
}

/** @throws FormatError (`picture.*`) for what cannot be read */
export async function openPictureRoll(
  feed: PictureFeed,
  { maxPixels, holdFrames, edge, camera }: PictureRollOptions,
): Promise<PictureRoll> {
  const inSize = (picture: Picture): Promise<Picture> =>
    edge === null ? Promise.resolve(picture) : squarePicture(picture, edge);
  if (feed.kind === 'camera') {
    const newest = (): Promise<Picture> => Promise.resolve(cameraPicture(camera(), edge ?? 64));
    return { at: newest, latest: newest };
  }
  if (feed.kind === 'file') {
    const picture = await inSize(await readPicture(feed.name, { maxPixels, bytes: feed.bytes }));
    return { at: () => Promise.resolve(picture), latest: () => Promise.resolve(picture) };
  }
  // Built-in pictures are made in the size that is wanted.
  const specs = feed.specs.map((spec) =>
    edge !== null && spec.startsWith('builtin:') ? `${spec.split('/')[0]}/${edge}` : spec,
  );
  const source = openPictures(specs, { maxPixels });
  const kept: Picture[] = [];
  let iterator = source.pictures()[Symbol.asyncIterator]();
  let turn = -1;
  let current: Picture | null = null;
  const roll: PictureRoll = {
    latest: () => (current === null ? roll.at(0) : Promise.resolve(current)),
    async at(frame) {
      const wanted = Math.floor(frame / holdFrames);
      if (current !== null && wanted === turn) return current;
      turn = wanted;
      if (source.count <= KEPT) {
        while (kept.length <= wanted % source.count) {
          const next = await iterator.next();
          if (next.done === true) break;
          kept.push(await inSize(next.value));
        }
        return (current = kept[wanted % source.count]);
      }
      let next = await iterator.next();
      if (next.done === true) {
        iterator = source.pictures()[Symbol.asyncIterator]();
        next = await iterator.next();
      }
      return (current = await inSize(next.value as Picture));
    },
  };
  return roll;
}

/** The newest picture of a camera; black until the first has come. */
function cameraPicture(newest: CameraPicture | null, edge: number): Picture {
  const { width, height, rgb } = newest ?? { width: edge, height: edge, rgb: new Uint8Array(3 * edge ** 2) };
  const size = width * height;
  const data = new Float32Array(3 * size);
  for (let i = 0; i < size; i++) for (let c = 0; c < 3; c++) data[c * size + i] = rgb[3 * i + c] / 255;
  return { name: 'camera', data, width, height, notes: [] };
}
