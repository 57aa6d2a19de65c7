import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PHOTOGRAPHS } from '../../../src/source/builtin-photos.js';
import { openPictures, type PictureSource } from '../../../src/source/picture-source.js';

const maxPixels = 4_194_304;
let folder = '';
const at = (...names: string[]): string => join(folder, ...names);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'blindlink-source-'));
  mkdirSync(at('set', 'sub', 'trap.png'), { recursive: true });
  mkdirSync(at('bare'));
  const dot = sharp({ create: { width: 2, height: 2, channels: 3, background: 'red' } });
  for (const name of ['b.png', 'a.PNG', 'sub/c.jpg']) await dot.clone().toFile(at('set', name.replace('PNG', 'png')));
  writeFileSync(at('set', 'notes.txt'), 'not a picture');
  writeFileSync(at('bare', 'notes.txt'), 'not a picture');
  // A Mac's resource fork.
  writeFileSync(at('set', '._a.png'), 'not a picture');
  writeFileSync(at('broken.png'), 'not a picture');
});
afterAll(() => rmSync(folder, { recursive: true }));

async function names(source: PictureSource): Promise<string[]> {
  const all: string[] = [];
  for await (const picture of source.pictures()) all.push(picture.name.replace(folder, ''));
  return all;
}

describe('openPictures', () => {
  it('gives every picture below a folder once, in order of their names', async () => {
    const source = openPictures([at('set')], { maxPixels });
    expect(source.count).toBe(3);
    expect(await names(source)).toEqual(['/set/a.png', '/set/b.png', '/set/sub/c.jpg']);
  });

  it('can be gone through twice', async () => {
    const source = openPictures([at('set')], { maxPixels });
    expect(await names(source)).toEqual(await names(source));
  });

  it('repeats files to give as many frames as asked, or stops early', async () => {
    const files = [at('set', 'b.png'), at('set', 'a.png')];
    expect(await names(openPictures(files, { maxPixels, frames: 5 }))).toEqual(
      ['b', 'a', 'b', 'a', 'b'].map((n) => `/set/${n}.png`),
    );
    expect(await names(openPictures(files, { maxPixels, frames: 1 }))).toEqual(['/set/b.png']);
  });

  it('goes on with new pictures of a built-in set', async () => {
    expect(openPictures(['builtin:faces'], { maxPixels }).count).toBe(8);
    const ten = await names(openPictures(['builtin:natural/8'], { maxPixels, frames: 10 }));
    expect(new Set(ten).size).toBe(10);
  });

  it('gives every photograph once, in 256×256 pixels unless a size is named, then squares out of them', async () => {
    const source = openPictures(['builtin:photos'], { maxPixels });
    expect(source.count).toBe(PHOTOGRAPHS.length);
    expect(await source.at(0)).toMatchObject({ name: 'builtin:photos#0', height: 256, width: 256 });
    const small = openPictures(['builtin:photos/64'], { maxPixels, frames: 3 * PHOTOGRAPHS.length });
    const sums = new Set<number>();
    for await (const { data } of small.pictures()) sums.add(data.reduce((sum, v, i) => sum + v * (1 + (i % 64)), 0));
    expect(sums.size).toBe(3 * PHOTOGRAPHS.length);
  });

  it('draws a built-in set in the size named', async () => {
    for await (const picture of openPictures(['builtin:faces/40'], { maxPixels, frames: 1 }).pictures()) {
      expect([picture.height, picture.width, picture.data.length]).toEqual([40, 40, 4800]);
    }
  });

  it('reads one at a time, so that a bad file stops only what comes after it', async () => {
    const iterator = openPictures([at('set', 'a.png'), at('broken.png')], { maxPixels })
      .pictures()
      [Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ width: 2 });
    await expect(iterator.next()).rejects.toThrow(/broken\.png: not a picture/);
  });

  it.each([
    ['no specs', () => [], /no pictures named/],
    ['a missing path', () => [at('set'), at('absent')], /absent: no such file or folder/],
    ['a folder without pictures', () => [at('bare')], /bare: holds no pictures/],
    ['an unknown set', () => ['builtin:cats'], /builtin:faces or builtin:natural/],
    ['a size that is no number', () => ['builtin:faces/big'], /with a size of 8 to 4096/],
    ['a set over the limit', () => ['builtin:faces/4096'], /4096×4096 pixels are over the limit/],
  ])('refuses %s before anything is read', (_, specs, message) => {
    expect(() => openPictures(specs(), { maxPixels, frames: 3 })).toThrow(message);
  });
});
