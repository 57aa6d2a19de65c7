import { ConfigError, FormatError } from '../core/errors.js';
import { describeNode, type OnnxModel, type OnnxNode } from '../onnx/model.js';
import { isFloat } from '../onnx/tensor-data.js';
import { sizeOf } from '../runtime/tensor.js';
import type { ShapedModel } from './fix-shapes.js';
import { createGradientWriter, type GradientWriter } from './gradient-writer.js';
import { prune } from './prune.js';
import type { VjpRule } from './vjp-rule.js';
import { withoutGradient, vjpRules } from './vjp-rules.js';

export interface VjpOptions {
  /** The output, or outputs, whose cotangents are given. */
  readonly of: string | readonly string[];
  /** Inputs whose gradients are wanted. */
  readonly withRespectTo: readonly string[];
  /**
   * `input`: each cotangent is an input of the graph, `cotangent`, or `cotangent_<output>` where there are several.
   * `one`: it is 1, so that the gradients are those of the output itself, which must hold a single number.
   */
  readonly cotangent?: 'input' | 'one';
}

/**
 * The vector–Jacobian product of a graph, as a graph: for outputs y = f(x) and a cotangent g of y's shape it yields,
 * beside the model's own outputs, grad_x = (∂f/∂x)ᵀ g for each wanted input, in reverse mode. Values of the forward pass
 * are used, not computed again.
 *
 * @returns a model with all of the model's inputs and, last, the cotangents
 * @throws ConfigError for names that are not there or do not depend on each other, FormatError naming the node for an
 *   operator without a rule
 */
export function vjp(shaped: ShapedModel, { of, withRespectTo, cotangent = 'input' }: VjpOptions): OnnxModel {
  const { model, shapes } = shaped;
  const targets = typeof of === 'string' ? [of] : of;
  check(shaped, targets, withRespectTo, cotangent);
  const writer = createGradientWriter(shaped);
  const cotangents = createCotangents(writer);

  const extraInputs: string[] = [];
  for (const target of targets) {
    const shape = shapes.get(target) ?? { type: 'float32', dims: [] };
    if (cotangent === 'one') {
      cotangents.add(target, writer.tensor([1], shape.dims, shape.type));
      continue;
    }
    const name = targets.length === 1 ? 'cotangent' : `cotangent_${target}`;
    if (shapes.has(name)) throw new ConfigError('vjp.name', `the model already has a value called ${name}`);
    writer.input(name, shape);
    extraInputs.push(name);
    cotangents.add(target, name);
  }

  const active = dependents(shaped, withRespectTo);
  for (const node of [...model.nodes].reverse()) {
    if (!node.outputs.some((name) => active.has(name))) continue;
    const outputs = node.outputs.map((name) => cotangents.of(name));
    if (outputs.every((value) => value === undefined)) continue;
    const results = ruleFor(node)({
      node,
      writer,
      g: outputs[0] ?? '',
      cotangents: outputs,
      x: node.inputs,
      y: node.outputs[0],
      needs: (i) => active.has(node.inputs[i] ?? ''),
    });
    node.inputs.forEach((input, i) => {
      const result = results[i];
      if (result !== undefined && active.has(input)) cotangents.add(input, result);
    });
  }

  const gradients = new Map<string, string>();
  for (const name of withRespectTo) {
    const total = cotangents.of(name);
    if (total === undefined) {
      throw new ConfigError(
        'vjp.independent',
        `${targets.join(', ')} does not depend on ${name} in a differentiable way`,
      );
    }
    // The model may itself be a gradient: the gradient of that is called grad_grad_x.
    let output = `grad_${name}`;
    while (shapes.has(output)) output = `grad_${output}`;
    gradients.set(output, writer.full(total, writer.dimsOf(name)));
  }
  return prune(writer.finish(extraInputs, gradients));
}

interface Cotangents {
  add(name: string, cotangent: string): void;
  /** The sum of what was added. */
  of(name: string): string | undefined;
}

function createCotangents(writer: GradientWriter): Cotangents {
  const sums = new Map<string, string>();
  return {
    add(name, cotangent) {
      const sum = sums.get(name);
      sums.set(name, sum === undefined ? cotangent : writer.add(sum, cotangent));
    },
    of: (name) => sums.get(name),
  };
}

function ruleFor(node: OnnxNode): VjpRule {
  const rule = node.domain === '' ? vjpRules[node.opType] : undefined;
  if (rule !== undefined) return rule;
  throw new FormatError(
    'vjp.operator',
    `${describeNode(node)}: blindlink has no gradient for the operator ${node.opType}`,
    {
      value: node.opType,
    },
  );
}

/** The values through which the outputs can depend on `names`: floating-point, and not past operators of zero gradient. */
function dependents({ model, shapes }: ShapedModel, names: readonly string[]): Set<string> {
  const active = new Set(names);
  for (const node of model.nodes) {
    if (withoutGradient.has(node.opType) || !node.inputs.some((name) => active.has(name))) continue;
    for (const name of node.outputs) {
      const shape = shapes.get(name);
      if (shape !== undefined && isFloat(shape.type)) active.add(name);
    }
  }
  return active;
}

function check(shaped: ShapedModel, targets: readonly string[], inputs: readonly string[], cotangent: string): void {
  const { model, shapes } = shaped;
  const opset = model.opsets.get('') ?? 0;
  if (opset < 11)
    throw new FormatError('vjp.opset', `operator set ${opset} is too old for gradients: export with 11 or newer`);
  const outputNames = model.outputs.map(({ name }) => name);
  for (const target of targets) {
    if (!outputNames.includes(target)) {
      throw new ConfigError('vjp.output', `there is no output ${target}; the outputs are ${outputNames.join(', ')}`);
    }
    const size = sizeOf(shapes.get(target)?.dims ?? []);
    if (cotangent === 'one' && size !== 1) {
      throw new ConfigError(
        'vjp.scalar',
        `output ${target} holds ${size} numbers: only a single one has a gradient without a cotangent`,
      );
    }
  }
  const inputNames = model.inputs.map(({ name }) => name);
  for (const name of inputs) {
    if (!inputNames.includes(name)) {
      throw new ConfigError('vjp.input', `there is no input ${name}; the inputs are ${inputNames.join(', ')}`);
    }
    if (!isFloat(shapes.get(name)?.type ?? 'float32')) {
      throw new ConfigError('vjp.type', `input ${name} holds whole numbers, which have no gradient`);
    }
  }
}
