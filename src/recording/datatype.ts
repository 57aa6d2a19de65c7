import type { ComplexArray } from '../core/complex.js';
import { FormatError } from '../core/errors.js';

type Kind = 'f64' | 'f32' | 'i32' | 'u32' | 'i16' | 'u16' | 'i8' | 'u8';

/** How samples lie in a file, as SigMF names it: `cf32_le`, `ri16_be`, `cu8`… */
export interface Datatype {
  readonly name: string;
  readonly complex: boolean;
  readonly kind: Kind;
  readonly littleEndian: boolean;
  /** Bytes of one real number, and of one sample of one channel. */
  readonly componentBytes: number;
  readonly sampleBytes: number;
}

/**
 * Reads a SigMF datatype. Without `_le` or `_be` little endian is meant, as most files without a suffix are.
 * @throws FormatError for anything else
 */
export function parseDatatype(name: string): Datatype {
  const match = /^([cr])(f64|f32|i32|u32|i16|u16|i8|u8)(?:_(le|be))?$/.exec(name);
  if (match === null) {
    throw new FormatError(
      'recording.datatype',
      `datatype ${name}: not a SigMF datatype; give c or r, then f32, f64, i32, u32, i16, u16, i8 or u8, then _le or _be (e.g. cf32_le, ci16_le, cu8)`,
      { value: name },
    );
  }
  const complex = match[1] === 'c';
  const kind = match[2] as Kind;
  const componentBytes = Number(kind.slice(1)) / 8;
  return {
    name,
    complex,
    kind,
    littleEndian: match[3] !== 'be',
    componentBytes,
    sampleBytes: componentBytes * (complex ? 2 : 1),
  };
}

type Getter = (view: DataView, at: number, littleEndian: boolean) => number;

const getters: Readonly<Record<Kind, Getter>> = {
  f64: (view, at, le) => view.getFloat64(at, le),
  f32: (view, at, le) => view.getFloat32(at, le),
  i32: (view, at, le) => view.getInt32(at, le),
  u32: (view, at, le) => view.getUint32(at, le),
  i16: (view, at, le) => view.getInt16(at, le),
  u16: (view, at, le) => view.getUint16(at, le),
  i8: (view, at) => view.getInt8(at),
  u8: (view, at) => view.getUint8(at),
};

type Setter = (view: DataView, at: number, value: number, littleEndian: boolean) => void;

const setters: Readonly<Record<Kind, Setter>> = {
  f64: (view, at, value, le) => view.setFloat64(at, value, le),
  f32: (view, at, value, le) => view.setFloat32(at, value, le),
  i32: (view, at, value, le) => view.setInt32(at, value, le),
  u32: (view, at, value, le) => view.setUint32(at, value, le),
  i16: (view, at, value, le) => view.setInt16(at, value, le),
  u16: (view, at, value, le) => view.setUint16(at, value, le),
  i8: (view, at, value) => view.setInt8(at, value),
  u8: (view, at, value) => view.setUint8(at, value),
};

/** Full scale of integers: a stored value v means (v − offset) / scale, in [−1, 1). Floats are taken as they are. */
function scaling(kind: Kind): { scale: number; offset: number } {
  if (kind === 'f32' || kind === 'f64') return { scale: 1, offset: 0 };
  const scale = 2 ** (Number(kind.slice(1)) - 1);
  return { scale, offset: kind.startsWith('u') ? scale : 0 };
}

const hostIsLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * Bytes → samples of one of `numChannels` interleaved channels. Real datatypes get an imaginary part of zero.
 *
 * @param bytes whole frames of `numChannels` samples
 * @param out [frames] written from 0 on
 * @param bad called with the index of each sample that is no number (NaN, ±∞, or beyond a 32-bit float): it becomes zero
 */
export function decodeSamples(
  datatype: Datatype,
  bytes: Uint8Array,
  out: ComplexArray,
  numChannels = 1,
  channel = 0,
  bad: (index: number) => void = () => undefined,
): void {
  decode(datatype, bytes, out, numChannels, channel);
  if (!datatype.kind.startsWith('f')) return;
  const { re, im } = out;
  const count = Math.floor(bytes.length / (datatype.sampleBytes * numChannels));
  for (let i = 0; i < count; i++) {
    // x·0 is 0 for finite x alone.
    if (re[i] * 0 + im[i] * 0 === 0) continue;
    bad(i);
    re[i] = im[i] = 0;
  }
}

function decode(datatype: Datatype, bytes: Uint8Array, out: ComplexArray, numChannels: number, channel: number): void {
  const { kind, componentBytes, sampleBytes, complex, littleEndian } = datatype;
  const stride = sampleBytes * numChannels;
  const count = Math.floor(bytes.length / stride);
  const { scale, offset } = scaling(kind);
  const { re, im } = out;
  if (complex && numChannels === 1 && littleEndian === hostIsLittleEndian && bytes.byteOffset % componentBytes === 0) {
    const length = 2 * count;
    const values =
      kind === 'f32'
        ? new Float32Array(bytes.buffer, bytes.byteOffset, length)
        : kind === 'i16'
          ? new Int16Array(bytes.buffer, bytes.byteOffset, length)
          : null;
    if (values !== null) {
      const gain = 1 / scale;
      for (let i = 0; i < count; i++) {
        re[i] = values[2 * i] * gain;
        im[i] = values[2 * i + 1] * gain;
      }
      return;
    }
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const get = getters[kind];
  for (let i = 0; i < count; i++) {
    const at = i * stride + channel * sampleBytes;
    re[i] = (get(view, at, littleEndian) - offset) / scale;
    im[i] = complex ? (get(view, at + componentBytes, littleEndian) - offset) / scale : 0;
  }
}

/**
 * Samples → bytes. Integers are rounded, and clipped at full scale.
 * @returns the bytes, and how many real numbers were clipped
 */
export function encodeSamples(datatype: Datatype, samples: ComplexArray): { bytes: Uint8Array; clipped: number } {
  const { kind, componentBytes, sampleBytes, complex, littleEndian } = datatype;
  const count = samples.re.length;
  const bytes = new Uint8Array(count * sampleBytes);
  const view = new DataView(bytes.buffer);
  const set = setters[kind];
  const { scale, offset } = scaling(kind);
  const isFloat = kind === 'f32' || kind === 'f64';
  let clipped = 0;
  const store = (at: number, value: number): void => {
    if (isFloat) {
      set(view, at, value, littleEndian);
      return;
    }
    const wanted = Math.round(value * scale);
    const kept = Math.min(Math.max(wanted, -scale), scale - 1);
    if (kept !== wanted) clipped++;
    set(view, at, (Number.isNaN(kept) ? 0 : kept) + offset, littleEndian);
  };
  for (let i = 0; i < count; i++) {
    store(i * sampleBytes, samples.re[i]);
    if (complex) store(i * sampleBytes + componentBytes, samples.im[i]);
  }
  return { bytes, clipped };
}
