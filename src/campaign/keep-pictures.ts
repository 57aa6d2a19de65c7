import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import type { FrameOutcome } from '../link/results/frame-report.js';
import { toBytes } from '../link/results/save-pictures.js';

/** The name under which a receiver's picture is kept. */
export const pictureFile = (frame: number, receiver: string): string =>
  `${String(frame).padStart(5, '0')}-${receiver.replaceAll(/[^\w.+-]/g, '_')}.png`;

/** The sent picture and each receiver's as PNG files of their own; the same bytes whenever it is done again. */
export async function savePictures(path: string, outcomes: readonly FrameOutcome[]): Promise<void> {
  const { picture, index } = outcomes[0].arrived.sent;
  const { height, width } = picture;
  mkdirSync(path, { recursive: true });
  await savePicture(join(path, pictureFile(index, 'sent')), picture.data, height, width);
  for (const { report, picture: received } of outcomes) {
    await savePicture(join(path, pictureFile(index, report.receiver)), received, height, width);
  }
}

/** RGB planes [3,H,W] in [0,1] as a PNG, whole or not at all. */
export async function savePicture(file: string, planes: Float32Array, height: number, width: number): Promise<void> {
  const bytes = toBytes({ label: '', planes, height, width });
  const png = await sharp(bytes, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  const part = `${file}.${process.pid}.part`;
  writeFileSync(part, png);
  renameSync(part, file);
}
