import { describe, expect, it } from 'vitest';
import { createLayout, createMaskedLayout, latentsOf, symbolsOf } from '../../../src/codec/layout.js';
import { maskBits, sideInformationOf } from '../../../src/codec/side-information.js';

describe('the codeword layout', () => {
  it.each([
    [8, 16, 16, 16],
    [8, 25, 20, 16],
    [4, 3, 40, 16],
    [2, 128, 1, 16],
    [32, 18, 21, 8],
  ])('maps latents [%i, %i, %i] in tiles of %i to symbols and back without loss', (channels, height, width, tile) => {
    const layout = createLayout(channels, height, width, tile);
    const latents = Float32Array.from({ length: channels * height * width }, (_, i) => i + 1);
    const back = new Float32Array(latents.length);
    latentsOf(layout, symbolsOf(layout, latents), back);
    expect(back).toEqual(latents);
    expect(layout.numSymbols).toBe(latents.length / 2);
  });

  it.each([16, 8])('gives every symbol a place in its tile of %i, half a tile before its imaginary part', (tile) => {
    const [height, width] = [1.5 * tile + 1, 1.25 * tile];
    const layout = createLayout(8, height, width, tile);
    expect(layout.tileShapes.map((shape) => [shape.height, shape.width])).toEqual([
      [tile, tile],
      [tile, tile / 4],
      [height - tile, tile],
      [height - tile, tile / 4],
    ]);
    expect(layout.tileSymbols).toBe(4 * tile * tile);
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

describe('the layout of a frame that sends some latents', () => {
  const mask = Float32Array.from([1, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0, 0]);
  const latents = mask.map((sent, i) => (sent === 1 ? i - 4.5 : 0));
  const side = sideInformationOf(mask, latents, 2, 'encoder');

  it('carries those alone, by twos, the last of an odd number with nothing', () => {
    const layout = createMaskedLayout(2, 2, 3, side);
    const z = symbolsOf(layout, latents);
    expect([...z.re]).toEqual([-4.5, -1.5, 3.5]);
    expect([...z.im]).toEqual([-2.5, 1.5, 0]);
    const back = new Float32Array(latents.length);
    latentsOf(layout, z, back);
    expect(back).toEqual(latents);
  });

  it('tells the scale that makes their mean square 1/2', () => {
    expect(side.active).toBe(5);
    const power = latents.reduce((sum, v) => sum + (v * side.scale) ** 2, 0) / side.active;
    expect(power).toBeCloseTo(0.5, 6);
  });

  it('counts the bits of a code that is short for masks with structure and about their size for others', () => {
    const [channels, places] = [64, 256];
    const structured = Uint8Array.from({ length: channels * places }, (_, i) => (i < 10 * places ? 1 : 0));
    let state = 1;
    const noise = structured.map(() => (state = (state * 48271) % 2147483647) & 1);
    expect(maskBits(structured, channels)).toBeLessThan(400);
    expect(maskBits(noise, channels)).toBeGreaterThan(channels * places * 0.99);
    expect(side.bits).toBe(maskBits(side.mask, 2) + 32);
  });

  it('refuses a picture of which nothing is sent', () => {
    expect(() => sideInformationOf(new Float32Array(4), new Float32Array(4), 2, 'encoder.onnx')).toThrow(
      /encoder\.onnx: sends no latent/,
    );
  });
});
