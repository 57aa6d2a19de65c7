import { FormatError } from '../core/errors.js';
import { describeNode, floatAttribute, intAttribute } from '../onnx/model.js';
import { numbersOf } from '../onnx/tensor-data.js';
import { sizeOf } from '../runtime/tensor.js';
import type { GradientWriter } from './gradient-writer.js';
import { normaliseAxis, type RuleContext, type VjpRule, type VjpRules } from './vjp-rule.js';

interface Normalised {
  /** x̂ = (x − μ)·r, as rows [rows, length] of the elements that share μ and r. */
  readonly xHat: string;
  /** r = 1/√(σ² + ε), [rows, 1]. */
  readonly r: string;
}

/** Mean and deviation of each row. `known`, where given, is x̂ itself. */
function normalise(w: GradientWriter, rows: string, epsilon: number, known?: string): Normalised {
  const length = w.dimsOf(rows)[1];
  const centred = w.sub(rows, w.reduce('ReduceMean', rows, [1]));
  const variance = w.scale(w.reduce('ReduceSumSquare', centred, [1]), 1 / length);
  const r = w.unary('Reciprocal', w.unary('Sqrt', w.add(variance, w.scalar(epsilon, rows))));
  return { r, xHat: known ?? w.mul(centred, r) };
}

/** Cotangent of x from that of x̂: r·(ĝ − mean ĝ − x̂·mean(ĝ·x̂)), all [rows, length]. */
function throughNormalisation(w: GradientWriter, gHat: string, { xHat, r }: Normalised): string {
  const slope = w.reduce('ReduceMean', w.mul(gHat, xHat), [1]);
  const rest = w.sub(w.sub(gHat, w.mul(xHat, slope)), w.reduce('ReduceMean', gHat, [1]));
  return w.mul(rest, r);
}

const isAll = (w: GradientWriter, name: string, value: number): boolean => {
  const constant = w.constantOf(name);
  return constant !== undefined && numbersOf(constant).every((v) => v === value);
};

interface Layout {
  /** Shape of x as [rows, length]. */
  readonly rows: readonly [number, number];
  readonly epsilon: number;
  /** Scale and shift, in a shape that broadcasts against x. */
  readonly scaleDims: readonly number[];
}

/** y = x̂·scale + shift for x normalised over rows. */
function affineNormalisation(context: RuleContext, { rows, epsilon, scaleDims }: Layout): (string | undefined)[] {
  const { writer: w, x, y, needs } = context;
  const dims = w.dimsOf(x[0]);
  const g = w.full(context.g, dims);
  const [, scale, shift] = x;
  const plain = isAll(w, scale, 1) && (shift === undefined || shift === '' || isAll(w, shift, 0));
  const normalised = normalise(w, w.reshape(x[0], rows), epsilon, plain ? w.reshape(y, rows) : undefined);
  const gHat = isAll(w, scale, 1) ? g : w.mul(g, w.reshape(scale, scaleDims));
  const toScale = (value: string, like: string): string =>
    w.reshape(w.unbroadcast(value, dims, padTo(scaleDims, dims.length)), w.dimsOf(like));
  return [
    needs(0) ? w.reshape(throughNormalisation(w, w.reshape(gHat, rows), normalised), dims) : undefined,
    needs(1) ? toScale(w.mul(g, w.reshape(normalised.xHat, dims)), scale) : undefined,
    needs(2) ? toScale(g, shift) : undefined,
  ];
}

const padTo = (dims: readonly number[], rank: number): number[] => [
  ...Array<number>(rank - dims.length).fill(1),
  ...dims,
];

const instanceNormalization: VjpRule = (context) => {
  const dims = context.writer.dimsOf(context.x[0]);
  const [batch, channels, ...space] = dims;
  return affineNormalisation(context, {
    rows: [batch * channels, sizeOf(space)],
    epsilon: floatAttribute(context.node, 'epsilon', 1e-5),
    scaleDims: [channels, ...space.map(() => 1)],
  });
};

const layerNormalization: VjpRule = (context) => {
  const { node, writer: w, x, cotangents } = context;
  if (cotangents.slice(1).some((cotangent) => cotangent !== undefined)) {
    throw new FormatError('vjp.layer-norm', `${describeNode(node)}: no gradient through its mean and deviation`);
  }
  const dims = w.dimsOf(x[0]);
  const axis = normaliseAxis(intAttribute(node, 'axis', -1), dims.length);
  return affineNormalisation(context, {
    rows: [sizeOf(dims.slice(0, axis)), sizeOf(dims.slice(axis))],
    epsilon: floatAttribute(node, 'epsilon', 1e-5),
    scaleDims: w.dimsOf(x[1]),
  });
};

/** Scale and shift are one a group before operator set 21, one a channel since. */
const groupNormalization: VjpRule = (context) => {
  const { node, writer: w, x, needs } = context;
  const dims = w.dimsOf(x[0]);
  const [batch, channels, ...space] = dims;
  const groups = intAttribute(node, 'num_groups', 1);
  const perGroup = channels / groups;
  const spread = (name: string): string => {
    if (w.dimsOf(name)[0] === channels) return name;
    return w.reshape(w.expand(w.reshape(name, [groups, 1]), [groups, perGroup]), [channels]);
  };
  const layout = {
    rows: [batch * groups, perGroup * sizeOf(space)] as const,
    epsilon: floatAttribute(node, 'epsilon', 1e-5),
    scaleDims: [channels, ...space.map(() => 1)],
  };
  const [forX, forScale, forShift] = affineNormalisation({ ...context, x: [x[0], spread(x[1]), spread(x[2])] }, layout);
  const gatherGroups = (value: string | undefined, i: number): string | undefined => {
    if (value === undefined || !needs(i) || w.dimsOf(x[i])[0] === channels) return value;
    return w.reshape(w.reduce('ReduceSum', w.reshape(value, [groups, perGroup]), [1]), [groups]);
  };
  return [forX, gatherGroups(forScale, 1), gatherGroups(forShift, 2)];
};

/** y = (x − mean)·scale/√(var + ε) + shift with fixed mean and variance. */
const batchNormalization: VjpRule = ({ node, writer: w, g, x: [x, scale, , mean, variance], y, needs }) => {
  if (intAttribute(node, 'training_mode', 0) === 1 || needs(3) || needs(4)) {
    throw new FormatError(
      'vjp.batch-norm',
      `${describeNode(node)}: has a gradient only in inference; export in eval mode`,
    );
  }
  const dims = w.dimsOf(x);
  const aligned = (name: string): string => w.reshape(name, [dims[1], ...dims.slice(2).map(() => 1)]);
  const epsilon = w.scalar(floatAttribute(node, 'epsilon', 1e-5), x);
  const r = w.unary('Reciprocal', w.unary('Sqrt', w.add(aligned(variance), epsilon)));
  const toChannels = (value: string): string =>
    w.reshape(w.unbroadcast(value, w.dimsOf(y), [1, dims[1], ...dims.slice(2).map(() => 1)]), [dims[1]]);
  return [
    needs(0) ? w.mul(g, w.mul(aligned(scale), r)) : undefined,
    needs(1) ? toChannels(w.mul(g, w.mul(w.sub(x, aligned(mean)), r))) : undefined,
    needs(2) ? toChannels(g) : undefined,
  ];
};

/** Up to operator set 12 all axes from `axis` on share one sum. */
function softmaxAxes({ node, writer: w, x }: RuleContext): number[] {
  const rank = w.dimsOf(x[0]).length;
  const axis = normaliseAxis(intAttribute(node, 'axis', w.opset < 13 ? 1 : -1), rank);
  return w.opset < 13 ? Array.from({ length: rank - axis }, (_, i) => axis + i) : [axis];
}

/** y·(g − Σ g·y) */
const softmax: VjpRule = (context) => {
  const { writer: w, g, y } = context;
  const weighted = w.mul(g, y);
  return [w.sub(weighted, w.mul(y, w.reduce('ReduceSum', weighted, softmaxAxes(context))))];
};

/** g − eʸ·Σ g */
const logSoftmax: VjpRule = (context) => {
  const { writer: w, y } = context;
  const g = w.full(context.g, w.dimsOf(y));
  return [w.sub(g, w.mul(w.unary('Exp', y), w.reduce('ReduceSum', g, softmaxAxes(context))))];
};

export const normalizationRules: VjpRules = {
  InstanceNormalization: instanceNormalization,
  LayerNormalization: layerNormalization,
  GroupNormalization: groupNormalization,
  BatchNormalization: batchNormalization,
  Softmax: softmax,
  LogSoftmax: logSoftmax,
};
