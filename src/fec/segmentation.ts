import { ConfigError } from '../core/errors.js';
import { type BaseGraphNumber, liftingSizes } from './base-graph.js';
import { type Crc, CRC16, CRC24A } from './crc.js';

/** How a transport block becomes code blocks of one size; TS 38.212, 5.2.2, 7.2.1 and 7.2.2. */
export interface Segmentation {
  readonly graph: BaseGraphNumber;
  /** The transport block's check. */
  readonly crc: Crc;
  /** A: information bits. */
  readonly payload: number;
  /** C. Each of more than one carries a CRC24B of its own. */
  readonly numBlocks: number;
  /** K′: bits of a code block with its check, fillers left out. */
  readonly blockBits: number;
  /** Z_c. */
  readonly lifting: number;
  /** K: with F = K − K′ filler bits. */
  readonly numInformation: number;
}

/** Above this a transport block has 24 check bits, up to it 16. */
const SHORT_BLOCK = 3824;

/** Base graph of a transport block of `payload` bits at code rate R (TS 38.212, 7.2.2). */
export function baseGraphFor(payload: number, rate: number): BaseGraphNumber {
  return payload <= 292 || (payload <= SHORT_BLOCK && rate <= 0.67) || rate <= 0.25 ? 2 : 1;
}

/**
 * @param payload A, at least 1
 * @param rate R, the target code rate: it chooses the base graph
 * @throws ConfigError for a block that no equal code blocks make: NR's transport block sizes all fit
 */
export function segment(
  payload: number,
  rate: number,
  graph: BaseGraphNumber = baseGraphFor(payload, rate),
): Segmentation {
  if (!Number.isInteger(payload) || payload < 1) {
    throw new ConfigError('fec.payload', `transport block of ${payload} bits: choose a whole number of at least 1`);
  }
  const crc = payload > SHORT_BLOCK ? CRC24A : CRC16;
  const total = payload + crc.length;
  const largest = graph === 1 ? 8448 : 3840;
  const numBlocks = total <= largest ? 1 : Math.ceil(total / (largest - 24));
  const blockBits = numBlocks === 1 ? total : total / numBlocks + 24;
  if (!Number.isInteger(blockBits)) {
    throw new ConfigError(
      'fec.payload',
      `transport block of ${payload} bits: does not split into ${numBlocks} equal code blocks; take a size of TS 38.214, 5.1.3.2`,
    );
  }
  const columns = graph === 1 ? 22 : informationColumns(total);
  const lifting = liftingSizes.find((z) => columns * z >= blockBits)!;
  const numInformation = (graph === 1 ? 22 : 10) * lifting;
  return { graph, crc, payload, numBlocks, blockBits, lifting, numInformation };
}

/** K_b of base graph 2. */
function informationColumns(total: number): number {
  if (total > 640) return 10;
  if (total > 560) return 9;
  return total > 192 ? 8 : 6;
}
