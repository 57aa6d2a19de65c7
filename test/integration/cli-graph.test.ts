import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NpyArray, readNpy, writeNpy } from '../../src/core/npy.js';
import { createRng } from '../../src/core/rng.js';
import { createGraphBuilder } from '../../src/graph/graph-builder.js';

const main = resolve('dist/cli/main.js');
const encoder = resolve('models/faces-12/encoder.onnx');
const work = mkdtempSync(join(tmpdir(), 'blindlink-cli-graph-'));
afterAll(() => rmSync(work, { recursive: true }));

function blindlink(...args: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { cwd: work, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

const rng = createRng('cli graph');
const random = (shape: number[]): NpyArray => {
  const length = shape.reduce((a, b) => a * b, 1);
  return { dtype: 'float32', shape, data: Float32Array.from({ length }, () => rng.uniform()) };
};
const file = (name: string): string => join(work, name);
const shapes = ['--shape', 'picture=1,3,16,16', 'snr_db=1'];
const inputs = ['--input', 'picture=picture.npy', 'snr_db=snr.npy'];

beforeAll(() => {
  writeNpy(file('picture.npy'), random([1, 3, 16, 16]));
  writeNpy(file('cotangent.npy'), random([1, 8, 4, 4]));
  writeNpy(file('snr.npy'), { dtype: 'float64', shape: [1], data: Float64Array.of(10) });
  writeNpy(file('complex.npy'), { dtype: 'complex64', shape: [1], data: Float32Array.of(1, 2) });
  writeFileSync(file('text.onnx'), 'not a model');
  const builder = createGraphBuilder('hardmax');
  builder.output('y', builder.node('Hardmax', [builder.input('x', [2, 3])]), [2, 3]);
  writeFileSync(file('hardmax.onnx'), builder.build());
});

describe('blindlink model vjp and run', () => {
  it('write the gradient graph and run it, with both runtimes alike', () => {
    const made = blindlink(
      'model',
      'vjp',
      encoder,
      '--of',
      'latents',
      '--with-respect-to',
      'picture',
      'snr_db',
      ...shapes,
      '--out',
      'vjp.onnx',
    );
    expect(made.err).toBe('');
    expect(made.out).toContain('inputs:  picture float32 [1,3,16,16]  snr_db float32 [1]  cotangent float32 [1,8,4,4]');
    expect(made.out).toContain(
      'outputs: latents float32 [1,8,4,4]  grad_picture float32 [1,3,16,16]  grad_snr_db float32 [1]',
    );
    for (const runtime of ['onnx', 'tfjs']) {
      const ran = blindlink(
        'model',
        'run',
        'vjp.onnx',
        ...inputs,
        'cotangent=cotangent.npy',
        '--runtime',
        runtime,
        '--out',
        runtime,
      );
      expect(ran.err).toBe('');
      expect(ran.code).toBe(0);
      expect(readdirSync(file(runtime)).sort()).toEqual(['grad_picture.npy', 'grad_snr_db.npy', 'latents.npy']);
    }
    for (const name of ['latents', 'grad_picture', 'grad_snr_db']) {
      const [ours, theirs] = ['onnx', 'tfjs'].map((runtime) => readNpy(file(`${runtime}/${name}.npy`)));
      expect(theirs.shape).toEqual(ours.shape);
      const scale = Math.max(...Array.from(ours.data as Float32Array, Math.abs));
      expect(scale).toBeGreaterThan(0);
      (ours.data as Float32Array).forEach((v, i) => {
        expect(Math.abs(v - Number(theirs.data[i])) / scale).toBeLessThan(5e-5);
      });
    }
  });

  const vjp = (...args: string[]): string[] => ['model', 'vjp', ...args, '--out', 'bad.onnx'];
  const of = ['--of', 'latents', '--with-respect-to', 'picture'];
  const run = (...args: string[]): string[] => ['model', 'run', ...args, '--out', 'bad'];
  it.each<[string, string[], number, RegExp]>([
    ['no such file', vjp('none.onnx', ...of), 2, /none\.onnx: cannot be read/],
    ['not a model', vjp('text.onnx', ...of), 1, /text\.onnx: not an ONNX model/],
    ['a free shape', vjp(encoder, ...of), 2, /input picture has the shape .*: give numbers for its free dimensions/],
    [
      'a shape that does not fit',
      vjp(encoder, ...of, '--shape', 'picture=3,16', 'snr_db=1'),
      2,
      /\[3, 16\] does not fit/,
    ],
    [
      'a shape that is no number',
      vjp(encoder, ...of, '--shape', 'picture=1,x'),
      2,
      /--shape picture=1,x: must be whole numbers/,
    ],
    [
      'no such output',
      vjp(encoder, '--of', 'z', '--with-respect-to', 'picture', ...shapes),
      2,
      /there is no output z; the outputs are latents/,
    ],
    [
      'no such input',
      vjp(encoder, '--of', 'latents', '--with-respect-to', 'x', ...shapes),
      2,
      /there is no input x; the inputs are picture, snr_db/,
    ],
    ['a missing flag', ['model', 'vjp', encoder, '--out', 'bad.onnx'], 2, /required option '--of/],
    [
      'an input left out',
      run(encoder, '--input', 'picture=picture.npy'),
      2,
      /input snr_db is not given; the inputs are picture, snr_db/,
    ],
    ['an input too many', run(encoder, ...inputs, 'y=snr.npy'), 2, /there is no input y/],
    [
      'an input file that is not there',
      run(encoder, '--input', 'picture=none.npy', 'snr_db=snr.npy'),
      2,
      /none\.npy: cannot be read/,
    ],
    [
      'complex numbers',
      run(encoder, '--input', 'picture=picture.npy', 'snr_db=complex.npy'),
      2,
      /complex\.npy: is complex/,
    ],
    [
      'a wrong shape',
      run(encoder, '--input', 'picture=snr.npy', 'snr_db=snr.npy'),
      1,
      /input picture needs the shape .* got \[1\]/,
    ],
    ['an unknown runtime', run(encoder, ...inputs, '--runtime', 'torch'), 2, /Allowed choices are onnx, tfjs/],
    [
      'a backend of the other runtime',
      run(encoder, ...inputs, '--backend', 'wasm'),
      2,
      /--backend belongs to --runtime tfjs/,
    ],
    [
      'a backend not installed',
      run(encoder, ...inputs, '--runtime', 'tfjs', '--backend', 'tfjs-node-gpu'),
      2,
      /tfjs-node-gpu is not installed; npm install/,
    ],
  ])('refuse %s in one line and write nothing', (_, args, code, message) => {
    const outcome = blindlink(...args);
    expect(outcome.code).toBe(code);
    expect(outcome.err).toMatch(message);
    expect(outcome.err.trim().split('\n')).toHaveLength(1);
    expect(existsSync(file('bad.onnx'))).toBe(false);
    expect(existsSync(file('bad'))).toBe(false);
  });

  it('names an operator that has no gradient, and its node', () => {
    const decoded = blindlink(
      'model',
      'vjp',
      'hardmax.onnx',
      '--of',
      'y',
      '--with-respect-to',
      'x',
      '--out',
      'bad.onnx',
    );
    expect(decoded.code).toBe(1);
    expect(decoded.err).toBe('blindlink: Hardmax "hardmax_0": blindlink has no gradient for the operator Hardmax\n');
    expect(existsSync(file('bad.onnx'))).toBe(false);
  });
});

describe('blindlink simulate --runtime', () => {
  it('gives with TensorFlow.js the picture that onnxruntime gives', () => {
    const psnr = (runtime: string): number => {
      const args = ['simulate', 'builtin:faces', '--frames', '1', '--receiver', 'pilot', '--json', '--no-save'];
      // What onnxruntime may run on 8-bit integers differs in the third decimal.
      const { out, code } = blindlink(...args, '--runtime', runtime, '--set', 'run.precision=float32');
      expect(code).toBe(0);
      return (JSON.parse(out.split('\n')[0]) as { psnrDb: number }).psnrDb;
    };
    expect(psnr('tfjs')).toBeCloseTo(psnr('onnx'), 3);
  });
});
