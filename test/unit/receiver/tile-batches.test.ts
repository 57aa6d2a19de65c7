import { describe, expect, it } from 'vitest';
import { createLayout } from '../../../src/codec/layout.js';
import type { LinkSetting } from '../../../src/receiver/receiver.js';
import { packTiles, tileBatches, unpackTiles } from '../../../src/receiver/tile-batches.js';

describe('tile batches', () => {
  const layout = createLayout(8, 20, 35);
  const setting = { layout } as LinkSetting;
  const tiles = Int32Array.from({ length: layout.numTiles }, (_, t) => t);

  it('group tiles by shape, each tile once', () => {
    const batches = tileBatches(setting, tiles);
    expect(batches.flatMap(({ members }) => members).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(batches.map(({ height, width, members }) => [height, width, members.length])).toEqual([
      [16, 16, 2],
      [16, 3, 1],
      [4, 16, 2],
      [4, 3, 1],
    ]);
  });

  it('pack what partial tiles have and put it back where it was', () => {
    const size = 8 * 16 * 16;
    const values = new Float32Array(layout.numTiles * size);
    // The places that symbols point to hold numbers, the rest zeros.
    for (let i = 0; i < layout.numSymbols; i++) {
      values[layout.tileIndexOf[i]] = i + 1;
      values[layout.tileIndexOf[i] + layout.tileSymbols] = -(i + 1);
    }
    const back = new Float32Array(values.length);
    let packedLength = 0;
    for (const batch of tileBatches(setting, tiles)) {
      const packed = packTiles(batch, 8, values);
      packedLength += packed.length;
      expect(packed.every((v) => v !== 0)).toBe(true);
      unpackTiles(batch, 8, packed, back);
    }
    expect(packedLength).toBe(8 * 20 * 35);
    expect(back).toEqual(values);
  });

  it('count positions from the list that is given, not from the picture', () => {
    const [batch] = tileBatches(setting, Int32Array.of(5, 2));
    expect(batch).toEqual({ members: [0], height: 4, width: 3 });
  });
});
