import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LinkConfig } from '../../config/schema.js';
import { FormatError } from '../../core/errors.js';
import { constellationSvg } from './plots.js';
import type { PictureSize, ReceptionOutcome, ReceptionReport, SentPicture } from '../stream/reception.js';
import { sideBySide } from './save-pictures.js';

export interface ReceptionFolder {
  readonly path: string;
  add(outcomes: readonly ReceptionOutcome[]): Promise<void>;
  finish(summary: unknown): void;
}

const columns = [
  'frame',
  'receiver',
  'startSample',
  'cfoSubcarriers',
  'cfoHz',
  'snrDb',
  'metric',
  'verdict',
  'confidence',
  'residual',
  'picture',
  'psnrDb',
  'ssim',
  'milliseconds',
] as const satisfies readonly (keyof ReceptionReport)[];

/**
 * A folder for what is received: `config.json`, `frames.csv`, `pictures/`, `plots/` for the first `run.keepPictures`
 * frames, `summary.json`.
 * @throws FormatError if it cannot be written
 */
export function openReceptionFolder(
  path: string,
  config: LinkConfig,
  size: PictureSize,
  sent: readonly SentPicture[],
): ReceptionFolder {
  try {
    mkdirSync(join(path, 'pictures'), { recursive: true });
    mkdirSync(join(path, 'plots'), { recursive: true });
    writeJson(join(path, 'config.json'), config);
    writeFileSync(join(path, 'frames.csv'), `${columns.join(',')}\n`);
  } catch (cause) {
    throw new FormatError('run.folder', `${path}: cannot be written; choose another folder with --out`, { cause });
  }
  let kept = 0;
  return {
    path,
    async add(outcomes) {
      const lines = outcomes.map(({ report }) => columns.map((column) => cell(report[column])).join(','));
      appendFileSync(join(path, 'frames.csv'), `${lines.join('\n')}\n`);
      if (kept++ >= config.run.keepPictures) return;
      const { frame, report } = outcomes[0];
      const name = String(frame.index).padStart(5, '0');
      const truth = sent.find((item) => item.name === report.picture)?.picture ?? null;
      await sideBySide(
        [
          ...(truth === null ? [] : [{ label: 'sent', planes: truth.data, ...size }]),
          ...outcomes.map(({ report: { receiver, verdict, psnrDb }, picture }) => ({
            label: `${receiver}  ${psnrDb === null ? verdict : `${psnrDb.toFixed(2)} dB`}`,
            planes: picture,
            ...size,
          })),
        ],
        join(path, 'pictures', `${name}.png`),
      );
      writeFileSync(
        join(path, 'plots', `${name}-constellation.svg`),
        constellationSvg({
          title: `Frame ${frame.index}: received cells, and equalised`,
          panels: [
            { label: 'received', points: frame.candidates[0].cells.data },
            ...outcomes.map(({ report: { receiver }, result }) => ({ label: receiver, points: result.equalised })),
          ],
        }),
      );
    },
    finish(summary) {
      writeJson(join(path, 'summary.json'), summary);
    },
  };
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(`${path}.part`, `${JSON.stringify(value, null, 2)}\n`);
  renameSync(`${path}.part`, path);
}

function cell(value: unknown): string {
  if (value === null) return '';
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
