import { ShapeError } from '../core/errors.js';
import { CORE_ROWS } from './base-graph.js';
import type { LdpcCode } from './ldpc-code.js';

export interface LdpcEncoder {
  /**
   * @param bits [numBits] the first K are given (fillers as 0); parity is written behind them
   * @throws ShapeError
   */
  execute(bits: Uint8Array): void;
}

/**
 * Systematic encoder by back substitution. The sum of the four core rows leaves of all parity one rotation of the first
 * parity column; it being known, each row that has one unknown column gives it, and every row below the core gives its own.
 */
export function createLdpcEncoder(code: LdpcCode): LdpcEncoder {
  const { graph, z, shiftOf, numBits } = code;
  const { systematic, rowStart, columnOf } = graph;
  const known = new Set(Array.from({ length: systematic }, (_, c) => c));
  known.add(systematic);
  const steps: { readonly row: number; readonly edge: number }[] = [];
  const left = new Set(Array.from({ length: graph.rows }, (_, r) => r));
  for (let found = true; found;) {
    found = false;
    for (const row of left) {
      const edges = Array.from({ length: rowStart[row + 1] - rowStart[row] }, (_, i) => rowStart[row] + i);
      const open = edges.filter((e) => !known.has(columnOf[e]));
      if (open.length > 1) continue;
      if (open.length === 1) {
        steps.push({ row, edge: open[0] });
        known.add(columnOf[open[0]]);
      }
      left.delete(row);
      found = true;
    }
  }
  const first = firstParityShift(code);
  const sums = new Uint8Array(CORE_ROWS * z);
  const one = new Uint8Array(z);

  /** sum ^= the rotation of a column that edge `e` takes. */
  const addEdge = (bits: Uint8Array, e: number, sum: Uint8Array, at: number): void => {
    const base = columnOf[e] * z;
    const shift = shiftOf[e];
    for (let i = 0; i < z - shift; i++) sum[at + i] ^= bits[base + shift + i];
    for (let i = z - shift; i < z; i++) sum[at + i] ^= bits[base + shift + i - z];
  };

  return {
    execute(bits) {
      if (bits.length !== numBits) {
        throw new ShapeError('shape.ldpc', `the LDPC encoder takes ${numBits} bits, got ${bits.length}`);
      }
      bits.fill(0, systematic * z);
      sums.fill(0);
      for (let row = 0; row < CORE_ROWS; row++) {
        for (let e = rowStart[row]; e < rowStart[row + 1]; e++) {
          if (columnOf[e] < systematic) addEdge(bits, e, sums, row * z);
        }
      }
      for (let i = 0; i < z; i++) {
        const sum = sums[i] ^ sums[z + i] ^ sums[2 * z + i] ^ sums[3 * z + i];
        bits[systematic * z + ((i + first) % z)] = sum;
      }
      for (const { row, edge } of steps) {
        one.fill(0);
        for (let e = rowStart[row]; e < rowStart[row + 1]; e++) if (e !== edge) addEdge(bits, e, one, 0);
        const base = columnOf[edge] * z;
        const shift = shiftOf[edge];
        for (let i = 0; i < z; i++) bits[base + ((i + shift) % z)] = one[i];
      }
    },
  };
}

/** The rotation of the first parity column that the sum of the core rows leaves: the others occur twice. */
function firstParityShift({ graph, shiftOf }: LdpcCode): number {
  const odd = new Set<number>();
  for (let e = 0; e < graph.rowStart[CORE_ROWS]; e++) {
    if (graph.columnOf[e] !== graph.systematic) continue;
    if (!odd.delete(shiftOf[e])) odd.add(shiftOf[e]);
  }
  return [...odd][0];
}
