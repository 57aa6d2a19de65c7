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
function overAwgn(latents: Float32Array, snrDb: number, rng: Rng): Float32Array {
  const sigma = Math.sqrt(10 ** (-snrDb / 10) / 2);
  return latents.map((v) => v + sigma * rng.gaussian());
}

/** What is known of real latents: precision w = 2|h|²/σ² and information vector q = 2·Re(h*y)/σ² of each. */
export interface Observation {
  readonly precision: Float32Array;
  readonly information: Float32Array;
}

/**
 * Latents of mean square 1/2, each received with a power gain |h|² of its own: `gains` of mean 1, all 1 where it is left out; σ² as in `overAwgn`.
 */
export function observe(latents: Float32Array, snrDb: number, rng: Rng, gains?: Float32Array): Observation {
  const noise = 10 ** (-snrDb / 10) / 2;
  const precision = latents.map((_, i) => (gains?.[i] ?? 1) / noise);
  const information = latents.map((v, i) => precision[i] * v + Math.sqrt(precision[i]) * rng.gaussian());
  return { precision, information };
}

/** Power gains of Rayleigh fading, mean 1; channels c and c + C/2 of [C,h,w] are one symbol and share theirs. */
export function rayleighGains(length: number, rng: Rng): Float32Array {
  const gains = new Float32Array(length);
  const half = length / 2;
  for (let i = 0; i < half; i++) gains[i] = gains[i + half] = (rng.gaussian() ** 2 + rng.gaussian() ** 2) / 2;
  return gains;
}

/** A codec's networks that can have ranges. */
export const NETWORKS = ['encoder', 'decoders', 'refiner'] as const;
export type Network = (typeof NETWORKS)[number];

/**
 * Collects the ranges of the values in a codec's networks, picture by picture: encoder and decoders as they see them over AWGN, the refiner
 * over AWGN and fading in turn.
 */
export class RangeObserver {
  readonly #ranges: Record<string, Record<string, [number, number]>> = {};
  readonly #observed = new Map<string, { readonly graph: Graph; readonly values: readonly string[] }>();

  constructor(
    private readonly runtime: Runtime,
    private readonly rng: Rng,
    private readonly networks: readonly Network[] = NETWORKS,
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
    const { networks, rng } = this;
    const isOwn = codec.shown === codec.decoder;
    const snr = tensor(Float32Array.of(snrDb), [1]);
    if (isOwn && networks.includes('encoder')) await this.#run(card.encoder, codec.encoder, [picture, snr]);
    const latents = await codec.encode(data, 1, layout, snrDb);
    const dims = [1, layout.channels, layout.height, layout.width];
    if (networks.includes('decoders')) {
      await this.#run(codec.shownFile, codec.shown, [tensor(overAwgn(latents, snrDb, rng), dims), snr]);
    }
    if (!isOwn || !networks.includes('refiner') || codec.refiner === null || card.refiner === undefined) return;
    for (const gains of [undefined, rayleighGains(latents.length, rng)]) {
      const { precision, information } = observe(latents, snrDb, rng, gains);
      await this.#run(card.refiner, codec.refiner, [tensor(precision, dims), tensor(information, dims)]);
    }
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

  async #run(file: string, network: OpenGraph, inputs: readonly Tensor[]): Promise<void> {
    const { graph, values } = this.#observing(file, network);
    const feeds = Object.fromEntries(network.ports.inputs.map(({ name }, i) => [name, inputs[i]]));
    const seen = await this.runtime.run(graph, feeds);
    const mine = (this.#ranges[file] ??= {});
    for (const value of values) {
      const [least, most] = [seen[lowOf(value)].data[0], seen[highOf(value)].data[0]];
      const [low, high] = mine[value] ?? [least, most];
      mine[value] = [Math.min(low, least), Math.max(high, most)];
    }
  }
}
