import type { Command } from 'commander';
import { ConfigError, throwIfAborted } from '../core/errors.js';
import { createRng, type Rng } from '../core/rng.js';
import { findModel } from '../core/shipped-models.js';
import { type Denoiser, openDenoiser } from '../diffusion/denoiser.js';
import {
  normalTensor,
  sampleAncestral,
  sampleDdim,
  sampleMultistep,
  type SamplerStep,
  scaled,
} from '../diffusion/samplers.js';
import { karrasSigmas, respace } from '../diffusion/schedule.js';
import { versions } from '../link/results/run-folder.js';
import { contactSheet } from '../link/results/save-pictures.js';
import { frechetDistance } from '../metrics/frechet.js';
import { naturalnessDistance, naturalnessFeatures } from '../metrics/naturalness.js';
import { type FeatureNetwork, openFeatureNetworks } from '../perception/feature-network.js';
import type { Runtime } from '../runtime/runtime.js';
import { openPictures, type PictureSource } from '../source/picture-source.js';
import { wholeTiles } from '../source/whole-tiles.js';
import { expectWritable, writeAtomically } from './files.js';
import { interruptible } from './interrupt.js';
import { wholeNumber, withRuntime, writeQuality } from './model-common.js';
import { createProgress, type Progress } from './progress.js';
import { addFeatureNetworks } from './settings.js';

/** Noise levels that unconditional sampling goes through. */
const SIGMA_HIGH = 80;
const SIGMA_LOW = 0.01;

/** Pictures drawn at a time, and on a sheet at most. */
const BATCH = 32;
const SHEET = 256;

const samplers = ['multistep', 'ddim', 'ancestral'] as const;
type SamplerName = (typeof samplers)[number];

export function addModelSample(model: Command): void {
  const command = model
    .command('sample')
    .description('Draw pictures from a prior alone: what it takes pictures to look like.')
    .argument('<prior>', 'name, card or folder')
    .option('--count <n>', 'pictures', '16')
    .option('--size <pixels>', 'edge of each', '64')
    .option('--steps <n>', 'network evaluations a picture', '40')
    .option('--sampler <name>', samplers.join(', '), 'multistep')
    .option('--seed <n>', 'seeds the noise', '1')
    .option('--out <file>', `the sheet, a PNG; of at most ${SHEET} pictures`, 'samples.png')
    .option(
      '--against <pictures...>',
      'picture files or folders whose whole tiles of this size, as a crowd, the samples are compared with (Fréchet distance of BRISQUE features)',
    )
    .option('--on-card', "write these distances into the prior's card, as quality.samples")
    .option('--threads <n>', 'threads in one operator', '2')
    .option('--json', 'one JSON object at the end');
  addFeatureNetworks(command).action(async (name: string, options: SampleOptions) => {
    const { signal, release } = interruptible();
    try {
      await drawSamples(name, options, signal);
    } finally {
      release();
    }
  });
}

interface SampleOptions {
  readonly count: string;
  readonly size: string;
  readonly steps: string;
  readonly sampler: string;
  readonly seed: string;
  readonly out: string;
  readonly against?: readonly string[];
  readonly onCard?: boolean;
  readonly threads: string;
  readonly featureNetwork: readonly string[];
  readonly json?: boolean;
}

interface Drawing {
  readonly count: number;
  readonly size: number;
  readonly steps: number;
  readonly sampler: SamplerName;
  readonly seed: string;
}

async function drawSamples(name: string, options: SampleOptions, signal: AbortSignal): Promise<void> {
  const drawing = drawingOf(options);
  const { count, size, steps, sampler, seed } = drawing;
  const threads = wholeNumber('--threads', options.threads);
  const { against, out, json = false } = options;
  const real = against === undefined ? null : openPictures(against, { maxPixels: 1 << 26 });
  expectWritable(out);
  await withRuntime(async (runtime) => {
    const cardPath = findModel('prior', name);
    const denoiser = await openDenoiser(cardPath, runtime);
    const { numSteps } = denoiser.schedule;
    if (sampler === 'ancestral' && steps > numSteps) {
      throw new ConfigError(
        'model.steps',
        `--steps ${steps}: ancestral sampling of this prior has ${numSteps} at most`,
      );
    }
    const networks = await openCrowdNetworks(options.featureNetwork, runtime);
    const theirs = real === null ? null : await crowdOfTiles(real, networks, size, signal);

    const mine = new Crowd(networks, size);
    const shown: Float32Array[] = [];
    const progress = createProgress('steps', steps * Math.ceil(count / BATCH), process.stderr.isTTY && !json);
    try {
      for await (const picture of drawn(denoiser, drawing, signal, progress)) {
        if (shown.length < SHEET) shown.push(picture);
        if (theirs !== null) await mine.add(picture);
      }
    } catch (error) {
      if (!signal.aborted || shown.length === 0) throw error;
    } finally {
      progress.stop();
    }
    writeAtomically(out, await contactSheet(concatenated(shown), shown.length, size, size));
    if (signal.aborted) {
      console.error(`blindlink: interrupted; ${out} has ${shown.length} of ${count} pictures`);
      process.exitCode = 130;
      return;
    }

    const distances = theirs === null ? null : { tiles: theirs.count, ...mine.distancesFrom(theirs) };
    if (options.onCard === true && distances !== null) {
      const measure = `Fréchet distance of ${count} samples (${steps} steps of ${sampler}, seed ${seed}) from ${distances.tiles} pictures of ${size}×${size}`;
      const rounded = listed(distances).map(([of, distance]) => [of, Number(distance.toPrecision(4))]);
      writeQuality(cardPath, { samples: { measure, ...(Object.fromEntries(rounded) as object) } });
    }
    if (json) {
      const compared = distances === null ? {} : { against, ...distances };
      console.log(JSON.stringify({ type: 'samples', prior: name, ...drawing, out, ...compared, versions: versions() }));
      return;
    }
    console.log(`${out}: ${count} pictures of ${size}×${size} in ${steps} steps of ${sampler}`);
    if (distances === null) return;
    for (const [of, distance] of listed(distances)) {
      console.log(`Fréchet distance of ${of} from ${distances.tiles} pictures: ${Number(distance.toPrecision(4))}`);
    }
  }, threads);
}

/** What the flags ask for. Throws ConfigError. */
function drawingOf(options: SampleOptions): Drawing {
  const count = wholeNumber('--count', options.count);
  const sampler = samplers.find((known) => known === options.sampler);
  if (sampler === undefined) {
    throw new ConfigError('model.sampler', `--sampler ${options.sampler}: must be ${samplers.join(', ')}`);
  }
  if (!/\.png$/i.test(options.out)) {
    throw new ConfigError('model.out', `--out ${options.out}: the sheet is a PNG; give a name that ends in .png`);
  }
  const unused = options.onCard === true ? '--on-card' : options.featureNetwork.length > 0 ? '--feature-network' : null;
  if (options.against === undefined && unused !== null) {
    throw new ConfigError('model.against', `${unused}: is about crowds compared; name pictures with --against`);
  }
  if (options.against !== undefined && count < 2) {
    throw new ConfigError('model.against', `--count ${count}: a crowd has at least 2 pictures`);
  }
  const [size, steps] = [wholeNumber('--size', options.size), wholeNumber('--steps', options.steps)];
  return { count, size, steps, sampler, seed: options.seed };
}

async function openCrowdNetworks(names: readonly string[], runtime: Runtime): Promise<FeatureNetwork[]> {
  const networks = await openFeatureNetworks(names, runtime);
  const other = networks.find(({ card }) => card.kind !== 'fid');
  if (other !== undefined) {
    throw new ConfigError('model.against', `${other.card.name}: compares two pictures; crowds need one of kind fid`);
  }
  return networks;
}

async function crowdOfTiles(
  pictures: PictureSource,
  networks: readonly FeatureNetwork[],
  size: number,
  signal: AbortSignal,
): Promise<Crowd> {
  const crowd = new Crowd(networks, size);
  for await (const tile of wholeTiles(pictures.pictures(), size)) {
    throwIfAborted(signal, 'model sample');
    await crowd.add(tile);
  }
  if (crowd.count < 2) {
    throw new ConfigError('model.against', `--against: ${crowd.count} whole tiles of ${size}×${size}; give more`);
  }
  return crowd;
}

/** Samples [3,size,size] in [0,1]. */
async function* drawn(
  denoiser: Denoiser,
  { count, size, steps, sampler, seed }: Drawing,
  signal: AbortSignal,
  progress: Progress,
): AsyncIterable<Float32Array> {
  const rng = createRng(seed);
  const length = 3 * size * size;
  for (let first = 0; first < count; first += BATCH) {
    const dims = [Math.min(BATCH, count - first), 3, size, size];
    let chain: Float32Array = new Float32Array();
    for await (const step of start(denoiser, sampler, dims, steps, rng, signal)) {
      chain = step.chain.data;
      progress.update((first / BATCH) * steps + step.step);
    }
    const planes = chain.map((v) => Math.min(1, Math.max(0, (v + 1) / 2)));
    for (let i = 0; i < dims[0]; i++) yield planes.subarray(i * length, (i + 1) * length);
  }
}

function concatenated(pictures: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(pictures.length * pictures[0].length);
  pictures.forEach((picture, i) => {
    all.set(picture, i * picture.length);
  });
  return all;
}

/** Distances by what they are of. */
const listed = ({ naturalnessDistance, features }: Distances): [string, number][] =>
  Object.entries({ brisque: naturalnessDistance, ...features });

interface Distances {
  readonly naturalnessDistance: number;
  readonly features: Readonly<Record<string, number>>;
}

/** Pictures [3,size,size] in [0,1] as what is known of each: BRISQUE's features, and those of networks. */
class Crowd {
  private readonly naturalness: Float64Array[] = [];
  private readonly features: Float64Array[][];

  constructor(
    private readonly networks: readonly FeatureNetwork[],
    private readonly size: number,
  ) {
    this.features = networks.map(() => []);
  }

  get count(): number {
    return this.naturalness.length;
  }

  async add(data: Float32Array): Promise<void> {
    const picture = { data, height: this.size, width: this.size };
    this.naturalness.push(naturalnessFeatures(picture));
    for (const [k, network] of this.networks.entries()) {
      this.features[k].push(Float64Array.from(await network.evaluate(picture)));
    }
  }

  /** Fréchet distances; BRISQUE's features in units of their deviation over the other crowd, networks' as they are. */
  distancesFrom(other: Crowd): Distances {
    const distances = this.networks.map(({ card }, k) => [
      card.name,
      frechetDistance(this.features[k], other.features[k], 1),
    ]);
    return {
      naturalnessDistance: naturalnessDistance(this.naturalness, other.naturalness),
      features: Object.fromEntries(distances) as Record<string, number>,
    };
  }
}

function start(
  denoiser: Denoiser,
  sampler: SamplerName,
  dims: readonly number[],
  steps: number,
  rng: Rng,
  signal: AbortSignal,
): AsyncIterable<SamplerStep> {
  const sigmas = karrasSigmas(SIGMA_HIGH, SIGMA_LOW, steps);
  const noise = (): ReturnType<typeof normalTensor> => scaled(normalTensor(dims, rng), SIGMA_HIGH);
  switch (sampler) {
    case 'ancestral':
      return sampleAncestral(denoiser, dims, respace(denoiser.schedule.numSteps, steps), rng, signal);
    case 'ddim':
      return sampleDdim(denoiser, noise(), sigmas, { eta: 0, rng, signal });
    case 'multistep':
      return sampleMultistep(denoiser, noise(), sigmas, signal);
  }
}
