import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FrameOutcome } from './frame-report.js';
import { constellationSvg, tapsSvg } from './plots.js';
import { makeFolders } from './run-folder.js';
import { sideBySide } from './save-pictures.js';
import { decibels } from './tables.js';

/** A frame's pictures side by side, and its constellation and taps, into `pictures/` and `plots/` of a run folder. */
export async function saveFrame(path: string, outcomes: readonly FrameOutcome[]): Promise<void> {
  makeFolders(path);
  const { arrived } = outcomes[0];
  const name = String(arrived.sent.index).padStart(5, '0');
  const { height, width, data } = arrived.sent.picture;
  await sideBySide(
    [
      { label: 'sent', planes: data, height, width },
      ...outcomes.map(({ report, picture }) => ({
        label: `${report.receiver}  ${decibels(report.psnrDb)}`,
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
      title: `Frame ${arrived.sent.index}: received resource elements, and equalised`,
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
}
