import { type BaseGraph, baseGraph, type BaseGraphNumber, liftingSetOf } from './base-graph.js';

/**
 * A lifted code: every edge of the base graph becomes a Z×Z identity whose columns are rotated, row i of it having its 1 in
 * column (i + shift) mod Z (TS 38.212, 5.3.2).
 */
export interface LdpcCode {
  readonly graph: BaseGraph;
  /** Z_c. */
  readonly z: number;
  /** [edges] V mod Z. */
  readonly shiftOf: Int32Array;
  /** Information bits with fillers, K = 22·Z or 10·Z. */
  readonly numInformation: number;
  /** Bits of a codeword with the 2·Z that are never sent. */
  readonly numBits: number;
}

/** @throws ConfigError for what is no lifting size */
export function createLdpcCode(number: BaseGraphNumber, z: number): LdpcCode {
  const graph = baseGraph(number);
  const set = liftingSetOf(z);
  return {
    graph,
    z,
    shiftOf: graph.columnOf.map((_, e) => graph.exponents[8 * e + set] % z),
    numInformation: graph.systematic * z,
    numBits: graph.columns * z,
  };
}

/** Whether H·cᵀ = 0 over the first `rows` rows of the base graph. */
export function isCodeword({ graph, z, shiftOf }: LdpcCode, bits: Uint8Array, rows = graph.rows): boolean {
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < z; i++) {
      let parity = 0;
      for (let e = graph.rowStart[row]; e < graph.rowStart[row + 1]; e++) {
        const at = i + shiftOf[e];
        parity ^= bits[graph.columnOf[e] * z + (at < z ? at : at - z)];
      }
      if (parity !== 0) return false;
    }
  }
  return true;
}
