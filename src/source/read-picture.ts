import { statSync } from 'node:fs';
import sharp, { type Metadata } from 'sharp';
import { FormatError } from '../core/errors.js';
import type { Picture } from './picture.js';

/**
 * Reads a picture file of any common format as RGB planes in [0,1], upright (EXIF), first frame of an animation.
 * What had to be converted is said in `notes`; an SVG is drawn at the size that it names.
 * Damage is found where the format can tell: a changed byte in the middle of a JPEG or WebP may pass.
 *
 * @param options.bytes the file's content, where it is not to be read from `path`, which then only names it
 * @throws FormatError (`picture.*`) for files that are missing, empty, damaged, no pictures or over `maxPixels`
 */
export async function readPicture(
  path: string,
  { maxPixels, bytes }: { maxPixels: number; bytes?: Uint8Array },
): Promise<Picture> {
  if (bytes === undefined) requireFile(path);
  const input = bytes ?? path;
  const metadata = await describe(path, input);
  const { width = 0, height = 0 } = metadata;
  if (width * height > maxPixels) {
    throw new FormatError(
      'picture.too-large',
      `${path}: ${width}×${height} pixels are over the limit of ${maxPixels}; raise source.maxPixels`,
    );
  }
  try {
    const { data: bytes, info } = await sharp(input, { failOn: 'warning', pages: 1, limitInputPixels: false })
      .rotate()
      .flatten({ background: 'white' })
      .toColourspace('srgb')
      .removeAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    const plane = info.width * info.height;
    const data = new Float32Array(3 * plane);
    for (let i = 0; i < plane; i++) {
      for (let c = 0; c < 3; c++) data[c * plane + i] = bytes[info.channels * i + (info.channels === 3 ? c : 0)] / 255;
    }
    return { name: path, data, height: info.height, width: info.width, notes: notesOn(metadata) };
  } catch (cause) {
    throw new FormatError('picture.damaged', `${path}: damaged or cut short; replace the file`, { cause });
  }
}

/** Throws FormatError unless `path` is a file with something in it. */
export function requireFile(path: string): void {
  let stats;
  try {
    stats = statSync(path);
  } catch (cause) {
    throw new FormatError('picture.missing', `${path}: no such file or folder; check the path`, { cause });
  }
  if (!stats.isFile())
    throw new FormatError('picture.kind', `${path}: is not a file; give a picture or a folder of them`);
  if (stats.size === 0) throw new FormatError('picture.empty', `${path}: is empty; replace the file`);
}

async function describe(path: string, input: string | Uint8Array): Promise<Metadata> {
  try {
    return await sharp(input, { limitInputPixels: false }).metadata();
  } catch (cause) {
    throw new FormatError(
      'picture.format',
      `${path}: not a picture, or cut short; give a whole PNG, JPEG, WebP, TIFF, GIF or AVIF`,
      {
        cause,
      },
    );
  }
}

function notesOn(metadata: Metadata): string[] {
  const notes: string[] = [];
  if (metadata.depth === 'ushort') notes.push('16-bit samples reduced to 8 bits');
  else if (metadata.depth !== 'uchar') notes.push(`${metadata.depth} samples reduced to 8 bits`);
  if (metadata.format === 'svg') notes.push(`SVG drawn at ${metadata.width}×${metadata.height}`);
  if (metadata.isPalette === true) notes.push('palette expanded to RGB');
  if (metadata.space === 'b-w' || metadata.space === 'grey16') notes.push('grey expanded to RGB');
  else if (metadata.space !== 'srgb' && metadata.space !== 'rgb16') notes.push(`${metadata.space} converted to sRGB`);
  if (metadata.hasAlpha) notes.push('alpha blended on white');
  if ((metadata.pages ?? 1) > 1) notes.push(`first of ${metadata.pages} frames`);
  if ((metadata.orientation ?? 1) > 1) notes.push('turned upright as its EXIF says');
  return notes;
}
