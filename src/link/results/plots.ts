import type { ComplexArray } from '../../core/complex.js';
import { escapeXml } from './save-pictures.js';

/** Okabe and Ito's colours, told apart by colour-blind readers too. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9'] as const;
const INK = '#333';
const MAX_POINTS = 4000;

export interface ConstellationPlot {
  readonly title: string;
  readonly panels: readonly { readonly label: string; readonly points: ComplexArray }[];
}

/** Complex resource elements as points, a square panel each; every panel has its own scale, the 99th percentile of |x|. */
export function constellationSvg({ title, panels }: ConstellationPlot): string {
  const size = 240;
  const gap = 24;
  const top = 36;
  const width = gap + panels.length * (size + gap);
  const height = top + size + 48;
  const body = panels.map(({ label, points }, p) => {
    const left = gap + p * (size + gap);
    const limit = 1.15 * percentile(points, 0.99);
    const scale = size / (2 * limit);
    const step = Math.max(1, Math.ceil(points.re.length / MAX_POINTS));
    let path = '';
    for (let i = 0; i < points.re.length; i += step) {
      const x = points.re[i] * scale;
      const y = points.im[i] * scale;
      // Written so that NaN, which a receiver that diverged may give, is left out too.
      if (!(Math.abs(x) <= size / 2 && Math.abs(y) <= size / 2)) continue;
      path += `M${(left + size / 2 + x).toFixed(1)} ${(top + size / 2 - y).toFixed(1)}h.01`;
    }
    const middle = `<path d="M${left} ${top + size / 2}h${size}M${left + size / 2} ${top}v${size}" stroke="#ddd"/>`;
    const frame = `<rect x="${left}" y="${top}" width="${size}" height="${size}" fill="none" stroke="#999"/>`;
    const dots = `<path d="${path}" stroke="${COLOURS[p % COLOURS.length]}" stroke-width="2.4" stroke-linecap="round" stroke-opacity="0.5"/>`;
    return (
      middle +
      dots +
      frame +
      text(left + size / 2, top + size + 18, label, 'middle') +
      text(left + size / 2, top + size + 36, `axes ± ${limit.toFixed(2)}`, 'middle', 11)
    );
  });
  return document(width, height, title, body.join(''));
}

export interface TapsPlot {
  readonly title: string;
  readonly truth: ComplexArray;
  readonly estimates: readonly {
    readonly label: string;
    readonly taps: ComplexArray;
    /** Posterior variance of each tap. */
    readonly tapVariance: Float32Array;
  }[];
}

/** Real and imaginary part of each tap: the truth as a bar, estimates as dots with ± one standard deviation. */
export function tapsSvg({ title, truth, estimates }: TapsPlot): string {
  const numTaps = Math.max(truth.re.length, ...estimates.map(({ taps }) => taps.re.length));
  const panelWidth = Math.max(320, 34 * numTaps);
  const panelHeight = 180;
  const left = 52;
  const top = 52;
  const gap = 34;
  const peak = Math.max(
    1e-3,
    ...[truth, ...estimates.map(({ taps }) => taps)].flatMap(({ re, im }) => [...re, ...im].map(Math.abs)),
  );
  const limit = 1.15 * peak;
  const parts = (['re', 'im'] as const).map((part, row) => {
    const y0 = top + row * (panelHeight + gap) + panelHeight / 2;
    const yOf = (value: number): string => (y0 - (value / limit) * (panelHeight / 2)).toFixed(1);
    const slot = panelWidth / numTaps;
    const ticks = [-peak, 0, peak]
      .map(
        (value) =>
          `<path d="M${left} ${yOf(value)}h${panelWidth}" stroke="#ddd"/>${text(left - 6, Number(yOf(value)) + 4, value.toFixed(2), 'end', 11)}`,
      )
      .join('');
    let marks = '';
    for (let l = 0; l < numTaps; l++) {
      const x = left + (l + 0.5) * slot;
      const value = truth[part][l] ?? 0;
      marks += `<path d="M${(x - 0.32 * slot).toFixed(1)} ${yOf(0)}V${yOf(value)}h${(0.64 * slot).toFixed(1)}V${yOf(0)}z" fill="#bbb"/>`;
      estimates.forEach(({ taps, tapVariance }, e) => {
        if (l >= taps.re.length) return;
        const at = (x + ((e + 0.5) / estimates.length - 0.5) * 0.5 * slot).toFixed(1);
        const spread = Math.sqrt(tapVariance[l] / 2);
        const colour = COLOURS[e % COLOURS.length];
        marks += `<path d="M${at} ${yOf(taps[part][l] - spread)}V${yOf(taps[part][l] + spread)}" stroke="${colour}" stroke-width="1.5"/>`;
        marks += `<circle cx="${at}" cy="${yOf(taps[part][l])}" r="3" fill="${colour}"/>`;
      });
      if (row === 1) marks += text(x, y0 + panelHeight / 2 + 16, String(l), 'middle', 11);
    }
    return ticks + marks + text(left, y0 - panelHeight / 2 - 4, part === 're' ? 'Re h[l]' : 'Im h[l]', 'start', 12);
  });
  const height = top + 2 * panelHeight + gap + 74;
  const legend = ['true', ...estimates.map(({ label }) => label)]
    .map((name, i) => {
      const x = left + i * 110;
      const colour = i === 0 ? '#bbb' : COLOURS[(i - 1) % COLOURS.length];
      return `<rect x="${x}" y="${height - 24}" width="10" height="10" fill="${colour}"/>${text(x + 16, height - 15, name, 'start')}`;
    })
    .join('');
  const axis = text(left + panelWidth / 2, height - 34, 'tap l, samples', 'middle', 12);
  return document(
    Math.max(left + panelWidth + 20, left + (estimates.length + 1) * 110),
    height,
    title,
    parts.join('') + axis + legend,
  );
}

function percentile({ re, im }: ComplexArray, share: number): number {
  const sorted = Float32Array.from(re, (v, i) => Math.hypot(v, im[i]))
    .filter(Number.isFinite)
    .sort();
  return Math.max(1e-6, sorted[Math.floor(share * (sorted.length - 1))] ?? 1);
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end', size = 13): string {
  return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="${size}" fill="${INK}">${escapeXml(content)}</text>`;
}

function document(width: number, height: number, title: string, body: string): string {
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif">` +
    `<rect width="100%" height="100%" fill="white"/>${text(24, 22, title, 'start', 15)}${body}</svg>\n`
  );
}
