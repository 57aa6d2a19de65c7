import { type ComplexArray, createComplex, subarray } from '../core/complex.js';
import { ShapeError } from '../core/errors.js';
import { createDemodulator, createPacketCells, type Demodulator, type PacketCells } from './demodulator.js';
import type { Grid } from './grid.js';
import { createModulator, type Modulator } from './modulator.js';
import { createPreamble, type Preamble } from './preamble.js';

/** What a frame modulator reuses from frame to frame. */
export interface FrameParts {
  readonly modulator: Modulator;
  readonly preamble: Preamble | null;
}

export function createFrameParts(grid: Grid): FrameParts {
  return {
    modulator: createModulator(grid),
    preamble: grid.config.preamble === 'none' ? null : createPreamble(grid),
  };
}

/**
 * A whole frame: preamble (if the grid has one), then packet after packet.
 *
 * @param cells [P, S, M] unit-power cells; P follows from the length
 * @param parts made once with `createFrameParts` where many frames are sent
 * @returns [grid.frameLength(P)] samples, mean power N_active / N
 * @throws ShapeError if the cells are not whole packets
 */
export function modulateFrame(
  grid: Grid,
  cells: ComplexArray,
  parts: FrameParts = createFrameParts(grid),
): ComplexArray {
  const numPackets = cells.re.length / grid.cellsPerPacket;
  if (!Number.isInteger(numPackets) || cells.im.length !== cells.re.length) {
    throw new ShapeError(
      'shape.ofdm',
      `a frame takes whole packets of ${grid.cellsPerPacket} cells, got ${cells.re.length}: pad them with an interleaver`,
    );
  }
  const out = createComplex(grid.frameLength(numPackets));
  if (parts.preamble !== null) {
    out.re.set(parts.preamble.samples.re);
    out.im.set(parts.preamble.samples.im);
  }
  for (let p = 0; p < numPackets; p++) {
    parts.modulator.execute(cells, out, p * grid.cellsPerPacket, grid.preambleLength + p * grid.packetLength);
  }
  return out;
}

/**
 * The cells of a frame whose first sample (of the preamble, if the grid has one) is `samples[start]`.
 *
 * @param out written; make it with `createPacketCells(grid, numPackets)`
 * @param demodulator reset and used if given; its `timingAdvance` applies.
 * @returns `out`
 * @throws ShapeError if the samples do not hold the whole frame
 */
export function demodulateFrame(
  grid: Grid,
  samples: ComplexArray,
  start: number,
  numPackets: number,
  out: PacketCells = createPacketCells(grid, numPackets),
  demodulator: Demodulator = createDemodulator(grid),
): PacketCells {
  const end = start + grid.frameLength(numPackets);
  if (!Number.isInteger(start) || start < 0 || end > samples.re.length) {
    throw new ShapeError(
      'shape.ofdm',
      `a frame of ${numPackets} packets from sample ${start} needs ${end} samples, got ${samples.re.length}`,
    );
  }
  demodulator.reset();
  const frame = subarray(samples, start + grid.preambleLength, end);
  let at = 0;
  for (let p = 0; p < numPackets; p++) at = demodulator.execute(frame, out, at, p);
  return out;
}
