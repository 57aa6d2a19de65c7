import { Packr } from 'msgpackr';
import { FormatError } from '../core/errors.js';

/**
 * A message as bytes:
 *
 *   uint32 H, little endian | MessagePack header [H bytes] | zeros up to a multiple of 8 | array | array | …
 *
 * The header is [body, [[dtype, byteOffset, length], …]], offsets counted from the first array and multiples of 8; where
 * an array stands in the body, the body has {"$": its number}. Reading makes views of the received bytes and copies
 * nothing; writing copies each array once, into the packet.
 */
const packr = new Packr({ useRecords: false, moreTypes: false, int64AsType: 'number' });

const TYPES = { f32: Float32Array, f64: Float64Array, u8: Uint8Array, i32: Int32Array } as const;
type Dtype = keyof typeof TYPES;
type Arrays = InstanceType<(typeof TYPES)[Dtype]>;

const dtypeOf = (value: unknown): Dtype | null =>
  value instanceof Float32Array
    ? 'f32'
    : value instanceof Uint8Array
      ? 'u8'
      : value instanceof Float64Array
        ? 'f64'
        : value instanceof Int32Array
          ? 'i32'
          : null;

const aligned = (offset: number): number => (offset + 7) & ~7;

export function encodeMessage(message: object): Uint8Array {
  const table: [Dtype, number, number][] = [];
  const arrays: Arrays[] = [];
  let size = 0;
  const replace = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null)
      return typeof value === 'number' && Number.isNaN(value) ? null : value;
    const dtype = dtypeOf(value);
    if (dtype !== null) {
      const array = value as Arrays;
      table.push([dtype, size, array.length]);
      arrays.push(array);
      size = aligned(size + array.byteLength);
      return { $: arrays.length - 1 };
    }
    if (Array.isArray(value)) return value.map(replace);
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, item]) => (item === undefined ? [] : [[key, replace(item)]])),
    );
  };
  const header = packr.pack([replace(message), table]);
  const start = aligned(4 + header.length);
  const out = new Uint8Array(start + size);
  new DataView(out.buffer).setUint32(0, header.length, true);
  out.set(header, 4);
  arrays.forEach((array, i) => {
    out.set(new Uint8Array(array.buffer, array.byteOffset, array.byteLength), start + table[i][1]);
  });
  return out;
}

/** @throws FormatError for bytes that are no message, or whose header is longer than `mostBytes` */
export function decodeMessage(packet: Uint8Array, mostBytes = Infinity): unknown {
  const fault = (what: string): FormatError => new FormatError('message.malformed', `message refused: ${what}`);
  if (packet.length < 5) throw fault('it is cut short');
  const length = new DataView(packet.buffer, packet.byteOffset).getUint32(0, true);
  if (length > mostBytes) throw fault('its header is too long');
  const bytes = packet.byteOffset % 8 === 0 ? packet : packet.slice();
  const start = aligned(4 + length);
  if (4 + length > bytes.length) throw fault('it is cut short');
  let header: unknown;
  try {
    header = packr.unpack(bytes.subarray(4, 4 + length));
  } catch {
    throw fault('its header is not MessagePack');
  }
  if (!Array.isArray(header) || header.length !== 2 || !Array.isArray(header[1]))
    throw fault('its header is not [body, arrays]');
  const arrays = (header[1] as unknown[]).map((entry) => {
    const [dtype, offset, count] = Array.isArray(entry) ? (entry as unknown[]) : [];
    const type = Object.hasOwn(TYPES, String(dtype)) ? TYPES[dtype as Dtype] : null;
    if (type === null || !isCount(offset) || !isCount(count) || offset % 8 !== 0)
      throw fault('its table of arrays is wrong');
    if (start + offset + count * type.BYTES_PER_ELEMENT > bytes.length) throw fault('it is cut short');
    return new type(bytes.buffer as ArrayBuffer, bytes.byteOffset + start + offset, count);
  });
  const restore = (value: unknown, depth: number): unknown => {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
    if (depth > 16) throw fault('it is nested too deeply');
    if (Array.isArray(value)) return value.map((item) => restore(item, depth + 1));
    const index = (value as { $?: unknown }).$;
    if (index !== undefined) {
      if (!isCount(index) || index >= arrays.length) throw fault('it names an array that it does not hold');
      return arrays[index];
    }
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, restore(item, depth + 1)]));
  };
  return restore(header[0], 0);
}

const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;
