import type { Pixels, ResultMessage, StateMessage } from '../messages.js';
import { cssName, cssValue, h, prepareCanvas, setAttribute, setText } from './dom.js';
import { figure } from './format.js';
import { shownFrame, shownResult, type Store } from './store.js';

/** The sent picture and, beside it, what each receiver makes of it. */
export interface PictureRow {
  /** Receivers as the state names them. */
  arrange(state: StateMessage): void;
  draw(): void;
}

/** Pictures narrower than that show their pixels. */
const PIXELATED_BELOW = 100;
const VERDICTS = { decoded: '✓ decoded', doubtful: '? doubtful', failed: '✗ failed' } as const;
const VERDICT_COLOURS = { decoded: 'good', doubtful: 'fair', failed: 'bad' } as const;

export function createPictureRow(root: HTMLElement, store: Store): PictureRow {
  const sentCanvas = h('canvas', { class: 'view', role: 'img', 'aria-label': 'Sent picture', width: 64, height: 64 });
  const sentFigures = figures([
    ['size', 'Size'],
    ['papr', 'PAPR'],
    ['sync', 'Synchroniser'],
    ['cfo', 'Offset, estimate'],
    ['cfo-true', 'Offset, truth'],
    ['timing', 'Timing error'],
  ]);
  root.append(h('article', { class: 'shot', 'data-shot': 'sent' }, h('h2', {}, 'Sent'), sentCanvas, sentFigures.list));
  let shots: Shot[] = [];

  return {
    arrange({ receivers }) {
      const names = receivers.map(({ name }) => name);
      const same = names.length === shots.length && shots.every((shot, i) => shot.name === names[i]);
      if (!same) {
        const old = new Map(shots.map((shot) => [shot.name, shot]));
        shots = names.map((name) => old.get(name) ?? createShot(name, store));
        for (const [name, { root: element }] of old) if (!names.includes(name as never)) element.remove();
        root.append(...shots.map((shot) => shot.root));
      }
      receivers.forEach((receiver, i) => {
        shots[i].status(receiver);
      });
    },
    draw() {
      const frame = shownFrame(store);
      if (frame?.picture) paint(sentCanvas, frame.picture);
      if (frame !== null) {
        const { picture, sync } = frame;
        sentFigures.set('size', picture === null ? 'unknown' : `${picture.width} × ${picture.height}`);
        sentFigures.set('papr', figure(frame.paprDb, 1, 'dB'));
        sentFigures.set('cfo', figure(sync.cfoSubcarriers, 3));
        sentFigures.set('cfo-true', figure(sync.cfoTrueSubcarriers, 3));
        sentFigures.set('timing', figure(sync.timingError, 0, 'samples'));
        sentFigures.set('sync', sync.found ? sync.method : 'no frame found');
      }
      for (const shot of shots) shot.draw();
    },
  };
}

interface Shot {
  readonly name: string;
  readonly root: HTMLElement;
  status(receiver: StateMessage['receivers'][number]): void;
  draw(): void;
}

function createShot(name: string, store: Store): Shot {
  const canvas = h('canvas', {
    class: 'view',
    role: 'img',
    'aria-label': `Picture received by ${name}`,
    width: 64,
    height: 64,
  });
  const strip = h('canvas', { class: 'strip', role: 'img', 'aria-label': `Verdicts of ${name} on the last frames` });
  const badge = h('span', { class: 'badge' }, 'starting');
  const bar = h('progress', { max: 1, value: 0, 'aria-label': `Sampling of ${name}`, hidden: true });
  const reason = h('p', { class: 'reason', hidden: true });
  const list = figures([
    ['psnr', 'PSNR', 'main'],
    ['expected', 'Expected'],
    ['ssim', 'SSIM'],
    ['error', '‖ĥ−h‖²'],
    ['confidence', 'Confidence'],
    ['time', 'Time'],
    ['frame', 'Frame'],
  ]);
  const root = h(
    'article',
    { class: 'shot', 'data-shot': name, style: `--c: var(${cssName(name)})` },
    h('h2', {}, h('span', { class: 'swatch' }), name, badge),
    canvas,
    h('div', {}, bar, strip),
    reason,
    list.list,
  );
  let drawn: Pixels | null = null;
  let condition = 'starting';

  const describe = (result: ResultMessage): void => {
    list.set('psnr', figure(result.psnrDb, 2, 'dB'));
    list.set('expected', figure(result.expectedPsnrDb, 1, 'dB'));
    list.set('ssim', figure(result.ssim, 3));
    list.set('error', figure(result.channelError, 4));
    list.set('confidence', figure(result.confidence === null ? null : 100 * result.confidence, 0, '%'));
    list.set('time', figure(result.milliseconds, result.milliseconds < 100 ? 1 : 0, 'ms'));
    const sent = store.frameOf(result.frame)?.picture?.name;
    const here = shownFrame(store)?.picture?.name;
    // A slow receiver may still be at an earlier picture.
    list.set('frame', sent === undefined || sent === here ? String(result.frame) : `${result.frame}, ${sent}`);
  };
  return {
    name,
    root,
    status(receiver) {
      ({ condition } = receiver);
      reason.hidden = receiver.reason === null;
      setText(reason, receiver.reason ?? '');
    },
    draw() {
      const result = shownResult(store, name);
      const progress = store.progress.get(name) ?? null;
      const picture = progress?.picture ?? result?.picture ?? null;
      if (picture !== null && picture !== drawn) paint(canvas, (drawn = picture));
      bar.hidden = progress === null;
      if (progress !== null) {
        bar.max = progress.of;
        bar.value = progress.done;
      }
      const state =
        progress !== null
          ? `step ${progress.done} of ${progress.of}`
          : condition !== 'running'
            ? condition
            : result === null
              ? 'starting'
              : VERDICTS[result.verdict];
      setText(badge, state);
      setAttribute(
        badge,
        'data-verdict',
        condition === 'running' && progress === null
          ? (result?.verdict ?? '')
          : condition === 'refused'
            ? 'failed'
            : '',
      );
      if (result !== null) describe(result);
      drawVerdicts(strip, name, store);
    },
  };
}

/** One mark a frame, the newest on the right. */
function drawVerdicts(canvas: HTMLCanvasElement, name: string, store: Store): void {
  const prepared = prepareCanvas(canvas);
  if (prepared === null) return;
  const { context, width, height } = prepared;
  const count = Math.floor(width / 4);
  const verdicts = store.history
    .map(({ results }) => (Object.hasOwn(results, name) ? results[name].verdict : null))
    .filter((verdict) => verdict !== null)
    .slice(-count);
  verdicts.forEach((verdict, i) => {
    context.fillStyle = cssValue(VERDICT_COLOURS[verdict]);
    const full = verdict === 'decoded' ? 1 : verdict === 'doubtful' ? 0.65 : 0.35;
    context.fillRect(width - 4 * (verdicts.length - i), height * (1 - full), 3, height * full);
  });
}

export function paint(canvas: HTMLCanvasElement, { width, height, rgb }: Pixels): void {
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
    canvas.style.aspectRatio = `${width} / ${height}`;
    canvas.style.imageRendering = width < PIXELATED_BELOW ? 'pixelated' : 'auto';
  }
  const image = new ImageData(width, height);
  for (let i = 0, from = 0, to = 0; i < width * height; i++, from += 3, to += 4) {
    image.data[to] = rgb[from];
    image.data[to + 1] = rgb[from + 1];
    image.data[to + 2] = rgb[from + 2];
    image.data[to + 3] = 255;
  }
  canvas.getContext('2d')!.putImageData(image, 0, 0);
}

function figures(rows: readonly (readonly [string, string, string?])[]): {
  list: HTMLElement;
  set(key: string, text: string): void;
} {
  const list = h('dl', { class: 'figures' });
  const cells = new Map<string, HTMLElement>();
  for (const [key, label, kind] of rows) {
    const cell = h('dd', { class: kind, 'data-figure': key }, '–');
    cells.set(key, cell);
    list.append(h('dt', {}, label), cell);
  }
  return {
    list,
    set(key, text) {
      setText(cells.get(key)!, text);
    },
  };
}
