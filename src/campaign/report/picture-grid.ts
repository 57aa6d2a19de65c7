import { join } from 'node:path';
import sharp from 'sharp';
import { escapeXml } from '../../link/results/save-pictures.js';
import { pictureFile } from '../keep-pictures.js';
import { pointName, type ReportData, type ReportPoint } from './report-data.js';

const ROWS = 6;
/** Shorter edge that pictures are shown with, by a whole factor. */
const EDGE = 128;
/** The crop's share of each edge. */
const CROP = 0.4;

/** Pictures of frames of the first, a middle and the last point of each facet: sent and received, each with a crop. */
export async function pictureGrid(data: ReportData): Promise<string> {
  const chosen = data.facets.flatMap(({ points }) =>
    spread(
      points.filter(({ pictures }) => pictures.length > 0),
      3,
    ),
  );
  const rows: string[] = [];
  for (const point of spread(chosen, ROWS)) {
    const { frame, psnrDb } = point.pictures[rows.length % point.pictures.length];
    const cells: string[] = [];
    for (const name of ['sent', ...data.receivers.filter((receiver) => receiver in psnrDb)]) {
      const file = join(data.folder, 'pictures', String(point.point), pictureFile(frame, name));
      const [whole, crop] = await shown(file);
      const caption = name === 'sent' ? 'sent' : `${name}<br><span class="figure">${psnrDb[name].toFixed(2)} dB</span>`;
      const alt = escapeXml(`${name}, frame ${frame}, ${pointName(point)}`);
      cells.push(
        `<figure><div class="pair"><img src="${whole}" alt="${alt}"><img src="${crop}" alt="${alt}, detail"></div><figcaption>${name === 'sent' ? caption : caption}</figcaption></figure>`,
      );
    }
    rows.push(`<h3>${escapeXml(pointName(point))}, frame ${frame}</h3><div class="strip">${cells.join('')}</div>`);
  }
  return rows.join('');
}

/** A picture enlarged without smoothing and its middle enlarged again, as data URIs. */
async function shown(file: string): Promise<[string, string]> {
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
  const uri = (png: Buffer): string => `data:image/png;base64,${png.toString('base64')}`;
  return [uri(whole), uri(crop)];
}

function spread<T extends ReportPoint>(points: readonly T[], most: number): T[] {
  if (points.length <= most) return [...points];
  return Array.from({ length: most }, (_, i) => points[Math.round((i * (points.length - 1)) / (most - 1))]);
}
