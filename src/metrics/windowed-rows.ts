import {
  add64,
  advance,
  assemble,
  type Code,
  get,
  instantiate,
  loadSplat64,
  loadVector,
  mul64,
  repeat,
  set,
  storeVector,
  type ValueType,
} from '../dsp/wasm-module.js';

/** A separable, symmetric window over the rows of several planes, which come one after another. */
export interface WindowedRows {
  /** The next row of each plane, [width], to be filled before `push`. */
  readonly inputs: readonly Float64Array[];
  /** Valid positions of the window over the rows pushed last, as many as it is long: [width − length + 1] of each plane. */
  readonly outputs: readonly Float64Array[];
  push(): void;
}

/** The longest window there is code for. */
const TAPS = 11;
const HALF = (TAPS - 1) / 2;
/** Doubles before the input that a shorter window reads at weight 0, and doubles by which the last turn may overrun. */
const MARGIN = 8;
const DOUBLES_A_TURN = 4;

/**
 * to[i] = w₅·a₅[i] + Σ_k<5 w_k·(a_k[i] + a_{10−k}[i]) in double precision, two positions a vector, as WebAssembly: the loop in
 * JavaScript takes three times as long, for it checks eleven bounds a position.
 */
function weigh(): Code {
  const to = TAPS;
  const weights = TAPS + 1;
  const count = TAPS + 2;
  const weight = (k: number): number => TAPS + 3 + k;
  const sum = (offset: number): Code => {
    const pair = (k: number): Code =>
      mul64(get(weight(k)), add64(loadVector(k, offset), loadVector(TAPS - 1 - k, offset)));
    let total = mul64(get(weight(HALF)), loadVector(HALF, offset));
    for (let k = HALF - 1; k >= 0; k--) total = add64(total, pair(k));
    return total;
  };
  return [
    Array.from({ length: HALF + 1 }, (_, k) => set(weight(k), loadSplat64(weights, 8 * k))),
    repeat(weight(HALF + 1), get(count), [
      [0, 16].map((offset) => storeVector(to, offset, sum(offset))),
      Array.from({ length: TAPS + 1 }, (_, pointer) => advance(pointer, 8 * DOUBLES_A_TURN)),
    ]),
  ];
}

interface Kernel {
  readonly doubles: Float64Array;
  readonly weigh: (...pointers: number[]) => void;
}

let kernel: Kernel | null = null;

/** One piece of memory for all: a call is done with it before another begins. */
function kernelOf(doubles: number): Kernel {
  if (kernel !== null && kernel.doubles.length >= doubles) return kernel;
  const pages = Math.ceil((8 * doubles) / 65536);
  const params = Array<ValueType>(TAPS + 3).fill('i32');
  const locals: ValueType[] = [...Array<ValueType>(HALF + 1).fill('v128'), 'i32'];
  const { memory, functions } = instantiate(assemble([{ name: 'weigh', params, locals, body: weigh() }], pages));
  kernel = { doubles: new Float64Array(memory), weigh: functions['weigh'] };
  return kernel;
}

/**
 * To be used up before the next call, which may have the same memory.
 *
 * @param window symmetric, of odd length up to 11
 */
export function windowedRows(planes: number, width: number, window: Float64Array): WindowedRows {
  const half = (window.length - 1) / 2;
  const length = planes * width;
  const stride = MARGIN + length + MARGIN;
  const { doubles, weigh } = kernelOf((TAPS + 2) * stride + MARGIN);
  const rowAt = (row: number): number => MARGIN + row * stride + MARGIN;
  const input = rowAt(TAPS);
  const output = rowAt(TAPS + 1);
  for (let k = 0; k <= HALF; k++) doubles[k] = window[half - HALF + k] ?? 0;
  // What a shorter window reads at weight 0 must be a number.
  doubles.fill(0, MARGIN, rowAt(TAPS + 2) - MARGIN);
  const turns = Math.ceil(length / DOUBLES_A_TURN);
  const across = Array.from({ length: TAPS }, (_, k) => 8 * (input + half - HALF + k));
  const down = new Array<number>(TAPS);
  let newest = 0;
  const parts = (from: number, size: number): Float64Array[] =>
    Array.from({ length: planes }, (_, p) => doubles.subarray(from + p * width, from + p * width + size));
  return {
    inputs: parts(input, width),
    outputs: parts(output, width - window.length + 1),
    push() {
      newest = (newest + 1) % TAPS;
      weigh(...across, 8 * rowAt(newest), 0, turns);
      for (let k = -HALF; k <= HALF; k++) {
        const age = Math.abs(k) > half ? 0 : half - k;
        down[HALF + k] = 8 * rowAt((newest - age + TAPS) % TAPS);
      }
      weigh(...down, 8 * output, 0, turns);
    },
  };
}
