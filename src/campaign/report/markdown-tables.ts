import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { ConfigError } from '../../core/errors.js';
import { writeWhole } from '../../link/results/tables.js';
import type { MeanFigure } from '../point-figures.js';
import { axisTitle, type Facet, figureColumns, pointName, type ReportData, valueText } from './report-data.js';

/** The page's columns that a document has room for. */
const shownMetrics = ['success', 'psnrDb', 'msSsim', 'nearPerfect', 'channelError', 'throughput'];
const columns = figureColumns.filter(([metric]) => shownMetrics.includes(metric));

/** A campaign's figures as Markdown tables, one a facet: means with their 95 % intervals and the number of frames. */
export function markdownTables(data: ReportData): string {
  const { title } = data.campaign.plan;
  const head = `${title}: ${data.frames} frames, ${data.measured} points${data.complete ? '' : ', not complete'}; 95 % intervals.`;
  return [head, ...data.facets.map((facet) => facetTable(data, facet))].join('\n\n');
}

function facetTable(data: ReportData, { name, points }: Facet): string {
  const receivers = points.flatMap((point) => Object.values(point.receivers));
  const shown = columns.filter(([metric]) => receivers.some(({ metrics }) => metric in metrics));
  const heads = [
    data.x === null ? 'point' : axisTitle(data.x),
    'receiver',
    'frames',
    ...shown.map(([, title]) => title),
  ];
  const rows = points.flatMap((point) =>
    Object.entries(point.receivers).map(([receiver, of], r) => [
      r > 0 ? '' : data.x === null ? pointName(point) : valueText(point.at[data.x]),
      receiver,
      String(of.frames),
      ...shown.map(([metric, , digits, scale]) => {
        const figure = of.metrics[metric] as MeanFigure | undefined;
        if (figure === undefined || (metric === 'channelError' && receiver === 'perfect')) return '';
        const text = (v: number): string => (scale * v).toFixed(digits);
        const { mean, low, high } = figure;
        return low === high ? text(mean) : `${text(mean)} [${text(low)}, ${text(high)}]`;
      }),
    ]),
  );
  // Columns of one width, as formatters write them, so that a document which was formatted stays so.
  const cells = [heads, ...rows].map((row) => row.map(escaped));
  const widths = heads.map((_, c) => Math.max(3, ...cells.map((row) => [...row[c]].length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, c) => cell + ' '.repeat(widths[c] - [...cell].length)).join(' | ')} |`;
  const table = [line(cells[0]), line(widths.map((width) => '-'.repeat(width))), ...cells.slice(1).map(line)];
  return [...(name === '' ? [] : [`**${name}**`, '']), ...table].join('\n');
}

const escaped = (cell: string): string => cell.replaceAll('|', '\\|');

/**
 * Puts a campaign's tables into a document, between `<!-- campaign NAME -->` and `<!-- /campaign -->`, where NAME is its folder's;
 * what stood there goes, all else stays.
 * @throws ConfigError where the document cannot be read or has no such place
 */
export function updateMarkdown(file: string, data: ReportData): void {
  const name = basename(resolve(data.folder));
  const [begin, end] = [`<!-- campaign ${name} -->`, '<!-- /campaign -->'];
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError('report.markdown', `--markdown ${file}: cannot be read; give a document that is there`, {
      cause,
    });
  }
  const from = text.indexOf(begin);
  const to = text.indexOf(end, from);
  if (from < 0 || to < 0) {
    throw new ConfigError(
      'report.markdown',
      `${file}: has no place for ${name}; write ${begin} and ${end} on two lines`,
    );
  }
  const made = `${text.slice(0, from + begin.length)}\n\n${markdownTables(data)}\n\n${text.slice(to)}`;
  writeWhole(file, made);
}
