import { noiseVariance } from '../../channel/noise.js';
import type { LinkConfig } from '../../config/schema.js';
import { type ComplexArray, copyComplex, createComplex, meanPower } from '../../core/complex.js';
import { ConfigError } from '../../core/errors.js';
import type { Rng } from '../../core/rng.js';
import { createDemodulator, createPacketElements, type PacketElements } from '../../ofdm/demodulator.js';
import { demodulateFrame } from '../../ofdm/frame.js';
import type { Grid } from '../../ofdm/grid.js';
import { createSimulatedChannel } from '../../radio/simulated/simulated-channel.js';
import { correctCfo } from '../../sync/correct-cfo.js';
import { estimatePrefixCfo, type PrefixCfo } from '../../sync/prefix-cfo.js';
import {
  createPreambleDetector,
  type PreambleDetection,
  type PreambleDetector,
  type SyncDiagnosis,
} from '../../sync/preamble-detector.js';
import { coherenceOf, impairmentsOf, syncMethodOf, timingAdvanceOf } from '../setting/link-setting.js';
import { createSender, type Sender, type SentFrame } from './sender.js';
import { createTruth } from './truth.js';

/** What came out of radio and synchroniser, and, for the metrics alone, what really happened. */
export interface ArrivedFrame {
  readonly sent: SentFrame;
  /** null where no frame was found. */
  readonly observed: PacketElements | null;
  readonly sync: {
    readonly detection: PreambleDetection | null;
    readonly diagnosis: SyncDiagnosis | null;
    readonly timingError: number;
  };
  /** The configured radio's σ². */
  readonly noiseVariance: number;
  /** True response of every data resource element as the receiver's FFT sees it; null where no frame was found. */
  readonly response: ComplexArray | null;
  /** True taps of each packet in the receiver's window. */
  readonly taps: readonly ComplexArray[];
  /** Samples as the radio gave them. */
  readonly received: ComplexArray;
  readonly timing: { readonly channelMs: number; readonly receiveMs: number };
}

/** The link up to the receivers, one frame at a time: sender, simulated air, synchroniser. */
export interface Simulation extends Sender {
  transport(sent: SentFrame): ArrivedFrame;
}

/** Standard errors from which a carrier offset is taken to be there: once in 2,000 frames it is not. */
const SIGNIFICANT = 3.5;

export function createSimulation(config: LinkConfig, grid: Grid, rng: Rng): Simulation {
  const method = syncMethodOf(config, grid);
  const search = method === 'preamble';
  const lead = search ? config.sync.leadInSamples : 0;
  const advance = timingAdvanceOf(config, grid);
  const demodulator = createDemodulator(grid, { timingAdvance: advance });
  const exact = createDemodulator(grid);
  const { taps, dopplerHz } = config.channel;
  const channel = createSimulatedChannel(
    { taps, dopplerHz, coherence: coherenceOf(config), impairments: impairmentsOf(config, grid) },
    grid,
    rng.split('radio'),
  );
  const truthOf = createTruth(channel, grid, { advance, seed: config.seed });
  const detectors = new Map<number, PreambleDetector>();

  /** Behind a preamble the detector skips the frame, so that no data can be taken for another. */
  const detectorFor = (numPackets: number): PreambleDetector => {
    let detector = detectors.get(numPackets);
    if (detector === undefined) {
      detector = createPreambleDetector(grid, { holdOffSamples: grid.frameLength(numPackets) });
      detectors.set(numPackets, detector);
    }
    return detector;
  };

  /** Where the receiver takes the frame to begin. */
  const find = (received: ComplexArray, numPackets: number): Omit<ArrivedFrame['sync'], 'timingError'> => {
    if (!search) return { detection: null, diagnosis: null };
    const detector = detectorFor(numPackets);
    detector.reset();
    const found = [...detector.execute(received), ...detector.execute(createComplex(detector.latencySamples))];
    return { detection: found.at(0) ?? null, diagnosis: detector.diagnosis() };
  };

  /** What the prefixes of a frame's packets show. */
  const prefixCfo = (samples: ComplexArray, start: number, numPackets: number): PrefixCfo => {
    const numSymbols = (grid.pilotSymbols + grid.symbolsPerPacket) * numPackets;
    return estimatePrefixCfo(grid, samples, start + grid.preambleLength, numSymbols);
  };
  const radPerSample = (subcarriers: number): number => (2 * Math.PI * subcarriers) / grid.fftSize;

  /** Takes the carrier offset out, in place: as the preamble says, then as the prefixes say. Returns it in rad/sample. */
  const correctBehindPreamble = (samples: ComplexArray, preamble: number, start: number, packets: number): number => {
    correctCfo(samples, preamble);
    const rest = radPerSample(prefixCfo(samples, start, packets).cfoSubcarriers);
    correctCfo(samples, rest);
    return preamble + rest;
  };

  /** The offset of a frame without a preamble, rad/sample; 0 where its prefixes do not show one: what is not there must not be taken out. */
  const offsetShown = (samples: ComplexArray, start: number, numPackets: number): number => {
    if (config.sync.cfo === 'none') return 0;
    const { cfoSubcarriers, standardError } = prefixCfo(samples, start, numPackets);
    return Math.abs(cfoSubcarriers) > SIGNIFICANT * standardError ? radPerSample(cfoSubcarriers) : 0;
  };

  const transport = (sent: SentFrame): ArrivedFrame => {
    if (method === 'cp') {
      throw new ConfigError(
        'config.sync',
        'sync.method cp finds frames in streams: use record and replay (--radio simulated) instead of simulate',
      );
    }
    const { numPackets } = sent.setting.interleaver;
    const frame = sent.index;
    const began = performance.now();
    const propagated = channel.propagate(sent.samples, frame, { lead, probe: false });
    const cleanStart = lead + config.channel.delaySamples;
    const clean = demodulateFrame(grid, propagated.samples, cleanStart, numPackets, undefined, exact);
    const variance = noiseVariance(config.snrConvention, config.snrDb, meanPower(clean.data));
    const asReceived = channel.receive(propagated, variance, frame, { probe: false });
    const receivedAt = performance.now();

    const found = find(asReceived, numPackets);
    // A frame at the very beginning may be taken to begin a little before it: its first prefix has room.
    const start = Math.max(0, found.detection?.startSample ?? propagated.start);
    const sync = { ...found, timingError: start - propagated.start };
    const lost = (search && found.detection === null) || start + grid.frameLength(numPackets) > asReceived.re.length;
    const timing = (): ArrivedFrame['timing'] => ({
      channelMs: receivedAt - began,
      receiveMs: performance.now() - receivedAt,
    });
    const rest = { sent, sync, noiseVariance: variance, received: asReceived };
    if (lost) return { ...rest, observed: null, response: null, taps: [], timing: timing() };

    let received = asReceived;
    let cfoRadPerSample = 0;
    if (search) {
      received = copyComplex(asReceived);
      cfoRadPerSample = correctBehindPreamble(received, found.detection!.cfoRadPerSample, start, numPackets);
    } else {
      cfoRadPerSample = offsetShown(asReceived, start, numPackets);
      if (cfoRadPerSample !== 0) {
        received = copyComplex(asReceived);
        correctCfo(received, cfoRadPerSample);
      }
    }
    const elements = createPacketElements(grid, numPackets);
    const observed = demodulateFrame(grid, received, start, numPackets, elements, demodulator);
    const spent = timing();
    return {
      ...rest,
      observed,
      ...truthOf(frame, { numPackets, lead, start, cfoRadPerSample, ideal: received === asReceived }),
      timing: spent,
    };
  };

  return { ...createSender(grid), transport };
}
