import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { FormatError } from '../core/errors.js';
import { readArchive } from './archive.js';
import { parseDatatype } from './datatype.js';
import { datatypeAlias, describeName } from './file-name.js';
import { SIGMF_VERSION, type SigmfMetadata } from './metadata.js';
import { sigmfDatetime } from './datetime.js';
import { parseExactJson } from './metadata-json.js';
import { validateMetadata } from './metadata-schema.js';
import { openRecording, type Recording } from './recording.js';
import { readSdriq } from './sdriq.js';
import { unpack } from './unpack.js';
import { type HeaderDescription, readWav } from './wav.js';

/** What a user says of a file that does not say it itself. */
export interface RawDescription {
  readonly datatype?: string | undefined;
  readonly sampleRateHz?: number | undefined;
  readonly centerFrequencyHz?: number | undefined;
  /** Which recording of an archive that holds several. */
  readonly member?: string | undefined;
  /** I and Q lie the other way round. */
  readonly swapIq?: boolean | undefined;
  readonly onClose?: ((recording: Recording) => void) | undefined;
  /** The file that the user named, where another one is opened in its place. */
  readonly named?: string | undefined;
}

/**
 * Opens a recording by the name of any of its parts: `x`, `x.sigmf-meta`, `x.sigmf-data`, an archive `x.sigmf`, or a raw
 * file with a datatype in `raw` (or in its name, see `describeName`), or a WAV or SDRangel file; each also packed as `.gz` or `.xz`.
 *
 * @throws FormatError, one line: what is missing or wrong
 */
export function openAnyRecording(path: string, raw: RawDescription = {}): Recording {
  if (/\.(gz|xz)$/i.test(path)) return openPacked(path, raw);
  if (path.endsWith('.sigmf')) return openArchived(path, raw);
  const base = path.replace(/\.sigmf-(meta|data)$/, '');
  const meta = `${base}.sigmf-meta`;
  const named = path !== base || !existsSync(path);
  if (named && existsSync(meta)) return openStored(path, meta, raw);
  if (!named) {
    const describing = metadataOf(path);
    if (describing !== null) return openStored(path, describing, raw);
  }
  if (!existsSync(path)) {
    throw new FormatError('recording.missing', `${path}: no such recording (looked for ${meta} too)`);
  }
  if (path.endsWith('.sigmf-data') && raw.datatype === undefined) {
    throw new FormatError(
      'recording.missing',
      `${path}: has no ${basename(meta)} beside it; give --datatype and --rate`,
    );
  }
  return openRaw(path, raw);
}

function openStored(path: string, meta: string, raw: RawDescription): Recording {
  const stored = parseMetadata(readText(meta), meta);
  const { 'core:dataset': dataset, 'core:metadata_only': metadataOnly } = stored.global;
  const file = dataset === undefined ? meta.replace(/-meta$/, '-data') : join(dirname(meta), basename(dataset));
  if (metadataOnly === true && !existsSync(file)) {
    throw new FormatError(
      'recording.data',
      `${meta}: is metadata only, it says so itself; there are no samples to read`,
    );
  }
  return openRecording(
    raw.named ?? path,
    overridden(stored, raw),
    { file, start: 0, bytes: null },
    { path: meta, metadata: stored },
    raw,
  );
}

/**
 * The metadata that describes a raw file, where there is some: `x.cf32.sigmf-meta` or `x.sigmf-meta`, if its
 * `core:dataset` names the file, or its data are the same file under another name.
 */
function metadataOf(path: string): string | null {
  const bases = [path, path.replace(/\.[^./\\]+$/, '')];
  for (const base of new Set(bases)) {
    const meta = `${base}.sigmf-meta`;
    if (!existsSync(meta)) continue;
    const { 'core:dataset': dataset } = parseMetadata(readText(meta), meta).global;
    const data = dataset === undefined ? `${base}.sigmf-data` : join(dirname(meta), basename(dataset));
    if (isSameFile(data, path)) return meta;
  }
  return null;
}

/** Whether two names, through links of any kind, lead to one file. */
export function isSameFile(a: string, b: string): boolean {
  try {
    const [x, y] = [statSync(a, { bigint: true }), statSync(b, { bigint: true })];
    return x.ino === y.ino && x.dev === y.dev;
  } catch {
    return false;
  }
}

function openRaw(path: string, raw: RawDescription): Recording {
  if (statSync(path).isDirectory())
    throw new FormatError('recording.folder', `${path}: is a folder; name a recording in it`);
  const name = describeName(path);
  const header = raw.datatype === undefined ? headerOf(path) : null;
  const guess = raw.datatype ?? header?.datatype ?? name.datatype;
  if (guess === undefined) {
    throw new FormatError(
      'recording.datatype',
      `${path}: a raw file says nothing of itself; give --datatype (cf32_le, ci16_le, ci8, cu8, …) and --rate`,
    );
  }
  const datatype = parseDatatype(datatypeAlias(guess)).name;
  const beside = besideOf(path);
  const rate = raw.sampleRateHz ?? header?.sampleRateHz ?? beside.sampleRateHz ?? name.sampleRateHz;
  const frequency =
    raw.centerFrequencyHz ?? header?.centerFrequencyHz ?? beside.centerFrequencyHz ?? name.centerFrequencyHz;
  const trailing = header === null ? 0 : statSync(path).size - header.start - header.bytes;
  const metadata: SigmfMetadata = {
    global: {
      'core:datatype': datatype,
      'core:version': SIGMF_VERSION,
      ...(rate === undefined ? {} : { 'core:sample_rate': rate }),
      ...(trailing > 0 ? { 'core:trailing_bytes': trailing } : {}),
    },
    captures: [
      {
        'core:sample_start': 0,
        ...(header === null ? {} : { 'core:header_bytes': header.start }),
        ...(frequency === undefined ? {} : { 'core:frequency': frequency }),
        ...(header?.datetime == null ? {} : { 'core:datetime': header.datetime }),
      },
    ],
    annotations: [],
  };
  return openRecording(raw.named ?? path, metadata, { file: path, start: 0, bytes: null }, null, raw);
}

/** WAV files and SDRangel's say what they hold. */
function headerOf(path: string): HeaderDescription | null {
  if (/\.wav$/i.test(path)) return readWav(path);
  return /\.sdriq$/i.test(path) ? readSdriq(path) : null;
}

/** What a Portapack writes beside its `.C16`: `x.TXT` with `sample_rate=` and `center_frequency=`. */
function besideOf(path: string): { sampleRateHz?: number; centerFrequencyHz?: number } {
  if (!/\.c(8|16)$/i.test(path)) return {};
  const file = [path.replace(/\.[^.]+$/, '.TXT'), path.replace(/\.[^.]+$/, '.txt')].find((name) => existsSync(name));
  if (file === undefined) return {};
  const text = readFileSync(file, 'utf8').slice(0, 4096);
  const [rate, frequency] = [/^sample_rate=(\d+)/m.exec(text)?.[1], /^center_frequency=(\d+)/m.exec(text)?.[1]];
  return {
    ...(rate === undefined ? {} : { sampleRateHz: Number(rate) }),
    ...(frequency === undefined ? {} : { centerFrequencyHz: Number(frequency) }),
  };
}

/** A packed recording, unpacked for as long as it is open. */
function openPacked(path: string, raw: RawDescription): Recording {
  if (!existsSync(path)) throw new FormatError('recording.missing', `${path}: no such recording`);
  const { file, remove } = unpack(path);
  const onClose = (recording: Recording): void => {
    remove();
    raw.onClose?.(recording);
  };
  try {
    return openAnyRecording(file, { ...raw, named: path, onClose });
  } catch (error) {
    remove();
    if (!(error instanceof FormatError)) throw error;
    throw new FormatError(error.code, error.message.replaceAll(file, path), { cause: error });
  }
}

function openArchived(path: string, raw: RawDescription): Recording {
  const members = readArchive(path);
  // macOS puts a `._x` beside every x.
  const metas = members.filter(({ name }) => name.endsWith('.sigmf-meta') && !basename(name).startsWith('._'));
  const full = (name: string): string => name.replace(/\.sigmf-meta$/, '');
  const bases = metas.map(({ name }) => basename(full(name)));
  const isPlain = new Set(bases).size === bases.length;
  const wanted = raw.member?.replace(/\.sigmf(-meta|-data)?$/, '');
  const exact = metas.filter(({ name }) => full(name) === wanted);
  const chosen =
    wanted === undefined
      ? metas
      : exact.length > 0
        ? exact
        : metas.filter(({ name }) => basename(full(name)) === wanted);
  if (chosen.length !== 1) {
    const names = metas.map(({ name }) => (isPlain ? basename(full(name)) : full(name))).join(', ');
    throw new FormatError(
      'recording.archive',
      metas.length === 0
        ? `${path}: holds no .sigmf-meta; it is no SigMF archive`
        : `${path}: holds ${metas.length} recording${metas.length === 1 ? '' : 's'} (${names}); choose one with --member`,
    );
  }
  const [meta] = chosen;
  const metadata = overridden(parseMetadata(meta.text(), `${path}:${meta.name}`), raw);
  const dataset = metadata.global['core:dataset'];
  const place =
    dataset === undefined ? meta.name.replace(/-meta$/, '-data') : join(dirname(meta.name), basename(dataset));
  const data = members.find(({ name }) => name === place);
  if (data === undefined) throw new FormatError('recording.archive', `${path}: lacks ${place}`);
  return openRecording(raw.named ?? path, metadata, { file: path, start: data.start, bytes: data.bytes }, null, raw);
}

/** UTF-8; or UTF-16 where a byte-order mark says so, which some editors on Windows write. */
function readText(path: string): string {
  const bytes = readFileSync(path);
  if (bytes.length >= 2 && bytes[0] === 0xff && bytes[1] === 0xfe) return bytes.toString('utf16le');
  if (bytes.length >= 2 && bytes[0] === 0xfe && bytes[1] === 0xff) {
    return bytes
      .subarray(0, bytes.length & ~1)
      .swap16()
      .toString('utf16le');
  }
  return bytes.toString('utf8');
}

const SIGMF_DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;

export function parseMetadata(text: string, where: string): SigmfMetadata {
  let value: unknown;
  try {
    value = parseExactJson(text);
  } catch (cause) {
    const hint = basename(where).startsWith('._') ? '; a ._ file of macOS: open the one without' : '';
    throw new FormatError('recording.metadata', `${where}: not JSON (${(cause as Error).message})${hint}`, { cause });
  }
  return validateMetadata(withPlainDates(value, where), where);
}

/**
 * Dates in any common form of ISO 8601, as SigMF writes them; those that SigMF may write stay as they are.
 *
 * @throws FormatError for what is no date
 */
function withPlainDates(value: unknown, where: string): unknown {
  const captures = (value as { captures?: unknown } | null)?.captures;
  if (!Array.isArray(captures)) return value;
  return {
    ...(value as object),
    captures: captures.map((capture: unknown, i) => {
      const date = (capture as Record<string, unknown> | null)?.['core:datetime'];
      if (typeof date !== 'string' || SIGMF_DATE.test(date)) return capture;
      const plain = sigmfDatetime(date);
      if (plain === null) {
        throw new FormatError(
          'recording.metadata',
          `${where}: captures ${i} core:datetime ${JSON.stringify(date.slice(0, 40))} is no date; write it as 2024-01-01T12:00:00Z`,
        );
      }
      return { ...(capture as object), 'core:datetime': plain };
    }),
  };
}

/** What the user says wins over the file: metadata can be wrong. */
function overridden(metadata: SigmfMetadata, raw: RawDescription): SigmfMetadata {
  const { datatype, sampleRateHz, centerFrequencyHz } = raw;
  if (datatype === undefined && sampleRateHz === undefined && centerFrequencyHz === undefined) return metadata;
  return {
    ...metadata,
    global: {
      ...metadata.global,
      ...(datatype === undefined ? {} : { 'core:datatype': parseDatatype(datatypeAlias(datatype)).name }),
      ...(sampleRateHz === undefined ? {} : { 'core:sample_rate': sampleRateHz }),
    },
    captures:
      centerFrequencyHz === undefined
        ? metadata.captures
        : metadata.captures.map((capture) => ({ ...capture, 'core:frequency': centerFrequencyHz })),
  };
}
