import { DeviceError } from '../../core/errors.js';
import type { AppliedSettings, Radio } from '../radio.js';
import { createSampleQueue } from '../sample-queue.js';
import {
  type FlowgraphOptions,
  type FlowgraphProcess,
  type ReportedSettings,
  startFlowgraph,
} from './flowgraph-process.js';

/** GNU Radio's channel models between transmitter and receiver. */
export interface ChannelFlowgraphConfig {
  readonly sampleRateHz: number;
  /** σ², total per complex sample. */
  readonly noiseVariance: number;
  /** Cycles per sample. */
  readonly frequencyOffset: number;
  /** Positive: the receiver's sampling period is too long. */
  readonly sfoPpm: number;
  /** Python complex numbers, e.g. `1,0.5j,-0.2+0.1j`. */
  readonly taps: string;
  readonly seed: number;
  /** Fading paths before the channel model. */
  readonly fading?: {
    readonly dopplerHz: number;
    readonly delays: string;
    readonly magnitudes: string;
    readonly riceFactor: number;
  };
}

/** UHD's habits. */
export interface UsrpConfig {
  readonly direction: 'tx' | 'rx' | 'duplex';
  readonly args: string;
  readonly sampleRateHz: number;
  readonly centerFrequencyHz: number;
  readonly loOffsetHz?: number;
  readonly txGainDb?: number;
  readonly rxGainDb?: number;
  readonly txAntenna?: string;
  readonly rxAntenna?: string;
  readonly subdevice?: string;
  readonly clockSource?: string;
  readonly silenceMs?: number;
}

export type RadioOptions = Pick<FlowgraphOptions, 'command' | 'signal' | 'startMs'> & { readonly capacity?: number };

/** A flowgraph of GNU Radio's channel blocks as a radio. It waits for its reader: nothing is lost. */
export async function openChannelFlowgraph(config: ChannelFlowgraphConfig, options: RadioOptions = {}): Promise<Radio> {
  const { sampleRateHz, fading } = config;
  const queue = createSampleQueue({
    capacity: options.capacity ?? 1 << 18,
    policy: 'block',
    sampleRateHz,
    centerFrequencyHz: 0,
  });
  const graph = await startFlowgraph({
    ...options,
    flowgraph: fading === undefined ? 'channel' : 'fading_channel',
    parameters: {
      noise_voltage: Math.sqrt(config.noiseVariance),
      freq_offset: config.frequencyOffset,
      epsilon: 1 + config.sfoPpm * 1e-6,
      taps: config.taps,
      seed: config.seed,
      ...(fading === undefined
        ? {}
        : {
            doppler: fading.dopplerHz / sampleRateHz,
            delays: fading.delays,
            magnitudes: fading.magnitudes,
            rice_factor: fading.riceFactor,
          }),
    },
    device: 'GNU Radio channel',
    transmits: true,
    queue,
    silenceMs: null,
  });
  const applied = { sampleRateHz, centerFrequencyHz: 0, gainDb: null, antenna: null, device: 'GNU Radio channel' };
  return radioOf('gnuradio', 'block', graph, queue, { tx: applied, rx: applied });
}

/** A USRP through UHD. A real radio cannot wait: samples that nobody reads in time are dropped, counted and marked. */
export async function openUsrp(config: UsrpConfig, options: RadioOptions = {}): Promise<Radio> {
  const { direction } = config;
  const both = direction === 'duplex';
  const queue =
    direction === 'tx'
      ? null
      : createSampleQueue({
          capacity: options.capacity ?? Math.max(1 << 20, 2 * config.sampleRateHz),
          policy: 'drop',
          sampleRateHz: config.sampleRateHz,
          centerFrequencyHz: config.centerFrequencyHz,
        });
  const side = (
    prefix: string,
    gain: number | undefined,
    antenna: string | undefined,
  ): Record<string, string | number> => ({
    ...(gain === undefined ? {} : { [`${prefix}gain`]: gain }),
    ...(antenna === undefined ? {} : { [`${prefix}ant`]: antenna }),
    ...(config.subdevice === undefined ? {} : { [`${prefix}subdev`]: config.subdevice }),
  });
  const device = `USRP${config.args === '' ? '' : ` ${config.args}`}`;
  const graph = await startFlowgraph({
    ...options,
    flowgraph: `usrp_${direction}`,
    parameters: {
      args: config.args,
      rate: config.sampleRateHz,
      freq: config.centerFrequencyHz,
      lo_offset: config.loOffsetHz ?? 0,
      ref: config.clockSource ?? 'internal',
      ...(direction === 'rx' ? {} : side(both ? 'tx_' : '', config.txGainDb, config.txAntenna)),
      ...(direction === 'tx' ? {} : side(both ? 'rx_' : '', config.rxGainDb, config.rxAntenna)),
    },
    device,
    transmits: direction !== 'rx',
    queue,
    silenceMs: queue === null ? null : (config.silenceMs ?? 3000),
  });
  return radioOf('usrp', 'drop', graph, queue, {
    tx: graph.applied.tx === undefined ? null : settingsOf(graph.applied.tx, device),
    rx: graph.applied.rx === undefined ? null : settingsOf(graph.applied.rx, device),
  });
}

/** A receiver known to SoapySDR: RTL-SDR, HackRF, LimeSDR… */
export async function openSoapy(
  config: {
    driver: string;
    args: string;
    sampleRateHz: number;
    centerFrequencyHz: number;
    gainDb: number;
    antenna?: string;
  },
  options: RadioOptions = {},
): Promise<Radio> {
  const { sampleRateHz, centerFrequencyHz } = config;
  const capacity = options.capacity ?? Math.max(1 << 20, 2 * sampleRateHz);
  const queue = createSampleQueue({ capacity, policy: 'drop', sampleRateHz, centerFrequencyHz });
  const device = `SoapySDR ${config.driver}`;
  const graph = await startFlowgraph({
    ...options,
    flowgraph: 'soapy_rx',
    parameters: {
      driver: config.driver,
      args: config.args,
      rate: sampleRateHz,
      freq: centerFrequencyHz,
      gain: config.gainDb,
      ...(config.antenna === undefined ? {} : { ant: config.antenna }),
    },
    device,
    transmits: false,
    queue,
    silenceMs: 3000,
  });
  const applied = graph.applied.rx ?? { sampleRateHz, centerFrequencyHz };
  return radioOf('soapy', 'drop', graph, queue, { tx: null, rx: settingsOf(applied, device) });
}

/** Existing flowgraphs on the other side of two ZeroMQ sockets. */
export async function openZmqBridge(
  config: { push: string; pull: string; sampleRateHz: number },
  options: RadioOptions = {},
): Promise<Radio> {
  const { sampleRateHz } = config;
  const queue = createSampleQueue({
    capacity: options.capacity ?? 1 << 18,
    policy: 'block',
    sampleRateHz,
    centerFrequencyHz: 0,
  });
  const graph = await startFlowgraph({
    ...options,
    flowgraph: 'zmq_bridge',
    parameters: { push: config.push, pull: config.pull },
    device: `ZeroMQ bridge ${config.push}`,
    transmits: true,
    queue,
    silenceMs: null,
  });
  const applied = { sampleRateHz, centerFrequencyHz: 0, gainDb: null, antenna: null, device: 'ZeroMQ bridge' };
  return radioOf('zmq', 'block', graph, queue, { tx: applied, rx: applied });
}

const settingsOf = (reported: ReportedSettings, device: string): AppliedSettings => ({
  sampleRateHz: reported.sampleRateHz,
  centerFrequencyHz: reported.centerFrequencyHz,
  gainDb: reported.gainDb ?? null,
  antenna: reported.antenna ?? null,
  device: reported.device ? `${device} (${reported.device})` : device,
});

function radioOf(
  name: string,
  policy: Radio['policy'],
  graph: FlowgraphProcess,
  queue: ReturnType<typeof createSampleQueue> | null,
  { tx, rx }: Pick<Radio, 'tx' | 'rx'>,
): Radio {
  return {
    name,
    tx,
    rx,
    policy,
    transmit: (samples) => graph.send(samples),
    endTransmission: () => graph.endInput(),
    receive() {
      if (queue === null) throw new DeviceError('radio.direction', `radio ${name}: was opened to transmit only`);
      return queue;
    },
    counters: () => ({
      sent: graph.sent,
      received: queue?.received ?? 0,
      lostInDevice: queue?.lostInDevice ?? 0,
      lostInQueue: queue?.lostInQueue ?? 0,
      overruns: Math.max(graph.overruns, queue?.gaps ?? 0),
      underruns: graph.underruns,
      latePackets: graph.latePackets,
      queuePeak: queue?.peak ?? 0,
      queueCapacity: queue?.capacity ?? 0,
    }),
    close: () => graph.close(),
  };
}
