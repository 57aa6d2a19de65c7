import { encodeNpz, type NpyArray } from '../../core/npy-encode.js';
import type { Points } from '../messages.js';
import { cssValue, h } from './dom.js';
import { figure } from './format.js';
import type { Store } from './store.js';

function save(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  h('a', { href: url, download: name }).click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 1000);
}

const nameOf = (store: Store, ending: string): string => `blindlink-frame-${store.frame?.frame ?? 0}.${ending}`;

/** Figures, settings and counters of what is shown, without arrays. */
export function saveJson(store: Store): void {
  const plain = (_: string, value: unknown): unknown => (ArrayBuffer.isView(value) ? undefined : value);
  const content = {
    frame: store.frame,
    results: [...store.results.values()],
    stats: store.stats,
    settings: store.state?.settings,
  };
  save(nameOf(store, 'json'), new Blob([JSON.stringify(content, plain, 2)], { type: 'application/json' }));
}

const complex = ({ re, im }: Points): NpyArray => {
  const data = new Float32Array(2 * re.length);
  for (let i = 0; i < re.length; i++) data.set([re[i], im[i]], 2 * i);
  return { dtype: 'complex64', shape: [re.length], data };
};
const real = (values: Float32Array): NpyArray => ({ dtype: 'float32', shape: [values.length], data: values });
const picture = ({ width, height, rgb }: { width: number; height: number; rgb: Uint8Array }): NpyArray => ({
  dtype: 'float32',
  shape: [height, width, 3],
  data: Float32Array.from(rgb, (v) => v / 255),
});

/** Every array that is shown, as `numpy.load` reads it: pictures [H,W,3] in [0,1], complex resource elements and taps, dB. */
export function arraysOf(store: Store): Map<string, NpyArray> {
  const arrays = new Map<string, NpyArray>();
  const { frame } = store;
  if (frame !== null) {
    if (frame.picture !== null) arrays.set('sent', picture(frame.picture));
    if (frame.elements !== null) arrays.set('received_cells', complex(frame.elements));
    if (frame.spectrumDb !== null) arrays.set('spectrum_db', real(frame.spectrumDb));
    if (frame.ccdf !== null) arrays.set('papr_ccdf', real(frame.ccdf.share));
    if (frame.truth !== null) {
      arrays.set('true_taps', complex(frame.truth.taps));
      arrays.set('true_response_db', real(frame.truth.responseDb));
    }
  }
  for (const [name, result] of store.results) {
    const key = name.replaceAll('-', '_');
    arrays.set(`${key}_picture`, picture(result.picture));
    if (result.elements !== null) arrays.set(`${key}_cells`, complex(result.elements));
    if (result.channel === null) continue;
    arrays.set(`${key}_taps`, complex(result.channel.taps));
    arrays.set(`${key}_tap_variance`, real(result.channel.variance));
    arrays.set(`${key}_response_db`, real(result.channel.responseDb));
  }
  return arrays;
}

export function saveNpz(store: Store): void {
  save(
    nameOf(store, 'npz'),
    new Blob([encodeNpz(arraysOf(store)) as Uint8Array<ArrayBuffer>], { type: 'application/zip' }),
  );
}

/** The pictures side by side with their figures, as one image. */
export function savePng(store: Store): void {
  const views = [
    ...(store.frame?.picture ? [{ title: 'sent', note: store.frame.picture.name, canvas: viewOf('sent') }] : []),
    ...[...store.results.values()].map((result) => ({
      title: result.receiver,
      note: `${figure(result.psnrDb, 2, 'dB')}, ${result.verdict}`,
      canvas: viewOf(result.receiver),
    })),
  ];
  const edge = 256;
  const gap = 16;
  const sheet = h('canvas', { width: gap + views.length * (edge + gap), height: edge + 64 + gap });
  const context = sheet.getContext('2d')!;
  context.fillStyle = cssValue('card');
  context.fillRect(0, 0, sheet.width, sheet.height);
  context.imageSmoothingEnabled = false;
  views.forEach(({ title, note, canvas }, i) => {
    const left = gap + i * (edge + gap);
    if (canvas !== null) {
      const scale = Math.min(edge / canvas.width, edge / canvas.height);
      context.drawImage(canvas, left, gap, canvas.width * scale, canvas.height * scale);
    }
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

const viewOf = (shot: string): HTMLCanvasElement | null =>
  document.querySelector<HTMLCanvasElement>(`[data-shot="${shot}"] canvas.view`);
