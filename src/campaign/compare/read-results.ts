import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { ConfigError, FormatError, firstLine } from '../../core/errors.js';
import { finitePsnrDb } from '../../metrics/picture-quality.js';
import { CAMPAIGN_FILE, readCampaignFile } from '../campaign-folder.js';
import { meanMetrics } from '../figure-names.js';
import { WITHIN_DB } from '../plan.js';
import { frameMetrics, pointsIn } from '../point-figures.js';
import { hangsOnResults } from '../stopping.js';

/** One frame's numbers by receiver and metric. */
export interface ComparedFrame {
  readonly picture: string;
  readonly receivers: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** A point of a campaign, or a whole run. */
export interface ComparedPoint {
  /** Settings that set it apart; none of a run. */
  readonly at: Readonly<Record<string, unknown>>;
  readonly seed: number;
  /** How near `perfect` counts as near, dB; of a campaign. */
  readonly withinDb?: number;
  /** Of a campaign's point whose number of frames hangs on what they show. */
  readonly endsByResults?: boolean;
  readonly frames: ReadonlyMap<number, ComparedFrame>;
}

/**
 * The frames of a folder that `sweep FILE.yaml` or `simulate` wrote.
 * @throws ConfigError for a folder that is neither, FormatError for one that is damaged
 */
export function readResults(folder: string): readonly ComparedPoint[] {
  if (existsSync(join(folder, CAMPAIGN_FILE))) return campaignPoints(folder);
  if (existsSync(join(folder, 'frames.csv')) && existsSync(join(folder, 'config.json'))) return [runPoint(folder)];
  throw new ConfigError(
    'compare.folder',
    `${folder}: holds neither a campaign nor a run; give a folder that 'sweep FILE.yaml' or 'simulate' wrote`,
  );
}

function campaignPoints(folder: string): ComparedPoint[] {
  const { plan } = readCampaignFile(folder);
  // Missing in folders of an earlier version.
  const withinDb = (plan.withinDb as number | undefined) ?? WITHIN_DB;
  const endsByResults = hangsOnResults(plan.stop);
  const points: ComparedPoint[] = [];
  for (const { point, lines } of pointsIn(folder)) {
    const frames = new Map<number, ComparedFrame>();
    for (const line of lines) {
      const receivers = Object.keys(line.receivers).map((name) => [name, frameMetrics(line, name, withinDb)] as const);
      frames.set(line.frame, { picture: line.picture, receivers: Object.fromEntries(receivers) });
    }
    const { at, config } = plan.points[point];
    points.push({ at, seed: config.seed, withinDb, endsByResults, frames });
  }
  return points;
}

function runPoint(folder: string): ComparedPoint {
  const file = join(folder, 'frames.csv');
  const [header = [], ...rows] = rowsOf(file);
  const column = (name: string): number => {
    const at = header.indexOf(name);
    if (at < 0) throw new FormatError('compare.columns', `${file}: has no column ${name}`);
    return at;
  };
  const [frameAt, pictureAt, receiverAt] = [column('frame'), column('picture'), column('receiver')];
  const frames = new Map<number, { picture: string; receivers: Record<string, Record<string, number>> }>();
  for (const row of rows) {
    const number = Number(row[frameAt]);
    const frame = frames.get(number) ?? { picture: row[pictureAt], receivers: {} };
    frames.set(number, frame);
    frame.receivers[row[receiverAt]] = metricsOf(header, row);
  }
  return { at: {}, seed: seedOf(join(folder, 'config.json')), frames };
}

function rowsOf(file: string): string[][] {
  try {
    return parse(readFileSync(file), { relaxColumnCount: true });
  } catch (cause) {
    throw new FormatError('compare.csv', `${file}: is no CSV file (${firstLine(cause)})`, { cause });
  }
}

function metricsOf(header: readonly string[], row: readonly string[]): Record<string, number> {
  const values: Record<string, number> = {};
  // Equal pictures have no finite PSNR: nothing, or null as earlier versions wrote it. Where the truth is not known there is no SSIM either.
  const compared = (row[header.indexOf('ssim')] ?? '') !== '';
  header.forEach((name, i) => {
    const text = row[i] === 'null' ? '' : (row[i] ?? '');
    if (name === 'success') values['success'] = text === 'true' ? 1 : 0;
    else if (name === 'verdict') values['decoded'] = text === 'decoded' ? 1 : 0;
    else if (name === 'psnrDb' && text === '' && compared) values['psnrDb'] = finitePsnrDb(null);
    else if (text !== '' && (meanMetrics as readonly string[]).includes(name)) values[name] = Number(text);
  });
  return values;
}

function seedOf(file: string): number {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { seed: number }).seed;
  } catch (cause) {
    throw new FormatError('compare.config', `${file}: cannot be read as JSON; restore it or run again`, { cause });
  }
}
