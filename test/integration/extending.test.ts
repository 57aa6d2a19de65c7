import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packInto } from '../support/tarball.js';

const root = resolve('.');
const project = mkdtempSync(join(tmpdir(), 'blindlink-project-'));
const installed = join(project, 'node_modules/blindlink');

/** Another project with the package in it as `npm pack` makes it; its dependencies are those of this one. */
beforeAll(() => {
  const filename = packInto(project);
  mkdirSync(installed, { recursive: true });
  execFileSync('tar', ['-xzf', join(project, filename), '-C', installed, '--strip-components=1']);
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name.startsWith('.')) continue;
    symlinkSync(join(root, 'node_modules', name), join(project, 'node_modules', name));
  }
});
afterAll(() => {
  rmSync(project, { recursive: true, force: true });
});

const run = (args: readonly string[], cwd = project): { code: number | null; out: string; err: string } => {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
};
const program = join(installed, 'bin/blindlink.mjs');

describe('the package in another project', () => {
  it('is below 20 MB and has its licence, two codecs and no tests', () => {
    const [tarball] = readdirSync(project).filter((name) => name.endsWith('.tgz'));
    expect(readFileSync(join(project, tarball)).length).toBeLessThan(20e6);
    expect(existsSync(join(installed, 'LICENSE'))).toBe(true);
    expect(readdirSync(join(installed, 'models')).sort()).toEqual(['faces-12', 'photo-48']);
    expect(readdirSync(join(installed, 'photographs')).length).toBeGreaterThan(5);
    expect(existsSync(join(installed, 'test'))).toBe(false);
  });

  it('sends pictures from any folder', () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'blindlink-elsewhere-'));
    const { code, out } = run(
      [program, 'simulate', 'builtin:faces', '--frames', '1', '--no-save', '--json'],
      elsewhere,
    );
    expect(code).toBe(0);
    expect(JSON.parse(out.split('\n')[2])).toMatchObject({ receiver: 'blind-em', success: true });
    rmSync(elsewhere, { recursive: true });
  });

  it('sends its photographs through the codec for them, or through the usual one where that is missing', () => {
    const args = [program, 'simulate', 'builtin:photos', '--frames', '1', '--receiver', 'pilot', '--no-save', '--json'];
    const { code, out } = run(args);
    expect(code).toBe(0);
    const summary = (text: string): unknown => JSON.parse(text.trim().split('\n').at(-1)!) as unknown;
    expect(summary(out)).toMatchObject({ config: { codec: 'photo-48', channel: { coherence: 'frame' } } });
    renameSync(join(installed, 'models/photo-48'), join(installed, 'photo-48'));
    const without = run(args);
    renameSync(join(installed, 'photo-48'), join(installed, 'models/photo-48'));
    expect(without.code).toBe(0);
    expect(without.err).toMatch(/^note: codec photo-48 is not installed, so the usual one sends the photographs\n/);
    expect(summary(without.out)).toMatchObject({ config: { codec: 'faces-12' } });
  });

  it('names the package of further models where one is not there', () => {
    const { code, err } = run([program, 'simulate', '--codec', 'faces-48', '--no-save']);
    expect(code).toBe(2);
    expect(err).toBe(
      "blindlink: faces-48: this codec is in the package blindlink-models; install it beside blindlink, or give a card's path\n",
    );
    const prior = run([program, 'simulate', 'builtin:faces', '--receiver', 'blind-hifi', '--no-save']);
    expect(prior.code).toBe(2);
    expect(prior.err).toMatch(/^blindlink: faces-prior: this prior is in the package blindlink-models; [^\n]+\n$/);
    const decoder = [
      program,
      'simulate',
      'builtin:photos',
      '--frames',
      '1',
      '--receiver',
      'pilot',
      '--decoder',
      'perceptual',
      '--no-save',
    ];
    const without = run(decoder);
    expect(without.code).toBe(1);
    expect(without.err).toMatch(
      /perceptual\.onnx: named by [^\n]+ it may be in the package blindlink-models: install it beside blindlink\n$/,
    );
    symlinkSync(join(root, 'models'), join(project, 'node_modules/blindlink-models'));
    expect(run(decoder).code).toBe(0);
    const found = run([
      program,
      'simulate',
      '--codec',
      'faces-48',
      '--frames',
      '1',
      '--receiver',
      'pilot',
      '--no-save',
    ]);
    rmSync(join(project, 'node_modules/blindlink-models'));
    expect(found.code).toBe(0);
  });

  it('has types for every part', () => {
    writeFileSync(
      join(project, 'types.ts'),
      `import { linkFrames, resolveConfig, openPictures, type FrameOutcome, type ReceiverDescriptor } from 'blindlink/link';
import { receiverResult, type Receiver, type ReceiverResult } from 'blindlink/receiver';
import { createTapSource, type StreamBlock } from 'blindlink/channel';
import { createGrid, ofdmProfiles, type Grid } from 'blindlink/ofdm';
import type { Radio, SampleBlock } from 'blindlink/radio';
import { openCodec, type Codec } from 'blindlink/codec';
import { psnrDb, type PictureView } from 'blindlink/metrics';
import { createGraphBuilder, createOnnxRuntime } from 'blindlink/graph';
import { createLiveClient, type ServerMessage } from 'blindlink/live';

export const grid: Grid = createGrid(ofdmProfiles.paper);
export const own: ReceiverDescriptor = {
  name: 'own',
  about: '',
  create: ({ setting }): Receiver => ({
    name: 'own',
    needs: { pilots: false, truth: false },
    async *receive({ frame }) {
      const result: ReceiverResult = receiverResult({
        picture: new Float32Array(3 * setting.layout.height),
        equalised: frame.elements,
        noiseVariance: 0.1,
      });
      yield { kind: 'final', result };
    },
  }),
};
export async function psnr(codec: Codec): Promise<number[]> {
  const runtime = createOnnxRuntime({ threads: 1 });
  const values: number[] = [];
  const source = openPictures(['builtin:faces'], { maxPixels: 1e6 });
  for await (const outcomes of linkFrames(resolveConfig({}), { codec, runtime, receivers: [own] }, source.pictures())) {
    values.push(...outcomes.map(({ report }: FrameOutcome) => report.psnrDb));
  }
  return values;
}
export type Parts = [StreamBlock, Radio, SampleBlock, PictureView, ServerMessage];
export const functions = [createTapSource, openCodec, psnrDb, createGraphBuilder, createLiveClient];
// @ts-expect-error a receiver's needs are two switches
export const wrong: Receiver['needs'] = { pilots: 'yes' };
`,
    );
    const compiler = join(root, 'node_modules/typescript/bin/tsc');
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--skipLibCheck', 'types.ts'];
    const { code, out } = run([compiler, ...flags]);
    expect(out).toBe('');
    expect(code).toBe(0);
  });
});

describe('examples', () => {
  it.each([
    ['sweep-from-code.mjs', ['1'], /10 dB {2}blind-em +\d+\.\d\d dB {2}100 %/],
    ['replay-foreign.mjs', [], /samples, [1-9]\d* stretch\(es\) of OFDM 64\/16/],
    ['own-codec.mjs', [], /perfect \d\d\.\d\d dB {2}pilot \d\d\.\d\d dB/],
    ['gradient.mjs', [], /∂f\/∂x3 {2}graph -0\.791\d {2}differences -0\.791\d/],
    ['own-impairment.mjs', [], /(pilot decoded {2}blind-em decoded\n){3}/],
  ])('%s runs', (name, args, expected) => {
    const { code, out, err } = run([join(installed, 'examples', name), ...args]);
    expect(err).toBe('');
    expect(code).toBe(0);
    expect(out).toMatch(expected);
  });
});

describe('a receiver from a file', () => {
  const example = join(installed, 'examples/custom-receiver.mjs');

  it('takes part in simulate beside the others, with options of its own', () => {
    const args = ['--channel', 'awgn', '--frames', '2', '--no-save', '--json'];
    const receivers = ['--receiver', `pilot,${example}`, '--set', 'receiver.options.one-tap.equaliser=zf'];
    const { code, out, err } = run([program, 'simulate', 'builtin:faces', ...receivers, ...args]);
    expect(err).toBe('');
    expect(code).toBe(0);
    const frames = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(frames.slice(0, 2).map((frame) => frame['receiver'])).toEqual(['pilot', 'one-tap']);
    expect(frames[1]).toMatchObject({ verdict: 'doubtful', channelError: null });
  });

  it('takes part in replay', () => {
    const recording = join(installed, 'recordings/faces-usrp');
    const { code, out } = run([program, 'replay', recording, '--receiver', `pilot,${example}`, '--no-save', '--json']);
    expect(code).toBe(0);
    expect(out).toMatch(/"receiver":"one-tap"/);
  });

  it('of docs/extending.md is a whole one', () => {
    const text = readFileSync(join(root, 'docs/extending.md'), 'utf8');
    const [, code] = /```js\n([^]*?)```/.exec(text)!;
    writeFileSync(join(project, 'flat.mjs'), code);
    const args = ['--receiver', './flat.mjs', '--channel', 'awgn', '--frames', '1', '--no-save', '--json'];
    const { out } = run([program, 'simulate', 'builtin:faces', ...args]);
    expect(JSON.parse(out.split('\n')[0])).toMatchObject({ receiver: 'flat', success: true });
  });

  it('that fails says so in one line', () => {
    writeFileSync(
      join(project, 'broken.mjs'),
      `export default { name: 'broken', about: '', create() { throw new Error('no such thing\\nat all'); } };`,
    );
    const { code, err } = run([program, 'simulate', 'builtin:faces', '--receiver', './broken.mjs', '--no-save']);
    expect(code).not.toBe(0);
    expect(err.trim()).toBe('blindlink: receiver broken: cannot be made (no such thing)');
  });
});
