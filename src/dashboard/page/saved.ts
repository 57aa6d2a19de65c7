import type { NpyArray } from '../../core/npy-encode.js';
import type { Points } from '../messages.js';
import { shownFrame, shownResults, type Store } from './store.js';

/** Figures, settings and counters of what is shown, without arrays. */
export function figuresOf(store: Store): string {
  const plain = (_: string, value: unknown): unknown => (ArrayBuffer.isView(value) ? undefined : value);
  const content = {
    frame: shownFrame(store),
    results: shownResults(store),
    stats: store.stats,
    settings: store.state?.settings,
  };
  return JSON.stringify(content, plain, 2);
}

const complex = ({ re, im }: Points): NpyArray => {
  const data = new Float32Array(2 * re.length);
  for (let i = 0; i < re.length; i++) data.set([re[i], im[i]], 2 * i);
  return { dtype: 'complex64', shape: [re.length], data };
};
const real = (values: Float32Array): NpyArray => ({ dtype: 'float32', shape: [values.length], data: values });
const count = (value: number): NpyArray => ({ dtype: 'int32', shape: [], data: Int32Array.of(value) });
const picture = ({ width, height, rgb }: { width: number; height: number; rgb: Uint8Array }): NpyArray => ({
  dtype: 'float32',
  shape: [height, width, 3],
  data: Float32Array.from(rgb, (v) => v / 255),
});

/** Every array that is shown, as `numpy.load` reads it: pictures [H,W,3] in [0,1], complex resource elements and taps, dB. */
export function arraysOf(store: Store): Map<string, NpyArray> {
  const arrays = new Map<string, NpyArray>();
  const frame = shownFrame(store);
  if (frame !== null) {
    arrays.set('frame', count(frame.frame));
    if (frame.picture !== null) arrays.set('sent', picture(frame.picture));
    if (frame.elements !== null) arrays.set('received_cells', complex(frame.elements));
    if (frame.spectrumDb !== null) arrays.set('spectrum_db', real(frame.spectrumDb));
    if (frame.ccdf !== null) arrays.set('papr_ccdf', real(frame.ccdf.share));
    if (frame.truth !== null) {
      arrays.set('true_taps', complex(frame.truth.taps));
      arrays.set('true_response_db', real(frame.truth.responseDb));
    }
  }
  for (const result of shownResults(store)) {
    const key = result.receiver.replaceAll('-', '_');
    // A slow receiver's may be an earlier one.
    arrays.set(`${key}_frame`, count(result.frame));
    arrays.set(`${key}_picture`, picture(result.picture));
    if (result.elements !== null) arrays.set(`${key}_cells`, complex(result.elements));
    if (result.channel === null) continue;
    arrays.set(`${key}_taps`, complex(result.channel.taps));
    arrays.set(`${key}_tap_variance`, real(result.channel.variance));
    arrays.set(`${key}_response_db`, real(result.channel.responseDb));
  }
  return arrays;
}
