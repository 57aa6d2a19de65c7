import type { TapModel } from '../../channel/config.js';
import { movesByItself } from '../../channel/tap-motion.js';
import { createTapSource } from '../../channel/tap-source.js';
import type { LinkConfig } from '../../config/schema.js';
import { linkConfigSchema } from '../../config/schema.js';
import { type ComplexArray, createComplex } from '../../core/complex.js';
import { ConfigError } from '../../core/errors.js';
import { createRng } from '../../core/rng.js';
import { dbToPower } from '../../core/units.js';
import { openChannelFlowgraph, openSoapy, openUsrp, openZmqBridge } from '../../radio/gnuradio/gnuradio-radios.js';
import { openFileLoopback } from '../../radio/loopback/file-loopback.js';
import type { Radio } from '../../radio/radio.js';
import { openSimulatedRadio } from '../../radio/simulated/simulated-radio.js';
import { gridOf, impairmentsOf } from './link-setting.js';

/** What a user says of a radio; UHD's habits. */
export interface RadioRequest {
  /** A radio's kind, with `:` and more where it takes more (`file:PATH`). */
  readonly radio: string;
  readonly direction: 'tx' | 'rx' | 'duplex';
  readonly args?: string | undefined;
  readonly rateHz?: number | undefined;
  readonly frequencyHz?: number | undefined;
  readonly loOffsetHz?: number | undefined;
  readonly txGainDb?: number | undefined;
  readonly rxGainDb?: number | undefined;
  readonly txAntenna?: string | undefined;
  readonly rxAntenna?: string | undefined;
  readonly subdevice?: string | undefined;
  readonly clockSource?: string | undefined;
  readonly zmqPush?: string | undefined;
  readonly zmqPull?: string | undefined;
}

/** A radio before it is opened, with what every radio needs filled in. */
export interface RadioContext {
  readonly request: RadioRequest;
  readonly config: LinkConfig;
  readonly sampleRateHz: number;
  readonly centerFrequencyHz: number;
  /** What follows the colon of `KIND:REST`. */
  readonly rest: string;
  readonly signal: AbortSignal | undefined;
}

/** What the link must know of a radio before there is one. */
export interface RadioDescriptor {
  readonly kind: string;
  /** How it is written, where that is more than its kind. */
  readonly usage?: string;
  readonly directions: readonly RadioRequest['direction'][];
  /**
   * `model`: it stands for the air, with the link's own `channel` settings, and samples have the modem's power.
   * `hardware`: the air is what it is, and samples are relative to the converter's full scale.
   */
  readonly air: 'model' | 'hardware';
  /** Settings under `channel` that a model of the air carries out; all others are refused. */
  readonly channel?: readonly (keyof LinkConfig['channel'])[];
  open(context: RadioContext): Promise<Radio> | Radio;
}

/** Settings under `channel` that say something of the air. `sampleRateHz` is the radio's, `taps` the receivers' prior too. */
type AirSetting = Exclude<keyof LinkConfig['channel'], 'sampleRateHz'>;

export const radios: readonly RadioDescriptor[] = [
  {
    kind: 'simulated',
    directions: ['duplex'],
    air: 'model',
    channel: [
      ...(['taps', 'dopplerHz', 'cfoSubcarriers', 'phaseNoiseLinewidthHz', 'sfoPpm', 'delaySamples'] as const),
      ...(['amplifier', 'tone', 'impulses', 'iqImbalance', 'dcOffset', 'quantizer'] as const),
    ],
    open({ config, sampleRateHz, centerFrequencyHz }) {
      const { taps, dopplerHz } = config.channel;
      const impairments = impairmentsOf(config, gridOf(config), sampleRateHz);
      const fixed = { taps, dopplerHz, impairments, noiseVariance: noiseVarianceOf(config), centerFrequencyHz };
      return openSimulatedRadio(fixed, createRng(config.seed).split('radio'));
    },
  },
  {
    kind: 'gnuradio',
    directions: ['duplex'],
    air: 'model',
    channel: ['taps', 'dopplerHz', 'cfoSubcarriers', 'sfoPpm'],
    open({ config, sampleRateHz, signal }) {
      const { channel, seed } = config;
      const profile = channel.taps;
      return openChannelFlowgraph(
        {
          sampleRateHz,
          noiseVariance: noiseVarianceOf(config),
          frequencyOffset: channel.cfoSubcarriers / gridOf(config).fftSize,
          sfoPpm: channel.sfoPpm,
          taps: channel.dopplerHz > 0 ? '1' : pythonTaps(unitEnergy(profile, seed)),
          seed,
          ...(channel.dopplerHz > 0 ? { fading: fadingOf(profile, channel.dopplerHz) } : {}),
        },
        { signal },
      );
    },
  },
  {
    kind: 'usrp',
    directions: ['tx', 'rx', 'duplex'],
    air: 'hardware',
    open: ({ request, sampleRateHz, centerFrequencyHz, signal }) =>
      openUsrp(
        defined({
          direction: request.direction,
          args: request.args ?? '',
          sampleRateHz,
          centerFrequencyHz,
          loOffsetHz: request.loOffsetHz,
          txGainDb: request.txGainDb,
          rxGainDb: request.rxGainDb,
          txAntenna: request.txAntenna,
          rxAntenna: request.rxAntenna,
          subdevice: request.subdevice,
          clockSource: request.clockSource,
        }),
        { signal },
      ),
  },
  {
    kind: 'soapy',
    directions: ['rx'],
    air: 'hardware',
    open({ request, sampleRateHz, centerFrequencyHz, signal }) {
      const { args = 'driver=rtlsdr' } = request;
      const driver = /driver=([^,]+)/.exec(args)?.[1] ?? 'rtlsdr';
      const others = args.replace(/driver=[^,]+,?/, '');
      const settings = { driver, args: others, sampleRateHz, centerFrequencyHz, gainDb: request.rxGainDb ?? 20 };
      return openSoapy(request.rxAntenna === undefined ? settings : { ...settings, antenna: request.rxAntenna }, {
        signal,
      });
    },
  },
  {
    kind: 'zmq',
    directions: ['tx', 'rx', 'duplex'],
    air: 'hardware',
    open: ({ request, sampleRateHz, signal }) =>
      openZmqBridge(
        {
          push: request.zmqPush ?? 'tcp://127.0.0.1:5555',
          pull: request.zmqPull ?? 'tcp://127.0.0.1:5556',
          sampleRateHz,
        },
        { signal },
      ),
  },
  {
    kind: 'file',
    usage: 'file:PATH',
    directions: ['duplex'],
    air: 'hardware',
    open({ rest, sampleRateHz, centerFrequencyHz }) {
      if (rest === '')
        throw new ConfigError('config.radio', '--radio file: name a file, e.g. --radio file:/tmp/loop.cf32');
      return openFileLoopback({ path: rest, sampleRateHz, centerFrequencyHz });
    },
  },
];

/** How the radios are named that can do one of `directions`. */
export const radioUsages = (directions: readonly RadioRequest['direction'][] = ['tx', 'rx', 'duplex']): string[] =>
  radios
    .filter((radio) => directions.some((one) => radio.directions.includes(one)))
    .map(({ kind, usage }) => usage ?? kind);

/** The descriptor of `KIND` or `KIND:REST`. @throws ConfigError for an unknown kind */
export function findRadio(name: string): RadioDescriptor {
  const [kind] = name.split(':');
  const found = radios.find((one) => one.kind === kind);
  if (found !== undefined) return found;
  throw new ConfigError('config.radio', `--radio ${name}: must be one of ${radioUsages().join(', ')}`, { value: name });
}

/** R.m.s. amplitude of a frame in a converter's full scale, unless the user says otherwise: peaks 14 dB above it fit. */
const HARDWARE_RMS = 0.2;

/** R.m.s. amplitude at which frames go to a radio; null leaves the modem's own, which models of the air expect. */
export const transmitRmsOf = (name: string): number | null =>
  findRadio(name).air === 'hardware' ? HARDWARE_RMS : null;

/**
 * Refuses settings of the air that a radio would not carry out, so that nothing claims what was not there.
 * @throws ConfigError naming the setting
 */
export function checkChannelSettings(name: string, { channel }: LinkConfig): void {
  const { kind, air, channel: able = [] } = findRadio(name);
  const usual = linkConfigSchema.parse({}).channel;
  for (const [setting, value] of Object.entries(channel) as [AirSetting | 'sampleRateHz', unknown][]) {
    // The taps are the receivers' prior as well; each radio has its own rate.
    if (setting === 'sampleRateHz' || (setting === 'taps' && air === 'hardware')) continue;
    if (able.includes(setting) || JSON.stringify(value) === JSON.stringify(usual[setting])) continue;
    // One channel for the stream is what every radio has.
    if (setting === 'coherence' && value === 'frame') continue;
    throw new ConfigError(
      'config.radio',
      air === 'hardware'
        ? `channel.${setting}: radio ${kind} has a channel of its own, which no setting changes; leave it out`
        : setting === 'coherence'
          ? `channel.coherence: radio ${kind} has one channel for the whole stream; leave it out`
          : `channel.${setting}: radio ${kind} cannot do that (its channel takes ${able.join(', ')}); use --radio simulated or leave it out`,
      { value },
    );
  }
}

/**
 * Opens the radio that the user names; the channel of a model of the air comes from the link's settings.
 * @throws ConfigError for settings that it would not carry out, DeviceError where it cannot be opened
 */
export async function openRadio(request: RadioRequest, config: LinkConfig, signal?: AbortSignal): Promise<Radio> {
  const descriptor = findRadio(request.radio);
  const { kind, directions } = descriptor;
  if (!directions.includes(request.direction)) {
    throw new ConfigError(
      'config.radio',
      directions.length === 1 && directions[0] === 'rx'
        ? `--radio ${kind}: receives only`
        : `--radio ${kind}: joins a transmitter and a receiver in one process; use it with 'record NAME PICTURES…'`,
    );
  }
  checkChannelSettings(request.radio, config);
  return descriptor.open({
    request,
    config,
    sampleRateHz: request.rateHz ?? config.channel.sampleRateHz,
    centerFrequencyHz: request.frequencyHz ?? 915e6,
    rest: request.radio.slice(kind.length + 1),
    signal,
  });
}

/** σ² for the CSNR in resource elements of unit power, through taps of unit energy. */
const noiseVarianceOf = (config: LinkConfig): number => dbToPower(-config.snrDb);

/** One draw of the taps, scaled to unit energy: the CSNR is then the one received. */
function unitEnergy(model: TapModel, seed: number): ComplexArray {
  if (movesByItself(model)) {
    throw new ConfigError(
      'config.radio',
      `channel.taps: radio gnuradio cannot play a ${model.kind} channel, which moves; use --radio simulated`,
    );
  }
  const taps = createTapSource(model, createRng(seed).split('radio').split('taps')).draw(0);
  const energy = taps.re.reduce((sum, re, l) => sum + re * re + taps.im[l] ** 2, 0);
  const out = createComplex(taps.re.length);
  for (let l = 0; l < out.re.length; l++) {
    out.re[l] = taps.re[l] / Math.sqrt(energy);
    out.im[l] = taps.im[l] / Math.sqrt(energy);
  }
  return out;
}

const pythonTaps = ({ re, im }: ComplexArray): string =>
  Array.from(re, (v, l) => `${v.toFixed(7)}${im[l] < 0 ? '-' : '+'}${Math.abs(im[l]).toFixed(7)}j`).join(',');

function fadingOf(
  model: TapModel,
  dopplerHz: number,
): { dopplerHz: number; delays: string; magnitudes: string; riceFactor: number } {
  if (model.kind !== 'exponential') {
    throw new ConfigError('config.radio', '--radio gnuradio with Doppler: takes exponential taps (channel.taps)');
  }
  const powers = Array.from({ length: model.numTaps }, (_, l) => Math.exp(-l / model.decay));
  const total = powers.reduce((sum, p) => sum + p, 0);
  return {
    dopplerHz,
    delays: powers.map((_, l) => l).join(','),
    magnitudes: powers.map((p) => Math.sqrt(p / total).toFixed(6)).join(','),
    riceFactor: 0,
  };
}

/** Without the properties that are undefined. */
function defined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
