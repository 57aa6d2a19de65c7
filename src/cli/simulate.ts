import type { Command } from 'commander';
import { createFramePool, inOrder, workersFor } from '../campaign/frame-pool.js';
import type { FrameJob, FrameWishes } from '../campaign/frame-job.js';
import { readCard } from '../codec/card.js';
import type { LinkConfig } from '../config/schema.js';
import { AbortedError } from '../core/errors.js';
import { findModel } from '../core/shipped-models.js';
import { ofdmConfigOf } from '../link/setting/link-setting.js';
import { expectOptions, findReceivers } from '../link/setting/receivers.js';
import { expectEnoughPictures } from '../link/results/perception.js';
import {
  type ClaimedFolder,
  claimRunFolder,
  openRunFolder,
  type RunFolder,
  versions,
} from '../link/results/run-folder.js';
import { type Summarised, summarise } from '../link/results/summary.js';
import { type FeatureCard, readFeatureCard } from '../perception/feature-card.js';
import { interruptible } from './interrupt.js';
import { createProgress } from './progress.js';
import { addFeatureNetworks, addSettings, addWorkers, openSource, settingsFrom, workersOf } from './settings.js';
import { describeSummary } from './tables.js';

export function addSimulate(program: Command): void {
  const command = program
    .command('simulate')
    .description('Send pictures through a simulated channel to one or more receivers.')
    .argument('[pictures...]', 'picture files, folders, builtin:photos, builtin:faces or builtin:natural')
    .option('--json', 'one JSON object a line on standard output, nothing else');
  addWorkers(addFeatureNetworks(addSettings(command))).action(
    async (pictures: string[], options: Record<string, unknown>) => {
      const config = settingsFrom(options, pictures);
      if (options['printConfig'] === true) {
        console.log(JSON.stringify(config, null, 2));
        return;
      }
      await simulate(config, options['json'] === true, workersOf(options));
    },
  );
}

async function simulate(config: LinkConfig, json: boolean, given: number | null): Promise<void> {
  const { signal, release } = interruptible();
  const source = openSource(config);
  expectOptions(config, await findReceivers(config));
  const { card } = readCard(findModel('codec', config.codec));
  const featureCards = config.run.featureNetworks.map((name) => readFeatureCard(findModel('features', name)).card);
  expectEnoughPictures(featureCards, source.count);
  let claim: ClaimedFolder | null = null;
  let folder: RunFolder | null = null;
  const pool = createFramePool(given ?? workersFor(config, source.count));
  try {
    claim = config.run.out === null ? null : claimRunFolder(config.run.out);
    const progress = createProgress('frames', source.count, process.stderr.isTTY && !json);
    const summarised: Summarised[] = [];
    const notes = new Set<string>();
    let interrupted = false;
    let failure: unknown = null;
    const wishes: FrameWishes = {
      naturalness: true,
      describe: !json,
      ...(claim === null ? {} : { runFolder: { path: claim.path, frames: config.run.keepPictures } }),
    };
    try {
      for await (const { products } of inOrder(pool, jobsOf(config, source.count, pool.size, wishes), signal)) {
        // Not before the first frame has shown that the settings fit each other.
        const withPackets = products.some(({ results }) => results.some(({ report }) => report.packet !== undefined));
        if (claim !== null) folder ??= openRunFolder(claim.path, config, card, featureCards, withPackets);
        for (const product of products) {
          for (const note of product.notes) {
            if (!notes.has(note)) console.error(`note: ${note}`);
            notes.add(note);
          }
          if (product.description !== null) console.log(product.description);
          const reports = product.results.map(({ report }) => report);
          if (json) for (const report of reports) console.log(toJson(report));
          folder?.add(reports);
          summarised.push(
            ...product.results.map(({ naturalness, ...rest }) => ({ ...rest, naturalness: naturalness! })),
          );
          progress.update(product.frame + 1);
        }
      }
    } catch (error) {
      if (error instanceof AbortedError) interrupted = true;
      else failure = error;
      // What is done is worth keeping, whatever ended it.
      if (failure !== null && summarised.length === 0) throw failure as Error;
    } finally {
      progress.stop();
    }
    conclude({ config, card, featureCards, summarised, folder, json, interrupted, failure, frames: source.count });
    if (failure !== null) throw failure as Error;
  } finally {
    await pool.close();
    if (folder === null) claim?.abandon();
    release();
  }
}

/** One frame a job in one process; several where a job's way to another process should not count. */
function* jobsOf(config: LinkConfig, frames: number, workers: number, wishes: FrameWishes): Iterable<FrameJob> {
  const size = workers === 1 ? 1 : 4;
  for (let from = 0; from < frames; from += size) yield { config, from, to: Math.min(frames, from + size), wishes };
}

interface Conclusion {
  readonly config: LinkConfig;
  readonly card: Parameters<typeof versions>[0];
  readonly featureCards: readonly FeatureCard[];
  readonly summarised: readonly Summarised[];
  readonly folder: RunFolder | null;
  readonly json: boolean;
  readonly interrupted: boolean;
  /** What ended the run early, or null. */
  readonly failure: unknown;
  readonly frames: number;
}

function conclude({
  config,
  card,
  featureCards,
  summarised,
  folder,
  json,
  interrupted,
  failure,
  frames,
}: Conclusion): void {
  const receivers = summarise(summarised);
  const summary = {
    type: 'summary',
    ...(interrupted ? { interrupted: true } : {}),
    ...(failure === null ? {} : { failed: failure instanceof Error ? failure.message : String(failure) }),
    config,
    grid: ofdmConfigOf(config),
    versions: versions(card, featureCards),
    receivers,
  };
  folder?.finish(summary);
  if (json) console.log(toJson(summary));
  else if (summarised.length > 0) console.log(describeSummary(receivers));
  if (folder !== null && !json)
    console.log(`\nResults in ${folder.path} (pictures/, plots/, frames.csv, summary.json)`);
  if (!interrupted) return;
  const done = summarised.length / config.receiver.names.length;
  const kept = folder === null ? '' : '; what was done is complete and saved';
  console.error(`blindlink: interrupted after ${done} of ${frames} frames${kept}`);
  process.exitCode = 130;
}

/** JSON has no NaN: null stands for what could not be measured. */
const toJson = (value: unknown): string => JSON.stringify(value, (_, v: unknown) => (Number.isNaN(v) ? null : v));
