import uPlot from 'uplot';
import type { ResultMessage } from '../messages.js';
import { cssName, cssValue, h, plotFont, setText } from './dom.js';
import { type Card, channelsOf } from './own-plots.js';
import type { HistoryRow, Store } from './store.js';

interface Line {
  readonly label: string;
  /** Name of a colour in the style sheet. */
  readonly colour: string;
  readonly values: ArrayLike<number | null>;
  readonly dash?: readonly number[];
  /** Lower and upper bound of a shaded band. */
  readonly band?: readonly [ArrayLike<number>, ArrayLike<number>];
}

interface Chart {
  readonly x: ArrayLike<number>;
  readonly lines: readonly Line[];
}

interface ChartOptions {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly yRange?: (least: number, most: number) => [number, number];
  readonly logarithmic?: boolean;
  readonly extra?: HTMLElement;
  readonly chart: () => Chart | null;
}

/** A card with lines over one axis; a new plot is made only where the lines themselves change. */
function createLines({ title, xLabel, yLabel, yRange, logarithmic = false, extra, chart }: ChartOptions): Card {
  const box = h('div', { class: 'plot', role: 'img', 'aria-label': `${title}: ${yLabel} over ${xLabel}` });
  const legend = h('p', { class: 'legend' });
  const heading = h('h2', {}, title);
  if (extra !== undefined) heading.append(extra);
  const root = h('section', { class: 'card', 'aria-label': title }, heading, box, legend);
  let plot: uPlot | null = null;
  let key = '';

  const make = (lines: readonly Line[]): void => {
    plot?.destroy();
    const series: uPlot.Series[] = [{}];
    const bands: uPlot.Band[] = [];
    for (const { colour, dash, band } of lines) {
      series.push({
        stroke: () => cssValue(colour),
        width: 1.75,
        spanGaps: true,
        points: { show: false },
        ...(dash === undefined ? {} : { dash: [...dash] }),
      });
      if (band === undefined) continue;
      const at = series.length;
      series.push(
        { stroke: 'transparent', points: { show: false } },
        { stroke: 'transparent', points: { show: false } },
      );
      bands.push({ series: [at + 1, at], fill: () => `color-mix(in srgb, ${cssValue(colour)} 22%, transparent)` });
    }
    const axis = (label: string, size: number): uPlot.Axis => ({
      label,
      labelSize: 1.3 * Number.parseFloat(plotFont()),
      size,
      font: plotFont(),
      labelFont: plotFont(),
      stroke: () => cssValue('muted'),
      grid: { stroke: () => cssValue('grid'), width: 1 },
      ticks: { show: false },
    });
    plot = new uPlot(
      {
        width: Math.max(100, box.clientWidth),
        height: Math.max(100, box.clientHeight),
        legend: { show: false },
        cursor: { show: false },
        padding: [8, 8, 0, 0],
        scales: {
          x: { time: false },
          y: {
            ...(logarithmic ? { distr: 3, log: 10 } : {}),
            ...(yRange === undefined ? {} : { range: (_: uPlot, least: number, most: number) => yRange(least, most) }),
          },
        },
        axes: [
          axis(xLabel, 2.4 * Number.parseFloat(plotFont())),
          { ...axis(yLabel, 3.6 * Number.parseFloat(plotFont())), ...(logarithmic ? { values: powersOfTen } : {}) },
        ],
        series,
        bands,
      },
      [[], ...series.slice(1).map(() => [])],
      box,
    );
    legend.replaceChildren(
      ...lines.map(({ label, colour }) =>
        h('span', {}, h('span', { class: 'swatch', style: `--c: var(${cssName(colour)})` }), label),
      ),
    );
  };
  new ResizeObserver(() => {
    plot?.setSize({ width: Math.max(100, box.clientWidth), height: Math.max(100, box.clientHeight) });
  }).observe(box);

  return {
    root,
    draw() {
      const now = chart();
      // What a source does not tell (the PAPR of what others send) takes no room.
      root.hidden = now === null;
      if (now === null) return;
      const nextKey = JSON.stringify([
        document.documentElement.dataset['theme'],
        now.lines.map(({ label, band }) => [label, band !== undefined]),
      ]);
      if (nextKey !== key) {
        key = nextKey;
        make(now.lines);
      }
      const data = [now.x, ...now.lines.flatMap(({ values, band }) => [values, ...(band ?? [])])];
      plot?.setData(data as unknown as uPlot.AlignedData);
    },
  };
}

/** 1, 0.1, 0.01, … and nothing at the lines between. */
const powersOfTen = (_: uPlot, splits: number[]): (string | null)[] =>
  splits.map((v) =>
    Number.isInteger(Math.round(1e6 * Math.log10(v)) / 1e6) ? String(Number(v.toPrecision(1))) : null,
  );

const ascending = (length: number, at: (i: number) => number): Float64Array =>
  Float64Array.from({ length }, (_, i) => at(i));

/** |H| of the first packet: the truth dashed, each receiver's estimate with a band of ± one standard deviation. */
export function createResponse(store: Store): Card {
  return createLines({
    title: 'Channel |H|',
    xLabel: 'subcarrier',
    yLabel: 'dB',
    yRange: (least, most) => [
      Math.max(-40, Math.min(-20, 10 * Math.floor(least / 10))),
      Math.max(10, 10 * Math.ceil(most / 10)),
    ],
    extra: h('span', { class: 'note' }, 'band: ± 1σ of the posterior'),
    chart: () => {
      const truth = store.common?.frame.truth?.responseDb ?? null;
      const estimates = channelsOf(store);
      const length = truth?.length ?? estimates[0]?.channel.responseDb.length ?? 0;
      if (length === 0) return null;
      return {
        x: ascending(length, (i) => i - length / 2),
        lines: [
          ...estimates
            .filter(({ channel }) => channel.responseDb.length === length)
            .map(({ receiver, channel }) => ({
              label: receiver,
              colour: receiver,
              values: channel.responseDb,
              band: [channel.lowDb, channel.highDb] as const,
            })),
          ...(truth === null ? [] : [{ label: 'truth', colour: 'truth', values: truth, dash: [4, 4] }]),
        ],
      };
    },
  });
}

export function createSpectrum(store: Store): Card {
  return createLines({
    title: 'Spectrum',
    xLabel: 'frequency, kHz',
    yLabel: 'dB',
    yRange: (least, most) => [
      Math.max(-60, Math.min(-30, 10 * Math.floor(least / 10))),
      Math.max(10, 10 * Math.ceil(most / 10)),
    ],
    chart: () => {
      const { frame } = store;
      if (frame?.spectrumDb == null) return null;
      const { length } = frame.spectrumDb;
      const step = frame.sampleRateHz / length / 1e3;
      return {
        x: ascending(length, (i) => (i - length / 2) * step),
        lines: [{ label: 'received', colour: 'accent', values: frame.spectrumDb }],
      };
    },
  });
}

export function createCcdf(store: Store): Card {
  const note = h('span', { class: 'note' });
  return createLines({
    title: 'PAPR, CCDF',
    xLabel: 'threshold, dB',
    yLabel: 'P(PAPR > threshold)',
    logarithmic: true,
    yRange: () => [1e-4, 1],
    extra: note,
    chart: () => {
      const ccdf = store.frame?.ccdf ?? null;
      if (ccdf === null) return null;
      setText(note, `${ccdf.symbols.toLocaleString('en')} symbols, 4× oversampled`);
      return {
        x: ascending(ccdf.share.length, (i) => ccdf.fromDb + i * ccdf.stepDb),
        lines: [{ label: 'transmitted', colour: 'accent', values: Array.from(ccdf.share, (v) => (v > 0 ? v : null)) }],
      };
    },
  });
}

/** What the history can show: its label, unit and the value of one result. */
const METRICS = {
  psnr: { label: 'PSNR', unit: 'dB', of: (r: ResultMessage) => r.psnrDb },
  expected: { label: 'PSNR the receiver expects', unit: 'dB', of: (r: ResultMessage) => r.expectedPsnrDb },
  error: { label: 'Channel error ‖ĥ−h‖²', unit: '', of: (r: ResultMessage) => r.channelError },
  snr: { label: 'SNR as measured', unit: 'dB', of: (r: ResultMessage) => r.snrDb },
  cfo: { label: 'Carrier offset', unit: 'subcarriers', of: () => null },
  confidence: { label: 'Confidence', unit: '', of: (r: ResultMessage) => r.confidence },
  time: { label: 'Receiver time', unit: 'ms', of: (r: ResultMessage) => r.milliseconds },
} as const;
type Metric = keyof typeof METRICS;

export function createHistory(store: Store, initial: string | null, onMetric: (metric: string) => void): Card {
  let metric: Metric = initial !== null && initial in METRICS ? (initial as Metric) : 'psnr';
  const select = h('select', { 'aria-label': 'Figure in the history' });
  for (const [name, { label }] of Object.entries(METRICS)) select.append(h('option', { value: name }, label));
  const host = h('div', {});
  const cards = new Map<Metric, Card>();
  const show = (): void => {
    let card = cards.get(metric);
    if (card === undefined) {
      const { label, unit } = METRICS[metric];
      card = createLines({
        title: 'History',
        xLabel: 'frame',
        yLabel: unit === '' ? label : `${label}, ${unit}`,
        chart: () => historyOf(store, metric),
      });
      cards.set(metric, card);
    }
    card.root.querySelector('h2')!.append(select);
    host.replaceChildren(card.root);
    card.draw();
  };
  select.value = metric;
  select.addEventListener('change', () => {
    metric = select.value as Metric;
    onMetric(metric);
    show();
    select.focus();
  });
  show();
  return {
    root: host,
    draw: () => {
      cards.get(metric)?.draw();
    },
  };
}

function historyOf(store: Store, metric: Metric): Chart | null {
  const rows: readonly HistoryRow[] = store.history;
  if (rows.length < 2) return null;
  const x = rows.map(({ frame }) => frame);
  if (metric === 'cfo') {
    return {
      x,
      lines: [
        { label: 'estimated', colour: 'accent', values: rows.map(({ sync }) => sync?.cfo ?? null) },
        { label: 'truth', colour: 'truth', values: rows.map(({ sync }) => sync?.cfoTrue ?? null), dash: [4, 4] },
      ],
    };
  }
  const names = store.state?.receivers.map(({ name }) => name) ?? [];
  return {
    x,
    lines: names.map((name) => ({
      label: name,
      colour: name,
      values: rows.map(({ results }) => (Object.hasOwn(results, name) ? METRICS[metric].of(results[name]) : null)),
    })),
  };
}
