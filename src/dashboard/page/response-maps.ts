import type { ResponseMap } from '../messages.js';
import { cssName, h, setText } from './dom.js';
import { type Card, heat } from './own-plots.js';
import { shownFrame, shownResult, type Store } from './store.js';

/** |H| from here to there shows as colour. */
const FLOOR_DB = -25;
const TOP_DB = 10;

/** |H| over time and frequency: the truth, and beside it what each receiver found. A channel that moves changes from row to row. */
export function createResponseMaps(store: Store): Card {
  const box = h('div', { class: 'constellations' });
  const note = h('span', { class: 'note' });
  const root = h(
    'section',
    { class: 'card double', 'aria-label': 'Channel over time' },
    h('h2', {}, 'Channel over time', note),
    box,
  );
  let panels: { readonly name: string; readonly canvas: HTMLCanvasElement; readonly root: HTMLElement }[] = [];
  const mapOf = (name: string): ResponseMap | null =>
    name === 'truth' ? (shownFrame(store)?.truth?.map ?? null) : (shownResult(store, name)?.responseMap ?? null);
  return {
    root,
    draw() {
      const wanted = ['truth', ...(store.state?.receivers.map(({ name }) => name) ?? [])].filter(
        (name) => mapOf(name) !== null,
      );
      if (wanted.join() !== panels.map(({ name }) => name).join()) {
        panels = wanted.map((name) => {
          const canvas = h('canvas', {
            class: 'map',
            role: 'img',
            'aria-label': `Channel over time and frequency, ${name}`,
          });
          const caption = h(
            'figcaption',
            { style: `--c: var(${cssName(name)})` },
            h('span', { class: 'swatch' }),
            name === 'truth' ? 'true' : name,
          );
          return { name, canvas, root: h('figure', {}, canvas, caption) };
        });
        box.replaceChildren(...panels.map((panel) => panel.root));
      }
      let [rows, columns] = [0, 0];
      for (const { name, canvas } of panels) {
        const map = mapOf(name);
        if (map === null) continue;
        ({ rows, columns } = map);
        drawMap(canvas, map);
      }
      setText(
        note,
        rows === 0
          ? 'nothing known of it'
          : `|H|, −25 … 10 dB; ${columns} subcarriers from left to right, ${rows} symbols from top to bottom; true: as the FFT sees it, interference included`,
      );
    },
  };
}

function drawMap(canvas: HTMLCanvasElement, { rows, columns, db }: ResponseMap): void {
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
  }
  const image = new ImageData(columns, rows);
  for (let i = 0; i < db.length; i++) {
    const [r, g, b] = heat((db[i] - FLOOR_DB) / (TOP_DB - FLOOR_DB));
    image.data.set([r, g, b, 255], 4 * i);
  }
  canvas.getContext('2d')?.putImageData(image, 0, 0);
}
