import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type ComplexArray, createComplex } from '../core/complex.js';
import { FormatError } from '../core/errors.js';
import { type Datatype, decodeSamples, parseDatatype } from './datatype.js';
import type { SigmfAnnotation, SigmfCapture, SigmfMetadata } from './metadata.js';

/** A recording on disk, read piece by piece: the file may be larger than memory. */
export interface Recording {
  /** The file that the user named. */
  readonly path: string;
  /** What describes the samples: the file's metadata with what the user says in its place. */
  readonly metadata: SigmfMetadata;
  /** The metadata file, as it is on disk; null for raw files without one, and in archives. */
  readonly stored: { readonly path: string; readonly metadata: SigmfMetadata } | null;
  /** The file that holds the samples. */
  readonly dataPath: string;
  readonly datatype: Datatype;
  readonly numChannels: number;
  /** null where neither metadata nor user tells. */
  readonly sampleRateHz: number | null;
  /** Of the first segment; null where unknown. */
  readonly centerFrequencyHz: number | null;
  readonly numSamples: number;
  /** `core:offset`: sample indices in the metadata count from here. */
  readonly offset: number;
  /** Capture segments and annotations, with positions counted from the first sample of the file. */
  readonly captures: readonly SigmfCapture[];
  readonly annotations: readonly SigmfAnnotation[];
  /** What is odd but no obstacle, e.g. a file that ends within a sample. */
  readonly notes: readonly string[];
  /** Samples read so far that are no numbers; they are read as zero, as samples that were lost. */
  readonly nonFinite: number;
  /** Samples [start, start + count) of a channel, fewer at the end. */
  read(start: number, count: number, channel?: number): ComplexArray;
  /** The same samples as they lie in the file, byte for byte. */
  readBytes(start: number, count: number, channel?: number): Uint8Array;
  /** Bytes of the file that holds the samples, headers included; their SHA-512 in hexadecimal. */
  readonly dataBytes: number;
  hash(): string;
  close(): void;
}

/** Where a recording's samples lie: a stretch of bytes of some file. */
export interface DataLocation {
  readonly file: string;
  readonly start: number;
  /** null: to the end of the file, which may still grow. */
  readonly bytes: number | null;
}

/**
 * Opens the samples that metadata describes. Header bytes before each segment, trailing bytes at the end, channels and
 * `core:offset` are taken into account. A file that ends within a sample is read up to the last whole one.
 *
 * @throws FormatError if the file cannot be read
 */
export function openRecording(
  path: string,
  metadata: SigmfMetadata,
  location: DataLocation,
  stored: Recording['stored'] = null,
  options: { swapIq?: boolean | undefined; onClose?: ((recording: Recording) => void) | undefined } = {},
): Recording {
  const { global } = metadata;
  const datatype = parseDatatype(global['core:datatype']);
  const numChannels = global['core:num_channels'] ?? 1;
  const frameBytes = datatype.sampleBytes * numChannels;
  const offset = global['core:offset'] ?? 0;
  const notes: string[] = [];
  let file: number;
  try {
    file = openSync(location.file, 'r');
  } catch (cause) {
    throw new FormatError('recording.data', `${location.file}: cannot be read; a recording needs its data beside it`, {
      cause,
    });
  }
  const size = location.bytes ?? fstatSync(file).size - location.start;

  const relative = <T extends SigmfCapture | SigmfAnnotation>(item: T): T => ({
    ...item,
    'core:sample_start': Math.max(0, item['core:sample_start'] - offset),
  });
  const captures = (metadata.captures.length > 0 ? metadata.captures : [{ 'core:sample_start': offset }]).map(relative);

  // Header bytes come before a segment's first sample: they push it, and all behind it, back.
  const segments: { first: number; headers: number }[] = [];
  let headers = 0;
  for (const capture of captures) {
    const bytes = capture['core:header_bytes'] ?? 0;
    headers += bytes;
    // Thousands of segments without a header (gaps) are one stretch of bytes.
    if (bytes > 0 || segments.length === 0) segments.push({ first: capture['core:sample_start'], headers });
  }
  if (segments[0].first > 0) segments.unshift({ first: 0, headers: 0 });
  const trailing = global['core:trailing_bytes'] ?? 0;
  const payload = size - headers - trailing;
  if (payload < 0) {
    closeSync(file);
    throw new FormatError(
      'recording.data',
      `${location.file}: has ${size} bytes, fewer than the ${headers + trailing} of core:header_bytes and core:trailing_bytes that its metadata tells of`,
    );
  }
  const numSamples = Math.max(0, Math.floor(payload / frameBytes));
  if (payload > 0 && payload % frameBytes !== 0) {
    notes.push(`${path}: ends within a sample; ${payload % frameBytes} bytes at the end are left out`);
  }

  const readInto = (start: number, count: number, bytes: Uint8Array): void => {
    let done = 0;
    for (let i = segmentAt(segments, start); i < segments.length && done < count; i++) {
      const end = segments[i + 1]?.first ?? Infinity;
      const from = start + done;
      if (from >= end) continue;
      const here = Math.min(count - done, end - from);
      const at = location.start + segments[i].headers + from * frameBytes;
      readFully(file, bytes.subarray(done * frameBytes, (done + here) * frameBytes), at, location.file);
      done += here;
    }
  };

  const bytesOf = (start: number, count: number, channel: number): Uint8Array => {
    if (!(channel >= 0 && channel < numChannels)) {
      throw new FormatError(
        'recording.channel',
        `${path}: has no channel ${channel}; it has ${numChannels}, from 0 on`,
      );
    }
    const bytes = new Uint8Array(Math.max(0, Math.min(count, numSamples - start)) * frameBytes);
    readInto(start, bytes.length / frameBytes, bytes);
    return bytes;
  };

  let nonFinite = 0;
  /** Behind the last sample ever read: what is read again is not counted again. */
  let seen = 0;
  let closed = false;

  const recording: Recording = {
    path,
    metadata,
    stored,
    dataPath: location.file,
    datatype,
    numChannels,
    sampleRateHz: global['core:sample_rate'] ?? null,
    centerFrequencyHz: captures[0]['core:frequency'] ?? null,
    numSamples,
    offset,
    captures,
    annotations: metadata.annotations.map(relative),
    notes,
    get nonFinite() {
      return nonFinite;
    },
    read(start, count, channel = 0) {
      const bytes = bytesOf(start, count, channel);
      const out = createComplex(bytes.length / frameBytes);
      decodeSamples(datatype, bytes, out, numChannels, channel, (i) => {
        if (start + i >= seen) nonFinite++;
      });
      seen = Math.max(seen, start + out.re.length);
      return options.swapIq === true ? { re: out.im, im: out.re } : out;
    },
    readBytes(start, count, channel = 0) {
      const bytes = bytesOf(start, count, channel);
      if (numChannels === 1) return bytes;
      const { sampleBytes } = datatype;
      const out = new Uint8Array(bytes.length / numChannels);
      for (let i = 0; i * sampleBytes < out.length; i++) {
        const at = i * frameBytes + channel * sampleBytes;
        out.set(bytes.subarray(at, at + sampleBytes), i * sampleBytes);
      }
      return out;
    },
    dataBytes: size,
    hash() {
      const hash = createHash('sha512');
      const bytes = new Uint8Array(1 << 20);
      for (let at = 0; at < size; at += bytes.length) {
        const part = bytes.subarray(0, Math.min(bytes.length, size - at));
        readFully(file, part, location.start + at, location.file);
        hash.update(part);
      }
      return hash.digest('hex');
    },
    close() {
      if (closed) return;
      closed = true;
      closeSync(file);
      options.onClose?.(recording);
    },
  };
  return recording;
}

/** The last segment that begins at or before `sample`. */
function segmentAt(segments: readonly { readonly first: number }[], sample: number): number {
  let [low, high] = [0, segments.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (segments[middle].first <= sample) low = middle;
    else high = middle;
  }
  return low;
}

function readFully(file: number, into: Uint8Array, position: number, name: string): void {
  for (let done = 0; done < into.length;) {
    const count = readSync(file, into, done, into.length - done, position + done);
    if (count === 0) throw new FormatError('recording.data', `${name}: became shorter while it was read`);
    done += count;
  }
}

/** The recording block by block. */
export function* blocksOf(
  recording: Recording,
  { start = 0, end = recording.numSamples, blockSamples = 65_536, channel = 0 } = {},
): Generator<{ start: number; samples: ComplexArray }> {
  for (let at = start; at < Math.min(end, recording.numSamples); at += blockSamples) {
    yield { start: at, samples: recording.read(at, Math.min(blockSamples, end - at), channel) };
  }
}
