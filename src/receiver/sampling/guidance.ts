import type { ComplexArray } from '../../core/complex.js';
import { type Denoiser, preconditioning } from '../../diffusion/denoiser.js';
import { upTo } from '../../diffusion/mirror.js';
import { composeModels, type GraphPart } from '../../graph/compose.js';
import { fixShapes } from '../../graph/fix-shapes.js';
import { createGraphBuilder, type Value } from '../../graph/graph-builder.js';
import { vjp } from '../../graph/vjp.js';
import type { OnnxModel } from '../../onnx/model.js';
import { readModel } from '../../onnx/read-model.js';
import { writeModel } from '../../onnx/write-model.js';
import type { Graph, Runtime } from '../../runtime/onnx-runtime.js';
import { tensor, type Tensor } from '../../runtime/tensor.js';
import type { Codec } from '../../codec/codec.js';
import type { OpenGraph } from '../../codec/open-graph.js';
import { toldOf } from './element-mapping.js';
import { pictureDims } from './picture-scale.js';
import {
  createEqualiserGraph,
  createForwardGraph,
  forwardName,
  type ForwardOperatorOptions,
} from './forward-operator.js';
import type { LinkSetting } from '../receiver.js';

export interface GuidanceOptions {
  /** Chains that are advanced together. */
  readonly batch: number;
  readonly forward: ForwardOperatorOptions;
  /** Whether HiFi-DiffCom's confirming term is part of the loss. */
  readonly confirm: boolean;
  /** Whether the gradient for the channel is wanted beside the picture's. */
  readonly channelGradient: boolean;
}

/** What one guidance step is given. */
export interface GuidanceInput {
  /** x₀ + σ·ε, [batch,3,H,W]. */
  readonly noisy: Tensor;
  readonly sigma: number;
  /** Taps [batch·P·L] or responses [batch·P·S·M], as the forward operator takes them. */
  readonly channel: ComplexArray;
  /** Y [P·S·M]. */
  readonly received: ComplexArray;
  /** Weights of the two terms, ζ and γ. */
  readonly weights: { readonly distance: number; readonly confirm: number };
  /** For the confirming term: the response [P·S·M] and σ² of W⁻¹, and x_d [3,H,W] in [−1,1]; for all chains or for each. */
  readonly confirm?: { readonly response: ComplexArray; readonly noiseVariance: number; readonly target: Float32Array };
  /** Mean square of the sent picture's latents, where the operator is told. */
  readonly latentPower?: number;
}

export interface GuidanceOutput {
  /** x̂₀, [batch,3,H,W] in [−1,1], clipped. */
  readonly denoised: Tensor;
  /** ‖Y − W(E(x̂₀); h)‖₂ of each chain. */
  readonly distance: Float32Array;
  /** X of E(x̂₀), [batch·P·S·M]. */
  readonly sent: ComplexArray;
  /** ‖x_d − D(W⁻¹(W(E(x̂₀))))‖₂ of each chain; zeros without the term. */
  readonly confirm: Float32Array;
  /** Gradient of ζ·distance + γ·confirm in `noisy`, [batch,3,H,W]. */
  readonly gradient: Float32Array;
  /** Gradient in the channel, where asked for. */
  readonly channelGradient: ComplexArray | null;
}

/** Denoiser, encoder, forward operator and their gradients as one graph: nothing is computed twice. */
export interface Guidance {
  step(input: GuidanceInput): Promise<GuidanceOutput>;
}

interface Compiled {
  readonly graph: Graph;
  readonly inputs: ReadonlySet<string>;
}

/** Receivers of a codec that chooses what it sends are made anew with each frame; the graphs that they share are not. */
const compiled = new WeakMap<Runtime, Map<string, Promise<Compiled>>>();
const KEPT_GRAPHS = 4;

function compiledOnce(name: string, runtime: Runtime, compile: (name: string) => Promise<Compiled>): Promise<Compiled> {
  const kept = compiled.get(runtime) ?? new Map<string, Promise<Compiled>>();
  compiled.set(runtime, kept);
  const found = kept.get(name) ?? compile(name);
  // The newest last.
  kept.delete(name);
  kept.set(name, found);
  if (kept.size > KEPT_GRAPHS) kept.delete(kept.keys().next().value!);
  found.catch(() => kept.delete(name));
  return found;
}

export async function createGuidance(
  setting: LinkSetting,
  denoiser: Denoiser,
  options: GuidanceOptions,
  runtime: Runtime,
): Promise<Guidance> {
  const { batch, confirm, channelGradient } = options;
  const { layout, codec, interleaver, snrDb } = setting;
  const size = [layout.height * codec.card.downSampling, layout.width * codec.card.downSampling];
  const numElements = interleaver.numPackets * setting.grid.elementsPerPacket;
  const channelDims =
    options.forward.channel === 'taps'
      ? [batch, interleaver.numPackets, setting.tapPrior.length]
      : [batch, numElements];
  const told = toldOf(setting, batch);
  const { graph, inputs } = await compiledOnce(guidanceName(setting, denoiser, options), runtime, compile);

  /** The graph with its gradients, for the shapes there are. */
  async function compile(name: string): Promise<Compiled> {
    const joined = composeGuidance(setting, denoiser, options);
    const toldDims = Object.entries(told).flatMap(([name, { dims }]) =>
      joined.inputs.some((input) => input.name === name) ? [[name, dims] as const] : [],
    );
    const shaped = await fixShapes(joined, {
      ...Object.fromEntries(toldDims),
      noisy: [batch, 3, ...size],
      noise_level: [batch],
      ...(codec.card.snrInput ? { snr_db: [batch] } : {}),
      channel_re: channelDims,
      channel_im: channelDims,
      received_re: [batch, numElements],
      received_im: [batch, numElements],
      ...(confirm
        ? { response_re: [batch, numElements], response_im: [batch, numElements], target: [batch, 3, ...size] }
        : {}),
    });
    const withRespectTo = channelGradient ? ['noisy', 'channel_re', 'channel_im'] : ['noisy'];
    const model = vjp(shaped, { of: 'loss', withRespectTo, cotangent: 'one' });
    const found = new Set(model.inputs.map((input) => input.name));
    return { graph: { name, bytes: writeModel(model) }, inputs: found };
  }

  const repeat = (values: Float32Array, dims: readonly number[]): Tensor => {
    const count = dims.reduce((product, d) => product * d, 1) / values.length;
    if (count === 1) return tensor(values, dims);
    const out = new Float32Array(values.length * count);
    for (let i = 0; i < count; i++) out.set(values, i * values.length);
    return tensor(out, dims);
  };

  return {
    async step({ noisy, sigma, channel, received, weights, confirm: target, latentPower }) {
      const [low, high] = denoiser.card.valueRange;
      const scale = preconditioning(denoiser.card, denoiser.schedule, (sigma * (high - low)) / 2);
      const one = (value: number): Tensor => tensor(Float32Array.of(value), [1]);
      const feeds: Record<string, Tensor> = {
        noisy,
        noise_level: tensor(new Float32Array(batch).fill(scale.cNoise), [batch]),
        input_scale: one(scale.cIn),
        skip: one(scale.cSkip),
        out: one(scale.cOut),
        snr_db: tensor(new Float32Array(batch).fill(snrDb), [batch]),
        channel_re: repeat(channel.re, channelDims),
        channel_im: repeat(channel.im, channelDims),
        received_re: repeat(received.re, [batch, numElements]),
        received_im: repeat(received.im, [batch, numElements]),
        weight_distance: one(weights.distance),
        weight_confirm: one(weights.confirm),
        ...told,
      };
      if (target !== undefined) {
        feeds['response_re'] = repeat(target.response.re, [batch, numElements]);
        feeds['response_im'] = repeat(target.response.im, [batch, numElements]);
        feeds['noise_variance'] = one(target.noiseVariance);
        feeds['target'] = repeat(target.target, [batch, 3, ...size]);
      }
      if (latentPower !== undefined) feeds['latent_power'] = one(latentPower);
      const results = await runtime.run(
        graph,
        Object.fromEntries(Object.entries(feeds).filter(([name]) => inputs.has(name))),
      );
      return {
        denoised: results['denoised'],
        distance: results['distance'].data,
        sent: { re: results['sent_re'].data, im: results['sent_im'].data },
        confirm: confirm ? results['confirm'].data : new Float32Array(batch),
        gradient: results['grad_noisy'].data,
        channelGradient: channelGradient
          ? { re: results['grad_channel_re'].data, im: results['grad_channel_im'].data }
          : null,
      };
    },
  };
}

function guidanceName(setting: LinkSetting, denoiser: Denoiser, options: GuidanceOptions): string {
  const name = forwardName(setting, options.forward);
  const { batch, confirm, channelGradient } = options;
  return `guidance ${JSON.stringify({ batch, confirm, channelGradient })} ${denoiser.path} ${setting.codec.path} ${setting.codec.shown.graph.name} ${name}`;
}

/** noisy → network → x̂₀ → encoder → W → distance (→ W⁻¹ → decoder → confirm) → loss. */
function composeGuidance(setting: LinkSetting, denoiser: Denoiser, options: GuidanceOptions): OnnxModel {
  const { codec } = setting;
  const { valueRange: range, multipleOf } = denoiser.card;
  const [, , height, width] = pictureDims(setting, 1);
  const parts: GraphPart[] = [
    { name: 'enter', model: enterGraph(range, [height, width], multipleOf) },
    {
      name: 'prior',
      model: readModel(denoiser.graph.bytes, denoiser.graph.name),
      inputs: {
        [denoiser.ports.inputs[0].name]: 'enter/scaled',
        [denoiser.ports.inputs[1].name]: 'noise_level',
      },
    },
    {
      name: 'leave',
      model: leaveGraph(range, [height, width]),
      inputs: { prediction: `prior/${denoiser.ports.outputs[0].name}`, shifted: 'enter/shifted' },
    },
    { name: 'toCodec', model: affineGraph([-1, 1], codec.card.valueRange), inputs: { x: 'leave/denoised' } },
    codecPart('encoder', codec, codec.encoder, 'toCodec/y'),
    {
      name: 'forward',
      model: readModel(createForwardGraph(setting, options.forward).bytes),
      inputs: { latents: `encoder/${codec.encoder.ports.outputs[0].name}` },
    },
  ];
  const outputs: Record<string, string> = {
    denoised: 'leave/denoised',
    distance: 'forward/distance',
    sent_re: 'forward/sent_re',
    sent_im: 'forward/sent_im',
  };
  if (options.confirm) {
    parts.push(
      {
        name: 'equaliser',
        model: readModel(createEqualiserGraph(setting).bytes),
        inputs: { elements_re: 'forward/expected_re', elements_im: 'forward/expected_im' },
      },
      codecPart('decoder', codec, codec.shown, 'equaliser/latents'),
      {
        name: 'fromCodec',
        model: affineGraph(codec.card.valueRange, [-1, 1]),
        inputs: { x: `decoder/${codec.shown.ports.outputs[0].name}` },
      },
      { name: 'compare', model: distanceGraph(), inputs: { x: 'fromCodec/y' } },
    );
    outputs['confirm'] = 'compare/distance';
  }
  parts.push({
    name: 'total',
    model: lossGraph(options.confirm),
    inputs: { distance: 'forward/distance', ...(options.confirm ? { confirm: 'compare/distance' } : {}) },
  });
  outputs['loss'] = 'total/loss';
  return composeModels('guidance', parts, outputs);
}

/** A codec's network: its picture or latents, then the SNR where the codec takes one, then the mask where it is a decoder that does. */
function codecPart(
  name: 'encoder' | 'decoder',
  { card }: Codec,
  { graph, ports }: OpenGraph,
  source: string,
): GraphPart {
  const sources = [
    source,
    ...(card.snrInput ? ['snr_db'] : []),
    ...(name === 'decoder' && card.mask ? ['told_mask'] : []),
  ];
  const inputs = Object.fromEntries(ports.inputs.map((port, i) => [port.name, sources[i]]));
  return { name, model: readModel(graph.bytes, graph.name), inputs };
}

const picture = ['batch', 3, 'height', 'width'] as const;

/** shifted = noisy in the network's range, scaled = inputScale·shifted, of a size that the network takes (`mirrored`). */
function enterGraph(
  [low, high]: readonly [number, number],
  size: readonly [number, number],
  multipleOf: number,
): OnnxModel {
  const b = createGraphBuilder('enter');
  const noisy = b.input('noisy', picture);
  const gained = b.node('Mul', [noisy, b.scalar((high - low) / 2)]);
  const shifted = b.node('Add', [gained, b.scalar((high + low) / 2)]);
  b.output('shifted', shifted, picture);
  let scaled = b.node('Mul', [shifted, b.input('input_scale', [1])]);
  size.forEach((edge, i) => {
    for (let length = edge; length < upTo(edge, multipleOf);) {
      // Backwards from the last pixel but one; of a single one, that again.
      const count = Math.min(upTo(edge, multipleOf) - length, Math.max(1, length - 1));
      const first = Math.max(0, length - 2);
      const [starts, ends] = [b.int64s([first - length]), b.int64s([first - count - length])];
      const back = b.node('Slice', [scaled, starts, ends, b.int64s([2 + i]), b.int64s([-1])]);
      scaled = b.node('Concat', [scaled, back], { axis: 2 + i });
      length += count;
    }
  });
  b.output('scaled', scaled, ['batch', 3, 'whole_height', 'whole_width']);
  return readModel(b.build());
}

/**
 * x̂₀ = skip·shifted + out·F, back in [−1, 1]; channels behind the third are left out, and what was mirrored. Clipped: a codeword has unit
 * power whatever the picture's contrast, so nothing else would hold that.
 */
function leaveGraph([low, high]: readonly [number, number], size: readonly [number, number]): OnnxModel {
  const b = createGraphBuilder('leave');
  const prediction = b.input('prediction', ['batch', 'channels', 'whole_height', 'whole_width']);
  const shifted = b.input('shifted', picture);
  const three = b.node('Slice', [prediction, b.int64s([0, 0, 0]), b.int64s([3, ...size]), b.int64s([1, 2, 3])]);
  const sum = b.node('Add', [
    b.node('Mul', [shifted, b.input('skip', [1])]),
    b.node('Mul', [three, b.input('out', [1])]),
  ]);
  const centred = b.node('Sub', [sum, b.scalar((high + low) / 2)]);
  const denoised = b.node('Div', [centred, b.scalar((high - low) / 2)]);
  b.output('denoised', b.node('Clip', [denoised, b.scalar(-1), b.scalar(1)]), picture);
  return readModel(b.build());
}

/** y = x moved from one range to another. */
function affineGraph(from: readonly [number, number], to: readonly [number, number]): OnnxModel {
  const b = createGraphBuilder('affine');
  const gain = (to[1] - to[0]) / (from[1] - from[0]);
  const scaled = b.node('Mul', [b.input('x', picture), b.scalar(gain)]);
  b.output('y', b.node('Add', [scaled, b.scalar(to[0] - gain * from[0])]), picture);
  return readModel(b.build());
}

/** ‖x − target‖₂ of each picture. */
function distanceGraph(): OnnxModel {
  const b = createGraphBuilder('distance');
  const error = b.node('Sub', [b.input('x', picture), b.input('target', picture)]);
  const axes = b.int64s([1, 2, 3]);
  const energy = b.node('ReduceSum', [b.node('Mul', [error, error]), axes], { keepdims: 0 });
  b.output('distance', b.node('Sqrt', [b.node('Add', [energy, b.scalar(1e-12)])]), ['batch']);
  return readModel(b.build());
}

/** Σ over chains of ζ·distance + γ·confirm: chains are independent, so each gets its own gradient. */
function lossGraph(confirm: boolean): OnnxModel {
  const b = createGraphBuilder('loss');
  const total = (x: Value): Value => b.node('ReduceSum', [x, b.int64s([0])], { keepdims: 0 });
  let loss = b.node('Mul', [b.input('distance', ['batch']), b.input('weight_distance', [1])]);
  if (confirm) {
    loss = b.node('Add', [loss, b.node('Mul', [b.input('confirm', ['batch']), b.input('weight_confirm', [1])])]);
  }
  b.output('loss', total(loss), []);
  return readModel(b.build());
}
