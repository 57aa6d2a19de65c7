import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { frameColumns } from '../../../src/link/results/frame-report.js';
import { receptionColumns } from '../../../src/link/results/reception-folder.js';
import { csvCell, csvLine } from '../../../src/link/results/tables.js';

const json = readFileSync(new URL('../../../docs/json.md', import.meta.url), 'utf8');

describe('fields of a report', () => {
  it('of simulate are the columns of frames.csv and the table in docs/json.md', () => {
    const rows = [...json.matchAll(/^\| (`[^|]+?) +\|/gm)].flatMap(([, element]) =>
      [...element.matchAll(/`(\w+)`/g)].map(([, name]) => name),
    );
    expect(rows.filter((name) => !['type', 'perception', 'packet'].includes(name)).sort()).toEqual(
      [...frameColumns].sort(),
    );
  });

  it('of receive and replay are the columns of their frames.csv and named in docs/json.md', () => {
    const paragraph = /`receive` and `replay --json` print[^]*?; then a summary/.exec(json)![0];
    const named = [...paragraph.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    for (const column of receptionColumns) expect(named).toContain(column);
  });
});

describe('cells of a table', () => {
  it.each([
    [1.5, '1.5'],
    [true, 'true'],
    [null, ''],
    [undefined, ''],
    [Number.NaN, ''],
    ['a,b', '"a,b"'],
    ['say "x"', '"say ""x"""'],
    ['two\nlines', '"two\nlines"'],
    [{ kind: 'flat' }, '"{""kind"":""flat""}"'],
  ])('%j is %j', (value, element) => {
    expect(csvCell(value)).toBe(element);
  });

  it('stand in a line', () => {
    expect(csvLine(['a', 1, null])).toBe('a,1,\n');
  });
});
