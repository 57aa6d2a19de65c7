import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { escapeXml, sideBySide, toBytes } from '../../../src/link/results/save-pictures.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'blindlink-save-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const flat = (label: string, [r, g, b]: readonly number[], height = 64, width = 64) => ({
  label,
  planes: Float32Array.from({ length: 3 * height * width }, (_, i) => [r, g, b][Math.floor(i / (height * width))]),
  height,
  width,
});

describe('sideBySide', () => {
  it('enlarges small pictures by a whole factor and sets them next to each other on white', async () => {
    const path = join(folder, 'two.png');
    await sideBySide([flat('sent', [1, 0, 0]), flat('blind 20.0 dB', [0, 0, 1])], path);
    const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const at = (x: number, y: number) => [...data.subarray(3 * (y * info.width + x), 3 * (y * info.width + x) + 3)];
    expect(info.width).toBe(12 + 2 * (192 + 12));
    expect(at(12, 12)).toEqual([255, 0, 0]);
    expect(at(12 + 191, 12 + 191)).toEqual([255, 0, 0]);
    expect(at(12 + 192 + 6, 100)).toEqual([255, 255, 255]);
    expect(at(12 + 192 + 12, 12)).toEqual([0, 0, 255]);
  });

  it('writes dark text below each picture', async () => {
    const path = join(folder, 'text.png');
    await sideBySide([flat('sent', [1, 1, 1])], path);
    const { data, info } = await sharp(path).greyscale().raw().toBuffer({ resolveWithObject: true });
    const below = data.subarray(info.width * (12 + 192));
    expect(Math.min(...below)).toBeLessThan(90);
    expect(Math.max(...below)).toBe(255);
  });

  it('does not enlarge pictures that are large enough', async () => {
    const path = join(folder, 'large.png');
    await sideBySide([flat('sent', [0, 1, 0], 200, 300)], path);
    expect((await sharp(path).metadata()).width).toBe(12 + 300 + 12);
  });

  it('takes labels with characters that mean something in XML', async () => {
    await expect(sideBySide([flat('<&">', [0, 0, 0])], join(folder, 'xml.png'))).resolves.toBeUndefined();
    expect(escapeXml('<&">')).toBe('&lt;&amp;&quot;&gt;');
  });

  it('leaves nothing but the PNG behind', async () => {
    expect(readdirSync(folder).filter((name) => !name.endsWith('.png'))).toEqual([]);
  });
});

describe('toBytes', () => {
  it('interleaves, rounds and clips', () => {
    const picture = { label: '', planes: Float32Array.of(0, 1, 0.5, -1, 2, 0.25), height: 1, width: 2 };
    expect([...toBytes(picture)]).toEqual([0, 128, 255, 255, 0, 64]);
  });
});
