import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigError, FormatError } from '../../core/errors.js';
import type { LinkConfig } from '../../config/schema.js';
import { sendsOwnFrames } from '../../link/setting/baselines.js';
import { readCampaignFile, type StoredCampaign } from '../campaign-folder.js';
import type { FrameLine } from '../frame-lines.js';
import { pictureFile } from '../keep-pictures.js';
import { type CampaignPlan, LABEL, WITHIN_DB } from '../plan.js';
import {
  type CrowdFigure,
  figuresOf,
  isNetworkMetric,
  type PointFigures,
  pointsIn,
  timesIn,
  watched,
} from '../point-figures.js';

/** A point as the report draws it. */
export interface ReportPoint extends PointFigures {
  readonly at: Readonly<Record<string, unknown>>;
  /** Of every frame, sorted: of the codec's own (named '') and of each conventional link that sends others. */
  readonly paprDb: Readonly<Record<string, Float64Array>>;
  readonly times: Readonly<Record<string, { readonly mean: number; readonly n: number }>>;
  /** Frames of which pictures were kept. */
  readonly pictures: readonly { readonly frame: number; readonly psnrDb: Readonly<Record<string, number>> }[];
}

/** A facet: points that differ in the x axis alone. */
export interface Facet {
  /** What its points have in common; empty where there is one facet. */
  readonly name: string;
  readonly points: readonly ReportPoint[];
}

export interface ReportData {
  readonly folder: string;
  readonly campaign: StoredCampaign;
  /** The axis that charts have as x; null where points have names only. */
  readonly x: string | null;
  readonly facets: readonly Facet[];
  readonly receivers: readonly string[];
  readonly frames: number;
  /** Points that have frames, and points in all. */
  readonly measured: number;
  readonly complete: boolean;
  /** How near `perfect` counts as near, dB. */
  readonly withinDb: number;
}

/**
 * A campaign's folder as it is now, complete or not.
 * @param wantedX the axis to draw over; by default the one with the most numbers
 * @param wantedDb how near `perfect` counts as near, dB; by default what the campaign says
 * @throws FormatError where there is no campaign or no frame yet, ConfigError for an axis that it has not, or that is no number
 */
export function readReport(folder: string, wantedX?: string, wantedDb?: number): ReportData {
  const campaign = readCampaignFile(folder);
  const { plan } = campaign;
  const withinDb = wantedDb ?? plan.withinDb ?? WITHIN_DB;
  const axes = shownAxes(plan);
  const times = timesIn(folder);
  const points: ReportPoint[] = [];
  for (const { point, lines } of pointsIn(folder)) {
    const first: FrameLine[] = [];
    const papr = new Map<string, number[]>();
    const figures = figuresOf(
      {
        point,
        lines: watched(lines, (line) => {
          if (first.length < plan.keepPictures) first.push(line);
          for (const [name, { paprDb }] of Object.entries(line.receivers)) {
            const own = papr.get(name);
            if (own === undefined) papr.set(name, [paprDb]);
            else own.push(paprDb);
          }
        }),
      },
      withinDb,
    );
    points.push({
      ...figures,
      at: shownOf(plan.points[point].at, axes),
      paprDb: paprOf(papr, plan.points[point].config),
      times: times.get(point) ?? {},
      pictures: first
        .filter(({ frame }) => existsSync(join(folder, 'pictures', String(point), pictureFile(frame, 'sent'))))
        .map(({ frame, receivers }) => ({
          frame,
          psnrDb: Object.fromEntries(
            Object.entries(receivers)
              .filter(([name]) => existsSync(join(folder, 'pictures', String(point), pictureFile(frame, name))))
              .map(([name, { psnrDb }]) => [name, psnrDb]),
          ),
        })),
    });
  }
  if (wantedX !== undefined && !axes.includes(wantedX)) {
    const known = axes.length === 0 ? 'it has none' : `it has ${axes.join(', ')}`;
    throw new ConfigError('report.axis', `--x ${wantedX}: no setting that ${folder} varies; ${known}`);
  }
  if (wantedX !== undefined && !isNumeric(wantedX, plan.points)) {
    const numeric = axes.filter((axis) => isNumeric(axis, plan.points));
    const known = numeric.length === 0 ? 'no setting is; leave it out' : `choose one that is: ${numeric.join(', ')}`;
    throw new ConfigError('report.axis', `--x ${wantedX}: is not a number at every point of ${folder}; ${known}`);
  }
  if (points.length === 0) {
    throw new FormatError('report.frames', `${folder}: has no frames yet; let its campaign run first, or use --watch`);
  }
  let x = wantedX ?? firstNumericAxis(axes, points);
  let facets = facetsOf(points, axes, x);
  // Points of a list that hardly share an axis are rows of one table.
  if (wantedX === undefined && 2 * facets.length > Math.max(2, points.length)) {
    x = null;
    facets = facetsOf(points, axes, x);
  }
  const receivers = [...new Set(points.flatMap((point) => Object.keys(point.receivers)))];
  return {
    folder,
    campaign,
    x,
    facets,
    receivers,
    frames: points.reduce((sum, { frames }) => sum + frames, 0),
    measured: points.length,
    withinDb,
    complete: existsSync(join(folder, 'points.json')),
  };
}

/** Of the frames' PAPR by receiver those of one that has the codec's own frames, named '', and of each that has others. */
function paprOf(papr: ReadonlyMap<string, number[]>, { receiver }: LinkConfig): Record<string, Float64Array> {
  const signals = new Map<string, Float64Array>();
  for (const [name, values] of papr) {
    const signal = sendsOwnFrames(name, receiver) ? name : '';
    if (!signals.has(signal)) signals.set(signal, Float64Array.from(values).sort());
  }
  return Object.fromEntries([...signals].sort(([a], [b]) => Number(a !== '') - Number(b !== '')));
}

/** What points differ in, in the report: where they have labels, these stand for the settings of their own. */
const shownAxes = ({ axes, grid }: CampaignPlan): readonly string[] => (axes.includes(LABEL) ? [LABEL, ...grid] : axes);

const shownOf = (at: Readonly<Record<string, unknown>>, axes: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(at).filter(([axis]) => axes.includes(axis)));

const isNumeric = (axis: string, points: readonly Pick<ReportPoint, 'at'>[]): boolean =>
  points.every(({ at }) => typeof at[axis] === 'number');

/** The axis with the most numbers; of several, the first. */
function firstNumericAxis(axes: readonly string[], points: readonly ReportPoint[]): string | null {
  let [best, most] = [null as string | null, 1];
  for (const axis of axes) {
    const values = new Set(points.map(({ at }) => at[axis]));
    if (values.size <= most || !isNumeric(axis, points)) continue;
    [best, most] = [axis, values.size];
  }
  return best;
}

function facetsOf(points: readonly ReportPoint[], axes: readonly string[], x: string | null): readonly Facet[] {
  if (x === null) return [{ name: '', points }];
  const varied = axes.filter(
    (axis) => axis !== x && new Set(points.map(({ at }) => JSON.stringify(at[axis]))).size > 1,
  );
  const facets = new Map<string, ReportPoint[]>();
  for (const point of points) {
    const name = varied.map((axis) => settingText(axis, point.at[axis])).join(', ');
    facets.set(name, [...(facets.get(name) ?? []), point]);
  }
  return [...facets].map(([name, own]) => ({ name, points: own }));
}

/** Settings by the names papers give them, with their unit. */
const titles: Readonly<Record<string, readonly [name: string, unit?: string]>> = {
  snrDb: ['CSNR', 'dB'],
  codec: ['codec'],
  'channel.dopplerHz': ['Doppler frequency', 'Hz'],
  'channel.cfoSubcarriers': ['carrier offset', 'subcarriers'],
  'ofdm.clippingRatio': ['clipping ratio γ'],
  'ofdm.cyclicPrefixLength': ['cyclic prefix', 'samples'],
  rho: ['reference power ρ'],
  pictures: ['pictures'],
  'channel.phaseNoiseLinewidthHz': ['linewidth', 'Hz'],
  'receiver.decoder': ['decoder'],
  'receiver.diffcom.zeta': ['ζ'],
  'receiver.hifiDiffcom.zeta': ['ζ'],
  'receiver.hifiDiffcom.gamma': ['γ'],
  'receiver.hifiDiffcom.steps': ['steps'],
  'receiver.hifiDiffcom.guidance': ['guidance'],
  'receiver.hifiDiffcom.adaptiveStart': ['adaptive start'],
  'receiver.hifiDiffcom.knowledge': ['channel from'],
  'receiver.blindDiffcom.zetaPicture': ['ζx'],
  'receiver.blindDiffcom.zetaChannel': ['ζh'],
  'receiver.blindDiffcom.variant': ['variant'],
  'receiver.blindDiffcom.power': ['power'],
  seed: ['seed'],
};
/** What stands at an axis: name and unit. */
export const axisTitle = (axis: string): string => (axis in titles ? titles[axis].join(', ') : axis);

/** What null stands for where it is not the lack of the thing. */
const NULLS: Readonly<Record<string, string>> = {
  'receiver.decoder': 'by receiver',
  'receiver.blindHifi.perception': 'by decoder',
  'receiver.hifiDiffcom.perception': 'by decoder',
  'receiver.blindDiffcom.zetaPicture': 'by variant',
  'receiver.blindDiffcom.zetaChannel': 'by variant',
  'receiver.diffcom.steps': 'all',
  'receiver.hifiDiffcom.steps': 'all',
  'receiver.blindDiffcom.steps': 'all',
  'receiver.hifiDiffcom.startBandwidthRatio': 'the codec’s',
};

/** A setting in words: name, value, unit. */
export function settingText(axis: string, value: unknown): string {
  if (axis === LABEL) return String(value);
  const [name, unit] = titles[axis] ?? [axis];
  if (value === null) return `${name} ${NULLS[axis] ?? 'none'}`;
  return `${name} ${valueText(value)}${unit === undefined ? '' : ` ${unit}`}`;
}

export const valueText = (value: unknown): string =>
  typeof value === 'string'
    ? value.replace(/^builtin:/, '')
    : Array.isArray(value)
      ? value.map(valueText).join(', ')
      : value === undefined
        ? '–'
        : value === null
          ? 'none'
          : JSON.stringify(value);

export const pointName = ({ at }: ReportPoint): string =>
  Object.entries(at)
    .map(([axis, value]) => settingText(axis, value))
    .join(', ');

/** Columns of the tables of figures. */
export const figureColumns: readonly FigureColumn[] = [
  { metric: 'success', title: 'success, %', digits: 1, scale: 100 },
  { metric: 'psnrDb', title: 'PSNR, dB', digits: 2, scale: 1 },
  { metric: 'msSsim', title: 'MS-SSIM', digits: 4, scale: 1 },
  { metric: 'nearPerfect', title: 'near perfect, %', digits: 1, scale: 100 },
  { metric: 'channelError', title: 'channel error', digits: 4, scale: 1 },
  { metric: 'decoded', title: 'decoded, %', digits: 1, scale: 100 },
  { metric: 'precision', title: 'right of decoded, %', digits: 1, scale: 100 },
  { metric: 'recall', title: 'decoded of right, %', digits: 1, scale: 100 },
  { metric: 'evm', title: 'EVM', digits: 3, scale: 1 },
  { metric: 'throughput', title: 'samples / use', digits: 2, scale: 1 },
  { metric: 'bandwidthRatio', title: 'CBR', digits: 4, scale: 1 },
];

export interface FigureColumn {
  readonly metric: string;
  readonly title: string;
  readonly digits: number;
  readonly scale: number;
}

/** How a table shows a metric; one that it has no column for, with four digits. */
export const columnOf = (metric: string): FigureColumn =>
  figureColumns.find((column) => column.metric === metric) ?? { metric, title: metric, digits: 4, scale: 1 };

/** A Fréchet distance with its interval, where it has one. */
export function crowdText({ value, low, high }: CrowdFigure): string {
  const text = (v: number): string => String(Number(v.toPrecision(3)));
  return Number.isFinite(low) ? `${text(value)} [${text(low)}, ${text(high)}]` : String(Number(value.toPrecision(4)));
}

/** The feature networks whose distances the campaign's pictures have. */
export const networkMetrics = (facets: readonly Facet[]): readonly string[] => [
  ...new Set(
    facets.flatMap(({ points }) =>
      points.flatMap(({ receivers }) =>
        Object.values(receivers).flatMap(({ metrics }) => Object.keys(metrics).filter(isNetworkMetric)),
      ),
    ),
  ),
];
