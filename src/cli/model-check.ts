import type { Command } from 'commander';
import type { CodecCard } from '../codec/card.js';
import { type Codec, openCodec } from '../codec/codec.js';
import { FormatError } from '../core/errors.js';
import { findModel, kindOfModel } from '../core/shipped-models.js';
import { type Denoiser, openDenoiser } from '../diffusion/denoiser.js';
import { type GraphInspection, inspectGraph } from '../graph/inspect-graph.js';
import { readModel } from '../onnx/read-model.js';
import { openFeatureNetwork } from '../perception/feature-network.js';
import { checkGolden, goldenInput } from '../runtime/golden.js';
import type { Runtime } from '../runtime/runtime.js';
import { tensor } from '../runtime/tensor.js';
import { readInput } from './files.js';
import { withRuntime } from './model-common.js';
import { codecParts, featureParts, type ModelPart, priorParts, singleDims } from './model-parts.js';

interface CheckedGraph extends GraphInspection {
  readonly file: string;
  readonly size: readonly [number, number] | null;
}

/** What `model check --json` prints. */
interface CheckReport {
  readonly type: 'check';
  readonly name: string;
  readonly kind: 'codec' | 'prior' | 'features' | 'graph';
  readonly summary: string;
  readonly graphs: readonly CheckedGraph[];
  readonly notes: readonly string[];
}

type CheckedCard = Pick<CodecCard, 'name' | 'golden' | 'cost' | 'sha256'>;

export function addModelCheck(model: Command): void {
  model
    .command('check')
    .description(
      'Check a card against its files (hashes, shapes, operators, golden values), or an ONNX file by itself.',
    )
    .argument('<model>', 'name, card or folder of a codec, a prior or a feature network, or an .onnx file')
    .option('--json', 'one JSON object on standard output, nothing else')
    .action(async (name: string, options: { json?: boolean }) => {
      await withRuntime(async (runtime) => {
        const report = await check(name, runtime);
        console.log(options.json === true ? JSON.stringify(report) : describe(report));
      });
    });
}

async function check(name: string, runtime: Runtime): Promise<CheckReport> {
  if (name.endsWith('.onnx')) return checkGraph(name, runtime);
  if (kindOfModel(name) === 'prior') {
    const denoiser = await openDenoiser(findModel('prior', name), runtime);
    const { card } = denoiser;
    const parts = priorParts(denoiser);
    if (isFree(parts[0])) await tryPriorSize(denoiser);
    const summary = `predicts ${card.prediction} from ${card.noiseInput}, sizes multiples of ${card.multipleOf}`;
    return report(card, 'prior', summary, parts, runtime);
  }
  if (kindOfModel(name) === 'features') {
    const network = await openFeatureNetwork(findModel('features', name), runtime);
    const { card } = network;
    const least = goldenInput({ dims: [3, card.minimumSize, card.minimumSize], low: 0, high: 1 }).data;
    const smallest = { data: least, height: card.minimumSize, width: card.minimumSize };
    await network.evaluate(...network.ports.inputs.map(() => smallest));
    const summary = `${card.kind}, pictures from ${card.minimumSize}×${card.minimumSize} up; terms: ${card.licence}`;
    return report(card, 'features', summary, featureParts(network), runtime);
  }
  const codec = await openCodec(findModel('codec', name), runtime);
  const parts = await codecParts(codec, runtime);
  if (parts.every(isFree)) await tryCodecSize(codec);
  const has = (what: string, there: boolean): string => `${what} ${there ? 'yes' : 'no'}`;
  const rank = codec.statistics === null ? 'none' : `rank ${codec.statistics.rank}`;
  const summary =
    `statistics ${rank}; ${has('polarity network', codec.hasPolarity)}; ${has('refiner', codec.hasRefiner)}; ${has('distortion network', codec.hasDistortion)}` +
    (codec.card.mask ? '; chooses what it sends' : '');
  return report(codec.card, 'codec', summary, parts, runtime);
}

/** Whether a graph takes any batch and any picture size. */
const isFree = ({ ports }: ModelPart): boolean =>
  ports.inputs.every(({ dims }) => dims.every((n, axis) => axis === 1 || typeof n === 'string'));

/** Two pictures of another size, not square, there and back through every network of the codec. */
async function tryCodecSize(codec: Codec): Promise<void> {
  const { multipleOf: step, card } = codec;
  const height = step * Math.ceil(64 / step);
  const width = height + step;
  const { data } = goldenInput({ dims: [3, height, width], low: 0, high: 1 });
  const both = new Float32Array(2 * data.length);
  both.set(data);
  both.set(data, data.length);
  const layout = await codec.layoutOf(data, height, width, 10);
  const latents = await codec.encode(both, 2, layout, 10);
  await codec.decode(latents, 2, layout, 10);
  const [h, w] = [layout.height, layout.width];
  if (codec.hasPolarity) await codec.polarity(latents, 2, h, w);
  if (codec.hasRefiner) await codec.refine(latents.map(Math.abs), latents, [2, card.latentChannels, h, w]);
  if (codec.hasDistortion) {
    const one = latents.subarray(0, latents.length / 2);
    await codec.distortion(data, one.map(Math.abs), one, layout);
  }
}

async function tryPriorSize(denoiser: Denoiser): Promise<void> {
  const step = denoiser.card.multipleOf;
  const height = step * Math.ceil(64 / step);
  const dims = [2, 3, height, height + step];
  await denoiser.denoise(tensor(new Float32Array(6 * height * (height + step)), dims), 1);
}

async function report(
  card: CheckedCard,
  kind: 'codec' | 'prior' | 'features',
  summary: string,
  parts: readonly ModelPart[],
  runtime: Runtime,
): Promise<CheckReport> {
  const graphs: CheckedGraph[] = [];
  const notes: string[] = [];
  for (const part of parts) {
    const { file, graph, size } = part;
    const inspected = { file, size, ...(await inspectGraph(readModel(graph.bytes, graph.name), singleDims(part))) };
    const { parameters, multiplyAdds } = card.cost?.[file] ?? inspected;
    if (parameters !== inspected.parameters || multiplyAdds !== inspected.multiplyAdds) {
      throw new FormatError(
        'card.cost',
        `${graph.name}: has ${inspected.parameters} parameters and ${inspected.multiplyAdds} multiply-adds, the card says ` +
          `${parameters} and ${multiplyAdds}: blindlink model seal writes what is there`,
      );
    }
    graphs.push(inspected);
    notes.push(...notesOn(inspected));
    if (!isFree(part)) notes.push(`${file}: made for one size of batch and picture`);
    const golden = card.golden?.[file];
    if (golden === undefined) notes.push(`${file}: no golden values in the card; blindlink model seal writes them`);
    else await checkGolden(runtime, graph, golden);
    if (!(file in card.sha256)) notes.push(`${file}: no SHA-256 in the card; blindlink model seal writes it`);
  }
  return { type: 'check', name: card.name, kind, summary, graphs, notes };
}

/** An ONNX file without a card: whether it loads, what it is made of, and that it runs where its shapes are fixed. */
async function checkGraph(path: string, runtime: Runtime): Promise<CheckReport> {
  const graph = { name: path, bytes: readInput(path) };
  const { inputs, outputs } = await runtime.describe(graph);
  const shape = (dims: readonly (number | string)[]): string => `[${dims.join(', ')}]`;
  const ports = [...inputs, ...outputs].map(({ name, dims }) => `${name} ${shape(dims)}`);
  // Free dimensions: one picture of 64×64 where there are four, one element elsewhere.
  const dims = Object.fromEntries(
    inputs.map((port) => [
      port.name,
      port.dims.map((n, axis) => (typeof n === 'number' ? n : port.dims.length === 4 && axis > 1 ? 64 : 1)),
    ]),
  );
  const inspected = { file: path, size: null, ...(await inspectGraph(readModel(graph.bytes, path), dims)) };
  return {
    type: 'check',
    name: path,
    kind: 'graph',
    summary: ports.join('; '),
    graphs: [inspected],
    notes: notesOn(inspected),
  };
}

function notesOn({ file, withoutGradient, withoutTfjs }: CheckedGraph): string[] {
  const notes: string[] = [];
  if (withoutGradient.length > 0) notes.push(`${file}: no gradient for ${withoutGradient.join(', ')}`);
  if (withoutTfjs.length > 0) notes.push(`${file}: --runtime tfjs lacks ${withoutTfjs.join(', ')}`);
  return notes;
}

function describe({ name, kind, summary, graphs, notes }: CheckReport): string {
  const agreed = kind === 'graph' ? 'loads' : 'card, graphs, hashes and golden values agree';
  const lines = [`${name}: ${agreed}; ${summary}`];
  for (const { file, size, parameters, multiplyAdds, operators } of graphs) {
    const at = size === null ? '' : ` at ${size[1]}×${size[0]}`;
    const list = Object.entries(operators)
      .sort(([, a], [, b]) => b - a)
      .map(([operator, count]) => `${operator} ${count}`);
    lines.push(
      `  ${file}: ${millions(parameters)} parameters, ${millions(multiplyAdds)} multiply-adds${at}; ${list.join(', ')}`,
    );
  }
  return [...lines, ...notes.map((note) => `  note: ${note}`)].join('\n');
}

const millions = (n: number): string => `${(n / 1e6).toPrecision(3)} M`;
