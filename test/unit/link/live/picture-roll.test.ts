import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { openPictureRoll } from '../../../../src/link/live/picture-roll.js';

it('moves on by frames alone, however often the latest picture is looked at', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'blindlink-roll-'));
  // More than are kept.
  for (let i = 0; i < 66; i++) {
    const background = { r: i, g: 0, b: 0 };
    await sharp({ create: { width: 4, height: 4, channels: 3, background } })
      .png()
      .toFile(join(folder, `p${String(i).padStart(3, '0')}.png`));
  }
  const roll = await openPictureRoll(
    { kind: 'listed', specs: [folder] },
    { maxPixels: 1e6, holdFrames: 10, edge: null, camera: () => null },
  );
  expect((await roll.latest()).name).toMatch(/p000/);
  expect((await roll.at(9)).name).toMatch(/p000/);
  expect((await roll.at(10)).name).toMatch(/p001/);
  expect((await roll.latest()).name).toMatch(/p001/);
  expect((await roll.at(11)).name).toMatch(/p001/);
  expect((await roll.at(20)).name).toMatch(/p002/);
});
