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
import { createBlindDiffcom } from '../../../src/receiver/sampling/blind-diffcom.js';
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
  readonly paper: Ended;
  readonly reference: Ended;
};

/** The codec of `blind-diffcom.py`: space-to-depth, 1×1 convolution, tanh; its decoder is never looked at. */
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

describe('Blind-DiffCom', () => {
  it.each([
    ['paper', 0.3, 0.1],
    ['reference', 1, 0.2],
  ] as const)('goes where an independent loop goes: %s', async (variant, zetaPicture, zetaChannel) => {
    const config = resolveConfig({
      ofdm: { fftSize: 16, cyclicPrefixLength: 4, symbolsPerPacket: 2, pilotSymbols: 0, interleaver: 'none' },
      channel: { taps: { kind: 'exponential', numTaps: 2, decay: 4 } },
    });
    const codec = await openCodec(writeCodec(), runtime);
    const setting = createLinkSetting(config, codec, gridOf(config), { height: 8, width: 8 });
    const denoiser = await openDenoiser(writeGaussianPrior('denoised'), runtime);
    const sampling = { steps: 6, chains: 1, modelClipping: true, modelInterference: true };
    const receiver = createBlindDiffcom({
      setting,
      config: { ...sampling, variant, zetaPicture, zetaChannel },
      denoiser,
      runtime,
      rng: drawsOf(0),
    });
    const { re, im } = golden.received;
    const elements = { re: Float32Array.from(re), im: Float32Array.from(im) };
    const frame = { index: 0, elements, noiseVariance: 0.01 };
    for await (const step of receiver.receive({ frame, pilots: null, truth: null })) {
      if (step.kind !== 'final') continue;
      const expected = golden[variant];
      const [{ taps }] = step.result.channel;
      expected.taps.re.forEach((v, l) => expect(taps.re[l]).toBeCloseTo(v, 3));
      expected.taps.im.forEach((v, l) => expect(taps.im[l]).toBeCloseTo(v, 3));
      expected.picture.forEach((v, i) => expect(step.result.picture[i]).toBeCloseTo(v, 3));
    }
    expect.hasAssertions();
  });
});
