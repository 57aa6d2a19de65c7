import { clock, figure } from './format.js';
import { cssValue, h, plotFont, prepareCanvas, setText } from './dom.js';
import type { Card } from './own-plots.js';
import type { Store } from './store.js';

const STAGES = [
  ['encodeMs', 'encode'],
  ['modulateMs', 'modulate'],
  ['channelMs', 'channel'],
  ['receiveMs', 'synchronise, FFT'],
] as const;

/** Milliseconds of each stage of the newest frame, as bars. */
export function createStages(store: Store): Card {
  const canvas = h('canvas', { class: 'own', role: 'img', 'aria-label': 'Time of each stage in milliseconds' });
  const note = h('span', { class: 'note' });
  const root = h(
    'section',
    { class: 'card', 'aria-label': 'Time per stage' },
    h('h2', {}, 'Time per stage', note),
    h('div', { class: 'plot' }, canvas),
  );
  const smooth = new Map<string, number>();
  return {
    root,
    draw() {
      const { frame } = store;
      const prepared = frame === null ? null : prepareCanvas(canvas);
      if (frame === null || prepared === null) return;
      const { context, width, height } = prepared;
      const rows: [string, number, string][] = [];
      for (const [key, label] of STAGES) {
        const value = frame.stages[key];
        if (value !== null) rows.push([label, value, 'accent']);
      }
      for (const { receiver, milliseconds } of store.results.values()) rows.push([receiver, milliseconds, receiver]);
      const shown = rows.map(([label, value, colour]) => {
        const mean = 0.9 * (smooth.get(label) ?? value) + 0.1 * value;
        smooth.set(label, mean);
        return { label, mean, colour };
      });
      const most = Math.max(1, ...shown.map(({ mean }) => mean));
      const em = Number.parseFloat(plotFont());
      const left = 9.4 * em;
      const step = Math.min(2.3 * em, (height - 4) / shown.length);
      context.font = plotFont();
      shown.forEach(({ label, mean, colour }, i) => {
        const y = 4 + i * step;
        context.fillStyle = cssValue('muted');
        context.textAlign = 'left';
        context.fillText(label, 0, y + step / 2 + em / 4);
        const room = width - left - 5.2 * em;
        context.fillStyle = cssValue(colour);
        context.fillRect(left, y + 2, Math.max(1.5, (mean / most) * room), step - 7);
        context.fillStyle = cssValue('ink');
        context.fillText(
          figure(mean, mean < 100 ? 1 : 0, 'ms'),
          left + em / 2 + (mean / most) * room,
          y + step / 2 + em / 4,
        );
      });
      setText(note, 'running mean');
    },
  };
}

/** Frames made, received, replaced and cancelled, and what became of this client's messages. */
export function createCounters(store: Store, restart: (receiver: string) => void): Card {
  const body = h('tbody');
  const summary = h('p', { class: 'legend' });
  const head = h(
    'tr',
    {},
    ...['Receiver', 'frames/s', 'received', 'replaced', 'cancelled', 'failed', 'restarts', 'queue'].map((text) =>
      h('th', { scope: 'col' }, text),
    ),
    h('td'),
  );
  const root = h(
    'section',
    { class: 'card double', 'aria-label': 'Counters' },
    h('h2', {}, 'Counters', h('span', { class: 'note' }, 'replaced: by a newer frame')),
    h(
      'div',
      { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Counters of each receiver' },
      h('table', {}, h('thead', {}, head), body),
    ),
    summary,
  );
  const rows = new Map<string, { readonly root: HTMLElement; readonly cells: HTMLElement[] }>();
  return {
    root,
    draw() {
      const { stats, traffic } = store;
      if (stats === null) return;
      const names = new Set<string>(stats.receivers.map(({ name }) => name));
      for (const [name, row] of rows) {
        if (names.has(name)) continue;
        row.root.remove();
        rows.delete(name);
      }
      for (const c of stats.receivers) {
        let row = rows.get(c.name);
        if (row === undefined) {
          const cells = Array.from({ length: 7 }, () => h('td'));
          const button = h(
            'button',
            {
              type: 'button',
              'aria-label': `Restart ${c.name}`,
              onclick: () => {
                restart(c.name);
              },
            },
            'Restart',
          );
          row = {
            cells,
            root: h(
              'tr',
              { 'data-receiver': c.name },
              h('th', { scope: 'row' }, c.name),
              ...cells,
              h('td', {}, button),
            ),
          };
          rows.set(c.name, row);
          body.append(row.root);
        }
        const values = [
          figure(c.framesPerSecond, 1),
          c.received,
          c.replaced,
          c.cancelled,
          c.failures,
          c.restarts,
          c.queue,
        ];
        row.cells.forEach((cell, i) => {
          setText(cell, String(values[i]));
        });
      }
      const parts = [
        `frames sent ${stats.frames}`,
        `late ${stats.ticksDropped}`,
        `lost ${stats.framesLost}`,
        `memory of the server ${figure(stats.memoryMiB, 0, 'MiB')}`,
        ...(stats.radio === null
          ? []
          : [
              `radio: ${stats.radio.lostInDevice} samples lost in the device, ${stats.radio.lostInQueue} before the reader, ${stats.radio.skippedFrames} frames between those shown`,
            ]),
        ...(traffic === null ? [] : [`clients ${traffic.clients}`, `messages skipped for this one ${traffic.skipped}`]),
      ];
      setText(summary, parts.join(' · '));
    },
  };
}

export function createLog(store: Store): Card {
  const list = h('ol', {});
  const box = h('div', { class: 'log', role: 'log', 'aria-label': 'Log', tabindex: 0 }, list);
  const root = h('section', { class: 'card', 'aria-label': 'Log' }, h('h2', {}, 'Log'), box);
  let newest: unknown = null;
  return {
    root,
    draw() {
      const last = store.log.at(-1) ?? null;
      if (last === newest) return;
      newest = last;
      const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 30;
      list.replaceChildren(
        ...store.log.map(({ time, level, text }) =>
          h('li', { 'data-level': level }, h('time', {}, clock(time)), h('span', {}, text)),
        ),
      );
      if (atEnd) box.scrollTop = box.scrollHeight;
    },
  };
}
