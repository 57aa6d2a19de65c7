import type { Rng } from '../core/rng.js';
import { highOf, lowOf, observing, quantisableValues } from '../graph/quantise.js';
import { readModel } from '../onnx/read-model.js';
import { writeModel } from '../onnx/write-model.js';
import type { Runtime } from '../runtime/runtime.js';
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

/** Collects the ranges of the values in a codec's networks, picture by picture, as its encoder and decoders see them over AWGN. */
export class RangeObserver {
  readonly #ranges: Record<string, Record<string, [number, number]>> = {};

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
    const noise = Math.sqrt(10 ** (-snrDb / 10) / 2);
    const latents = await codec.encode(data, 1, layout, snrDb);
    const received = latents.map((v) => v + noise * this.rng.gaussian());
    const dims = [1, layout.channels, layout.height, layout.width];
    await this.#run(codec.shownFile, codec.shown, tensor(received, dims), snrDb);
  }

  async #run(file: string, { graph, ports }: OpenGraph, input: Tensor, snrDb: number): Promise<void> {
    const model = readModel(graph.bytes, graph.name);
    const values = quantisableValues(model);
    const bytes = writeModel(observing(model, values));
    const snr = tensor(Float32Array.of(snrDb), [1]);
    const feeds = Object.fromEntries(ports.inputs.map(({ name }, i) => [name, i === 0 ? input : snr]));
    const seen = await this.runtime.run({ name: `${graph.name} observed`, bytes }, feeds);
    const mine = (this.#ranges[file] ??= {});
    for (const value of values) {
      const [least, most] = [seen[lowOf(value)].data[0], seen[highOf(value)].data[0]];
      const [low, high] = mine[value] ?? [least, most];
      mine[value] = [Math.min(low, least), Math.max(high, most)];
    }
  }
}
