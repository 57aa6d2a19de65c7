import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../../src/config/load.js';
import {
  builtinReceivers,
  checkReceiverNames,
  findReceivers,
  type ReceiverDescriptor,
} from '../../../src/link/setting/receivers.js';

const work = mkdtempSync(join(tmpdir(), 'blindlink-receivers-'));
const configOf = (...names: string[]) => resolveConfig({ receiver: { names } });
const write = (name: string, text: string): string => {
  const path = join(work, name);
  writeFileSync(path, text);
  return path;
};

describe('receivers by name', () => {
  it('are found in the order in which they are named', async () => {
    const found = await findReceivers(configOf('blind-em', 'pilot'));
    expect(found.map(({ name }) => name)).toEqual(['blind-em', 'pilot']);
  });

  it('unknown ones are refused with the nearest right one', async () => {
    const message = /^receiver\.names holds "blind-me": must be one of perfect, pilot, .*did you mean blind-em\?$/;
    await expect(findReceivers(configOf('blind-me'))).rejects.toThrow(message);
    expect(() => {
      checkReceiverNames(configOf('blind-me'));
    }).toThrow(message);
  });

  it('may not be named twice', async () => {
    await expect(findReceivers(configOf('pilot', 'pilot'))).rejects.toThrow(/pilot: is named twice/);
  });

  it('of the caller’s own take part, and may take a built-in one’s place', async () => {
    const own: ReceiverDescriptor = { ...builtinReceivers[1], about: 'mine' };
    const [found] = await findReceivers(configOf('pilot'), [own]);
    expect(found.about).toBe('mine');
  });

  it('come from files that export one', async () => {
    const path = write('good.mjs', 'export default { name: "mine", about: "a test", create: () => ({}) };');
    const [found] = await findReceivers(configOf(path));
    expect(found).toMatchObject({ name: 'mine', about: 'a test' });
  });

  it.each([
    ['missing.mjs', null, /missing\.mjs: no such file; check the path$/],
    ['syntax.mjs', 'export default {', /syntax\.mjs: cannot be loaded \(.*\)$/],
    ['throws.mjs', 'throw new Error("first line\\nsecond")', /throws\.mjs: cannot be loaded \(first line\)$/],
    ['empty.mjs', 'export const x = 1;', /empty\.mjs: its default export must be \{ name, about, create\(context\) \}/],
    ['null.mjs', 'export default null;', /null\.mjs: its default export must be/],
  ])('%s is refused in one line', async (name, text, message) => {
    const path = text === null ? join(work, name) : write(name, text);
    await expect(findReceivers(configOf(path))).rejects.toThrow(message);
  });
});
