import { appendFileSync, closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { Zip, ZipPassThrough } from 'fflate';
import { FormatError } from './errors.js';
import { descriptors, encodeNpy, isComplex, magic, type NpyArray, numberBytes } from './npy-encode.js';
import { unzip } from './zip.js';
import { ZIP_DATE } from './zip-store.js';

export { encodeNpy, encodeNpz, type NpyArray } from './npy-encode.js';

/**
 * Parses the bytes of a .npy file (format versions 1 to 3; float32, float64, complex64, complex128, int32, int64, bool; little
 * endian, C order).
 *
 * @param name what errors call the data, usually its path
 * @throws FormatError for anything else, and for files that are cut short or too long
 */
export function parseNpy(bytes: Uint8Array, name: string): NpyArray {
  if (bytes.length < 10 || magic.some((byte, i) => bytes[i] !== byte)) throw fault(name, 'is not a .npy file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6];
  if (version < 1 || version > 3) throw fault(name, `is .npy version ${version}, which this reader does not know`);
  const headerStart = version === 1 ? 10 : 12;
  if (bytes.length < headerStart) throw fault(name, 'ends inside its header');
  const headerLength = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const dataStart = headerStart + headerLength;
  if (bytes.length < dataStart) throw fault(name, 'ends inside its header');
  const header = new TextDecoder().decode(bytes.subarray(headerStart, dataStart));

  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const shapeText = /'shape':\s*\(([\d,\sL]*)\)/.exec(header)?.[1];
  if (descr === undefined || fortran === undefined || shapeText === undefined) {
    throw fault(name, 'has a header that cannot be read');
  }
  const dtype = (Object.keys(descriptors) as NpyArray['dtype'][]).find((key) => descriptors[key] === descr);
  if (dtype === undefined) {
    throw fault(name, `has type ${descr}: save it as one of ${Object.values(descriptors).join(', ')}`);
  }
  if (fortran === 'True') throw fault(name, 'is in Fortran order: save numpy.ascontiguousarray(array)');
  const shape = shapeText.split(',').flatMap((part) => (part.trim() === '' ? [] : [Number.parseInt(part, 10)]));

  const length = shape.reduce((product, n) => product * n, 1) * (isComplex(dtype) ? 2 : 1);
  const numBytes = length * numberBytes[dtype];
  const present = bytes.length - dataStart;
  if (present !== numBytes) {
    throw fault(name, `holds ${present} bytes of data where its shape (${shape.join(', ')}) needs ${numBytes}`);
  }
  // A copy: it is aligned, and Buffer's own slice would be a view.
  const data = new Uint8Array(bytes.subarray(dataStart)).buffer;
  switch (dtype) {
    case 'float64':
    case 'complex128':
      return { dtype, shape, data: new Float64Array(data) };
    case 'float32':
    case 'complex64':
      return { dtype, shape, data: new Float32Array(data) };
    case 'int32':
      return { dtype, shape, data: new Int32Array(data) };
    case 'int64':
      return { dtype, shape, data: new BigInt64Array(data) };
    case 'bool':
      return { dtype, shape, data: new Uint8Array(data) };
  }
}

/**
 * Parses the bytes of a .npz file (`numpy.savez` or `numpy.savez_compressed`).
 *
 * @returns arrays by key, in the file's order
 * @throws FormatError for a damaged archive or a member that `parseNpy` refuses
 */
export function parseNpz(bytes: Uint8Array, name: string): Map<string, NpyArray> {
  const arrays = new Map<string, NpyArray>();
  for (const [entry, content] of unzip(bytes, name)) {
    arrays.set(entry.replace(/\.npy$/, ''), parseNpy(content, `${name}:${entry}`));
  }
  return arrays;
}

/** Reads a .npy file; a file that cannot be opened is a FormatError too. */
export function readNpy(path: string): NpyArray {
  return parseNpy(readBytes(path), path);
}

/** Reads a .npz file; a file that cannot be opened is a FormatError too. */
export function readNpz(path: string): Map<string, NpyArray> {
  return parseNpz(readBytes(path), path);
}

export function writeNpy(path: string, array: NpyArray): void {
  writeFileSync(path, encodeNpy(array));
}

/** As `encodeNpz`, array by array: no more than one is in memory twice. */
export function writeNpz(path: string, arrays: ReadonlyMap<string, NpyArray>): void {
  const file = openSync(path, 'w');
  try {
    const zip = new Zip((error, bytes) => {
      if (error !== null) throw error;
      appendFileSync(file, bytes);
    });
    for (const [key, array] of arrays) {
      const member = new ZipPassThrough(`${key}.npy`);
      member.mtime = ZIP_DATE;
      zip.add(member);
      member.push(encodeNpy(array), true);
    }
    zip.end();
  } finally {
    closeSync(file);
  }
}

function readBytes(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new FormatError('format.npy', `${path}: cannot be read (${(cause as Error).message})`, {
      cause,
      value: path,
    });
  }
}

const fault = (name: string, what: string): FormatError =>
  new FormatError('format.npy', `${name}: ${what}`, { value: name });
