import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FormatError } from '../../../src/core/errors.js';
import { readPicture } from '../../../src/source/read-picture.js';

const WIDTH = 7;
const HEIGHT = 5;
const limit = { maxPixels: 1_000_000 };
/** Interleaved bytes: red grows with x, green with y, blue is fixed. */
const bytes = Uint8Array.from({ length: 3 * WIDTH * HEIGHT }, (_, i) => {
  const pixel = Math.floor(i / 3);
  return [30 * (pixel % WIDTH), 40 * Math.floor(pixel / WIDTH), 200][i % 3];
});
const original = () => sharp(bytes, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });

let folder = '';
const at = (name: string): string => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'blindlink-read-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const sample = (picture: { data: Float32Array; height: number; width: number }, c: number, y: number, x: number) =>
  Math.round(255 * picture.data[(c * picture.height + y) * picture.width + x]);

describe('readPicture', () => {
  it('gives RGB planes, row by row, of a PNG', async () => {
    await original().png().toFile(at('plain.png'));
    const picture = await readPicture(at('plain.png'), limit);
    expect([picture.height, picture.width, picture.notes]).toEqual([HEIGHT, WIDTH, []]);
    for (const [y, x] of [
      [0, 0],
      [0, 6],
      [4, 0],
      [3, 2],
    ]) {
      expect([0, 1, 2].map((c) => sample(picture, c, y, x))).toEqual([30 * x, 40 * y, 200]);
    }
  });

  it.each(['jpeg', 'webp', 'tiff', 'gif', 'avif'] as const)('reads %s', async (format) => {
    await original()
      .toFormat(format, { quality: 95 })
      .toFile(at(`any.${format}`));
    const picture = await readPicture(at(`any.${format}`), limit);
    expect([picture.height, picture.width]).toEqual([HEIGHT, WIDTH]);
    expect(Math.abs(sample(picture, 2, 2, 3) - 200)).toBeLessThan(25);
  });

  it('turns a picture upright as its EXIF says', async () => {
    await original()
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100, chromaSubsampling: '4:4:4' })
      .toFile(at('turned.jpg'));
    const picture = await readPicture(at('turned.jpg'), limit);
    expect([picture.height, picture.width]).toEqual([WIDTH, HEIGHT]);
    // Orientation 6 is turned clockwise: the upper left comes from the lower left.
    expect(Math.abs(sample(picture, 1, 0, 0) - 160)).toBeLessThan(12);
    expect(picture.notes.join()).toMatch(/EXIF/);
  });

  it('blends alpha on white', async () => {
    const clear = Uint8Array.from({ length: 4 * 4 }, (_, i) => (i % 4 === 3 ? 51 : 0));
    await sharp(clear, { raw: { width: 2, height: 2, channels: 4 } })
      .png()
      .toFile(at('alpha.png'));
    const picture = await readPicture(at('alpha.png'), limit);
    expect(sample(picture, 0, 1, 1)).toBe(204);
    expect(picture.notes).toEqual(['alpha blended on white']);
  });

  it('expands grey, palette, CMYK and 16 bits, and says so', async () => {
    const deep = Uint16Array.from({ length: 3 * 16 }, (_, i) => 4096 * (i % 16));
    await sharp(deep, { raw: { width: 4, height: 4, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toFile(at('deep.png'));
    await original().toColourspace('b-w').png().toFile(at('grey.png'));
    await original().png({ palette: true }).toFile(at('palette.png'));
    await original().toColourspace('cmyk').jpeg().toFile(at('cmyk.jpg'));
    const notes = await Promise.all(
      ['deep.png', 'grey.png', 'palette.png', 'cmyk.jpg'].map(
        async (name) => (await readPicture(at(name), limit)).notes,
      ),
    );
    expect(notes).toEqual([
      ['16-bit samples reduced to 8 bits'],
      ['grey expanded to RGB'],
      ['palette expanded to RGB'],
      ['cmyk converted to sRGB'],
    ]);
    const picture = await readPicture(at('deep.png'), limit);
    expect(Math.abs(sample(picture, 1, 0, 0) - 16)).toBeLessThanOrEqual(1);
    const grey = await readPicture(at('grey.png'), limit);
    expect(sample(grey, 0, 2, 3)).toBe(sample(grey, 2, 2, 3));
  });

  it('takes the first frame of an animation', async () => {
    const frames = Uint8Array.from({ length: 2 * 3 * 16 }, (_, i) => (i < 48 ? 255 : 0));
    await sharp(frames, { raw: { width: 4, height: 8, channels: 3, pageHeight: 4 } })
      .gif()
      .toFile(at('moving.gif'));
    const picture = await readPicture(at('moving.gif'), limit);
    expect([picture.height, picture.width, sample(picture, 0, 3, 3)]).toEqual([4, 4, 255]);
    expect(picture.notes).toContain('first of 2 frames');
  });

  it('draws an SVG at the size that it names', async () => {
    writeFileSync(
      at('a.svg'),
      '<svg xmlns="http://www.w3.org/2000/svg" width="8" height="6"><rect width="8" height="6" fill="red"/></svg>',
    );
    const picture = await readPicture(at('a.svg'), limit);
    expect([picture.height, picture.width, sample(picture, 0, 3, 3), sample(picture, 1, 3, 3)]).toEqual([6, 8, 255, 0]);
    expect(picture.notes).toContain('SVG drawn at 8×6');
  });

  it('refuses what cannot be sent, in one line that names the file', async () => {
    await sharp({
      create: {
        width: 96,
        height: 96,
        channels: 3,
        background: 'red',
        noise: { type: 'gaussian', mean: 128, sigma: 60 },
      },
    })
      .jpeg()
      .toFile(at('whole.jpg'));
    const whole = readFileSync(at('whole.jpg'));
    writeFileSync(at('cut.jpg'), whole.subarray(0, Math.floor(whole.length * 0.6)));
    await sharp(at('whole.jpg')).png().toFile(at('whole.png'));
    const sound = readFileSync(at('whole.png'));
    writeFileSync(
      at('bitten.png'),
      sound.map((v, i) => (Math.abs(i - sound.length / 2) < 20 ? v ^ 0x5a : v)),
    );
    writeFileSync(at('empty.png'), '');
    writeFileSync(at('text.png'), 'hello');
    mkdirSync(at('folder.png'));
    for (const [name, code] of [
      ['absent.png', 'picture.missing'],
      ['folder.png', 'picture.kind'],
      ['empty.png', 'picture.empty'],
      ['text.png', 'picture.format'],
      ['cut.jpg', 'picture.damaged'],
      ['bitten.png', 'picture.damaged'],
    ]) {
      const error = await readPicture(at(name), limit).then(
        () => null,
        (e: unknown) => e,
      );
      expect(error, name).toBeInstanceOf(FormatError);
      expect((error as FormatError).code, name).toBe(code);
      expect((error as FormatError).message.startsWith(`${at(name)}: `), name).toBe(true);
      expect((error as FormatError).message).not.toContain('\n');
    }
  });

  it('refuses more pixels than the limit, and reads exactly as many', async () => {
    await original().png().toFile(at('limit.png'));
    await expect(readPicture(at('limit.png'), { maxPixels: 34 })).rejects.toThrow(
      /7×5 pixels are over the limit of 34; raise source\.maxPixels/,
    );
    await expect(readPicture(at('limit.png'), { maxPixels: 35 })).resolves.toMatchObject({ width: 7 });
  });
});
