import { expect } from 'vitest';
import { createRng } from '../../../src/core/rng.js';
import { fixShapes } from '../../../src/graph/fix-shapes.js';
import { vjp } from '../../../src/graph/vjp.js';
import type { AttributeValue, OnnxModel, OnnxNode, ValueInfo } from '../../../src/onnx/model.js';
import { type ElementType, float32sOf, type OnnxTensor, tensorOf } from '../../../src/onnx/tensor-data.js';
import { writeModel } from '../../../src/onnx/write-model.js';
import { runOnce } from '../../../src/runtime/run-once.js';

/** An argument of the node under test. */
export type Argument =
  | { readonly kind: 'input'; readonly dims: readonly number[]; readonly range: readonly [number, number] }
  | { readonly kind: 'constant'; readonly tensor: OnnxTensor }
  | { readonly kind: 'none' };

/** A differentiated input with values drawn from `range`. */
export const x = (dims: readonly number[], range: readonly [number, number] = [-1.5, 1.5]): Argument => ({
  kind: 'input',
  dims,
  range,
});
export const k = (values: readonly number[], dims = [values.length], type: ElementType = 'int64'): Argument => ({
  kind: 'constant',
  tensor: tensorOf(values, dims, type),
});
/** A float32 constant of random values. */
export const c = (dims: readonly number[], range: readonly [number, number] = [-1, 1], seed = 1): Argument => {
  const rng = createRng(seed);
  const size = dims.reduce((a, b) => a * b, 1);
  const values = Array.from({ length: size }, () => range[0] + (range[1] - range[0]) * rng.uniform());
  return { kind: 'constant', tensor: tensorOf(values, dims, 'float32') };
};
export const none: Argument = { kind: 'none' };

export type Attributes = Readonly<Record<string, number | string | readonly number[] | { readonly float: number }>>;

export interface NodeCase {
  readonly opType: string;
  readonly inputs: readonly Argument[];
  readonly attributes?: Attributes;
  readonly numOutputs?: number;
  readonly opset?: number;
  /** Step of the finite difference. */
  readonly step?: number;
  /** Why TensorFlow.js is not asked, where it is not. */
  readonly withoutTfjs?: string;
}

export function attributeOf(value: Attributes[string]): AttributeValue {
  if (typeof value === 'string') return { kind: 'string', value };
  if (typeof value === 'number') return { kind: Number.isInteger(value) ? 'int' : 'float', value };
  return 'float' in value ? { kind: 'float', value: value.float } : { kind: 'ints', value };
}

/** A node of the standard operator set, named as its only output. */
export const operator = (
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: OnnxNode['attributes'] = {},
): OnnxNode => ({ name: output, opType, domain: '', inputs, outputs: [output], attributes });

/** A model of one node; inputs are x0, x1, …, outputs y0, y1, …. */
export function nodeModel({ opType, inputs, attributes = {}, numOutputs = 1, opset = 17 }: NodeCase): OnnxModel {
  const initializers = new Map<string, OnnxTensor>();
  const graphInputs: ValueInfo[] = [];
  const names = inputs.map((argument, i) => {
    if (argument.kind === 'none') return '';
    if (argument.kind === 'constant') initializers.set(`k${i}`, argument.tensor);
    else graphInputs.push({ name: `x${i}`, type: 'float32', dims: argument.dims });
    return argument.kind === 'constant' ? `k${i}` : `x${i}`;
  });
  const outputs = Array.from({ length: numOutputs }, (_, i) => `y${i}`);
  const node: OnnxNode = {
    name: 'under test',
    opType,
    domain: '',
    inputs: names,
    outputs,
    attributes: Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, attributeOf(value)])),
  };
  return {
    name: 'case',
    irVersion: 8,
    opsets: new Map([['', opset]]),
    inputs: graphInputs,
    outputs: outputs.map((name) => ({ name, type: 'float32', dims: null })),
    initializers,
    nodes: [node],
    valueInfo: new Map(),
  };
}

export interface Differentiated {
  readonly feeds: Readonly<Record<string, OnnxTensor>>;
  readonly cotangents: Readonly<Record<string, OnnxTensor>>;
  readonly gradients: ReadonlyMap<string, OnnxTensor>;
  readonly names: readonly string[];
}

const random = (dims: readonly number[], [low, high]: readonly [number, number], seed: string): OnnxTensor => {
  const rng = createRng(seed);
  const size = dims.reduce((a, b) => a * b, 1);
  return tensorOf(
    Array.from({ length: size }, () => low + (high - low) * rng.uniform()),
    dims,
    'float32',
  );
};

/** Gradients of a model by its VJP graph, with random inputs and cotangents. */
export async function differentiate(
  model: OnnxModel,
  ranges: Readonly<Record<string, readonly [number, number]>> = {},
  of: readonly string[] = model.outputs.map(({ name }) => name),
): Promise<Differentiated> {
  const shaped = await fixShapes(model);
  const names = model.inputs.map(({ name }) => name);
  const graph = vjp(shaped, { of, withRespectTo: names });
  const feeds = Object.fromEntries(
    model.inputs.map(({ name, dims }) => [name, random(dims as number[], ranges[name] ?? [-1.5, 1.5], name)]),
  );
  const cotangents = Object.fromEntries(
    of.map((name) => [name, random(shaped.shapes.get(name)?.dims ?? [], [-1, 1], `g ${name}`)]),
  );
  const given = Object.fromEntries(
    of.map((name) => [of.length === 1 ? 'cotangent' : `cotangent_${name}`, cotangents[name]]),
  );
  const results = await runOnce(writeModel(graph), { ...feeds, ...given });
  return { feeds, cotangents, gradients: results, names };
}

/** Compares a VJP graph with central differences of ⟨g, f(x)⟩ along every coordinate. */
export async function expectFiniteDifferences(
  model: OnnxModel,
  { feeds, cotangents, gradients, names }: Differentiated,
  step = 1e-2,
): Promise<void> {
  const bytes = writeModel(model, { untypedOutputs: true });
  const inner = async (name: string, data: Float32Array): Promise<number> => {
    const results = await runOnce(bytes, { ...feeds, [name]: tensorOf(data, feeds[name].dims, 'float32') });
    let sum = 0;
    for (const [output, g] of Object.entries(cotangents)) {
      const y = float32sOf(results.get(output) as OnnxTensor);
      float32sOf(g).forEach((v, i) => {
        sum += v * y[i];
      });
    }
    return sum;
  };
  for (const name of names) {
    const gradient = gradients.get(`grad_${name}`) as OnnxTensor;
    expect(gradient.dims, `shape of grad_${name}`).toEqual(feeds[name].dims);
    const analytic = float32sOf(gradient);
    const scale = Math.max(1, ...analytic.map(Math.abs));
    const data = float32sOf(feeds[name]);
    for (let i = 0; i < data.length; i++) {
      const up = Float32Array.from(data);
      const down = Float32Array.from(data);
      up[i] += step;
      down[i] -= step;
      const numeric = ((await inner(name, up)) - (await inner(name, down))) / (up[i] - down[i]);
      expect(Math.abs(analytic[i] - numeric) / scale, `grad_${name}[${i}]: ${analytic[i]} but ${numeric}`).toBeLessThan(
        3e-3,
      );
    }
  }
}
