import { appendFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LinkConfig } from '../../config/schema.js';
import { constellationSvg } from './plots.js';
import type { PictureSize, ReceptionOutcome, ReceptionReport } from '../stream/reception.js';
import { FRAMES_TABLE, makeFolders, writing } from './run-folder.js';
import { sideBySide } from './save-pictures.js';
import { columnsOf, csvLine, decibels, writeJson } from './tables.js';

export interface ReceptionFolder {
  readonly path: string;
  add(outcomes: readonly ReceptionOutcome[]): Promise<void>;
  finish(summary: unknown): void;
}

/** Columns of `frames.csv`: every field of the report but its type. */
export const receptionColumns = columnsOf<ReceptionReport, 'type'>()({
  frame: true,
  receiver: true,
  startSample: true,
  cfoSubcarriers: true,
  cfoHz: true,
  snrDb: true,
  metric: true,
  verdict: true,
  confidence: true,
  expectedPsnrDb: true,
  residual: true,
  picture: true,
  psnrDb: true,
  ssim: true,
  milliseconds: true,
});

/**
 * A folder for what is received: `config.json`, `frames.csv`, `pictures/`, `plots/` for the first `run.keepPictures`
 * frames, `summary.json`.
 * @throws FormatError if it cannot be written
 */
export function openReceptionFolder(path: string, config: LinkConfig, size: PictureSize): ReceptionFolder {
  makeFolders(path);
  writing(path, () => {
    writeJson(join(path, 'config.json'), config);
    writeFileSync(join(path, FRAMES_TABLE), csvLine(receptionColumns));
  });
  let kept = 0;
  return {
    path,
    async add(outcomes) {
      const lines = outcomes.map(({ report }) => csvLine(receptionColumns.map((column) => report[column])));
      writing(path, () => appendFileSync(join(path, FRAMES_TABLE), lines.join('')));
      if (kept++ >= config.run.keepPictures) return;
      const { frame } = outcomes[0];
      const name = String(frame.index).padStart(5, '0');
      const { truth } = outcomes[0];
      await sideBySide(
        [
          ...(truth === null ? [] : [{ label: 'sent', planes: truth.data, ...size }]),
          ...outcomes.map(({ report: { receiver, verdict, psnrDb }, picture }) => ({
            label: `${receiver}  ${psnrDb === null ? verdict : decibels(psnrDb)}`,
            planes: picture,
            ...size,
          })),
        ],
        join(path, 'pictures', `${name}.png`),
      );
      writeFileSync(
        join(path, 'plots', `${name}-constellation.svg`),
        constellationSvg({
          title: `Frame ${frame.index}: received resource elements, and equalised`,
          panels: [
            { label: 'received', points: frame.candidates[0].elements.data },
            ...outcomes.map(({ report: { receiver }, result }) => ({ label: receiver, points: result.equalised })),
          ],
        }),
      );
    },
    finish(summary) {
      writing(path, () => writeJson(join(path, 'summary.json'), summary));
    },
  };
}
