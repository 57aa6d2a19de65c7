import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { FormatError } from '../../core/errors.js';
import { makeFolder } from '../../core/make-folder.js';
import { csvLine, writeWhole } from '../../link/results/tables.js';
import { pointsCsv } from '../derive-tables.js';
import { chartNames } from '../figure-names.js';
import { type Chart, chartSvg, standalone } from './chart.js';
import { chartsOf } from './charts.js';
import { reportPage } from './page.js';
import { gridHtml, gridPicture, pictureRows } from './picture-grid.js';
import { readReport, type ReportData } from './report-data.js';

export interface ReportOptions {
  /** The axis to draw over. */
  readonly x?: string;
  /** How near `perfect` counts as near, dB. */
  readonly withinDb?: number;
  /** The page loads itself again after this many seconds. */
  readonly refreshS?: number;
}

/** A report as it lies in `report/` of a campaign's folder. */
export interface WrittenReport extends ReportData {
  readonly page: string;
  /** Names of the files beside the page. */
  readonly files: readonly string[];
}

export const PICTURES_FILE = 'pictures.png';

/** The name of a chart's files, without their ending. */
export const chartFile = (data: ReportData, facet: number, id: string): string =>
  data.facets.length === 1 ? id : `${facet + 1}-${id}`;

/**
 * Writes `report/` into a campaign's folder: `index.html`, and of each chart `NAME.svg`, `.png`, `.csv`; `table.csv`, `pictures.png`.
 * Each file is written whole or not at all.
 * @throws FormatError where there is no campaign, no frame yet, or the folder cannot be written
 */
export async function writeReport(
  folder: string,
  { x, withinDb, refreshS }: ReportOptions = {},
): Promise<WrittenReport> {
  const data = readReport(folder, x, withinDb);
  const out = join(folder, 'report');
  try {
    makeFolder(out);
    const drawn = [];
    const files: string[] = [];
    const write = (name: string, content: string | Uint8Array): void => {
      writeWhole(join(out, name), content);
      files.push(name);
    };
    for (const [f, facet] of data.facets.entries()) {
      // A chart may have nothing to show: errors that are all 0 on an axis of powers of ten.
      const charts = chartsOf(data, facet)
        .map(({ id, chart }) => ({ id, chart, svg: chartSvg(chart) }))
        .filter(({ svg }) => svg !== '');
      for (const { id, chart, svg } of charts) {
        const name = chartFile(data, f, id);
        const paper = standalone(svg);
        write(`${name}.svg`, `${paper}\n`);
        write(`${name}.png`, await sharp(Buffer.from(paper), { density: 192 }).png().toBuffer());
        write(`${name}.csv`, chartCsv(chart));
      }
      drawn.push({ facet, charts });
    }
    write(
      'table.csv',
      pointsCsv(
        data.campaign.plan,
        data.facets.flatMap(({ points }) => points),
      ),
    );
    const rows = await pictureRows(data);
    if (rows.length > 0) write(PICTURES_FILE, await gridPicture(rows));
    removeStale(out, files);
    const page = join(out, 'index.html');
    writeWhole(
      page,
      reportPage(data, drawn, gridHtml(rows), refreshS === undefined || data.complete ? null : refreshS),
    );
    return { ...data, page, files };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === undefined || cause instanceof FormatError) throw cause;
    throw new FormatError('report.write', `${out}: cannot be written (${(cause as Error).message})`, { cause });
  }
}

/** Charts of an earlier report that this one has not: with other points their names change. */
function removeStale(out: string, files: readonly string[]): void {
  const own = new RegExp(`^(\\d+-)?(${chartNames.join('|')})(-\\d+)?\\.(svg|png|csv)$`);
  for (const name of readdirSync(out)) if (own.test(name) && !files.includes(name)) rmSync(join(out, name));
}

const chartCsv = ({ xLabel, yLabel, series, categories }: Chart): string =>
  csvLine(['series', xLabel === '' ? 'point' : xLabel, yLabel, 'low', 'high']) +
  series
    .flatMap(({ name, points }) =>
      points.map(({ x, y, low, high }) => csvLine([name, categories?.[x] ?? x, y, low, high])),
    )
    .join('');
