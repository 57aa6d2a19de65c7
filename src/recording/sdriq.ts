import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { FormatError } from '../core/errors.js';
import { crc32 } from '../core/zip.js';
import type { HeaderDescription } from './wav.js';

const HEADER_BYTES = 32;
/** Milliseconds since 1970 are beyond this from March 1973 on; SDRangel wrote seconds before 6.16.2. */
const LEAST_MILLISECONDS = 1e11;

/**
 * Reads the header of an SDRangel recording (`.sdriq`), 32 bytes, little-endian: sampling rate in Hz (u32), centre frequency in
 * Hz (u64), start in ms since 1970 (u64), bits of a sample (u32: 16, or 24 in the lower bits of 32, which are read as
 * they are: multiply by 256 for full scale), a filler (u32), CRC-32 of the 28 bytes before (u32). Samples, I and Q, follow.
 * Source: SDRangel, plugins/samplesource/fileinput/readme.md.
 *
 * @throws FormatError for a file that is cut short, whose checksum differs or that says what cannot be
 */
export function readSdriq(path: string): HeaderDescription {
  const wrong = (what: string): FormatError =>
    new FormatError(
      'recording.sdriq',
      `${path}: ${what}; to read it as raw samples give --datatype ci16_le and --rate`,
    );
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (cause) {
    throw new FormatError('recording.missing', `${path}: cannot be read`, { cause });
  }
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    const { size } = fstatSync(file);
    if (size < HEADER_BYTES || readSync(file, header, 0, HEADER_BYTES, 0) < HEADER_BYTES) {
      throw wrong('is too short for an SDRangel recording');
    }
    if (crc32(header.subarray(0, 28)) !== header.readUInt32LE(28)) {
      throw wrong(
        "the header's checksum differs: no SDRangel recording, a damaged one or one from before version 4.2.1",
      );
    }
    const sampleRateHz = header.readUInt32LE(0);
    const bits = header.readUInt32LE(20);
    if (sampleRateHz === 0) throw wrong('has a sampling rate of 0');
    if (bits !== 16 && bits !== 24) throw wrong(`has samples of ${bits} bits; 16 and 24 can be read`);
    const frequency = Number(header.readBigUInt64LE(4));
    const time = Number(header.readBigUInt64LE(12));
    const date = new Date(time < LEAST_MILLISECONDS ? 1000 * time : time);
    return {
      datatype: bits === 16 ? 'ci16_le' : 'ci32_le',
      sampleRateHz,
      start: HEADER_BYTES,
      bytes: size - HEADER_BYTES,
      centerFrequencyHz: frequency === 0 || frequency > 1e12 ? null : frequency,
      datetime: time === 0 || !(date.getTime() < Date.UTC(3000, 0)) ? null : date.toISOString(),
    };
  } finally {
    closeSync(file);
  }
}
