import { noiseVariance } from '../../channel/noise.js';
import { symbolsOf } from '../../codec/layout.js';
import type { LinkConfig } from '../../config/schema.js';
import { type ComplexArray, copyComplex, createComplex, meanPower } from '../../core/complex.js';
import { ConfigError } from '../../core/errors.js';
import { createRng, type Rng } from '../../core/rng.js';
import { createDemodulator, createPacketCells, type PacketCells } from '../../ofdm/demodulator.js';
import { createFrameParts, demodulateFrame, modulateFrame } from '../../ofdm/frame.js';
import type { Grid } from '../../ofdm/grid.js';
import { paprDb } from '../../ofdm/papr.js';
import { fillQpsk } from '../../ofdm/pilots.js';
import { superimpose } from '../../ofdm/reference.js';
import { createSimulatedChannel, type SimulatedChannel } from '../../radio/simulated/simulated-channel.js';
import { fitTaps } from '../../receiver/sampling/channel-knowledge.js';
import { createChannelEstimator } from '../../receiver/channel-posterior.js';
import type { LinkSetting } from '../../receiver/receiver.js';
import { cropPlanes, type Picture } from '../../source/picture.js';
import { correctCfo } from '../../sync/correct-cfo.js';
import { prefixCfoSubcarriers } from '../../sync/prefix-cfo.js';
import {
  createPreambleDetector,
  type PreambleDetector,
  type PreambleDetection,
  type SyncDiagnosis,
} from '../../sync/preamble-detector.js';
import { coherenceOf, syncMethodOf, timingAdvanceOf } from '../setting/link-setting.js';

/** A picture as it goes to the radio. */
export interface SentFrame {
  readonly index: number;
  readonly picture: Picture;
  readonly padded: Picture;
  readonly setting: LinkSetting;
  readonly codeword: ComplexArray;
  /** [frameLength] samples. */
  readonly samples: ComplexArray;
  readonly paprDb: number;
  readonly encodeMs: number;
  readonly modulateMs: number;
}

/** What came out of radio and synchroniser, and, for the metrics alone, what really happened. */
export interface ArrivedFrame {
  readonly sent: SentFrame;
  /** null where no frame was found. */
  readonly observed: PacketCells | null;
  readonly sync: {
    readonly detection: PreambleDetection | null;
    readonly diagnosis: SyncDiagnosis | null;
    readonly timingError: number;
  };
  /** The configured radio's σ². */
  readonly noiseVariance: number;
  /** True response of every data cell as the receiver's FFT sees it; null where no frame was found. */
  readonly response: ComplexArray | null;
  /** True taps of each packet in the receiver's window. */
  readonly taps: readonly ComplexArray[];
  /** Samples as the radio gave them. */
  readonly received: ComplexArray;
  readonly timing: { readonly channelMs: number; readonly receiveMs: number };
}

/** Stages of the link up to the receivers, as functions of one frame. */
export interface TransmissionStages {
  encode(picture: Picture, padded: Picture, index: number, setting: LinkSetting): Promise<SentFrame>;
  transport(sent: SentFrame): ArrivedFrame;
}

export function createTransmission(config: LinkConfig, grid: Grid, rng: Rng): TransmissionStages {
  const parts = createFrameParts(grid);
  const method = syncMethodOf(config, grid);
  const advance = timingAdvanceOf(config, grid);
  const demodulator = createDemodulator(grid, { timingAdvance: advance });
  const exact = createDemodulator(grid);
  const channel = createSimulatedChannel(simulatedConfigOf(config, grid), grid, rng.split('radio'));
  const detectors = new Map<number, PreambleDetector>();
  const probes = new Map<number, { cells: ComplexArray; samples: ComplexArray }>();

  /** Behind a preamble the detector skips the frame, so that no data can be taken for another. */
  const detectorFor = (numPackets: number): PreambleDetector => {
    let detector = detectors.get(numPackets);
    if (detector === undefined) {
      detector = createPreambleDetector(grid, { holdOffSamples: grid.frameLength(numPackets) });
      detectors.set(numPackets, detector);
    }
    return detector;
  };

  /** Known cells of unit power with which a channel is measured, [P·S·M], and their samples. */
  const probeOf = (numPackets: number): { cells: ComplexArray; samples: ComplexArray } => {
    let probe = probes.get(numPackets);
    if (probe === undefined) {
      const cells = createComplex(numPackets * grid.cellsPerPacket);
      fillQpsk(cells, createRng(config.seed).split('probe'));
      const linear = { ...grid, config: { ...grid.config, clippingRatio: null } };
      probe = { cells, samples: modulateFrame(linear, cells, createFrameParts(linear)) };
      probes.set(numPackets, probe);
    }
    return probe;
  };

  return {
    async encode(picture, padded, index, setting) {
      const { codec, layout, interleaver, rho, reference, snrDb } = setting;
      const began = performance.now();
      const codeword = symbolsOf(layout, await codec.encode(padded.data, 1, layout, snrDb));
      const encoded = performance.now();
      const cells = createComplex(interleaver.numPackets * grid.cellsPerPacket);
      interleaver.interleave(codeword, cells);
      if (rho > 0) superimpose(cells, reference, rho, cells);
      const samples = modulateFrame(grid, cells, parts);
      return {
        index,
        picture,
        padded,
        setting,
        codeword,
        samples,
        paprDb: paprDb(samples, grid.preambleLength),
        encodeMs: encoded - began,
        modulateMs: performance.now() - encoded,
      };
    },

    transport(sent) {
      if (method === 'cp') {
        throw new ConfigError(
          'config.sync',
          'sync.method cp finds frames in streams: use record and replay (--radio simulated) instead of simulate',
        );
      }
      const { interleaver } = sent.setting;
      const { numPackets } = interleaver;
      const search = method === 'preamble';
      const lead = search ? config.sync.leadInSamples : 0;
      const frame = sent.index;
      const began = performance.now();
      const propagated = channel.propagate(sent.samples, frame, { lead, probe: false });
      const clean = demodulateFrame(
        grid,
        propagated.samples,
        lead + config.channel.delaySamples,
        numPackets,
        undefined,
        exact,
      );
      const variance = noiseVariance(config.snrConvention, config.snrDb, meanPower(clean.data));
      const asReceived = channel.receive(propagated, variance, frame, { probe: false });

      const receivedAt = performance.now();
      let start = propagated.start;
      let detection: PreambleDetection | null = null;
      let diagnosis: SyncDiagnosis | null = null;
      if (search) {
        const detector = detectorFor(numPackets);
        detector.reset();
        const found = [...detector.execute(asReceived), ...detector.execute(createComplex(detector.delaySamples))];
        detection = found.at(0) ?? null;
        diagnosis = detector.diagnosis();
        if (detection !== null) start = detection.startSample;
      }
      const end = start + grid.frameLength(numPackets);
      const lost = (search && detection === null) || end > asReceived.re.length;
      const timing = (): ArrivedFrame['timing'] => ({
        channelMs: receivedAt - began,
        receiveMs: performance.now() - receivedAt,
      });
      const sync = { detection, diagnosis, timingError: start - propagated.start };
      if (lost)
        return {
          sent,
          observed: null,
          sync,
          noiseVariance: variance,
          response: null,
          taps: [],
          received: asReceived,
          timing: timing(),
        };

      let cfo = detection?.cfoRadPerSample ?? 0;
      const received = search ? copyComplex(asReceived) : asReceived;
      if (search) {
        correctCfo(received, cfo);
        const numSymbols = (grid.pilotSymbols + grid.symbolsPerPacket) * numPackets;
        const rest = prefixCfoSubcarriers(grid, received, start + grid.preambleLength, numSymbols);
        const restRadPerSample = (2 * Math.PI * rest) / grid.fftSize;
        correctCfo(received, restRadPerSample);
        cfo += restRadPerSample;
      }
      const observed = demodulateFrame(
        grid,
        received,
        start,
        numPackets,
        createPacketCells(grid, numPackets),
        demodulator,
      );
      const spent = timing();
      const truth =
        channel.isStatic && !search
          ? responseOfTaps(channel, frame, numPackets)
          : measure(frame, numPackets, lead, start, cfo);
      return { sent, observed, sync, noiseVariance: variance, ...truth, received: asReceived, timing: spent };
    },
  };

  /** Taps that stand still: their DFT, delayed by the window's advance. */
  function responseOfTaps(source: SimulatedChannel, frame: number, numPackets: number): Truth {
    const response = createComplex(numPackets * grid.cellsPerPacket);
    const taps = Array.from({ length: numPackets }, (_, p) => delayTaps(source.tapsOf(frame, p, numPackets), advance));
    taps.forEach((h, p) => {
      const estimator = createChannelEstimator(grid.dataBins, grid.fftSize, new Float64Array(h.re.length).fill(1));
      const row = estimator.certain({ re: Float64Array.from(h.re), im: Float64Array.from(h.im) }).response;
      for (let i = 0; i < grid.cellsPerPacket; i++) {
        response.re[p * grid.cellsPerPacket + i] = row.re[i % grid.numDataSubcarriers];
        response.im[p * grid.cellsPerPacket + i] = row.im[i % grid.numDataSubcarriers];
      }
    });
    return { response, taps };
  }

  /** Everything else: a noiseless frame of known cells through the same channel, offsets and correction. */
  function measure(frame: number, numPackets: number, lead: number, start: number, cfo: number): Truth {
    const probe = probeOf(numPackets);
    const samples = channel.receive(channel.propagate(probe.samples, frame, { lead, probe: true }), 0, frame, {
      probe: true,
    });
    if (cfo !== 0) correctCfo(samples, cfo);
    const seen = demodulateFrame(
      grid,
      samples,
      start,
      numPackets,
      createPacketCells(grid, numPackets),
      demodulator,
    ).data;
    const response = createComplex(seen.re.length);
    for (let i = 0; i < seen.re.length; i++) {
      const xr = probe.cells.re[i];
      const xi = probe.cells.im[i];
      response.re[i] = seen.re[i] * xr + seen.im[i] * xi;
      response.im[i] = seen.im[i] * xr - seen.re[i] * xi;
    }
    return { response, taps: fitTaps(grid, response, windowLength()) };
  }

  function windowLength(): number {
    return Math.min(grid.fftSize, channel.tapsOf(0, 0, 1).re.length + 2 * advance);
  }
}

interface Truth {
  readonly response: ComplexArray;
  readonly taps: ComplexArray[];
}

function delayTaps(taps: ComplexArray, delay: number): ComplexArray {
  if (delay === 0) return taps;
  const out = createComplex(taps.re.length + delay);
  out.re.set(taps.re, delay);
  out.im.set(taps.im, delay);
  return out;
}

function simulatedConfigOf(config: LinkConfig, grid: Grid): Parameters<typeof createSimulatedChannel>[0] {
  const { taps, dopplerHz, cfoSubcarriers, sampleRateHz } = config.channel;
  const cfoHz = (cfoSubcarriers * sampleRateHz) / grid.fftSize;
  const impairments = { ...config.channel, cfoHz, signalPower: grid.meanPower };
  return { taps, coherence: coherenceOf(config), dopplerHz, impairments };
}

/** The received picture cut back to the sent one's size. */
export function cropToSent(sent: SentFrame, picture: Float32Array): Float32Array {
  const { picture: original, padded } = sent;
  return cropPlanes(picture, padded.height, padded.width, original.height, original.width);
}
