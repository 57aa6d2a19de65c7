import type { Command } from 'commander';
import { openCodec } from '../codec/codec.js';
import { estimateStatistics } from '../codec/estimate-statistics.js';
import { encodeStatistics } from '../codec/statistics.js';
import { ConfigError } from '../core/errors.js';
import { createRng } from '../core/rng.js';
import { findModel } from '../core/shipped-models.js';
import type { Runtime } from '../runtime/onnx-runtime.js';
import { openPictures } from '../source/picture-source.js';
import { wholeTiles } from '../source/whole-tiles.js';
import { numbersIn } from './input-file.js';
import { interruptible } from './interrupt.js';
import { wholeNumber, withRuntime, writeBesideCard } from './model-common.js';
import { createProgress } from './progress.js';

export function addModelStatistics(model: Command): void {
  model
    .command('statistics')
    .description(
      "Estimate the codewords' mean and covariance from a folder of pictures and write them beside the card.",
    )
    .argument('<codec>', 'name, card or folder')
    .argument('<pictures...>', 'picture files or folders; every whole 64×64 tile of each is used')
    .option('--rank <r>', 'directions of the covariance to keep', '384')
    .option('--limit <n>', 'pictures at most', '8000')
    .option('--snrs <dB,…>', "the encoder's SNRs to average over", '0,5,10,15')
    .option('--seed <n>', 'seed of the subspace iteration', '1')
    .option('--out <file>', 'where to write, beside the card', 'statistics.npz')
    .action(async (name: string, pictures: string[], options: Record<string, string>) => {
      const { signal, release } = interruptible();
      try {
        await withRuntime((runtime) => writeStatistics(findModel('codec', name), pictures, options, runtime, signal));
      } finally {
        release();
      }
    });
}

async function writeStatistics(
  cardPath: string,
  pictures: readonly string[],
  options: Readonly<Record<string, string>>,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<void> {
  const rank = wholeNumber('--rank', options['rank']);
  const limit = wholeNumber('--limit', options['limit']);
  const snrsDb = numbersIn(options['snrs']);
  if (snrsDb.some((v) => !Number.isFinite(v))) {
    throw new ConfigError('model.snrs', `--snrs ${options['snrs']}: must be numbers in dB, separated by commas`);
  }
  const codec = await openCodec(cardPath, runtime);
  const all = openPictures(pictures, { maxPixels: 1 << 26 });
  const source = all.count > limit ? openPictures(pictures, { maxPixels: 1 << 26, frames: limit }) : all;
  const edge = codec.card.tile * codec.card.downSampling;
  const progress = createProgress('tiles', source.count);
  let statistics;
  let tiles = 0;
  try {
    statistics = await estimateStatistics(
      codec,
      wholeTiles(source.pictures(), edge),
      runtime,
      createRng(options['seed']),
      {
        rank,
        snrsDb,
        signal,
        onProgress(done) {
          tiles = done;
          progress.update(done);
        },
      },
    );
  } finally {
    progress.stop();
  }
  const file = options['out'];
  const bytes = encodeStatistics(statistics);
  const total = statistics.latentVariance.reduce((sum, v) => sum + v, 0);
  const kept = statistics.eigenvalues.reduce((sum, v) => sum + v, 0) / total;
  const mean = statistics.mean.reduce((sum, v) => sum + v * v, 0);
  const share = mean / (mean + total);
  const round = (v: number): number => Number(v.toFixed(4));
  const codeword = { meanPowerShare: round(share), rank, varianceShare: round(kept), tiles };
  writeBesideCard(codec.path, file, bytes, { statistics: file, codeword });
  console.log(
    `${file}: rank ${rank} holds ${(100 * kept).toFixed(1)} % of the variance, the mean ${(100 * share).toFixed(1)} % of the power; named in ${codec.path}`,
  );
}
