import { appendFileSync, existsSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import type { CodecCard } from '../../codec/card.js';
import type { LinkConfig } from '../../config/schema.js';
import { ConfigError, FormatError, LinkError } from '../../core/errors.js';
import { makeFolder } from '../../core/make-folder.js';
import { automaticPrecision } from '../../runtime/precision.js';
import type { FeatureCard } from '../../perception/feature-card.js';
import { frameColumns, type FrameReport, packetColumns } from './frame-report.js';
import { csvLine, writeJson } from './tables.js';

/** Where a run's results go as they come, so that an interrupted run is worth something. */
export interface RunFolder {
  readonly path: string;
  /** A frame's reports, one a receiver. */
  add(reports: readonly FrameReport[]): void;
  finish(summary: unknown): void;
}

/** A folder that a run has for itself. */
export interface ClaimedFolder {
  readonly path: string;
  /** Takes away what claiming it made, where nothing came of the run. */
  abandon(): void;
}

const ANOTHER_FOLDER = 'choose another folder with --out';

/** A run's table of frames: who makes it has the folder. */
export const FRAMES_TABLE = 'frames.csv';
/** A sweep's table of points, likewise. */
export const POINTS_TABLE = 'sweep.csv';

/** What folders of results begin with, of whatever kind. */
const RESULTS = [FRAMES_TABLE, POINTS_TABLE, 'campaign.json'];

/**
 * Takes a folder for a run's results before work begins, so that no two runs write into one and none loses what is there.
 *
 * @param wanted by default `runs/<time>`, with a number behind it where that is taken
 * @param table what the results are written into, made empty
 * @throws ConfigError if it holds results, FormatError if it cannot be written
 */
export function claimRunFolder(wanted?: string, table: string = FRAMES_TABLE): ClaimedFolder {
  const usual = table === FRAMES_TABLE ? defaultRunFolder() : `${defaultRunFolder()}-sweep`;
  for (let attempt = 1; ; attempt++) {
    const path = wanted ?? (attempt === 1 ? usual : `${usual}-${attempt}`);
    const existed = existsSync(path);
    let made: string | undefined;
    let held = RESULTS.find((name) => existsSync(join(path, name)));
    try {
      made = makeFolder(path);
      if (held === undefined) writeFileSync(join(path, table), '', { flag: 'wx' });
    } catch (cause) {
      // Another run was faster.
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST' && existsSync(join(path, table))) held = table;
      else throw unwritable(path, cause);
    }
    if (held !== undefined) {
      if (wanted === undefined) continue;
      throw new ConfigError(
        'run.out',
        `${path}: holds the results of a run already (${held}); choose another --out, or remove it`,
      );
    }
    return {
      path,
      abandon() {
        // One that was there before may hold what is somebody's.
        rmSync(existed ? join(path, table) : path, { recursive: true, force: true });
        if (made !== undefined) removeEmpty(dirname(resolve(path)), resolve(made));
      },
    };
  }
}

/** Removes a folder and those above it up to `last`, as far as they are empty. */
function removeEmpty(folder: string, last: string): void {
  try {
    for (let at = folder; at.length >= last.length; at = dirname(at)) rmdirSync(at);
  } catch {
    // Something is in there.
  }
}

/**
 * Opens a run folder: `config.json` (resolved settings), `versions.json`, `frames.csv` and empty `pictures/`, `plots/`
 * (filled by `saveFrame`); at the end `summary.json`.
 * @param withPackets columns for the packets of conventional links
 * @throws FormatError if the folder cannot be written
 */
export function openRunFolder(
  path: string,
  config: LinkConfig,
  card: CodecCard,
  features: readonly FeatureCard[] = [],
  withPackets = false,
): RunFolder {
  const distances = features.filter(({ kind }) => kind !== 'fid').map(({ name }) => name);
  const packets = withPackets ? packetColumns : [];
  makeFolders(path);
  writing(path, () => {
    writeJson(join(path, 'config.json'), config);
    writeJson(join(path, 'versions.json'), versions(card, features));
    writeFileSync(
      join(path, FRAMES_TABLE),
      csvLine([...frameColumns, ...distances, ...packets.map((name) => `packet.${name}`)]),
    );
  });
  return {
    path,
    add(reports) {
      const lines = reports.map((report) =>
        csvLine([
          ...frameColumns.map((column) => report[column]),
          ...distances.map((name) => report.perception?.[name]),
          ...packets.map((name) => report.packet?.[name]),
        ]),
      );
      writing(path, () => appendFileSync(join(path, FRAMES_TABLE), lines.join('')));
    },
    finish(summary) {
      writing(path, () => writeJson(join(path, 'summary.json'), summary));
    },
  };
}

/** `pictures/` and `plots/` of a run folder. Throws FormatError. */
export function makeFolders(path: string): void {
  writing(path, () => {
    makeFolder(join(path, 'pictures'));
    makeFolder(join(path, 'plots'));
  });
}

/** Does what writes into a folder. Throws FormatError that names it where it cannot be written. */
export function writing<T>(path: string, write: () => T, advice = ANOTHER_FOLDER): T {
  try {
    return write();
  } catch (cause) {
    if (cause instanceof LinkError || (cause as NodeJS.ErrnoException).code === undefined) throw cause;
    throw unwritable(path, cause, advice);
  }
}

function unwritable(path: string, cause: unknown, advice = ANOTHER_FOLDER): FormatError {
  const code = (cause as NodeJS.ErrnoException).code;
  const why = code === 'ENOSPC' ? ': the disk is full' : code === undefined ? '' : ` (${code})`;
  return new FormatError('run.folder', `${path}: cannot be written${why}; ${advice}`, { cause });
}

/** Versions of everything a result depends on. */
export function versions(card?: CodecCard, features: readonly FeatureCard[] = []): Record<string, unknown> {
  const require = createRequire(import.meta.url);
  const own = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const ort = JSON.parse(readFileSync(require.resolve('onnxruntime-node/package.json'), 'utf8')) as { version: string };
  return {
    blindlink: own.version,
    node: process.version,
    onnxruntime: ort.version,
    platform: `${process.platform}-${process.arch}`,
    // What `run.precision: auto` means on this machine.
    precision: automaticPrecision(),
    ...(card === undefined ? {} : { codec: { name: card.name, sha256: card.sha256 } }),
    ...(features.length === 0
      ? {}
      : {
          featureNetworks: features.map(({ name, kind, network, sha256 }) => ({ name, kind, sha256: sha256[network] })),
        }),
  };
}

/** Where results go unless told otherwise: runs/<time>. */
export const defaultRunFolder = (): string =>
  `runs/${new Date().toISOString().slice(0, 19).replaceAll(':', '').replace('T', '-')}`;
