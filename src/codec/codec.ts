import { readCardFile } from '../core/card-file.js';
import { ConfigError, FormatError, ShapeError } from '../core/errors.js';
import type { Runtime } from '../runtime/onnx-runtime.js';
import { tensor, type Tensor } from '../runtime/tensor.js';
import { type CodecCard, type LoadedCodecCard, readCard } from './card.js';
import { onIntegers, parseRanges } from './int8.js';
import { createLayout, createMaskedLayout, type CodewordLayout } from './layout.js';
import { openGraph, type OpenGraph } from './open-graph.js';
import { sideInformationOf } from './side-information.js';
import { parseStatistics, type CodewordStatistics } from './statistics.js';

/** A learned joint source–channel codec: pictures [3,H,W] in [0,1] ↔ latents [C,h,w] with mean |z|² = 1. */
export interface Codec {
  readonly card: CodecCard;
  readonly path: string;
  readonly statistics: CodewordStatistics | null;
  readonly hasPolarity: boolean;
  readonly hasRefiner: boolean;
  readonly hasDistortion: boolean;
  /** Whether the decoders are handed the refiner's posterior mean rather than equalised latents. */
  readonly decodesRefined: boolean;
  /** The networks themselves, for graphs that are built of them. */
  readonly encoder: OpenGraph;
  readonly decoder: OpenGraph;
  readonly refiner: OpenGraph | null;
  /** The decoder whose pictures are shown: the codec's own, or the one chosen at opening. */
  readonly shown: OpenGraph;
  /** Its file. */
  readonly shownFile: string;
  /** Whether networks of it run on 8-bit integers here: those that its card has ranges of. */
  readonly runsInt8: boolean;
  /** Channel uses per real source sample, C / (6·d²); the most of them where the codec chooses what it sends. */
  readonly bandwidthRatio: number;
  /** The block: both edges of a picture are multiples of it. */
  readonly multipleOf: number;
  /**
   * The layout of the codeword of every H×W picture, H and W multiples of the block.
   * @throws ConfigError where the codec chooses what it sends
   */
  layoutFor(height: number, width: number): CodewordLayout;
  /** The layout of one picture's [3,H,W] codeword: the same for all, or what the codec chooses for this one. */
  layoutOf(picture: Float32Array, height: number, width: number, snrDb: number): Promise<CodewordLayout>;
  /**
   * Encodes `count` pictures [count,3,H,W], H and W multiples of the block, and scales each to mean |z|² = 1
   * (mean square 1/2 of its real latents; latents that the layout does not send are 0).
   */
  encode(pictures: Float32Array, count: number, layout: CodewordLayout, snrDb: number): Promise<Float32Array>;
  /** Mean square of one picture's latents before they are scaled; of those that are sent. */
  latentPower(picture: Float32Array, layout: CodewordLayout, snrDb: number): Promise<number>;
  /** Decodes latents [count,C,h,w] of mean square 1/2 to pictures [count,3,d·h,d·w], clipped to [0,1]. */
  decode(latents: Float32Array, count: number, layout: CodewordLayout, snrDb: number): Promise<Float32Array>;
  /** As `decode`, by the decoder whose pictures are shown. */
  readonly render: Codec['decode'];
  /** Log-odds that latents [count,C,h,w] have the right sign rather than the opposite one. */
  polarity(latents: Float32Array, count: number, height: number, width: number): Promise<Float32Array>;
  /** Posterior mean and variance of latents [count,C,h,w] of which each was observed with a precision and an information vector. */
  refine(
    precision: Float32Array,
    information: Float32Array,
    dims: readonly [number, number, number, number],
  ): Promise<{ mean: Float32Array; variance: Float32Array }>;
  /**
   * Expected squared error [h,w] of a decoded picture [3,d·h,d·w], the mean over each latent's patch, by what was heard of its codeword [C,h,w].
   */
  distortion(
    picture: Float32Array,
    precision: Float32Array,
    information: Float32Array,
    layout: CodewordLayout,
  ): Promise<Float32Array>;
}

/**
 * Opens the codec that a card describes and proves that card and graphs agree, by running them once.
 *
 * @param rendering the name of another of its decoders, for what is shown
 * @throws FormatError, one line
 */
export async function openCodec(cardPath: string, runtime: Runtime, rendering: string | null = null): Promise<Codec> {
  const loaded = readCard(cardPath);
  const { card } = loaded;
  const numInputs = card.snrInput ? 2 : 1;
  const encoder = await openGraph(loaded, card.encoder, runtime, numInputs, card.mask ? 2 : 1);
  const decoder = await openGraph(loaded, card.decoder, runtime, numInputs + (card.mask ? 1 : 0));
  const renderer =
    rendering === null
      ? null
      : await openGraph(loaded, rendererOf(card, rendering), runtime, decoder.ports.inputs.length);
  const shownFile = rendering === null ? card.decoder : card.decoders[rendering];
  const ranges =
    card.ranges !== undefined && runtime.prefersInt8 === true
      ? parseRanges(readCardFile(loaded, card.ranges), card.ranges)
      : {};
  /** What is run of a network: where its ranges are known and it pays, on integers. Graphs that are built of it stay float32. */
  const swift = (network: OpenGraph, file: string): OpenGraph =>
    Object.hasOwn(ranges, file) ? onIntegers(network, ranges[file]) : network;
  const polarity = card.polarity === undefined ? null : await openGraph(loaded, card.polarity, runtime, 1);
  const refiner = card.refiner === undefined ? null : await openGraph(loaded, card.refiner, runtime, 2, 2);
  const distortion = card.distortion === undefined ? null : await openGraph(loaded, card.distortion, runtime, 3);
  const runs = {
    encoder: swift(encoder, card.encoder),
    decoder: swift(decoder, card.decoder),
    refiner: refiner && swift(refiner, card.refiner ?? ''),
  };
  if (card.decodesRefined && refiner === null) {
    throw new FormatError('codec.refiner', `${loaded.path}: decodesRefined needs a refiner; name one or leave it out`);
  }
  const statistics =
    card.statistics === undefined
      ? null
      : parseStatistics(readCardFile(loaded, card.statistics), card.statistics, card.latentChannels * card.tile ** 2);
  const [low, high] = card.valueRange;
  const d = card.downSampling;
  const multipleOf = card.multipleOf ?? d;
  if (multipleOf % d !== 0) {
    throw new FormatError('codec.multipleOf', `${loaded.path}: multipleOf must be a multiple of downSampling, ${d}`);
  }

  /** All outputs of a network for an input, the SNR where it takes one, and the mask where it does. */
  const run = async ({ graph, ports }: OpenGraph, input: Tensor, snrDb: number, mask?: Tensor): Promise<Tensor[]> => {
    const [count] = input.dims;
    const values = [input];
    if (card.snrInput && ports.inputs.length > 1) values.push(tensor(new Float32Array(count).fill(snrDb), [count]));
    if (mask !== undefined) values.push(mask);
    const outputs = await runtime.run(graph, Object.fromEntries(values.map((v, i) => [ports.inputs[i].name, v])));
    return ports.outputs.map(({ name }) => outputs[name]);
  };

  /** What the encoder gives for pictures [count,3,H,W] in [0,1]: latents, and the mask where it has one. */
  const runEncoder = async (pictures: Float32Array, count: number, h: number, w: number, snrDb: number) => {
    const scaled = low === 0 && high === 1 ? pictures : new Float32Array(pictures.length);
    if (scaled !== pictures) for (let i = 0; i < scaled.length; i++) scaled[i] = low + (high - low) * pictures[i];
    const [latents, mask] = await run(runs.encoder, tensor(scaled, [count, 3, h * d, w * d]), snrDb);
    for (const output of card.mask ? [latents, mask] : [latents]) {
      expectShape(loaded, card.encoder, output, [count, card.latentChannels, h, w]);
    }
    return { latents: latents.data, mask: card.mask ? mask.data : null };
  };

  const decodeBy =
    (network: OpenGraph, file: string): Codec['decode'] =>
    async (latents, count, { channels, height, width, side }, snrDb) => {
      const dims = [count, channels, height, width];
      const given = side === null ? latents : latents.map((v) => v / side.scale);
      const mask = side === null ? undefined : latents.map((_, i) => side.mask[i % side.mask.length]);
      const [output] = await run(network, tensor(given, dims), snrDb, mask && tensor(mask, dims));
      expectShape(loaded, file, output, [count, 3, height * d, width * d]);
      const { data } = output;
      const picture = new Float32Array(data.length);
      for (let i = 0; i < data.length; i++) {
        const value = (data[i] - low) / (high - low);
        picture[i] = value > 1 ? 1 : value < 0 ? 0 : value;
      }
      return picture;
    };

  const codec: Codec = {
    card,
    path: loaded.path,
    statistics,
    hasPolarity: polarity !== null,
    hasRefiner: refiner !== null,
    hasDistortion: distortion !== null,
    decodesRefined: card.decodesRefined,
    encoder,
    decoder,
    shown: renderer ?? decoder,
    shownFile,
    refiner,
    runsInt8: Object.keys(ranges).length > 0,
    bandwidthRatio: card.latentChannels / (6 * d * d),
    multipleOf,
    layoutFor(height, width) {
      if (!card.mask) return createLayout(card.latentChannels, Math.ceil(height / d), Math.ceil(width / d), card.tile);
      throw new ConfigError(
        'codec.mask',
        `codec ${card.name}: sends another choice of latents with each picture; only simulate and sweep, with the receivers perfect and pilot, take such a codec`,
      );
    },
    async layoutOf(picture, height, width, snrDb) {
      const { latents, mask } = await runEncoder(picture, 1, height / d, width / d, snrDb);
      if (mask === null) return codec.layoutFor(height, width);
      const side = sideInformationOf(mask, latents, card.latentChannels, card.encoder);
      return createMaskedLayout(card.latentChannels, height / d, width / d, side);
    },
    async encode(pictures, count, layout, snrDb) {
      const { height, width, side } = layout;
      const { latents } = await runEncoder(pictures, count, height, width, snrDb);
      if (side === null) return normalisePower(latents, count);
      return normalisePower(
        latents.map((v, i) => v * side.mask[i % side.mask.length]),
        count,
        side.active,
      );
    },
    async latentPower(picture, { height, width, side }, snrDb) {
      if (side !== null) return 1 / (2 * side.scale ** 2);
      const { latents } = await runEncoder(picture, 1, height, width, snrDb);
      return latents.reduce((sum, v) => sum + v * v, 0) / latents.length;
    },
    decode: decodeBy(runs.decoder, card.decoder),
    render: decodeBy(renderer === null ? runs.decoder : swift(renderer, shownFile), shownFile),
    async polarity(latents, count, height, width) {
      if (polarity === null) throw new FormatError('codec.polarity', `${loaded.path}: names no polarity network`);
      const [output] = await run(polarity, tensor(latents, [count, card.latentChannels, height, width]), 0);
      expectShape(loaded, card.polarity ?? '', output, [count]);
      return output.data;
    },
    async refine(precision, information, dims) {
      if (runs.refiner === null) throw new FormatError('codec.refiner', `${loaded.path}: names no refiner`);
      const { graph, ports } = runs.refiner;
      const [first, second] = ports.inputs;
      const outputs = await runtime.run(graph, {
        [first.name]: tensor(precision, dims),
        [second.name]: tensor(information, dims),
      });
      const [mean, variance] = ports.outputs.map(({ name }) => outputs[name]);
      for (const output of [mean, variance]) expectShape(loaded, card.refiner ?? '', output, dims);
      return { mean: mean.data, variance: variance.data };
    },
    async distortion(picture, precision, information, { channels, height, width }) {
      if (distortion === null) throw new FormatError('codec.distortion', `${loaded.path}: names no distortion network`);
      const latents = [1, channels, height, width];
      const given = [
        tensor(picture, [1, 3, d * height, d * width]),
        tensor(precision, latents),
        tensor(information, latents),
      ];
      const outputs = await runtime.run(
        distortion.graph,
        Object.fromEntries(given.map((value, i) => [distortion.ports.inputs[i].name, value])),
      );
      const errors = outputs[distortion.ports.outputs[0].name];
      expectShape(loaded, card.distortion ?? '', errors, [1, 1, height, width]);
      return errors.data;
    },
  };

  const edge = multipleOf * Math.ceil((16 * d) / multipleOf);
  const grey = new Float32Array(3 * edge * edge).fill(0.5);
  const block = await codec.layoutOf(grey, edge, edge, 10);
  const latents = await codec.encode(grey, 1, block, 10);
  await codec.decode(latents, 1, block, 10);
  if (renderer !== null) await codec.render(latents, 1, block, 10);
  return codec;
}

/** What a setting calls a codec's own decoder. */
export const OWN_DECODER = 'own';

/** What cards call a decoder that was trained for how pictures look. */
export const PERCEPTUAL_DECODER = 'perceptual';

/** The codec with its own decoder's pictures shown, whatever it was opened with. */
export const showingOwn = (codec: Codec): Codec => ({
  ...codec,
  shown: codec.decoder,
  shownFile: codec.card.decoder,
  render: codec.decode,
});

/** The file of a decoder that is asked for by name. Throws ConfigError. */
export function rendererOf(card: CodecCard, name: string): string {
  if (Object.hasOwn(card.decoders, name)) return card.decoders[name];
  const names = Object.keys(card.decoders);
  throw new ConfigError(
    'config.decoder',
    `receiver.decoder ${name}: codec ${card.name} has ${names.length === 0 ? 'no decoder but its own; leave the setting out' : `its own and ${names.join(', ')}`}`,
  );
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

/**
 * Scales each of `count` equal frames to mean square 1/2 (mean |z|² = 1) over the `active` latents that are not zero for
 * certain; an all-zero frame stays zero.
 */
export function normalisePower(
  latents: Float32Array,
  count: number,
  active: number = latents.length / count,
): Float32Array {
  const out = latents.slice();
  const size = latents.length / count;
  for (let frame = 0; frame < count; frame++) {
    const part = out.subarray(frame * size, (frame + 1) * size);
    let energy = 0;
    for (const v of part) energy += v * v;
    const scale = energy > 0 ? Math.sqrt(active / (2 * energy)) : 0;
    for (let i = 0; i < size; i++) part[i] *= scale;
  }
  return out;
}
