import { createHash, type Hash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { ComplexArray } from '../core/complex.js';
import { FormatError } from '../core/errors.js';
import { encodeSamples, parseDatatype } from './datatype.js';
import {
  blindlinkExtension,
  SIGMF_VERSION,
  type SigmfAnnotation,
  type SigmfCapture,
  type SigmfGlobal,
  type SigmfMetadata,
} from './metadata.js';
import { validateMetadata } from './metadata-schema.js';

export interface SigmfWriterOptions {
  /** A complex SigMF datatype; `cf32_le` and `ci16_le` are the usual ones. */
  readonly datatype: string;
  readonly sampleRateHz: number;
  readonly centerFrequencyHz?: number | undefined;
  readonly gainDb?: number | undefined;
  /** When the first sample was taken; left out where nothing tells. */
  readonly datetime?: Date | undefined;
  /** Further fields of the global object. */
  readonly global?: Readonly<Record<string, unknown>> | undefined;
  /** Replaces a recording of that name. */
  readonly overwrite?: boolean | undefined;
}

/** A recording being made. */
export interface SigmfWriter {
  readonly metaPath: string;
  readonly dataPath: string;
  readonly samplesWritten: number;
  readonly clippedComponents: number;
  /** Samples that came in order. */
  write(samples: ComplexArray): void;
  /** `lost` samples are missing here: a new capture segment whose `core:global_index` says so. */
  markGap(lost: number, cause: string): void;
  /** A new capture segment from the next sample on, with fields of its own; before the first sample they join the first. */
  segment(fields: Readonly<Record<string, unknown>>): void;
  annotate(annotation: SigmfAnnotation): void;
  setGlobal(fields: Readonly<Record<string, unknown>>): void;
  /** Writes what is known so far; the recording on disk is whole at any time. */
  flush(): void;
  /** The last metadata, with `core:sha512`; what was replaced is gone from here on. */
  finish(): void;
  /** Takes everything back: what was written goes, what it was to replace is there again. */
  discard(): void;
}

/** Metadata is written again after this many bytes of data, */
const FLUSH_BYTES = 1 << 24;
/** and after gaps at most so often: a radio that overruns must not be slowed down by its own bookkeeping. */
const GAP_MS = 500;

/**
 * Writes `base.sigmf-data` and `base.sigmf-meta`. Metadata is there before the first sample and is always replaced
 * whole (written beside, synced, renamed), so that after a crash or a loss of power the recording can be read up to the
 * last block that reached the disk; only the checksum, and gaps of the last half second, are missing then. A recording that
 * is to be replaced is set aside as NAME.….replaced until the new one is whole, so it may be read from meanwhile.
 *
 * @throws FormatError if files of that name exist (unless `overwrite`) or cannot be written
 */
export function createSigmfWriter(base: string, options: SigmfWriterOptions): SigmfWriter {
  const datatype = parseDatatype(options.datatype);
  if (!datatype.complex) {
    throw new FormatError(
      'recording.datatype',
      `datatype ${datatype.name}: is real; recordings are complex, e.g. cf32_le`,
    );
  }
  const metaPath = `${base}.sigmf-meta`;
  const dataPath = `${base}.sigmf-data`;
  const present = [metaPath, dataPath].find((path) => existsSync(path));
  if (present !== undefined && options.overwrite !== true) {
    throw new FormatError('recording.exists', `${present}: is there already; choose another name, or --overwrite`);
  }
  const settings = {
    ...(options.centerFrequencyHz === undefined ? {} : { 'core:frequency': options.centerFrequencyHz }),
    ...(options.gainDb === undefined ? {} : { 'blindlink:gain_db': options.gainDb }),
  };
  const captures: SigmfCapture[] = [
    {
      'core:sample_start': 0,
      'core:global_index': 0,
      ...(options.datetime === undefined ? {} : { 'core:datetime': options.datetime.toISOString() }),
      ...settings,
    },
  ];
  const annotations: SigmfAnnotation[] = [];
  let global: SigmfGlobal = {
    'core:datatype': datatype.name,
    'core:sample_rate': options.sampleRateHz,
    'core:version': SIGMF_VERSION,
    'core:recorder': 'blindlink',
    'core:extensions': [blindlinkExtension],
    ...options.global,
  };
  const hash: Hash = createHash('sha512');
  let samples = 0;
  let lostBefore = 0;
  let clipped = 0;
  let bytesSinceFlush = 0;
  let lastWrite = performance.now();
  let data: number;

  const metadata = (): SigmfMetadata => ({
    global,
    captures,
    annotations: [...annotations].sort((a, b) => a['core:sample_start'] - b['core:sample_start']),
  });
  const flush = (): void => {
    fsyncSync(data);
    writeMetadata(metaPath, metadata());
    bytesSinceFlush = 0;
    lastWrite = performance.now();
  };

  const addSegment = (fields: Readonly<Record<string, unknown>>): void => {
    const last = captures[captures.length - 1];
    if (last['core:sample_start'] === samples) {
      captures[captures.length - 1] = { ...last, ...fields, 'core:global_index': samples + lostBefore };
    } else captures.push({ ...fields, 'core:sample_start': samples, 'core:global_index': samples + lostBefore });
  };

  const replaced: string[] = [];
  const putBack = (): void => {
    for (const path of replaced) renameSync(`${path}.replaced`, path);
    replaced.length = 0;
  };
  try {
    mkdirSync(dirname(base), { recursive: true });
    for (const path of [metaPath, dataPath]) {
      if (!existsSync(path)) continue;
      renameSync(path, `${path}.replaced`);
      replaced.push(path);
    }
    data = openSync(dataPath, 'wx');
    writeMetadata(metaPath, metadata());
  } catch (cause) {
    putBack();
    if (cause instanceof FormatError) throw cause;
    throw new FormatError('recording.write', `${metaPath}: cannot be written; check the folder and its rights`, {
      cause,
    });
  }

  return {
    metaPath,
    dataPath,
    get samplesWritten() {
      return samples;
    },
    get clippedComponents() {
      return clipped;
    },
    write(block) {
      const encoded = encodeSamples(datatype, block);
      clipped += encoded.clipped;
      try {
        for (let at = 0; at < encoded.bytes.length;) at += writeSync(data, encoded.bytes, at);
      } catch (cause) {
        throw new FormatError('recording.write', `${dataPath}: cannot be written (${(cause as Error).message})`, {
          cause,
        });
      }
      hash.update(encoded.bytes);
      samples += block.re.length;
      bytesSinceFlush += encoded.bytes.length;
      if (bytesSinceFlush >= FLUSH_BYTES) flush();
    },
    markGap(lost, cause) {
      lostBefore += lost;
      addSegment({ ...settings, 'blindlink:lost_samples': lost, 'blindlink:cause': cause });
      if (performance.now() - lastWrite > GAP_MS) flush();
    },
    segment: addSegment,
    annotate(annotation) {
      annotations.push(annotation);
    },
    setGlobal(fields) {
      global = { ...global, ...fields };
    },
    flush,
    finish() {
      fsyncSync(data);
      closeSync(data);
      global = { ...global, 'core:sha512': hash.digest('hex') };
      writeMetadata(metaPath, metadata());
      for (const path of replaced) rmSync(`${path}.replaced`, { force: true });
      replaced.length = 0;
    },
    discard() {
      closeSync(data);
      for (const path of [metaPath, dataPath]) rmSync(path, { force: true });
      putBack();
    },
  };
}

/** Checks metadata and replaces the file in one step. */
export function writeMetadata(path: string, metadata: SigmfMetadata): void {
  validateMetadata(metadata, path);
  const part = `${path}.part`;
  const file = openSync(part, 'w');
  try {
    writeFileSync(file, `${JSON.stringify(metadata, null, 2)}\n`);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(part, path);
}
