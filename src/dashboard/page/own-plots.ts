import type { Points, ResultMessage } from '../messages.js';
import { cssName, cssValue, h, plotFont, prepareCanvas, setText } from './dom.js';
import { figure } from './format.js';
import { shownFrame, shownResult, type Store } from './store.js';

/** A card whose canvas is drawn by this page itself. */
export interface Card {
  readonly root: HTMLElement;
  draw(): void;
}

/** The receivers' channels of the frame that is shown, in the order of their pictures. */
export const channelsOf = (
  store: Store,
): { readonly receiver: string; readonly channel: NonNullable<ResultMessage['channel']> }[] =>
  (store.state?.receivers ?? []).flatMap(({ name }) => {
    const channel = store.common?.results.get(name)?.channel ?? null;
    return channel === null ? [] : [{ receiver: name, channel }];
  });

/** The resource elements before and, for each receiver, after equalisation; axes ± twice the mean amplitude or so. */
export function createConstellations(store: Store): Card {
  const box = h('div', { class: 'constellations' });
  const root = h('section', { class: 'card double', 'aria-label': 'Constellation' }, h('h2', {}, 'Constellation'), box);
  let panels: {
    readonly name: string;
    readonly canvas: HTMLCanvasElement;
    readonly note: HTMLElement;
    readonly root: HTMLElement;
  }[] = [];
  return {
    root,
    draw() {
      const wanted = ['received', ...(store.state?.receivers.map(({ name }) => name) ?? [])];
      if (wanted.join() !== panels.map(({ name }) => name).join()) {
        panels = wanted.map((name) => {
          const label = name === 'received' ? 'before equalisation' : name;
          const canvas = h('canvas', { role: 'img', 'aria-label': `Constellation ${label}` });
          const note = h('span', {});
          const caption = h(
            'figcaption',
            { style: `--c: var(${cssName(name)})` },
            ...(name === 'received' ? [] : [h('span', { class: 'swatch' })]),
            label,
            note,
          );
          return { name, canvas, note, root: h('figure', {}, canvas, caption) };
        });
        box.replaceChildren(...panels.map((panel) => panel.root));
      }
      for (const { name, canvas, note } of panels) {
        const points =
          name === 'received' ? (shownFrame(store)?.elements ?? null) : (shownResult(store, name)?.elements ?? null);
        setText(
          note,
          points === null
            ? ''
            : `±${drawPoints(canvas, points, cssValue(name === 'received' ? 'muted' : name)).toFixed(1)}`,
        );
      }
    },
  };
}

function drawPoints(canvas: HTMLCanvasElement, { re, im }: Points, colour: string): number {
  let power = 0;
  for (let i = 0; i < re.length; i++) power += re[i] ** 2 + im[i] ** 2;
  // Steps of a half, so that the scale stands still while the picture moves.
  const limit = Math.max(0.5, Math.ceil(2 * 2.4 * Math.sqrt(power / Math.max(1, re.length))) / 2);
  const prepared = prepareCanvas(canvas);
  if (prepared === null) return limit;
  const { context, width, height } = prepared;
  context.strokeStyle = cssValue('grid');
  context.beginPath();
  context.moveTo(0, height / 2);
  context.lineTo(width, height / 2);
  context.moveTo(width / 2, 0);
  context.lineTo(width / 2, height);
  context.stroke();
  context.fillStyle = colour;
  context.globalAlpha = 0.6;
  const scale = width / 2 / limit;
  for (let i = 0; i < re.length; i++)
    context.fillRect(width / 2 + re[i] * scale - 1, height / 2 - im[i] * scale - 1, 2, 2);
  context.globalAlpha = 1;
  return limit;
}

/** |h[l]| of the truth as bars, of each receiver as dots with ± one standard deviation of its posterior. */
export function createTaps(store: Store): Card {
  const canvas = h('canvas', {
    class: 'own',
    role: 'img',
    'aria-label': 'Impulse response: magnitude of each tap with posterior deviation',
  });
  const root = h(
    'section',
    { class: 'card', 'aria-label': 'Impulse response' },
    h('h2', {}, 'Impulse response', h('span', { class: 'note' }, 'bars: truth; dots ± 1σ: posterior')),
    h('div', { class: 'plot' }, canvas),
  );
  return {
    root,
    draw() {
      const prepared = prepareCanvas(canvas);
      if (prepared === null) return;
      const { context, width, height } = prepared;
      const truth = store.common?.frame.truth?.taps ?? null;
      const estimates = channelsOf(store);
      const count = Math.min(
        48,
        Math.max(truth?.re.length ?? 0, ...estimates.map(({ channel }) => channel.taps.re.length)),
      );
      if (count <= 0) return;
      const size = ({ re, im }: Points, l: number): number => Math.hypot(re[l] ?? 0, im[l] ?? 0);
      let peak = 0.1;
      for (let l = 0; l < count; l++) {
        if (truth !== null) peak = Math.max(peak, size(truth, l));
        for (const { channel } of estimates) peak = Math.max(peak, size(channel.taps, l));
      }
      const top = Math.ceil(peak * 1.1 * 4) / 4;
      const em = Number.parseFloat(plotFont());
      const left = 3.4 * em;
      const bottom = height - 2.9 * em;
      const y = (value: number): number => bottom - (value / top) * (bottom - 8);
      context.font = plotFont();
      context.fillStyle = cssValue('muted');
      context.strokeStyle = cssValue('grid');
      context.textAlign = 'right';
      for (let i = 0; i <= 4; i++) {
        const at = Math.round(y((i * top) / 4)) + 0.5;
        context.beginPath();
        context.moveTo(left, at);
        context.lineTo(width, at);
        context.stroke();
        if (i % 2 === 0) context.fillText(((i * top) / 4).toFixed(2), left - 0.5 * em, at + 0.35 * em);
      }
      const slot = (width - left) / count;
      context.textAlign = 'center';
      for (let l = 0; l < count; l += Math.ceil(count / 12))
        context.fillText(String(l), left + (l + 0.5) * slot, bottom + 1.25 * em);
      context.fillText('delay, samples', left + (width - left) / 2, height - 4);
      for (let l = 0; l < count; l++) {
        const x = left + (l + 0.5) * slot;
        if (truth !== null) {
          context.fillStyle = cssValue('line');
          context.fillRect(x - 0.36 * slot, y(size(truth, l)), 0.72 * slot, bottom - y(size(truth, l)));
          context.fillStyle = cssValue('truth');
          context.fillRect(x - 0.36 * slot, y(size(truth, l)) - 1, 0.72 * slot, 2);
        }
        estimates.forEach(({ receiver, channel }, e) => {
          if (l >= channel.taps.re.length) return;
          const at = x + ((e + 0.5) / estimates.length - 0.5) * 0.5 * slot;
          const value = size(channel.taps, l);
          const spread = Math.sqrt(channel.variance[l] / 2);
          context.strokeStyle = context.fillStyle = cssValue(receiver);
          context.lineWidth = 2;
          context.beginPath();
          context.moveTo(at, y(Math.max(0, value - spread)));
          context.lineTo(at, y(value + spread));
          context.stroke();
          context.lineWidth = 1;
          context.beginPath();
          context.arc(at, y(value), 3, 0, 7);
          context.fill();
        });
      }
    },
  };
}

const ROWS = 150;
const FLOOR_DB = -40;
const TOP_DB = 10;

/** Power over frequency and time, a row each time that plots are drawn, the newest on top. */
export function createWaterfall(store: Store): Card {
  const canvas = h('canvas', {
    class: 'own',
    role: 'img',
    'aria-label': 'Waterfall of the received spectrum over the last frames',
    style: 'image-rendering: pixelated',
  });
  const note = h('span', { class: 'note' });
  const [left, middle, right] = [h('span'), h('span'), h('span')];
  const axis = h('p', { class: 'legend spread' }, left, middle, right);
  const root = h(
    'section',
    { class: 'card', 'aria-label': 'Waterfall' },
    h('h2', {}, 'Waterfall', note),
    h('div', { class: 'plot' }, canvas),
    axis,
  );
  const context = canvas.getContext('2d')!;
  let last: Float32Array | null = null;
  return {
    root,
    draw() {
      const { frame } = store;
      if (frame?.spectrumDb == null || frame.spectrumDb === last) return;
      last = frame.spectrumDb;
      const bins = last.length;
      if (canvas.width !== bins || canvas.height !== ROWS) {
        canvas.width = bins;
        canvas.height = ROWS;
      }
      context.drawImage(canvas, 0, 1);
      const row = new ImageData(bins, 1);
      for (let i = 0; i < bins; i++) {
        const [r, g, b] = heat((last[i] - FLOOR_DB) / (TOP_DB - FLOOR_DB));
        row.data.set([r, g, b, 255], 4 * i);
      }
      context.putImageData(row, 0, 0);
      setText(note, `${figure(FLOOR_DB, 0)} … ${TOP_DB} dB, newest on top`);
      const half = frame.sampleRateHz / 2e3;
      setText(left, figure(-half, 0, 'kHz'));
      setText(middle, '0');
      setText(right, figure(half, 0, 'kHz'));
    },
  };
}

/** Anchors of the inferno colour map (van der Walt and Smith, CC0): even to the eye, and legible without colour. */
const INFERNO = [
  [0, 0, 4],
  [40, 11, 84],
  [101, 21, 110],
  [159, 42, 99],
  [212, 72, 66],
  [245, 125, 21],
  [250, 193, 39],
  [252, 255, 164],
] as const;

export function heat(share: number): [number, number, number] {
  const at = Math.min(1, Math.max(0, share)) * (INFERNO.length - 1);
  const low = Math.min(INFERNO.length - 2, Math.floor(at));
  const part = at - low;
  const mix = (c: 0 | 1 | 2): number => INFERNO[low][c] + part * (INFERNO[low + 1][c] - INFERNO[low][c]);
  return [mix(0), mix(1), mix(2)];
}
