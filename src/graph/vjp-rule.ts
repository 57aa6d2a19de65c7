import { FormatError } from '../core/errors.js';
import { describeNode, type OnnxNode } from '../onnx/model.js';
import type { GradientWriter } from './gradient-writer.js';

/** What a rule gets: a node y = f(x₀, x₁, …) and the cotangents of its outputs. */
export interface RuleContext {
  readonly node: OnnxNode;
  readonly writer: GradientWriter;
  /** Cotangent of the first output; it may be of size 1 along axes where it is the same all along. */
  readonly g: string;
  /** Cotangents of all outputs; undefined where nothing depends on the output. */
  readonly cotangents: readonly (string | undefined)[];
  readonly x: readonly string[];
  readonly y: string;
  /** Whether the gradient with respect to an input is wanted. */
  needs(input: number): boolean;
}

/**
 * The vector–Jacobian product of an operator: for each input its cotangent (∂f/∂xᵢ)ᵀ g, or undefined where it is not
 * wanted or zero.
 */
export type VjpRule = (context: RuleContext) => readonly (string | undefined)[];

export type VjpRules = Readonly<Record<string, VjpRule>>;

export const normaliseAxis = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** For rules whose gradient needs an operator of a newer set than the model's. */
export function requireOpset(writer: GradientWriter, node: OnnxNode, opset: number): void {
  if (writer.opset >= opset) return;
  throw new FormatError(
    'vjp.opset',
    `${describeNode(node)}: its gradient needs operator set ${opset}, the model has ${writer.opset}: export with ${opset} or newer`,
  );
}
