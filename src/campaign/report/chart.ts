import { escapeXml } from '../../link/results/save-pictures.js';

/** A point of a curve with its interval; intervals that are not known are left out. */
export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
  /** Shown when pointed at. */
  readonly note?: string;
}

export interface ChartSeries {
  readonly name: string;
  /** Which of the eight colours and markers. */
  readonly style: number;
  readonly points: readonly ChartPoint[];
}

export interface Chart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly ChartSeries[];
  readonly logX?: boolean;
  readonly logY?: boolean;
  /** Names of x = 0, 1, … where x is no number. */
  readonly categories?: readonly string[];
  readonly yRange?: readonly [number, number];
  readonly markers?: boolean;
}

const DASHES = ['', '', '', '6 3', '2 3', '8 3 2 3', '', '4 4'];
/** Colours and marks return with the ninth curve; dashes then are others. */
const dashOf = (style: number): string => DASHES[(style + 3 * Math.floor(style / 8)) % 8];
const WIDTH = 460;
const HEIGHT = 300;
const LEFT = 58;
const RIGHT = 14;
const TOP = 34;
const BOTTOM = 46;
const LEGEND_ROW = 18;
/** About the width of a letter, how many of a slanting name are shown, and its angle. */
const LETTER = 6.5;
const MOST_LETTERS = 34;
const SLANT_DEGREES = 30;
const SLANT = (SLANT_DEGREES * Math.PI) / 180;

/** Colours of a page, light then dark; Okabe and Ito's, lightened for dark ground. */
export const palette = {
  ink: ['#1b1f24', '#e6e9ee'],
  muted: ['#5b6470', '#9aa4b2'],
  grid: ['#e3e6ea', '#2e343d'],
  ground: ['#ffffff', '#171b21'],
  s0: ['#1b1f24', '#e6e9ee'],
  s1: ['#d55e00', '#ff8a3c'],
  s2: ['#0072b2', '#4db2f0'],
  s3: ['#009e73', '#2ecf9f'],
  s4: ['#b5498a', '#e68fc0'],
  s5: ['#9a6a00', '#f0b93a'],
  s6: ['#5f4bb6', '#a896ff'],
  s7: ['#7a7f87', '#b7bdc7'],
} as const;

/**
 * A line chart as SVG whose colours are CSS variables of `palette` (`standalone` puts the light ones in). Bands and
 * whiskers are 95 % intervals.
 */
export function chartSvg(chart: Chart): string {
  const { series, categories } = chart;
  const all = series.flatMap(({ points }) => points);
  const xs = all.map(({ x }) => x);
  const ys = all
    .flatMap(({ y, low, high }) => [y, low ?? y, high ?? y])
    .filter((v) => Number.isFinite(v) && (!chart.logY || v > 0));
  if (ys.length === 0) return '';
  const rows = legendRows(series);
  const longest = categories === undefined ? 0 : Math.max(...categories.map((name) => name.length));
  const slot = (WIDTH - LEFT - RIGHT) / Math.max(1, categories?.length ?? 1);
  // Names that have no room side by side slant down from their ticks.
  const slants = longest * LETTER > slot;
  const bottom = HEIGHT + (slants ? Math.round(Math.min(longest, MOST_LETTERS) * LETTER * Math.sin(SLANT)) : 0);
  const height = bottom + rows.length * LEGEND_ROW;
  const xAxis =
    categories === undefined
      ? axisOf(xs, chart.logX === true, 6)
      : { from: -0.5, to: categories.length - 0.5, ticks: categories.map((_, i) => i) };
  const yAxis =
    chart.yRange === undefined
      ? axisOf(ys, chart.logY === true, 5)
      : { ...axisOf([...chart.yRange], false, 5), from: chart.yRange[0], to: chart.yRange[1] };
  const scale = (from: number, to: number, a: number, b: number, log: boolean) => {
    const f = (v: number): number => (log ? Math.log10(Math.max(v, 1e-12)) : v);
    return (v: number): number => a + ((b - a) * (f(v) - f(from))) / Math.max(f(to) - f(from), 1e-12);
  };
  const toX = scale(xAxis.from, xAxis.to, LEFT, WIDTH - RIGHT, chart.logX === true);
  const toY = scale(yAxis.from, yAxis.to, HEIGHT - BOTTOM, TOP, chart.logY === true);
  const clampY = (v: number): number => Math.min(HEIGHT - BOTTOM, Math.max(TOP, toY(v)));
  const n = (v: number): string => v.toFixed(1);

  const grid = yAxis.ticks
    .map(
      (v) =>
        `<path d="M${LEFT} ${n(toY(v))}H${WIDTH - RIGHT}" stroke="var(--grid)"/>${text(LEFT - 7, toY(v) + 4, tickText(v), 'end', 'muted')}`,
    )
    .join('');
  const xTicks = xAxis.ticks
    .map((v) => {
      const name = categories?.[v] ?? tickText(v);
      const tick = `<path d="M${n(toX(v))} ${HEIGHT - BOTTOM}v4" stroke="var(--muted)"/>`;
      if (!slants) return tick + text(toX(v), HEIGHT - BOTTOM + 18, name, 'middle', 'muted');
      const [x, y] = [toX(v) + 4, HEIGHT - BOTTOM + 14];
      const room = Math.min(MOST_LETTERS, Math.floor(x / (LETTER * Math.cos(SLANT))));
      const shown = name.length > room ? `${name.slice(0, room - 1)}…` : name;
      const turned = `transform="rotate(${-SLANT_DEGREES} ${n(x)} ${n(y)})"`;
      return tick + text(x, y, shown, 'end', 'muted', turned);
    })
    .join('');
  const curves = series.map(({ style, points, name }, s) => {
    const colour = `var(--s${style % 8})`;
    const shift = categories === undefined ? 0 : ((s + 0.5) / series.length - 0.5) * Math.min(40, slot * 0.6);
    const sorted = [...points]
      .sort((a, b) => a.x - b.x)
      .filter(({ y }) => Number.isFinite(y) && (!chart.logY || y > 0));
    const at = (p: ChartPoint): number => toX(p.x) + shift;
    const banded = sorted.filter(({ low, high }) => Number.isFinite(low) && Number.isFinite(high));
    let marks = '';
    if (categories === undefined && banded.length > 1) {
      const up = banded.map((p) => `${n(at(p))} ${n(clampY(p.high!))}`);
      const down = banded.map((p) => `${n(at(p))} ${n(clampY(p.low!))}`).reverse();
      marks += `<path d="M${[...up, ...down].join('L')}z" fill="${colour}" fill-opacity="0.13"/>`;
    } else {
      for (const p of banded)
        marks += `<path d="M${n(at(p))} ${n(clampY(p.low!))}V${n(clampY(p.high!))}" stroke="${colour}" stroke-width="2"/>`;
    }
    if (categories === undefined) {
      const dash = dashOf(style);
      marks += `<path d="M${sorted.map((p) => `${n(at(p))} ${n(clampY(p.y))}`).join('L')}" fill="none" stroke="${colour}" stroke-width="1.8"${dash === '' ? '' : ` stroke-dasharray="${dash}"`}/>`;
    }
    if (chart.markers !== false) {
      for (const p of sorted) {
        const about = escapeXml(`${name}: ${p.note ?? tickText(p.y)}`);
        marks += `<g><title>${about}</title>${marker(style, at(p), clampY(p.y), colour)}</g>`;
      }
    }
    return marks;
  });
  const legend = rows
    .map((row, r) => {
      let x = LEFT;
      return row
        .map(({ name, style }) => {
          const here = x;
          x += 30 + name.length * 7;
          const y = bottom + r * LEGEND_ROW + 4;
          const dash = dashOf(style);
          return `<path d="M${here} ${y}h16" stroke="var(--s${style % 8})" stroke-width="2"${dash === '' ? '' : ` stroke-dasharray="${dash}"`}/>${marker(style, here + 8, y, `var(--s${style % 8})`)}${text(here + 21, y + 4, name, 'start', 'ink')}`;
        })
        .join('');
    })
    .join('');
  const middle = (TOP + HEIGHT - BOTTOM) / 2;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="${escapeXml(chart.title)}">` +
    `${text(LEFT, 18, chart.title, 'start', 'ink', 'font-size="13" font-weight="600"')}${grid}${xTicks}` +
    `<path d="M${LEFT} ${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}" fill="none" stroke="var(--muted)"/>${curves.join('')}` +
    text((LEFT + WIDTH - RIGHT) / 2, bottom - 10, chart.xLabel, 'middle', 'muted') +
    `<text transform="translate(14 ${middle}) rotate(-90)" text-anchor="middle" fill="var(--muted)">${escapeXml(chart.yLabel)}</text>${legend}</svg>`
  );
}

/** A chart for papers: light colours written out, on white. */
export function standalone(svg: string): string {
  const coloured = svg.replaceAll(/var\(--(\w+)\)/g, (_, name: string) => palette[name as keyof typeof palette][0]);
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!;
  return coloured
    .replace('<svg ', `<svg width="${width}" height="${height}" `)
    .replace(/(<svg[^>]*>)/, '$1<rect width="100%" height="100%" fill="#ffffff"/>');
}

function legendRows(series: readonly ChartSeries[]): ChartSeries[][] {
  const rows: ChartSeries[][] = [[]];
  let width = 0;
  for (const one of series) {
    const own = 30 + one.name.length * 7;
    if (width + own > WIDTH - LEFT && rows.at(-1)!.length > 0) {
      rows.push([]);
      width = 0;
    }
    rows.at(-1)!.push(one);
    width += own;
  }
  return rows;
}

function axisOf(values: readonly number[], log: boolean, count: number): { from: number; to: number; ticks: number[] } {
  const finite = values.filter((v) => Number.isFinite(v) && (!log || v > 0));
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  if (log) {
    const [from, to] = [
      Math.floor(Math.log10(low) * 2) / 2,
      Math.max(Math.ceil(Math.log10(high) * 2) / 2, Math.floor(Math.log10(low) * 2) / 2 + 0.5),
    ];
    const ticks: number[] = [];
    for (let e = Math.floor(from); e <= to; e++)
      for (const m of to - from > 2 ? [1] : [1, 2, 5]) ticks.push(m * 10 ** e);
    return {
      from: 10 ** from,
      to: 10 ** to,
      ticks: ticks.filter((v) => v >= 10 ** from * 0.999 && v <= 10 ** to * 1.001),
    };
  }
  const span = high - low || Math.abs(high) || 1;
  const rough = span / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * power).find((v) => v >= rough * 0.999)!;
  const [from, to] = [Math.floor((low - span * 0.02) / step) * step, Math.ceil((high + span * 0.02) / step) * step];
  const tight = { from: low - span * 0.04, to: high + span * 0.04 };
  const ticks: number[] = [];
  for (let i = 0; from + i * step <= to + step / 2; i++) ticks.push(from + i * step);
  return { ...tight, ticks: ticks.filter((v) => v >= tight.from - 1e-9 && v <= tight.to + 1e-9) };
}

function tickText(v: number): string {
  if (v === 0) return '0';
  const magnitude = Math.abs(v);
  if (magnitude < 1e-3 || magnitude >= 1e5)
    return v
      .toExponential(Number.isInteger(Math.log10(magnitude)) ? 0 : 1)
      .replace('e', '·10^')
      .replace('+', '');
  return String(Number(v.toPrecision(4)));
}

function marker(style: number, x: number, y: number, colour: string): string {
  const n = (v: number): string => v.toFixed(1);
  switch (style % 4) {
    case 0:
      return `<circle cx="${n(x)}" cy="${n(y)}" r="3.4" fill="${colour}"/>`;
    case 1:
      return `<rect x="${n(x - 3.1)}" y="${n(y - 3.1)}" width="6.2" height="6.2" fill="${colour}"/>`;
    case 2:
      return `<path d="M${n(x)} ${n(y - 4.2)}L${n(x + 4)} ${n(y + 3)}H${n(x - 4)}z" fill="${colour}"/>`;
    default:
      return `<path d="M${n(x)} ${n(y - 4.4)}L${n(x + 4.4)} ${n(y)}L${n(x)} ${n(y + 4.4)}L${n(x - 4.4)} ${n(y)}z" fill="${colour}"/>`;
  }
}

const text = (x: number, y: number, content: string, anchor: string, colour: string, more = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="var(--${colour})" ${more}>${escapeXml(content)}</text>`;
