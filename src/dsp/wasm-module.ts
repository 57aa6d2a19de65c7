/**
 * Just enough of a WebAssembly assembler to emit numeric kernels with 128-bit SIMD: one memory, functions without results.
 * Code is a tree whose leaves are bytes, flattened once at the end; every helper returns one instruction or expression.
 */
export type Code = readonly (number | Code)[];
export type ValueType = 'i32' | 'v128';

export interface WasmFunction {
  readonly name: string;
  /** Parameters come first in the numbering of locals. */
  readonly params: readonly ValueType[];
  readonly locals: readonly ValueType[];
  readonly body: Code;
}

const typeCode: Record<ValueType, number> = { i32: 0x7f, v128: 0x7b };

/** Unsigned LEB128. */
export function unsigned(value: number): number[] {
  const bytes: number[] = [];
  do {
    const low = value % 128;
    value = Math.floor(value / 128);
    bytes.push(value > 0 ? low | 0x80 : low);
  } while (value > 0);
  return bytes;
}

/** Signed LEB128 of a 32-bit integer. */
function signed(value: number): number[] {
  const bytes: number[] = [];
  for (;;) {
    const low = value & 0x7f;
    value >>= 7;
    if ((value === 0 && (low & 0x40) === 0) || (value === -1 && (low & 0x40) !== 0)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

function flatten(code: Code, bytes: number[] = []): number[] {
  for (const item of code) {
    if (typeof item === 'number') bytes.push(item);
    else flatten(item, bytes);
  }
  return bytes;
}

const vector = (items: readonly Code[]): Code => [unsigned(items.length), ...items];
const text = (value: string): Code => vector([...new TextEncoder().encode(value)].map((byte) => [byte]));
/** Content behind its length in bytes. */
function measured(content: Code): Code {
  const bytes = flatten(content);
  return [unsigned(bytes.length), bytes];
}

/** The bytes of a module that exports its functions by name and its memory as `memory`. */
export function assemble(functions: readonly WasmFunction[], pages: number): Uint8Array<ArrayBuffer> {
  const types = functions.map((f) => [0x60, vector(f.params.map((t) => [typeCode[t]])), 0]);
  const exports = functions.map((f, i) => [text(f.name), 0, unsigned(i)]);
  const bodies = functions.map((f) => measured([vector(f.locals.map((t) => [1, typeCode[t]])), f.body, 0x0b]));
  const sections: [id: number, items: Code[]][] = [
    [1, types],
    [3, functions.map((_, i) => unsigned(i))],
    [5, [[0, unsigned(pages)]]],
    [7, [[text('memory'), 2, 0], ...exports]],
    [10, bodies],
  ];
  const header = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  return Uint8Array.from(flatten([header, ...sections.map(([id, items]) => [id, measured(vector(items))])]));
}

// What is used of the WebAssembly interface; TypeScript declares it only along with the browser's.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object) => { readonly exports: Readonly<Record<string, unknown>> };
};

/** Compiles and instantiates what `assemble` emitted. */
export function instantiate(bytes: Uint8Array<ArrayBuffer>): {
  readonly memory: ArrayBuffer;
  readonly functions: Readonly<Record<string, (...args: number[]) => void>>;
} {
  const { memory, ...functions } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
  return {
    memory: (memory as { readonly buffer: ArrayBuffer }).buffer,
    functions: functions as Record<string, (...args: number[]) => void>,
  };
}

export const get = (local: number): Code => [0x20, unsigned(local)];
export const set = (local: number, value: Code): Code => [value, 0x21, unsigned(local)];
export const i32 = (value: number): Code => [0x41, signed(value)];
export const addInt = (a: Code, b: Code): Code => [a, b, 0x6a];
/** local ← local + bytes */
export const advance = (local: number, bytes: number): Code => set(local, addInt(get(local), i32(bytes)));

const simd = (opcode: number): Code => [0xfd, unsigned(opcode)];
// An alignment hint of 4 bytes: vectors may start at any float.
const access = (opcode: number, offset: number): Code => [simd(opcode), 2, unsigned(offset)];

export const loadVector = (base: number, offset: number): Code => [get(base), access(0x00, offset)];
/** One float in all four lanes. */
export const loadSplat = (base: number, offset: number): Code => [get(base), access(0x09, offset)];
/** One double in both lanes. */
export const loadSplat64 = (base: number, offset: number): Code => [get(base), access(0x0a, offset)];
export const storeVector = (base: number, offset: number, value: Code): Code => [
  get(base),
  value,
  access(0x0b, offset),
];
/** Copies one 32-bit word. */
export const copyWord = (to: number, toOffset: number, from: number, fromOffset: number): Code => [
  get(to),
  [get(from), 0x28, 2, unsigned(fromOffset)],
  [0x36, 2, unsigned(toOffset)],
];

export const add = (a: Code, b: Code): Code => [a, b, simd(0xe4)];
export const sub = (a: Code, b: Code): Code => [a, b, simd(0xe5)];
export const mul = (a: Code, b: Code): Code => [a, b, simd(0xe6)];
/** Of doubles, two lanes. */
export const add64 = (a: Code, b: Code): Code => [a, b, simd(0xf0)];
export const mul64 = (a: Code, b: Code): Code => [a, b, simd(0xf2)];
/** Any SIMD instruction without an immediate, behind its operands. */
export const vectorOp = (opcode: number, ...operands: readonly Code[]): Code => [...operands, simd(opcode)];
/** A 16-bit integer in all eight lanes. */
export const splat16 = (value: number): Code => [i32(value), simd(0x10)];
export const loadWord = (base: number, offset: number): Code => [get(base), 0x28, 2, unsigned(offset)];
/** Picks four of the eight floats of a (0…3) and b (4…7). */
export const shuffle = (a: Code, b: Code, lanes: readonly [number, number, number, number]): Code => [
  a,
  b,
  simd(0x0d),
  lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]),
];

/** Runs `body` `count` ≥ 1 times; `counter` is an i32 local of its own. */
export function repeat(counter: number, count: Code, body: Code): Code {
  const decrement = [get(counter), i32(1), 0x6b, 0x22, unsigned(counter)];
  return [set(counter, count), 0x03, 0x40, body, decrement, 0x0d, 0, 0x0b];
}
