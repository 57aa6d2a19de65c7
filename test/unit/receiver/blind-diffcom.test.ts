import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openCodec } from '../../../src/codec/codec.js';
import { resolveConfig } from '../../../src/config/load.js';
import type { ComplexArray } from '../../../src/core/complex.js';
import type { Rng } from '../../../src/core/rng.js';
import { openDenoiser } from '../../../src/diffusion/denoiser.js';
import { createGraphBuilder } from '../../../src/graph/graph-builder.js';
import { createLinkSetting, gridOf } from '../../../src/link/setting/link-setting.js';
import { createBlindDiffcom, createBlindHifiDiffcom } from '../../../src/receiver/sampling/blind-diffcom.js';
import type { Receiver, ReceiverResult } from '../../../src/receiver/receiver.js';
import { createOnnxRuntime } from '../../../src/runtime/onnx-runtime.js';
import { writeGaussianPrior } from '../../support/gaussian-prior.js';

const runtime = createOnnxRuntime({ threads: 1 });
afterAll(() => runtime.dispose());

interface Ended {
  readonly picture: readonly number[];
  readonly taps: { readonly re: readonly number[]; readonly im: readonly number[] };
}
const golden = JSON.parse(readFileSync(join(import.meta.dirname, '../../golden/blind-diffcom.json'), 'utf8')) as {
  readonly received: { readonly re: readonly number[]; readonly im: readonly number[] };
} & Readonly<Record<'paper' | 'reference' | 'normalised' | 'told' | 'confirmed', Ended>>;

/** The codec of `blind-diffcom.py`: space-to-depth, 1×1 convolution, tanh, and back by another convolution. */
function writeCodec(): string {
  const folder = mkdtempSync(join(tmpdir(), 'blindlink-codec-'));
  const weight = (rows: number, columns: number, at: (r: number, c: number) => number): Float32Array =>
    Float32Array.from({ length: rows * columns }, (_, i) => at(Math.floor(i / columns), i % columns));
  const encoder = createGraphBuilder('encoder');
  const picture = encoder.input('picture', ['n', 3, 'height', 'width']);
  const folded = encoder.node('SpaceToDepth', [picture], { blocksize: 2 });
  const w = weight(4, 12, (o, i) => Math.cos(1.7 * o + 0.9 * i + 0.3 * o * i) / 2);
  const mixed = encoder.node('Conv', [folded, encoder.constant(w, [4, 12, 1, 1])]);
  encoder.output('latents', encoder.node('Tanh', [mixed]), ['n', 4, 'rows', 'columns']);
  writeFileSync(join(folder, 'encoder.onnx'), encoder.build());
  const decoder = createGraphBuilder('decoder');
  const latents = decoder.input('latents', ['n', 4, 'rows', 'columns']);
  const back = weight(12, 4, (o, i) => Math.cos(1.7 * i + 0.9 * o) / 4);
  const spread = decoder.node('Conv', [latents, decoder.constant(back, [12, 4, 1, 1])]);
  const unfolded = decoder.node('DepthToSpace', [spread], { blocksize: 2 });
  decoder.output('picture', unfolded, ['n', 3, 'height', 'width']);
  writeFileSync(join(folder, 'decoder.onnx'), decoder.build());
  const card = { format: 'blindlink-codec/1', name: 'tiny', encoder: 'encoder.onnx', decoder: 'decoder.onnx' };
  writeFileSync(join(folder, 'card.json'), JSON.stringify({ ...card, latentChannels: 4, downSampling: 2 }));
  return join(folder, 'card.json');
}

/** The draws of `blind-diffcom.py`; `split` chooses the stream. */
function drawsOf(stream: number): Rng {
  let k = 0;
  const gaussian = (): number => Math.SQRT2 * Math.sin(12.9898 * ++k + 78.233 * stream);
  const unused = (): never => {
    throw new Error('not drawn here');
  };
  return {
    split: (label) => drawsOf(label === 'sampling' ? 1 : label === 'channel' ? 2 : stream),
    gaussian,
    fillComplexGaussian(out: ComplexArray, variance: number) {
      for (let i = 0; i < out.re.length; i++) {
        out.re[i] = Math.sqrt(variance / 2) * gaussian();
        out.im[i] = Math.sqrt(variance / 2) * gaussian();
      }
    },
    uint32: unused,
    uniform: unused,
    integer: unused,
    permutation: unused,
  };
}

const sampling = { steps: 6, chains: 1, modelClipping: true, modelInterference: true, runs: 1 };
const config = resolveConfig({
  ofdm: { fftSize: 16, cyclicPrefixLength: 4, symbolsPerPacket: 2, pilotSymbols: 0, interleaver: 'none' },
  channel: { taps: { kind: 'exponential', numTaps: 2, decay: 4 } },
});
const { re, im } = golden.received;
const frame = {
  index: 0,
  elements: { re: Float32Array.from(re), im: Float32Array.from(im) },
  noiseVariance: 0.01,
};

async function parts() {
  const codec = await openCodec(writeCodec(), runtime);
  const setting = createLinkSetting(config, codec, gridOf(config), { height: 8, width: 8 });
  const denoiser = await openDenoiser(writeGaussianPrior('denoised'), runtime);
  return { setting, denoiser, runtime, rng: drawsOf(0) };
}

/** The sent picture of `blind-diffcom.py`, in [0,1]. */
const sent = Float32Array.from({ length: 192 }, (_, i) => (1.2 + 0.6 * Math.sin(0.37 * i)) / 2);

async function resultOf(receiver: Receiver, latentPower?: number): Promise<ReceiverResult> {
  for await (const step of receiver.receive({ frame, pilots: null, truth: null, latentPower: latentPower ?? null })) {
    if (step.kind === 'final') return step.result;
  }
  throw new Error('no result');
}

function expectEnd(result: ReceiverResult, expected: Ended): void {
  const [{ taps }] = result.channel;
  expected.taps.re.forEach((v, l) => expect(taps.re[l]).toBeCloseTo(v, 3));
  expected.taps.im.forEach((v, l) => expect(taps.im[l]).toBeCloseTo(v, 3));
  expected.picture.forEach((v, i) => expect(result.picture[i]).toBeCloseTo(v, 3));
}

describe('Blind-DiffCom', () => {
  it.each([
    ['paper', 0.3, 0.1],
    ['reference', 1, 0.2],
    ['normalised', 0.125, 0.5],
  ] as const)('goes where an independent loop goes: %s', async (variant, zetaPicture, zetaChannel) => {
    const steps = { ...sampling, variant, zetaPicture, zetaChannel, power: 'own', polarity: false } as const;
    const result = await resultOf(createBlindDiffcom({ ...(await parts()), config: steps }));
    expectEnd(result, golden[variant]);
    expect(result.sideInformationBits).toBeUndefined();
  });

  it('and where it is told the power of the sent picture’s latents, which counts as side information', async () => {
    const told = {
      variant: 'normalised',
      zetaPicture: 0.125,
      zetaChannel: 0.5,
      power: 'told',
      polarity: false,
    } as const;
    const all = await parts();
    const receiver = createBlindDiffcom({ ...all, config: { ...sampling, ...told } });
    expect(receiver.needs.latentPower).toBe(true);
    const { codec, layout, snrDb } = all.setting;
    const result = await resultOf(receiver, await codec.latentPower(sent, layout, snrDb));
    expectEnd(result, golden.told);
    expect(result.sideInformationBits).toBe(32);
    await expect(resultOf(receiver)).rejects.toThrow(/set receiver.blindDiffcom.power=own/);
  });

  it('with a confirming term, too', async () => {
    const steps = { ...sampling, zetaPicture: 0.125, zetaChannel: 0.5, gamma: 0.005, perception: 1 };
    expectEnd(await resultOf(createBlindHifiDiffcom({ ...(await parts()), config: steps })), golden.confirmed);
  });

  it('runs again while nothing is called decoded, and keeps the likeliest', async () => {
    const steps = { ...sampling, zetaPicture: 0.125, zetaChannel: 0.5, gamma: 0.005, perception: 1 };
    const one = await resultOf(createBlindHifiDiffcom({ ...(await parts()), config: steps }));
    expect(one.verdict).not.toBe('decoded');
    const three = await resultOf(createBlindHifiDiffcom({ ...(await parts()), config: { ...steps, runs: 3 } }));
    expect(three.starts).toBe(3);
    expect(three.evaluations).toBe(3 * one.evaluations);
    expect(three.confidence).toBeGreaterThanOrEqual(one.confidence ?? 1);
  });
});
