import type { ComplexArray } from '../core/complex.js';
import { createComplex } from '../core/complex.js';
import type { SideInformation } from './side-information.js';

/** Latents along each edge of a tile where a card does not say: 16, that is 64 pixels at down-sampling 4. */
export const DEFAULT_TILE = 16;

/**
 * How the real latents [C, h, w] of a picture become the complex codeword z[0…k−1], and where each symbol lies in
 * the tiles over which the codeword's statistics are kept.
 *
 * Channels c and c + C/2 at the same place make one symbol (real and imaginary part). Symbols are ordered tile by
 * tile (rows of tiles first), inside a tile by (c, y, x). Tiles at the right and lower edge may be partial; in the
 * tile coordinates [tile, C, e, e] their missing places exist but no symbol points to them.
 *
 * Where the codec chooses what it sends (`side`), the latents that are sent go by twos into symbols, in the order of
 * [C,h,w]; there are no statistics of such codewords and the frame is one tile.
 */
export interface CodewordLayout {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** k = C·h·w / 2, or half the latents that are sent. */
  readonly numSymbols: number;
  readonly numTiles: number;
  /** e, latents along each edge of a full tile. */
  readonly tileEdge: number;
  /** Symbols of a full tile: C·e² / 2. */
  readonly tileSymbols: number;
  /** Index in [C,h,w] of each symbol's real part. */
  readonly latentOf: Int32Array;
  /** Index in [C,h,w] of each symbol's imaginary part; −1 for the last symbol of an odd number of latents. */
  readonly imaginaryOf: Int32Array;
  /** Index in [tile, C, e, e] of each symbol's real part; the imaginary part is `tileSymbols` further. */
  readonly tileIndexOf: Int32Array;
  /** Tile of each symbol. */
  readonly tileOf: Int32Array;
  /** Height and width of each tile in latents, e or less. */
  readonly tileShapes: readonly {
    readonly top: number;
    readonly left: number;
    readonly height: number;
    readonly width: number;
  }[];
  /** What is told of this frame beside its symbols; null where all frames are laid out alike. */
  readonly side: SideInformation | null;
}

export function createLayout(channels: number, height: number, width: number, tileEdge = DEFAULT_TILE): CodewordLayout {
  const half = channels / 2;
  const numSymbols = half * height * width;
  const latentOf = new Int32Array(numSymbols);
  const tileIndexOf = new Int32Array(numSymbols);
  const tileOf = new Int32Array(numSymbols);
  const tileShapes = [];
  let symbol = 0;
  for (let top = 0; top < height; top += tileEdge) {
    for (let left = 0; left < width; left += tileEdge) {
      const shape = { top, left, height: Math.min(tileEdge, height - top), width: Math.min(tileEdge, width - left) };
      const tile = tileShapes.length;
      for (let c = 0; c < half; c++) {
        for (let y = 0; y < shape.height; y++) {
          for (let x = 0; x < shape.width; x++, symbol++) {
            latentOf[symbol] = (c * height + top + y) * width + left + x;
            tileIndexOf[symbol] = ((tile * channels + c) * tileEdge + y) * tileEdge + x;
            tileOf[symbol] = tile;
          }
        }
      }
      tileShapes.push(shape);
    }
  }
  return {
    channels,
    height,
    width,
    numSymbols,
    numTiles: tileShapes.length,
    tileEdge,
    tileSymbols: half * tileEdge ** 2,
    latentOf,
    imaginaryOf: latentOf.map((latent) => latent + half * height * width),
    tileIndexOf,
    tileOf,
    tileShapes,
    side: null,
  };
}

/** The layout of one frame of a codec that chooses what it sends. */
export function createMaskedLayout(
  channels: number,
  height: number,
  width: number,
  side: SideInformation,
): CodewordLayout {
  const sent = Int32Array.from({ length: side.mask.length }, (_, i) => i).filter((i) => side.mask[i] === 1);
  const numSymbols = Math.ceil(sent.length / 2);
  return {
    channels,
    height,
    width,
    numSymbols,
    numTiles: 1,
    tileEdge: Math.max(height, width),
    tileSymbols: numSymbols,
    latentOf: Int32Array.from({ length: numSymbols }, (_, i) => sent[2 * i]),
    imaginaryOf: Int32Array.from({ length: numSymbols }, (_, i) => sent.at(2 * i + 1) ?? -1),
    tileIndexOf: new Int32Array(0),
    tileOf: new Int32Array(numSymbols),
    tileShapes: [{ top: 0, left: 0, height, width }],
    side,
  };
}

/** Latents [C,h,w] → codeword z[k]. */
export function symbolsOf(layout: CodewordLayout, latents: Float32Array): ComplexArray {
  const z = createComplex(layout.numSymbols);
  for (let i = 0; i < layout.numSymbols; i++) {
    z.re[i] = latents[layout.latentOf[i]];
    const imaginary = layout.imaginaryOf[i];
    z.im[i] = imaginary < 0 ? 0 : latents[imaginary];
  }
  return z;
}

/** Codeword z[k] → latents [C,h,w], into `out`; latents that are not sent stay as they are. */
export function latentsOf(layout: CodewordLayout, z: ComplexArray, out: Float32Array): void {
  for (let i = 0; i < layout.numSymbols; i++) {
    out[layout.latentOf[i]] = z.re[i];
    const imaginary = layout.imaginaryOf[i];
    if (imaginary >= 0) out[imaginary] = z.im[i];
  }
}
