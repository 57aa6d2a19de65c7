import { readCardFile } from '../core/card-file.js';
import { FormatError } from '../core/errors.js';
import type { Graph, GraphInterface, Runtime } from '../runtime/runtime.js';
import type { LoadedCodecCard } from './card.js';

/** A graph with its inputs and outputs. */
export interface OpenGraph {
  readonly graph: Graph;
  readonly ports: GraphInterface;
}

/**
 * Opens a network that a codec's card names.
 * @throws FormatError if it has not the inputs and outputs that the card implies
 */
export async function openGraph(
  loaded: LoadedCodecCard,
  file: string,
  runtime: Runtime,
  numInputs: number,
  numOutputs = 1,
): Promise<OpenGraph> {
  const graph = { name: `${loaded.folder}/${file}`, bytes: readCardFile(loaded, file) };
  const ports = await runtime.describe(graph);
  if (ports.inputs.length !== numInputs || ports.outputs.length < numOutputs) {
    throw new FormatError(
      'codec.ports',
      `${graph.name}: has ${ports.inputs.length} inputs and ${ports.outputs.length} outputs where ${loaded.path} implies ` +
        `${numInputs} and ${numOutputs}; check snrInput and mask in the card`,
    );
  }
  return { graph, ports };
}
