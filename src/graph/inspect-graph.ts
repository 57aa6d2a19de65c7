import { type OnnxModel, type OnnxNode, stringAttribute } from '../onnx/model.js';
import { isFloat } from '../onnx/tensor-data.js';
import { sizeOf } from '../runtime/tensor.js';
import { hasTfjsOperator } from '../runtime/tfjs-interpreter.js';
import { fixShapes } from './fix-shapes.js';
import { vjpRules, withoutGradient } from './vjp-rules.js';

/** What a graph is made of and what an evaluation costs. */
export interface GraphInspection {
  /** How often each operator occurs, after what depends on shapes alone is folded away. */
  readonly operators: Readonly<Record<string, number>>;
  /** Numbers in float initializers. */
  readonly parameters: number;
  /** Multiply–adds of convolutions, matrix products and Einsum for the shapes given; a multiply–add is two FLOPs. */
  readonly multiplyAdds: number;
  /** Operators that `model vjp` and the sampling receivers cannot go back through. */
  readonly withoutGradient: readonly string[];
  /** Operators that `--runtime tfjs` does not know. */
  readonly withoutTfjs: readonly string[];
}

/**
 * Counts operators, parameters and multiply–adds of a graph.
 *
 * @param dims shapes of the inputs that have free dimensions
 * @throws ShapeError, FormatError as `fixShapes`
 */
export async function inspectGraph(
  model: OnnxModel,
  dims: Readonly<Record<string, readonly number[]>>,
): Promise<GraphInspection> {
  const shaped = await fixShapes(model, dims);
  const shapeOf = (name: string): readonly number[] => shaped.shapes.get(name)?.dims ?? [];
  const operators: Record<string, number> = {};
  let multiplyAdds = 0;
  for (const node of shaped.model.nodes) {
    const name = node.domain === '' ? node.opType : `${node.domain}:${node.opType}`;
    operators[name] = (operators[name] ?? 0) + 1;
    multiplyAdds += multiplyAddsOf(node, shapeOf);
  }
  let parameters = 0;
  for (const { type, dims: size } of model.initializers.values())
    if (isFloat(type) || type === 'int8') parameters += sizeOf(size);
  const names = Object.keys(operators).sort();
  return {
    operators: Object.fromEntries(names.map((name) => [name, operators[name]])),
    parameters,
    multiplyAdds,
    withoutGradient: names.filter((name) => vjpRules[name] === undefined && !withoutGradient.has(name)),
    withoutTfjs: names.filter((name) => !hasTfjsOperator(name)),
  };
}

/** Conv: outputs × (C_in/group × kernel); ConvTranspose: inputs × (C_out/group × kernel); products: outputs × inner length; Einsum: all its indices. */
function multiplyAddsOf(node: OnnxNode, shapeOf: (name: string) => readonly number[]): number {
  const first = shapeOf(node.inputs[0] ?? '');
  const output = sizeOf(shapeOf(node.outputs[0] ?? ''));
  switch (node.opType) {
    case 'Conv':
      return output * sizeOf(shapeOf(node.inputs[1]).slice(1));
    case 'ConvTranspose':
      return sizeOf(first) * sizeOf(shapeOf(node.inputs[1]).slice(1));
    case 'MatMul':
      return output * (first.at(-1) ?? 1);
    case 'Gemm':
      return (output * sizeOf(first)) / (shapeOf(node.outputs[0])[0] || 1);
    case 'Einsum':
      return sizeOf(indexSizes(stringAttribute(node, 'equation', ''), node.inputs.map(shapeOf)));
    default:
      return 0;
  }
}

/** The length of each index of an Einsum; dimensions under "..." count as one index each. */
function indexSizes(equation: string, operands: readonly (readonly number[])[]): number[] {
  const sizes = new Map<string, number>();
  const terms = equation.replaceAll(/\s/g, '').split('->')[0].split(',');
  terms.forEach((term, i) => {
    const hidden = operands[i].length - term.replace('...', '').length;
    const names = [...term.replace('...', '0123456789'.slice(0, Math.max(0, hidden)))];
    names.forEach((name, axis) => sizes.set(name, Math.max(sizes.get(name) ?? 1, operands[i][axis])));
  });
  return [...sizes.values()];
}
