import {
  closeSync,
  createReadStream,
  createWriteStream,
  openSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { basename } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { FormatError } from '../core/errors.js';

/** A file inside an uncompressed tar. */
export interface ArchiveMember {
  readonly name: string;
  /** Where its bytes begin in the archive, and how many there are. */
  readonly start: number;
  readonly bytes: number;
  text(): string;
}

const BLOCK = 512;
const MOST_HEADER_BYTES = 1 << 20;

/**
 * Lists the files of a SigMF archive (an uncompressed tar: ustar, with pax or GNU long names) by jumping from header to
 * header. Nothing is unpacked: a recording is read in place, however large. (tar-stream, which writes ours, reads a
 * tar only from end to end.)
 *
 * @throws FormatError if it is no tar or ends early
 */
export function readArchive(path: string): ArchiveMember[] {
  let size: number;
  let file: number;
  try {
    file = openSync(path, 'r');
    size = statSync(path).size;
  } catch (cause) {
    throw new FormatError('recording.missing', `${path}: no such recording`, { cause });
  }
  const bytesAt = (start: number, count: number): Buffer => {
    const buffer = Buffer.alloc(count);
    if (readSync(file, buffer, 0, count, start) < count) {
      throw new FormatError('recording.archive', `${path}: ends early; it is cut short or no tar archive`);
    }
    return buffer;
  };
  try {
    const members: ArchiveMember[] = [];
    let longName: string | null = null;
    let paxSize: number | null = null;
    for (let at = 0; at + BLOCK <= size;) {
      const header = bytesAt(at, BLOCK);
      if (header.every((byte) => byte === 0)) break;
      if (!checksumHolds(header)) {
        throw new FormatError(
          'recording.archive',
          `${path}: not a tar archive; a SigMF archive is an uncompressed tar`,
        );
      }
      const bytes = paxSize ?? numberIn(header, 124, 12);
      const start = at + BLOCK;
      const type = String.fromCharCode(header[156]);
      if (!(Number.isSafeInteger(bytes) && bytes >= 0)) {
        throw new FormatError('recording.archive', `${path}: holds a member whose size is no number; it is damaged`);
      }
      if ((type === 'x' || type === 'L') && bytes > MOST_HEADER_BYTES) {
        throw new FormatError('recording.archive', `${path}: holds a name of ${bytes} bytes; it is damaged`);
      }
      if (start + bytes > size) throw new FormatError('recording.archive', `${path}: is cut short`);
      if (type === 'x' || type === 'L') {
        const text = bytesAt(start, bytes).toString('utf8');
        if (type === 'L') longName = text.replace(/\0.*$/s, '');
        else ({ path: longName, size: paxSize } = paxFields(text, longName));
      } else if (type !== 'g') {
        const prefix = header.subarray(257, 262).toString() === 'ustar' ? textIn(header, 345, 155) : '';
        const name = longName ?? (prefix === '' ? '' : `${prefix}/`) + textIn(header, 0, 100);
        if (type === '0' || type === '\0') {
          const text = (): string => {
            const again = openSync(path, 'r');
            const buffer = Buffer.alloc(bytes);
            readSync(again, buffer, 0, bytes, start);
            closeSync(again);
            return buffer.toString('utf8');
          };
          members.push({ name, start, bytes, text });
        }
        longName = null;
        paxSize = null;
      }
      at = start + Math.ceil(bytes / BLOCK) * BLOCK;
    }
    return members;
  } finally {
    closeSync(file);
  }
}

const textIn = (header: Buffer, start: number, length: number): string =>
  header
    .subarray(start, start + length)
    .toString('utf8')
    .replace(/\0.*$/s, '');

/** Octal, or base-256 with the top bit set (files of 8 GiB and more). */
function numberIn(header: Buffer, start: number, length: number): number {
  if ((header[start] & 0x80) === 0) return Number.parseInt(textIn(header, start, length).trim() || '0', 8);
  let value = header[start] & 0x7f;
  for (let i = 1; i < length; i++) value = value * 256 + header[start + i];
  return value;
}

function checksumHolds(header: Buffer): boolean {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : header[i];
  return sum === numberIn(header, 148, 8);
}

function paxFields(text: string, before: string | null): { path: string | null; size: number | null } {
  const path = /\d+ path=([^\n]*)\n/.exec(text)?.[1] ?? before;
  const size = /\d+ size=(\d+)\n/.exec(text)?.[1];
  return { path, size: size === undefined ? null : Number(size) };
}

/**
 * Packs a recording into `base.sigmf`, streaming; the archive appears under its name when complete.
 * @param from the recording's name on disk, if it is not `base`
 */
export async function writeArchive(base: string, from = base): Promise<string> {
  const out = `${base}.sigmf`;
  const part = `${out}.part-${process.pid}`;
  const name = basename(base);
  const archive = pack();
  const written = pipeline(archive, createWriteStream(part));
  try {
    for (const suffix of ['sigmf-meta', 'sigmf-data']) {
      const file = `${from}.${suffix}`;
      const entry = archive.entry({ name: `${name}/${name}.${suffix}`, size: statSync(file).size, mtime: new Date(0) });
      await pipeline(createReadStream(file), entry);
    }
    archive.finalize();
    await written;
    renameSync(part, out);
  } catch (cause) {
    archive.destroy();
    await written.catch(() => undefined);
    rmSync(part, { force: true });
    throw new FormatError('recording.archive', `${out}: cannot be written`, { cause });
  }
  return out;
}
