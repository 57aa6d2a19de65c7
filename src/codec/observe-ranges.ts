import type { Rng } from '../core/rng.js';
import { highOf, lowOf, observing, quantisableValues } from '../graph/quantise.js';
import { readModel } from '../onnx/read-model.js';
import { writeModel } from '../onnx/write-model.js';
import type { Graph, Runtime } from '../runtime/runtime.js';
import { tensor, type Tensor } from '../runtime/tensor.js';
import type { Codec } from './codec.js';
import type { CodecRanges } from './int8.js';
import type { OpenGraph } from './open-graph.js';

/** A picture [3,H,W] in [0,1], H and W multiples of the codec's block. */
export interface Sample {
  readonly data: Float32Array;
  readonly height: number;
  readonly width: number;
}

/** Latents of mean square 1/2 with noise of σ²/2 each, σ² = 10^(−SNR/10). */
export function overAwgn(latents: Float32Array, snrDb: number, rng: Rng): Float32Array {
  const sigma = Math.sqrt(10 ** (-snrDb / 10) / 2);
  return latents.map((v) => v + sigma * rng.gaussian());
}

/** Collects the ranges of the values in a codec's networks, picture by picture, as its encoder and decoders see them over AWGN. */
export class RangeObserver {
  readonly #ranges: Record<string, Record<string, [number, number]>> = {};
  readonly #observed = new Map<string, { readonly graph: Graph; readonly values: readonly string[] }>();

  constructor(
    private readonly runtime: Runtime,
    private readonly rng: Rng,
  ) {}

  get ranges(): CodecRanges {
    return this.#ranges;
  }

  /** @param codec opened with each of its decoders in turn; `shown` is observed */
  async observe(codec: Codec, { data, height, width }: Sample, snrDb: number): Promise<void> {
    const { card } = codec;
    const layout = codec.layoutFor(height, width);
    const [low, high] = card.valueRange;
    const picture = tensor(
      data.map((v) => low + (high - low) * v),
      [1, 3, height, width],
    );
    const isOwn = codec.shown === codec.decoder;
    if (isOwn) await this.#run(card.encoder, codec.encoder, picture, snrDb);
    const received = overAwgn(await codec.encode(data, 1, layout, snrDb), snrDb, this.rng);
    const dims = [1, layout.channels, layout.height, layout.width];
    await this.#run(codec.shownFile, codec.shown, tensor(received, dims), snrDb);
  }

  /** A network that also gives the ranges of its values; made once. */
  #observing(file: string, { graph }: OpenGraph): { readonly graph: Graph; readonly values: readonly string[] } {
    let observed = this.#observed.get(file);
    if (observed === undefined) {
      const model = readModel(graph.bytes, graph.name);
      const values = quantisableValues(model);
      observed = {
        graph: { name: `${graph.name} observed`, bytes: writeModel(observing(model, values)) },
        values,
      };
      this.#observed.set(file, observed);
    }
    return observed;
  }

  async #run(file: string, network: OpenGraph, input: Tensor, snrDb: number): Promise<void> {
    const { graph, values } = this.#observing(file, network);
    const snr = tensor(Float32Array.of(snrDb), [1]);
    const feeds = Object.fromEntries(network.ports.inputs.map(({ name }, i) => [name, i === 0 ? input : snr]));
    const seen = await this.runtime.run(graph, feeds);
    const mine = (this.#ranges[file] ??= {});
    for (const value of values) {
      const [least, most] = [seen[lowOf(value)].data[0], seen[highOf(value)].data[0]];
      const [low, high] = mine[value] ?? [least, most];
      mine[value] = [Math.min(low, least), Math.max(high, most)];
    }
  }
}
