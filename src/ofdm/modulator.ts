import type { ComplexArray } from '../core/complex.js';
import { ShapeError } from '../core/errors.js';
import { createFftKernel } from '../dsp/fft-kernel.js';
import { clipInPlace } from './clipping.js';
import type { Grid } from './grid.js';
import { blockPilotElements, combPilotElements } from './pilots.js';

/** Turns the resource elements of one packet into its samples. Owns its memory; memoryless otherwise, so there is nothing to reset. */
export interface Modulator {
  /**
   * A whole packet: resource elements [S, M] from `elementOffset` on → `grid.packetLength` samples at `out[outOffset…]`: block-pilot
   * symbols, then data symbols, each with its cyclic prefix.
   */
  execute(elements: ComplexArray, out: ComplexArray, elementOffset?: number, outOffset?: number): void;
  /** Data symbol s of a packet: resource elements [M] from `elementOffset` on → N + K samples at `out[outOffset…]`. */
  executeSymbol(s: number, elements: ComplexArray, out: ComplexArray, elementOffset?: number, outOffset?: number): void;
}

/**
 * The OFDM modulator: x[t] = (1/√N)·Σ_m Z[s,m]·exp(+j2πmt/N), t = −K…N−1, with comb pilots, guards and DC null.
 *
 * Unit-power resource elements give mean sample power N_active/N. With `clippingRatio` set, data symbols are clipped at
 * γ·√(N_active/N); block pilots, which are known, are sent unclipped. Nothing is allocated per symbol.
 * Both calls give identical samples. They throw ShapeError if resource elements or room are missing.
 */
export function createModulator(grid: Grid): Modulator {
  const n = grid.fftSize;
  const { symbolLength, numDataSubcarriers, pilotSymbols, symbolsPerPacket, packetLength } = grid;
  const numSymbols = pilotSymbols + symbolsPerPacket;
  const kernel = createSymbolKernel(grid, numSymbols);
  const { cellRe, cellIm, outRe, outIm } = kernel;
  const clippingRatio = grid.config.clippingRatio;
  const dataStart = pilotSymbols * n;

  placePilots(grid, kernel.inRe, kernel.inIm);
  kernel.run('inverse', pilotSymbols, 0, n, 0, symbolLength);

  const samples = { re: outRe, im: outIm };
  const transform = (s: number, count: number): void => {
    const start = (pilotSymbols + s) * symbolLength;
    kernel.place(count, s * numDataSubcarriers, dataStart + s * n);
    kernel.run('inverse', count, dataStart + s * n, n, start, symbolLength);
    if (clippingRatio !== null) {
      clipInPlace(samples, clippingRatio, grid.meanPower, start, start + count * symbolLength);
    }
  };

  return {
    execute(elements, out, elementOffset = 0, outOffset = 0) {
      requireLength('elements', elements, elementOffset, grid.elementsPerPacket);
      requireLength('samples', out, outOffset, packetLength);
      if (elements.re.length === cellRe.length) {
        cellRe.set(elements.re);
        cellIm.set(elements.im);
      } else {
        cellRe.set(elements.re.subarray(elementOffset, elementOffset + cellRe.length));
        cellIm.set(elements.im.subarray(elementOffset, elementOffset + cellRe.length));
      }
      transform(0, symbolsPerPacket);
      out.re.set(outRe, outOffset);
      out.im.set(outIm, outOffset);
    },
    executeSymbol(s, elements, out, elementOffset = 0, outOffset = 0) {
      if (!(s >= 0 && s < symbolsPerPacket)) {
        throw new ShapeError('shape.ofdm', `data symbol ${s} is outside the packet's 0 to ${symbolsPerPacket - 1}`);
      }
      requireLength('elements', elements, elementOffset, numDataSubcarriers);
      requireLength('samples', out, outOffset, symbolLength);
      for (let m = 0; m < numDataSubcarriers; m++) {
        cellRe[s * numDataSubcarriers + m] = elements.re[elementOffset + m];
        cellIm[s * numDataSubcarriers + m] = elements.im[elementOffset + m];
      }
      transform(s, 1);
      const start = (pilotSymbols + s) * symbolLength;
      const { re, im } = out;
      for (let t = 0; t < symbolLength; t++) {
        re[outOffset + t] = outRe[start + t];
        im[outOffset + t] = outIm[start + t];
      }
    },
  };
}

/** Unitary transforms with prefix, one row of N resource elements and N + K samples a symbol. */
function createSymbolKernel(grid: Grid, numSymbols: number): ReturnType<typeof createFftKernel> {
  const n = grid.fftSize;
  return createFftKernel(n, {
    inputLength: numSymbols * n,
    outputLength: numSymbols * grid.symbolLength,
    scale: 1 / Math.sqrt(n),
    prefixLength: grid.cyclicPrefixLength,
    bins: grid.dataBins,
    cellLength: grid.elementsPerPacket,
  });
}

/** Pilots never change: they are placed once and stay in the kernel's input rows. */
function placePilots(grid: Grid, re: Float32Array, im: Float32Array): void {
  const block = blockPilotElements(grid);
  const comb = combPilotElements(grid);
  const place = (bins: Int32Array, elements: ComplexArray, rows: number, firstRow: number): void => {
    for (let row = 0; row < rows; row++) {
      bins.forEach((bin, i) => {
        re[(firstRow + row) * grid.fftSize + bin] = elements.re[row * bins.length + i];
        im[(firstRow + row) * grid.fftSize + bin] = elements.im[row * bins.length + i];
      });
    }
  };
  place(grid.activeBins, block, grid.pilotSymbols, 0);
  place(grid.pilotBins, comb, grid.symbolsPerPacket, grid.pilotSymbols);
}

function requireLength(what: string, x: ComplexArray, offset: number, length: number): void {
  if (!(offset >= 0) || offset + length > x.re.length || offset + length > x.im.length) {
    throw new ShapeError(
      'shape.ofdm',
      `the modulator needs ${length} ${what} from ${offset} on, the array has ${x.re.length}`,
    );
  }
}
