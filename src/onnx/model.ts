import type { ElementType, OnnxTensor } from './tensor-data.js';

/** A tensor's name, type and shape; a dimension is a number, or a name where it is free. `dims` is null where unknown. */
export interface ValueInfo {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly (number | string)[] | null;
}

export type AttributeValue =
  | { readonly kind: 'int' | 'float'; readonly value: number }
  | { readonly kind: 'ints' | 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'strings'; readonly value: readonly string[] }
  | { readonly kind: 'tensor'; readonly value: OnnxTensor }
  /** A body of If, Loop or Scan: carried along as it is, never looked into. */
  | { readonly kind: 'graph'; readonly value: Uint8Array };

/** An optional input that is left out has the name ''. */
export interface OnnxNode {
  readonly name: string;
  readonly opType: string;
  /** '' is the standard operator set. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, AttributeValue>>;
}

/**
 * An ONNX model in memory. Nodes are in an order in which they can run; `Constant` nodes have become initializers,
 * and initializers are not listed among the inputs.
 */
export interface OnnxModel {
  readonly name: string;
  readonly irVersion: number;
  /** Operator set versions by domain. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly inputs: readonly ValueInfo[];
  readonly outputs: readonly ValueInfo[];
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  readonly nodes: readonly OnnxNode[];
  /** What is known of values in between. */
  readonly valueInfo: ReadonlyMap<string, ValueInfo>;
}

/** What errors call a node: `Conv "/blocks.0/first/Conv"`. */
export const describeNode = (node: OnnxNode): string =>
  `${node.domain === '' ? '' : `${node.domain}:`}${node.opType} "${node.name === '' ? (node.outputs[0] ?? '') : node.name}"`;

export function intAttribute(node: OnnxNode, name: string, fallback: number): number {
  const attribute = node.attributes[name];
  return attribute?.kind === 'int' || attribute?.kind === 'float' ? attribute.value : fallback;
}

export const floatAttribute = intAttribute;

export function intsAttribute(node: OnnxNode, name: string): readonly number[] | undefined {
  const attribute = node.attributes[name];
  return attribute?.kind === 'ints' || attribute?.kind === 'floats' ? attribute.value : undefined;
}

export function stringAttribute(node: OnnxNode, name: string, fallback: string): string {
  const attribute = node.attributes[name];
  return attribute?.kind === 'string' ? attribute.value : fallback;
}
