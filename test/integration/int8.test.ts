import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type Codec, openCodec } from '../../src/codec/codec.js';
import { observe, rayleighGains } from '../../src/codec/observe-ranges.js';
import { createRng } from '../../src/core/rng.js';
import { findModel } from '../../src/core/shipped-models.js';
import { psnrDb } from '../../src/metrics/picture-quality.js';
import { createOnnxRuntime } from '../../src/runtime/onnx-runtime.js';
import { hasInt8Products } from '../../src/runtime/precision.js';
import { builtinPicture } from '../../src/source/builtin-pictures.js';

const work = mkdtempSync(join(tmpdir(), 'blindlink-int8-'));
const float32 = createOnnxRuntime({ threads: 1 });
const int8 = createOnnxRuntime({ threads: 1, prefersInt8: true });
afterAll(async () => {
  await Promise.all([float32.dispose(), int8.dispose()]);
  rmSync(work, { recursive: true });
});
const blindlink = (...args: string[]) =>
  spawnSync(process.execPath, ['dist/cli/main.js', ...args], { encoding: 'utf8', maxBuffer: 1 << 26 });

/** Without the instructions for it sums of bytes may saturate: then it runs, and is not what anybody gets unless told so. */
const CLOSE_DB = hasInt8Products() ? 32 : 15;

async function there(codec: Codec, seed: number): Promise<{ picture: Float32Array; decoded: Float32Array }> {
  const { data, height, width } = await builtinPicture('faces', seed);
  const layout = codec.layoutFor(height, width);
  const latents = await codec.encode(data, 1, layout, 10);
  return { picture: data, decoded: await codec.decode(latents, 1, layout, 10) };
}

describe('a codec on 8-bit integers', () => {
  it('is what the shipped photo-48 is where the runtime prefers it, within hundredths of a dB of a picture', async () => {
    const path = findModel('codec', 'photo-48');
    const [plain, integers] = [await openCodec(path, float32), await openCodec(path, int8)];
    expect([plain.runsInt8, integers.runsInt8]).toEqual([false, true]);
    // What gradients are built of stays float32.
    expect(Buffer.compare(integers.decoder.graph.bytes, plain.decoder.graph.bytes)).toBe(0);
    const [a, b] = [await there(plain, 3), await there(integers, 3)];
    const view = (data: Float32Array) => ({ data, height: 64, width: 64 });
    expect(b.decoded.some((v, i) => v !== a.decoded[i])).toBe(true);
    expect(psnrDb(view(a.decoded), view(b.decoded))).toBeGreaterThan(CLOSE_DB);
  });

  it('is what `model quantise` makes of any; what it finds is written beside the card, and says what it gains', async () => {
    const folder = join(work, 'faces');
    cpSync(dirname(findModel('codec', 'faces-12')), folder, { recursive: true });
    const shipped = readFileSync(join(folder, 'ranges.json'), 'utf8');
    const { ranges: _ranges, ...bare } = JSON.parse(readFileSync(join(folder, 'card.json'), 'utf8')) as {
      ranges: string;
    };
    writeFileSync(join(folder, 'card.json'), JSON.stringify(bare));
    expect((await openCodec(join(folder, 'card.json'), int8)).runsInt8).toBe(false);
    const args = ['model', 'quantise', folder, 'builtin:faces', '--limit', '6', '--json'];
    const { status, stdout, stderr } = blindlink(...args);
    expect([status, stderr]).toEqual([0, '']);
    const said = JSON.parse(stdout) as Record<'float32' | 'int8', { psnrDb: number; milliseconds: number }>;
    expect(Math.abs(said.int8.psnrDb - said.float32.psnrDb)).toBeLessThan(hasInt8Products() ? 0.2 : 20);
    const ranges = JSON.parse(readFileSync(join(folder, 'ranges.json'), 'utf8')) as Record<string, object>;
    expect(Object.keys(ranges).sort()).toEqual(['decoder.onnx', 'encoder.onnx', 'perceptual.onnx', 'refiner.onnx']);
    expect((await openCodec(join(folder, 'card.json'), int8)).runsInt8).toBe(true);
    const again = blindlink(...args);
    expect(again.status).toBe(0);
    expect(JSON.parse(readFileSync(join(folder, 'ranges.json'), 'utf8'))).toEqual(ranges);
    // Some networks alone: what there is of the others is kept.
    expect(blindlink(...args, '--networks', 'refiner', '--limit', '3').status).toBe(0);
    const partly = JSON.parse(readFileSync(join(folder, 'ranges.json'), 'utf8')) as Record<string, object>;
    expect(Object.keys(partly)).toEqual(Object.keys(ranges));
    expect(partly['encoder.onnx']).toEqual(ranges['encoder.onnx']);
    expect(partly['refiner.onnx']).not.toEqual(ranges['refiner.onnx']);
    expect(Object.keys(JSON.parse(shipped) as object)).toEqual(['refiner.onnx']);

    const psnrs = ['int8', 'float32'].map((precision) => {
      const set = [`run.precision=${precision}`, `run.out=${join(work, precision)}`].flatMap((one) => ['--set', one]);
      const run = blindlink(
        'simulate',
        'builtin:faces',
        '--codec',
        folder,
        '--frames',
        '1',
        '--receiver',
        'perfect',
        '--json',
        ...set,
      );
      expect(run.status).toBe(0);
      return (JSON.parse(run.stdout.split('\n')[0]) as { psnrDb: number }).psnrDb;
    });
    expect(psnrs[0]).not.toBe(psnrs[1]);
    const kept = (file: string): Record<string, unknown> =>
      JSON.parse(readFileSync(join(work, 'int8', file), 'utf8')) as Record<string, unknown>;
    expect(kept('config.json')).toMatchObject({ run: { precision: 'int8' } });
    expect(kept('versions.json')).toMatchObject({ precision: hasInt8Products() ? 'int8' : 'float32' });

    // A file that holds something else, or another one than the card says.
    writeFileSync(join(folder, 'ranges.json'), '[]');
    await expect(openCodec(join(folder, 'card.json'), int8)).rejects.toThrow(
      'ranges.json: its SHA-256 is not the one in',
    );
    const card = JSON.parse(readFileSync(join(folder, 'card.json'), 'utf8')) as { sha256: Record<string, string> };
    delete card.sha256['ranges.json'];
    writeFileSync(join(folder, 'card.json'), JSON.stringify(card));
    await expect(openCodec(join(folder, 'card.json'), int8)).rejects.toThrow(
      "ranges.json: holds no ranges of values; make it anew with 'blindlink model quantise'",
    );
    expect((await openCodec(join(folder, 'card.json'), float32)).runsInt8).toBe(false);
  });

  it('is what the refiners of the shipped codecs are: a posterior of the same error', async () => {
    const path = findModel('codec', 'faces-12');
    const [plain, integers] = [await openCodec(path, float32), await openCodec(path, int8)];
    const { data, height, width } = await builtinPicture('faces', 5);
    const layout = plain.layoutFor(height, width);
    const latents = await plain.encode(data, 1, layout, 10);
    expect(await integers.encode(data, 1, layout, 10)).toEqual(latents);
    const rng = createRng(4);
    const gains = rayleighGains(latents.length, rng);
    expect(gains.reduce((sum, v) => sum + v, 0) / gains.length).toBeCloseTo(1, 1);
    const { precision, information } = observe(latents, 10, rng, gains);
    const dims = [1, layout.channels, layout.height, layout.width] as const;
    const [a, b] = [
      await plain.refine(precision, information, dims),
      await integers.refine(precision, information, dims),
    ];
    const errorOf = ({ mean }: { mean: Float32Array }): number =>
      mean.reduce((sum, v, i) => sum + (v - latents[i]) ** 2, 0) / mean.length;
    expect(b.mean).not.toEqual(a.mean);
    expect(Math.abs(errorOf(b) / errorOf(a) - 1)).toBeLessThan(hasInt8Products() ? 0.02 : 1);
  });

  it('is refused where it has no sense', () => {
    for (const list of ['refiner,', 'receiver']) {
      const wrong = blindlink('model', 'quantise', 'faces-12', 'builtin:faces', '--networks', list);
      expect([wrong.status, wrong.stderr.trim().split('\n').length]).toEqual([2, 1]);
      expect(wrong.stderr).toContain('none of encoder, decoders, refiner');
    }
    const none = blindlink('model', 'quantise', 'faces-12', join(work, 'nowhere'));
    expect([none.status, none.stderr.trim().split('\n').length]).toEqual([2, 1]);
    const wrong = blindlink('simulate', '--set', 'run.precision=int4', '--frames', '1');
    expect(wrong.status).not.toBe(0);
    expect(wrong.stderr).toContain('run.precision');
  });
});
