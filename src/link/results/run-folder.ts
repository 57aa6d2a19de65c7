import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { CodecCard } from '../../codec/card.js';
import type { LinkConfig } from '../../config/schema.js';
import { FormatError } from '../../core/errors.js';
import type { FeatureCard } from '../../perception/feature-card.js';
import { frameColumns, type FrameOutcome } from './frame-report.js';
import { constellationSvg, tapsSvg } from './plots.js';
import { sideBySide } from './save-pictures.js';
import { csvLine, writeJson } from './tables.js';

/** Where a run's results go as they come, so that an interrupted run is worth something. */
export interface RunFolder {
  readonly path: string;
  /** A frame's outcomes, one a receiver. */
  add(outcomes: readonly FrameOutcome[]): Promise<void>;
  finish(summary: unknown): void;
}

/**
 * Opens a run folder: `config.json` (resolved settings), `versions.json`, `frames.csv`; later `pictures/`, `plots/`
 * for the first `run.keepPictures` frames and `summary.json`.
 * @throws FormatError if the folder cannot be written
 */
export function openRunFolder(
  path: string,
  config: LinkConfig,
  card: CodecCard,
  features: readonly FeatureCard[] = [],
): RunFolder {
  const distances = features.filter(({ kind }) => kind !== 'fid').map(({ name }) => name);
  try {
    mkdirSync(join(path, 'pictures'), { recursive: true });
    mkdirSync(join(path, 'plots'), { recursive: true });
    writeJson(join(path, 'config.json'), config);
    writeJson(join(path, 'versions.json'), versions(card, features));
    writeFileSync(join(path, 'frames.csv'), csvLine([...frameColumns, ...distances]));
  } catch (cause) {
    throw new FormatError('run.folder', `${path}: cannot be written; choose another folder with --out`, { cause });
  }
  let kept = 0;
  return {
    path,
    async add(outcomes) {
      const lines = outcomes.map(({ report }) =>
        csvLine([
          ...frameColumns.map((column) => report[column]),
          ...distances.map((name) => report.perception?.[name]),
        ]),
      );
      appendFileSync(join(path, 'frames.csv'), lines.join(''));
      if (kept++ >= config.run.keepPictures) return;
      const { arrived } = outcomes[0];
      const name = String(arrived.sent.index).padStart(5, '0');
      const { height, width, data } = arrived.sent.picture;
      await sideBySide(
        [
          { label: 'sent', planes: data, height, width },
          ...outcomes.map(({ report, picture }) => ({
            label: `${report.receiver}  ${report.psnrDb.toFixed(2)} dB`,
            planes: picture,
            height,
            width,
          })),
        ],
        join(path, 'pictures', `${name}.png`),
      );
      if (arrived.observed === null) return;
      writeFileSync(
        join(path, 'plots', `${name}-constellation.svg`),
        constellationSvg({
          title: `Frame ${arrived.sent.index}: received cells, and equalised`,
          panels: [
            { label: 'received', points: arrived.observed.data },
            ...outcomes.flatMap(({ report, result }) =>
              result === null ? [] : [{ label: report.receiver, points: result.equalised }],
            ),
          ],
        }),
      );
      writeFileSync(
        join(path, 'plots', `${name}-taps.svg`),
        tapsSvg({
          title: `Frame ${arrived.sent.index}: channel taps of the first packet`,
          truth: arrived.taps[0],
          estimates: outcomes.flatMap(({ report, result }) =>
            result === null || result.channel.length === 0 ? [] : [{ label: report.receiver, ...result.channel[0] }],
          ),
        }),
      );
    },
    finish(summary) {
      writeJson(join(path, 'summary.json'), summary);
    },
  };
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
