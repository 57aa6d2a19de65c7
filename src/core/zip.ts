import { inflateRawSync } from 'node:zlib';
import { FormatError } from './errors.js';

const endSignature = 0x06054b50;
const centralSignature = 0x02014b50;
const localSignature = 0x04034b50;

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

/** CRC-32 as zip has it (polynomial 0xEDB88320, reflected). */
export function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = crcTable[(crc ^ bytes[i]) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/**
 * The members of a zip archive, stored or deflated, in the order of its central directory, checksums verified
 * (fflate, which writes ours, does not verify them: a damaged statistics file would decode to noise without a word).
 * Covers what .npz files need: no encryption, no archives of 4 GiB or more.
 *
 * @param name what errors call the archive, usually its path
 * @throws FormatError for anything damaged, cut short or not covered
 */
export function unzip(bytes: Uint8Array, name: string): [entry: string, content: Uint8Array][] {
  const fault = (what: string, cause?: unknown): FormatError =>
    new FormatError('format.zip', `${name}: ${what}`, { cause, value: name });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = findEnd(view);
  if (end < 0) throw fault('is not a zip archive, or is cut short');
  const count = view.getUint16(end + 10, true);
  if (count === 0xffff) throw fault('is a zip64 archive, which this reader does not know');

  const entries: [string, Uint8Array][] = [];
  try {
    let at = view.getUint32(end + 16, true);
    for (let i = 0; i < count; i++) {
      if (view.getUint32(at, true) !== centralSignature) throw fault('has a damaged directory');
      const method = view.getUint16(at + 10, true);
      const crc = view.getUint32(at + 16, true);
      const packedSize = view.getUint32(at + 20, true);
      const size = view.getUint32(at + 24, true);
      const nameLength = view.getUint16(at + 28, true);
      const local = view.getUint32(at + 42, true);
      const entry = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
      at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);

      if (view.getUint32(local, true) !== localSignature) throw fault(`${entry} is damaged`);
      const start = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
      const packed = bytes.subarray(start, start + packedSize);
      if (method !== 0 && method !== 8) throw fault(`${entry} uses zip method ${method}: save it with numpy.savez`);
      const content = method === 0 ? packed : inflateRawSync(packed, { maxOutputLength: Math.max(size, 1) });
      if (content.length !== size || crc32(content) !== crc) throw fault(`${entry} is damaged (checksum)`);
      entries.push([entry, content]);
    }
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw fault('is damaged', cause);
  }
  return entries;
}

/** The end record lies in the last 22 bytes plus a comment of at most 65,535. */
function findEnd(view: DataView): number {
  const lowest = Math.max(0, view.byteLength - 22 - 0xffff);
  for (let at = view.byteLength - 22; at >= lowest; at--) {
    if (view.getUint32(at, true) === endSignature) return at;
  }
  return -1;
}
