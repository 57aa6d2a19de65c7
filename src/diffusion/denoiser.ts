import { type LoadedCard, readCardFile } from '../core/card-file.js';
import { FormatError, ShapeError } from '../core/errors.js';
import type { Graph, GraphInterface, Runtime } from '../runtime/onnx-runtime.js';
import { sizeOf, tensor, type Tensor } from '../runtime/tensor.js';
import { cropped, mirrored } from './mirror.js';
import { type PriorCard, readPriorCard } from './prior-card.js';
import { linearSchedule, type NoiseSchedule, timeOf } from './schedule.js';

/**
 * What samplers ask of a prior: E[x₀ | x₀ + σ·ε]. Pictures are in [−1, 1] whatever the network's own range.
 * Source of the contract: Karras et al., "Elucidating the Design Space of Diffusion-Based Generative Models", 2022.
 */
export interface Denoiser {
  readonly card: PriorCard;
  readonly path: string;
  readonly schedule: NoiseSchedule;
  readonly graph: Graph;
  readonly ports: GraphInterface;
  /** Denoises pictures [N,3,H,W] of any size, one noise level for all; see `mirrored` for edges that the network does not take. */
  denoise(noisy: Tensor, sigma: number): Promise<Tensor>;
}

/**
 * EDM's coefficients (Karras et al., 2022, equation 7) of a network F, at one noise level:
 *
 *   x̂₀ = c_skip·(x₀ + σ·ε) + c_out·F(c_in·(x₀ + σ·ε), c_noise)
 *
 * With ᾱ = 1/(1+σ²), x_t = √ᾱ·(x₀ + σ·ε):
 *
 *   denoised: x̂₀ = F;   x0: x̂₀ = F;   epsilon: x̂₀ = noisy − σ·F;   v: x̂₀ = √ᾱ·x_t − √(1−ᾱ)·F = ᾱ·noisy − √(1−ᾱ)·F
 */
export interface Preconditioning {
  readonly cIn: number;
  readonly cNoise: number;
  readonly cSkip: number;
  readonly cOut: number;
}

export function preconditioning(card: PriorCard, schedule: NoiseSchedule, sigma: number): Preconditioning {
  const alphaBar = 1 / (1 + sigma * sigma);
  const noise = card.noiseInput === 'sigma' ? sigma : timeOf(schedule, sigma) - 1;
  const root = Math.sqrt(alphaBar);
  switch (card.prediction) {
    case 'denoised':
      return { cIn: 1, cNoise: noise, cSkip: 0, cOut: 1 };
    case 'x0':
      return { cIn: root, cNoise: noise, cSkip: 0, cOut: 1 };
    case 'epsilon':
      return { cIn: root, cNoise: noise, cSkip: 1, cOut: -sigma };
    case 'v':
      return { cIn: root, cNoise: noise, cSkip: alphaBar, cOut: -Math.sqrt(1 - alphaBar) };
  }
}

/**
 * Opens the prior that a card describes and proves that card and graph agree, by running it once.
 * @throws FormatError, one line
 */
export async function openDenoiser(cardPath: string, runtime: Runtime): Promise<Denoiser> {
  const loaded = readPriorCard(cardPath);
  const { card } = loaded;
  const { steps, first, last } = card.schedule;
  const schedule = linearSchedule(steps, first, last);
  const graph = { name: `${loaded.folder}/${card.network}`, bytes: readCardFile(loaded, card.network) };
  const ports = await runtime.describe(graph);
  if (ports.inputs.length !== 2 || ports.outputs.length < 1) {
    throw new FormatError(
      'prior.ports',
      `${graph.name}: has ${ports.inputs.length} inputs; a prior takes two, the noisy picture and its noise level`,
    );
  }
  const [low, high] = card.valueRange;
  const gain = (high - low) / 2;
  const shift = (high + low) / 2;

  const denoiser: Denoiser = {
    card,
    path: loaded.path,
    schedule,
    graph,
    ports,
    async denoise(noisy, sigma) {
      expectPicture(loaded, noisy);
      const whole = mirrored(noisy, card.multipleOf);
      // Noise scales with the range: in the network's units σ is gain·σ.
      const scaled = gain * sigma;
      const { cIn: inputScale, cNoise: noise, cSkip: skip, cOut: out } = preconditioning(card, schedule, scaled);
      const count = noisy.dims[0];
      const input = whole.data.map((v) => inputScale * (gain * v + shift));
      const results = await runtime.run(graph, {
        [ports.inputs[0].name]: tensor(input, whole.dims),
        [ports.inputs[1].name]: tensor(new Float32Array(count).fill(noise), [count]),
      });
      const prediction = firstThreeChannels(loaded, results[ports.outputs[0].name], whole.dims);
      const data = new Float32Array(whole.data.length);
      for (let i = 0; i < data.length; i++) {
        data[i] = (skip * (gain * whole.data[i] + shift) + out * prediction[i] - shift) / gain;
      }
      const [, , height, width] = noisy.dims;
      return cropped(tensor(data, whole.dims), height, width);
    },
  };
  const edge = Math.max(16, card.multipleOf);
  await denoiser.denoise(tensor(new Float32Array(3 * edge * edge), [1, 3, edge, edge]), 1);
  return denoiser;
}

function expectPicture({ path }: LoadedCard<PriorCard>, picture: Tensor): void {
  if (picture.dims.length !== 4 || picture.dims[1] !== 3) {
    throw new ShapeError(
      'prior.size',
      `${path}: pictures must be [N, 3, height, width], got [${picture.dims.join(', ')}]`,
    );
  }
}

/** The prediction without a learned variance behind it. */
function firstThreeChannels(loaded: LoadedCard<PriorCard>, output: Tensor, dims: readonly number[]): Float32Array {
  const [count, channels, height, width] = output.dims;
  const fits = channels === 3 || channels === 6;
  if (!fits || count !== dims[0] || height !== dims[2] || width !== dims[3]) {
    throw new ShapeError(
      'prior.shape',
      `${loaded.card.network}: gives [${output.dims.join(', ')}] for pictures of [${dims.join(', ')}]; ` +
        'a prior gives as many pictures of 3 (or 6) channels',
    );
  }
  if (channels === 3) return output.data;
  const size = 3 * height * width;
  const out = new Float32Array(sizeOf(dims));
  for (let n = 0; n < count; n++) out.set(output.data.subarray(2 * n * size, 2 * n * size + size), n * size);
  return out;
}
