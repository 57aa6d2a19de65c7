/** Stands before the digits of an integer that a double cannot hold, while JSON has it in quotes. */
const MARK = '\u0001integer:';

/** Strings, or whole numbers with sign, fraction and exponent. Strings come first, so that digits in them stay text. */
const TOKENS = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/gs;

/**
 * JSON → value, as JSON.parse, except that integers beyond ±(2⁵³ − 1) become BigInt: times in nanoseconds and sample
 * counters of long runs keep their digits. A byte-order mark at the start is skipped.
 *
 * @throws SyntaxError
 */
export function parseExactJson(text: string): unknown {
  const plain = text.replace(/^\uFEFF/, '');
  if (!/\d{16}/.test(plain)) return JSON.parse(plain);
  const marked = plain.replace(TOKENS, (token) =>
    /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"\\u0001integer:${token}"` : token,
  );
  return JSON.parse(marked, (_key, value: unknown) =>
    typeof value === 'string' && value.startsWith(MARK) && /^-?\d+$/.test(value.slice(MARK.length))
      ? BigInt(value.slice(MARK.length))
      : value,
  );
}

/** Value → JSON with two spaces of indent; BigInt as digits. The inverse of parseExactJson. */
export function exactJson(value: unknown): string {
  const text = JSON.stringify(value, (_key, v: unknown) => (typeof v === 'bigint' ? `${MARK}${v}` : v), 2);
  return text.replace(/"\\u0001integer:(-?\d+)"/g, '$1');
}

/** The value with doubles in place of BigInt, for checks that know only numbers; itself where it holds none. */
export function withoutBigInts(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) {
    const items = value.map(withoutBigInts);
    return items.some((item, i) => item !== value[i]) ? items : value;
  }
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, item]) => [key, withoutBigInts(item)] as const);
  const same = entries.every(([key, item]) => item === (value as Record<string, unknown>)[key]);
  return same ? value : Object.fromEntries(entries);
}
