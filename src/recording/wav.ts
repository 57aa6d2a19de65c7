import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { FormatError } from '../core/errors.js';

/** Where the samples of a file with a header lie, and what it says of them. */
export interface HeaderDescription {
  readonly datatype: string;
  readonly sampleRateHz: number;
  /** First byte of the samples and their number. */
  readonly start: number;
  readonly bytes: number;
  /** In a WAV file from an `auxi` chunk, as many receivers' programs write it. */
  readonly centerFrequencyHz: number | null;
  readonly datetime: string | null;
}

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;
const UNKNOWN = 0xffff_ffff;
/** Chunks before the samples; a file with more is no recording. */
const MOST_CHUNKS = 1000;

/**
 * Reads the header of a RIFF/WAVE file (RF64 and BW64 too, beyond 4 GiB): two channels are I and Q, one is a real signal.
 * Samples stay where they are, in 8, 16 or 32 bits, whole numbers or floats. A size of 0 or 2³² − 1, or one that
 * goes beyond the file, is what an interrupted recorder leaves: then the samples go on to the file's end.
 *
 * @throws FormatError for anything else
 */
export function readWav(path: string): HeaderDescription {
  const wrong = (what: string): FormatError => new FormatError('recording.wav', `${path}: ${what}`);
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    throw new FormatError('recording.missing', `${path}: cannot be read`, { cause });
  }
  try {
    const { size } = fstatSync(file);
    const take = (at: number, count: number): Buffer => {
      const bytes = Buffer.alloc(Math.max(0, Math.min(count, size - at)));
      return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, at));
    };
    const head = take(0, 12);
    const riff = head.toString('latin1', 0, 4);
    if (head.length < 12 || !['RIFF', 'RF64', 'BW64'].includes(riff) || head.toString('latin1', 8, 12) !== 'WAVE') {
      throw wrong('is no WAV file');
    }
    let format: Omit<HeaderDescription, 'start' | 'bytes' | 'centerFrequencyHz' | 'datetime'> | null = null;
    let data: { start: number; bytes: number } | null = null;
    let longBytes: number | null = null;
    let [centerFrequencyHz, datetime]: [number | null, string | null] = [null, null];
    for (let at = 12, chunks = 0; at + 8 <= size && chunks < MOST_CHUNKS; chunks++) {
      const header = take(at, 8);
      const name = header.toString('latin1', 0, 4);
      let bytes = header.readUInt32LE(4);
      const start = at + 8;
      if (name === 'ds64') {
        const body = take(start, 24);
        if (body.length >= 16) longBytes = Number(body.readBigUInt64LE(8));
      } else if (name === 'fmt ') format = formatOf(take(start, Math.min(bytes, 40)), wrong);
      else if (name === 'auxi') ({ centerFrequencyHz, datetime } = auxiliary(take(start, Math.min(bytes, 64))));
      else if (name === 'data') {
        if (bytes === UNKNOWN && longBytes !== null) bytes = longBytes;
        if (bytes === 0 || bytes === UNKNOWN || start + bytes > size) bytes = size - start;
        data = { start, bytes };
      }
      at = start + bytes + (bytes % 2);
    }
    if (format === null) throw wrong('has no format chunk; it is cut short or no WAV file');
    if (data === null) throw wrong('has no data chunk; it is cut short or no WAV file');
    return { ...format, ...data, centerFrequencyHz, datetime };
  } finally {
    closeSync(file);
  }
}

function formatOf(body: Buffer, wrong: (what: string) => FormatError): { datatype: string; sampleRateHz: number } {
  if (body.length < 16) throw wrong('has a format chunk that is too short');
  const tag = body.readUInt16LE(0);
  const coding = tag === EXTENSIBLE && body.length >= 26 ? body.readUInt16LE(24) : tag;
  const channels = body.readUInt16LE(2);
  const sampleRateHz = body.readUInt32LE(4);
  const bits = body.readUInt16LE(14);
  if (channels !== 1 && channels !== 2) throw wrong(`has ${channels} channels; I and Q are two, a real signal is one`);
  if (sampleRateHz === 0) throw wrong('has a sampling rate of 0');
  const kinds: Readonly<Record<string, string>> = {
    [`${PCM}/8`]: 'u8',
    [`${PCM}/16`]: 'i16_le',
    [`${PCM}/32`]: 'i32_le',
    [`${FLOAT}/32`]: 'f32_le',
    [`${FLOAT}/64`]: 'f64_le',
  };
  const kind = kinds[`${coding}/${bits}`];
  if (kind === undefined) {
    throw wrong(`holds format ${coding} with ${bits} bits; PCM of 8, 16 or 32 bits and floats of 32 or 64 can be read`);
  }
  return { datatype: `${channels === 2 ? 'c' : 'r'}${kind}`, sampleRateHz };
}

/** Start time (a SYSTEMTIME, in UTC), end time, then the centre frequency in Hz. */
function auxiliary(body: Buffer): { centerFrequencyHz: number | null; datetime: string | null } {
  if (body.length < 36) return { centerFrequencyHz: null, datetime: null };
  const [year, month, , day, hour, minute, second, ms] = Array.from({ length: 8 }, (_, i) => body.readUInt16LE(2 * i));
  const time = new Date(Date.UTC(year, month - 1, day, hour, minute, second, ms));
  const isDate = year >= 1970 && year < 3000 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
  const hertz = body.readUInt32LE(32);
  return { centerFrequencyHz: hertz === 0 ? null : hertz, datetime: isDate ? time.toISOString() : null };
}
