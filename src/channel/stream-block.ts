import { type ComplexArray, createComplex, subarray } from '../core/complex.js';

/**
 * A baseband stream processor with memory. Any split of the input into chunks, empty ones included, gives exactly the
 * same output samples.
 */
export interface StreamBlock {
  /** How many samples the output lags the ideal, lag-free block; feed as many zeros to flush the end of a signal. */
  readonly latencySamples: number;
  /** The most samples that `execute` writes for an input of this length. */
  maxOutputLength(inputLength: number): number;
  /**
   * Consumes all of `input`, writes at the start of `output` and returns the number of samples written.
   * `output` needs `maxOutputLength(input.re.length)` samples. It may be `input` itself, except for blocks that change
   * the number of samples (a sampling-frequency offset, or a chain with one).
   */
  execute(input: ComplexArray, output: ComplexArray): number;
  /** Back to the state after creation, the random stream included. */
  reset(): void;
  /** An independent copy that continues from here exactly as the original would. */
  clone(): StreamBlock;
}

/** Runs a block on one chunk and returns its output in a fresh array of exactly the length written. */
export function runBlock(block: StreamBlock, input: ComplexArray): ComplexArray {
  const output = createComplex(block.maxOutputLength(input.re.length));
  const written = block.execute(input, output);
  return written === output.re.length ? output : subarray(output, 0, written);
}

export const sameLength = (inputLength: number): number => inputLength;

/** A function without memory as a stream block; `apply` fills `output` sample by sample and may work in place. */
export function memorylessBlock(apply: (input: ComplexArray, output: ComplexArray) => void): StreamBlock {
  return {
    latencySamples: 0,
    maxOutputLength: sameLength,
    execute(input, output) {
      apply(input, output);
      return input.re.length;
    },
    reset: () => undefined,
    clone: () => memorylessBlock(apply),
  };
}
