import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../../src/core/errors.js';
import type { OnnxModel } from '../../../src/onnx/model.js';
import { ModelProto } from '../../../src/onnx/onnx-proto.js';
import { readModel } from '../../../src/onnx/read-model.js';
import { type ElementType, float32sOf, fromHalf, numbersOf, tensorOf, toHalf } from '../../../src/onnx/tensor-data.js';
import { writeModel } from '../../../src/onnx/write-model.js';

const encode = (graph: object, more: object = {}): Uint8Array =>
  ModelProto.encode(ModelProto.fromObject({ irVersion: 8, opsetImport: [{ version: 17 }], graph, ...more })).finish();
const identity = { opType: 'Identity', input: ['x'], output: ['y'] };
const output = [{ name: 'y', type: { tensorType: { elemType: 1 } } }];

describe('an ONNX model', () => {
  it('is what it was after writing and reading, attributes of every kind included', () => {
    const model: OnnxModel = {
      name: 'all',
      irVersion: 8,
      opsets: new Map([
        ['', 17],
        ['com.microsoft', 1],
      ]),
      inputs: [{ name: 'x', type: 'float16', dims: ['batch', 3, ''] }],
      outputs: [{ name: 'y', type: 'int64', dims: null }],
      initializers: new Map([
        ['w', tensorOf([1, -2.5], [2, 1], 'float32')],
        ['half', tensorOf([0.1], [], 'float16')],
        ['flags', tensorOf([1, 0], [2], 'bool')],
      ]),
      nodes: [
        {
          name: 'n',
          opType: 'Odd',
          domain: 'com.microsoft',
          inputs: ['x', '', 'w'],
          outputs: ['y'],
          attributes: {
            i: { kind: 'int', value: -7 },
            f: { kind: 'float', value: 0.5 },
            is: { kind: 'ints', value: [1, 2 ** 40] },
            fs: { kind: 'floats', value: [0.25, -1] },
            s: { kind: 'string', value: 'ä' },
            ss: { kind: 'strings', value: ['a', ''] },
            t: { kind: 'tensor', value: tensorOf([3], [1], 'int64') },
            g: { kind: 'graph', value: Uint8Array.of(18, 0) },
          },
        },
      ],
      valueInfo: new Map([['v', { name: 'v', type: 'bool', dims: [] }]]),
    };
    expect(readModel(writeModel(model))).toEqual(model);
  });

  it('of the shipped files keeps its bytes of meaning', () => {
    for (const file of ['models/faces-12/encoder.onnx', 'models/natural-12-blind/polarity.onnx']) {
      const model = readModel(readFileSync(file), file);
      expect(readModel(writeModel(model))).toEqual(model);
    }
  });

  it.each<[ElementType, object, number[]]>([
    ['float32', { dataType: 1, floatData: [1.5, -2] }, [1.5, -2]],
    ['float64', { dataType: 11, doubleData: [1.1, -2] }, [1.1, -2]],
    ['int64', { dataType: 7, int64Data: [5, -6] }, [5, -6]],
    ['int32', { dataType: 6, int32Data: [5, -6] }, [5, -6]],
    ['uint8', { dataType: 2, int32Data: [5, 250] }, [5, 250]],
    ['bool', { dataType: 9, int32Data: [1, 0] }, [1, 0]],
    ['uint64', { dataType: 13, uint64Data: [5, 6] }, [5, 6]],
    ['float16', { dataType: 10, int32Data: [0x3c00, 0xc000] }, [1, -2]],
    ['bfloat16', { dataType: 16, int32Data: [0x3f80, 0xc000] }, [1, -2]],
  ])('is read with %s constants outside raw_data', (type, tensor, expected) => {
    const initializer = [{ name: 'w', dims: [2], ...tensor }];
    const model = readModel(encode({ node: [identity], output, initializer }));
    const constant = model.initializers.get('w');
    expect(constant?.type).toBe(type);
    expect(numbersOf(constant ?? tensorOf([], [0], 'float32'))).toEqual(expected);
  });

  it('has Constant nodes and old-style listed initializers as initializers', () => {
    const constants = [
      { name: 'value', type: 4, t: { dims: [1], dataType: 1, floatData: [2] } },
      { name: 'value_float', type: 1, f: 0.5 },
      { name: 'value_ints', type: 7, ints: [1, 2] },
    ].map((attribute, i) => ({ opType: 'Constant', output: [`c${i}`], attribute: [attribute] }));
    const input = [{ name: 'w', type: { tensorType: { elemType: 1 } } }];
    const initializer = [{ name: 'w', dims: [], dataType: 1, floatData: [4] }];
    const model = readModel(encode({ node: [...constants, identity], output, input, initializer }));
    expect(model.nodes).toHaveLength(1);
    expect(model.inputs).toEqual([]);
    expect(
      ['c0', 'c1', 'c2', 'w'].map((name) => numbersOf(model.initializers.get(name) ?? tensorOf([], [0], 'bool'))),
    ).toEqual([[2], [0.5], [1, 2], [4]]);
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['random bytes', Uint8Array.of(200, 1, 2), /m\.onnx: not an ONNX model/],
    ['nothing', new Uint8Array(0), /holds no graph/],
    ['no graph', ModelProto.encode({ irVersion: 8 }).finish(), /holds no graph/],
    [
      'weights in other files',
      encode({ node: [identity], output, initializer: [{ name: 'w', dims: [1], dataType: 1, dataLocation: 1 }] }),
      /w: lies in another file/,
    ],
    [
      'too little data',
      encode({ node: [identity], output, initializer: [{ name: 'w', dims: [3], dataType: 1, floatData: [1] }] }),
      /w: holds 4 bytes where \[3\] float32 needs 12/,
    ],
    [
      'strings',
      encode({ node: [identity], output, initializer: [{ name: 'w', dims: [1], dataType: 8 }] }),
      /w: has ONNX element type 8/,
    ],
    ['a sequence', encode({ node: [identity], output, input: [{ name: 's', type: {} }] }), /s is not a tensor/],
    ['functions', encode({ node: [identity], output }, { functions: [Uint8Array.of(1)] }), /model functions/],
  ])('is refused: %s', (_, bytes, message) => {
    expect(() => readModel(bytes, 'm.onnx')).toThrow(FormatError);
    expect(() => readModel(bytes, 'm.onnx')).toThrow(message);
  });
});

describe('half floats', () => {
  it('survive the way to numbers and back, all 65536', () => {
    const wrong = Array.from({ length: 65536 }, (_, half) => half).filter((half) => {
      const value = fromHalf(half);
      return Number.isNaN(value) ? !Number.isNaN(fromHalf(toHalf(value))) : toHalf(value) !== half;
    });
    expect(wrong).toEqual([]);
  });

  it('are rounded to the nearest', () => {
    fc.assert(
      fc.property(fc.double({ min: -65000, max: 65000, noNaN: true }), (value) => {
        const half = toHalf(value);
        const error = Math.abs(fromHalf(half) - value);
        for (const other of [half - 1, half + 1]) {
          if ((other & 0x7fff) < 0x7c00 && other >= 0)
            expect(error).toBeLessThanOrEqual(Math.abs(fromHalf(other) - value));
        }
      }),
    );
    expect(fromHalf(toHalf(1 + 2 ** -11))).toBe(1);
    expect(fromHalf(toHalf(1 + 3 * 2 ** -11))).toBe(1 + 2 ** -9);
    expect(toHalf(70000)).toBe(0x7c00);
  });
});

describe('tensor data', () => {
  it('is read from bytes at any offset in memory', () => {
    const shifted = new Uint8Array(9);
    shifted.set(tensorOf([1.5, -2], [2], 'float32').bytes, 1);
    const tensor = { type: 'float32' as const, dims: [2], bytes: shifted.subarray(1) };
    expect([...float32sOf(tensor)]).toEqual([1.5, -2]);
    expect(numbersOf(tensor)).toEqual([1.5, -2]);
  });
});
