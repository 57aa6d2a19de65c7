import { createHash, type Hash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ComplexArray } from '../core/complex.js';
import { FormatError } from '../core/errors.js';
import { makeFolder } from '../core/make-folder.js';
import { encodeSamples, parseDatatype } from './datatype.js';
import {
  blindlinkExtension,
  SIGMF_VERSION,
  type SigmfAnnotation,
  type SigmfCapture,
  type SigmfGlobal,
  type SigmfMetadata,
} from './metadata.js';
import { exactJson } from './metadata-json.js';
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
  /** `core:global_index` of the first sample; 0 by default. */
  readonly globalIndex?: number | bigint | undefined;
  /** Under another name until it is finished, as it is anyway where something is to be replaced. */
  readonly beside?: boolean | undefined;
}

/** A recording being made. */
export interface SigmfWriter {
  readonly metaPath: string;
  readonly dataPath: string;
  readonly samplesWritten: number;
  readonly clippedComponents: number;
  /** Samples that came in order. */
  write(samples: ComplexArray): void;
  /** The same, as bytes of whole samples of the datatype. */
  writeBytes(bytes: Uint8Array): void;
  /** `lost` samples are missing here: a new capture segment whose `core:global_index` says so. */
  markGap(lost: number, cause: string): void;
  /** A new capture segment from the next sample on, with fields of its own; before the first sample they join the first. */
  segment(fields: Readonly<Record<string, unknown>>): void;
  annotate(annotation: SigmfAnnotation): void;
  setGlobal(fields: Readonly<Record<string, unknown>>): void;
  /** Writes what is known so far; the recording on disk is whole at any time. */
  flush(): void;
  /** The last metadata, with `core:sha512`; from then on the recording has its own name. */
  finish(): void;
  /**
   * The end after a failure: what came is kept, under the name it was written to; what was to be replaced stays. Nothing
   * is left of a recording without samples.
   * @returns the metadata file, or null where there is nothing
   */
  abandon(): string | null;
  /** Removes what was written. */
  discard(): void;
}

/** Metadata is written again after this many bytes of data. */
const FLUSH_BYTES = 1 << 24;
/** A gap is on disk after so long, or after so many times what writing the metadata takes, if that is longer. */
const GAP_MS = 500;
const GAP_SHARE = 20;

/**
 * Writes `base.sigmf-data` and `base.sigmf-meta`. Metadata is there before the first sample and is always replaced
 * whole (written beside, synced, renamed), so that after a crash or a loss of power the recording can be read up to the
 * last block that reached the disk; only the checksum, and gaps of the last moment, are missing then.
 *
 * What is to be replaced stays until the new recording is whole: that is written as `base.part-PID.sigmf-*`, a
 * recording like any other, and takes the name at the end (D-070). Gaps cost next to nothing each (D-071).
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
  const own = { meta: `${base}.sigmf-meta`, data: `${base}.sigmf-data` };
  const present = [own.meta, own.data].find((path) => existsSync(path));
  const beside = present !== undefined || options.beside === true;
  const at = beside ? `${base}.part-${process.pid}` : base;
  const metaPath = `${at}.sigmf-meta`;
  const dataPath = `${at}.sigmf-data`;
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
      'core:global_index': options.globalIndex ?? 0,
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
  let data: number;
  let metadataMs = 0;
  let flushedAt = 0;
  const first = BigInt(options.globalIndex ?? 0);
  const globalIndex = (): number | bigint => {
    const index = first + BigInt(samples + lostBefore);
    return index > BigInt(Number.MAX_SAFE_INTEGER) ? index : Number(index);
  };

  const metadata = (): SigmfMetadata => ({
    global,
    captures,
    annotations: [...annotations].sort((a, b) => a['core:sample_start'] - b['core:sample_start']),
  });
  const flush = (): void => {
    const began = performance.now();
    fsyncSync(data);
    writeMetadata(metaPath, metadata());
    bytesSinceFlush = 0;
    flushedAt = performance.now();
    metadataMs = flushedAt - began;
  };

  const addSegment = (fields: Readonly<Record<string, unknown>>): void => {
    const last = captures[captures.length - 1];
    if (last['core:sample_start'] === samples) {
      captures[captures.length - 1] = { ...last, ...fields, 'core:global_index': globalIndex() };
    } else captures.push({ ...fields, 'core:sample_start': samples, 'core:global_index': globalIndex() });
  };

  try {
    makeFolder(dirname(base));
    data = openSync(dataPath, beside ? 'w' : 'wx');
    writeMetadata(metaPath, metadata());
  } catch (cause) {
    // A file of nothing is no recording.
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') rmSync(dataPath, { force: true });
    if (cause instanceof FormatError) throw cause;
    throw new FormatError('recording.write', `${own.meta}: cannot be written; check the folder and its rights`, {
      cause,
    });
  }

  const writeBytes = (bytes: Uint8Array): void => {
    try {
      for (let at = 0; at < bytes.length;) at += writeSync(data, bytes, at);
    } catch (cause) {
      throw new FormatError('recording.write', `${dataPath}: cannot be written (${(cause as Error).message})`, {
        cause,
      });
    }
    hash.update(bytes);
    samples += bytes.length / datatype.sampleBytes;
    bytesSinceFlush += bytes.length;
    if (bytesSinceFlush >= FLUSH_BYTES) flush();
  };

  const complete = (): void => {
    fsyncSync(data);
    closeSync(data);
    global = { ...global, 'core:sha512': hash.digest('hex') };
    writeMetadata(metaPath, metadata());
  };
  const discard = (): void => {
    closeSync(data);
    for (const path of [metaPath, dataPath]) rmSync(path, { force: true });
  };

  return {
    metaPath: own.meta,
    dataPath: own.data,
    get samplesWritten() {
      return samples;
    },
    get clippedComponents() {
      return clipped;
    },
    write(block) {
      const encoded = encodeSamples(datatype, block);
      clipped += encoded.clipped;
      writeBytes(encoded.bytes);
    },
    writeBytes,
    markGap(lost, cause) {
      lostBefore += lost;
      addSegment({ ...settings, 'blindlink:lost_samples': lost, 'blindlink:cause': cause });
      // The whole metadata for each of thousands of gaps would slow down the radio that already overruns.
      if (performance.now() - flushedAt > Math.max(GAP_MS, GAP_SHARE * metadataMs)) flush();
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
      complete();
      if (beside) replace(at, base);
    },
    abandon() {
      if (samples === 0) {
        discard();
        return null;
      }
      complete();
      return metaPath;
    },
    discard,
  };
}

/**
 * Gives the recording `from` the name `to`. What had it goes aside first and is removed last: at no moment is there data
 * under the metadata of other data, and whenever the process is killed both recordings are there in full.
 */
function replace(from: string, to: string): void {
  const suffixes = ['sigmf-meta', 'sigmf-data'] as const;
  const aside = `${to}.replaced-${process.pid}`;
  const old = suffixes.filter((suffix) => existsSync(`${to}.${suffix}`));
  for (const suffix of old) renameSync(`${to}.${suffix}`, `${aside}.${suffix}`);
  for (const suffix of [...suffixes].reverse()) renameSync(`${from}.${suffix}`, `${to}.${suffix}`);
  for (const suffix of old) rmSync(`${aside}.${suffix}`);
}

/** Checks metadata and replaces the file in one step. */
export function writeMetadata(path: string, metadata: SigmfMetadata): void {
  validateMetadata(metadata, path);
  const part = `${path}.part-${process.pid}`;
  try {
    const file = openSync(part, 'w');
    try {
      writeFileSync(file, `${exactJson(metadata)}\n`);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(part, path);
  } catch (cause) {
    rmSync(part, { force: true });
    throw new FormatError('recording.write', `${path}: cannot be written (${(cause as Error).message})`, { cause });
  }
}
