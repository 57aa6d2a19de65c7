import { LABEL } from '../plan.js';
import type { CrowdFigure, MeanFigure } from '../point-figures.js';
import { type Chart, type ChartSeries } from './chart.js';
import {
  axisTitle,
  crowdText,
  type Facet,
  networkMetrics,
  pointName,
  type ReportData,
  type ReportPoint,
  settingText,
} from './report-data.js';
import { spread } from './spread.js';

/** A chart with the name its files get. */
export interface NamedChart {
  readonly id: string;
  readonly chart: Chart;
}

interface MetricView {
  readonly metric: string;
  readonly title: string;
  readonly unit: string;
  readonly log?: boolean;
  readonly share?: boolean;
  /** Receivers for which it says nothing. */
  readonly without?: readonly string[];
}

const views: readonly MetricView[] = [
  { metric: 'psnrDb', title: 'Mean PSNR', unit: 'PSNR, dB' },
  { metric: 'msSsim', title: 'Mean MS-SSIM', unit: 'MS-SSIM' },
  { metric: 'niqe', title: 'Mean NIQE (lower is more natural)', unit: 'NIQE' },
  { metric: 'success', title: 'Success, PSNR > 15 dB', unit: 'share of frames', share: true },
  {
    metric: 'nearPerfect',
    title: 'Near perfect CSI',
    unit: 'share of frames',
    share: true,
    without: ['perfect'],
  },
  { metric: 'channelError', title: 'Mean channel error', unit: '‖ĥ − h‖²', log: true, without: ['perfect'] },
  { metric: 'decoded', title: 'Called decoded by the receiver', unit: 'share of frames', share: true },
  { metric: 'precision', title: 'Right of those called decoded', unit: 'share of frames', share: true },
  { metric: 'recall', title: 'Called decoded of those right', unit: 'share of frames', share: true },
  { metric: 'throughput', title: 'Effective throughput', unit: 'source samples / channel use' },
  { metric: 'blockErrors', title: 'Failed checks of coded packets', unit: 'share of frames', share: true },
  { metric: 'evm', title: 'EVM of equalised symbols', unit: 'EVM, r.m.s.' },
];

const titled = (view: MetricView, withinDb: number): MetricView =>
  view.metric === 'nearPerfect' ? { ...view, title: `Within ${withinDb} dB of perfect CSI` } : view;

/** All charts of a facet, those that would show nothing left out. */
export function chartsOf(data: ReportData, facet: Facet): readonly NamedChart[] {
  const networks = networkMetrics([facet]);
  const all = [
    ...views.map((view) => titled(view, data.withinDb)),
    ...networks.map((metric): MetricView => ({ metric, title: `Mean ${metric}`, unit: metric })),
    ...(ratesOf(facet.points) < 2 ? [] : [rateView]),
  ];
  // What pictures look like: distances of feature networks, and naturalness where pictures are large enough for it.
  const looks = [...networks, 'niqe'].filter((metric) =>
    facet.points.some(({ receivers }) => Object.values(receivers).some(({ metrics }) => metric in metrics)),
  );
  const charts = all.map((view) => metricChart(data, facet, view));
  charts.push(
    ...fidCharts(data, facet),
    speedChart(data, facet),
    rateChart(data, facet, { id: 'rate-distortion', title: 'Rate and distortion', metric: 'psnrDb', unit: 'PSNR, dB' }),
    ...looks.map((metric, i) =>
      rateChart(data, facet, {
        id: numbered('rate-perception', i),
        title: 'Rate and perception',
        metric,
        unit: metric,
      }),
    ),
    ...looks.map((metric, i) => planeChart(data, facet, numbered('perception-distortion', i), metric)),
    paprChart(data, facet),
  );
  return charts.filter((chart): chart is NamedChart => chart !== null);
}

const onAxis = (data: ReportData, facet: Facet): Pick<Chart, 'xLabel' | 'categories' | 'logX'> => {
  if (data.x === null) return { xLabel: '', categories: facet.points.map(pointName) };
  const values = facet.points.map((point) => point.at[data.x!] as number);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return { xLabel: axisTitle(data.x), logX: least > 0 && most / least >= 50 };
};

const xOf = (data: ReportData, point: ReportPoint, i: number): number =>
  data.x === null ? i : (point.at[data.x] as number);

function seriesOf(
  data: ReportData,
  facet: Facet,
  value: (point: ReportPoint, receiver: string) => { y: number; low?: number; high?: number; note?: string } | null,
): ChartSeries[] {
  return data.receivers
    .map((name, style) => ({
      name,
      style,
      points: facet.points.flatMap((point, i) => {
        const found = name in point.receivers ? value(point, name) : null;
        return found === null ? [] : [{ x: xOf(data, point, i), ...found }];
      }),
    }))
    .filter(({ points }) => points.length > 0);
}

const withNote = ({ mean, low, high, n }: MeanFigure): { y: number; low: number; high: number; note: string } => ({
  y: mean,
  low,
  high,
  note: `${Number(mean.toPrecision(4))} [${Number(low.toPrecision(4))}, ${Number(high.toPrecision(4))}], ${n} frames`,
});

function metricChart(
  data: ReportData,
  facet: Facet,
  { metric, title, unit, log, share, without = [] }: MetricView,
): NamedChart | null {
  const series = seriesOf(data, facet, (point, receiver) => {
    const figure = point.receivers[receiver].metrics[metric] as MeanFigure | undefined;
    return figure === undefined || without.includes(receiver) ? null : withNote(figure);
  });
  if (series.length === 0) return null;
  return {
    id: metric,
    chart: {
      title,
      yLabel: unit,
      series,
      logY: log === true,
      ...onAxis(data, facet),
      ...(share === true ? { yRange: [0, 1] as const } : {}),
    },
  };
}

/** `name`, and for others of its kind `name-2`, `name-3`. */
const numbered = (name: string, i: number): string => (i === 0 ? name : `${name}-${i + 1}`);

/** One for each network. */
function fidCharts(data: ReportData, facet: Facet): NamedChart[] {
  const names = facet.points.flatMap(({ receivers }) =>
    Object.values(receivers).flatMap(({ fid }) => Object.keys(fid)),
  );
  return [...new Set(names)].map((name, i) => {
    const series = seriesOf(data, facet, (point, receiver) => {
      const found = point.receivers[receiver].fid[name] as CrowdFigure | undefined;
      if (found === undefined) return null;
      const { value: y, low, high } = found;
      const note = `${crowdText(found)}, ${found.pictures} pictures`;
      return Number.isFinite(low) ? { y, low, high, note } : { y, note };
    });
    const chart = { title: `Fréchet distance, ${name}`, yLabel: name, series, ...onAxis(data, facet) };
    return { id: numbered('fid', i), chart };
  });
}

function speedChart(data: ReportData, facet: Facet): NamedChart | null {
  const series = seriesOf(data, facet, (point, receiver) => {
    const time = point.times[receiver] as { mean: number; n: number } | undefined;
    return time === undefined || !(time.mean > 0)
      ? null
      : { y: 1000 / time.mean, note: `${(1000 / time.mean).toPrecision(3)} frames/s, ${time.mean.toPrecision(3)} ms` };
  });
  return series.length === 0
    ? null
    : {
        id: 'speed',
        chart: {
          title: 'Speed of one worker (wall clock)',
          yLabel: 'frames/s',
          logY: true,
          series,
          ...onAxis(data, facet),
        },
      };
}

/** A metric of each receiver over something else of the points that have it. */
const curvesOf = (
  data: ReportData,
  points: readonly ReportPoint[],
  metric: string,
  x: (point: ReportPoint, receiver: string) => number,
): ChartSeries[] =>
  data.receivers
    .map((name, style) => ({
      name,
      style,
      points: points
        .filter(({ receivers }) => name in receivers && metric in receivers[name].metrics)
        .map((point) => ({ x: x(point, name), ...withNote(point.receivers[name].metrics[metric]) })),
    }))
    .filter((curve) => curve.points.length > 0);

const rateView: MetricView = { metric: 'bandwidthRatio', title: 'Channel uses', unit: 'CBR' };

const rateOf = (point: ReportPoint, receiver: string): number =>
  point.receivers[receiver].metrics['bandwidthRatio'].mean;

/** How many rates points have. */
const ratesOf = (points: readonly ReportPoint[]): number =>
  new Set(points.map((point) => rateOf(point, Object.keys(point.receivers)[0]).toPrecision(4))).size;

/**
 * Rate–distortion or rate–perception: a metric over channel uses per source sample, one curve a receiver. Needs points of two rates: of the
 * facet, or, where facets differ in rate, of all of them at the middle of the x axis (in the first facet's charts).
 */
function rateChart(
  data: ReportData,
  facet: Facet,
  { id, title, metric, unit }: { readonly id: string } & Pick<MetricView, 'title' | 'metric' | 'unit'>,
): NamedChart | null {
  const { x } = data;
  let points = x === null ? data.facets.flatMap((one) => one.points) : facet.points;
  let at = '';
  if (x !== null && ratesOf(points) < 2 && facet === data.facets[0]) {
    const values = [...new Set(facet.points.map((point) => point.at[x] as number))].sort((a, b) => a - b);
    const middle = values[values.length >> 1];
    points = data.facets.flatMap((one) => one.points.filter((point) => point.at[x] === middle));
    at = `, ${settingText(x, middle)}`;
  }
  if (ratesOf(points) < 2) return null;
  const series = curvesOf(data, points, metric, rateOf);
  return {
    id,
    chart: {
      title: `${title}${at}`,
      xLabel: 'channel uses per source sample (CBR)',
      yLabel: unit,
      logX: true,
      series,
    },
  };
}

/** Perception–distortion plane: a measure of what pictures look like over PSNR. */
function planeChart(data: ReportData, facet: Facet, id: string, metric: string): NamedChart | null {
  const series = curvesOf(
    data,
    facet.points,
    metric,
    (point, receiver) => point.receivers[receiver].metrics['psnrDb'].mean,
  );
  return {
    id,
    chart: { title: 'Perception and distortion', xLabel: 'PSNR, dB', yLabel: metric, series },
  };
}

/** As many as there are colours. */
const CCDF_CURVES = 8;

/** P(PAPR > x) of whole frames as sent; points whose frames are alike make one curve. */
function paprChart(data: ReportData, facet: Facet): NamedChart | null {
  const groups = new Map<string, { name: string; values: number[] }>();
  for (const point of facet.points) {
    const { config } = data.campaign.plan.points[point.point];
    for (const [link, values] of Object.entries(point.paprDb)) {
      const key = JSON.stringify([
        link,
        link === '' ? config.codec : null,
        config.ofdm,
        config.rho,
        config.designSnrDb,
      ]);
      const name = [link, groupName(data, point)].filter((part) => part !== '').join(', ');
      const group = groups.get(key) ?? { name, values: [] };
      for (const value of values) group.values.push(value);
      groups.set(key, group);
    }
  }
  const all = [...groups.values()];
  const shown = spread(all, CCDF_CURVES);
  const series = shown.map(({ name, values }, style) => {
    const sorted = values.sort((a, b) => a - b);
    const n = sorted.length;
    const points = sorted.map((x, i) => ({ x, y: (n - i) / n }));
    return { name: `${name}${name === '' ? '' : ', '}${n} frames`, style, points: spread(points, 120) };
  });
  if (series.every(({ points }) => points.length < 20)) return null;
  return {
    id: 'papr-ccdf',
    chart: {
      title: `PAPR of frames as sent (CCDF)${shown.length < all.length ? `, ${shown.length} of ${all.length}` : ''}`,
      xLabel: 'x, dB',
      yLabel: 'P(PAPR > x)',
      logY: true,
      series,
      markers: false,
    },
  };
}

/** What the sender's side of a point is called: its label, and settings that change what is sent. */
const groupName = (data: ReportData, point: ReportPoint): string =>
  Object.entries(point.at)
    .filter(
      ([axis]) =>
        (axis === LABEL || /^(codec|ofdm|rho)/.test(axis)) &&
        new Set(data.facets.flatMap((f) => f.points.map(({ at }) => JSON.stringify(at[axis])))).size > 1,
    )
    .map(([axis, value]) => settingText(axis, value))
    .join(', ');
