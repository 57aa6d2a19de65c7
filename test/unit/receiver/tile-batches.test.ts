import { describe, expect, it } from 'vitest';
import { createLayout } from '../../../src/codec/layout.js';
import type { LinkSetting } from '../../../src/receiver/receiver.js';
import { packTiles, tileBatches, unpackTiles } from '../../../src/receiver/tile-batches.js';

describe.each([
  [16, 20, 35],
  [8, 10, 18],
])('tile batches of edge %i', (edge, height, width) => {
  const layout = createLayout(8, height, width, edge);
  const setting = { layout } as LinkSetting;
  const tiles = Int32Array.from({ length: layout.numTiles }, (_, t) => t);

  it('group tiles by shape, each tile once', () => {
    const batches = tileBatches(setting, tiles);
    expect(batches.flatMap(({ members }) => members).sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(batches.map(({ height, width, members }) => [height, width, members.length])).toEqual([
      [edge, edge, 2],
      [edge, width - 2 * edge, 1],
      [height - edge, edge, 2],
      [height - edge, width - 2 * edge, 1],
    ]);
  });

  it('pack what partial tiles have and put it back where it was', () => {
    const size = 8 * edge * edge;
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
    expect(packedLength).toBe(8 * height * width);
    expect(back).toEqual(values);
  });

  it('count positions from the list that is given, not from the picture', () => {
    const [batch] = tileBatches(setting, Int32Array.of(5, 2));
    expect(batch).toEqual({ members: [0], height: height - edge, width: width - 2 * edge, edge });
  });
});
