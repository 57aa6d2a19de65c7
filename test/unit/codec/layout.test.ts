import { describe, expect, it } from 'vitest';
import { createLayout, latentsOf, symbolsOf } from '../../../src/codec/layout.js';

describe('the codeword layout', () => {
  it.each([
    [8, 16, 16],
    [8, 25, 20],
    [4, 3, 40],
    [2, 128, 1],
  ])('maps latents [%i, %i, %i] to symbols and back without loss', (channels, height, width) => {
    const layout = createLayout(channels, height, width);
    const latents = Float32Array.from({ length: channels * height * width }, (_, i) => i + 1);
    const back = new Float32Array(latents.length);
    latentsOf(layout, symbolsOf(layout, latents), back);
    expect(back).toEqual(latents);
    expect(layout.numSymbols).toBe(latents.length / 2);
  });

  it('gives every symbol a place of its own in its tile, half a tile before its imaginary part', () => {
    const layout = createLayout(8, 25, 20);
    expect(layout.numTiles).toBe(4);
    expect(layout.tileShapes.map(({ height, width }) => [height, width])).toEqual([
      [16, 16],
      [16, 4],
      [9, 16],
      [9, 4],
    ]);
    expect(new Set(layout.tileIndexOf).size).toBe(layout.numSymbols);
    layout.tileIndexOf.forEach((at, i) => {
      expect(Math.floor(at / (2 * layout.tileSymbols))).toBe(layout.tileOf[i]);
      expect(at % (2 * layout.tileSymbols)).toBeLessThan(layout.tileSymbols);
    });
  });

  it('orders symbols by tiles', () => {
    const { tileOf } = createLayout(8, 32, 32);
    expect(Array.from(tileOf)).toEqual(Array.from(tileOf).sort((a, b) => a - b));
  });
});
