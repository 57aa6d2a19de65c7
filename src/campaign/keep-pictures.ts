import { join } from 'node:path';
import sharp from 'sharp';
import type { FrameOutcome } from '../link/results/frame-report.js';
import { toBytes } from '../link/results/save-pictures.js';
import { writeWhole } from '../link/results/tables.js';
import { makeFolder } from '../core/make-folder.js';

/** The name under which a receiver's picture is kept. */
export const pictureFile = (frame: number, receiver: string): string =>
  `${String(frame).padStart(5, '0')}-${receiver.replaceAll(/[^\w.+-]/g, '_')}.png`;

/** The sent picture and each receiver's as PNG files by name; the same bytes whenever it is done again. */
export async function encodePictures(outcomes: readonly FrameOutcome[]): Promise<Record<string, Uint8Array>> {
  const { picture, index } = outcomes[0].arrived.sent;
  const { height, width } = picture;
  const files: Record<string, Uint8Array> = {
    [pictureFile(index, 'sent')]: await encodePicture(picture.data, height, width),
  };
  for (const { report, picture: received } of outcomes) {
    files[pictureFile(index, report.receiver)] = await encodePicture(received, height, width);
  }
  return files;
}

/** RGB planes [3,H,W] in [0,1] as a PNG. */
async function encodePicture(planes: Float32Array, height: number, width: number): Promise<Uint8Array> {
  const bytes = toBytes({ label: '', planes, height, width });
  const png = await sharp(bytes, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  return new Uint8Array(png);
}

/** Writes files, each whole or not at all. */
export function writePictures(folder: string, files: Readonly<Record<string, Uint8Array>>): void {
  makeFolder(folder);
  for (const [name, png] of Object.entries(files)) writeWhole(join(folder, name), png);
}
