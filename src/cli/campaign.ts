import { basename } from 'node:path';
import { GOES_ON, openCampaignFolder } from '../campaign/campaign-folder.js';
import { deriveTables } from '../campaign/derive-tables.js';
import { createJobRunner } from '../campaign/frame-job.js';
import { createFramePool, workersFor } from '../campaign/frame-pool.js';
import { type CampaignPlan, type CampaignPoint, planCampaign, readCampaign } from '../campaign/plan.js';
import type { PointFigures } from '../campaign/point-figures.js';
import { openQueuePool, queueRun } from '../campaign/queue/queue-pool.js';
import { connectRedis } from '../campaign/queue/redis.js';
import { runCampaign } from '../campaign/run-campaign.js';
import { readConfigFile } from '../config/load.js';
import type { LinkConfig } from '../config/schema.js';
import { AbortedError, ConfigError } from '../core/errors.js';
import { findModel } from '../core/shipped-models.js';
import { modelsKey } from '../link/setting/link-models.js';
import { receiverHashes } from '../link/setting/receiver-hashes.js';
import { expectOptions, findReceivers, type ReceiverDescriptor } from '../link/setting/receivers.js';
import { expectEnoughPictures } from '../link/results/perception.js';
import { versions, writing } from '../link/results/run-folder.js';
import { readCard } from '../codec/card.js';
import { readFeatureCard } from '../perception/feature-card.js';
import { interruptible } from './interrupt.js';
import { createProgress } from './progress.js';
import { openSource, settingsFrom, withSettings, workersOf } from './settings.js';

/** `blindlink sweep FILE.yaml`: runs a campaign, or what is missing of it. */
export async function campaign(names: readonly string[], options: Readonly<Record<string, unknown>>): Promise<void> {
  if (names.length > 1)
    throw new ConfigError('campaign.file', `${names.join(' ')}: give one campaign file and nothing beside it`);
  const [name] = names;
  for (const flag of ['over', 'instrument']) {
    const given = options[flag];
    if (typeof given === 'string' || (Array.isArray(given) && given.length > 0)) {
      throw new ConfigError(
        'campaign.flag',
        `--${flag}: belongs to a sweep of pictures; the campaign's own grid stands under over: in ${name}`,
      );
    }
  }
  if (options['radio'] !== 'none')
    throw new ConfigError('campaign.flag', '--radio: campaigns are simulated; leave it out');
  const file = readCampaign(readConfigFile(name, 'to sweep'), name);
  const title = file.title ?? name.replace(/^.*\/|\.ya?ml$/g, '');
  const plan = planCampaign({ ...file, title }, name, {
    resolve: (base, at) => settingsFrom(withSettings(options, at), [], base),
    countOf: (config) => openSource(config).count,
  });
  if (options['printConfig'] === true) {
    console.log(JSON.stringify(plan, null, 2));
    return;
  }
  if (options['save'] === false)
    throw new ConfigError('campaign.flag', '--no-save: a campaign is what it saves; leave it out');
  const queue = options['queue'] as string | undefined;
  if (queue !== undefined && options['workers'] !== undefined)
    throw new ConfigError('campaign.flag', '--workers: processes of this machine are no part of a queue; leave it out');
  const versionsOf = { ...versions(), ...(await checkPoints(plan.points)) };
  const { signal, release } = interruptible();
  const json = options['json'] === true;
  const out = typeof options['out'] === 'string' ? options['out'] : `runs/${basename(name).replace(/\.ya?ml$/i, '')}`;
  if (queue !== undefined) (await connectRedis(queue, note)).disconnect();
  const folder = openCampaignFolder(out, plan, versionsOf);
  folder.notes.forEach(note);
  const total = plan.points.reduce((sum, point) => sum + point.frames, 0);
  const progress = createProgress('frames', total, process.stderr.isTTY && !json);
  const run = queue === undefined ? null : queueRun(out);
  const pool =
    run === null
      ? createFramePool(workersOf(options) ?? workersFor(plan.points[0].config, total))
      : await openQueuePool(queue!, run.name, note);
  const frames = plan.points.map(() => 0);
  const saved = plan.points.map(() => 0);
  let ended = 0;
  let interrupted = false;
  try {
    for await (const step of runCampaign(plan, { folder, pool, signal })) {
      frames[step.point] = step.frames;
      if (step.ended !== null) {
        ended++;
        // Frames that a stopping rule spared count as done, so that the time left is right.
        saved[step.point] = plan.points[step.point].frames - step.frames;
        if (json)
          console.log(
            JSON.stringify({
              type: 'point',
              point: step.point,
              at: plan.points[step.point].at,
              frames: step.frames,
              ended: step.ended,
            }),
          );
      }
      progress.update([...frames, ...saved].reduce((sum, n) => sum + n, 0));
    }
  } catch (error) {
    if (!(error instanceof AbortedError)) throw error;
    interrupted = true;
  } finally {
    progress.stop();
    await pool.close();
    release();
    if (interrupted || ended < plan.points.length) folder.release();
  }
  if (!interrupted) {
    try {
      const figures = writing(out, () => deriveTables(out, plan), GOES_ON);
      run?.forget();
      if (json)
        console.log(
          JSON.stringify({
            type: 'summary',
            out,
            frames: frames.reduce((sum, n) => sum + n, 0),
            points: figures,
            versions: versionsOf,
          }),
        );
      else console.log(`${describe(plan, figures)}\n\nResults in ${out}; blindlink report ${out} draws them`);
    } finally {
      folder.release();
    }
    return;
  }
  console.error(
    `blindlink: interrupted after ${frames.reduce((sum, n) => sum + n, 0)} frames; the same command goes on from there`,
  );
  process.exitCode = 130;
}

const note = (text: string): void => {
  console.error(`note: ${text}`);
};

/**
 * Looks for what every point needs and builds its receivers, to refuse wrong names and settings that exclude each other before anything is
 * measured. Returns what identifies models and receiver files.
 */
export async function checkPoints(
  points: readonly Pick<CampaignPoint, 'config' | 'frames'>[],
): Promise<Record<string, unknown>> {
  const codecs = new Map<string, unknown>();
  const features = new Map<string, unknown>();
  const priors = new Map<string, unknown>();
  const receivers = new Map<string, unknown>();
  const keyed: { readonly config: LinkConfig; readonly key: string }[] = [];
  const known: ReceiverDescriptor[] = [];
  for (const { config, frames } of points) {
    const descriptors = await findReceivers(config);
    known.push(...descriptors);
    keyed.push({ config, key: modelsKey(config, descriptors) });
    openSource(config);
    const { card } = readCard(findModel('codec', config.codec));
    codecs.set(card.name, card.sha256);
    const cards = config.run.featureNetworks.map((network) => readFeatureCard(findModel('features', network)).card);
    expectEnoughPictures(cards, frames);
    for (const one of cards) features.set(one.name, one.sha256);
    const hashes = await receiverHashes(config, card);
    for (const [name, sha256] of Object.entries(hashes.priors)) priors.set(name, sha256);
    for (const [file, sha256] of Object.entries(hashes.receivers)) receivers.set(file, sha256);
  }
  for (const { config } of points) expectOptions(config, known);
  // Those with the same networks after one another: these are opened once.
  await expectAllRun(keyed.sort((a, b) => a.key.localeCompare(b.key)).map(({ config }) => config));
  return {
    codecs: Object.fromEntries(codecs),
    ...(features.size > 0 && { featureNetworks: Object.fromEntries(features) }),
    ...(priors.size > 0 && { priors: Object.fromEntries(priors) }),
    ...(receivers.size > 0 && { receivers: Object.fromEntries(receivers) }),
  };
}

/** Throws what keeps one of them from running. */
async function expectAllRun(configs: readonly LinkConfig[]): Promise<void> {
  const runner = createJobRunner();
  try {
    for (const config of configs) await runner.expectRuns(config);
  } finally {
    await runner.dispose();
  }
}

function describe(plan: CampaignPlan, figures: readonly PointFigures[]): string {
  const lines = figures.flatMap(({ point, receivers }) => [
    Object.entries(plan.points[point].at)
      .map(([path, value]) => `${path} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
      .join(', '),
    ...Object.entries(receivers).map(([name, { frames, metrics }]) => {
      const { psnrDb, success } = metrics;
      return (
        `  ${name.padEnd(18)} ${(100 * success.mean).toFixed(1).padStart(5)} %  ${psnrDb.mean.toFixed(2).padStart(6)} dB ` +
        `[${psnrDb.low.toFixed(2)}, ${psnrDb.high.toFixed(2)}]  ${frames} frames`
      );
    }),
  ]);
  return ['  receiver           success      PSNR, 95 % interval', ...lines].join('\n');
}
