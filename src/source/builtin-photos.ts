import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { FormatError } from '../core/errors.js';
import type { Rng } from '../core/rng.js';

/** The pictures in `photographs/`, in the order in which they are sent; scripts/photographs makes them. */
export const PHOTOGRAPHS = [
  'stones',
  'mountains',
  'oranges',
  'cloudscape',
  'room',
  'dunes',
  'forest',
  'sea',
  'rain',
] as const;

/** Edge of the files, in pixels. */
const EDGE = 512;

/**
 * Photograph number `index` as RGB bytes, size×size. Beyond the last one come squares out of them, from 0.55 to 0.9 of
 * the edge, every other one mirrored.
 * @throws FormatError where a file cannot be read
 */
export async function photograph(rng: Rng, index: number, size: number): Promise<Uint8Array> {
  const round = Math.floor(index / PHOTOGRAPHS.length);
  const path = join(folder(), `${PHOTOGRAPHS[index % PHOTOGRAPHS.length]}.webp`);
  const edge = round === 0 ? EDGE : Math.round(EDGE * (0.55 + 0.35 * rng.uniform()));
  const left = rng.integer(EDGE - edge + 1);
  const top = rng.integer(EDGE - edge + 1);
  try {
    return await sharp(path)
      .extract({ left, top, width: edge, height: edge })
      .flop(round % 2 === 1)
      .resize(size, size, { kernel: 'lanczos3' })
      .removeAlpha()
      .toColourspace('srgb')
      .raw()
      .toBuffer();
  } catch (cause) {
    throw new FormatError('picture.photograph', `${path}: missing or damaged; install blindlink again`, { cause });
  }
}

/** The folder of the pictures, beside src/ and dist/. */
const folder = (): string => resolve(dirname(fileURLToPath(import.meta.url)), '../../photographs');
