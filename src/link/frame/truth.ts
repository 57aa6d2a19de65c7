import { type ComplexArray, createComplex } from '../../core/complex.js';
import { createRng } from '../../core/rng.js';
import { createDemodulator, createPacketElements } from '../../ofdm/demodulator.js';
import { createFrameParts, demodulateFrame, modulateFrame } from '../../ofdm/frame.js';
import type { Grid } from '../../ofdm/grid.js';
import { fillQpsk } from '../../ofdm/pilots.js';
import type { SimulatedChannel } from '../../radio/simulated/simulated-channel.js';
import { fitTaps, responseOfTaps } from '../../receiver/channel-posterior.js';
import { correctCfo } from '../../sync/correct-cfo.js';

/** What really happened to a frame: for `perfect` and the metrics alone. */
export interface Truth {
  /** Response of every data resource element as the receiver's FFT sees it, [P·S·M]. */
  readonly response: ComplexArray;
  /** Taps of each packet in the receiver's window. */
  readonly taps: readonly ComplexArray[];
}

/** How the receiver's FFT window lay and what was taken out before it. */
export interface ReceiverView {
  readonly numPackets: number;
  /** Samples of silence before the frame, and where the receiver took it to begin. */
  readonly lead: number;
  readonly start: number;
  /** Carrier offset taken out, rad per sample. */
  readonly cfoRadPerSample: number;
  /** Whether timing and offset are ideal. */
  readonly ideal: boolean;
}

/**
 * The true response of a simulated frame. Taps that stand still: their DFT. Everything else (fading, offsets, phase
 * noise, timing): a noiseless frame of known resource elements through the same channel, offsets and correction.
 *
 * @param advance samples by which the FFT window leads
 */
export function createTruth(
  channel: SimulatedChannel,
  grid: Grid,
  { advance, seed }: { readonly advance: number; readonly seed: number },
): (frame: number, view: ReceiverView) => Truth {
  const demodulator = createDemodulator(grid, { timingAdvance: advance });
  const probes = new Map<number, { elements: ComplexArray; samples: ComplexArray }>();

  /** Known resource elements of unit power, [P·S·M], and their samples. */
  const probeOf = (numPackets: number): { elements: ComplexArray; samples: ComplexArray } => {
    let probe = probes.get(numPackets);
    if (probe === undefined) {
      const elements = createComplex(numPackets * grid.elementsPerPacket);
      fillQpsk(elements, createRng(seed).split('probe'));
      const linear = { ...grid, config: { ...grid.config, clippingRatio: null } };
      probe = { elements, samples: modulateFrame(linear, elements, createFrameParts(linear)) };
      probes.set(numPackets, probe);
    }
    return probe;
  };

  const ofTaps = (frame: number, numPackets: number): Truth => {
    const taps = Array.from({ length: numPackets }, (_, p) => delayTaps(channel.tapsOf(frame, p, numPackets), advance));
    return { response: responseOfTaps(grid, taps), taps };
  };

  const measured = (frame: number, { numPackets, lead, start, cfoRadPerSample }: ReceiverView): Truth => {
    const probe = probeOf(numPackets);
    const propagated = channel.propagate(probe.samples, frame, { lead, probe: true });
    const samples = channel.receive(propagated, 0, frame, { probe: true });
    if (cfoRadPerSample !== 0) correctCfo(samples, cfoRadPerSample);
    const elements = createPacketElements(grid, numPackets);
    const seen = demodulateFrame(grid, samples, start, numPackets, elements, demodulator).data;
    const response = createComplex(seen.re.length);
    for (let i = 0; i < seen.re.length; i++) {
      const xr = probe.elements.re[i];
      const xi = probe.elements.im[i];
      response.re[i] = seen.re[i] * xr + seen.im[i] * xi;
      response.im[i] = seen.im[i] * xr - seen.re[i] * xi;
    }
    const window = Math.min(grid.fftSize, channel.tapsOf(0, 0, 1).re.length + 2 * advance);
    return { response, taps: fitTaps(grid, response, window) };
  };

  return (frame, view) => (channel.isStatic && view.ideal ? ofTaps(frame, view.numPackets) : measured(frame, view));
}

function delayTaps(taps: ComplexArray, delay: number): ComplexArray {
  if (delay === 0) return taps;
  const out = createComplex(taps.re.length + delay);
  out.re.set(taps.re, delay);
  out.im.set(taps.im, delay);
  return out;
}
