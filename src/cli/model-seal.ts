import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { openCodec } from '../codec/codec.js';
import { findModel, kindOfModel } from '../core/shipped-models.js';
import { openDenoiser } from '../diffusion/denoiser.js';
import { inspectGraph } from '../graph/inspect-graph.js';
import { readModel } from '../onnx/read-model.js';
import { openFeatureNetwork } from '../perception/feature-network.js';
import { type Golden, recordGolden } from '../runtime/golden.js';
import type { Runtime } from '../runtime/runtime.js';
import { writeAtomically } from './files.js';
import { withRuntime } from './model-common.js';
import { codecParts, featureParts, type ModelPart, priorParts, singleDims } from './model-parts.js';

interface Facts {
  readonly sha256?: Readonly<Record<string, string>>;
  readonly golden?: Readonly<Record<string, Golden>>;
}

export function addModelSeal(model: Command): void {
  model
    .command('seal')
    .description(
      "Write each graph's hash, cost and golden values into the card. Golden values that are there stay, as an " +
        'exporter may have had them from the framework that the graph was trained in.',
    )
    .argument('<model>', 'name, card or folder of a codec, a prior or a feature network')
    .option('--again', 'golden values anew, from onnxruntime')
    .action(async (name: string, options: { again?: boolean }) => {
      await withRuntime((runtime) => seal(name, options.again === true, runtime));
    });
}

async function seal(name: string, again: boolean, runtime: Runtime): Promise<void> {
  const { path, parts } = await partsOf(name, runtime);
  const card = JSON.parse(readFileSync(path, 'utf8')) as Facts & Record<string, unknown>;
  const sha256: Record<string, string> = { ...card.sha256 };
  const golden: Record<string, Golden> = {};
  const cost: Record<string, object> = {};
  for (const part of parts) {
    const { file, graph, inputs, size } = part;
    sha256[file] = createHash('sha256').update(graph.bytes).digest('hex');
    const kept = again ? undefined : card.golden?.[file];
    golden[file] = kept ?? (await recordGolden(runtime, graph, inputs));
    const model = readModel(graph.bytes, graph.name);
    const { parameters, multiplyAdds } = await inspectGraph(model, singleDims(part));
    cost[file] = { parameters, size, multiplyAdds };
  }
  const sealed = { ...card, sha256, golden, cost };
  writeAtomically(path, Buffer.from(`${JSON.stringify(sealed, null, 2)}\n`));
  console.log(`${path}: hash, cost and golden values of ${parts.map(({ file }) => file).join(', ')}`);
}

async function partsOf(name: string, runtime: Runtime): Promise<{ path: string; parts: readonly ModelPart[] }> {
  if (kindOfModel(name) === 'prior') {
    const denoiser = await openDenoiser(findModel('prior', name), runtime);
    return { path: denoiser.path, parts: priorParts(denoiser) };
  }
  if (kindOfModel(name) === 'features') {
    const network = await openFeatureNetwork(findModel('features', name), runtime);
    return { path: network.path, parts: featureParts(network) };
  }
  const codec = await openCodec(findModel('codec', name), runtime);
  return { path: codec.path, parts: await codecParts(codec, runtime) };
}
