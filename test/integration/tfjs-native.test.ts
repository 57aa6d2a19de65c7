import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith, tensorflow } from '../support/programs.js';
import { packInto } from '../support/tarball.js';

const root = resolve('.');
const folder = process.env['BLINDLINK_TENSORFLOW'] ?? '';

describeWith(tensorflow(), 'TensorFlow.js with its native library', () => {
  const project = mkdtempSync(join(tmpdir(), 'blindlink-tfjs-'));
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '2' };
  const node = (...args: string[]): { status: number | null; out: string; err: string } => {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: project, env, encoding: 'utf8' });
    return { status, out: stdout, err: stderr };
  };
  const build = (from: string) => node('node_modules/blindlink/scripts/build-tfjs-node.mjs', from);
  const blindlink = (...args: string[]) => node('node_modules/blindlink/bin/blindlink.mjs', ...args);

  beforeAll(() => {
    writeFileSync(join(project, 'package.json'), '{ "private": true }');
    const packages = [`./${packInto(project)}`, '@tensorflow/tfjs-node@4.22.0', 'node-api-headers@1'];
    execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--silent', ...packages], {
      cwd: project,
    });
  }, 240_000);
  afterAll(() => {
    rmSync(project, { recursive: true, force: true });
  });

  it('says what to do until it is built, and what is not a TensorFlow', () => {
    const { status, err } = blindlink(
      'simulate',
      'builtin:faces',
      '--runtime',
      'tfjs',
      '--set',
      'run.backend=tfjs-node',
      '--no-save',
    );
    expect(status).not.toBe(0);
    expect(err).toMatch(
      /^blindlink: TensorFlow\.js backend tfjs-node: @tensorflow\/tfjs-node does not load .*build-tfjs-node[^\n]*\n$/,
    );
    expect(build(project)).toMatchObject({
      status: 1,
      err: `build-tfjs-node: ${project}: has no include/tensorflow/c/eager/c_api.h\n`,
    });
  }, 60_000);

  it('is built for the TensorFlow at hand, and then receives what onnxruntime receives', () => {
    const built = build(folder);
    expect(built.err).toBe('');
    expect(built.out).toMatch(/^@tensorflow\/tfjs-node: built for TensorFlow 2\.\d+/);

    // hifi-diffcom runs the gradients of encoder, decoder and prior.
    const receivers = 'perfect,pilot,blind-em,blind-hifi,hifi-diffcom';
    const frames = (...flags: string[]): Record<string, unknown>[] => {
      const { status, out, err } = blindlink(
        ...['simulate', 'builtin:faces', '--frames', '2', '--receiver', receivers, '--no-save', '--json'],
        ...['--prior', join(root, 'models/faces-prior/card.json'), '--set', 'receiver.hifiDiffcom.steps=4'],
        ...flags,
      );
      expect(status, err).toBe(0);
      return out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    const native = frames('--runtime', 'tfjs', '--set', 'run.backend=tfjs-node');
    const usual = frames('--runtime', 'onnx');
    expect(native).toHaveLength(11);
    native.slice(0, 10).forEach((frame, i) => {
      expect(frame).toMatchObject({ receiver: usual[i]['receiver'], verdict: usual[i]['verdict'], success: true });
      expect(frame['psnrDb']).toBeCloseTo(usual[i]['psnrDb'] as number, 1);
    });
    expect(native[10]).toMatchObject({ config: { run: { runtime: 'tfjs', backend: 'tfjs-node' } } });
    expect(blindlink('doctor').out).toMatch(/ok\s+TensorFlow\.js tfjs-node: works/);
  }, 240_000);
});
