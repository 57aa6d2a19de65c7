import { Tensor as OrtTensor } from 'onnxruntime-node';
import { FormatError } from '../core/errors.js';
import type { ElementType, OnnxTensor } from '../onnx/tensor-data.js';

/** onnxruntime's arrays by element type. bool is a byte each; float16 are raw bits. */
const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  bool: Uint8Array,
} as const;

/** Shares the bytes where their place in memory allows. */
export function toOrtTensor({ type, dims, bytes }: OnnxTensor): OrtTensor {
  if (type === 'bfloat16') throw new FormatError('runtime.type', 'bfloat16 tensors cannot be given to onnxruntime');
  const { BYTES_PER_ELEMENT: size } = arrays[type];
  const { buffer, byteOffset, byteLength } = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
  const data = new arrays[type](buffer as ArrayBuffer, byteOffset, byteLength / size);
  return new OrtTensor(type, data as OrtTensor['data'], dims);
}

/** Throws FormatError for what tensors here cannot hold, such as strings. */
export function elementTypeOfOrt(type: string, name: string): ElementType {
  if (!(type in arrays)) throw new FormatError('runtime.type', `${name}: is a tensor of ${type}`);
  return type as ElementType;
}

export function fromOrtTensor(tensor: OrtTensor, name: string): OnnxTensor {
  const { buffer, byteOffset, byteLength } = tensor.data as Float32Array;
  return {
    type: elementTypeOfOrt(tensor.type, name),
    dims: tensor.dims,
    bytes: new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength),
  };
}
