import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.js';
import { composeModels } from '../../../src/graph/compose.js';
import { fixShapes } from '../../../src/graph/fix-shapes.js';
import { createGraphBuilder } from '../../../src/graph/graph-builder.js';
import { vjp } from '../../../src/graph/vjp.js';
import type { OnnxModel } from '../../../src/onnx/model.js';
import { readModel } from '../../../src/onnx/read-model.js';
import { writeModel } from '../../../src/onnx/write-model.js';
import { createOnnxRuntime } from '../../../src/runtime/onnx-runtime.js';
import { tensor, type Tensor } from '../../../src/runtime/tensor.js';
import { nodeModel, x } from './helpers.js';

const runtime = createOnnxRuntime({ threads: 1 });
afterAll(() => runtime.dispose());

const load = (path: string): OnnxModel => readModel(readFileSync(path), path);
const encoder = load('models/faces-12/encoder.onnx');
const decoder = load('models/faces-12/decoder.onnx');

/** ‖a − b‖², one number a graph. */
function squaredDistance(): OnnxModel {
  const builder = createGraphBuilder('distance');
  const dims = ['batch', 3, 'rows', 'columns'];
  const difference = builder.node('Sub', [builder.input('a', dims), builder.input('b', dims)]);
  builder.output('distance', builder.node('ReduceSumSquare', [difference], { keepdims: 0 }), []);
  return readModel(builder.build());
}

const roundTrip = composeModels(
  'round trip',
  [
    { name: 'encoder', model: encoder },
    { name: 'decoder', model: decoder, inputs: { latents: 'encoder/latents' } },
    { name: 'loss', model: squaredDistance(), inputs: { a: 'decoder/picture', b: 'picture' } },
  ],
  { received: 'decoder/picture', loss: 'loss/distance' },
);

const rng = createRng('compose');
const picture = tensor(
  Float32Array.from({ length: 2 * 3 * 32 * 32 }, () => rng.uniform()),
  [2, 3, 32, 32],
);
const snr = tensor(Float32Array.of(10, 3), [2]);

it('whole numbers are floats where an operator wants floats', async () => {
  const builder = createGraphBuilder('leaky');
  const input = builder.input('x', [3]);
  builder.output('y', builder.node('LeakyRelu', [input], { alpha: 1 }), [3]);
  const { y } = await runtime.run(
    { name: 'leaky', bytes: builder.build() },
    { x: tensor(Float32Array.of(-2, 0, 3), [3]) },
  );
  expect([...y.data]).toEqual([-2, 0, 3]);
});

describe('composed graphs', () => {
  it('share inputs of one name and give what the parts give one after another', async () => {
    expect(roundTrip.inputs.map(({ name }) => name)).toEqual(['picture', 'snr_db']);
    const whole = await runtime.run({ name: 'whole', bytes: writeModel(roundTrip) }, { picture, snr_db: snr });
    const bytes = (name: string) => ({ name, bytes: readFileSync(`models/faces-12/${name}.onnx`) });
    const { latents } = await runtime.run(bytes('encoder'), { picture, snr_db: snr });
    const expected = (await runtime.run(bytes('decoder'), { latents, snr_db: snr })).picture;
    expected.data.forEach((v, i) => expect(whole.received.data[i]).toBeCloseTo(v, 5));
    const loss = expected.data.reduce((sum, v, i) => sum + (v - picture.data[i]) ** 2, 0);
    expect(whole.loss.data[0] / loss).toBeCloseTo(1, 4);
  });

  it('give gradients of a scalar loss through two networks', async () => {
    const shaped = await fixShapes(roundTrip, { picture: [2, 3, 32, 32], snr_db: [2] });
    const graph = vjp(shaped, { of: 'loss', withRespectTo: ['picture', 'snr_db'], cotangent: 'one' });
    expect(graph.inputs.map(({ name }) => name)).toEqual(['picture', 'snr_db']);
    const gradient = { name: 'gradient', bytes: writeModel(graph) };
    const { grad_picture: forPicture, grad_snr_db: forSnr } = await runtime.run(gradient, { picture, snr_db: snr });
    const loss = async (shift: number, along: Tensor, name: 'picture' | 'snr_db'): Promise<number> => {
      const feeds = { picture, snr_db: snr };
      const moved = tensor(
        feeds[name].data.map((v, i) => v + shift * along.data[i]),
        along.dims,
      );
      const { received } = await runtime.run(
        { name: 'loss', bytes: writeModel(roundTrip) },
        { ...feeds, [name]: moved },
      );
      const target = name === 'picture' ? moved : picture;
      return received.data.reduce((sum, v, i) => sum + (v - target.data[i]) ** 2, 0);
    };
    for (const [name, gradientTensor] of [
      ['picture', forPicture],
      ['snr_db', forSnr],
    ] as const) {
      const along = tensor(
        Float32Array.from(gradientTensor.data, () => rng.gaussian()),
        gradientTensor.dims,
      );
      const step = 1e-3;
      const numeric = ((await loss(step, along, name)) - (await loss(-step, along, name))) / (2 * step);
      const analytic = gradientTensor.data.reduce((sum, v, i) => sum + v * along.data[i], 0);
      expect(Math.abs(numeric - analytic) / Math.abs(analytic), name).toBeLessThan(0.02);
    }
  });

  it('say which connection does not fit', () => {
    const sum = nodeModel({ opType: 'Add', inputs: [x([2, 3]), x([2, 3])] });
    const of = (inputs: Record<string, string>, name = 'b') =>
      composeModels(
        'bad',
        [
          { name: 'a', model: sum },
          { name, model: sum, inputs },
        ],
        { y: 'a/y0' },
      );
    expect(() => of({ x0: 'c/y0' })).toThrow('b.x0: there is no c/y0 before it');
    expect(() => of({ x7: 'a/y0' })).toThrow('b has no input x7');
    expect(() => composeModels('bad', [{ name: 'a', model: sum }], { y: 'a/y9' })).toThrow(
      'output y: there is no a/y9',
    );
    const other = nodeModel({ opType: 'Neg', inputs: [x([3])] });
    expect(() =>
      composeModels(
        'bad',
        [
          { name: 'a', model: sum },
          { name: 'b', model: other, inputs: { x0: 'x0' } },
        ],
        { y: 'b/y0' },
      ),
    ).toThrow('b.x0: takes float32 [3], but x0 is float32 [2, 3]');
  });

  it('of different operator sets are raised to the newest', async () => {
    const old = nodeModel({ opType: 'ReduceSum', inputs: [x([2, 3])], attributes: { axes: [1] }, opset: 11 });
    const mean = nodeModel({ opType: 'ReduceMean', inputs: [x([2, 3])], attributes: { axes: [0] }, opset: 17 });
    const young = nodeModel({ opType: 'Gelu', inputs: [x([2, 3])], opset: 20 });
    const joined = composeModels(
      'sets',
      [
        { name: 'old', model: old },
        { name: 'mean', model: mean },
        { name: 'young', model: young },
      ],
      { sum: 'old/y0', mean: 'mean/y0', gelu: 'young/y0' },
    );
    expect(joined.opsets.get('')).toBe(20);
    const x0 = tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
    const { sum, mean: average } = await runtime.run(
      { name: 'sets', bytes: writeModel({ ...joined, irVersion: 9 }) },
      { x0 },
    );
    expect([...sum.data]).toEqual([6, 15]);
    expect([...average.data]).toEqual([2.5, 3.5, 4.5]);
  });
});
