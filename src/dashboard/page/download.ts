import { encodeNpz } from '../../core/npy-encode.js';
import { cssValue, h } from './dom.js';
import { figure } from './format.js';
import { paint } from './pictures.js';
import { arraysOf, figuresOf } from './saved.js';
import { shownFrame, shownResults, type Store } from './store.js';

function save(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  h('a', { href: url, download: name }).click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 1000);
}

const nameOf = (store: Store, ending: string): string => `blindlink-frame-${shownFrame(store)?.frame ?? 0}.${ending}`;

export function saveJson(store: Store): void {
  save(nameOf(store, 'json'), new Blob([figuresOf(store)], { type: 'application/json' }));
}

export function saveNpz(store: Store): void {
  save(
    nameOf(store, 'npz'),
    new Blob([encodeNpz(arraysOf(store)) as Uint8Array<ArrayBuffer>], { type: 'application/zip' }),
  );
}

/** The pictures side by side with their figures, as one image. */
export function savePng(store: Store): void {
  const frame = shownFrame(store);
  const views = [
    ...(frame?.picture
      ? [{ title: 'sent', note: `${frame.picture.name}, frame ${frame.frame}`, picture: frame.picture }]
      : []),
    ...shownResults(store).map((result) => ({
      title: result.receiver,
      note:
        `${figure(result.psnrDb, 2, 'dB')}, ${result.verdict}` +
        // A slow receiver may still be at an earlier one.
        (result.frame === frame?.frame ? '' : `, frame ${result.frame}`),
      picture: result.picture,
    })),
  ];
  const edge = 256;
  const gap = 16;
  const sheet = h('canvas', { width: gap + views.length * (edge + gap), height: edge + 64 + gap });
  const context = sheet.getContext('2d')!;
  context.fillStyle = cssValue('card');
  context.fillRect(0, 0, sheet.width, sheet.height);
  context.imageSmoothingEnabled = false;
  const canvas = h('canvas');
  views.forEach(({ title, note, picture }, i) => {
    const left = gap + i * (edge + gap);
    paint(canvas, picture);
    const scale = Math.min(edge / canvas.width, edge / canvas.height);
    context.drawImage(canvas, left, gap, canvas.width * scale, canvas.height * scale);
    context.fillStyle = cssValue('ink');
    context.font = '600 15px system-ui, sans-serif';
    context.fillText(title, left, edge + gap + 22, edge);
    context.fillStyle = cssValue('muted');
    context.font = '13px system-ui, sans-serif';
    context.fillText(note, left, edge + gap + 42, edge);
  });
  sheet.toBlob((blob) => {
    if (blob !== null) save(nameOf(store, 'png'), blob);
  });
}
