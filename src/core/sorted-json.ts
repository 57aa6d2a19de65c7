/** JSON with the keys of every object in order: the same text for values that differ in the order of their keys alone. */
export const sortedJson = (value: unknown): string => JSON.stringify(value, (_, own: unknown) => sorted(own));

const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value;
