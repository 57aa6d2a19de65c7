import { type ComplexArray, createComplex, subarray } from '../core/complex.js';
import { ShapeError } from '../core/errors.js';
import { createDemodulator, createPacketElements, type Demodulator, type PacketElements } from './demodulator.js';
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
 * @param resource elements [P, S, M] unit-power resource elements; P follows from the length
 * @param parts made once with `createFrameParts` where many frames are sent
 * @returns [grid.frameLength(P)] samples, mean power N_active / N
 * @throws ShapeError if the resource elements are not whole packets
 */
export function modulateFrame(
  grid: Grid,
  elements: ComplexArray,
  parts: FrameParts = createFrameParts(grid),
): ComplexArray {
  const numPackets = elements.re.length / grid.elementsPerPacket;
  if (!Number.isInteger(numPackets) || elements.im.length !== elements.re.length) {
    throw new ShapeError(
      'shape.ofdm',
      `a frame takes whole packets of ${grid.elementsPerPacket} resource elements, got ${elements.re.length}: pad them with an interleaver`,
    );
  }
  const out = createComplex(grid.frameLength(numPackets));
  if (parts.preamble !== null) {
    out.re.set(parts.preamble.samples.re);
    out.im.set(parts.preamble.samples.im);
  }
  for (let p = 0; p < numPackets; p++) {
    parts.modulator.execute(elements, out, p * grid.elementsPerPacket, grid.preambleLength + p * grid.packetLength);
  }
  return out;
}

/**
 * The resource elements of a frame whose first sample (of the preamble, if the grid has one) is `samples[start]`.
 *
 * @param out written; make it with `createPacketElements(grid, numPackets)`
 * @param demodulator reset and used if given; its `timingAdvance` applies.
 * @returns `out`
 * @throws ShapeError if the samples do not hold the whole frame
 */
export function demodulateFrame(
  grid: Grid,
  samples: ComplexArray,
  start: number,
  numPackets: number,
  out: PacketElements = createPacketElements(grid, numPackets),
  demodulator: Demodulator = createDemodulator(grid),
): PacketElements {
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
