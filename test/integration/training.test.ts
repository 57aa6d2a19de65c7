import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { expect, it, vi } from 'vitest';
import { readCard } from '../../src/codec/card.js';
import { openCodec } from '../../src/codec/codec.js';
import { openDenoiser } from '../../src/diffusion/denoiser.js';
import { createOnnxRuntime } from '../../src/runtime/onnx-runtime.js';
import { tensor } from '../../src/runtime/tensor.js';
import { builtinPicture } from '../../src/source/builtin-pictures.js';
import { describeWith, gnuradioPython, torch } from '../support/programs.js';

// PyTorch in processes of their own: slow on a machine that is busy elsewhere.
vi.setConfig({ testTimeout: 300_000 });

/** A folder with pictures, and the way to run a module of the recipe. */
async function prepare(count = 4): Promise<{
  work: string;
  pictures: string;
  python(module: string, ...args: string[]): string;
}> {
  const work = mkdtempSync(join(tmpdir(), 'blindlink-training-'));
  const pictures = join(work, 'pictures');
  mkdirSync(pictures);
  for (let i = 0; i < count; i++) {
    const { data } = await builtinPicture('natural', i);
    const bytes = Buffer.alloc(data.length);
    for (let p = 0; p < 4096; p++) for (let c = 0; c < 3; c++) bytes[3 * p + c] = Math.round(255 * data[c * 4096 + p]);
    await sharp(bytes, { raw: { width: 64, height: 64, channels: 3 } })
      .png()
      .toFile(join(pictures, `${i}.png`));
  }
  const python = (module: string, ...args: string[]): string =>
    execFileSync(gnuradioPython, ['-m', `blindlink_training.${module}`, ...args], {
      cwd: resolve('training'),
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  return { work, pictures, python };
}

/** A copy of a shipped codec, and the way to train a part for it beside the one that is shipped. */
function trainingBeside(
  name: string,
  module: string,
  { work, pictures, python }: Pick<Awaited<ReturnType<typeof prepare>>, 'work' | 'pictures' | 'python'>,
): { codec: string; train(...flags: string[]): string } {
  const codec = join(work, 'codec');
  cpSync(join('models', name), codec, { recursive: true });
  const common = [
    '--codec',
    resolve('models', name),
    '--train',
    pictures,
    '--val',
    pictures,
    '--out',
    join(work, 'run'),
  ];
  return { codec, train: (...flags) => python(module, ...common, ...flags) };
}

/** The flags of SqueezeNet and its linear layers, with random weights under the public names. */
function squeezenetIn(work: string): string[] {
  const weights = join(work, 'weights.py');
  writeFileSync(
    weights,
    `import sys, torch
from blindlink_training.perceptual import Lpips, squeezenet
net = Lpips(squeezenet())
torch.save(net.backbone.state_dict(), sys.argv[1] + "/squeezenet.pth")
torch.save({k: v.abs() for k, v in net.linear.state_dict().items()}, sys.argv[1] + "/linear.pth")
`,
  );
  execFileSync(gnuradioPython, [weights, work], { env: { ...process.env, PYTHONPATH: resolve('training') } });
  return ['--backbone', join(work, 'squeezenet.pth'), '--weights', join(work, 'linear.pth')];
}

describeWith(torch(), 'the training recipe', () => {
  it.each(['faces-48', 'photo-48'])(
    'trains another decoder of %s, resumes, and adds it to its folder',
    async (name) => {
      const { work, pictures: small64, python } = await prepare();
      const photographs = join(work, 'photographs');
      mkdirSync(photographs);
      for (const file of ['dunes.webp', 'forest.webp']) cpSync(join('photographs', file), join(photographs, file));
      const pictures = name === 'photo-48' ? photographs : small64;
      const files = squeezenetIn(work);
      const beside = trainingBeside(name, 'train_decoder', { work, pictures, python });
      const codec = beside.codec;
      const train = (...more: string[]): string => beside.train(...files, ...more);
      const small = ['--batch', '2', '--minutes', '5'];
      const last = (out: string): { step: number } =>
        JSON.parse(out.trim().split('\n').at(-1) ?? '') as { step: number };
      expect(last(train(...small, '--steps', '2')).step).toBe(2);
      expect(last(train(...small, '--steps', '4')).step).toBe(4);
      train('--export', codec);
      const { card } = readCard(join(codec, 'card.json'));
      expect(card.decoders).toEqual({ perceptual: 'perceptual.onnx' });
      expect(card.training?.['perceptualDecoder']).toMatchObject({ steps: 4, batch: 2 });
      const checked = spawnSync(process.execPath, ['dist/cli/main.js', 'model', 'check', codec], { encoding: 'utf8' });
      expect([checked.status, checked.stdout]).toEqual([0, expect.stringContaining('golden values agree') as string]);
      const runtime = createOnnxRuntime({ threads: 1 });
      const opened = await openCodec(join(codec, 'card.json'), runtime, 'perceptual');
      const layout = opened.layoutFor(64, 64);
      const latents = await opened.encode((await builtinPicture('faces', 0)).data, 1, layout, 10);
      expect(await opened.render(latents, 1, layout, 10)).not.toEqual(await opened.decode(latents, 1, layout, 10));
      await runtime.dispose();
    },
  );

  it('trains a codec’s own decoder for refined latents, resumes, and puts it in its place', async () => {
    const { codec, train: tune } = trainingBeside('faces-48', 'tune_decoder', await prepare());
    const last = (out: string): { step: number; refined: Record<string, number> } =>
      JSON.parse(out.trim().split('\n').at(-1) ?? '') as { step: number; refined: Record<string, number> };
    expect(last(tune('--batch', '2', '--minutes', '5', '--steps', '2')).step).toBe(2);
    const tuned = last(tune('--batch', '2', '--minutes', '5', '--steps', '4'));
    expect(tuned.step).toBe(4);
    // Four steps do not make another decoder of it.
    expect(tuned.refined['10']).toBeGreaterThan(20);
    expect(tuned.refined['10']).toBeGreaterThan(tuned.refined['0']);
    tune('--export', codec);
    const { card } = readCard(join(codec, 'card.json'));
    expect(card.decodesRefined).toBe(true);
    expect(card.training?.['decoder']).toMatchObject({ steps: 4, batch: 2 });
    const checked = spawnSync(process.execPath, ['dist/cli/main.js', 'model', 'check', codec], { encoding: 'utf8' });
    expect([checked.status, checked.stdout]).toEqual([0, expect.stringContaining('golden values agree') as string]);
  });

  it('trains the network that foretells a picture’s error, resumes, and puts it beside the codec', async () => {
    const { codec, train } = trainingBeside('faces-48', 'train_distortion', await prepare(20));
    const last = (out: string): { step: number; dB: Record<string, { rmsDb: number }> } =>
      JSON.parse(out.trim().split('\n').at(-1) ?? '') as ReturnType<typeof last>;
    const small = ['--batch', '20', '--minutes', '5', '--width', '8', '--blocks', '1', '--lr', '0.03'];
    const begun = last(train(...small, '--steps', '2'));
    expect(begun.step).toBe(2);
    const trained = last(train(...small, '--steps', '150'));
    expect(trained.step).toBe(150);
    // Before it has learnt anything it is off by 3 to 6 dB: most where little was heard, which it learns first (to 1.9 dB).
    expect(trained.dB['10'].rmsDb).toBeLessThan(6);
    expect(trained.dB['-5'].rmsDb).toBeLessThan(0.6 * begun.dB['-5'].rmsDb);
    expect(trained.dB['mixed'].rmsDb).toBeLessThan(begun.dB['mixed'].rmsDb);
    train('--export', codec);
    const { card } = readCard(join(codec, 'card.json'));
    expect(card.distortion).toBe('distortion.onnx');
    expect(card.training?.['distortion']).toMatchObject({ steps: 150, batch: 20 });
    const checked = spawnSync(process.execPath, ['dist/cli/main.js', 'model', 'check', codec], { encoding: 'utf8' });
    expect([checked.status, checked.stdout]).toEqual([0, expect.stringContaining('distortion network yes') as string]);
    expect(checked.stdout).toContain('golden values agree');
  });

  it('trains, resumes, exports; the exported codec runs and agrees with PyTorch', async () => {
    const { work, pictures, python } = await prepare();
    const train = (steps: number): { step: number } =>
      JSON.parse(
        python(
          'train_codec',
          ...['--train', pictures, '--val', pictures, '--out', work, '--width', '24', '--encoder-blocks', '1'],
          ...['--decoder-blocks', '1', '--batch', '4', '--steps', String(steps), '--minutes', '5'],
        )
          .trim()
          .split('\n')
          .at(-1) ?? '',
      ) as { step: number };
    expect(train(2).step).toBe(2);
    expect(train(4).step).toBe(4);
    python(
      'train_polarity',
      '--codec',
      join(work, 'checkpoint.pt'),
      '--train',
      pictures,
      '--val',
      pictures,
      '--out',
      work,
      '--batch',
      '4',
      '--minutes',
      '0.02',
    );
    python('export', '--run', work, '--name', 'smoke', '--val', pictures, '--out', join(work, 'model'));

    const runtime = createOnnxRuntime({ threads: 1 });
    const codec = await openCodec(join(work, 'model', 'card.json'), runtime);
    const layout = codec.layoutFor(64, 64);
    const { data } = await builtinPicture('natural', 0);
    const latents = await codec.encode(data, 1, layout, 10);
    const script = [
      'import sys, torch; from PIL import Image; import numpy as np',
      'from blindlink_training.train_polarity import load_codec',
      "x = torch.from_numpy(np.asarray(Image.open(sys.argv[2]).convert('RGB'))).permute(2, 0, 1)[None].float() / 255",
      'with torch.no_grad(): z = load_codec(sys.argv[1]).encode(x, torch.tensor([10.0]))',
      'print(*z.flatten()[:64].tolist())',
    ].join('\n');
    const expected = execFileSync(
      gnuradioPython,
      ['-c', script, join(work, 'checkpoint.pt'), join(pictures, '0.png')],
      {
        cwd: resolve('training'),
        encoding: 'utf8',
      },
    )
      .trim()
      .split(' ')
      .map(Number);
    expected.forEach((v, i) => expect(latents[i]).toBeCloseTo(v, 3));
    expect(codec.hasPolarity).toBe(true);
    expect(JSON.parse(readFileSync(join(work, 'model', 'card.json'), 'utf8'))).toMatchObject({
      training: { steps: 4 },
    });

    // The refiner is added to a codec that is exported already, and trained from its ONNX files alone.
    const model = join(work, 'model');
    const data2 = ['--train', pictures, '--val', pictures, '--out', work];
    python(
      'train_refiner',
      '--codec',
      model,
      ...data2,
      '--width',
      '16',
      '--blocks',
      '1',
      '--batch',
      '4',
      '--steps',
      '3',
    );
    python('export', '--run', work, '--out', model);
    const refined = await openCodec(join(model, 'card.json'), runtime);
    expect(refined.hasRefiner).toBe(true);
    // Nothing observed: the variance is about the nominal 1/2, the mean about the prior's.
    const dims = [2, 8, 5, 7] as const;
    const nothing = new Float32Array(2 * 8 * 5 * 7);
    const { mean, variance } = await refined.refine(nothing, nothing, dims);
    expect(Math.max(...mean.map(Math.abs))).toBeLessThan(0.3);
    expect(Math.min(...variance)).toBeGreaterThan(0.2);
    // Everything observed exactly: the observation itself.
    const certain = await refined.refine(
      nothing.map(() => 1e6),
      nothing.map((_, i) => 1e6 * Math.sin(i)),
      dims,
    );
    certain.mean.forEach((v, i) => expect(v).toBeCloseTo(Math.sin(i), 1));
    await runtime.dispose();
  });

  it('finds the channel of a codeword with a strong mean, and gives the codec a gradient towards one', () => {
    const script = [
      'import json, torch; from blindlink_training.blind import CodewordPrior, through_unknown_channel',
      'torch.manual_seed(3); n = 2 * 8 * 8 * 4',
      'mean = torch.randn(n) * (0.5 * 0.1) ** 0.5',
      'basis = torch.linalg.qr(torch.randn(n, 16))[0]',
      'scale = (0.5 * 0.6 * n / 16) ** 0.5; white = (0.5 * 0.3) ** 0.5',
      'draw = lambda count: mean + scale * torch.randn(count, 16) @ basis.T + white * torch.randn(count, n)',
      'prior = CodewordPrior.of(draw(4000), 16)',
      'z = draw(200).view(200, 8, 8, 8).requires_grad_()',
      'snr = torch.full((200,), 10.0)',
      'start = through_unknown_channel(z, snr, prior, 0)[1].median().item()',
      'latents, error = through_unknown_channel(z, snr, prior, 6)',
      'error.mean().backward()',
      'toward = (z.grad.flatten(1) @ mean).mean().item()',
      'residual = (latents - z).square().mean().item() / 0.5',
      'share = prior.mean_power()',
      'print(json.dumps(dict(share=share, start=start, error=error.median().item(), toward=toward, residual=residual)))',
    ].join('\n');
    const found = JSON.parse(
      execFileSync(gnuradioPython, ['-c', script], { cwd: resolve('training'), encoding: 'utf8' }),
    ) as Record<'share' | 'start' | 'error' | 'toward' | 'residual', number>;
    expect(found.share).toBeCloseTo(0.1, 1);
    expect(found.error).toBeLessThan(found.start / 4);
    expect(found.error).toBeLessThan(0.03);
    expect(found.residual).toBeLessThan(0.3);
    // More of the mean in a codeword makes its channel easier to find.
    expect(found.toward).toBeLessThan(0);
  });

  it('trains a codec through an unknown channel, from a codec of another rate', async () => {
    const { work, pictures, python } = await prepare();
    const small = ['--train', pictures, '--val', pictures, '--width', '24', '--encoder-blocks', '1'];
    const train = (...args: string[]): Record<string, unknown> =>
      JSON.parse(
        python('train_codec', ...small, '--decoder-blocks', '1', '--batch', '4', '--minutes', '5', ...args)
          .trim()
          .split('\n')
          .at(-1) ?? '',
      ) as Record<string, unknown>;
    train('--out', join(work, 'first'), '--steps', '2');
    const last = train(
      ...['--out', join(work, 'blind'), '--steps', '3', '--init', join(work, 'first', 'checkpoint.pt')],
      ...['--latent-channels', '4', '--blind-share', '0.5', '--blind-rank', '4'],
    );
    expect(last).toMatchObject({ step: 3, final: true });
    expect(last['meanPower']).toBeGreaterThan(0);
    expect(last['blind']).toMatchObject({ '10.0': { channelError: expect.any(Number) as number } });
  });

  it('trains both ends of a codec for how pictures look, resumes, and stores kernels as bytes', async () => {
    const { work, pictures, python } = await prepare();
    const run = join(work, 'run');
    const small = ['--width', '24', '--encoder-blocks', '1', '--decoder-blocks', '1', '--batch', '2', '--minutes', '5'];
    const train = (...more: string[]): Record<string, unknown> => {
      const args = ['--train', pictures, '--val', pictures, '--out', run, ...small, ...more];
      return JSON.parse(
        python('train_codec', ...args)
          .trim()
          .split('\n')
          .at(-1) ?? '',
      ) as Record<string, unknown>;
    };
    const looks = [...squeezenetIn(work), '--lpips', '2', '--adversarial', '0.1'];
    expect(train(...looks, '--steps', '2')).toMatchObject({ step: 2, final: true });
    const last = train(...looks, '--steps', '4');
    expect(last).toMatchObject({ step: 4, valLpips: { '10.0': expect.any(Number) as number } });
    const sizes = [[], ['--bytes']].map((flags) => {
      const out = join(work, `codec${flags.length}`);
      python('export', '--run', run, '--name', 'looks', '--val', pictures, '--out', out, ...flags);
      expect(readCard(join(out, 'card.json')).card.training).toMatchObject({ lpips: 2, adversarial: 0.1 });
      const checked = spawnSync(process.execPath, ['dist/cli/main.js', 'model', 'check', out], { encoding: 'utf8' });
      expect([checked.status, checked.stdout]).toEqual([0, expect.stringContaining('golden values agree') as string]);
      return statSync(join(out, 'decoder.onnx')).size;
    });
    expect(sizes[1]).toBeLessThan(0.7 * sizes[0]);

    const refused = (...more: string[]): string => {
      const args = [
        '-m',
        'blindlink_training.train_codec',
        '--train',
        pictures,
        '--val',
        pictures,
        '--out',
        run,
        ...more,
      ];
      const { status, stderr } = spawnSync(gnuradioPython, args, { cwd: resolve('training'), encoding: 'utf8' });
      expect(status).toBe(2);
      return stderr.trim().split('\n').at(-1) ?? '';
    };
    expect(refused('--lpips', '2')).toContain('--lpips: needs --backbone and --weights');
    expect(refused('--adversarial', '1')).toContain('--adversarial: goes with --lpips');
  });

  it('stops at a step when asked to, and loses nothing', async () => {
    const { work, pictures, python } = await prepare();
    const args = ['-m', 'blindlink_training.train_codec', '--train', pictures, '--val', pictures, '--out', work];
    const small = ['--width', '24', '--encoder-blocks', '1', '--decoder-blocks', '1', '--batch', '4'];
    const child = spawn(gnuradioPython, [...args, ...small], { cwd: resolve('training') });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.stdout.once('data', () => setTimeout(() => child.kill('SIGINT'), 500));
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(130);
    const step = Number(/^stopped after step (\d+); the checkpoint is written/m.exec(err)?.[1]);
    expect(step).toBeGreaterThan(0);
    const again = python('train_codec', ...args.slice(2), ...small, '--steps', String(step + 1))
      .trim()
      .split('\n');
    expect(JSON.parse(again[0])).toMatchObject({ step, pictures: 4 });
    expect(JSON.parse(again.at(-1) ?? '')).toMatchObject({ step: step + 1, final: true });
  });

  it('says in one line what is wrong with pictures', async () => {
    const { work } = await prepare(1);
    const args = ['-m', 'blindlink_training.train_codec', '--train', join(work, 'gone'), '--val', work, '--out', work];
    const { status, stderr } = spawnSync(gnuradioPython, args, { cwd: resolve('training'), encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr.trim()).toMatch(/^\S*gone: no such file or folder of pictures$/);
  });

  it.each([
    // Two stages, and a network that foretells its pictures' error.
    ['natural-48', false, { distortion: 'distortion.onnx' }],
    // Two decoders.
    ['faces-48', true, { decodesRefined: true, decoders: { perceptual: 'perceptual.onnx' } }],
  ])(
    'makes %s with one command, each stage once',
    async (name, withLpips, parts) => {
      const { work, pictures, python } = await prepare(40);
      const out = join(work, 'model');
      const args = [name, '--train', pictures, '--val', pictures, '--out', out, '--runs', work, '--smoke'];
      if (withLpips) args.push(...squeezenetIn(work));
      const stages = (text: string): number => text.match(/"final": true/g)?.length ?? 0;
      expect(stages(python('make', ...args))).toBe(5);
      expect(stages(python('make', ...args))).toBe(0);
      const card = JSON.parse(readFileSync(join(out, 'card.json'), 'utf8')) as Record<string, unknown>;
      expect(card).toMatchObject({
        ...{ name, latentChannels: 2, statistics: 'statistics.npz', ranges: 'ranges.json', ...parts },
      });
      expect(card).toHaveProperty('verdict.blind.intercept');
      const runtime = createOnnxRuntime({ threads: 1 });
      const codec = await openCodec(join(out, 'card.json'), runtime);
      expect(codec).toMatchObject({ hasPolarity: true, hasRefiner: true });
      expect(codec.bandwidthRatio).toBeCloseTo(1 / 48);
      await runtime.dispose();
    },
    600_000,
  );

  it.each([
    [['--apart', 'nosuch'], 'error: nosuch: no such file or folder'],
    [['--backbone', 'none.pth', '--weights', '../test'], 'error: none.pth: no such file or folder'],
    [['--backbone', 'none.pth'], "error: --backbone and --weights go together: LPIPS' files on SqueezeNet 1.1"],
  ])('is refused before anything is trained: %j', (more, why) => {
    const args = ['faces-12', '--train', '../test', '--val', '../test', '--out', 'nowhere', ...more];
    const { status, stderr } = spawnSync(gnuradioPython, ['-m', 'blindlink_training.make', ...args], {
      cwd: resolve('training'),
      encoding: 'utf8',
    });
    expect(status).toBe(2);
    expect(stderr.trim().split('\n').at(-1)).toContain(why);
  });

  it('trains and exports a prior that denoises as PyTorch does, at any size', async () => {
    const { work, pictures, python } = await prepare();
    const out = join(work, 'prior');
    python(
      'train_prior',
      ...['--train', pictures, '--val', pictures, '--out', work, '--widths', '16', '24', '--blocks', '1', '1'],
      ...['--batch', '4', '--steps', '30', '--lr', '3e-3'],
    );
    python('export_prior', '--run', work, '--name', 'smoke', '--val', pictures, '--out', out);
    const runtime = createOnnxRuntime({ threads: 1 });
    const denoiser = await openDenoiser(join(out, 'card.json'), runtime);
    const size = 3 * 40 * 24;
    const noisy = Float32Array.from({ length: size }, (_, i) => Math.sin(i) + Math.cos(i / 7));
    const { data } = await denoiser.denoise(tensor(noisy, [1, 3, 40, 24]), 0.7);
    const script = [
      'import math, sys, torch',
      'from blindlink_training.train_prior import load_prior',
      'x = torch.tensor([math.sin(i) + math.cos(i / 7) for i in range(3 * 40 * 24)]).view(1, 3, 40, 24)',
      'with torch.no_grad(): y = load_prior(sys.argv[1])(x, torch.tensor([0.7]))',
      'print(*y.flatten().tolist())',
    ].join('\n');
    const expected = execFileSync(gnuradioPython, ['-c', script, join(work, 'checkpoint.pt')], {
      cwd: resolve('training'),
      encoding: 'utf8',
    });
    // Weights are stored as float16.
    const values = expected.trim().split(' ').map(Number);
    values.forEach((v, i) => expect(Math.abs(data[i] - v)).toBeLessThan(5e-3));
    await runtime.dispose();

    // Trained on from what was exported: it begins where that ended.
    const onward = join(work, 'onward');
    const args = [
      '--train',
      pictures,
      '--val',
      pictures,
      '--out',
      onward,
      '--init',
      out,
      '--batch',
      '2',
      '--steps',
      '1',
    ];
    const [first] = python('train_prior', ...args).split('\n');
    interface PriorCard {
      quality: { denoisingPsnrDb: Record<string, number> };
      training: { steps: number; start?: { steps: number } };
    }
    const cardIn = (folder: string): PriorCard =>
      JSON.parse(readFileSync(join(folder, 'card.json'), 'utf8')) as PriorCard;
    const { quality } = cardIn(out);
    const begin = JSON.parse(first) as { valPsnrDb: Record<string, number> };
    for (const [sigma, psnr] of Object.entries(begin.valPsnrDb)) {
      expect(Math.abs(psnr - quality.denoisingPsnrDb[sigma])).toBeLessThan(0.03);
    }

    // Stored as bytes: smaller, nearly as good, and the card knows what came before.
    const small = join(work, 'small');
    const exported = ['--run', onward, '--name', 'smoke', '--val', pictures, '--out', small, '--bytes'];
    python('export_prior', ...exported);
    const bytesOf = (folder: string): number => statSync(join(folder, 'denoiser.onnx')).size;
    expect(bytesOf(small)).toBeLessThan(0.9 * bytesOf(out));
    expect(cardIn(small).training).toMatchObject({ steps: 1, start: { steps: 30 } });
    for (const [sigma, psnr] of Object.entries(cardIn(small).quality.denoisingPsnrDb)) {
      expect(Math.abs(psnr - quality.denoisingPsnrDb[sigma])).toBeLessThan(0.3);
    }
  });
});
