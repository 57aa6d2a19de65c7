import type { ComplexArray } from './complex.js';

/** A stretch of baseband samples and where it belongs. Emitted blocks are never mutated afterwards. */
export interface SampleBlock {
  readonly samples: ComplexArray;
  /** Index of the first sample since the stream began, gaps included. */
  readonly sampleIndex: number;
  readonly sampleRateHz: number;
  readonly centerFrequencyHz: number;
  /** Samples lost immediately before this block. */
  readonly dropped: number;
}
