import type { AttributeValue, OnnxModel, OnnxNode } from '../onnx/model.js';
import {
  elementCodeOf,
  type ElementType,
  float32sOf,
  numbersOf,
  type OnnxTensor,
  tensorOf,
} from '../onnx/tensor-data.js';
import { ShapeError } from '../core/errors.js';
import { sizeOf } from '../runtime/tensor.js';
import type { ShapedModel, ValueShape } from './fix-shapes.js';

export const int = (value: number): AttributeValue => ({ kind: 'int', value });
export const ints = (value: readonly number[]): AttributeValue => ({ kind: 'ints', value });
export const float = (value: number): AttributeValue => ({ kind: 'float', value });
export const text = (value: string): AttributeValue => ({ kind: 'string', value });

export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface PadWidths {
  readonly begins: readonly number[];
  readonly ends: readonly number[];
}

/**
 * Appends nodes to a shaped model, knowing the type and shape of every value it makes. All helpers take and give names
 * of values. A cotangent may have size 1 along axes where its value is larger, meaning "the same all along": sums over
 * such axes and products with them then cost next to nothing. `full` spells it out where an operator needs that.
 */
export interface GradientWriter {
  readonly opset: number;
  dimsOf(name: string): readonly number[];
  typeOf(name: string): ElementType;
  /** The value's content, where it is a constant. */
  constantOf(name: string | undefined): OnnxTensor | undefined;
  /** The node of the model that makes the value. */
  producerOf(name: string): OnnxNode | undefined;

  /** Appends a node with one output. */
  emit(
    opType: string,
    inputs: readonly string[],
    attributes: Attributes,
    dims: readonly number[],
    type?: ElementType,
  ): string;
  /** Makes the node that already yields `name` give a further output, for values only the gradient needs. */
  extraOutput(node: OnnxNode, index: number, shape: ValueShape): string;
  store(constant: OnnxTensor): string;
  tensor(values: ArrayLike<number>, dims: readonly number[], type: ElementType): string;
  int64s(values: readonly number[]): string;
  /** A constant of no dimensions, in the type of the value `like`. */
  scalar(value: number, like: string): string;

  unary(opType: string, x: string, attributes?: Attributes): string;
  /** Add, Sub, Mul, Div, Pow, Max, Min with broadcasting; Greater, Less, Equal, … with `type` bool. */
  binary(opType: string, a: string, b: string, type?: ElementType): string;
  add(a: string, b: string): string;
  sub(a: string, b: string): string;
  mul(a: string, b: string): string;
  div(a: string, b: string): string;
  /** x·value. */
  scale(x: string, value: number): string;
  where(condition: string, a: string, b: string): string;
  cast(x: string, type: ElementType): string;
  reshape(x: string, dims: readonly number[]): string;
  transpose(x: string, permutation: readonly number[]): string;
  expand(x: string, dims: readonly number[]): string;
  slice(
    x: string,
    axes: readonly number[],
    starts: readonly number[],
    ends: readonly number[],
    steps?: readonly number[],
  ): string;
  /** Pads with zeros, every axis named. */
  pad(x: string, widths: PadWidths): string;
  concat(xs: readonly string[], axis: number): string;
  matmul(a: string, b: string): string;
  /** ReduceSum, ReduceMean, ReduceMax, …; the reduced axes stay with size 1. */
  reduce(opType: string, x: string, axes: readonly number[]): string;
  /** The cotangent `g` of a value of shape `dims`, with every axis at full size. */
  full(g: string, dims: readonly number[]): string;
  /** The cotangent `g` of a value of shape `from`, summed over the axes along which `to` was broadcast to `from`. */
  unbroadcast(g: string, from: readonly number[], to: readonly number[]): string;

  /** The model with everything appended; `outputs` are added to its own. */
  finish(extraInputs: readonly string[], outputs: ReadonlyMap<string, string>): OnnxModel;
  /** A new graph input. */
  input(name: string, shape: ValueShape): void;
}

export function createGradientWriter({ model, shapes: known }: ShapedModel): GradientWriter {
  const opset = model.opsets.get('') ?? 0;
  const shapes = new Map(known);
  const initializers = new Map(model.initializers);
  const nodes: OnnxNode[] = [...model.nodes];
  const producers = new Map(model.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const cache = new Map<string, string>();
  let prefix = 'vjp/';
  while ([...shapes.keys()].some((name) => name.startsWith(prefix))) prefix = `_${prefix}`;
  let counter = 0;
  const fresh = (what: string): string => `${prefix}${what}_${counter++}`;

  const shapeOf = (name: string): ValueShape => {
    const shape = shapes.get(name);
    if (shape === undefined) throw new ShapeError('graph.value', `the shape of ${name} is not known`);
    return shape;
  };
  const dimsOf = (name: string): readonly number[] => shapeOf(name).dims;
  const typeOf = (name: string): ElementType => shapeOf(name).type;

  const store = (value: OnnxTensor): string => {
    const key =
      value.bytes.length <= 256 ? `${value.type}[${value.dims.join()}]${Buffer.from(value.bytes).toString('hex')}` : '';
    const found = cache.get(key);
    if (key !== '' && found !== undefined) return found;
    const name = fresh('constant');
    initializers.set(name, value);
    shapes.set(name, { type: value.type, dims: value.dims });
    if (key !== '') cache.set(key, name);
    return name;
  };

  const writer: GradientWriter = {
    opset,
    dimsOf,
    typeOf,
    constantOf: (name) => (name === undefined ? undefined : initializers.get(name)),
    producerOf: (name) => producers.get(name),

    emit(opType, inputs, attributes, dims, type = typeOf(inputs[0])) {
      const output = fresh(opType.toLowerCase());
      nodes.push({ name: output, opType, domain: '', inputs, outputs: [output], attributes });
      shapes.set(output, { type, dims });
      return output;
    },
    extraOutput(node, index, shape) {
      const at = nodes.findIndex((candidate) => candidate.outputs[0] === node.outputs[0]);
      const present = nodes[at].outputs[index];
      if (present !== undefined && present !== '') return present;
      const name = fresh('extra');
      const outputs = Array.from({ length: Math.max(index + 1, nodes[at].outputs.length) }, (_, i) =>
        i === index ? name : (nodes[at].outputs[i] ?? ''),
      );
      nodes[at] = { ...nodes[at], outputs };
      shapes.set(name, shape);
      return name;
    },
    store,
    tensor: (values, dims, type) => store(tensorOf(values, dims, type)),
    int64s: (values) => store(tensorOf(values, [values.length], 'int64')),
    scalar: (value, like) => store(tensorOf([value], [], typeOf(like))),

    unary: (opType, x, attributes = {}) => writer.emit(opType, [x], attributes, dimsOf(x)),
    binary: (opType, a, b, type = typeOf(a)) => writer.emit(opType, [a, b], {}, broadcast(dimsOf(a), dimsOf(b)), type),
    add: (a, b) => writer.binary('Add', a, b),
    sub: (a, b) => writer.binary('Sub', a, b),
    mul: (a, b) => writer.binary('Mul', a, b),
    div: (a, b) => writer.binary('Div', a, b),
    scale: (x, value) =>
      value === 1 ? x : value === -1 ? writer.unary('Neg', x) : writer.mul(x, writer.scalar(value, x)),
    where: (condition, a, b) =>
      writer.emit(
        'Where',
        [condition, a, b],
        {},
        broadcast(dimsOf(condition), broadcast(dimsOf(a), dimsOf(b))),
        typeOf(a),
      ),
    cast: (x, type) =>
      typeOf(x) === type ? x : writer.emit('Cast', [x], { to: int(elementCodeOf(type)) }, dimsOf(x), type),
    reshape(x, dims) {
      if (same(dims, dimsOf(x))) return x;
      const constant = initializers.get(x);
      return constant === undefined
        ? writer.emit('Reshape', [x, writer.int64s(dims)], {}, dims)
        : store({ ...constant, dims });
    },
    transpose(x, permutation) {
      if (permutation.every((axis, i) => axis === i)) return x;
      const constant = initializers.get(x);
      if (constant !== undefined) return store(permute(constant, permutation));
      const dims = permutation.map((axis) => dimsOf(x)[axis]);
      return writer.emit('Transpose', [x], { perm: ints(permutation) }, dims);
    },
    expand: (x, dims) =>
      same(dims, dimsOf(x)) ? x : writer.emit('Expand', [x, writer.int64s(dims)], {}, broadcast(dimsOf(x), dims)),
    slice(x, axes, starts, ends, steps = axes.map(() => 1)) {
      const dims = [...dimsOf(x)];
      axes.forEach((axis, i) => {
        dims[axis] = sliceLength(dims[axis], starts[i], ends[i], steps[i]);
      });
      if (same(dims, dimsOf(x)) && steps.every((step) => step === 1)) return x;
      const inputs = [x, ...[starts, ends, axes, steps].map((values) => writer.int64s(values))];
      return writer.emit('Slice', inputs, {}, dims);
    },
    pad(x, { begins, ends }) {
      if ([...begins, ...ends].every((n) => n === 0)) return x;
      const dims = dimsOf(x).map((n, i) => n + begins[i] + ends[i]);
      return writer.emit('Pad', [x, writer.int64s([...begins, ...ends])], {}, dims);
    },
    concat(xs, axis) {
      if (xs.length === 1) return xs[0];
      const dims = [...dimsOf(xs[0])];
      dims[axis] = xs.reduce((sum, x) => sum + dimsOf(x)[axis], 0);
      return writer.emit('Concat', xs, { axis: int(axis) }, dims);
    },
    matmul(a, b) {
      const [x, y] = [dimsOf(a), dimsOf(b)];
      const dims = [...broadcast(x.slice(0, -2), y.slice(0, -2)), x[x.length - 2], y[y.length - 1]];
      return writer.emit('MatMul', [a, b], {}, dims);
    },
    reduce(opType, x, axes) {
      const reduced = axes.filter((axis) => dimsOf(x)[axis] !== 1);
      if (reduced.length === 0 && /^Reduce(Sum|Mean|Max|Min)$/.test(opType)) return x;
      const dims = dimsOf(x).map((n, axis) => (axes.includes(axis) ? 1 : n));
      const asInput = opset >= 18 || (opType === 'ReduceSum' && opset >= 13);
      return asInput
        ? writer.emit(opType, [x, writer.int64s(axes)], { keepdims: int(1) }, dims)
        : writer.emit(opType, [x], { axes: ints(axes), keepdims: int(1) }, dims);
    },
    full: (g, dims) => writer.expand(g, dims),
    unbroadcast(g, from, to) {
      const lead = from.length - to.length;
      const padded = [...Array<number>(lead).fill(1), ...to];
      const present = dimsOf(g);
      const axes: number[] = [];
      let copies = 1;
      from.forEach((n, axis) => {
        if (padded[axis] === n) return;
        if (present[axis] === n) axes.push(axis);
        else copies *= n;
      });
      let sum = axes.length === 0 ? g : writer.reduce('ReduceSum', g, axes);
      sum = writer.scale(sum, copies);
      return writer.reshape(sum, dimsOf(sum).slice(lead));
    },
    input(name, shape) {
      shapes.set(name, shape);
    },
    finish(extraInputs, outputs) {
      for (const [name, value] of outputs) {
        nodes.push({ name, opType: 'Identity', domain: '', inputs: [value], outputs: [name], attributes: {} });
        shapes.set(name, shapeOf(value));
      }
      const describe = (name: string) => ({ name, ...shapeOf(name) });
      return {
        ...model,
        nodes,
        initializers,
        inputs: [...model.inputs, ...extraInputs.map(describe)],
        outputs: [...model.outputs, ...[...outputs.keys()].map(describe)],
        valueInfo: new Map(nodes.flatMap((node) => node.outputs.filter((n) => n !== '').map((n) => [n, describe(n)]))),
      };
    },
  };
  return writer;
}

export const same = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

/** The shape to which two shapes broadcast. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new ShapeError('graph.broadcast', `[${a.join()}] and [${b.join()}] do not broadcast`);
    return x === 1 ? y : x;
  });
}

/** Start of a slice, and its number of elements, by ONNX's rules for negative and far numbers. */
export function sliceStart(size: number, start: number, step: number): number {
  const from = start < 0 ? start + size : start;
  return step > 0 ? Math.min(Math.max(from, 0), size) : Math.min(Math.max(from, 0), size - 1);
}

export function sliceLength(size: number, start: number, end: number, step: number): number {
  const to = end < 0 ? end + size : end;
  const stop = step > 0 ? Math.min(Math.max(to, 0), size) : Math.min(Math.max(to, -1), size - 1);
  return Math.max(0, Math.ceil((stop - sliceStart(size, start, step)) / step));
}

/** A constant's transpose. */
export function permute(tensor: OnnxTensor, permutation: readonly number[]): OnnxTensor {
  const { dims, type } = tensor;
  const strides = dims.map((_, i) => sizeOf(dims.slice(i + 1)));
  const outDims = permutation.map((axis) => dims[axis]);
  const outStrides = permutation.map((axis) => strides[axis]);
  return gather(tensor, outDims, (index) => index.reduce((at, n, axis) => at + n * outStrides[axis], 0), type);
}

/** A constant whose element at each index is another constant's element at the place `from` gives. */
export function gather(
  tensor: OnnxTensor,
  dims: readonly number[],
  from: (index: readonly number[]) => number,
  type: ElementType = tensor.type,
): OnnxTensor {
  const values = tensor.type === 'float32' ? float32sOf(tensor) : numbersOf(tensor);
  const size = sizeOf(dims);
  const out = type === 'float32' ? new Float32Array(size) : new Array<number>(size);
  const index = new Array<number>(dims.length).fill(0);
  for (let i = 0; i < size; i++) {
    out[i] = values[from(index)];
    for (let axis = dims.length - 1; axis >= 0 && ++index[axis] === dims[axis]; axis--) index[axis] = 0;
  }
  return tensorOf(out, dims, type);
}
