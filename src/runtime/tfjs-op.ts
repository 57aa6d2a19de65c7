import type { Tensor as TfTensor } from '@tensorflow/tfjs-core';
import type { OnnxNode } from '../onnx/model.js';
import type { Tfjs } from './tfjs-backend.js';

/** What an operator gets. Inputs that were left out are undefined. */
export interface OpContext {
  readonly tf: Tfjs;
  readonly node: OnnxNode;
  readonly opset: number;
  readonly x: readonly TfTensor[];
  /** Input i as numbers, for shapes, axes and the like; undefined where it was left out. */
  numbers(i: number): number[] | undefined;
}

export type TfjsOp = (context: OpContext) => TfTensor | TfTensor[];
export type TfjsOps = Readonly<Record<string, TfjsOp>>;
