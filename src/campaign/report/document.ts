import { copyFileSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { ConfigError } from '../../core/errors.js';
import { makeFolder } from '../../core/make-folder.js';
import { writeWhole } from '../../link/results/tables.js';
import { campaignSchema } from '../plan.js';
import type { MeanFigure } from '../point-figures.js';
import {
  axisTitle,
  columnOf,
  crowdText,
  type Facet,
  networkMetrics,
  pointName,
  type ReportData,
  type ReportPoint,
  valueText,
} from './report-data.js';
import { chartFile, PICTURES_FILE, type WrittenReport } from './write-report.js';

/** Where a document's figures lie, beside it. */
const FIGURES = 'figures';

/** What a campaign written before there was such a key shows. */
const shownOf = (data: ReportData) => data.campaign.plan.document ?? campaignSchema.parse({}).document;

/** A chart or picture of a document: a file of `report/`, and what stands for it where it cannot be shown. */
interface Figure {
  readonly file: string;
  readonly text: string;
}

/** The charts and pictures that a campaign's `document` names and that its report has. */
function shownFigures(data: WrittenReport): readonly Figure[] {
  const { charts, pictures } = shownOf(data);
  const drawn = data.facets.flatMap((facet, f) =>
    charts.map((id) => ({
      file: `${chartFile(data, f, id)}.svg`,
      text: [id, facet.name].filter((part) => part !== '').join(', '),
    })),
  );
  const grid = pictures ? [{ file: PICTURES_FILE, text: 'pictures, and their middles' }] : [];
  return [...drawn, ...grid].filter(({ file }) => data.files.includes(file));
}

/** The name that a figure has beside a document. */
const figureName = (data: WrittenReport, { file }: Figure): string => `${basename(resolve(data.folder))}-${file}`;

/** A file's name as a link of Markdown has it: without spaces, and brackets that would end it. */
const linkTo = (name: string): string =>
  encodeURIComponent(name).replaceAll(/[()]/g, (bracket) => `%${bracket.charCodeAt(0).toString(16)}`);

/**
 * What a document holds of a campaign: its words, a table for each facet with 95 % intervals, and the charts and pictures that the
 * campaign's `document` names, as links to files beside the document.
 */
export function documentText(data: WrittenReport): string {
  const { title, about } = data.campaign.plan;
  const head = `**${title}.** ${about === '' ? '' : `${about.trim()} `}${data.frames} frames, ${data.measured} points${data.complete ? '' : ', not complete'}; 95 % intervals.`;
  const images = shownFigures(data).map(
    (figure) => `![${figure.text}](${FIGURES}/${linkTo(figureName(data, figure))})`,
  );
  return [head, ...data.facets.map((facet) => facetTable(data, facet)), ...images].join('\n\n');
}

/** Charts that a campaign's `document` names and that its report has not, of any facet. */
const missingCharts = (data: WrittenReport): string[] =>
  shownOf(data).charts.filter(
    (id) => !data.facets.some((_, f) => data.files.includes(`${chartFile(data, f, id)}.svg`)),
  );

function facetTable(data: ReportData, { name, points }: Facet): string {
  const receivers = points.flatMap((point) => Object.values(point.receivers));
  const shown = [...shownOf(data).columns, ...networkMetrics(data.facets)]
    .filter((metric, i, all) => all.indexOf(metric) === i)
    .filter((metric) => metric === 'ms' || receivers.some(({ metrics }) => metric in metrics));
  const crowds = [...new Set(receivers.flatMap(({ fid }) => Object.keys(fid)))];
  const heads = [
    data.x === null ? 'point' : axisTitle(data.x),
    'receiver',
    'frames',
    ...shown.map((metric) => columnOf(metric).title),
    ...crowds,
  ];
  const rows = points.flatMap((point) =>
    Object.entries(point.receivers).map(([receiver, of], r) => [
      r > 0 ? '' : data.x === null ? pointName(point) : valueText(point.at[data.x]),
      receiver,
      String(of.frames),
      ...shown.map((metric) => cell(point, receiver, metric)),
      ...crowds.map((name) => (name in of.fid ? crowdText(of.fid[name]) : '')),
    ]),
  );
  // Columns of one width, as formatters write them, so that a document which was formatted stays so.
  const cells = [heads, ...rows].map((row) => row.map(escaped));
  const widths = heads.map((_, c) => Math.max(3, ...cells.map((row) => [...row[c]].length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((text, c) => text + ' '.repeat(widths[c] - [...text].length)).join(' | ')} |`;
  const table = [line(cells[0]), line(widths.map((width) => '-'.repeat(width))), ...cells.slice(1).map(line)];
  return [...(name === '' ? [] : [`**${name}**`, '']), ...table].join('\n');
}

/** A figure with its interval, and the frames that it is of where these are not all. */
function cell(point: ReportPoint, receiver: string, metric: string): string {
  if (metric === 'ms') {
    const time = point.times[receiver] as { mean: number } | undefined;
    return time === undefined ? '' : String(Number(time.mean.toPrecision(2)));
  }
  const figure = point.receivers[receiver].metrics[metric] as MeanFigure | undefined;
  if (figure === undefined || (metric === 'channelError' && receiver === 'perfect')) return '';
  const { digits, scale } = columnOf(metric);
  const text = (v: number): string => (scale * v).toFixed(digits);
  const { mean, low, high, n } = figure;
  const of = n === point.receivers[receiver].frames ? '' : ` of ${n}`;
  return (low === high ? text(mean) : `${text(mean)} [${text(low)}, ${text(high)}]`) + of;
}

const escaped = (text: string): string => text.replaceAll('|', '\\|');

/**
 * Puts a campaign into a document, between `<!-- campaign NAME -->` and `<!-- /campaign -->`, where NAME is its folder's; what stood
 * there goes, all else stays. Charts and pictures are written to `figures/` beside it.
 * @returns charts asked for that there are none of
 * @throws ConfigError where the document cannot be read, has no such place, or has one without its end
 */
export function updateDocument(file: string, data: WrittenReport): { readonly missingCharts: readonly string[] } {
  const name = basename(resolve(data.folder));
  const [begin, end] = [`<!-- campaign ${name} -->`, '<!-- /campaign -->'];
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(
      'report.markdown',
      `--markdown ${file}: cannot be read; give a document that is there and has ${begin} and ${end} on two lines`,
      {
        cause,
      },
    );
  }
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) {
    throw new ConfigError(
      'report.markdown',
      `${file}: has no place for ${name}; write ${begin} and ${end} on two lines`,
    );
  }
  if (text.slice(from + begin.length, to).includes('<!-- campaign ')) {
    throw new ConfigError(
      'report.markdown',
      `${file}: the place for ${name} has no end before that of another campaign; write ${end} where it ends`,
    );
  }
  for (const figure of shownFigures(data)) {
    makeFolder(join(dirname(file), FIGURES));
    copyFileSync(join(data.folder, 'report', figure.file), join(dirname(file), FIGURES, figureName(data, figure)));
  }
  writeWhole(file, `${text.slice(0, from + begin.length)}\n\n${documentText(data)}\n\n${text.slice(to)}`);
  return { missingCharts: missingCharts(data) };
}
