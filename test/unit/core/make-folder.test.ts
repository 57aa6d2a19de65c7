import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { makeFolder } from '../../../src/core/make-folder.js';

const folder = mkdtempSync(join(tmpdir(), 'blindlink-folder-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('a folder that is asked for', () => {
  it('is made with those above it, and the topmost that was missing is told', () => {
    const path = join(folder, 'a', 'b', 'c');
    expect(makeFolder(path)).toBe(join(folder, 'a'));
    expect(statSync(path).isDirectory()).toBe(true);
    expect(makeFolder(join(folder, 'a', 'b', 'd'))).toBe(join(folder, 'a', 'b', 'd'));
    expect(makeFolder(path)).toBeUndefined();
  });

  it('cannot be where a file is, or under one', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(() => makeFolder(file)).toThrow(/EEXIST/);
    expect(() => makeFolder(join(file, 'under'))).toThrow(/ENOTDIR/);
  });

  it.runIf(existsSync('/proc/self'))('cannot be made in /proc, which answers at once', () => {
    expect(() => makeFolder('/proc/blindlink/run')).toThrow(/ENOENT/);
  });
});
