import { ShapeError } from '../core/errors.js';

/** A dense float32 array in C order. */
export interface Tensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export const sizeOf = (dims: readonly number[]): number => dims.reduce((product, n) => product * n, 1);

/** Pairs data with its shape; throws ShapeError if they disagree. */
export function tensor(data: Float32Array, dims: readonly number[]): Tensor {
  if (sizeOf(dims) !== data.length) {
    throw new ShapeError('tensor.size', `${data.length} numbers do not fill the shape [${dims.join(', ')}]`);
  }
  return { data, dims };
}
