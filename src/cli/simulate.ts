import type { Command } from 'commander';
import type { LinkConfig } from '../config/schema.js';
import { AbortedError } from '../core/errors.js';
import type { FrameOutcome } from '../link/results/frame-report.js';
import { linkFrames } from '../link/link.js';
import { withModels } from '../link/setting/link-models.js';
import { findReceivers } from '../link/setting/receivers.js';
import { expectEnoughPictures } from '../link/results/perception.js';
import { defaultRunFolder, openRunFolder, type RunFolder, versions } from '../link/results/run-folder.js';
import { summarisable, type Summarised, summarise } from '../link/results/summary.js';
import type { FeatureCard } from '../perception/feature-card.js';
import { openFeatureNetworks } from '../perception/feature-network.js';
import { interruptible } from './interrupt.js';
import { createProgress } from './progress.js';
import { addFeatureNetworks, addSettings, openSource, settingsFrom } from './settings.js';
import { describeFrame, describeSummary } from './tables.js';

export function addSimulate(program: Command): void {
  const command = program
    .command('simulate')
    .description('Send pictures through a simulated channel to one or more receivers.')
    .argument('[pictures...]', 'picture files, folders, builtin:faces or builtin:natural')
    .option('--json', 'one JSON object a line on standard output, nothing else');
  addFeatureNetworks(addSettings(command)).action(async (pictures: string[], options: Record<string, unknown>) => {
    const config = settingsFrom(options, pictures);
    if (options['printConfig'] === true) {
      console.log(JSON.stringify(config, null, 2));
      return;
    }
    await simulate(config, options['json'] === true);
  });
}

async function simulate(config: LinkConfig, json: boolean): Promise<void> {
  const { signal, release } = interruptible();
  const source = openSource(config);
  const receivers = await findReceivers(config);
  try {
    await withModels(config, receivers, async (models) => {
      const { codec } = models;
      const features = await openFeatureNetworks(config.run.featureNetworks, models.runtime);
      expectEnoughPictures(features, source.count);
      const featureCards = features.map(({ card }) => card);
      const out = config.run.out === undefined ? defaultRunFolder() : config.run.out;
      const folder = out === null ? null : openRunFolder(out, config, codec.card, featureCards);
      const progress = createProgress('frames', source.count, process.stderr.isTTY && !json);
      const summarised: Summarised[] = [];
      const notes = new Set<string>();
      const describe = (outcomes: readonly FrameOutcome[]): void => {
        const { sent } = outcomes[0].arrived;
        for (const note of sent.padded.notes) {
          const line = `${sent.picture.name}: ${note}`;
          if (!notes.has(line)) console.error(`note: ${line}`);
          notes.add(line);
        }
        if (!json && sent.index === 0) console.log(describeFrame(outcomes, config));
        progress.update(sent.index + 1);
      };
      let interrupted = false;
      try {
        for await (const outcomes of linkFrames(config, { ...models, features }, source.pictures(), signal)) {
          summarised.push(...outcomes.map(summarisable));
          if (json) for (const { report } of outcomes) console.log(toJson(report));
          describe(outcomes);
          await folder?.add(outcomes);
        }
      } catch (error) {
        if (!(error instanceof AbortedError)) throw error;
        interrupted = true;
      } finally {
        progress.stop();
      }
      const frames = source.count;
      conclude({ config, card: codec.card, featureCards, summarised, folder, json, interrupted, frames });
    });
  } finally {
    release();
  }
}

interface Conclusion {
  readonly config: LinkConfig;
  readonly card: Parameters<typeof versions>[0];
  readonly featureCards: readonly FeatureCard[];
  readonly summarised: readonly Summarised[];
  readonly folder: RunFolder | null;
  readonly json: boolean;
  readonly interrupted: boolean;
  readonly frames: number;
}

function conclude({ config, card, featureCards, summarised, folder, json, interrupted, frames }: Conclusion): void {
  const receivers = summarise(summarised);
  const summary = {
    type: 'summary',
    ...(interrupted ? { interrupted: true } : {}),
    config,
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
  console.error(`blindlink: interrupted after ${done} of ${frames} frames; what was done is complete and saved`);
  process.exitCode = 130;
}

/** JSON has no NaN: null stands for what could not be measured. */
const toJson = (value: unknown): string => JSON.stringify(value, (_, v: unknown) => (Number.isNaN(v) ? null : v));
