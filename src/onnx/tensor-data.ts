import { FormatError } from '../core/errors.js';

/** Element types, with the number ONNX gives each and the bytes of one element. */
const elementTypes = {
  float32: { code: 1, size: 4 },
  uint8: { code: 2, size: 1 },
  int8: { code: 3, size: 1 },
  uint16: { code: 4, size: 2 },
  int16: { code: 5, size: 2 },
  int32: { code: 6, size: 4 },
  int64: { code: 7, size: 8 },
  bool: { code: 9, size: 1 },
  float16: { code: 10, size: 2 },
  float64: { code: 11, size: 8 },
  uint32: { code: 12, size: 4 },
  uint64: { code: 13, size: 8 },
  bfloat16: { code: 16, size: 2 },
} as const;

export type ElementType = keyof typeof elementTypes;

const byCode = new Map<number, ElementType>(
  Object.entries(elementTypes).map(([name, { code }]) => [code, name as ElementType]),
);

/** Throws FormatError for the codes of strings, complex numbers and 4- or 8-bit floats. */
export function elementTypeOf(code: number, where: string): ElementType {
  const type = byCode.get(code);
  if (type === undefined) {
    throw new FormatError('onnx.type', `${where}: has ONNX element type ${code}, which blindlink does not read`, {
      value: code,
    });
  }
  return type;
}

export const elementCodeOf = (type: ElementType): number => elementTypes[type].code;
export const elementSizeOf = (type: ElementType): number => elementTypes[type].size;
export const isFloat = (type: ElementType): boolean =>
  type === 'float32' || type === 'float16' || type === 'float64' || type === 'bfloat16';

/** A constant of a graph: little-endian bytes in C order. */
export interface OnnxTensor {
  readonly type: ElementType;
  readonly dims: readonly number[];
  readonly bytes: Uint8Array;
}

/** The tensor's elements as numbers, whatever its type; int64 beyond 2⁵³ loses its last digits. */
export function numbersOf({ type, bytes }: OnnxTensor): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = elementSizeOf(type);
  return Array.from({ length: bytes.byteLength / size }, (_, i) => readElement(view, i * size, type));
}

/** The tensor's elements as float32; for float32 tensors a plain copy. */
export function float32sOf(tensor: OnnxTensor): Float32Array {
  return tensor.type === 'float32'
    ? new Float32Array(tensor.bytes.slice().buffer)
    : Float32Array.from(numbersOf(tensor));
}

/** Stores `values` as elements of `type`. */
export function tensorOf(values: ArrayLike<number>, dims: readonly number[], type: ElementType): OnnxTensor {
  if (type === 'float32') {
    const floats = Float32Array.from(values);
    return { type, dims, bytes: new Uint8Array(floats.buffer) };
  }
  const size = elementSizeOf(type);
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) writeElement(view, i * size, type, values[i]);
  return { type, dims, bytes };
}

function readElement(view: DataView, at: number, type: ElementType): number {
  switch (type) {
    case 'float32':
      return view.getFloat32(at, true);
    case 'float64':
      return view.getFloat64(at, true);
    case 'float16':
      return fromHalf(view.getUint16(at, true));
    case 'bfloat16':
      return fromBits(view.getUint16(at, true) << 16);
    case 'int64':
      return Number(view.getBigInt64(at, true));
    case 'uint64':
      return Number(view.getBigUint64(at, true));
    case 'int32':
      return view.getInt32(at, true);
    case 'uint32':
      return view.getUint32(at, true);
    case 'int16':
      return view.getInt16(at, true);
    case 'uint16':
      return view.getUint16(at, true);
    case 'int8':
      return view.getInt8(at);
    case 'uint8':
    case 'bool':
      return view.getUint8(at);
  }
}

function writeElement(view: DataView, at: number, type: ElementType, value: number): void {
  switch (type) {
    case 'float32':
      return view.setFloat32(at, value, true);
    case 'float64':
      return view.setFloat64(at, value, true);
    case 'float16':
      return view.setUint16(at, toHalf(value), true);
    case 'bfloat16':
      return view.setUint16(at, roundToUpper16(value), true);
    case 'int64':
      return view.setBigInt64(at, BigInt(Math.trunc(value)), true);
    case 'uint64':
      return view.setBigUint64(at, BigInt(Math.trunc(value)), true);
    case 'int32':
      return view.setInt32(at, value, true);
    case 'uint32':
      return view.setUint32(at, value, true);
    case 'int16':
      return view.setInt16(at, value, true);
    case 'uint16':
      return view.setUint16(at, value, true);
    case 'int8':
      return view.setInt8(at, value);
    case 'uint8':
      return view.setUint8(at, value);
    case 'bool':
      return view.setUint8(at, value === 0 ? 0 : 1);
  }
}

const scratch = new DataView(new ArrayBuffer(4));

function fromBits(bits: number): number {
  scratch.setInt32(0, bits);
  return scratch.getFloat32(0);
}

/** IEEE 754 binary16 → number. */
export function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** number → IEEE 754 binary16, to nearest, ties to even. */
export function toHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (magnitude >= 65520) return sign | 0x7c00;
  if (magnitude < 2 ** -14) return sign | roundToEven(magnitude * 2 ** 24);
  let exponent = Math.floor(Math.log2(magnitude));
  if (2 ** exponent > magnitude) exponent--;
  // A fraction rounded up to 1024 carries into the exponent by itself.
  return sign | (((exponent + 15) << 10) + roundToEven((magnitude / 2 ** exponent - 1) * 1024));
}

function roundToUpper16(value: number): number {
  scratch.setFloat32(0, value);
  const bits = scratch.getUint32(0);
  if (Number.isNaN(value)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
