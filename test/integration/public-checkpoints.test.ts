import { writeGaussianPrior } from '../support/gaussian-prior.js';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { openCodec } from '../../src/codec/codec.js';
import { readNpy } from '../../src/core/npy.js';
import { createOnnxRuntime } from '../../src/runtime/onnx-runtime.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import {
  adjsccTensors,
  admTensors,
  deepjsccTensors,
  ntsccTensors,
  type SwinShape,
  swinTensors,
  type Tensors,
} from '../support/checkpoint-tensors.js';
import { describeWith, gnuradioPython, torch } from '../support/programs.js';

// Exporting is slow on a busy machine.
vi.setConfig({ testTimeout: 300_000 });

const script = resolve('test/golden/public-checkpoints.py');
const main = resolve('dist/cli/main.js');

const swin: SwinShape = { widths: [16, 24], depths: [2, 1], heads: [2, 3], window: 4, latents: null, both: false };
const ntscc = {
  ...{ n: 8, m: 12, depths: [1, 1, 1, 1, 1, 1], heads: [2, 2, 4, 3, 2, 2], kernel: 3, hyperKernel: 3 },
  ...{ rates: [1, 3, 5, 7, 8, 9, 10, 12], swinDepth: 1, swinHeads: 3 },
};

/** Largest difference over largest magnitude. */
function relativeError(actual: Tensor, expected: Tensor): number {
  expect(actual.dims).toEqual(expected.dims);
  let [difference, magnitude] = [0, 0];
  expected.data.forEach((v, i) => {
    difference = Math.max(difference, Math.abs(v - actual.data[i]));
    magnitude = Math.max(magnitude, Math.abs(v));
  });
  return difference / magnitude;
}

describeWith(torch(), 'public checkpoints', () => {
  const work = mkdtempSync(join(tmpdir(), 'blindlink-checkpoints-'));
  const runtime = createOnnxRuntime({ threads: 1 });
  afterAll(async () => {
    await runtime.dispose();
    rmSync(work, { recursive: true });
  });
  const at = (...names: string[]): string => join(work, ...names);

  const make = (name: string, tensors: Tensors): string => {
    writeFileSync(at(`${name}.json`), JSON.stringify(tensors));
    execFileSync(gnuradioPython, [script, 'make', at(`${name}.json`), at(`${name}.pt`)], { stdio: 'pipe' });
    return at(`${name}.pt`);
  };
  const exportWith = (module: string, ...args: string[]): { code: number | null; err: string } => {
    const { status, stderr } = spawnSync(gnuradioPython, ['-m', `blindlink_training.${module}`, ...args], {
      cwd: 'training',
      encoding: 'utf8',
    });
    return { code: status, err: stderr };
  };
  const exported = (folder: string, module: string, ...args: string[]): string => {
    expect(exportWith(module, ...args, '--out', at(folder))).toEqual({ code: 0, err: '' });
    return at(folder);
  };
  /** PyTorch's inputs and outputs, by name. */
  const reference = (model: string, checkpoint: string): Record<string, Tensor> => {
    const folder = `${checkpoint}-${model.replaceAll(':', '-')}`;
    mkdirSync(folder);
    execFileSync(gnuradioPython, [script, 'run', model, checkpoint, folder], { stdio: 'pipe' });
    return Object.fromEntries(
      readdirSync(folder).map((file) => {
        const { data, shape } = readNpy(join(folder, file));
        return [file.replace('.npy', ''), { data: data as Float32Array, dims: shape }];
      }),
    );
  };
  const run = (file: string, feeds: Record<string, Tensor>): Promise<Record<string, Tensor>> =>
    runtime.run({ name: file, bytes: readFileSync(file) }, feeds);
  const blindlink = async (...args: string[]): Promise<string> =>
    (await promisify(execFile)(process.execPath, [main, ...args], { cwd: work })).stdout;
  const card = (folder: string): Record<string, Record<string, unknown>> =>
    JSON.parse(readFileSync(join(folder, 'card.json'), 'utf8')) as Record<string, Record<string, unknown>>;

  it.each([
    ['deepjscc', 'deepjscc', {}],
    ['adjscc', 'adjscc', {}],
    // The class is ADJSCC's; what it was trained with is saved beside it.
    ['pdjscc', 'adjscc', { 'Discriminator.conv.0.weight': [8, 3, 4, 4], 'perceptual_loss.lin0.weight': [1, 64, 1, 1] }],
  ])('%s: graphs give what PyTorch gives, and the link takes the codec', async (name, model, more) => {
    const tensors = { ...(model === 'deepjscc' ? deepjsccTensors(8) : adjsccTensors(32, 6)), ...more };
    const checkpoint = make(name, tensors);
    const folder = exported(name, model, '--checkpoint', checkpoint);
    const { picture, snr_db, latents, latents_hat, picture_hat } = reference(model, checkpoint);
    const snr: Record<string, Tensor> = model === 'adjscc' ? { snr_db } : {};
    const encoded = await run(join(folder, 'encoder.onnx'), { picture, ...snr });
    expect(relativeError(encoded['latents'], latents)).toBeLessThan(1e-4);
    const decoded = await run(join(folder, 'decoder.onnx'), { latents: latents_hat, ...snr });
    expect(relativeError(decoded['picture'], picture_hat)).toBeLessThan(1e-4);
    expect(card(folder)).toMatchObject({
      licence: "as the checkpoint's",
      training: { checkpoint: `${name}.pt`, checkpointSha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    });
    expect(await blindlink('model', 'check', folder)).toMatch(/agree/);
    const [line] = (
      await blindlink('simulate', 'builtin:faces', '--codec', folder, '--receiver', 'pilot', '--json', '--no-save')
    ).split('\n');
    expect(JSON.parse(line)).toMatchObject({ receiver: 'pilot', sideInformationBits: 0 });
  });

  it('adm: the graph gives what PyTorch gives at any size, and the prior card fits it', async () => {
    const checkpoint = make('adm', admTensors({ channels: 32, blocks: 1, mult: [1, 2], attention: [2] }));
    const small = [
      'import sys; from blindlink_training import adm',
      'adm.PRESETS["small"] = dict(model_channels=32, num_res_blocks=1, channel_mult=(1, 2), attention_factors=(2,), num_heads=2)',
      'sys.argv[1:] = sys.argv[1:] + ["--preset", "small", "--single"]; adm.main()',
    ].join('\n');
    execFileSync(gnuradioPython, ['-c', small, '--checkpoint', checkpoint, '--out', at('adm')], { cwd: 'training' });
    const { noisy, timesteps, prediction } = reference('adm-small', checkpoint);
    const result = await run(at('adm', 'denoiser.onnx'), { noisy, timesteps });
    expect(relativeError(result['prediction'], prediction)).toBeLessThan(1e-4);
    expect(await blindlink('model', 'check', at('adm'))).toMatch(/predicts epsilon from time/);
  });

  /** DiffCom and HiFi-DiffCom run through the codec and its mask, with gradients through its encoder and decoder. */
  async function sampled(folder: string): Promise<void> {
    const steps = ['diffcom', 'hifiDiffcom'].flatMap((name) => ['--set', `receiver.${name}.steps=2`]);
    const args = [
      '--receiver',
      'perfect,diffcom,hifi-diffcom',
      '--prior',
      writeGaussianPrior(),
      '--frames',
      '2',
      ...steps,
    ];
    const out = await blindlink('simulate', 'builtin:faces', '--codec', folder, ...args, '--json', '--no-save');
    const reports = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; receiver: string; psnrDb: number });
    for (const receiver of ['diffcom', 'hifi-diffcom']) {
      const mine = reports.filter((report) => report.type === 'frame' && report.receiver === receiver);
      expect(mine).toHaveLength(2);
      for (const { psnrDb } of mine) expect(psnrDb).toBeGreaterThan(0);
    }
  }

  it.each([
    ['ra', 'ra', false],
    ['sa-ra', 'sa-ra', true],
  ])(
    'swinjscc %s: graphs and mask are those of PyTorch; with --pictures the choice is fixed',
    async (_, variant, both) => {
      const checkpoint = make(`swin-${variant}`, swinTensors({ ...swin, both }));
      const flags = ['--checkpoint', checkpoint, '--variant', variant, '--channels', '10'];
      const folder = exported(`swin-${variant}`, 'swinjscc', ...flags);
      const { picture, snr_db, latents, mask, picture_hat } = reference(`swinjscc:${variant}:10`, checkpoint);
      const snr: Record<string, Tensor> = both ? { snr_db } : {};
      const encoded = await run(join(folder, 'encoder.onnx'), { picture, ...snr });
      expect(encoded['mask'].data).toEqual(mask.data);
      expect(relativeError(encoded['latents'], latents)).toBeLessThan(1e-4);
      const decoded = await run(join(folder, 'decoder.onnx'), { latents, ...snr, mask });
      expect(relativeError(decoded['picture'], picture_hat)).toBeLessThan(1e-4);
      expect(await blindlink('model', 'check', folder)).toMatch(/agree/);
      await sampled(folder);
      if (both) return;

      // Fixed from one picture: for that picture both codecs are the same.
      const bytes = Buffer.from(Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => 128 + 100 * Math.sin(i / 50)));
      await sharp(bytes, { raw: { width: 64, height: 64, channels: 3 } })
        .png()
        .toFile(at('one.png'));
      const fixed = exported('swin-fixed', 'swinjscc', ...flags, '--pictures', at('one.png'));
      const planes = Float32Array.from(
        { length: 3 * 4096 },
        (_, i) => bytes[3 * (i % 4096) + Math.floor(i / 4096)] / 255,
      );
      const pictures: Float32Array[] = [];
      for (const which of [folder, fixed]) {
        const codec = await openCodec(join(which, 'card.json'), runtime);
        const layout = await codec.layoutOf(planes, 64, 64, 7);
        expect(layout.numSymbols).toBe((10 * 16 * 16) / 2);
        pictures.push(await codec.decode(await codec.encode(planes, 1, layout, 7), 1, layout, 7));
      }
      pictures[0].forEach((v, i) => expect(pictures[1][i]).toBeCloseTo(v, 4));
    },
  );

  it('swinjscc sa: graphs are those of PyTorch, at the scale that is fixed', async () => {
    const checkpoint = make('swin-sa', swinTensors({ ...swin, latents: 8 }));
    await sharp({ create: { width: 80, height: 64, channels: 3, background: { r: 90, g: 120, b: 150 } } })
      .png()
      .toFile(at('two.png'));
    const flags = ['--checkpoint', checkpoint, '--variant', 'sa', '--pictures', at('two.png')];
    const folder = exported('swin-sa', 'swinjscc', ...flags);
    const { picture, snr_db, latents, picture_hat } = reference('swinjscc:sa:8', checkpoint);
    const encoded = await run(join(folder, 'encoder.onnx'), { picture, snr_db });
    expect(relativeError(encoded['latents'], latents)).toBeLessThan(1e-4);
    const scale = Math.sqrt(0.5 / Number(card(folder)['training']['latentPower']));
    const scaled = { ...latents, data: latents.data.map((v) => v * scale) };
    const decoded = await run(join(folder, 'decoder.onnx'), { latents: scaled, snr_db });
    expect(relativeError(decoded['picture'], picture_hat)).toBeLessThan(1e-4);
    expect(await blindlink('model', 'check', folder)).toMatch(/agree/);
  });

  it('ntscc: latents, mask and picture are those of PyTorch; the link counts what is sent and told', async () => {
    const checkpoint = make('ntscc', ntsccTensors(ntscc));
    const folder = exported('ntscc', 'ntscc', '--checkpoint', checkpoint, '--eta', '0.03');
    const { picture, latents, mask, picture_hat } = reference('ntscc', checkpoint);
    const sent = Array.from({ length: 8 * 16 }, (_, place) =>
      mask.data.slice(0, 12 * 128).reduce((sum, v, i) => sum + (i % 128 === place ? v : 0), 0),
    );
    expect(sent.every((n) => ntscc.rates.includes(n))).toBe(true);
    // A mask that is the same everywhere would show nothing.
    expect(new Set(sent).size).toBeGreaterThan(2);
    const encoded = await run(join(folder, 'encoder.onnx'), { picture });
    expect(encoded['mask'].data).toEqual(mask.data);
    expect(relativeError(encoded['latents'], latents)).toBeLessThan(1e-4);
    const decoded = await run(join(folder, 'decoder.onnx'), { latents, mask });
    expect(relativeError(decoded['picture'], picture_hat)).toBeLessThan(1e-4);
    expect(await blindlink('model', 'check', folder)).toMatch(/agree/);

    const simulate = (receiver: string): Promise<string> =>
      blindlink('simulate', 'builtin:faces', '--codec', folder, '--receiver', receiver, '--json', '--no-save');
    const lines = (await simulate('perfect,pilot')).trim().split('\n');
    for (const line of lines.slice(0, 2)) {
      const report = JSON.parse(line) as { channelUses: number; bandwidthRatio: number; sideInformationBits: number };
      expect(report.channelUses).toBeGreaterThanOrEqual(32);
      expect(report.channelUses).toBeLessThanOrEqual(6 * 64);
      expect(report.bandwidthRatio).toBeCloseTo(report.channelUses / (3 * 64 * 64), 5);
      expect(report.sideInformationBits).toBeGreaterThan(32);
    }
    await expect(simulate('blind-em')).rejects.toThrow(
      /receiver blind-em: codec ntscc .* only perfect, pilot, diffcom/,
    );
    await sampled(folder);
  });

  it('ntscc: bits are those of the exact Gaussian to a hundredth, down to the least likelihood', () => {
    const check = [
      'import torch; from blindlink_training.ntscc import gaussian_bits',
      'y, s = torch.meshgrid(torch.linspace(-40, 40, 161), torch.tensor([0.05, 0.3, 1, 4, 20]), indexing="ij")',
      'v, width = y.double().round().abs(), s.double().clamp_min(0.11) * 2**0.5',
      'exact = -(0.5 * (torch.erfc((v - 0.5) / width) - torch.erfc((v + 0.5) / width))).clamp_min(1e-9).log2()',
      'print((gaussian_bits(y, s, torch.zeros_like(y)) - exact).abs().max().item())',
    ].join('\n');
    const printed = execFileSync(gnuradioPython, ['-c', check], { cwd: 'training', encoding: 'utf8' });
    expect(Number(printed)).toBeLessThan(0.01);
  });

  it('the attentions are those of the papers, written out place by place', () => {
    const printed = execFileSync(gnuradioPython, ['test/golden/attention-by-hand.py'], { encoding: 'utf8' });
    expect(Number(printed)).toBeLessThan(1e-5);
  });

  describe('of full size', () => {
    const base: SwinShape = {
      ...{ widths: [128, 192, 256, 320], depths: [2, 2, 6, 2], heads: [4, 6, 8, 10] },
      ...{ window: 8, latents: null, both: true },
    };
    const rates = [1, 4, ...Array.from({ length: 6 }, (_, i) => 8 + 4 * i).filter((r) => r <= 24), 32];
    const all = [...rates, ...Array.from({ length: 18 }, (_, i) => 48 + 16 * i)];
    const uncond = { channels: 256, blocks: 2, mult: [1, 1, 2, 2, 4, 4], attention: [8, 16, 32] };
    const ffhq = { channels: 128, blocks: 1, mult: [1, 1, 2, 2, 4, 4], attention: [16] };
    const full = {
      ...{ n: 128, m: 320, depths: [2, 2, 6, 2, 2, 2], heads: [8, 12, 16, 20, 12, 12], kernel: 7, hyperKernel: 3 },
      ...{ rates: all, swinDepth: 4, swinHeads: 20 },
    };
    it.each([
      ['adm:ffhq-10m', admTensors(ffhq), 93_563_910],
      ['adm:imagenet-256-uncond', admTensors(uncond), 552_814_086],
      ['adjscc', adjsccTensors(256, 16), null],
      ['swinjscc:sa-ra', swinTensors(base), null],
      ['ntscc', ntsccTensors(full), null],
    ])('%s has exactly the tensors of the public code', (model, tensors, parameters) => {
      writeFileSync(at('full.json'), JSON.stringify(tensors));
      const printed = execFileSync(gnuradioPython, [script, 'fit', model, at('full.json')], { encoding: 'utf8' });
      if (parameters !== null) expect(Number(printed)).toBe(parameters);
    });
  });

  it('refuses what is no such checkpoint in one line, and writes nothing', () => {
    const tensors = deepjsccTensors(4);
    const { ['decoder.tconv2.transconv.bias']: _, ...without } = tensors;
    const bad = {
      missing: make('missing', without),
      shape: make('shape', { ...tensors, 'decoder.tconv4.transconv.weight': [32, 16, 6, 6] }),
      extra: make('extra', { ...tensors, 'encoder.conv6.conv.bias': [4] }),
      odd: make('odd', deepjsccTensors(5)),
      list: at('list.pt'),
      text: at('text.pt'),
      none: at('none.pt'),
    };
    execFileSync(gnuradioPython, ['-c', `import torch; torch.save([torch.zeros(2)], ${JSON.stringify(bad.list)})`]);
    writeFileSync(bad.text, 'not a checkpoint');
    const before = readdirSync(work);
    for (const [path, reason] of [
      [bad.missing, /does not fit DeepJSCC.*missing 1 \(decoder\.tconv2\.transconv\.bias\)$/],
      [bad.shape, /wrong shape 1 \(decoder\.tconv4\.transconv\.weight is \[32, 16, 6, 6\], not \[32, 16, 5, 5\]\)$/],
      [bad.extra, /unexpected 1 \(encoder\.conv6\.conv\.bias\)$/],
      [bad.odd, /5 latent channels.*must be even$/],
      [bad.list, /holds no state dict/],
      [bad.text, /is no PyTorch checkpoint/],
      [bad.none, /no such file$/],
    ] as const) {
      const { code, err } = exportWith('deepjscc', '--checkpoint', path, '--out', at('refused'));
      expect(code).toBe(1);
      expect(err.trim().split('\n')).toHaveLength(1);
      expect(err.trim()).toMatch(reason);
    }
    for (const [module, ...flags] of [
      ['adm', '--preset', 'ffhq-10m'],
      ['adjscc'],
      ['swinjscc', '--variant', 'ra', '--channels', '8'],
      ['ntscc'],
    ]) {
      const { code, err } = exportWith(module, '--checkpoint', bad.missing, ...flags, '--out', at('refused'));
      expect([code, err.trim().split('\n').length]).toEqual([1, 1]);
      expect(err).toMatch(/missing \d+ \(/);
    }
    expect(existsSync(at('refused'))).toBe(false);
    expect(readdirSync(work)).toEqual(before);
  });
});
