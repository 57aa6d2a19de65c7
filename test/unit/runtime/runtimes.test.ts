import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseStatistics } from '../../../src/codec/statistics.js';
import { createRng } from '../../../src/core/rng.js';
import { fixShapes } from '../../../src/graph/fix-shapes.js';
import { vjp } from '../../../src/graph/vjp.js';
import { readModel } from '../../../src/onnx/read-model.js';
import { float32sOf, numbersOf, tensorOf } from '../../../src/onnx/tensor-data.js';
import { writeModel } from '../../../src/onnx/write-model.js';
import { createCodewordGraph } from '../../../src/receiver/blind/codeword-graph.js';
import { createOnnxRuntime } from '../../../src/runtime/onnx-runtime.js';
import type { Graph, Runtime } from '../../../src/runtime/runtime.js';
import { createTfjsRuntime } from '../../../src/runtime/tfjs-runtime.js';
import { type Tensor, tensor } from '../../../src/runtime/tensor.js';
import { type NodeCase, nodeModel, x } from '../graph/helpers.js';
import { vjpCases } from '../graph/vjp-cases.js';

const rng = createRng('runtimes');
const uniform = (dims: readonly number[], low = 0, high = 1): Tensor =>
  tensor(
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => low + (high - low) * rng.uniform()),
    dims,
  );
const model = (file: string): Graph => ({ name: file, bytes: readFileSync(join('models', file)) });

async function gradientOf(file: string, of: string, shapes: Record<string, number[]>): Promise<Graph> {
  const shaped = await fixShapes(readModel(readFileSync(join('models', file))), shapes);
  return { name: `${file} gradient`, bytes: writeModel(vjp(shaped, { of, withRespectTo: Object.keys(shapes) })) };
}

const picture = uniform([2, 3, 32, 32]);
const latents = uniform([2, 8, 8, 8], -1.2, 1.2);
const snr = tensor(Float32Array.of(10, 3), [2]);

/** Graphs as the receivers run them, and the gradient graphs of the codecs. */
const graphs: [string, () => Promise<{ graph: Graph; feeds: Record<string, Tensor> }>][] = [
  ...['faces-12', 'natural-12-blind'].flatMap((codec): typeof graphs => [
    [
      `${codec} encoder`,
      async () => Promise.resolve({ graph: model(`${codec}/encoder.onnx`), feeds: { picture, snr_db: snr } }),
    ],
    [
      `${codec} decoder`,
      async () => Promise.resolve({ graph: model(`${codec}/decoder.onnx`), feeds: { latents, snr_db: snr } }),
    ],
    [
      `${codec} polarity`,
      async () =>
        Promise.resolve({ graph: model(`${codec}/polarity.onnx`), feeds: { latents: uniform([2, 8, 16, 16], -1, 1) } }),
    ],
  ]),
  [
    'gradient of the encoder',
    async () => ({
      graph: await gradientOf('faces-12/encoder.onnx', 'latents', { picture: [2, 3, 32, 32], snr_db: [2] }),
      feeds: { picture, snr_db: snr, cotangent: uniform([2, 8, 8, 8], -1, 1) },
    }),
  ],
  [
    'gradient of the decoder',
    async () => ({
      graph: await gradientOf('natural-12-blind/decoder.onnx', 'picture', { latents: [2, 8, 8, 8], snr_db: [2] }),
      feeds: { latents, snr_db: snr, cotangent: uniform([2, 3, 32, 32], -1, 1) },
    }),
  ],
  [
    'E-step over codewords',
    async () => {
      const statistics = parseStatistics(model('faces-12/statistics.npz').bytes, 'statistics.npz', 2048);
      const n = statistics.dimension;
      const precision = uniform([2, n], 0, 30);
      return Promise.resolve({
        graph: createCodewordGraph(statistics, 48, 4),
        feeds: { precision, information: uniform([2, n], -10, 10), coefficients: uniform([2, 48], -1, 1) },
      });
    },
  ],
];

let onnx: Runtime;
const tfjs: Partial<Record<'cpu' | 'wasm', Runtime>> = {};
beforeAll(async () => {
  onnx = createOnnxRuntime({ threads: 1 });
  tfjs.cpu = await createTfjsRuntime({ backend: 'cpu' });
  tfjs.wasm = await createTfjsRuntime({ backend: 'wasm' });
});
afterAll(async () => {
  for (const runtime of [onnx, tfjs.cpu, tfjs.wasm]) await runtime?.dispose();
});

describe.each(['wasm', 'cpu'] as const)('TensorFlow.js (%s)', (backend) => {
  it.each(graphs)('agrees with onnxruntime: %s', async (_, make) => {
    const { graph, feeds } = await make();
    const expected = await onnx.run(graph, feeds);
    const actual = await tfjs[backend]?.run(graph, feeds);
    expect(Object.keys(actual ?? {})).toEqual(Object.keys(expected));
    for (const [name, { data, dims }] of Object.entries(expected)) {
      expect(actual?.[name].dims).toEqual(dims);
      const scale = Math.max(...data.map(Math.abs));
      const worst = data.reduce((max, v, i) => Math.max(max, Math.abs(v - (actual?.[name].data[i] ?? NaN))), 0);
      expect(worst / scale, name).toBeLessThan(5e-5);
    }
  });

  it('gives what it took: no tensors are left behind by a run', async () => {
    const { memory } = await import('@tensorflow/tfjs-core');
    const runtime = await createTfjsRuntime({ backend });
    const before = memory().numTensors;
    const { graph, feeds } = await graphs[0][1]();
    await runtime.run(graph, feeds);
    const once = memory().numTensors;
    for (let i = 0; i < 3; i++) await runtime.run(graph, feeds);
    expect(memory().numTensors).toBe(once);
    await runtime.dispose();
    expect(memory().numTensors).toBe(before);
  });
});

describe('both runtimes', () => {
  it.each(vjpCases.filter(([, { withoutTfjs }]) => withoutTfjs === undefined))(
    'agree on the VJP graph of %s',
    async (name, nodeCase) => {
      const shaped = await fixShapes(nodeModel(nodeCase));
      const inputs = shaped.model.inputs.map((input) => input.name);
      const outputs = shaped.model.outputs.map((output) => output.name);
      const gradient = vjp(shaped, { of: outputs, withRespectTo: inputs });
      const graph = { name: `case ${name}`, bytes: writeModel(gradient) };
      const feeds = Object.fromEntries(
        gradient.inputs.map((input) => {
          const argument = nodeCase.inputs[Number(input.name.slice(1))] as NodeCase['inputs'][number] | undefined;
          const [low, high] = argument?.kind === 'input' ? argument.range : [-1, 1];
          return [input.name, uniform(input.dims as number[], low, high)];
        }),
      );
      const expected = await onnx.run(graph, feeds);
      for (const backend of ['cpu', 'wasm'] as const) {
        const actual = await tfjs[backend]?.run(graph, feeds);
        for (const [output, { data, dims }] of Object.entries(expected)) {
          expect(actual?.[output].dims).toEqual(dims);
          const scale = Math.max(1, ...data.map(Math.abs));
          data.forEach((v, i) => {
            const difference = Math.abs(v - (actual?.[output].data[i] ?? NaN)) / scale;
            expect(difference, `${output}[${i}], ${backend}`).toBeLessThan(2e-5);
          });
        }
      }
    },
  );

  it('take and give whole numbers and truth values', async () => {
    const base = nodeModel({ opType: 'Gather', inputs: [x([4, 2]), x([3])] });
    const graph: Graph = {
      name: 'typed',
      bytes: writeModel({
        ...base,
        inputs: [base.inputs[0], { name: 'x1', type: 'int64', dims: ['n'] }],
        nodes: [
          ...base.nodes,
          { name: 'above', opType: 'Greater', domain: '', inputs: ['y0', 'zero'], outputs: ['above'], attributes: {} },
          { name: 'twice', opType: 'Add', domain: '', inputs: ['x1', 'x1'], outputs: ['twice'], attributes: {} },
        ],
        initializers: new Map([['zero', tensorOf([0], [], 'float32')]]),
        outputs: [
          { name: 'y0', type: 'float32', dims: null },
          { name: 'above', type: 'bool', dims: null },
          { name: 'twice', type: 'int64', dims: null },
        ],
      }),
    };
    const feeds = {
      x0: tensorOf([1, -1, 2, -2, 3, -3, 4, -4], [4, 2], 'float32'),
      x1: tensorOf([3, -4, 1], [3], 'int64'),
    };
    for (const runtime of [onnx, tfjs.cpu, tfjs.wasm]) {
      const { inputs } = (await runtime?.describe(graph)) ?? { inputs: [] };
      expect(inputs.map(({ type }) => type)).toEqual(['float32', 'int64']);
      const results = await runtime?.runTyped(graph, feeds);
      expect([...float32sOf(results?.y0 ?? feeds.x1)]).toEqual([4, -4, 1, -1, 2, -2]);
      expect(results?.above.type).toBe('bool');
      expect(numbersOf(results?.above ?? feeds.x1)).toEqual([1, 0, 1, 0, 1, 0]);
      expect(results?.twice.type).toBe('int64');
      expect(numbersOf(results?.twice ?? feeds.x1)).toEqual([6, -8, 2]);
    }
  });

  it('say what does not fit', async () => {
    const graph = model('faces-12/encoder.onnx');
    for (const runtime of [onnx, tfjs.cpu]) {
      await expect(runtime?.run(graph, { picture })).rejects.toThrow(
        'input snr_db needs the shape [batch], but was not given',
      );
      await expect(runtime?.run(graph, { picture: snr, snr_db: snr })).rejects.toThrow(
        /input picture needs the shape .* got \[2\]/,
      );
      const damaged = { name: 'damaged.onnx', bytes: Uint8Array.of(1, 2, 3) };
      await expect(runtime?.run(damaged, {})).rejects.toThrow(/damaged\.onnx: not an? /);
    }
    const unknown = { name: 'odd.onnx', bytes: writeModel(nodeModel({ opType: 'Hardmax', inputs: [x([2, 3])] })) };
    await expect(tfjs.cpu?.describe(unknown)).rejects.toThrow(
      'Hardmax "under test": TensorFlow.js has no operator Hardmax',
    );
  });

  it('name the missing package where a backend is not installed', async () => {
    await expect(createTfjsRuntime({ backend: 'tfjs-node-gpu' })).rejects.toThrow(
      /backend tfjs-node-gpu: @tensorflow\/tfjs-node-gpu is not installed; npm install/,
    );
    const first = await createTfjsRuntime();
    expect(first.description).toBe('TensorFlow.js (wasm)');
  });
});
