import { type Layout, locals, parameters, placeMany, transformMany, twiddleTable } from './fft-program.js';
import { assemble, instantiate } from './wasm-module.js';

/** Many DFTs of one length over one piece of memory: what the modem's inner loops run on. */
export interface FftKernel {
  /** Input area, split; the caller lays it out. */
  readonly inRe: Float32Array;
  readonly inIm: Float32Array;
  /** Cells to be placed, split: see `place`. */
  readonly cellRe: Float32Array;
  readonly cellIm: Float32Array;
  /** Output area, split. */
  readonly outRe: Float32Array;
  readonly outIm: Float32Array;
  /** For i < count: cell j of row i, at cellStart + i·numBins + j, goes to input sample inStart + i·N + bins[j]. */
  place(count: number, cellStart: number, inStart: number): void;
  /**
   * For i < count: transforms the N input samples from inStart + i·inStride and writes, from outStart + i·outStride, the
   * cyclic prefix (the last K results) and then the N results. Starts and strides count samples. The input is kept.
   */
  run(
    direction: 'forward' | 'inverse',
    count: number,
    inStart: number,
    inStride: number,
    outStart: number,
    outStride: number,
  ): void;
}

export interface FftKernelOptions {
  /** Samples of the input and output areas. */
  readonly inputLength: number;
  readonly outputLength: number;
  /** Multiplies every result, free of charge. */
  readonly scale: number;
  /** K results repeated in front of each output. */
  readonly prefixLength: number;
  /** [numBins] where `place` puts cells, ascending; none by default. */
  readonly bins?: Int32Array;
  /** Samples of the cell area; 0 by default. */
  readonly cellLength?: number;
}

/**
 * The N-point DFT X[k] = scale·Σ_n x[n]·exp(∓j2πkn/N) in float32 (∓: forward, inverse), as a SIMD WebAssembly function
 * emitted for this N. Stockham's self-sorting radix-4 decimation in frequency, a radix-2 pass last if log2 N is odd;
 * the inverse is the forward transform with real and imaginary parts exchanged. No allocation after creation.
 *
 * @param n a power of two from 16 to 2^20
 * @throws RangeError for another n, or where the areas do not fit WebAssembly's memory
 */
export function createFftKernel(n: number, options: FftKernelOptions): FftKernel {
  if (!Number.isInteger(n) || n < 16 || n > 1 << 20 || (n & (n - 1)) !== 0) {
    throw new RangeError(`an FFT kernel needs a power of two from 16 to 2^20, got ${n}`);
  }
  const twiddles = twiddleTable(n, options.scale);
  let floats = 0;
  const allocate = (length: number): number => {
    const at = floats;
    // Vectors may read up to three floats past an odd end, so areas are padded.
    floats += 4 * Math.ceil(length / 4) + 4;
    return 4 * at;
  };
  const layout: Layout = {
    twiddles: allocate(twiddles.length),
    work: [0, 1].map(() => ({ re: allocate(n), im: allocate(n) })),
  };
  const input = { re: allocate(options.inputLength), im: allocate(options.inputLength) };
  const bins = options.bins ?? new Int32Array(0);
  const cellLength = options.cellLength ?? 0;
  const cells = { re: allocate(cellLength), im: allocate(cellLength) };
  const output = { re: allocate(options.outputLength), im: allocate(options.outputLength) };
  const pages = Math.ceil((4 * floats) / 65536);
  if (pages > 65536) throw new RangeError('the areas of this FFT kernel exceed 4 GiB');

  const code = assemble(
    [
      { name: 'run', params: parameters, locals, body: transformMany(n, options.prefixLength, layout) },
      { name: 'place', params: parameters, locals, body: placeMany(bins) },
    ],
    pages,
  );
  const { memory, functions } = instantiate(code);
  const { run, place } = functions;
  const view = (byteOffset: number, length: number): Float32Array => new Float32Array(memory, byteOffset, length);
  view(layout.twiddles, twiddles.length).set(twiddles);
  return {
    inRe: view(input.re, options.inputLength),
    inIm: view(input.im, options.inputLength),
    cellRe: view(cells.re, cellLength),
    cellIm: view(cells.im, cellLength),
    outRe: view(output.re, options.outputLength),
    outIm: view(output.im, options.outputLength),
    place(count, cellStart, inStart) {
      if (count <= 0) return;
      const to = 4 * inStart;
      const from = 4 * cellStart;
      place(cells.re + from, cells.im + from, input.re + to, input.im + to, count, 4 * bins.length, 4 * n);
    },
    run(direction, count, inStart, inStride, outStart, outStride) {
      if (count <= 0) return;
      const a = input.re + 4 * inStart;
      const b = input.im + 4 * inStart;
      const c = output.re + 4 * outStart;
      const d = output.im + 4 * outStart;
      if (direction === 'forward') run(a, b, c, d, count, 4 * inStride, 4 * outStride);
      else run(b, a, d, c, count, 4 * inStride, 4 * outStride);
    },
  };
}
