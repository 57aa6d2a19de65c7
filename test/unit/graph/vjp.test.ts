import { afterAll, describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.js';
import { fixShapes } from '../../../src/graph/fix-shapes.js';
import { createGraphBuilder } from '../../../src/graph/graph-builder.js';
import { vjp } from '../../../src/graph/vjp.js';
import type { OnnxModel } from '../../../src/onnx/model.js';
import { readModel } from '../../../src/onnx/read-model.js';
import { tensorOf } from '../../../src/onnx/tensor-data.js';
import { writeModel } from '../../../src/onnx/write-model.js';
import { createOnnxRuntime } from '../../../src/runtime/onnx-runtime.js';
import { tensor } from '../../../src/runtime/tensor.js';
import { differentiate, expectFiniteDifferences, k, nodeModel, operator, x } from './helpers.js';

const runtime = createOnnxRuntime({ threads: 1 });
afterAll(() => runtime.dispose());

/** [B, 6] → Shape, Gather, Concat, Reshape → [B, 2, 3], as exporters write `view`. */
function withShapeChain(): OnnxModel {
  const axis = { axis: { kind: 'int', value: 0 } } as const;
  return {
    name: 'chain',
    irVersion: 8,
    opsets: new Map([['', 17]]),
    inputs: [{ name: 'x', type: 'float32', dims: ['batch', 6] }],
    outputs: [{ name: 'y', type: 'float32', dims: ['batch', 2, 3] }],
    initializers: new Map([
      ['zero', tensorOf([0], [], 'int64')],
      ['axes', tensorOf([0], [1], 'int64')],
      ['rest', tensorOf([2, 3], [2], 'int64')],
    ]),
    nodes: [
      operator('Shape', ['x'], 'shape'),
      operator('Gather', ['shape', 'zero'], 'batch', axis),
      operator('Unsqueeze', ['batch', 'axes'], 'row'),
      operator('Concat', ['row', 'rest'], 'dims', axis),
      operator('Identity', ['x'], 'same'),
      operator('Reshape', ['same', 'dims'], 'view'),
      operator('Mul', ['view', 'view'], 'y'),
    ],
    valueInfo: new Map(),
  };
}

describe('fixing shapes', () => {
  it('replaces what depends on shapes alone, drops what is nothing, and knows every shape', async () => {
    const { model, shapes } = await fixShapes(withShapeChain(), { x: [4, 6] });
    expect(model.nodes.map(({ opType }) => opType)).toEqual(['Reshape', 'Mul']);
    expect(model.inputs).toEqual([{ name: 'x', type: 'float32', dims: [4, 6] }]);
    expect(model.outputs).toEqual([{ name: 'y', type: 'float32', dims: [4, 2, 3] }]);
    expect(shapes.get('view')).toEqual({ type: 'float32', dims: [4, 2, 3] });
    const data = Float32Array.from({ length: 24 }, (_, i) => i);
    const { y } = await runtime.run({ name: 'fixed', bytes: writeModel(model) }, { x: tensor(data, [4, 6]) });
    expect([...y.data]).toEqual([...data].map((v) => v * v));
  });

  it('says which shape is missing or does not fit', async () => {
    await expect(fixShapes(withShapeChain())).rejects.toThrow('input x has the shape [batch, 6]: give numbers');
    await expect(fixShapes(withShapeChain(), { x: [4, 5] })).rejects.toThrow('[4, 5] does not fit it');
    await expect(fixShapes(withShapeChain(), { x: [0, 6] })).rejects.toThrow('[0, 6] does not fit it');
    await expect(fixShapes(withShapeChain(), { z: [4, 6] })).rejects.toThrow('there is no input z');
    const bad = nodeModel({ opType: 'MatMul', inputs: [x([2, 3]), x([2, 3])] });
    await expect(fixShapes(bad)).rejects.toThrow(/onnxruntime cannot run the graph \(.*MatMul/);
  });
});

describe('vjp', () => {
  it('adds what reaches an input on several paths, and leaves the other outputs as they are', async () => {
    const builder = createGraphBuilder('paths');
    const a = builder.input('a', [2, 3]);
    const b = builder.input('b', [3]);
    const s = builder.node('Sigmoid', [a]);
    const silu = builder.node('Mul', [a, s]);
    builder.output('y', builder.node('Add', [builder.node('Mul', [silu, b]), builder.node('Sub', [a, s])]), [2, 3]);
    builder.output('z', builder.node('Exp', [b]), [3]);
    const model = readModel(builder.build());
    const result = await differentiate(model);
    await expectFiniteDifferences(model, result);
    const one = vjp(await fixShapes(model), { of: 'y', withRespectTo: ['a'] });
    expect(one.inputs.map(({ name }) => name)).toEqual(['a', 'b', 'cotangent']);
    expect(one.outputs.map(({ name }) => name)).toEqual(['y', 'z', 'grad_a']);
  });

  it('differentiates x·σ(x) on either side, and where σ(x) is used elsewhere too', async () => {
    for (const swapped of [false, true]) {
      const builder = createGraphBuilder('silu');
      const a = builder.input('a', [5]);
      const s = builder.node('Sigmoid', [a]);
      const y = builder.node('Mul', swapped ? [s, a] : [a, s]);
      builder.output('y', builder.node('Add', [y, builder.node('Mul', [s, s])]), [5]);
      const model = readModel(builder.build());
      await expectFiniteDifferences(model, await differentiate(model));
    }
  });

  it('gives the Hessian–vector product when applied to its own result', async () => {
    const builder = createGraphBuilder('cubic');
    const a = builder.input('a', [3]);
    const cube = builder.node('Mul', [a, builder.node('Mul', [a, a])]);
    builder.output('f', builder.node('ReduceSum', [cube], { keepdims: 0 }), []);
    const gradient = vjp(await fixShapes(readModel(builder.build())), {
      of: 'f',
      withRespectTo: ['a'],
      cotangent: 'one',
    });
    const second = vjp(await fixShapes(gradient), { of: 'grad_a', withRespectTo: ['a'] });
    const feeds = { a: tensor(Float32Array.of(1, -2, 3), [3]), cotangent: tensor(Float32Array.of(1, 10, 100), [3]) };
    const outputs = await runtime.run({ name: 'second', bytes: writeModel(second) }, feeds);
    expect([...outputs.grad_a.data]).toEqual([3, 12, 27]);
    expect([...outputs.grad_grad_a.data]).toEqual([6, -120, 1800]);
  });

  it('works in float64', async () => {
    const base = nodeModel({ opType: 'Tanh', inputs: [x([2])] });
    const model = { ...base, inputs: [{ name: 'x0', type: 'float64' as const, dims: [2] }] };
    const graph = vjp(await fixShapes(model), { of: 'y0', withRespectTo: ['x0'] });
    expect(graph.outputs.at(-1)).toEqual({ name: 'grad_x0', type: 'float64', dims: [2] });
    const feeds = { x0: tensorOf([0, 1], [2], 'float64'), cotangent: tensorOf([1, 1], [2], 'float64') };
    const { grad_x0: gradient } = await runtime.runTyped({ name: 'double', bytes: writeModel(graph) }, feeds);
    const values = new Float64Array(gradient.bytes.slice().buffer);
    expect(values[0]).toBeCloseTo(1, 12);
    expect(values[1]).toBeCloseTo(1 - Math.tanh(1) ** 2, 12);
  });

  it('passes through casts to other floats and back', async () => {
    const builder = createGraphBuilder('cast');
    const a = builder.input('a', [3]);
    const double = builder.node('Cast', [a], { to: 11 });
    const product = builder.node('Mul', [double, builder.node('Sin', [double])]);
    builder.output('y', builder.node('Cast', [product], { to: 1 }), [3]);
    const model = readModel(builder.build());
    await expectFiniteDifferences(model, await differentiate(model));
  });

  it('computes random networks right', async () => {
    const rng = createRng('networks');
    const unary = ['Sigmoid', 'Tanh', 'Softplus', 'Sin', 'Neg', 'Erf', 'Identity'];
    const binary = ['Add', 'Sub', 'Mul'];
    for (let network = 0; network < 12; network++) {
      const builder = createGraphBuilder('random');
      const values = [builder.input('a', [2, 3]), builder.input('b', [3]), builder.input('c', [2, 1])];
      const pick = <T>(from: readonly T[]): T => from[Math.floor(rng.uniform() * from.length)];
      for (let i = 0; i < 8; i++) {
        values.push(
          rng.uniform() < 0.5
            ? builder.node(pick(unary), [pick(values)])
            : builder.node(pick(binary), [pick(values), pick(values)]),
        );
      }
      const sum = builder.node('Sum', values);
      builder.output('y', sum, [2, 3]);
      const model = readModel(builder.build());
      await expectFiniteDifferences(model, await differentiate(model, { a: [-1, 1], b: [-1, 1], c: [-1, 1] }));
    }
  });

  it('says what cannot be done', async () => {
    const fixed = await fixShapes(nodeModel({ opType: 'Mul', inputs: [x([2]), x([2])] }));
    expect(() => vjp(fixed, { of: 'y9', withRespectTo: ['x0'] })).toThrow('there is no output y9; the outputs are y0');
    expect(() => vjp(fixed, { of: 'y0', withRespectTo: ['q'] })).toThrow('there is no input q; the inputs are x0, x1');
    expect(() => vjp(fixed, { of: 'y0', withRespectTo: ['x0'], cotangent: 'one' })).toThrow(
      'output y0 holds 2 numbers',
    );
    const floor = await fixShapes(nodeModel({ opType: 'Floor', inputs: [x([2])] }));
    expect(() => vjp(floor, { of: 'y0', withRespectTo: ['x0'] })).toThrow(
      'y0 does not depend on x0 in a differentiable way',
    );
    const unknown = await fixShapes(nodeModel({ opType: 'Hardmax', inputs: [x([2, 3])] }));
    expect(() => vjp(unknown, { of: 'y0', withRespectTo: ['x0'] })).toThrow(
      'Hardmax "under test": blindlink has no gradient for the operator Hardmax',
    );
    const repeated = await fixShapes(nodeModel({ opType: 'Gather', inputs: [x([3]), k([0, 0])], opset: 15 }));
    expect(() => vjp(repeated, { of: 'y0', withRespectTo: ['x0'] })).toThrow(
      'Gather "under test": its gradient needs operator set 16, the model has 15',
    );
    const old = { ...fixed, model: { ...fixed.model, opsets: new Map([['', 9]]) } };
    expect(() => vjp(old, { of: 'y0', withRespectTo: ['x0'] })).toThrow('operator set 9 is too old');
  });

  it('keeps whole numbers out of gradients', async () => {
    const gather = nodeModel({ opType: 'Gather', inputs: [x([4, 2]), x([3])] });
    const typed = { ...gather, inputs: [gather.inputs[0], { name: 'x1', type: 'int64' as const, dims: [3] }] };
    const fixed = await fixShapes(typed);
    expect(() => vjp(fixed, { of: 'y0', withRespectTo: ['x1'] })).toThrow('input x1 holds whole numbers');
    const graph = vjp(fixed, { of: 'y0', withRespectTo: ['x0'] });
    const { grad_x0: gradient } = await runtime.runTyped(
      { name: 'embedding', bytes: writeModel(graph) },
      {
        x0: tensorOf(new Float32Array(8), [4, 2], 'float32'),
        x1: tensorOf([1, 3, 1], [3], 'int64'),
        cotangent: tensorOf([1, 2, 3, 4, 5, 6], [3, 2], 'float32'),
      },
    );
    expect([...new Float32Array(gradient.bytes.slice().buffer)]).toEqual([0, 0, 6, 8, 0, 0, 3, 4]);
  });
});
