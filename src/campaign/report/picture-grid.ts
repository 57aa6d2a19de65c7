import { join } from 'node:path';
import sharp, { type OverlayOptions } from 'sharp';
import { escapeXml } from '../../link/results/save-pictures.js';
import { pictureFile } from '../keep-pictures.js';
import { palette } from './chart.js';
import { pointName, type ReportData } from './report-data.js';
import { spread } from './spread.js';

const ROWS = 6;
/** Shorter edge that pictures are shown with, by a whole factor. */
const EDGE = 128;
/** The crop's share of each edge. */
const CROP = 0.4;
/** Edge of a picture, and of its crop, in the grid that is one picture; what lies between them. */
const [CELL, GAP, HEAD, CAPTION] = [160, 4, 26, 22];

/** A picture and its middle enlarged, as PNG. */
interface GridCell {
  readonly name: string;
  readonly psnrDb: number | null;
  readonly whole: Buffer;
  readonly crop: Buffer;
}

export interface GridRow {
  readonly title: string;
  readonly cells: readonly GridCell[];
}

/** One frame's pictures at the first, a middle and the last point of each facet: sent and received, each with a crop. */
export async function pictureRows(data: ReportData): Promise<readonly GridRow[]> {
  const chosen = data.facets.flatMap(({ points }) =>
    spread(
      points.filter(({ pictures }) => pictures.length > 0),
      3,
    ),
  );
  const rows: GridRow[] = [];
  for (const point of spread(chosen, ROWS)) {
    // The same frame in all rows: they are to be compared.
    const [{ frame, psnrDb }] = point.pictures;
    const cells: GridCell[] = [];
    for (const name of ['sent', ...data.receivers.filter((receiver) => receiver in psnrDb)]) {
      const file = join(data.folder, 'pictures', String(point.point), pictureFile(frame, name));
      cells.push({ name, psnrDb: name === 'sent' ? null : psnrDb[name], ...(await shown(file)) });
    }
    rows.push({ title: [pointName(point), `frame ${frame}`].filter((part) => part !== '').join(', '), cells });
  }
  return rows;
}

/** The rows as a part of the page. */
export function gridHtml(rows: readonly GridRow[]): string {
  const uri = (png: Buffer): string => `data:image/png;base64,${png.toString('base64')}`;
  return rows
    .map(({ title, cells }) => {
      const figures = cells.map(({ name, psnrDb, whole, crop }) => {
        const alt = escapeXml(`${name}, ${title}`);
        const caption = `${escapeXml(name)}${psnrDb === null ? '' : `<br><span class="figure">${psnrDb.toFixed(2)} dB</span>`}`;
        return `<figure><div class="pair"><img src="${uri(whole)}" alt="${alt}"><img src="${uri(crop)}" alt="${alt}, detail"></div><figcaption>${caption}</figcaption></figure>`;
      });
      return `<h3>${escapeXml(title)}</h3><div class="strip">${figures.join('')}</div>`;
    })
    .join('');
}

/** The rows as one PNG for a paper or a document: pictures above their crops, light ground. */
export async function gridPicture(rows: readonly GridRow[]): Promise<Buffer> {
  const columns = Math.max(...rows.map(({ cells }) => cells.length));
  const width = GAP + columns * (CELL + GAP);
  const rowHeight = HEAD + 2 * (CELL + GAP) + CAPTION;
  const height = rows.length * rowHeight + GAP;
  const overlays: OverlayOptions[] = [];
  const texts: string[] = [];
  for (const [r, { title, cells }] of rows.entries()) {
    const top = r * rowHeight;
    texts.push(`<text x="${GAP}" y="${top + 18}" font-weight="600">${escapeXml(title)}</text>`);
    for (const [c, { name, psnrDb, whole, crop }] of cells.entries()) {
      const left = GAP + c * (CELL + GAP);
      for (const [i, png] of [whole, crop].entries()) {
        const { width: given = CELL } = await sharp(png).metadata();
        const kernel = given > CELL ? 'lanczos3' : 'nearest';
        const input = await sharp(png).resize(CELL, CELL, { kernel, fit: 'cover' }).png().toBuffer();
        overlays.push({ input, left, top: top + HEAD + i * (CELL + GAP) });
      }
      const caption = psnrDb === null ? name : `${name}, ${psnrDb.toFixed(2)} dB`;
      texts.push(
        `<text x="${left + CELL / 2}" y="${top + rowHeight - 7}" text-anchor="middle">${escapeXml(caption)}</text>`,
      );
    }
  }
  const labels = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="${palette.ink[0]}">${texts.join('')}</svg>`;
  return sharp({ create: { width, height, channels: 3, background: palette.ground[0] } })
    .composite([...overlays, { input: Buffer.from(labels), left: 0, top: 0 }])
    .png({ palette: true, quality: 95 })
    .toBuffer();
}

/** A picture enlarged without smoothing and its middle enlarged again. */
async function shown(file: string): Promise<{ whole: Buffer; crop: Buffer }> {
  const { width, height } = await sharp(file).metadata();
  const factor = Math.max(1, Math.ceil(EDGE / Math.min(width, height)));
  const [w, h] = [Math.round(width * CROP), Math.round(height * CROP)];
  const size = { width: width * factor, height: height * factor, kernel: 'nearest' as const };
  const whole = await sharp(file).resize(size).png().toBuffer();
  const crop = await sharp(file)
    .extract({ left: (width - w) >> 1, top: (height - h) >> 1, width: w, height: h })
    .resize({ ...size, fit: 'fill' })
    .png()
    .toBuffer();
  return { whole, crop };
}
