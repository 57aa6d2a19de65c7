import {
  addInt,
  advance,
  assemble,
  type Code,
  get,
  i32,
  instantiate,
  loadVector,
  loadWord,
  repeat,
  set,
  splat16,
  storeVector,
  type ValueType,
  vectorOp,
} from '../dsp/wasm-module.js';

/** One edge of a row: the place of its column and how far that is rotated, in bits of the codeword and of Z. */
export interface KernelEdge {
  readonly column: number;
  readonly shift: number;
}

export interface MinSumKernel {
  /**
   * Takes the ratios of all columns in use and forgets what checks have said. They are limited to ±256, so that sums of several stay
   * below what saturates.
   * @param llr [numColumns·Z or more] ln P(0)/P(1)
   */
  load(llr: Float32Array): void;
  /** Gives the a-posteriori ratios of all columns in use. */
  store(llr: Float32Array): void;
  /** Works through one row of the base graph. */
  layer(row: number): void;
  /** Whether the signs of a row's bits meet all its checks. */
  isMet(row: number): boolean;
}

/** Steps of a ratio of 1: ±1023 in 16 bits. */
export const KERNEL_SCALE = 32;
const LARGEST = 256 * KERNEL_SCALE;

const LANES = 8;
const BYTES = 2 * LANES;
// Words of an edge's description.
const [SOURCE, SOURCE_COUNT, WRAPPED, WRAPPED_COUNT, WRAPPED_TO, MESSAGES] = [0, 4, 8, 12, 16, 20];
const EDGE_BYTES = 24;
// Locals: parameters, counters, pointers, vectors.
const [TABLE, DEGREE, EDGES, STEPS, FROM, TO, ROW, LEAST, SIGN] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
const [X, A, B, M] = [9, 10, 11, 12];

/** A float in all four lanes. */
const splatFloat = (value: number): Code => vectorOp(0x13, [0x43, ...new Uint8Array(Float32Array.of(value).buffer)]);
const toFloats = {
  multiply: (a: Code, b: Code): Code => vectorOp(0xe6, a, b),
  nearest: (a: Code): Code => vectorOp(0x6a, a),
  /** Floats to integers, eight of them to 16 bits: both saturate. */
  narrow: (low: Code, high: Code): Code => vectorOp(0x85, vectorOp(0xf8, low), vectorOp(0xf8, high)),
  low: (a: Code): Code => vectorOp(0xfa, vectorOp(0xa7, a)),
  high: (a: Code): Code => vectorOp(0xfa, vectorOp(0xa8, a)),
};

const int16 = {
  subSigned: (a: Code, b: Code): Code => vectorOp(0x92, a, b),
  subUnsigned: (a: Code, b: Code): Code => vectorOp(0x93, a, b),
  addSigned: (a: Code, b: Code): Code => vectorOp(0x8f, a, b),
  sub: (a: Code, b: Code): Code => vectorOp(0x91, a, b),
  abs: (a: Code): Code => vectorOp(0x80, a),
  min: (a: Code, b: Code): Code => vectorOp(0x97, a, b),
  max: (a: Code, b: Code): Code => vectorOp(0x99, a, b),
  minSigned: (a: Code, b: Code): Code => vectorOp(0x96, a, b),
  maxSigned: (a: Code, b: Code): Code => vectorOp(0x98, a, b),
  mulQ15: (a: Code, b: Code): Code => vectorOp(0x82, a, b),
  equal: (a: Code, b: Code): Code => vectorOp(0x2d, a, b),
  signs: (a: Code): Code => vectorOp(0x8c, a, i32(15)),
  xor: (a: Code, b: Code): Code => vectorOp(0x51, a, b),
  /** a where the mask is set, else b. */
  select: (a: Code, b: Code, mask: Code): Code => vectorOp(0x52, a, b, mask),
};

/**
 * Min-sum over one row of a lifted base graph, eight checks at a time in 16-bit integers, as a SIMD WebAssembly function.
 * A rotated column is copied in two runs to a row of its own, worked on there, and copied back; runs may go up to seven
 * values past their end, into what is written after them or into padding.
 *
 * @param rows the edges of each row in use
 * @param transform what becomes of a least magnitude: α·m with α ≤ 1 in units of 2⁻¹⁵, and max(0, m − β) in steps
 */
export function createMinSumKernel(
  z: number,
  numColumns: number,
  rows: readonly (readonly KernelEdge[])[],
  transform: { readonly scaleQ15: number; readonly offsetSteps: number },
): MinSumKernel {
  const steps = Math.ceil(z / LANES);
  const stride = (steps + 1) * LANES;
  const numEdges = rows.reduce((sum, row) => sum + row.length, 0);
  const widest = Math.max(...rows.map((row) => row.length));
  let bytes = 0;
  const allocate = (values: number): number => {
    const at = bytes;
    bytes += 2 * values;
    return at;
  };
  const ratios = allocate(numColumns * stride);
  const messages = allocate(numEdges * steps * LANES);
  const work = allocate(widest * stride);
  const least = allocate(steps * LANES);
  const second = allocate(steps * LANES);
  const sign = allocate(steps * LANES);
  const table = allocate((numEdges * EDGE_BYTES) / 2);
  const floats = allocate(2 * (numColumns * z + 2 * LANES));
  const spaces = { work, least, second: second - least, sign, stride: 2 * stride, steps };
  const columns = { floats, ratios, bytesOfFloats: 4 * z, stride: 2 * stride, steps };
  const bodies: [name: string, body: Code][] = [
    ['layer', layerBody(spaces, transform)],
    ['signs', signsBody(spaces)],
    ['load', loadBody(columns)],
    ['store', storeBody(columns)],
  ];
  const params: readonly ValueType[] = ['i32', 'i32'];
  const locals: readonly ValueType[] = [...Array<ValueType>(7).fill('i32'), ...Array<ValueType>(4).fill('v128')];
  const { memory, functions } = instantiate(
    assemble(
      bodies.map(([name, body]) => ({ name, params, locals, body })),
      Math.ceil(bytes / 65536),
    ),
  );

  const words = new Int32Array(memory, table, (numEdges * EDGE_BYTES) / 4);
  let edge = 0;
  const rowAt = rows.map((edges) => {
    const at = table + edge * EDGE_BYTES;
    for (const { column, shift } of edges) {
      const base = ratios + 2 * column * stride;
      words.set(
        [
          base + 2 * shift,
          Math.ceil((z - shift) / LANES),
          base,
          Math.max(1, Math.ceil(shift / LANES)),
          2 * (z - shift),
          messages + 2 * edge * steps * LANES,
        ],
        (edge * EDGE_BYTES) / 4,
      );
      edge++;
    }
    return at;
  });
  const said = new Int16Array(memory, messages, numEdges * steps * LANES);
  const given = new Float32Array(memory, floats, numColumns * z);
  const signs = new Int16Array(memory, sign, z);
  const pairsOfSigns = new Int32Array(memory, sign, z >> 1);
  return {
    load(llr) {
      given.set(llr.subarray(0, given.length));
      said.fill(0);
      functions.load(0, numColumns);
    },
    store(llr) {
      functions.store(0, numColumns);
      llr.set(given);
    },
    layer: (row) => functions.layer(rowAt[row], rows[row].length),
    isMet(row) {
      functions.signs(rowAt[row], rows[row].length);
      for (let i = 0; i < pairsOfSigns.length; i++) if ((pairsOfSigns[i] & 0x80008000) !== 0) return false;
      return z % 2 === 0 || signs[z - 1] >= 0;
    },
  };
}

interface Columns {
  readonly floats: number;
  readonly ratios: number;
  /** Of a column as floats, and as 16-bit integers with padding. */
  readonly bytesOfFloats: number;
  readonly stride: number;
  readonly steps: number;
}

/** DEGREE columns of floats at FROM to integers at TO. */
function loadBody({ floats, ratios, bytesOfFloats, stride, steps }: Columns): Code {
  const scaled = (offset: number): Code =>
    toFloats.nearest(toFloats.multiply(loadVector(FROM, offset), splatFloat(KERNEL_SCALE)));
  const limited = (value: Code): Code => int16.maxSigned(int16.minSigned(value, splat16(LARGEST)), splat16(-LARGEST));
  return [
    [set(FROM, i32(floats)), set(TO, i32(ratios))],
    repeat(EDGES, get(DEGREE), [
      repeat(STEPS, i32(steps), [
        storeVector(TO, 0, limited(toFloats.narrow(scaled(0), scaled(BYTES)))),
        advance(FROM, 2 * BYTES),
        advance(TO, BYTES),
      ]),
      advance(FROM, bytesOfFloats - 2 * BYTES * steps),
      advance(TO, stride - BYTES * steps),
    ]),
  ];
}

/** DEGREE columns of integers at FROM to floats at TO; what goes past a column's end is written over by the next. */
function storeBody({ floats, ratios, bytesOfFloats, stride, steps }: Columns): Code {
  const scaled = (value: Code): Code => toFloats.multiply(value, splatFloat(1 / KERNEL_SCALE));
  return [
    [set(FROM, i32(ratios)), set(TO, i32(floats))],
    repeat(EDGES, get(DEGREE), [
      repeat(STEPS, i32(steps), [
        set(X, loadVector(FROM, 0)),
        storeVector(TO, 0, scaled(toFloats.low(get(X)))),
        storeVector(TO, BYTES, scaled(toFloats.high(get(X)))),
        advance(FROM, BYTES),
        advance(TO, 2 * BYTES),
      ]),
      advance(FROM, stride - BYTES * steps),
      advance(TO, bytesOfFloats - 2 * BYTES * steps),
    ]),
  ];
}

interface Spaces {
  readonly work: number;
  readonly least: number;
  /** Bytes from the least magnitudes to the second least. */
  readonly second: number;
  readonly sign: number;
  readonly stride: number;
  readonly steps: number;
}

/** `count` vectors from FROM to TO, as the edge at TABLE says. */
const copy = (count: Code): Code =>
  repeat(STEPS, count, [storeVector(TO, 0, loadVector(FROM, 0)), advance(FROM, BYTES), advance(TO, BYTES)]);

/** The edge's column, rotated, to ROW. */
const gather: Code = [
  [set(FROM, loadWord(TABLE, SOURCE)), set(TO, get(ROW)), copy(loadWord(TABLE, SOURCE_COUNT))],
  [set(FROM, loadWord(TABLE, WRAPPED)), set(TO, addInt(get(ROW), loadWord(TABLE, WRAPPED_TO)))],
  copy(loadWord(TABLE, WRAPPED_COUNT)),
];

/** ROW back to the edge's column: the wrapped run first, whose end the other then writes. */
const scatter: Code = [
  [set(FROM, addInt(get(ROW), loadWord(TABLE, WRAPPED_TO))), set(TO, loadWord(TABLE, WRAPPED))],
  copy(loadWord(TABLE, WRAPPED_COUNT)),
  [set(FROM, get(ROW)), set(TO, loadWord(TABLE, SOURCE)), copy(loadWord(TABLE, SOURCE_COUNT))],
];

/** Fills of `steps` vectors from `at` on. */
const fill = (at: number, steps: number, value: Code): Code => [
  set(TO, i32(at)),
  repeat(STEPS, i32(steps), [storeVector(TO, 0, value), advance(TO, BYTES)]),
];

function layerBody(
  { work, least, second, sign, stride, steps }: Spaces,
  { scaleQ15, offsetSteps }: { readonly scaleQ15: number; readonly offsetSteps: number },
): Code {
  const pointers = [set(FROM, get(ROW)), set(LEAST, i32(least)), set(SIGN, i32(sign))];
  const move = [FROM, TO, LEAST, SIGN].map((pointer) => advance(pointer, BYTES));
  const nextEdge = (by: 1 | -1): Code => [advance(TABLE, by * EDGE_BYTES), advance(ROW, by * stride)];
  const takeEdge: Code = [
    gather,
    pointers,
    set(TO, loadWord(TABLE, MESSAGES)),
    repeat(STEPS, i32(steps), [
      set(X, int16.subSigned(loadVector(FROM, 0), loadVector(TO, 0))),
      storeVector(FROM, 0, get(X)),
      set(A, int16.abs(get(X))),
      set(M, loadVector(LEAST, 0)),
      storeVector(LEAST, second, int16.min(loadVector(LEAST, second), int16.max(get(M), get(A)))),
      storeVector(LEAST, 0, int16.min(get(M), get(A))),
      storeVector(SIGN, 0, int16.xor(loadVector(SIGN, 0), get(X))),
      move,
    ]),
  ];
  const transformed = (value: Code): Code => {
    const less = offsetSteps > 0 ? int16.subUnsigned(value, splat16(offsetSteps)) : value;
    return scaleQ15 < 32768 ? int16.mulQ15(less, splat16(scaleQ15)) : less;
  };
  const giveEdge: Code = [
    pointers,
    set(TO, loadWord(TABLE, MESSAGES)),
    repeat(STEPS, i32(steps), [
      set(X, loadVector(FROM, 0)),
      set(M, loadVector(LEAST, 0)),
      set(B, int16.select(loadVector(LEAST, second), get(M), int16.equal(int16.abs(get(X)), get(M)))),
      // In 15 bits, as a signed number.
      set(B, transformed(int16.min(get(B), splat16(32767)))),
      set(A, int16.signs(int16.xor(loadVector(SIGN, 0), get(X)))),
      set(B, int16.sub(int16.xor(get(B), get(A)), get(A))),
      storeVector(TO, 0, get(B)),
      storeVector(FROM, 0, int16.addSigned(get(X), get(B))),
      move,
    ]),
    scatter,
  ];
  return [
    fill(least, steps, splat16(-1)),
    fill(least + second, steps, splat16(-1)),
    fill(sign, steps, splat16(0)),
    set(ROW, i32(work)),
    repeat(EDGES, get(DEGREE), [takeEdge, nextEdge(1)]),
    repeat(EDGES, get(DEGREE), [nextEdge(-1), giveEdge]),
  ];
}

/** The product of signs of each check, in the sign of SIGN. */
function signsBody({ work, sign, stride, steps }: Spaces): Code {
  return [
    fill(sign, steps, splat16(0)),
    set(ROW, i32(work)),
    repeat(EDGES, get(DEGREE), [
      gather,
      set(FROM, get(ROW)),
      set(SIGN, i32(sign)),
      repeat(STEPS, i32(steps), [
        storeVector(SIGN, 0, int16.xor(loadVector(SIGN, 0), loadVector(FROM, 0))),
        advance(FROM, BYTES),
        advance(SIGN, BYTES),
      ]),
      advance(TABLE, EDGE_BYTES),
      advance(ROW, stride),
    ]),
  ];
}
