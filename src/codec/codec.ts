import { readCardFile } from '../core/card-file.js';
import { FormatError, ShapeError } from '../core/errors.js';
import type { Graph, GraphInterface, Runtime } from '../runtime/onnx-runtime.js';
import { tensor, type Tensor } from '../runtime/tensor.js';
import { type CodecCard, type LoadedCodecCard, readCard } from './card.js';
import { createLayout, type CodewordLayout } from './layout.js';
import { parseStatistics, type CodewordStatistics } from './statistics.js';

/** A learned joint source–channel codec: pictures [3,H,W] in [0,1] ↔ latents [C,h,w] with mean |z|² = 1. */
export interface Codec {
  readonly card: CodecCard;
  readonly path: string;
  readonly statistics: CodewordStatistics | null;
  readonly hasPolarity: boolean;
  readonly hasRefiner: boolean;
  /** The networks themselves, for graphs that are built of them. */
  readonly encoder: OpenGraph;
  readonly decoder: OpenGraph;
  /** Channel uses per real source sample: C / (6·d²). */
  readonly bandwidthRatio: number;
  /** The layout of the codeword of an H×W picture, after padding to a multiple of the block. */
  layoutFor(height: number, width: number): CodewordLayout;
  /**
   * Encodes `count` pictures [count,3,H,W], H and W multiples of the block, and scales each to mean |z|² = 1
   * (mean square 1/2 of its real latents).
   */
  encode(pictures: Float32Array, count: number, layout: CodewordLayout, snrDb: number): Promise<Float32Array>;
  /** Decodes latents [count,C,h,w] of mean square 1/2 to pictures [count,3,d·h,d·w], clipped to [0,1]. */
  decode(latents: Float32Array, count: number, layout: CodewordLayout, snrDb: number): Promise<Float32Array>;
  /** Log-odds that latents [count,C,h,w] have the right sign rather than the opposite one. */
  polarity(latents: Float32Array, count: number, height: number, width: number): Promise<Float32Array>;
  /** Posterior mean and variance of latents [count,C,h,w] of which each was observed with a precision and an evidence. */
  refine(
    precision: Float32Array,
    evidence: Float32Array,
    dims: readonly [number, number, number, number],
  ): Promise<{ mean: Float32Array; variance: Float32Array }>;
}

/**
 * Opens the codec that a card describes and proves that card and graphs agree, by running them once.
 * @throws FormatError, one line
 */
export async function openCodec(cardPath: string, runtime: Runtime): Promise<Codec> {
  const loaded = readCard(cardPath);
  const { card } = loaded;
  const encoder = await openGraph(loaded, card.encoder, runtime, card.snrInput ? 2 : 1);
  const decoder = await openGraph(loaded, card.decoder, runtime, card.snrInput ? 2 : 1);
  const polarity = card.polarity === undefined ? null : await openGraph(loaded, card.polarity, runtime, 1);
  const refiner = card.refiner === undefined ? null : await openGraph(loaded, card.refiner, runtime, 2, 2);
  const statistics =
    card.statistics === undefined
      ? null
      : parseStatistics(readCardFile(loaded, card.statistics), card.statistics, card.latentChannels);
  const [low, high] = card.valueRange;
  const d = card.downSampling;

  const run = async (side: OpenGraph, input: Tensor, snrDb: number): Promise<Tensor> => {
    const feeds: Record<string, Tensor> = { [side.ports.inputs[0].name]: input };
    const second = side.ports.inputs.at(1);
    if (second !== undefined) feeds[second.name] = tensor(new Float32Array(input.dims[0]).fill(snrDb), [input.dims[0]]);
    return (await runtime.run(side.graph, feeds))[side.ports.outputs[0].name];
  };

  const codec: Codec = {
    card,
    path: loaded.path,
    statistics,
    hasPolarity: polarity !== null,
    hasRefiner: refiner !== null,
    encoder,
    decoder,
    bandwidthRatio: card.latentChannels / (6 * d * d),
    layoutFor: (height, width) => createLayout(card.latentChannels, Math.ceil(height / d), Math.ceil(width / d)),
    async encode(pictures, count, layout, snrDb) {
      const { channels, height, width } = layout;
      const scaled = low === 0 && high === 1 ? pictures : pictures.map((v) => low + (high - low) * v);
      const output = await run(encoder, tensor(scaled, [count, 3, height * d, width * d]), snrDb);
      expectShape(loaded, card.encoder, output, [count, channels, height, width]);
      return normalisePower(output.data, count);
    },
    async decode(latents, count, layout, snrDb) {
      const { channels, height, width } = layout;
      const output = await run(decoder, tensor(latents, [count, channels, height, width]), snrDb);
      expectShape(loaded, card.decoder, output, [count, 3, height * d, width * d]);
      return output.data.map((v) => Math.min(1, Math.max(0, (v - low) / (high - low))));
    },
    async polarity(latents, count, height, width) {
      if (polarity === null) throw new FormatError('codec.polarity', `${loaded.path}: names no polarity network`);
      const output = await run(polarity, tensor(latents, [count, card.latentChannels, height, width]), 0);
      expectShape(loaded, card.polarity ?? '', output, [count]);
      return output.data;
    },
    async refine(precision, evidence, dims) {
      if (refiner === null) throw new FormatError('codec.refiner', `${loaded.path}: names no refiner`);
      const [first, second] = refiner.ports.inputs;
      const outputs = await runtime.run(refiner.graph, {
        [first.name]: tensor(precision, dims),
        [second.name]: tensor(evidence, dims),
      });
      const [mean, variance] = refiner.ports.outputs.map(({ name }) => outputs[name]);
      for (const output of [mean, variance]) expectShape(loaded, card.refiner ?? '', output, dims);
      return { mean: mean.data, variance: variance.data };
    },
  };

  const block = codec.layoutFor(16 * d, 16 * d);
  await codec.decode(await codec.encode(new Float32Array(3 * 256 * d * d).fill(0.5), 1, block, 10), 1, block, 10);
  return codec;
}

/** A graph with its inputs and outputs; the second input, where there is one, is the SNR in dB [N]. */
export interface OpenGraph {
  readonly graph: Graph;
  readonly ports: GraphInterface;
}

async function openGraph(
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
      `${graph.name}: has ${ports.inputs.length} inputs where ${loaded.path} implies ${numInputs}; check snrInput in the card`,
    );
  }
  return { graph, ports };
}

function expectShape(loaded: LoadedCodecCard, file: string, output: Tensor, expected: readonly number[]): void {
  const same = output.dims.length === expected.length && output.dims.every((n, i) => n === expected[i]);
  if (same) return;
  throw new ShapeError(
    'codec.shape',
    `${file}: gives [${output.dims.join(', ')}] where ${loaded.path} implies [${expected.join(', ')}]; ` +
      'check latentChannels and downSampling in the card',
  );
}

/** Scales each of `count` equal frames to mean square 1/2 (mean |z|² = 1); an all-zero frame stays zero. */
export function normalisePower(latents: Float32Array, count: number): Float32Array {
  const out = latents.slice();
  const size = latents.length / count;
  for (let frame = 0; frame < count; frame++) {
    const part = out.subarray(frame * size, (frame + 1) * size);
    let energy = 0;
    for (const v of part) energy += v * v;
    const scale = energy > 0 ? Math.sqrt(size / (2 * energy)) : 0;
    for (let i = 0; i < size; i++) part[i] *= scale;
  }
  return out;
}
