import { readCardFile } from '../core/card-file.js';
import { ConfigError, FormatError, ShapeError } from '../core/errors.js';
import { findModel } from '../core/shipped-models.js';
import type { PictureView } from '../metrics/picture-quality.js';
import type { Graph, GraphInterface, Runtime } from '../runtime/runtime.js';
import { tensor } from '../runtime/tensor.js';
import { type FeatureCard, readFeatureCard } from './feature-card.js';

/** An opened feature network. */
export interface FeatureNetwork {
  readonly card: FeatureCard;
  readonly path: string;
  readonly graph: Graph;
  readonly ports: GraphInterface;
  /** `lpips`, `dists`: one number for two pictures of one size; `fid`: D features of one picture. */
  evaluate(...pictures: PictureView[]): Promise<Float32Array>;
}

/** Pictures that a network of each kind takes. */
const NUM_PICTURES = { lpips: 2, dists: 2, fid: 1 } as const;

/**
 * Opens the feature network that a card describes.
 * @throws FormatError if card, file or graph do not agree, one line
 */
export async function openFeatureNetwork(cardPath: string, runtime: Runtime): Promise<FeatureNetwork> {
  const loaded = readFeatureCard(cardPath);
  const { card } = loaded;
  const graph = { name: `${loaded.folder}/${card.network}`, bytes: readCardFile(loaded, card.network) };
  const ports = await runtime.describe(graph);
  const count = NUM_PICTURES[card.kind];
  if (ports.inputs.length !== count || ports.outputs.length !== 1) {
    throw new FormatError(
      'features.ports',
      `${graph.name}: has ${ports.inputs.length} input(s) and ${ports.outputs.length} output(s); ` +
        `a network of kind ${card.kind} has ${count} and 1`,
    );
  }
  return {
    card,
    path: loaded.path,
    graph,
    ports,
    async evaluate(...pictures) {
      for (const { height, width } of pictures) {
        if (Math.min(height, width) < card.minimumSize) {
          throw new ShapeError(
            'features.size',
            `${card.name}: takes pictures from ${card.minimumSize}×${card.minimumSize} up, got ${width}×${height}`,
          );
        }
      }
      const feeds = ports.inputs.map(({ name }, i) => {
        const { data, height, width } = pictures[i];
        return [name, tensor(data, [1, 3, height, width])];
      });
      const { dims, data } = (await runtime.run(graph, Object.fromEntries(feeds)))[ports.outputs[0].name];
      const fits = card.kind === 'fid' ? dims.length === 2 && dims[0] === 1 : data.length === 1;
      if (!fits || !data.every(Number.isFinite)) {
        const wanted = card.kind === 'fid' ? 'features [1, D]' : 'one distance';
        throw new FormatError(
          'features.output',
          `${graph.name}: gives [${dims.join(', ')}]${fits ? ' with values that are not finite' : ''}; a network of kind ${card.kind} gives ${wanted}`,
        );
      }
      return data;
    },
  };
}

/** Opens feature networks by card or folder. Throws ConfigError where two have one name. */
export async function openFeatureNetworks(names: readonly string[], runtime: Runtime): Promise<FeatureNetwork[]> {
  const networks: FeatureNetwork[] = [];
  for (const name of names) {
    const network = await openFeatureNetwork(findModel('features', name), runtime);
    if (networks.some(({ card }) => card.name === network.card.name)) {
      throw new ConfigError('features.name', `${network.path}: another feature network is named ${network.card.name}`);
    }
    networks.push(network);
  }
  return networks;
}
