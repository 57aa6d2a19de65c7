import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readNpy, writeNpy } from '../../src/core/npy.js';
import { createRng } from '../../src/core/rng.js';
import { frechetDistance } from '../../src/metrics/frechet.js';
import type { PictureView } from '../../src/metrics/picture-quality.js';
import { type FeatureNetwork, openFeatureNetwork } from '../../src/perception/feature-network.js';
import { checkGolden } from '../../src/runtime/golden.js';
import { createOnnxRuntime } from '../../src/runtime/onnx-runtime.js';
import { builtinPicture } from '../../src/source/builtin-pictures.js';
import { describeWith, gnuradioPython, torch, torchvision } from '../support/programs.js';

type Shapes = Record<string, number[]>;

/** torchvision's VGG16: convolution number → inputs and outputs of its 3×3 kernels. */
const vgg16: [number, number, number][] = [
  [0, 3, 64],
  [2, 64, 64],
  [5, 64, 128],
  [7, 128, 128],
  [10, 128, 256],
  [12, 256, 256],
  [14, 256, 256],
  [17, 256, 512],
  [19, 512, 512],
  [21, 512, 512],
  [24, 512, 512],
  [26, 512, 512],
  [28, 512, 512],
];
/** torchvision's SqueezeNet 1.1: module number → inputs, squeezed channels and outputs of each of its two expansions. */
const fires: [number, number, number, number][] = [
  [3, 64, 16, 64],
  [4, 128, 16, 64],
  [6, 128, 32, 128],
  [7, 256, 32, 128],
  [9, 256, 48, 192],
  [10, 384, 48, 192],
  [11, 384, 64, 256],
  [12, 512, 64, 256],
];
const linear = (widths: number[]): Shapes =>
  Object.fromEntries(widths.map((width, i) => [`lin${i}.model.1.weight`, [1, width, 1, 1]]));

/** The public files' names and shapes; of the classifiers, which are left out, the last bias. */
const files: Record<string, Shapes> = {
  'vgg16.pth': {
    ...Object.fromEntries(
      vgg16.flatMap(([i, inputs, outputs]) => [
        [`features.${i}.weight`, [outputs, inputs, 3, 3]],
        [`features.${i}.bias`, [outputs]],
      ]),
    ),
    'classifier.6.bias': [1000],
  },
  'alexnet.pth': {
    'features.0.weight': [64, 3, 11, 11],
    'features.0.bias': [64],
    'features.3.weight': [192, 64, 5, 5],
    'features.3.bias': [192],
    'features.6.weight': [384, 192, 3, 3],
    'features.6.bias': [384],
    'features.8.weight': [256, 384, 3, 3],
    'features.8.bias': [256],
    'features.10.weight': [256, 256, 3, 3],
    'features.10.bias': [256],
    'classifier.6.bias': [1000],
  },
  'squeezenet.pth': {
    'features.0.weight': [64, 3, 3, 3],
    'features.0.bias': [64],
    ...Object.fromEntries(
      fires.flatMap(([i, inputs, narrow, half]) =>
        (
          [
            ['squeeze', [narrow, inputs, 1, 1]],
            ['expand1x1', [half, narrow, 1, 1]],
            ['expand3x3', [half, narrow, 3, 3]],
          ] as [string, number[]][]
        ).flatMap(([layer, shape]) => [
          [`features.${i}.${layer}.weight`, shape],
          [`features.${i}.${layer}.bias`, [shape[0]]],
        ]),
      ),
    ),
    'classifier.1.bias': [1000],
  },
  'lpips-vgg16.pth': linear([64, 128, 256, 512, 512]),
  'lpips-alexnet.pth': linear([64, 192, 384, 256, 256]),
  'lpips-squeeze.pth': linear([64, 128, 256, 384, 384, 512, 512]),
  'dists.pt': { alpha: [1, 1475, 1, 1], beta: [1, 1475, 1, 1] },
  'cut.pth': linear([64, 128, 256, 512]),
  'swapped.pth': { alpha: [1475, 1], beta: [1, 1475, 1, 1] },
};

/** Of the 94 units of the FID's Inception-v3, one of each sort: the kernel of its convolution. */
const units: Shapes = {
  Conv2d_1a_3x3: [32, 3, 3, 3],
  Conv2d_4a_3x3: [192, 80, 3, 3],
  'Mixed_5b.branch5x5_2': [64, 48, 5, 5],
  'Mixed_5b.branch_pool': [32, 192, 1, 1],
  'Mixed_5d.branch3x3dbl_3': [96, 96, 3, 3],
  'Mixed_6a.branch3x3': [384, 288, 3, 3],
  'Mixed_6a.branch3x3dbl_3': [96, 96, 3, 3],
  'Mixed_6b.branch7x7_2': [128, 128, 1, 7],
  'Mixed_6d.branch7x7_3': [192, 160, 7, 1],
  'Mixed_6e.branch7x7dbl_5': [192, 192, 1, 7],
  'Mixed_7a.branch7x7x3_4': [192, 192, 3, 3],
  'Mixed_7b.branch3x3_2a': [384, 384, 1, 3],
  'Mixed_7c.branch3x3dbl_3b': [384, 384, 3, 1],
  'Mixed_7c.branch1x1': [320, 2048, 1, 1],
};

const work = mkdtempSync(join(tmpdir(), 'blindlink-perception-'));
const runtime = createOnnxRuntime({ threads: 1 });
const helper = resolve('test/golden/perceptual-networks.py');
const python = (...args: string[]): string =>
  execFileSync(gnuradioPython, args, {
    cwd: resolve('training'),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
const sources: Record<string, string[]> = {
  'lpips-vgg16': ['vgg16.pth', 'lpips-vgg16.pth'],
  'lpips-alexnet': ['alexnet.pth', 'lpips-alexnet.pth'],
  'lpips-squeeze': ['squeezenet.pth', 'lpips-squeeze.pth'],
  dists: ['vgg16.pth', 'dists.pt'],
  'fid-squeeze': ['squeezenet.pth'],
  fid: ['inception.pth'],
};
const exportArgs = (name: string, [backbone, weights]: string[], out = name): string[] => [
  ...['-m', 'blindlink_training.features', name, '--backbone', join(work, backbone)],
  ...(weights ? ['--weights', join(work, weights)] : []),
  ...['--out', join(work, out)],
];

function noisy({ data, height, width }: PictureView, sigma: number): PictureView {
  const rng = createRng('perception');
  return { data: data.map((v) => Math.min(1, Math.max(0, v + sigma * rng.gaussian()))), height, width };
}

/** `width` columns of the built-in picture from (0, 0). */
async function picture(index: number, height = 64, width = 64): Promise<PictureView> {
  const whole = await builtinPicture('natural', index);
  const data = new Float32Array(3 * height * width);
  for (let row = 0; row < 3 * height; row++) {
    const from = (Math.floor(row / height) * 64 + (row % height)) * 64;
    data.set(whole.data.subarray(from, from + width), row * width);
  }
  return { data, height, width };
}

describeWith(torch(), 'feature networks exported from public tensor names', () => {
  const networks: Record<string, FeatureNetwork> = {};
  let inception: Shapes;

  beforeAll(async () => {
    writeFileSync(join(work, 'shapes.json'), JSON.stringify(files));
    python(helper, 'weights', join(work, 'shapes.json'), work);
    inception = JSON.parse(python(helper, 'inception', work)) as Shapes;
    for (const [name, from] of Object.entries(sources)) {
      python(...exportArgs(name, from));
      networks[name] = await openFeatureNetwork(join(work, name, 'card.json'), runtime);
    }
  }, 300_000);
  afterAll(async () => {
    await runtime.dispose();
    rmSync(work, { recursive: true });
  });

  it('have the shapes of the public Inception-v3', () => {
    for (const [unit, kernel] of Object.entries(units)) {
      expect(inception[`${unit}.conv.weight`]).toEqual(kernel);
      for (const of of ['weight', 'bias', 'running_mean', 'running_var']) {
        expect(inception[`${unit}.bn.${of}`]).toEqual([kernel[0]]);
      }
    }
    // 94 convolutions and their normalisations; 21,785,568 learned numbers: 23,834,568 less the 2,049,000 of 1000 classes.
    expect(Object.keys(inception)).toHaveLength(5 * 94);
    const learned = Object.entries(inception).filter(([name]) => !name.includes('running'));
    expect(learned.reduce((sum, [, shape]) => sum + shape.reduce((a, b) => a * b, 1), 0)).toBe(21_785_568);
  });

  it.each([
    ['lpips-vgg16', 64, 48],
    ['lpips-vgg16', 16, 16],
    ['lpips-alexnet', 64, 64],
    ['lpips-alexnet', 31, 40],
    ['lpips-squeeze', 64, 50],
    ['lpips-squeeze', 17, 31],
    ['dists', 63, 50],
    ['fid-squeeze', 40, 33],
    ['fid', 40, 64],
  ] as const)('%s at %i×%i gives what its formula gives in float64', async (name, height, width) => {
    const a = await picture(0, height, width);
    const length = { fid: 2048, 'fid-squeeze': 512 }[name as string] ?? 1;
    const pictures = length > 1 ? [a] : [a, noisy(await picture(1, height, width), 0.1)];
    rmSync(join(work, 'b.npy'), { force: true });
    pictures.forEach(({ data }, i) => {
      writeNpy(join(work, `${'ab'[i]}.npy`), { dtype: 'float32', shape: [1, 3, height, width], data });
    });
    python(helper, 'reference', name, work);
    const expected = readNpy(join(work, 'expected.npy')).data as Float32Array;
    const found = await networks[name].evaluate(...pictures);
    expect(found).toHaveLength(length);
    const rms = Math.sqrt(expected.reduce((sum, v) => sum + v * v, 0) / expected.length);
    expected.forEach((v, i) => {
      expect(Math.abs(found[i] - v)).toBeLessThan(1e-4 * rms);
    });
  });

  it('are 0 for equal pictures and grow with noise', async () => {
    for (const name of ['lpips-vgg16', 'lpips-alexnet', 'lpips-squeeze', 'dists']) {
      const a = await picture(2);
      const [same] = await networks[name].evaluate(a, a);
      expect(Math.abs(same)).toBeLessThan(name === 'dists' ? 1e-6 : 1e-12);
      const [little] = await networks[name].evaluate(noisy(a, 0.03), a);
      const [much] = await networks[name].evaluate(noisy(a, 0.15), a);
      expect(little).toBeGreaterThan(1e-5);
      expect(much).toBeGreaterThan(2 * little);
    }
  });

  it('give a FID of 0 between equal sets, more for noisier ones', async () => {
    const sets = await Promise.all(
      [0, 0.03, 0.15].map((sigma) =>
        Promise.all(
          [0, 1, 2].map(async (i) => Float64Array.from(await networks['fid'].evaluate(noisy(await picture(i), sigma)))),
        ),
      ),
    );
    const [same, little, much] = sets.map((set) => frechetDistance(set, sets[0], 1));
    expect(same).toBeLessThan(1e-3 * much);
    expect(little).toBeGreaterThan(same);
    expect(much).toBeGreaterThan(2 * little);
  });

  it('have golden values, a hash and their sources in the card', async () => {
    for (const [name, { card, graph }] of Object.entries(networks)) {
      expect(card).toMatchObject({ name, kind: name.split('-')[0], licence: "as the files'" });
      expect(Object.keys(card.source)).toEqual(sources[name]);
      await checkGolden(runtime, graph, card.golden?.[card.network] ?? expect.fail('no golden values'));
    }
  });

  it.each([
    ['dists', ['vgg16.pth', 'swapped.pth'], /swapped.pth: does not fit .*wrong shape 1 \(alpha is \[1475, 1\], not/],
    ['lpips-vgg16', ['vgg16.pth', 'cut.pth'], /cut.pth: does not fit .*missing 1 \(lin4.model.1.weight\)/],
    ['lpips-alexnet', ['vgg16.pth', 'lpips-alexnet.pth'], /vgg16.pth: does not fit .*missing.*unexpected.*wrong shape/],
    ['fid', ['alexnet.pth'], /alexnet.pth: does not fit the FID's Inception-v3: missing 470/],
    ['dists', ['vgg16.pth'], /dists: needs --weights/],
    ['fid', ['inception.pth', 'dists.pt'], /fid: takes no --weights/],
  ] as const)('%s refuses %j with one line', (name, from, line) => {
    const { status, stderr } = spawnSync(gnuradioPython, exportArgs(name, [...from], 'refused'), {
      cwd: resolve('training'),
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(line);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('judge received pictures from the command line, each named with its hash', () => {
    const main = resolve('dist/cli/main.js');
    const flags = ['lpips-alexnet', 'fid'].flatMap((name) => ['--feature-network', join(work, name)]);
    const simulate = [
      main,
      'simulate',
      'builtin:faces',
      '--receiver',
      'perfect',
      '--frames',
      '2',
      '--json',
      '--no-save',
    ];
    const lines = execFileSync(process.execPath, [...simulate, ...flags], { encoding: 'utf8' })
      .trim()
      .split('\n');
    const [frame, , summary] = lines.map((line) => JSON.parse(line) as Record<string, Record<string, unknown>>);
    expect(frame['perception']).toEqual({ 'lpips-alexnet': expect.any(Number) as number });
    expect(summary).toHaveProperty('receivers.perfect.perception', {
      'lpips-alexnet': { mean: expect.any(Number) as number, std: expect.any(Number) as number },
      fid: { fid: expect.any(Number) as number, pictures: 2 },
    });
    const sha256 = (name: string): unknown =>
      (JSON.parse(readFileSync(join(work, name, 'card.json'), 'utf8')) as { sha256: Record<string, string> }).sha256[
        'network.onnx'
      ];
    expect(summary['versions']['featureNetworks']).toEqual([
      { name: 'lpips-alexnet', kind: 'lpips', sha256: sha256('lpips-alexnet') },
      { name: 'fid', kind: 'fid', sha256: sha256('fid') },
    ]);
    const checked = execFileSync(process.execPath, [main, 'model', 'check', join(work, 'dists')], { encoding: 'utf8' });
    expect(checked).toMatch(/golden values agree; dists, pictures from 16×16 up.*\n.*network.onnx: 14.7 M parameters/);
  });

  describeWith(torchvision(), 'beside torchvision', () => {
    it('are its networks, with equal names', () => {
      const worst = JSON.parse(python(helper, 'torchvision', work)) as Record<string, number>;
      for (const [network, difference] of Object.entries(worst)) expect(difference, network).toBeLessThan(1e-5);
    });
  });
});
