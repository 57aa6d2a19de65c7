import sharp from 'sharp';
import { createRng, type Rng } from '../core/rng.js';
import { faceSvg } from './builtin-faces.js';
import { naturalSvg } from './builtin-natural.js';
import { photograph, PHOTOGRAPHS } from './builtin-photos.js';
import type { Picture } from './picture.js';

export type BuiltinKind = 'faces' | 'natural' | 'photos';

export const BUILTIN_KINDS: readonly BuiltinKind[] = ['faces', 'natural', 'photos'];

/** How many of a kind are sent unless told otherwise, and their edge in pixels unless named. */
export const BUILTIN_SETS: Readonly<Record<BuiltinKind, { readonly count: number; readonly size: number }>> = {
  faces: { count: 8, size: 64 },
  natural: { count: 8, size: 64 },
  photos: { count: PHOTOGRAPHS.length, size: 256 },
};

/**
 * A picture of our own: `faces` are aligned portraits of made-up people and `natural` scenes, drawn by code; `photos`
 * are renderings that look like photographs, and from number 9 on squares out of them. The same kind, index and size
 * give the same pixels on the same build of sharp.
 *
 * Drawings are made as SVG (soft gradients, blurs, fractal noise and relief), rasterised at 4 times the size (2 times above 128
 * pixels) and reduced with a Lanczos filter.
 *
 * @param index 0, 1, 2, …: which picture; neighbours differ in everything
 * @param size height and width in pixels
 */
export async function builtinPicture(kind: BuiltinKind, index: number, size = 64): Promise<Picture> {
  const rng = createRng(`builtin:${kind}`).split(index);
  const bytes = kind === 'photos' ? await photograph(rng, index, size) : await drawing(kind, rng, index, size);
  const plane = size * size;
  const data = new Float32Array(3 * plane);
  for (let i = 0; i < plane; i++) {
    for (let c = 0; c < 3; c++) data[c * plane + i] = bytes[3 * i + c] / 255;
  }
  return { name: `builtin:${kind}#${index}`, data, height: size, width: size, notes: [] };
}

/** RGB bytes of a drawn picture. */
async function drawing(kind: 'faces' | 'natural', rng: Rng, index: number, size: number): Promise<Uint8Array> {
  const pixels = size * (size <= 128 ? 4 : 2);
  const svg = kind === 'faces' ? faceSvg(rng, index, pixels) : naturalSvg(rng, index, pixels);
  const large = await sharp(Buffer.from(svg), { unlimited: true })
    .flatten({ background: 'white' })
    .png({ compressionLevel: 0 })
    .toBuffer();
  return sharp(large).resize(size, size, { kernel: 'lanczos3' }).removeAlpha().toColourspace('srgb').raw().toBuffer();
}
