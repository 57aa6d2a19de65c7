import { join } from 'node:path';
import type { Command } from 'commander';
import { FRAMES_FILE, readCampaignFile } from '../campaign/campaign-folder.js';
import { readJsonLines } from '../campaign/frame-lines.js';
import { updateDocument } from '../campaign/report/document.js';
import { writeReport } from '../campaign/report/write-report.js';
import { ConfigError } from '../core/errors.js';
import { interruptible } from './interrupt.js';

const WATCH_S = 5;

export function addReport(program: Command): void {
  program
    .command('report')
    .description("Draw a campaign's curves, tables and pictures: one page, and each part as SVG, PNG and CSV.")
    .argument('<folder>', 'a folder that sweep FILE.yaml wrote, complete or not')
    .option('--x <setting>', 'what curves are drawn over; by default the first setting that has several numbers')
    .option('--within <dB>', "how near to perfect's PSNR counts as near; by default the campaign's withinDb, 1 dB")
    .option(
      '--markdown <file>',
      'also put the tables, and what its `document` names, into a document, between <!-- campaign FOLDER --> and <!-- /campaign -->',
    )
    .option('--watch', 'draw it again while the campaign runs; the page loads itself again')
    .option('--json', 'one JSON object for each page written')
    .action(
      async (
        folder: string,
        options: { x?: string; within?: string; markdown?: string; watch?: boolean; json?: boolean },
      ) => {
        const withinDb = options.within === undefined ? undefined : Number(options.within);
        if (withinDb !== undefined && !(withinDb > 0 && withinDb < 100))
          throw new ConfigError('report.within', `--within ${options.within}: must be a number of dB above 0`);
        const { signal, release } = interruptible();
        try {
          for (;;) {
            const began = !options.watch || hasFrames(folder);
            if (began) {
              const more = options.watch === true ? { refreshS: WATCH_S } : {};
              const data = await writeReport(folder, {
                ...more,
                ...(options.x !== undefined && { x: options.x }),
                ...(withinDb !== undefined && { withinDb }),
              });
              const { page, frames, measured, complete } = data;
              if (options.markdown !== undefined) {
                for (const id of updateDocument(options.markdown, data).missingCharts)
                  console.error(`note: document.charts: ${folder} has no chart ${id}`);
              }
              if (options.json === true)
                console.log(JSON.stringify({ type: 'report', page, frames, points: measured, complete }));
              else console.log(`${page}: ${frames} frames, ${measured} points${complete ? '' : ', not complete yet'}`);
              if (options.watch !== true || complete) return;
            }
            await pause(WATCH_S * 1000, signal);
            if (signal.aborted) return;
          }
        } finally {
          release();
        }
      },
    );
}

/** Throws ConfigError for a folder that holds no campaign. */
function hasFrames(folder: string): boolean {
  readCampaignFile(folder);
  for (const _ of readJsonLines(join(folder, FRAMES_FILE))) return true;
  return false;
}

const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      done();
    });
  });
