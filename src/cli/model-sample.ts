import type { Command } from 'commander';
import { ConfigError } from '../core/errors.js';
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
import { contactSheet } from '../link/results/save-pictures.js';
import { writeAtomically } from './files.js';
import { interruptible } from './interrupt.js';
import { wholeNumber, withRuntime } from './model-common.js';
import { createProgress } from './progress.js';

/** Noise levels that unconditional sampling goes through. */
const SIGMA_HIGH = 80;
const SIGMA_LOW = 0.01;

const samplers = ['multistep', 'ddim', 'ancestral'] as const;
type SamplerName = (typeof samplers)[number];

export function addModelSample(model: Command): void {
  model
    .command('sample')
    .description('Draw pictures from a prior alone: what it takes pictures to look like.')
    .argument('<prior>', 'name, card or folder')
    .option('--count <n>', 'pictures', '16')
    .option('--size <pixels>', 'edge of each', '64')
    .option('--steps <n>', 'network evaluations a picture', '40')
    .option('--sampler <name>', samplers.join(', '), 'multistep')
    .option('--seed <n>', 'seeds the noise', '1')
    .option('--out <file>', 'the sheet, a PNG', 'samples.png')
    .action(async (name: string, options: Record<string, string>) => {
      const { signal, release } = interruptible();
      try {
        await drawSamples(name, options, signal);
      } finally {
        release();
      }
    });
}

async function drawSamples(
  name: string,
  options: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const count = wholeNumber('--count', options['count']);
  const size = wholeNumber('--size', options['size']);
  const steps = wholeNumber('--steps', options['steps']);
  const sampler = samplers.find((known) => known === options['sampler']);
  if (sampler === undefined) {
    throw new ConfigError('model.sampler', `--sampler ${options['sampler']}: must be ${samplers.join(', ')}`);
  }
  await withRuntime(async (runtime) => {
    const denoiser = await openDenoiser(findModel('prior', name), runtime);
    const progress = createProgress('steps', steps);
    let last: SamplerStep | null = null;
    try {
      const run = start(denoiser, sampler, [count, 3, size, size], steps, createRng(options['seed']), signal);
      for await (const step of run) {
        last = step;
        progress.update(step.step);
      }
    } finally {
      progress.stop();
    }
    if (last === null) return;
    const planes = last.chain.data.map((v) => (v + 1) / 2);
    writeAtomically(options['out'], await contactSheet(planes, count, size, size));
    console.log(`${options['out']}: ${count} pictures of ${size}×${size} in ${steps} steps of ${sampler}`);
  });
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
