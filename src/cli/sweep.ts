import { join } from 'node:path';
import type { Command } from 'commander';
import type { LinkConfig } from '../config/schema.js';
import { AbortedError, ConfigError } from '../core/errors.js';
import { findModel } from '../core/shipped-models.js';
import { openInstrument } from '../instruments/instrument.js';
import { readInstrumentProfile } from '../instruments/instrument-profile.js';
import { withModels } from '../link/setting/link-models.js';
import { createFramePool, workersFor } from '../campaign/frame-pool.js';
import type { FrameResult } from '../campaign/frame-job.js';
import { planCampaign, readCampaign } from '../campaign/plan.js';
import { runCampaign } from '../campaign/run-campaign.js';
import { findReceivers } from '../link/setting/receivers.js';
import { checkChannelSettings, openRadio, transmitRmsOf } from '../link/setting/radios.js';
import { figuresByReceiver } from '../link/results/figures.js';
import { expectEnoughPictures, summarisePerception } from '../link/results/perception.js';
import { claimRunFolder, POINTS_TABLE, versions } from '../link/results/run-folder.js';
import { gridOfPoints, type PointFigures, radioPoint } from '../link/points.js';
import { columnsOf, csvLine } from '../link/results/tables.js';
import { type FeatureCard, readFeatureCard } from '../perception/feature-card.js';
import { campaign, checkPoints } from './campaign.js';
import { writeAtomically } from './files.js';
import { interruptible } from './interrupt.js';
import { createProgress } from './progress.js';
import { addRadioFlags, radioRequest } from './radio-flags.js';
import { airConfig } from './record.js';
import {
  addFeatureNetworks,
  addSettings,
  addWorkers,
  openSource,
  settingsFrom,
  withSettings,
  workersOf,
  yamlOf,
} from './settings.js';

/** Where each point is measured when no radio is named. */
const IN_SIMULATION = 'none';

export function addSweep(program: Command): void {
  const command = program
    .command('sweep')
    .description(
      'Measure the receivers over a grid of settings: a campaign from a file, or --over, in simulation or over a radio.',
    )
    .argument(
      '[pictures...]',
      'a campaign (FILE.yaml), or picture files, folders, builtin:photos, builtin:faces or builtin:natural',
    )
    .option('--over <path=v1,v2,…>', 'a setting and its values; repeatable, all combinations', collect, [])
    .option(
      '--instrument <profile@port:quantity=v1,v2,…>',
      'an instrument and its values, e.g. attenuator-scpi@/dev/ttyUSB0:attenuationDb=0,10,20; needs --radio',
    );
  addRadioFlags(addWorkers(addFeatureNetworks(addSettings(command))), IN_SIMULATION)
    .option('--queue <url>', "compute a campaign's frames on blindlink worker processes, by this Redis")
    .option('--json', 'one JSON object a point on standard output, then a summary')
    .action(async (pictures: string[], options: Record<string, unknown>) => {
      await sweep(pictures, options);
    });
}

interface Point {
  readonly at: Readonly<Record<string, unknown>>;
  readonly receivers: Readonly<Record<string, PointFigures>>;
}

async function sweep(pictures: readonly string[], options: Readonly<Record<string, unknown>>): Promise<void> {
  if (pictures.some((name) => /\.ya?ml$/i.test(name))) {
    await campaign(pictures, options);
    return;
  }
  if (options['queue'] !== undefined)
    throw new ConfigError('sweep.queue', '--queue: is for campaigns; give a FILE.yaml (docs/experiments.md)');
  const axes = new Map<string, unknown[]>();
  for (const text of options['over'] as string[]) {
    const [path, values] = axisOf('--over', text);
    if (axes.has(path)) {
      throw new ConfigError('sweep.axis', `--over ${path}: is given twice; put all its values into one list`);
    }
    axes.set(path, values);
  }
  const stepped = typeof options['instrument'] === 'string' ? instrumentAxis(options['instrument']) : null;
  const overRadio = options['radio'] !== IN_SIMULATION;
  if (stepped !== null && !overRadio) {
    throw new ConfigError('sweep.instrument', '--instrument: stands in the path of a radio; name one with --radio');
  }
  if (stepped !== null) axes.set(stepped.quantity, stepped.values);
  if (axes.size === 0) throw new ConfigError('sweep.axes', 'nothing to sweep: give --over path=v1,v2,… at least once');
  const settingsAt = (at: ReadonlyMap<string, unknown>): LinkConfig => {
    const given = withSettings(
      options,
      [...at].filter(([name]) => name !== stepped?.quantity),
    );
    return overRadio ? airConfig(given, pictures) : settingsFrom(given, pictures);
  };
  const points = gridOfPoints(axes);
  // Every point's settings are checked before the first is measured.
  const configs = points.map(settingsAt);
  if (overRadio) for (const config of configs) checkChannelSettings(options['radio'] as string, config);
  if (options['printConfig'] === true) {
    console.log(JSON.stringify(configs, null, 2));
    return;
  }

  if (overRadio && configs.some(({ run }) => run.featureNetworks.length > 0)) {
    throw new ConfigError('sweep.features', '--feature-network: judges pictures in simulation only; leave --radio out');
  }
  const featureCards = configs[0].run.featureNetworks.map((name) => readFeatureCard(findModel('features', name)).card);
  await checkPoints(configs.map((config) => ({ config, frames: Infinity })));
  const { out } = configs[0].run;
  const claim = out === null ? null : claimRunFolder(out, POINTS_TABLE);
  const { signal, release } = interruptible();
  const json = options['json'] === true;
  const progress = createProgress('points', points.length, process.stderr.isTTY && !json);
  const done: Point[] = [];
  let interrupted = false;
  let failure: unknown = null;
  try {
    const measured = overRadio
      ? overTheAir({ points, configs, options, stepped, signal })
      : simulated({ axes, configs, settingsAt, featureCards, workers: workersOf(options), signal });
    for await (const point of measured) {
      done.push(point);
      if (json) console.log(JSON.stringify({ type: 'point', ...point }));
      else console.log(describe(point, done.length === 1));
      progress.update(done.length);
    }
  } catch (error) {
    interrupted = error instanceof AbortedError || signal.aborted;
    if (!interrupted) failure = error;
  } finally {
    progress.stop();
    release();
  }
  if (done.length === 0) claim?.abandon();
  // What is done is worth keeping, whatever ended it.
  if (failure === null || done.length > 0) {
    const run = { config: configs[0], featureCards, axes: [...axes.keys()], folder: claim?.path ?? null };
    conclude({ done, of: points.length, ...run, json, interrupted, failure });
  }
  if (failure !== null) throw failure as Error;
}

interface Simulated {
  readonly axes: ReadonlyMap<string, unknown[]>;
  readonly configs: readonly LinkConfig[];
  readonly settingsAt: (at: ReadonlyMap<string, unknown>) => LinkConfig;
  readonly featureCards: readonly FeatureCard[];
  readonly workers: number | null;
  readonly signal: AbortSignal;
}

/** The points as a campaign without a folder, all with one seed. */
async function* simulated({
  axes,
  configs,
  settingsAt,
  featureCards,
  workers,
  signal,
}: Simulated): AsyncIterable<Point> {
  const file = readCampaign({ over: Object.fromEntries(axes), seeds: 'common', keepPictures: 0 }, 'sweep');
  const countOf = (config: LinkConfig): number => openSource(config).count;
  const plan = planCampaign(file, 'sweep', { resolve: (_, at) => settingsAt(at), countOf });
  for (const { frames } of plan.points) expectEnoughPictures(featureCards, frames);
  const frames = plan.points.reduce((sum, point) => sum + point.frames, 0);
  const pool = createFramePool(workers ?? workersFor(configs[0], frames));
  try {
    let kept: FrameResult[] = [];
    for await (const { point, ended, products } of runCampaign(plan, { folder: null, pool, signal })) {
      kept.push(...products.flatMap(({ results }) => results));
      if (ended === null) continue;
      yield { at: plan.points[point].at, receivers: pointFigures(kept) };
      kept = [];
    }
  } finally {
    await pool.close();
  }
}

function pointFigures(results: readonly FrameResult[]): Record<string, PointFigures> {
  const names = [...new Set(results.map(({ report }) => report.receiver))];
  const figures = figuresByReceiver(
    results.map(({ report }) => report),
    names,
  );
  return Object.fromEntries(
    names.map((name) => {
      const mine = results.filter(({ report }) => report.receiver === name);
      const perception = summarisePerception(
        mine.map(({ report }) => report.perception ?? {}),
        mine.map(({ features }) => features ?? {}),
      );
      return [name, { ...figures[name], ...(Object.keys(perception).length > 0 && { perception }) }];
    }),
  );
}

interface OverTheAir {
  readonly points: readonly ReadonlyMap<string, unknown>[];
  readonly configs: readonly LinkConfig[];
  readonly options: Readonly<Record<string, unknown>>;
  readonly stepped: ReturnType<typeof instrumentAxis> | null;
  readonly signal: AbortSignal;
}

async function* overTheAir({ points, configs, options, stepped, signal }: OverTheAir): AsyncIterable<Point> {
  const instrument =
    stepped === null ? null : await openInstrument(readInstrumentProfile(stepped.profile), stepped.port);
  try {
    for (const [i, at] of points.entries()) {
      const values: Record<string, unknown> = Object.fromEntries(at);
      if (instrument !== null && stepped !== null) {
        // What it was set to, as it says itself.
        values[stepped.quantity] = await instrument.set(stepped.quantity, at.get(stepped.quantity) as number | string);
      }
      yield { at: values, receivers: await measure(configs[i], options, signal) };
    }
  } finally {
    await instrument?.close();
  }
}

async function measure(
  config: LinkConfig,
  options: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<Record<string, PointFigures>> {
  const source = openSource(config);
  const receivers = await findReceivers(config);
  return withModels(config, receivers, async (models) => {
    const request = radioRequest(options, 'duplex');
    const radio = await openRadio(request, config, signal);
    const close = (): void => void radio.close();
    signal.addEventListener('abort', close);
    try {
      return await radioPoint(config, { ...models, receivers, source, signal }, radio, transmitRmsOf(request.radio));
    } finally {
      signal.removeEventListener('abort', close);
    }
  });
}

interface Conclusion {
  readonly done: readonly Point[];
  readonly of: number;
  readonly config: LinkConfig;
  readonly featureCards: Parameters<typeof versions>[1];
  readonly axes: readonly string[];
  /** Where results go; null: nowhere. */
  readonly folder: string | null;
  readonly json: boolean;
  readonly interrupted: boolean;
  /** What ended the sweep early, or null. */
  readonly failure: unknown;
}

/** Results as JSON and CSV, whole or not at all. */
function conclude(conclusion: Conclusion): void {
  const { done, of, config, featureCards, axes, folder, json, interrupted, failure } = conclusion;
  const summary = {
    type: 'summary',
    ...(interrupted ? { interrupted: true } : {}),
    ...(failure === null ? {} : { failed: failure instanceof Error ? failure.message : String(failure) }),
    axes,
    points: done,
    config,
    versions: versions(undefined, featureCards),
  };
  if (folder !== null && done.length > 0) {
    writeAtomically(join(folder, 'sweep.json'), Buffer.from(`${JSON.stringify(summary, null, 2)}\n`));
    writeAtomically(join(folder, POINTS_TABLE), Buffer.from(csvOf(axes, done)));
  }
  if (json) console.log(JSON.stringify(summary));
  else if (folder !== null && done.length > 0) console.log(`\nResults in ${folder} (sweep.json, ${POINTS_TABLE})`);
  if (!interrupted) return;
  console.error(`blindlink: interrupted after ${done.length} of ${of} points; those are complete`);
  process.exitCode = 130;
}

/** Columns of a point's figures; distances by feature network have columns of their own. */
const columns = columnsOf<PointFigures, 'perception'>()({
  frames: true,
  success: true,
  psnrDbMean: true,
  decoded: true,
  decodedShare: true,
  snrDbMean: true,
  millisecondsMean: true,
});

function csvOf(axes: readonly string[], points: readonly Point[]): string {
  const networks = [
    ...new Set(
      points.flatMap(({ receivers }) => Object.values(receivers).flatMap((f) => Object.keys(f.perception ?? {}))),
    ),
  ];
  const distance = (figures: PointFigures, name: string): number | undefined => {
    const found = figures.perception?.[name];
    return found === undefined ? undefined : 'fid' in found ? found.fid : found.mean;
  };
  const rows = points.flatMap(({ at, receivers }) =>
    Object.entries(receivers).map(([name, figures]) =>
      csvLine([
        ...axes.map((axis) => at[axis]),
        name,
        ...columns.map((column) => figures[column]),
        ...networks.map((network) => distance(figures, network)),
      ]),
    ),
  );
  return csvLine([...axes, 'receiver', ...columns, ...networks]) + rows.join('');
}

function describe({ at, receivers }: Point, first: boolean): string {
  const where = Object.entries(at)
    .map(([name, value]) => `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ');
  const lines = Object.entries(receivers).map(
    ([name, { success, psnrDbMean, snrDbMean, frames }]) =>
      `  ${name.padEnd(14)} ${(100 * (success ?? 0)).toFixed(1).padStart(5)} %  ${(psnrDbMean?.toFixed(2) ?? '-').padStart(6)} dB` +
      `  SNR ${(snrDbMean?.toFixed(1) ?? '-').padStart(5)} dB  ${frames} frames`,
  );
  const head = first ? '  receiver      success     PSNR\n' : '';
  return `${where}\n${head}${lines.join('\n')}`;
}

function axisOf(flag: string, text: string): [string, unknown[]] {
  const at = text.indexOf('=');
  const values = at < 1 ? [] : (yamlOf(`${flag} ${text}`, `[${text.slice(at + 1)}]`) as unknown[]);
  if (values.length === 0) {
    throw new ConfigError('sweep.axis', `${flag} ${text}: write it as path=v1,v2,…, e.g. snrDb=0,5,10`, {
      value: text,
    });
  }
  return [text.slice(0, at), values];
}

function instrumentAxis(text: string): { profile: string; port: string; quantity: string; values: unknown[] } {
  const match = /^([^@]+)@(.+):([A-Za-z]\w*)=(.+)$/.exec(text);
  if (match === null) {
    throw new ConfigError(
      'sweep.instrument',
      `--instrument ${text}: write it as PROFILE@PORT:QUANTITY=v1,v2,…, e.g. attenuator-scpi@/dev/ttyUSB0:attenuationDb=0,10`,
      { value: text },
    );
  }
  const [, profile, port, quantity, list] = match;
  return { profile, port, quantity, values: axisOf('--instrument', `${quantity}=${list}`)[1] };
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}
