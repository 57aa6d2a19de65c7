import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { openCodec } from '../../src/codec/codec.js';
import { createOnnxRuntime } from '../../src/runtime/onnx-runtime.js';
import { builtinPicture } from '../../src/source/builtin-pictures.js';
import { describeWith, gnuradioPython, torch } from '../support/programs.js';

describeWith(torch(), 'the training recipe', () => {
  it('trains, resumes, exports; the exported codec runs and agrees with PyTorch', async () => {
    const work = mkdtempSync(join(tmpdir(), 'blindlink-training-'));
    const pictures = join(work, 'pictures');
    mkdirSync(pictures);
    for (let i = 0; i < 4; i++) {
      const { data } = await builtinPicture('natural', i);
      const bytes = Buffer.alloc(data.length);
      for (let p = 0; p < 4096; p++)
        for (let c = 0; c < 3; c++) bytes[3 * p + c] = Math.round(255 * data[c * 4096 + p]);
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
    await runtime.dispose();
  });
});
