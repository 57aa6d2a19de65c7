import { renameSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';

export interface LabelledPicture {
  readonly label: string;
  /** [3, height, width] in [0,1]. */
  readonly planes: Float32Array;
  readonly height: number;
  readonly width: number;
}

/** Shorter edge that small pictures are enlarged to, by a whole factor, without smoothing. */
const LEAST_EDGE = 192;
const GAP = 12;
const LABEL_HEIGHT = 28;

/** Pictures of one size next to each other with their labels below, as a PNG; written under another name, then renamed. */
export async function sideBySide(pictures: readonly LabelledPicture[], path: string): Promise<void> {
  const { height, width } = pictures[0];
  const factor = Math.max(1, Math.ceil(LEAST_EDGE / Math.min(height, width)));
  const w = width * factor;
  const h = height * factor;
  const tiles = await Promise.all(
    pictures.map(async (picture, i) => ({
      input: await sharp(toBytes(picture), { raw: { width, height, channels: 3 } })
        .resize(w, h, { kernel: 'nearest' })
        .png()
        .toBuffer(),
      left: GAP + i * (w + GAP),
      top: GAP,
    })),
  );
  const totalWidth = GAP + pictures.length * (w + GAP);
  const totalHeight = h + GAP + LABEL_HEIGHT;
  const labels = pictures
    .map(({ label }, i) => {
      const x = GAP + i * (w + GAP) + w / 2;
      return `<text x="${x}" y="${h + GAP + 19}" text-anchor="middle" font-family="sans-serif" font-size="14" fill="#222">${escapeXml(label)}</text>`;
    })
    .join('');
  const overlay = Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${totalWidth}" height="${totalHeight}">${labels}</svg>`,
  );
  const png = await sharp({ create: { width: totalWidth, height: totalHeight, channels: 3, background: 'white' } })
    .composite([...tiles, { input: overlay, left: 0, top: 0 }])
    .png()
    .toBuffer();
  writeFileSync(`${path}.part`, png);
  renameSync(`${path}.part`, path);
}

/** Pictures [count,3,height,width] in [0,1] in rows of about the same number, as a PNG. */
export async function contactSheet(
  planes: Float32Array,
  count: number,
  height: number,
  width: number,
): Promise<Buffer> {
  const columns = Math.ceil(Math.sqrt(count));
  const rows = Math.ceil(count / columns);
  const size = 3 * height * width;
  const tiles = Array.from({ length: count }, (_, i) => ({
    input: Buffer.from(toBytes({ label: '', planes: planes.subarray(i * size, (i + 1) * size), height, width })),
    raw: { width, height, channels: 3 as const },
    left: (i % columns) * width,
    top: Math.floor(i / columns) * height,
  }));
  const sheet = { width: columns * width, height: rows * height, channels: 3 as const, background: 'white' };
  return sharp({ create: sheet }).composite(tiles).png().toBuffer();
}

/** RGB planes in [0,1] → interleaved bytes. */
export function toBytes({ planes, height, width }: LabelledPicture): Uint8Array {
  const size = height * width;
  const bytes = new Uint8Array(3 * size);
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) bytes[3 * i + c] = Math.round(255 * Math.min(1, Math.max(0, planes[c * size + i])));
  }
  return bytes;
}

export const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
