import type { Command } from 'commander';
import { openCodec } from '../codec/codec.js';
import { findModel, kindOfModel, modelNames } from '../core/shipped-models.js';
import { openDenoiser } from '../diffusion/denoiser.js';
import { readPriorCard } from '../diffusion/prior-card.js';
import { withRuntime } from './model-common.js';
import { addModelGraph } from './model-graph.js';
import { addModelSample } from './model-sample.js';
import { addModelStatistics } from './model-statistics.js';

export function addModel(program: Command): void {
  const model = program
    .command('model')
    .description('Look at codecs and priors, make what blind receivers need, differentiate and run graphs.');

  model
    .command('list')
    .description('The codecs and priors that come with blindlink.')
    .action(async () => {
      await withRuntime(async (runtime) => {
        for (const name of modelNames('codec')) {
          const { card, bandwidthRatio } = await openCodec(findModel('codec', name), runtime);
          console.log(`${name}  codec, CBR 1/${Math.round(1 / bandwidthRatio)}  ${card.description ?? ''}`);
        }
        for (const name of modelNames('prior')) {
          console.log(`${name}  prior  ${readPriorCard(findModel('prior', name)).card.description ?? ''}`);
        }
      });
    });

  model
    .command('check')
    .description('Check a card against its files: hashes, shapes, a round trip.')
    .argument('<model>', 'name, card or folder of a codec or a prior')
    .action(async (name: string) => {
      await withRuntime(async (runtime) => {
        if (kindOfModel(name) === 'prior') {
          const { card } = await openDenoiser(findModel('prior', name), runtime);
          console.log(
            `${card.name}: card, graph and hash agree; predicts ${card.prediction} from ${card.noiseInput}, sizes multiples of ${card.multipleOf}`,
          );
          return;
        }
        const { card, statistics, hasPolarity, hasRefiner } = await openCodec(findModel('codec', name), runtime);
        const rank = statistics === null ? 'none' : `rank ${statistics.rank}`;
        const has = (what: string, there: boolean): string => `${what} ${there ? 'yes' : 'no'}`;
        console.log(
          `${card.name}: card, graphs and hashes agree; statistics ${rank}; ` +
            `${has('polarity network', hasPolarity)}; ${has('refiner', hasRefiner)}`,
        );
      });
    });

  addModelStatistics(model);
  addModelSample(model);
  addModelGraph(model);
}
