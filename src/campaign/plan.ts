import { z } from 'zod';
import type { RawConfig } from '../config/load.js';
import { nearest } from '../config/nearest.js';
import type { LinkConfig } from '../config/schema.js';
import { ConfigError } from '../core/errors.js';
import { createRng } from '../core/rng.js';
import { sortedJson } from '../core/sorted-json.js';
import { gridOfPoints } from '../link/points.js';
import { chartNames, figureNames } from './figure-names.js';
import { stopSchema } from './stopping.js';

/** Decibels below `perfect` within which a picture is near it, unless the campaign says otherwise. */
export const WITHIN_DB = 1;

/** What names a point in reports, in place of its own settings; points of one label and one place in the grid share a row and a curve. */
export const LABEL = 'label';

const values = z.record(z.string(), z.unknown());

const documentSchema = z.strictObject({
  /** Figures by name, as in points.csv, for the tables' columns. */
  columns: z
    .array(z.string())
    .min(1)
    .default(['success', 'psnrDb', 'msSsim', 'nearPerfect', 'channelError', 'throughput']),
  /** Charts by the names of their files. */
  charts: z.array(z.string()).default([]),
  /** Whether the page's pictures go there, as one. */
  pictures: z.boolean().default(false),
});

/** What a campaign's YAML file holds. */
export const campaignSchema = z.strictObject({
  title: z.string().optional(),
  /** What the report says of it, in a paragraph. */
  about: z.string().optional(),
  /** Settings that all points have, as in a --config file. */
  settings: values.default({}),
  /** Setting paths with their values: the grid of all combinations, the last one fastest. */
  over: z.record(z.string(), z.array(z.unknown()).min(1)).default({}),
  /** Points that no grid describes: settings that go together, under a name (`label`) if one is given. Each is combined with the whole grid. */
  points: z
    .array(z.looseObject({ [LABEL]: z.string().min(1).optional() }))
    .min(1)
    .default([{}]),
  stop: stopSchema.prefault({}),
  /** `own`: points have seeds of their own, the same whatever the receivers; `common`: all points have the settings' seed. */
  seeds: z.enum(['own', 'common']).default('own'),
  /** Frames between two looks at the stopping rules. */
  batch: z.int().min(1).max(1000).default(8),
  /** How near `perfect` a picture must be to count as near it, dB. */
  withinDb: z.number().positive().default(WITHIN_DB),
  /** Pictures are kept for this many frames of each point. */
  keepPictures: z.int().min(0).max(1000).default(3),
  /** What `report --markdown` puts into a document. */
  document: documentSchema.prefault({}),
});
export type CampaignFile = z.infer<typeof campaignSchema>;

/** Sections that have keys of their own. */
const sections: Readonly<Record<string, z.ZodObject>> = { stop: stopSchema, document: documentSchema };

/** One point: what sets it apart, and everything that it is measured with. */
export interface CampaignPoint {
  readonly at: Readonly<Record<string, unknown>>;
  readonly config: LinkConfig;
  /** Frames at most. */
  readonly frames: number;
}

/** A campaign worked out: this and the frames' numbers determine every result. */
export interface CampaignPlan extends Pick<CampaignFile, 'stop' | 'batch' | 'withinDb' | 'keepPictures' | 'document'> {
  readonly title: string;
  readonly about: string;
  /** Names of what points differ in, in order. */
  readonly axes: readonly string[];
  /** Those of the grid. */
  readonly grid: readonly string[];
  readonly points: readonly CampaignPoint[];
}

/** How a point's settings become a configuration. */
export interface PlanContext {
  /** Checks settings; `at` wins over everything else. Throws ConfigError. */
  resolve(base: RawConfig, at: ReadonlyMap<string, unknown>): LinkConfig;
  /** How many pictures a configuration names. */
  countOf(config: LinkConfig): number;
}

/** @throws ConfigError naming the file, the key and what is wrong */
export function readCampaign(raw: RawConfig, name: string): CampaignFile {
  if (Object.keys(raw).length === 0) {
    throw new ConfigError(
      'campaign.empty',
      `${name}: is empty; say at least what to sweep: over, points or settings (docs/experiments.md)`,
    );
  }
  const parsed = campaignSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys((sections[String(issue.path[0])] ?? campaignSchema).shape);
    const guess = nearest(issue.keys[0], known);
    const hint = guess === null ? `known here: ${known.join(', ')}` : `did you mean ${guess}?`;
    const hintOfSettings = issue.path.length === 0 ? '; settings of the link go under settings:' : '';
    throw new ConfigError(
      'campaign.unknown-key',
      `${name}: ${where === '' ? '' : `${where}.`}${issue.keys[0]}: no such key, ${hint}${hintOfSettings}`,
      { value: issue.keys[0] },
    );
  }
  const empty = issue.code === 'too_small' && issue.origin === 'array';
  throw new ConfigError(
    'campaign.value',
    `${name}: ${where}: ${empty ? 'holds no values; give at least one' : issue.message}`,
  );
}

/**
 * Every point with its configuration checked, before anything is measured.
 * @throws ConfigError for settings and points named twice and for whatever a point's settings are refused for
 */
export function planCampaign(file: CampaignFile, name: string, { resolve, countOf }: PlanContext): CampaignPlan {
  const grid = gridOfPoints(new Map(Object.entries(file.over)), `${name}: over: `);
  const listed = [...new Set(file.points.flatMap((point) => Object.keys(point)))];
  if (listed.includes(LABEL) && !file.points.every((point) => LABEL in point))
    throw new ConfigError(
      'campaign.label',
      `${name}: points: some have a ${LABEL} and some have none; give it to all or to none`,
    );
  const texts = file.points.map(sortedJson);
  const twice = texts.find((text, i) => texts.indexOf(text) < i);
  if (twice !== undefined)
    throw new ConfigError('campaign.twice', `${name}: points: ${twice} is there twice; leave one out`);
  const gridAxes = Object.keys(file.over);
  for (const path of listed) {
    const clash = gridAxes.find((axis) => overlap(axis, path));
    if (clash !== undefined) {
      throw new ConfigError(
        'campaign.twice',
        `${name}: ${path} is set by points and ${clash} by over; keep one of them`,
      );
    }
  }
  for (const [where, paths] of [['over', gridAxes], ...file.points.map((point) => ['points', Object.keys(point)])] as [
    string,
    string[],
  ][]) {
    const [first, second] =
      paths.flatMap((a, i) => paths.slice(i + 1).map((b) => [a, b])).find(([a, b]) => overlap(a, b)) ?? [];
    if (first !== undefined) {
      throw new ConfigError(
        'campaign.twice',
        `${name}: ${where}: ${first} and ${second} set the same; keep one of them`,
      );
    }
  }
  if (LABEL in file.over) {
    throw new ConfigError(
      'campaign.label',
      `${name}: over: ${LABEL} names points and sets nothing; give it under points`,
    );
  }
  if ('' in file.over) throw new ConfigError('campaign.axis', `${name}: over: a setting has no name`);
  for (const path of [...listed, ...Object.keys(file.over)]) {
    if (/^run\.(out|threads)$/.test(path)) {
      throw new ConfigError('campaign.axis', `${name}: ${path} cannot differ between points; leave it out`);
    }
  }
  const axes = [...listed, ...Object.keys(file.over)];
  const points = file.points.flatMap((own) =>
    grid.map((cell): CampaignPoint => {
      const at = new Map([...Object.entries(own), ...cell]);
      const resolved = resolve(structuredClone(file.settings), new Map([...at].filter(([path]) => path !== LABEL)));
      const seed = file.seeds === 'common' ? resolved.seed : ownSeed(resolved.seed, at);
      // Results depend on neither the folder nor who else runs: both stay out of the plan.
      const { out, ...run } = resolved.run;
      const config: LinkConfig = { ...resolved, seed, run: { ...run, out: null } };
      if (
        resolved.run.frames !== undefined &&
        file.stop.frames !== undefined &&
        resolved.run.frames !== file.stop.frames
      ) {
        throw new ConfigError(
          'campaign.frames',
          `${name}: run.frames is ${resolved.run.frames} and stop.frames ${file.stop.frames}; keep one of them`,
        );
      }
      return { at: Object.fromEntries(at), config, frames: file.stop.frames ?? countOf(config) };
    }),
  );
  expectWatched(file, name, points);
  expectFigures(file, name, points);
  const { stop, batch, withinDb, keepPictures, document, title = name, about = '' } = file;
  return { title, about, axes, grid: Object.keys(file.over), points, stop, batch, withinDb, keepPictures, document };
}

/** Whether one path is the other or holds it. */
const overlap = (a: string, b: string): boolean => a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);

/** A seed that depends on the setting's seed and the point, receivers left out: they are compared on the same frames. */
function ownSeed(seed: number, at: ReadonlyMap<string, unknown>): number {
  const named = [...at].filter(([path]) => !path.startsWith('receiver') && path !== 'seed' && path !== LABEL);
  return createRng(`${seed}/point/${JSON.stringify(named)}`).uint32() >>> 1;
}

/** The first place where two plans differ, in words; null where they are the same. */
export function planDifference(before: unknown, after: unknown, path = ''): string | null {
  if (JSON.stringify(before) === JSON.stringify(after)) return null;
  const isTree = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;
  if (isTree(before) && isTree(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const found = planDifference(before[key], after[key], path === '' ? key : `${path}.${key}`);
      if (found !== null) return found;
    }
    return `${path}: the order of its keys`;
  }
  const brief = (value: unknown): string => (value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60));
  return `${path} was ${brief(before)} and is ${brief(after)}`;
}

/** @throws ConfigError for columns and charts of which there is no figure; feature networks bring their own */
function expectFigures({ document }: CampaignFile, name: string, points: readonly CampaignPoint[]): void {
  if (points.some(({ config }) => config.run.featureNetworks.length > 0)) return;
  const missing = document.columns.find((column) => !figureNames.includes(column));
  if (missing !== undefined) {
    throw new ConfigError(
      'campaign.columns',
      `${name}: document.columns: no figure ${missing}${insteadOf(missing, figureNames)}`,
    );
  }
  // One of several facets has its number before the name, one of several networks behind it.
  const unknown = document.charts.find((chart) => !chartNames.includes(chart.replace(/^\d+-|-\d+$/g, '')));
  if (unknown !== undefined) {
    throw new ConfigError(
      'campaign.charts',
      `${name}: document.charts: no chart ${unknown}${insteadOf(unknown, chartNames)}`,
    );
  }
}

/** @throws ConfigError for a stopping rule that watches receivers which no point has: it would never end one */
function expectWatched({ stop }: CampaignFile, name: string, points: readonly CampaignPoint[]): void {
  const there = [...new Set(points.flatMap(({ config }) => config.receiver.names))];
  const missing = stop.of?.find((one) => !there.includes(one));
  if (missing === undefined) return;
  throw new ConfigError(
    'campaign.stop',
    `${name}: stop.of: no point has a receiver ${missing}${insteadOf(missing, there)}`,
  );
}

/** What to write instead of a name that is none of `known`. */
export function insteadOf(missing: string, known: readonly string[]): string {
  const guess = nearest(missing, known);
  return guess === null ? `; there are ${known.join(', ')}` : `, did you mean ${guess}?`;
}
