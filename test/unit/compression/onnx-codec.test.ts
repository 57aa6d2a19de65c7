import { afterAll, describe, expect, it } from 'vitest';
import { createBudgetCodec } from '../../../src/compression/fit-budget.js';
import { createOnnxCodec } from '../../../src/compression/onnx-codec.js';
import { type Pixels, pixelsOf, squaredError } from '../../../src/compression/pixels.js';
import { createContexts, RangeDecoder, RangeEncoder } from '../../../src/compression/range-coder.js';
import { decodeSymbols, encodeSymbols } from '../../../src/compression/symbol-coder.js';
import { createRng } from '../../../src/core/rng.js';
import { createOnnxRuntime } from '../../../src/runtime/onnx-runtime.js';
import { builtinPicture } from '../../../src/source/builtin-pictures.js';
import { writeBlockTransform } from '../../support/block-transform.js';

const runtime = createOnnxRuntime({ threads: 1 });
const natural = await builtinPicture('natural', 3, 64);
afterAll(() => runtime.dispose());

describe('the range coder', () => {
  it('gives bits back, at about their entropy', () => {
    const rng = createRng(1);
    const bits = Array.from({ length: 20_000 }, () => (rng.uniform() < 0.05 ? 1 : 0));
    const encoder = new RangeEncoder();
    const contexts = createContexts(1);
    for (const bit of bits) encoder.encode(contexts, 0, bit);
    const bytes = encoder.finish();
    const decoder = new RangeDecoder(bytes);
    const again = createContexts(1);
    expect(bits.every((bit) => decoder.decode(again, 0) === bit)).toBe(true);
    const entropy = -(0.05 * Math.log2(0.05) + 0.95 * Math.log2(0.95));
    expect((8 * bytes.length) / bits.length / entropy).toBeLessThan(1.15);
  });

  it('carries through bytes of 255', () => {
    // Always the unlikely bit of a context that never learns otherwise pushes low to its end.
    for (let seed = 0; seed < 50; seed++) {
      const rng = createRng(seed);
      const bits = Array.from({ length: 400 }, () => (rng.uniform() < 0.98 ? 1 : 0));
      const encoder = new RangeEncoder();
      const contexts = createContexts(1);
      for (const bit of bits) encoder.encode(contexts, 0, bit);
      const decoder = new RangeDecoder(encoder.finish());
      const again = createContexts(1);
      expect(bits.map(() => decoder.decode(again, 0))).toEqual(bits);
    }
  });
});

describe('whole numbers', () => {
  it.each([0.3, 2, 40, 5000])('of a spread of %d come back', (spread) => {
    const rng = createRng(spread);
    const shape = [6, 5, 7] as const;
    const symbols = Int32Array.from({ length: 210 }, () => Math.round(spread * rng.gaussian()));
    expect(decodeSymbols(encodeSymbols(symbols, shape), shape)).toEqual(symbols);
  });

  it('cost about their entropy, and next to nothing where there are none', () => {
    const rng = createRng(2);
    const shape = [8, 32, 32] as const;
    const symbols = Int32Array.from({ length: 8192 }, () => Math.round(rng.gaussian()));
    const counts = new Map<number, number>();
    for (const v of symbols) counts.set(v, (counts.get(v) ?? 0) + 1);
    const entropy = [...counts.values()].reduce((sum, n) => sum - (n / 8192) * Math.log2(n / 8192), 0);
    expect((8 * encodeSymbols(symbols, shape).length) / 8192 / entropy).toBeLessThan(1.08);
    expect(encodeSymbols(new Int32Array(8192), shape).length).toBeLessThan(120);
  });

  it('of no encoder are refused', () => {
    const bytes = new Uint8Array(2000).fill(255);
    expect(() => decodeSymbols(bytes, [4, 8, 8])).toThrow(/no encoder writes/);
  });
});

describe('a picture codec of two graphs', () => {
  const graphs = writeBlockTransform();
  const settings = { ...graphs, valueRange: [0, 1], multipleOf: 8, steps: { coarsest: 2, finest: 0.01 } };
  const codec = createOnnxCodec('mine', settings, runtime);
  const picture = (height = 64, width = 64): Pixels => {
    const { data } = natural;
    return pixelsOf(
      Float32Array.from({ length: 3 * height * width }, (_, i) => {
        const [c, y, x] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
        return data[(c * 64 + y) * 64 + x];
      }),
      height,
      width,
    );
  };
  const psnr = (a: Pixels, b: Pixels): number => -10 * Math.log10(squaredError(a, b) / 255 ** 2);

  it('is as exact as its step: the error of a uniform quantiser', async () => {
    const sent = picture();
    for (const quality of [30, 63]) {
      const step = 2 * (0.01 / 2) ** (quality / 63);
      const got = await codec.decode(await codec.encode(sent, quality, 'compact'));
      // At most Δ²/12 a coefficient (what is 0 anyway has less), and half a level of 8 bits.
      const expected = -10 * Math.log10(step ** 2 / 12 + 1 / 12 / 255 ** 2);
      expect(psnr(sent, got)).toBeGreaterThan(expected - 0.5);
    }
  });

  it('makes larger files of better pictures, of any size', async () => {
    const sent = picture(37, 50);
    let [length, quality] = [0, 0];
    for (const q of [0, 20, 40, 63]) {
      const file = await codec.encode(sent, q, 'compact');
      const got = await codec.decode(file);
      expect([got.height, got.width]).toEqual([37, 50]);
      expect(file.length).toBeGreaterThan(length);
      expect(psnr(sent, got)).toBeGreaterThan(quality);
      [length, quality] = [file.length, psnr(sent, got)];
    }
  });

  it('fits a budget, and comes back from what is sent', async () => {
    const sent = picture();
    const budget = createBudgetCodec(codec, 'counted');
    const fitted = (await budget.fit(sent, 400))!;
    expect(fitted.bytes.length).toBeLessThanOrEqual(400);
    const got = await budget.restore(fitted.bytes, 64, 64);
    const coarse = (await budget.fit(sent, 100))!;
    expect(psnr(sent, got)).toBeGreaterThan(psnr(sent, await budget.restore(coarse.bytes, 64, 64)) + 1);
  });

  it('is refused in one line where its files are not there, are no pair, or hold no picture', async () => {
    expect(() => createOnnxCodec('mine', { ...settings, encoder: '/nosuch.onnx' }, runtime)).toThrow(
      'mine: the encoder /nosuch.onnx cannot be read; check onnx.encoder',
    );
    const swapped = createOnnxCodec('mine', { ...settings, decoder: graphs.encoder }, runtime);
    const file = await codec.encode(picture(), 5, 'compact');
    await expect(swapped.decode(file)).rejects.toThrow();
    await expect(codec.decode(Uint8Array.of(255, 1, 1))).rejects.toThrow('mine: a file of 3 bytes cannot be decoded');
    await expect(codec.decode(new Uint8Array(0))).rejects.toThrow('cannot be decoded');
  });
});
