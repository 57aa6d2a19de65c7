import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTapSource } from '../../../src/channel/tap-source.js';
import { numTapsOf, tapProfile } from '../../../src/channel/tap-statistics.js';
import { FormatError } from '../../../src/core/errors.js';
import { type NpyArray, writeNpy, writeNpz } from '../../../src/core/npy.js';
import { createRng } from '../../../src/core/rng.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'blindlink-taps-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const rng = createRng(1);
/** Two realisations of two taps: mean power (1 + 1 + 4 + 4 + 4 + 0 + 1 + 1) / 2 = 8. */
const values = [1, 1, 2, -2, 0, 2, -1, 1];
const c64 = (shape: number[], data: number[]): NpyArray => ({
  dtype: 'complex64',
  shape,
  data: Float32Array.from(data),
});

function csv(text: string): string {
  const path = join(folder, 'taps.csv');
  writeFileSync(path, text);
  return path;
}

describe('measured taps', () => {
  const writers: Record<string, () => string> = {
    '.npy complex64': () => {
      const path = join(folder, 'a.npy');
      writeNpy(path, c64([2, 2], values));
      return path;
    },
    '.npy complex128': () => {
      const path = join(folder, 'b.npy');
      writeNpy(path, { dtype: 'complex128', shape: [2, 2], data: Float64Array.from(values) });
      return path;
    },
    '.npz key "taps" among others': () => {
      const path = join(folder, 'c.npz');
      writeNpz(
        path,
        new Map([
          ['other', c64([1], [9, 9])],
          ['taps', c64([2, 2], values)],
        ]),
      );
      return path;
    },
    '.npz only array': () => {
      const path = join(folder, 'd.npz');
      writeNpz(path, new Map([['h', c64([2, 2], values)]]));
      return path;
    },
    '.csv pairs': () => csv('# re0, im0, re1, im1\n1, 1, 2, -2\n\n0,2,-1,1\n'),
    '.csv a+bj': () => csv('1+1j,2-2j\n2j,-1+1e0j\r\n'),
    '.csv as numpy.savetxt writes it': () =>
      csv(' (1.0e+00+1.0e+00j), (2.0e+00-2.0e+00j)\n (0.0e+00+2.0e+00j), (-1.0e+00+1.0e+00j)\n'),
  };

  it.each(Object.entries(writers))('%s: replayed in turn, unit mean power', (_, write) => {
    const path = write();
    const source = createTapSource({ kind: 'file', path }, rng);
    const gain = 1 / Math.sqrt(8);
    for (const frame of [0, 1, 2, 7]) {
      const row = frame % 2;
      const taps = source.draw(frame);
      for (let l = 0; l < 2; l++) {
        expect(taps.re[l]).toBeCloseTo(gain * values[4 * row + 2 * l], 6);
        expect(taps.im[l]).toBeCloseTo(gain * values[4 * row + 2 * l + 1], 6);
      }
    }
    expect(numTapsOf({ kind: 'file', path })).toBe(2);
    expect([...tapProfile({ kind: 'file', path })].map((p) => Number(p.toFixed(9)))).toEqual([3 / 8, 5 / 8]);
  });

  it('normalize: false keeps the measured scale', () => {
    const path = csv('1+1j,2-2j\n2j,-1+1j');
    expect([...tapProfile({ kind: 'file', path, normalize: false })]).toEqual([3, 5]);
    expect(createTapSource({ kind: 'file', path, normalize: false }, rng).draw(1).im[0]).toBe(2);
  });

  it('one dimension is one realisation', () => {
    const path = join(folder, 'one.npy');
    writeNpy(path, c64([3], [1, 0, 0, 0, 0, 0]));
    const source = createTapSource({ kind: 'file', path }, rng);
    expect(source.numTaps).toBe(3);
    expect(source.draw(0)).toEqual(source.draw(1));
  });

  it.each<[string, string, RegExp]>([
    ['an odd count of numbers', '1,2,3', /taps\.csv: line 1 has 3 numbers/],
    ['ragged rows', '1,2\n1,2,3,4', /line 2 has 2 taps where earlier lines have 1/],
    ['words', '1+1j,hello', /line 1: "hello" is not a number or a\+bj/],
    ['nothing', '# empty\n', /holds no taps/],
    ['only zeros', '0,0', /holds only zeros/],
  ])('csv with %s is refused', (_, text, message) => {
    const path = csv(text);
    expect(() => tapProfile({ kind: 'file', path })).toThrow(FormatError);
    expect(() => tapProfile({ kind: 'file', path })).toThrow(message);
  });

  it.each<[string, () => string, RegExp]>([
    ['a missing file', () => join(folder, 'none.npy'), /none\.npy: cannot be read/],
    ['a missing csv', () => join(folder, 'none.csv'), /none\.csv: cannot be read/],
    ['another ending', () => join(folder, 'taps.mat'), /must end in \.npy, \.npz or \.csv/],
    [
      'real numbers',
      () => {
        writeNpy(join(folder, 'real.npy'), { dtype: 'float32', shape: [2], data: Float32Array.of(1, 2) });
        return join(folder, 'real.npy');
      },
      /must hold complex64 or complex128, not float32/,
    ],
    [
      'three dimensions',
      () => {
        writeNpy(join(folder, 'cube.npy'), c64([1, 1, 1], [1, 0]));
        return join(folder, 'cube.npy');
      },
      /not \[1, 1, 1\]/,
    ],
    [
      'no rows',
      () => {
        writeNpy(join(folder, 'empty.npy'), c64([0, 4], []));
        return join(folder, 'empty.npy');
      },
      /holds no taps/,
    ],
    [
      'NaN',
      () => {
        writeNpy(join(folder, 'nan.npy'), c64([1], [Number.NaN, 0]));
        return join(folder, 'nan.npy');
      },
      /not finite/,
    ],
    [
      'an npz without "taps"',
      () => {
        writeNpz(
          join(folder, 'ab.npz'),
          new Map([
            ['a', c64([1], [1, 0])],
            ['b', c64([1], [1, 0])],
          ]),
        );
        return join(folder, 'ab.npz');
      },
      /needs an array named "taps" \(it has a, b\)/,
    ],
  ])('%s is refused', (_, make, message) => {
    const path = make();
    expect(() => createTapSource({ kind: 'file', path }, rng)).toThrow(FormatError);
    expect(() => createTapSource({ kind: 'file', path }, rng)).toThrow(message);
  });
});
