import { type ComplexArray, createComplex } from '../core/complex.js';
import { ConfigError, ShapeError } from '../core/errors.js';
import { createFftKernel } from '../dsp/fft-kernel.js';
import type { Grid } from './grid.js';

/** The resource elements of one received packet, in the caller's memory. */
export interface PacketElements {
  /** Y [S, M] */
  readonly data: ComplexArray;
  /** [pilotSymbols, numActiveSubcarriers] */
  readonly blockPilots: ComplexArray;
  /** [S, numPilotSubcarriers] */
  readonly combPilots: ComplexArray;
}

/** Room for the resource elements of `numPackets` packets, packet after packet in each array. */
export function createPacketElements(grid: Grid, numPackets = 1): PacketElements {
  return {
    data: createComplex(numPackets * grid.elementsPerPacket),
    blockPilots: createComplex(numPackets * grid.pilotSymbols * grid.numActiveSubcarriers),
    combPilots: createComplex(numPackets * grid.symbolsPerPacket * grid.numPilotSubcarriers),
  };
}

/** A stream of packets, sample by sample. Any split of the stream into chunks gives the same elements. */
export interface Demodulator {
  /** Samples at the end of a packet that carry nothing the transform needs: `timingAdvance`. */
  readonly timingAdvance: number;
  /** Samples of the current packet consumed so far; 0 at a packet's edge. */
  readonly position: number;
  /**
   * Consumes samples from `start` on, at most to the end of the current packet, and writes the resource elements of every symbol that
   * becomes complete into `out` (packet number `packet` of it).
   *
   * @returns the index after the last sample consumed; the packet is complete when `position` is 0 again
   */
  execute(samples: ComplexArray, out: PacketElements, start?: number, packet?: number): number;
  reset(): void;
  /** An independent copy that continues from here exactly as the original would. */
  clone(): Demodulator;
}

/**
 * The OFDM demodulator: Y[s,m] = (1/√N)·Σ_t y[t]·exp(−j2πmt/N) over the N samples after the cyclic prefix.
 *
 * For L ≤ K + 1 taps, Y[s,m] = H[m]·Z[s,m] + noise of the same variance as each sample's. Nothing is allocated per symbol.
 *
 * @param options.timingAdvance starts the window this many samples inside the prefix (0…K). The channel then looks that
 *   much later: H[m] gains exp(−j2πm·advance/N), which is not undone here. It makes room for timing that is late.
 * @throws ConfigError if the advance is not a whole number from 0 to K
 */
export function createDemodulator(grid: Grid, options: { readonly timingAdvance?: number } = {}): Demodulator {
  const timingAdvance = options.timingAdvance ?? 0;
  if (!Number.isInteger(timingAdvance) || timingAdvance < 0 || timingAdvance > grid.cyclicPrefixLength) {
    throw new ConfigError(
      'config.timing-advance',
      `timingAdvance is ${timingAdvance}: choose a whole number from 0 to the cyclic prefix, ${grid.cyclicPrefixLength}`,
      { value: timingAdvance },
    );
  }
  return demodulatorFrom(grid, timingAdvance, 0, null);
}

function demodulatorFrom(
  grid: Grid,
  timingAdvance: number,
  startPosition: number,
  partial: ComplexArray | null,
): Demodulator {
  const n = grid.fftSize;
  const { symbolLength, packetLength, pilotSymbols, activeBins, dataBins, pilotBins } = grid;
  const kernel = createFftKernel(n, { inputLength: n, outputLength: n, scale: 1 / Math.sqrt(n), prefixLength: 0 });
  const { inRe, inIm, outRe, outIm } = kernel;
  if (partial !== null) {
    inRe.set(partial.re);
    inIm.set(partial.im);
  }
  const windowStart = grid.cyclicPrefixLength - timingAdvance;
  const windowEnd = windowStart + n;
  let position = startPosition;

  const gather = (bins: Int32Array, out: ComplexArray, row: number): void => {
    const { re, im } = out;
    const count = bins.length;
    const start = row * count;
    for (let i = 0; i < count; i++) {
      const bin = bins[i];
      re[start + i] = outRe[bin];
      im[start + i] = outIm[bin];
    }
  };

  return {
    timingAdvance,
    get position() {
      return position;
    },
    execute(samples, out, start = 0, packet = 0) {
      requireRoom(grid, out, packet);
      const { re, im } = samples;
      let at = start;
      while (at < re.length) {
        const symbol = Math.floor(position / symbolLength);
        const phase = position - symbol * symbolLength;
        const available = re.length - at;
        let taken: number;
        if (phase < windowStart) {
          taken = Math.min(available, windowStart - phase);
        } else if (phase < windowEnd) {
          taken = Math.min(available, windowEnd - phase);
          const to = phase - windowStart;
          for (let i = 0; i < taken; i++) {
            inRe[to + i] = re[at + i];
            inIm[to + i] = im[at + i];
          }
          if (phase + taken === windowEnd) {
            kernel.run('forward', 1, 0, n, 0, n);
            if (symbol < pilotSymbols) {
              gather(activeBins, out.blockPilots, packet * pilotSymbols + symbol);
            } else {
              const row = packet * grid.symbolsPerPacket + symbol - pilotSymbols;
              gather(dataBins, out.data, row);
              gather(pilotBins, out.combPilots, row);
            }
          }
        } else {
          taken = Math.min(available, symbolLength - phase);
        }
        at += taken;
        position += taken;
        if (position === packetLength) {
          position = 0;
          break;
        }
      }
      return at;
    },
    reset() {
      position = 0;
    },
    clone: () => demodulatorFrom(grid, timingAdvance, position, { re: inRe, im: inIm }),
  };
}

function requireRoom(grid: Grid, out: PacketElements, packet: number): void {
  const packets = packet + 1;
  if (
    out.data.re.length < packets * grid.elementsPerPacket ||
    out.blockPilots.re.length < packets * grid.pilotSymbols * grid.numActiveSubcarriers ||
    out.combPilots.re.length < packets * grid.symbolsPerPacket * grid.numPilotSubcarriers
  ) {
    throw new ShapeError(
      'shape.ofdm',
      `the arrays have no room for packet ${packet}: make them with createPacketElements(grid, ${packets}) or more`,
    );
  }
}
