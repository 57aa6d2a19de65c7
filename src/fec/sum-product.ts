import type { DecoderEngine } from './decoder-engine.js';
import type { LdpcCode } from './ldpc-code.js';

/** Ratios beyond this are certain; it keeps sums of them exact enough in single precision. */
const CERTAIN = 1e4;

/** φ(x) = ln((eˣ + 1)/(eˣ − 1)) = −ln tanh(x/2), its own inverse; kept off 0, where it has no value. */
const phiOf = (x: number): number => Math.log1p(2 / Math.expm1(Math.max(x, 1e-9)));

/**
 * The exact rule of checks, in the φ domain: what a check says to a bit is φ(Σφ(|x_j|) − φ(|x|)).
 *
 * Source: Gallager, "Low-density parity-check codes", 1963; φ in double precision, so that taking one term from the sum
 * leaves enough of the others.
 *
 * @param rows of the base graph that are in use
 */
export function createSumProduct({ graph, z, shiftOf, numBits }: LdpcCode, rows: number): DecoderEngine {
  const { rowStart, columnOf } = graph;
  const ratios = new Float32Array(numBits);
  /** Messages of checks to bits, [edge, Z], and of the row at work from its bits, [edge in row, Z]. */
  const toBits = new Float32Array(rowStart[rows] * z);
  let widest = 0;
  for (let row = 0; row < rows; row++) widest = Math.max(widest, rowStart[row + 1] - rowStart[row]);
  const fromBits = new Float32Array(widest * z);
  const phi = new Float64Array(widest * z);
  const sum = new Float64Array(z);
  const sign = new Uint8Array(z);

  return {
    load(llr) {
      for (let v = 0; v < numBits; v++) ratios[v] = Math.min(CERTAIN, Math.max(-CERTAIN, llr[v]));
      toBits.fill(0);
    },
    store: (llr) => llr.set(ratios),
    layer(row) {
      const from = rowStart[row];
      const degree = rowStart[row + 1] - from;
      sum.fill(0);
      sign.fill(0);
      for (let k = 0; k < degree; k++) {
        const first = columnOf[from + k] * z;
        const shift = shiftOf[from + k];
        const turn = z - shift;
        for (let i = 0, at = k * z, r = (from + k) * z; i < z; i++, at++, r++) {
          const x = ratios[i < turn ? first + shift + i : first + i - turn] - toBits[r];
          fromBits[at] = x;
          phi[at] = phiOf(Math.abs(x));
          sum[i] += phi[at];
          sign[i] ^= x < 0 ? 1 : 0;
        }
      }
      for (let k = 0; k < degree; k++) {
        const first = columnOf[from + k] * z;
        const shift = shiftOf[from + k];
        const turn = z - shift;
        for (let i = 0, at = k * z, r = (from + k) * z; i < z; i++, at++, r++) {
          const x = fromBits[at];
          const strength = phiOf(sum[i] - phi[at]);
          const message = (sign[i] ^ (x < 0 ? 1 : 0)) === 0 ? strength : -strength;
          toBits[r] = message;
          ratios[i < turn ? first + shift + i : first + i - turn] = x + message;
        }
      }
    },
    isMet(row) {
      sign.fill(0);
      for (let e = rowStart[row]; e < rowStart[row + 1]; e++) {
        const first = columnOf[e] * z;
        const turn = z - shiftOf[e];
        for (let i = 0; i < z; i++) sign[i] ^= ratios[i < turn ? first + shiftOf[e] + i : first + i - turn] < 0 ? 1 : 0;
      }
      return !sign.includes(1);
    },
  };
}
