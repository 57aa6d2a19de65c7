import { ConfigError } from '../core/errors.js';
import type { BitsPerSymbol } from './qam.js';

/** A modulation and coding scheme. */
export interface Mcs {
  readonly index: number;
  readonly bitsPerSymbol: BitsPerSymbol;
  /** R. */
  readonly rate: number;
}

/** `qam64`: TS 38.214, table 5.1.3.1-1; `qam256`: table 5.1.3.1-2. */
export type McsTableName = 'qam64' | 'qam256';

/** 1024·R by modulation, in the order of the tables. */
const RATES: Readonly<Record<McsTableName, readonly (readonly [BitsPerSymbol, readonly number[]])[]>> = {
  qam64: [
    [2, [120, 157, 193, 251, 308, 379, 449, 526, 602, 679]],
    [4, [340, 378, 434, 490, 553, 616, 658]],
    [6, [438, 466, 517, 567, 616, 666, 719, 772, 822, 873, 910, 948]],
  ],
  qam256: [
    [2, [120, 193, 308, 449, 602]],
    [4, [378, 434, 490, 553, 616, 658]],
    [6, [466, 517, 567, 616, 666, 719, 772, 822, 873]],
    [8, [682.5, 711, 754, 797, 841, 885, 916.5, 948]],
  ],
};

/** All schemes of a table, by index. */
export const mcsTable = (name: McsTableName): readonly Mcs[] =>
  RATES[name]
    .flatMap(([bitsPerSymbol, rates]) => rates.map((rate) => ({ bitsPerSymbol, rate: rate / 1024 })))
    .map((scheme, index) => ({ index, ...scheme }));

/** @throws ConfigError for an index that the table does not have */
export function mcsOf(name: McsTableName, index: number): Mcs {
  const table = mcsTable(name);
  const found = table.at(index);
  if (!Number.isInteger(index) || index < 0 || found === undefined) {
    throw new ConfigError('fec.mcs', `MCS ${index}: table ${name} has 0 to ${table.length - 1}`, { value: index });
  }
  return found;
}

/** TS 38.214, table 5.1.3.2-1. */
const SMALL_SIZES: readonly number[] = [
  ...steps(24, 192, 8),
  ...steps(208, 384, 16),
  ...steps(408, 576, 24),
  ...steps(608, 768, 32),
  ...[
    808, 848, 888, 928, 984, 1032, 1064, 1128, 1160, 1192, 1224, 1256, 1288, 1320, 1352, 1416, 1480, 1544, 1608, 1672,
  ],
  ...[1736, 1800, 1864, 1928, 2024, 2088, 2152, 2216, 2280, 2408, 2472, 2536, 2600, 2664, 2728, 2792, 2856, 2976, 3104],
  ...[3240, 3368, 3496, 3624, 3752, 3824],
];

function steps(from: number, to: number, by: number): number[] {
  const values: number[] = [];
  for (let value = from; value <= to; value += by) values.push(value);
  return values;
}

/**
 * Bits of a transport block that a scheme carries over `symbols` resource elements (TS 38.214, 5.1.3.2, one layer).
 *
 * @param symbols N_RE
 */
export function transportBlockSize(
  symbols: number,
  { bitsPerSymbol, rate }: Pick<Mcs, 'bitsPerSymbol' | 'rate'>,
): number {
  const info = symbols * rate * bitsPerSymbol;
  if (info <= 3824) {
    const n = Math.max(3, Math.floor(Math.log2(info)) - 6);
    const quantised = Math.max(24, 2 ** n * Math.floor(info / 2 ** n));
    return SMALL_SIZES.find((size) => size >= quantised)!;
  }
  const n = Math.floor(Math.log2(info - 24)) - 5;
  const quantised = Math.max(3840, 2 ** n * Math.floor((info - 24) / 2 ** n + 0.5));
  const blocks =
    rate <= 0.25 ? Math.ceil((quantised + 24) / 3816) : quantised > 8424 ? Math.ceil((quantised + 24) / 8424) : 1;
  return 8 * blocks * Math.ceil((quantised + 24) / (8 * blocks)) - 24;
}
