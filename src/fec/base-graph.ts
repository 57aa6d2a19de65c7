import { ConfigError } from '../core/errors.js';
import { baseGraph1Table, baseGraph2Table } from './base-graph-tables.js';

export type BaseGraphNumber = 1 | 2;

/** A base graph before lifting. Edges are in the order of rows, and of columns within a row. */
export interface BaseGraph {
  readonly number: BaseGraphNumber;
  readonly rows: number;
  readonly columns: number;
  /** Columns of information bits, filler bits included: 22 or 10. */
  readonly systematic: number;
  /** [rows + 1] where each row's edges begin. */
  readonly rowStart: Int32Array;
  /** [edges] */
  readonly columnOf: Int32Array;
  /** [edges·8] V of each set of lifting sizes. */
  readonly exponents: Int32Array;
}

/** Rows whose parity columns depend on each other: the four of the double diagonal. All further parity columns have one edge. */
export const CORE_ROWS = 4;

const LIFTING_FACTORS = [2, 3, 5, 7, 9, 11, 13, 15];
const MAX_LIFTING = 384;

/** Z_c by set, TS 38.212 table 5.3.2-1: a·2^j up to 384. */
export const liftingSets: readonly (readonly number[])[] = LIFTING_FACTORS.map((a) => {
  const sizes: number[] = [];
  for (let z = a; z <= MAX_LIFTING; z *= 2) sizes.push(z);
  return sizes;
});

/** All 51 lifting sizes, ascending. */
export const liftingSizes: readonly number[] = liftingSets.flat().sort((a, b) => a - b);

/** i_LS of a lifting size. @throws ConfigError for what is none */
export function liftingSetOf(z: number): number {
  const set = liftingSets.findIndex((sizes) => sizes.includes(z));
  if (set < 0) {
    throw new ConfigError('fec.lifting', `lifting size ${z}: choose one of TS 38.212, table 5.3.2-1 (2 to 384)`, {
      value: z,
    });
  }
  return set;
}

const graphs: readonly BaseGraph[] = [parse(1, baseGraph1Table, 22), parse(2, baseGraph2Table, 10)];

export const baseGraph = (number: BaseGraphNumber): BaseGraph => graphs[number - 1];

function parse(number: BaseGraphNumber, table: string, systematic: number): BaseGraph {
  const lines = table.trim().split('\n');
  const rowStart = [0];
  const columnOf: number[] = [];
  const exponents: number[] = [];
  for (const line of lines) {
    for (const edge of line.split(' ')) {
      const [column, shifts] = edge.split(':');
      columnOf.push(Number(column));
      exponents.push(...shifts.split(',').map(Number));
    }
    rowStart.push(columnOf.length);
  }
  return {
    number,
    rows: lines.length,
    columns: systematic + lines.length,
    systematic,
    rowStart: Int32Array.from(rowStart),
    columnOf: Int32Array.from(columnOf),
    exponents: Int32Array.from(exponents),
  };
}
