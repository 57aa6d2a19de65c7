import { FormatError, ShapeError } from '../core/errors.js';
import type { OnnxModel, OnnxNode, ValueInfo } from '../onnx/model.js';
import { elementSizeOf, type ElementType, type OnnxTensor } from '../onnx/tensor-data.js';
import { writeModel } from '../onnx/write-model.js';
import { inferOutputs, runOnce } from '../runtime/run-once.js';
import { sizeOf } from '../runtime/tensor.js';
import { hasBody, prune } from './prune.js';

export interface ValueShape {
  readonly type: ElementType;
  readonly dims: readonly number[];
}

/** A model for fixed input shapes: every value's type and shape is known, and what depends on shapes alone is constant. */
export interface ShapedModel {
  readonly model: OnnxModel;
  readonly shapes: ReadonlyMap<string, ValueShape>;
}

/**
 * Fixes the shapes of a model's inputs and finds those of all its values. Whatever depends only on constants and shapes
 * (Shape, Gather, Concat, … chains before a Reshape) is replaced by its value, found by running the graph once that far on
 * zeros; from then on onnxruntime can infer the shapes. Those few it cannot are found by running too. Identity and Dropout
 * nodes go.
 *
 * @param dims shapes of the inputs that have free dimensions; others may be left out
 * @throws ShapeError if a free shape is missing or does not fit, FormatError if the graph cannot be run
 */
export async function fixShapes(
  model: OnnxModel,
  dims: Readonly<Record<string, readonly number[]>> = {},
): Promise<ShapedModel> {
  for (const name of Object.keys(dims)) {
    if (!model.inputs.some((input) => input.name === name)) {
      const names = model.inputs.map((input) => input.name).join(', ');
      throw new ShapeError('graph.input', `there is no input ${name} to give a shape; the inputs are ${names}`);
    }
  }
  const inputs = model.inputs.map((input) => ({ ...input, dims: fixedDims(input, dims[input.name]) }));
  const fixed = { ...model, inputs, valueInfo: new Map<string, ValueInfo>() };
  const folded = foldConstants(fixed, await run(fixed, constantNames(fixed)));
  const names = folded.nodes.flatMap((node) => node.outputs.filter((name) => name !== ''));

  const shapes = new Map<string, ValueShape>();
  for (const { name, type, dims: inputDims } of inputs) shapes.set(name, { type, dims: inputDims });
  for (const [name, { type, dims: valueDims }] of folded.initializers) shapes.set(name, { type, dims: valueDims });
  const unknown: string[] = [];
  for (const { name, type, dims: valueDims } of await inferOutputs(withOutputs(folded, names))) {
    const numbers = valueDims.filter((d) => typeof d === 'number' && d >= 0).map(Number);
    if (numbers.length === valueDims.length) shapes.set(name, { type, dims: numbers });
    else unknown.push(name);
  }
  for (const [name, { type, dims: valueDims }] of await run(folded, unknown))
    shapes.set(name, { type, dims: valueDims });

  const outputs = folded.outputs.map(({ name }) => ({ name, ...shapeIn(shapes, name) }));
  const valueInfo = new Map(names.map((name) => [name, { name, ...shapeIn(shapes, name) }]));
  return { model: prune({ ...folded, outputs, valueInfo }), shapes };
}

function fixedDims(input: ValueInfo, given: readonly number[] | undefined): number[] {
  const declared = input.dims ?? given ?? [];
  const result = declared.map((d, i) => given?.[i] ?? d);
  const fits =
    (given === undefined || given.length === declared.length) &&
    result.every(
      (d, i) => Number.isInteger(d) && Number(d) >= 1 && (typeof declared[i] === 'string' || declared[i] === d),
    );
  if (!fits) {
    throw new ShapeError(
      'graph.shape',
      `input ${input.name} has the shape [${(input.dims ?? ['any']).join(', ')}]: ` +
        (given === undefined ? 'give numbers for its free dimensions' : `[${given.join(', ')}] does not fit it`),
    );
  }
  return result.map(Number);
}

/** The model's bytes with these values as its outputs, and without what they do not need. */
function withOutputs(model: OnnxModel, names: readonly string[]): Uint8Array {
  // Types of outputs are inferred by the runtime; float32 here stands for "not said".
  const outputs = names.map((name): ValueInfo => ({ name, type: 'float32', dims: null }));
  return writeModel(prune({ ...model, outputs }), { untypedOutputs: true });
}

/** Values of a model of fixed shapes for inputs of zeros. */
async function run(model: OnnxModel, names: readonly string[]): Promise<ReadonlyMap<string, OnnxTensor>> {
  if (names.length === 0) return new Map();
  const feeds: Record<string, OnnxTensor> = {};
  for (const { name, type, dims } of model.inputs) {
    const numbers = dims as number[];
    feeds[name] = { type, dims: numbers, bytes: new Uint8Array(sizeOf(numbers) * elementSizeOf(type)) };
  }
  return runOnce(withOutputs(model, names), feeds);
}

/** Whether a node's outputs are constant, given which values are. */
function isConstant(node: OnnxNode, constants: ReadonlyMap<string, unknown> | ReadonlySet<string>): boolean {
  if (hasBody(node) || node.opType.startsWith('Random')) return false;
  if (node.opType === 'Shape' || node.opType === 'Size') return true;
  return node.inputs.every((name) => name === '' || constants.has(name));
}

/** The values that depend on constants and shapes alone. */
function constantNames(model: OnnxModel): string[] {
  const constants = new Set(model.initializers.keys());
  const names: string[] = [];
  for (const node of model.nodes) {
    if (!isConstant(node, constants)) continue;
    for (const name of node.outputs) {
      constants.add(name);
      if (name !== '') names.push(name);
    }
  }
  return names;
}

function foldConstants(model: OnnxModel, values: ReadonlyMap<string, OnnxTensor>): OnnxModel {
  const initializers = new Map(model.initializers);
  const aliases = new Map<string, string>();
  const isOutput = new Set(model.outputs.map((output) => output.name));
  const nodes: OnnxNode[] = [];
  for (const original of model.nodes) {
    const node = { ...original, inputs: original.inputs.map((name) => aliases.get(name) ?? name) };
    if (isConstant(node, initializers) && !node.outputs.some((name) => isOutput.has(name))) {
      for (const name of node.outputs) {
        const value = values.get(name);
        if (value !== undefined) initializers.set(name, value);
      }
      continue;
    }
    const [output] = node.outputs;
    const passes = node.opType === 'Identity' || (node.opType === 'Dropout' && node.outputs.length === 1);
    if (passes && !isOutput.has(output)) aliases.set(output, node.inputs[0]);
    else nodes.push(node);
  }
  return { ...model, nodes, initializers };
}

function shapeIn(shapes: ReadonlyMap<string, ValueShape>, name: string): ValueShape {
  const shape = shapes.get(name);
  if (shape === undefined) throw new FormatError('graph.value', `the model has no value ${name}`);
  return shape;
}
