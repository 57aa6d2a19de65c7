import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.js';
import { highOf, lowOf, observing, quantisableValues, quantiseConvolutions } from '../../../src/graph/quantise.js';
import type { OnnxModel } from '../../../src/onnx/model.js';
import { float32sOf, tensorOf } from '../../../src/onnx/tensor-data.js';
import { writeModel } from '../../../src/onnx/write-model.js';
import { runOnce } from '../../../src/runtime/run-once.js';
import { operator } from './helpers.js';

const SIZE = [1, 3, 12, 12];
const WIDTH = 16;
const pads = { pads: { kind: 'ints', value: [1, 1, 1, 1] } } as const;

/** x → Conv → ReLU → Conv (weights as codes and scales, bias as float16) → + x's first features → ReLU → Conv → y. */
function network(opset = 17): OnnxModel {
  const rng = createRng(3);
  const gaussians = (n: number, scale: number): Float32Array =>
    Float32Array.from({ length: n }, () => scale * rng.gaussian());
  const codes = gaussians(WIDTH * WIDTH * 9, 40).map((v) => Math.round(Math.max(-127, Math.min(127, v))));
  const to = { to: { kind: 'int', value: 1 } } as const;
  return {
    name: 'three convolutions',
    irVersion: 8,
    opsets: new Map([['', opset]]),
    inputs: [{ name: 'x', type: 'float32', dims: [1, 3, 'h', 'w'] }],
    outputs: [{ name: 'y', type: 'float32', dims: [1, 2, 'h', 'w'] }],
    initializers: new Map([
      ['w1', tensorOf(gaussians(WIDTH * 27, 0.3), [WIDTH, 3, 3, 3], 'float32')],
      ['b1', tensorOf(gaussians(WIDTH, 0.2), [WIDTH], 'float32')],
      ['w2_byte', tensorOf(codes, [WIDTH, WIDTH, 3, 3], 'int8')],
      [
        'w2_scale',
        tensorOf(
          gaussians(WIDTH, 1).map((v) => 0.002 + 0.001 * Math.abs(v)),
          [WIDTH, 1, 1, 1],
          'float32',
        ),
      ],
      ['b2_half', tensorOf(gaussians(WIDTH, 0.2), [WIDTH], 'float16')],
      ['w3', tensorOf(gaussians(2 * WIDTH * 9, 0.1), [2, WIDTH, 3, 3], 'float32')],
    ]),
    nodes: [
      operator('Conv', ['x', 'w1', 'b1'], 'a', pads),
      operator('Relu', ['a'], 'ar'),
      operator('Cast', ['w2_byte'], 'w2_wide', to),
      operator('Mul', ['w2_wide', 'w2_scale'], 'w2'),
      operator('Cast', ['b2_half'], 'b2', to),
      operator('Conv', ['ar', 'w2', 'b2'], 'b', pads),
      operator('Add', ['b', 'ar'], 'c'),
      operator('Relu', ['c'], 'cr'),
      operator('Conv', ['cr', 'w3'], 'y', pads),
    ],
    valueInfo: new Map(),
  };
}

const picture = (seed: number): ReturnType<typeof tensorOf> => {
  const rng = createRng(seed);
  return tensorOf(
    Float32Array.from({ length: 3 * 144 }, () => rng.gaussian()),
    SIZE,
    'float32',
  );
};

async function run(model: OnnxModel, seed: number): Promise<Record<string, Float32Array>> {
  const names = model.outputs.map(({ name }) => name);
  const values = await runOnce(writeModel(model), { x: picture(seed) });
  return Object.fromEntries(names.map((name) => [name, float32sOf(values.get(name)!)]));
}

async function rangesOf(model: OnnxModel): Promise<Record<string, [number, number]>> {
  const values = quantisableValues(model);
  const ranges: Record<string, [number, number]> = {};
  for (const seed of [1, 2, 3]) {
    const seen = await run(observing(model, values), seed);
    for (const value of values) {
      const [low, high] = ranges[value] ?? [Infinity, -Infinity];
      ranges[value] = [Math.min(low, seen[lowOf(value)][0]), Math.max(high, seen[highOf(value)][0])];
    }
  }
  return ranges;
}

const errorDb = (a: Float32Array, b: Float32Array): number => {
  const power = a.reduce((sum, v) => sum + v * v, 0);
  return 10 * Math.log10(a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0) / power);
};

describe('convolutions on 8-bit integers', () => {
  it('need the ranges of what goes in and comes out of each but the last, behind a ReLU that alone reads it', () => {
    // `a` is read by its ReLU alone, `b` by an addition.
    expect(quantisableValues(network())).toEqual(['x', 'ar', 'b']);
  });

  it('have ranges that are the least and greatest elements seen', async () => {
    const model = network();
    const ranges = await rangesOf(model);
    const inputs = [1, 2, 3].flatMap((seed) => [...float32sOf(picture(seed))]);
    expect(ranges['x'][0]).toBeCloseTo(Math.min(...inputs), 6);
    expect(ranges['x'][1]).toBeCloseTo(Math.max(...inputs), 6);
    expect(ranges['ar'][0]).toBe(0);
  });

  it('give what float32 gives but for the steps of eight bits, on other inputs than those observed', async () => {
    const model = network();
    const quantised = quantiseConvolutions(model, await rangesOf(model));
    const count = (opType: string): number => quantised.nodes.filter((node) => node.opType === opType).length;
    // x, ar and b; of two convolutions weights and bias too.
    expect([count('QuantizeLinear'), count('DequantizeLinear'), count('Conv')]).toEqual([3, 7, 3]);
    const [plain, integers] = [(await run(model, 9))['y'], (await run(quantised, 9))['y']];
    expect(errorDb(plain, integers)).toBeLessThan(-33);
    expect(errorDb(plain, integers)).toBeGreaterThan(-70);
  });

  it('keep codes and scales that a graph has already to the bit', () => {
    const model = network();
    const quantised = quantiseConvolutions(model, { x: [-3, 3], ar: [0, 4], b: [-5, 5] });
    expect(quantised.initializers.get('b|weights')!.bytes).toEqual(model.initializers.get('w2_byte')!.bytes);
    const scales = (name: string, of: OnnxModel): Float32Array => float32sOf(of.initializers.get(name)!);
    expect(scales('b|weight scales', quantised)).toEqual(scales('w2_scale', model));
  });

  it('are those alone whose ranges are known', async () => {
    const model = network();
    const { ar: _, ...some } = await rangesOf(model);
    expect(quantiseConvolutions(model, some).nodes).toEqual(model.nodes);
    expect(quantiseConvolutions(model, {}).nodes).toEqual(model.nodes);
  });

  it('want an operator set that has a scale for each channel', () => {
    expect(() => quantisableValues(network(12))).toThrow(/three convolutions: is of an operator set before 13/);
  });

  it('stand a value that is always 0', async () => {
    const model = network();
    const ranges = { ...(await rangesOf(model)), b: [0, 0] as [number, number] };
    const { y } = await run(quantiseConvolutions(model, ranges), 1);
    expect(y.every(Number.isFinite)).toBe(true);
  });
});
