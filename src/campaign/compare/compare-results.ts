import { ConfigError } from '../../core/errors.js';
import { sortedJson } from '../../core/sorted-json.js';
import { bootstrapMean } from '../intervals.js';
import { insteadOf } from '../plan.js';
import { isNetworkMetric } from '../point-figures.js';
import type { ComparedFrame, ComparedPoint } from './read-results.js';

/** A receiver of the first folder and the one of the second that it is compared with. */
export interface ReceiverPair {
  readonly before: string;
  readonly after: string;
}

/** The mean of a metric's differences, second minus first, over the frames that both have. */
export interface Difference {
  /** Settings of the point; null for all points together. */
  readonly at: Readonly<Record<string, unknown>> | null;
  readonly receivers: ReceiverPair;
  readonly metric: string;
  readonly before: number;
  readonly after: number;
  readonly mean: number;
  /** Its 95 % interval by bootstrap over the pairs. */
  readonly low: number;
  readonly high: number;
  readonly n: number;
}

/** Points of the same settings. */
interface Matched {
  readonly point: ComparedPoint;
  readonly other: ComparedPoint;
}

export interface Comparison {
  readonly differences: readonly Difference[];
  /** What the user should know of the pairing. */
  readonly notes: readonly string[];
  /** What the first has and the second lacks: points, receivers, frames. Not said again in `notes`. */
  readonly lost: readonly string[];
}

/** Which way is better; of other metrics none is. */
const BETTER: Readonly<Record<string, 1 | -1>> = {
  psnrDb: 1,
  ssim: 1,
  msSsim: 1,
  success: 1,
  decoded: 1,
  nearPerfect: 1,
  throughput: 1,
  channelError: -1,
  channelNmse: -1,
  evm: -1,
  niqe: -1,
  paprDb: -1,
  channelUses: -1,
  bandwidthRatio: -1,
  frameUses: -1,
  blockErrors: -1,
  sideInformationBits: -1,
};

/** Metrics that a bound may be put on: those with a better direction, among them the distances of feature networks, of which less is better. */
export const boundedMetrics = (differences: readonly Difference[]): readonly string[] => [
  ...Object.keys(BETTER),
  ...new Set(differences.map(({ metric }) => metric).filter(isNetworkMetric)),
];

const directionOf = (metric: string): number => (isNetworkMetric(metric) ? -1 : BETTER[metric]);

/**
 * Differences of two sets of results, frame by frame: points of the same settings, frames of the same number and picture. Where seeds
 * are the same too, both met the same channels and noise.
 *
 * @param pairs receivers to compare; by default those of the same name
 * @throws ConfigError where nothing can be paired, a receiver of `pairs` is not there, or frames of one number are of different pictures
 */
export function compareResults(
  before: readonly ComparedPoint[],
  after: readonly ComparedPoint[],
  pairs: readonly ReceiverPair[] = [],
): Comparison {
  const notes: string[] = [];
  const lost: string[] = [];
  const differences: Difference[] = [];
  const pooled = new Map<
    string,
    { readonly receivers: ReceiverPair; readonly metric: string; readonly values: Values }
  >();
  const matched: Matched[] = [];
  const others = new Map(after.map((point) => [sortedJson(point.at), point]));
  for (const point of before) {
    const other = others.get(sortedJson(point.at));
    if (other === undefined) lost.push(`only the first has ${words(point.at)}`);
    else matched.push({ point, other });
  }
  const known = new Set(before.map(({ at }) => sortedJson(at)));
  for (const { at } of after) if (!known.has(sortedJson(at))) notes.push(`only the second has ${words(at)}`);
  if (matched.length === 0) {
    throw new ConfigError('compare.points', 'the two have no point in common: compare folders of the same settings');
  }
  const [{ point: first, other: second }] = matched;
  if (first.withinDb !== undefined && second.withinDb !== undefined && first.withinDb !== second.withinDb) {
    notes.push(`nearPerfect is within ${first.withinDb} dB in the first and ${second.withinDb} dB in the second`);
  }
  if (pairs.length === 0) {
    const lone = loneReceivers(matched);
    lost.push(...lone.first);
    notes.push(...lone.second);
  }
  for (const pair of pairs) expectReceivers(pair, matched);
  for (const { point, other } of matched) {
    const missing = [...point.frames.keys()].filter((frame) => !other.frames.has(frame)).length;
    // A point that ends by its results has as many frames as these take.
    if (missing > 0) {
      const text = `${words(point.at)}: ${missing} of ${point.frames.size} frames are only in the first`;
      (other.endsByResults === true ? notes : lost).push(text);
    }
    if (point.seed !== other.seed) {
      notes.push(`${words(point.at)}: seeds ${point.seed} and ${other.seed} differ: same pictures, other channels`);
    }
    for (const receivers of pairs.length > 0 ? pairs : sameNames([point], [other])) {
      const columns = pairedValues(point, other, receivers);
      if (columns.size === 0) {
        notes.push(`${words(point.at)}: no frame in common has ${receivers.before} and ${receivers.after}`);
      }
      for (const [metric, values] of columns) {
        differences.push(differenceOf(point.at, receivers, metric, values));
        const key = JSON.stringify([receivers, metric]);
        const all = pooled.get(key) ?? { receivers, metric, values: { before: [], after: [] } };
        pooled.set(key, all);
        all.values.before.push(...values.before);
        all.values.after.push(...values.after);
      }
    }
  }
  for (const receivers of pairs) {
    if (differences.some((one) => one.receivers === receivers)) continue;
    throw new ConfigError(
      'compare.receivers',
      `--receivers ${receivers.before}=${receivers.after}: no frame in common has both; compare receivers of the same points`,
    );
  }
  if (differences.length === 0) {
    throw new ConfigError(
      'compare.receivers',
      'the two have no receiver and frame in common; name receivers with --receivers FIRST=SECOND',
    );
  }
  if (matched.length > 1) {
    for (const { receivers, metric, values } of pooled.values()) {
      differences.push(differenceOf(null, receivers, metric, values));
    }
  }
  return { differences, notes, lost };
}

/** Differences that are worse than a bound allows: by the mean of the pairs. */
export function regressions(
  differences: readonly Difference[],
  bounds: ReadonlyMap<string, number>,
): readonly Difference[] {
  return differences.filter(({ metric, mean }) => {
    const bound = bounds.get(metric);
    return bound !== undefined && -directionOf(metric) * mean > bound;
  });
}

/** A point's settings in words. */
export const words = (at: Readonly<Record<string, unknown>> | null): string => {
  if (at === null) return 'all points';
  const parts = Object.entries(at).map(([path, v]) => `${path} ${typeof v === 'string' ? v : JSON.stringify(v)}`);
  return parts.length === 0 ? 'the run' : parts.join(', ');
};

interface Values {
  readonly before: number[];
  readonly after: number[];
}

const namesOf = (points: readonly ComparedPoint[]): readonly string[] => [
  ...new Set(points.flatMap(({ frames }) => [...frames.values()].flatMap(({ receivers }) => Object.keys(receivers)))),
];

/** Receivers that both have, at any of their points. */
export function sameNames(before: readonly ComparedPoint[], after: readonly ComparedPoint[]): ReceiverPair[] {
  const others = namesOf(after);
  return namesOf(before)
    .filter((name) => others.includes(name))
    .map((name) => ({ before: name, after: name }));
}

/** Receivers that one of two points has and the other has not: said once where it is so at every point. */
function loneReceivers(matched: readonly Matched[]): Record<'first' | 'second', string[]> {
  const names = matched.map(({ point, other }) => ({
    at: point.at,
    first: namesOf([point]),
    second: namesOf([other]),
  }));
  const lone = (side: 'first' | 'second', rest: 'first' | 'second'): string[] =>
    [...new Set(names.flatMap((one) => one[side]))].flatMap((name) => {
      const missing = names.filter((one) => one[side].includes(name) && !one[rest].includes(name));
      const note = `only the ${side} has receiver ${name}`;
      if (!names.some((one) => one[rest].includes(name))) return [note];
      return missing.map(({ at }) => `${words(at)}: ${note}`);
    });
  return { first: lone('first', 'second'), second: lone('second', 'first') };
}

/** @throws ConfigError for a receiver that is not there */
function expectReceivers({ before, after }: ReceiverPair, matched: readonly Matched[]): void {
  for (const [side, name, points] of [
    ['first', before, matched.map(({ point }) => point)],
    ['second', after, matched.map(({ other }) => other)],
  ] as const) {
    const known = namesOf(points);
    if (known.includes(name)) continue;
    throw new ConfigError(
      'compare.receivers',
      `--receivers ${before}=${after}: the ${side} has no receiver ${name}${insteadOf(name, known)}`,
    );
  }
}

/** By metric the numbers of frames that both have. */
function pairedValues(before: ComparedPoint, after: ComparedPoint, pair: ReceiverPair): Map<string, Values> {
  const columns = new Map<string, Values>();
  for (const [number, frame] of before.frames) {
    const other: ComparedFrame | undefined = after.frames.get(number);
    if (other === undefined) continue;
    if (other.picture !== frame.picture) {
      throw new ConfigError(
        'compare.pictures',
        `frame ${number} is of ${frame.picture} in the first and of ${other.picture} in the second: they cannot be paired`,
      );
    }
    const [mine, theirs] = [frame.receivers[pair.before], other.receivers[pair.after]];
    if (mine === undefined || theirs === undefined) continue;
    for (const [metric, value] of Object.entries(mine)) {
      if (!(metric in theirs) || !Number.isFinite(value) || !Number.isFinite(theirs[metric])) continue;
      const column = columns.get(metric) ?? { before: [], after: [] };
      columns.set(metric, column);
      column.before.push(value);
      column.after.push(theirs[metric]);
    }
  }
  return columns;
}

function differenceOf(at: Difference['at'], receivers: ReceiverPair, metric: string, values: Values): Difference {
  const n = values.before.length;
  const meanOf = (list: readonly number[]): number => list.reduce((sum, v) => sum + v, 0) / n;
  const pairs = values.before.map((value, i) => values.after[i] - value);
  const { low, high } = bootstrapMean(pairs);
  return {
    at,
    receivers,
    metric,
    before: meanOf(values.before),
    after: meanOf(values.after),
    mean: meanOf(pairs),
    low,
    high,
    n,
  };
}
