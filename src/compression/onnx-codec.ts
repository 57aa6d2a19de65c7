import { readFileSync } from 'node:fs';
import { ConfigError, FormatError } from '../core/errors.js';
import type { Graph, Runtime } from '../runtime/runtime.js';
import { tensor, type Tensor } from '../runtime/tensor.js';
import { open, type Pixels, planesOf, pixelsOf, toPixels } from './pixels.js';
import type { SourceCodec } from './source-codec.js';
import { decodeSymbols, encodeSymbols, type SymbolShape } from './symbol-coder.js';

/** A learned picture codec that is two ONNX graphs: a transform and its inverse. Quantising and entropy coding are ours. */
export interface OnnxCodecConfig {
  /** Picture [1,3,H,W] → what is quantised, [1,C,H/d,W/d]. */
  readonly encoder: string;
  /** Its inverse. */
  readonly decoder: string;
  /** The pictures' range as the networks have it: low, high. */
  readonly valueRange: readonly number[];
  /** Both edges that the encoder takes are multiples of this; others go on with their last pixels. */
  readonly multipleOf: number;
  /** Quantising steps Δ of the smallest files and of the best pictures; between lie equal ratios. */
  readonly steps: { readonly coarsest: number; readonly finest: number };
}

const QUALITIES = 64;

/**
 * ŷ = Δ·round(E(x)/Δ), x̂ = D(ŷ); the whole numbers are coded as in `symbol-coder.ts`, behind a byte for Δ and the size. A codec trained at
 * another Δ, or with an entropy model of its own, does better with that model: as `source: external`.
 *
 * @param name for errors
 * @throws ConfigError for files that cannot be read; `encode` and `decode` throw FormatError for graphs that are no such pair
 */
export function createOnnxCodec(name: string, config: OnnxCodecConfig, runtime: Runtime): SourceCodec {
  const { valueRange, multipleOf, steps } = config;
  const [low, high] = valueRange;
  const graphs = {
    encoder: graphOf(name, 'encoder', config.encoder),
    decoder: graphOf(name, 'decoder', config.decoder),
  };
  const stepOf = (quality: number): number =>
    steps.coarsest * (steps.finest / steps.coarsest) ** (quality / (QUALITIES - 1));

  const run = async (which: 'encoder' | 'decoder', input: Tensor): Promise<Tensor> => {
    const graph = graphs[which];
    const { inputs, outputs } = await runtime.describe(graph);
    if (inputs.length !== 1) {
      throw new FormatError(
        'compression.onnx',
        `${name}: the ${which} ${graph.name} has ${inputs.length} inputs, not one`,
      );
    }
    const output = (await runtime.run(graph, { [inputs[0].name]: input }))[outputs[0].name];
    const isPicture = which === 'decoder' ? output.dims[1] === 3 : true;
    if (output.dims.length !== 4 || output.dims[0] !== 1 || !isPicture) {
      const wanted = which === 'encoder' ? '[1, C, h, w]' : 'pictures [1, 3, H, W]';
      throw new FormatError(
        'compression.onnx',
        `${name}: the ${which} ${graph.name} gives [${output.dims.join(', ')}], not ${wanted}`,
      );
    }
    return output;
  };

  const transform = async (pixels: Pixels): Promise<Tensor> => {
    const [height, width] = [pixels.height, pixels.width].map((edge) => multipleOf * Math.ceil(edge / multipleOf));
    const whole = await toPixels(
      open(pixels).extend({ bottom: height - pixels.height, right: width - pixels.width, extendWith: 'copy' }),
    );
    const planes = planesOf(whole).map((v) => low + (high - low) * v);
    return run('encoder', tensor(planes, [1, 3, height, width]));
  };

  /** What the encoder makes of a picture of one size: [C,h,w]. */
  const shapes = new Map<string, Promise<SymbolShape>>();
  const shapeAt = (height: number, width: number): Promise<SymbolShape> => {
    const key = `${Math.ceil(height / multipleOf)}x${Math.ceil(width / multipleOf)}`;
    const found =
      shapes.get(key) ??
      transform({ data: new Uint8Array(3 * height * width), height, width }).then(
        ({ dims: [, c, h, w] }): SymbolShape => [c, h, w],
      );
    shapes.set(key, found);
    return found;
  };

  return {
    name,
    qualities: { smallest: 0, best: QUALITIES - 1 },
    writings: ['compact'],
    async encode(pixels, quality) {
      const { data, dims } = await transform(pixels);
      const step = stepOf(quality);
      const symbols = Int32Array.from(data, (v) => Math.round(v / step));
      const coded = encodeSymbols(symbols, dims.slice(1) as unknown as SymbolShape);
      return Uint8Array.from([quality, ...varint(pixels.height), ...varint(pixels.width), ...coded]);
    },
    async decode(file) {
      const reader = { at: 1 };
      const [quality, height, width] = [file[0], readVarint(file, reader), readVarint(file, reader)];
      if (!(quality < QUALITIES) || !(height * width > 0) || height * width > MOST_PIXELS) {
        throw new FormatError('compression.damaged', `${name}: a file of ${file.length} bytes cannot be decoded`);
      }
      const shape = await shapeAt(height, width);
      const step = stepOf(quality);
      const symbols = decodeSymbols(file.subarray(reader.at), shape);
      const latents = Float32Array.from(symbols, (v) => step * v);
      const { data, dims } = await run('decoder', tensor(latents, [1, ...shape]));
      const planes = data.map((v) => (v - low) / (high - low));
      const whole = pixelsOf(planes, dims[2], dims[3]);
      if (whole.height < height || whole.width < width) {
        throw new FormatError(
          'compression.onnx',
          `${name}: the decoder gives ${whole.width}×${whole.height} pixels for a picture of ${width}×${height}`,
        );
      }
      return toPixels(open(whole).extract({ left: 0, top: 0, width, height }));
    },
  };
}

const MOST_PIXELS = 1 << 28;

function graphOf(name: string, which: string, path: string): Graph {
  try {
    return { name: path, bytes: readFileSync(path) };
  } catch (cause) {
    throw new ConfigError('compression.onnx', `${name}: the ${which} ${path} cannot be read; check onnx.${which}`, {
      cause,
      value: path,
    });
  }
}

/** Seven bits a byte, the lowest first. */
const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)]);

function readVarint(bytes: Uint8Array, reader: { at: number }): number {
  let value = 0;
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = bytes[reader.at++] ?? 0;
    value |= (byte & 127) << shift;
    if (byte < 128) break;
  }
  return value;
}
