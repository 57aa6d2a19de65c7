import { zipStored } from './zip-store.js';

/** An array as NumPy stores it, C order. Complex data are interleaved re, im: twice as many numbers as elements. */
export type NpyArray =
  | { readonly dtype: 'float32' | 'complex64'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: 'float64' | 'complex128'; readonly shape: readonly number[]; readonly data: Float64Array }
  | { readonly dtype: 'int32'; readonly shape: readonly number[]; readonly data: Int32Array }
  | { readonly dtype: 'int64'; readonly shape: readonly number[]; readonly data: BigInt64Array }
  | { readonly dtype: 'bool'; readonly shape: readonly number[]; readonly data: Uint8Array };

export const descriptors = {
  float32: '<f4',
  float64: '<f8',
  complex64: '<c8',
  complex128: '<c16',
  int32: '<i4',
  int64: '<i8',
  bool: '|b1',
} as const;
export const numberBytes = {
  float32: 4,
  float64: 8,
  complex64: 4,
  complex128: 8,
  int32: 4,
  int64: 8,
  bool: 1,
} as const;
export const magic = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);

/** The bytes of a version-1 .npy file, readable by `numpy.load`. Throws RangeError if shape and data disagree. */
export function encodeNpy(array: NpyArray): Uint8Array {
  const length = array.shape.reduce((product, n) => product * n, 1) * (isComplex(array.dtype) ? 2 : 1);
  if (length !== array.data.length) {
    throw new RangeError(`shape (${array.shape.join(', ')}) needs ${length} numbers, got ${array.data.length}`);
  }
  const tuple = array.shape.length === 1 ? `(${array.shape[0]},)` : `(${array.shape.join(', ')})`;
  const dict = `{'descr': '${descriptors[array.dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // NumPy aligns the data to 64 bytes so that it can be memory-mapped.
  const header = new TextEncoder().encode(dict.padEnd(64 * Math.ceil((dict.length + 11) / 64) - 11) + '\n');
  const out = new Uint8Array(10 + header.length + array.data.byteLength);
  out.set(magic);
  out[6] = 1;
  new DataView(out.buffer).setUint16(8, header.length, true);
  out.set(header, 10);
  out.set(new Uint8Array(array.data.buffer, array.data.byteOffset, array.data.byteLength), 10 + header.length);
  return out;
}

/** The bytes of a .npz file as `numpy.savez` writes it (stored, not compressed). */
export function encodeNpz(arrays: ReadonlyMap<string, NpyArray>): Uint8Array {
  return zipStored([...arrays].map(([key, array]) => [`${key}.npy`, encodeNpy(array)] as const));
}

export const isComplex = (dtype: NpyArray['dtype']): boolean => dtype === 'complex64' || dtype === 'complex128';
