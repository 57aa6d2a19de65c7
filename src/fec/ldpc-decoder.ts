import { ConfigError, ShapeError } from '../core/errors.js';
import { CORE_ROWS } from './base-graph.js';
import type { DecoderEngine } from './decoder-engine.js';
import type { LdpcCode } from './ldpc-code.js';
import { createMinSumKernel, KERNEL_SCALE } from './min-sum-kernel.js';
import { createSumProduct } from './sum-product.js';

/**
 * What a check says to one of its bits, of the messages x_j of the others:
 *
 *   normalised-min-sum: α·Π sign(x_j)·min |x_j|
 *   offset-min-sum:     Π sign(x_j)·max(0, min |x_j| − β)
 *   sum-product:        Π sign(x_j)·φ(Σ φ(|x_j|)),   φ(x) = −ln tanh(x/2)
 *
 * The first two work in 16-bit integers of 1/32 (ratios up to ±1023), sum-product in single precision.
 */
export type LdpcAlgorithm = 'normalised-min-sum' | 'offset-min-sum' | 'sum-product';

export const ldpcAlgorithms: readonly LdpcAlgorithm[] = ['normalised-min-sum', 'offset-min-sum', 'sum-product'];

export interface LdpcDecoderConfig {
  readonly algorithm: LdpcAlgorithm;
  /** At most so many. */
  readonly iterations: number;
  /** α, 0…1; by default 0.75. */
  readonly scale?: number | undefined;
  /** β ≥ 0, in natural log-odds; by default 0.5. */
  readonly offset?: number | undefined;
  /** Rows of the base graph in use: those whose parity was sent. By default all. */
  readonly rows?: number;
}

export interface LdpcOutcome {
  /** Iterations done; 0 where the received bits were a codeword as they came. */
  readonly iterations: number;
  /** Whether all checks in use are met. */
  readonly converged: boolean;
}

export interface LdpcDecoder {
  /**
   * @param llr [numBits] ln P(0)/P(1) of each bit: 0 for what was not sent, large for fillers. Overwritten with the a-posteriori ratios
   * of all bits that rows in use check.
   * @throws ShapeError
   */
  execute(llr: Float32Array): LdpcOutcome;
}

const DEFAULT_SCALE = 0.75;
const DEFAULT_OFFSET = 0.5;

/**
 * Layered decoder: one row of the base graph after the other (Z checks that share no bit), each with what the rows before
 * it left. Stops as soon as all checks in use are met.
 *
 * Sources: Hocevar, "A reduced complexity decoder architecture via layered decoding of LDPC codes", SiPS 2004; Chen et al.,
 * "Reduced-complexity decoding of LDPC codes", IEEE Trans. Commun. 53(8), 2005.
 *
 * @throws ConfigError
 */
export function createLdpcDecoder(code: LdpcCode, config: LdpcDecoderConfig): LdpcDecoder {
  checkConfig(config, code.graph.rows);
  const { numBits } = code;
  const { iterations, rows = code.graph.rows } = config;
  const engine = config.algorithm === 'sum-product' ? createSumProduct(code, rows) : createMinSum(code, config, rows);
  const isDone = (): boolean => {
    for (let row = 0; row < rows; row++) if (!engine.isMet(row)) return false;
    return true;
  };
  return {
    execute(llr) {
      if (llr.length !== numBits) {
        throw new ShapeError('shape.ldpc', `the LDPC decoder takes ${numBits} ratios, got ${llr.length}`);
      }
      engine.load(llr);
      let done = 0;
      let converged = isDone();
      while (!converged && done < iterations) {
        for (let row = 0; row < rows; row++) engine.layer(row);
        done++;
        converged = isDone();
      }
      engine.store(llr);
      return { iterations: done, converged };
    },
  };
}

function createMinSum(
  { graph, z, shiftOf }: LdpcCode,
  { algorithm, scale = DEFAULT_SCALE, offset = DEFAULT_OFFSET }: LdpcDecoderConfig,
  rows: number,
): DecoderEngine {
  const edges = Array.from({ length: rows }, (_, row) =>
    Array.from({ length: graph.rowStart[row + 1] - graph.rowStart[row] }, (_, i) => {
      const e = graph.rowStart[row] + i;
      return { column: graph.columnOf[e], shift: shiftOf[e] };
    }),
  );
  // Columns of rows that are not in use have no part in the others.
  return createMinSumKernel(z, graph.systematic + rows, edges, {
    scaleQ15: algorithm === 'normalised-min-sum' ? Math.round(32768 * scale) : 32768,
    offsetSteps: algorithm === 'offset-min-sum' ? Math.round(KERNEL_SCALE * offset) : 0,
  });
}

function checkConfig({ algorithm, iterations, scale, offset, rows }: LdpcDecoderConfig, all: number): void {
  const fault = (name: string, value: unknown, remedy: string): ConfigError =>
    new ConfigError('fec.decoder', `LDPC decoder: ${name} is ${String(value)}; ${remedy}`, { value });
  if (!ldpcAlgorithms.includes(algorithm)) {
    throw fault('algorithm', algorithm, `choose one of ${ldpcAlgorithms.join(', ')}`);
  }
  if (!Number.isInteger(iterations) || iterations < 1) {
    throw fault('iterations', iterations, 'choose a whole number of at least 1');
  }
  if (scale !== undefined && !(scale > 0 && scale <= 1)) throw fault('scale', scale, 'choose a number in (0, 1]');
  if (offset !== undefined && !(offset >= 0 && offset < 10))
    throw fault('offset', offset, 'choose a number in [0, 10)');
  if (rows !== undefined && (!Number.isInteger(rows) || rows < CORE_ROWS || rows > all)) {
    throw fault('rows', rows, `choose a whole number from ${CORE_ROWS} to ${all}`);
  }
}
