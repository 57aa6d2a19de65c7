import {
  add,
  addInt,
  advance,
  type Code,
  copyWord,
  get,
  i32,
  loadSplat,
  loadVector,
  mul,
  repeat,
  set,
  shuffle,
  storeVector,
  sub,
  type ValueType,
} from './wasm-module.js';

/** Byte offsets in memory. */
export interface Layout {
  readonly twiddles: number;
  readonly work: readonly { readonly re: number; readonly im: number }[];
}

// Locals: parameters, then loop counters and running pointers, then vectors.
const [IN_RE, IN_IM, OUT_RE, OUT_IM, COUNT, IN_STRIDE, OUT_STRIDE] = [0, 1, 2, 3, 4, 5, 6];
const [OUTER, INNER, SRC_RE, SRC_IM, DST_RE, DST_IM, TWIDDLE, BATCH] = [7, 8, 9, 10, 11, 12, 13, 14];
const V = 15;
const numVectors = 28;
export const parameters: readonly ValueType[] = Array<ValueType>(7).fill('i32');
export const locals: readonly ValueType[] = [
  ...Array<ValueType>(8).fill('i32'),
  ...Array<ValueType>(numVectors).fill('v128'),
];

/**
 * Pass 1: for each group of four p: [scale·w^p re ×4, im ×4, w^2p …, w^3p …], w = exp(−j2π/N), then four times scale.
 * Each later pass of length n' > 4: for p = 1…n'/4−1: [w^p re, im, w^2p re, im, w^3p re, im, 0, 0].
 */
export function twiddleTable(n: number, scale: number): Float32Array {
  const table: number[] = [scale, scale, scale, scale];
  const root = (exponent: number, length: number): [number, number] => {
    const angle = (-2 * Math.PI * (exponent % length)) / length;
    return [Math.cos(angle), Math.sin(angle)];
  };
  for (let p = 0; p < n / 4; p += 4) {
    for (let power = 1; power <= 3; power++) {
      for (let part = 0; part < 2; part++) {
        for (let lane = 0; lane < 4; lane++) table.push(scale * root(power * (p + lane), n)[part]);
      }
    }
  }
  for (let length = n / 4; length > 4; length /= 4) {
    for (let p = 1; p < length / 4; p++)
      table.push(...root(p, length), ...root(2 * p, length), ...root(3 * p, length), 0, 0);
  }
  return Float32Array.from(table);
}

export function transformMany(n: number, prefixLength: number, layout: Layout): Code {
  const body: Code[] = [];
  let table = layout.twiddles + 16 + 6 * n;
  const at = (i: number): [Code, Code] => [i32(layout.work[i].re), i32(layout.work[i].im)];
  let source: [Code, Code] = [get(IN_RE), get(IN_IM)];
  const target = (last: boolean, pass: number): [Code, Code] =>
    last ? [addInt(get(OUT_RE), i32(4 * prefixLength)), addInt(get(OUT_IM), i32(4 * prefixLength))] : at(pass % 2);

  for (let length = n, stride = 1, pass = 0; length > 1; length /= 4, stride *= 4, pass++) {
    const destination = target(length <= 4, pass);
    body.push(set(SRC_RE, source[0]), set(SRC_IM, source[1]));
    body.push(set(DST_RE, destination[0]), set(DST_IM, destination[1]));
    if (pass === 0) body.push(set(TWIDDLE, i32(layout.twiddles)), firstPass(n));
    else if (length === 2) body.push(radix2Pass(n));
    else {
      body.push(set(TWIDDLE, i32(table)), laterPass(n, length, stride));
      table += 32 * (length / 4 - 1);
    }
    source = destination;
  }
  body.push(copyPrefix(n, prefixLength));
  return repeat(BATCH, get(COUNT), [body, nextRow()]);
}

function nextRow(): Code {
  const move = (pointer: number, stride: number): Code => set(pointer, addInt(get(pointer), get(stride)));
  return [move(IN_RE, IN_STRIDE), move(IN_IM, IN_STRIDE), move(OUT_RE, OUT_STRIDE), move(OUT_IM, OUT_STRIDE)];
}

/** Rows of packed cells to their bins, a vector at a time within a run of neighbouring bins. */
export function placeMany(bins: Int32Array): Code {
  const body: Code[] = [];
  for (let start = 0, end = 0; start < bins.length; start = end) {
    for (end = start + 1; end < bins.length && bins[end] === bins[end - 1] + 1;) end++;
    for (const [from, to] of [
      [IN_RE, OUT_RE],
      [IN_IM, OUT_IM],
    ]) {
      const shift = bins[start] - start;
      let i = start;
      for (; i + 4 <= end; i += 4) body.push(storeVector(to, 4 * (i + shift), loadVector(from, 4 * i)));
      for (; i < end; i++) body.push(copyWord(to, 4 * (i + shift), from, 4 * i));
    }
  }
  return repeat(BATCH, get(COUNT), [body, nextRow()]);
}

/** Repeats `body(i)` for i < count, `unroll` bodies a turn, `step` moving the pointers on by a turn. */
function unrolled(counter: number, count: number, body: (i: number) => Code, step: (unroll: number) => Code): Code {
  const unroll = Math.min(count, 4);
  const turn = Array.from({ length: unroll }, (_, i) => body(i)).flat();
  if (count === unroll) return turn;
  return repeat(counter, i32(count / unroll), [turn, step(unroll)]);
}

/** s = 1: four neighbouring p in the lanes, results transposed so that y[4p + k] is contiguous. */
function firstPass(n: number): Code {
  // The first four floats of the table are the scale; the twiddles follow.
  const scale = V + 27;
  const group = (i: number): Code => {
    const twiddle = (power: number, part: number): Code =>
      loadVector(TWIDDLE, 16 + 96 * i + 32 * (power - 1) + 16 * part);
    return [
      butterfly(n, 16 * i, twiddle, get(scale)),
      transposeStore(DST_RE, 64 * i, V + 8),
      transposeStore(DST_IM, 64 * i, V + 12),
    ];
  };
  const step = (unroll: number): Code => [
    advance(SRC_RE, 16 * unroll),
    advance(SRC_IM, 16 * unroll),
    advance(DST_RE, 64 * unroll),
    advance(DST_IM, 64 * unroll),
    advance(TWIDDLE, 96 * unroll),
  ];
  return [set(scale, loadVector(TWIDDLE, 0)), unrolled(OUTER, n / 16, group, step)];
}

/** s ≥ 4: for each p, four neighbouring q in the lanes; p = 0 needs no twiddles. */
function laterPass(n: number, length: number, stride: number): Code {
  const column = (twiddle: ((power: number, part: number) => Code) | null): Code =>
    unrolled(
      INNER,
      stride / 4,
      (i) => [
        butterfly(n, 16 * i, twiddle, null),
        [0, 1, 2, 3].flatMap((k) => storeVector(DST_RE, 16 * i + 4 * stride * k, get(V + 8 + k))),
        [0, 1, 2, 3].flatMap((k) => storeVector(DST_IM, 16 * i + 4 * stride * k, get(V + 12 + k))),
      ],
      (unroll) => [SRC_RE, SRC_IM, DST_RE, DST_IM].flatMap((pointer) => advance(pointer, 16 * unroll)),
    );
  const looped = stride / 4 > 4;
  const nextColumn = [
    looped ? [] : [SRC_RE, SRC_IM].flatMap((pointer) => advance(pointer, 4 * stride)),
    [DST_RE, DST_IM].flatMap((pointer) => advance(pointer, looped ? 12 * stride : 16 * stride)),
  ];
  const first = column(null);
  if (length === 4) return first;
  const loads = [0, 1, 2, 3, 4, 5].flatMap((i) => set(V + 21 + i, loadSplat(TWIDDLE, 4 * i)));
  const rest = [loads, column((power, part) => get(V + 21 + 2 * (power - 1) + part)), nextColumn, advance(TWIDDLE, 32)];
  return [first, nextColumn, repeat(OUTER, i32(length / 4 - 1), rest)];
}

/**
 * y0 = (a+c)+(b+d), y1 = w(a−c−j(b−d)), y2 = w²((a+c)−(b+d)), y3 = w³(a−c+j(b−d)) for four lanes; a…d lie N/4 apart.
 * Results go to locals V+8…11 (real) and V+12…15 (imaginary).
 */
function butterfly(
  n: number,
  offset: number,
  twiddle: ((power: number, part: number) => Code) | null,
  scale: Code | null,
): Code {
  const [acR, acI, adR, adI, bcR, bcI, bdR, bdI] = [0, 1, 2, 3, 4, 5, 6, 7].map((i) => V + i);
  const [a, b] = [V + 16, V + 17];
  const pair = (base: number, k: number, sumTo: number, differenceTo: number): Code => [
    set(a, loadVector(base, offset + k * n)),
    set(b, loadVector(base, offset + (k + 2) * n)),
    set(sumTo, add(get(a), get(b))),
    set(differenceTo, sub(get(a), get(b))),
  ];
  const [tR, tI] = [V + 18, V + 19];
  const result = (k: number, re: Code, im: Code): Code => {
    if (twiddle === null) return [set(V + 8 + k, re), set(V + 12 + k, im)];
    return [
      set(tR, re),
      set(tI, im),
      set(V + 8 + k, sub(mul(get(tR), twiddle(k, 0)), mul(get(tI), twiddle(k, 1)))),
      set(V + 12 + k, add(mul(get(tR), twiddle(k, 1)), mul(get(tI), twiddle(k, 0)))),
    ];
  };
  const sumR = add(get(acR), get(bcR));
  const sumI = add(get(acI), get(bcI));
  return [
    pair(SRC_RE, 0, acR, adR),
    pair(SRC_IM, 0, acI, adI),
    pair(SRC_RE, 1, bcR, bdR),
    pair(SRC_IM, 1, bcI, bdI),
    set(V + 8, scale === null ? sumR : mul(sumR, scale)),
    set(V + 12, scale === null ? sumI : mul(sumI, scale)),
    result(1, add(get(adR), get(bdI)), sub(get(adI), get(bdR))),
    result(2, sub(get(acR), get(bcR)), sub(get(acI), get(bcI))),
    result(3, sub(get(adR), get(bdI)), add(get(adI), get(bdR))),
  ];
}

/** Stores the 4×4 transpose of locals first…first+3. */
function transposeStore(base: number, offset: number, first: number): Code {
  const [low01, low23, high01, high23] = [16, 17, 18, 19].map((i) => V + i);
  const row = (i: number): Code => get(first + i);
  return [
    set(low01, shuffle(row(0), row(1), [0, 4, 1, 5])),
    set(low23, shuffle(row(2), row(3), [0, 4, 1, 5])),
    set(high01, shuffle(row(0), row(1), [2, 6, 3, 7])),
    set(high23, shuffle(row(2), row(3), [2, 6, 3, 7])),
    storeVector(base, offset, shuffle(get(low01), get(low23), [0, 1, 4, 5])),
    storeVector(base, offset + 16, shuffle(get(low01), get(low23), [2, 3, 6, 7])),
    storeVector(base, offset + 32, shuffle(get(high01), get(high23), [0, 1, 4, 5])),
    storeVector(base, offset + 48, shuffle(get(high01), get(high23), [2, 3, 6, 7])),
  ];
}

/** Last pass of an odd power of two: y[q] = x[q] + x[q + N/2], y[q + N/2] = x[q] − x[q + N/2]. */
function radix2Pass(n: number): Code {
  const one = (src: number, dst: number, i: number): Code => [
    set(V, loadVector(src, 16 * i)),
    set(V + 1, loadVector(src, 16 * i + 2 * n)),
    storeVector(dst, 16 * i, add(get(V), get(V + 1))),
    storeVector(dst, 16 * i + 2 * n, sub(get(V), get(V + 1))),
  ];
  return unrolled(
    INNER,
    n / 8,
    (i) => [one(SRC_RE, DST_RE, i), one(SRC_IM, DST_IM, i)],
    (unroll) => [SRC_RE, SRC_IM, DST_RE, DST_IM].flatMap((pointer) => advance(pointer, 16 * unroll)),
  );
}

/** The last K results again, in front of the first. */
function copyPrefix(n: number, prefixLength: number): Code {
  const vectors = prefixLength >> 2;
  const code: Code[] = [];
  for (const base of [OUT_RE, OUT_IM]) {
    if (vectors > 0 && vectors <= 16) {
      for (let i = 0; i < vectors; i++) code.push(storeVector(base, 16 * i, loadVector(base, 4 * n + 16 * i)));
    } else if (vectors > 16) {
      const copy = [storeVector(DST_RE, 0, loadVector(DST_RE, 4 * n)), advance(DST_RE, 16)];
      code.push(set(DST_RE, get(base)), repeat(INNER, i32(vectors), copy));
    }
    for (let i = 4 * vectors; i < prefixLength; i++) code.push(copyWord(base, 4 * i, base, 4 * (n + i)));
  }
  return code;
}
