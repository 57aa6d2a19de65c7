import type { Command } from 'commander';
import { openCodec } from '../codec/codec.js';
import { findModel, modelNames } from '../core/shipped-models.js';
import { readPriorCard } from '../diffusion/prior-card.js';
import { addModelCheck } from './model-check.js';
import { withRuntime } from './model-common.js';
import { addModelGraph } from './model-graph.js';
import { addModelSample } from './model-sample.js';
import { addModelSeal } from './model-seal.js';
import { addModelStatistics } from './model-statistics.js';
import { addModelQuantise } from './model-quantise.js';
import { addModelVerdict } from './model-verdict.js';

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

  addModelCheck(model);
  addModelSeal(model);
  addModelStatistics(model);
  addModelQuantise(model);
  addModelVerdict(model);
  addModelSample(model);
  addModelGraph(model);
}
