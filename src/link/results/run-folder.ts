import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { CodecCard } from '../../codec/card.js';
import type { LinkConfig } from '../../config/schema.js';
import { FormatError } from '../../core/errors.js';
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
  try {
    writeJson(join(path, 'config.json'), config);
    writeJson(join(path, 'versions.json'), versions(card, features));
    writeFileSync(
      join(path, 'frames.csv'),
      csvLine([...frameColumns, ...distances, ...packets.map((name) => `packet.${name}`)]),
    );
  } catch (cause) {
    throw unwritable(path, cause);
  }
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
      appendFileSync(join(path, 'frames.csv'), lines.join(''));
    },
    finish(summary) {
      writeJson(join(path, 'summary.json'), summary);
    },
  };
}

/** `pictures/` and `plots/` of a run folder. Throws FormatError. */
export function makeFolders(path: string): void {
  try {
    mkdirSync(join(path, 'pictures'), { recursive: true });
    mkdirSync(join(path, 'plots'), { recursive: true });
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

const unwritable = (path: string, cause: unknown): FormatError =>
  new FormatError('run.folder', `${path}: cannot be written; choose another folder with --out`, { cause });

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
