import { dirname } from 'node:path';
import { type Codec } from '../codec/codec.js';
import { readCardFile } from '../core/card-file.js';
import type { Denoiser } from '../diffusion/denoiser.js';
import type { FeatureNetwork } from '../perception/feature-network.js';
import type { GoldenInput } from '../runtime/golden.js';
import type { Graph, GraphInterface, Runtime } from '../runtime/runtime.js';

/** Mean square ½, as latents have: uniform over ±√1.5. */
const LATENT = Math.sqrt(1.5);
const DESIGN_SNR_DB = 10;
/** Two pictures, so that golden values see what goes wrong across a batch. */
const BATCH = 2;

/** A graph of a model and inputs in the range it is made for. */
export interface ModelPart {
  readonly file: string;
  readonly graph: Graph;
  readonly ports: GraphInterface;
  /** Golden inputs; their order is that of the graph's inputs. */
  readonly inputs: Readonly<Record<string, GoldenInput>>;
  /** The picture size that the inputs are of. */
  readonly size: readonly [number, number];
}

type Range = readonly [low: number, high: number];

/** A graph's file, if there is one, and the shape and range of each of its inputs. */
type Wanted = readonly [file: string | undefined, inputs: [dims: readonly number[], range: Range][]];

/** The graphs of a codec, with inputs for pictures of 64×64 or the next size it takes. */
export async function codecParts(codec: Codec, runtime: Runtime): Promise<ModelPart[]> {
  const { card, multipleOf } = codec;
  const loaded = { card, path: codec.path, folder: dirname(codec.path) };
  const edge = multipleOf * Math.ceil(64 / multipleOf);
  const pictures = [BATCH, 3, edge, edge];
  const latents = [BATCH, card.latentChannels, edge / card.downSampling, edge / card.downSampling];
  const latentRange: Range = [-LATENT, LATENT];
  const snr: [number[], Range][] = card.snrInput ? [[[BATCH], [DESIGN_SNR_DB, DESIGN_SNR_DB]]] : [];
  const mask: [number[], Range][] = card.mask ? [[latents, [1, 1]]] : [];
  const wanted: Wanted[] = [
    [card.encoder, [[pictures, card.valueRange], ...snr]],
    ...[card.decoder, ...Object.values(card.decoders)].map((file): Wanted => [
      file,
      [[latents, latentRange], ...snr, ...mask],
    ]),
    [card.polarity, [[latents, latentRange]]],
    [
      card.refiner,
      [
        [latents, [0, 40]],
        [latents, [-40, 40]],
      ],
    ],
    [
      card.distortion,
      [
        [pictures, [0, 1]],
        [latents, [0, 40]],
        [latents, [-40, 40]],
      ],
    ],
  ];
  const parts: ModelPart[] = [];
  for (const [file, inputs] of wanted) {
    if (file === undefined) continue;
    const graph = { name: `${loaded.folder}/${file}`, bytes: readCardFile(loaded, file) };
    parts.push(partOf(file, graph, await runtime.describe(graph), inputs, edge));
  }
  return parts;
}

/** The graph of a prior, likewise. */
export function priorParts({ card, graph, ports }: Denoiser): ModelPart[] {
  const edge = card.multipleOf * Math.ceil(64 / card.multipleOf);
  const level = card.noiseInput === 'sigma' ? 0.5 : Math.floor(card.schedule.steps / 3);
  return [
    partOf(
      card.network,
      graph,
      ports,
      [
        [[BATCH, 3, edge, edge], card.valueRange],
        [[BATCH], [level, level]],
      ],
      edge,
    ),
  ];
}

/** The graph of a feature network, likewise; the second of two pictures has less contrast. */
export function featureParts({ card, graph, ports }: FeatureNetwork): ModelPart[] {
  const edge = Math.max(64, card.minimumSize);
  const size = [BATCH, 3, edge, edge];
  const wanted: [readonly number[], Range][] = [
    [size, [0, 1]],
    [size, [0, 0.6]],
  ];
  return [partOf(card.network, graph, ports, wanted, edge)];
}

/** Shapes of a part's inputs for one picture, or for as many as the graph is made for. */
export const singleDims = ({ inputs, ports }: ModelPart): Record<string, number[]> =>
  Object.fromEntries(
    ports.inputs.map(({ name, dims }) => [
      name,
      inputs[name].dims.map((n, axis) => (axis === 0 && typeof dims[0] !== 'number' ? 1 : n)),
    ]),
  );

/** Where a graph's own dimensions are fixed they win over what is wanted. */
function partOf(
  file: string,
  graph: Graph,
  ports: GraphInterface,
  wanted: readonly [readonly number[], Range][],
  edge: number,
): ModelPart {
  const inputs: Record<string, GoldenInput> = {};
  ports.inputs.forEach(({ name, dims }, i) => {
    const [size, [low, high]] = wanted[i];
    inputs[name] = { dims: size.map((n, axis) => (typeof dims[axis] === 'number' ? dims[axis] : n)), low, high };
  });
  return { file, graph, ports, inputs, size: [edge, edge] };
}
