import type { TapModel } from '../../channel/config.js';
import { createTapSource } from '../../channel/tap-source.js';
import type { LinkConfig } from '../../config/schema.js';
import { type ComplexArray, createComplex } from '../../core/complex.js';
import { ConfigError } from '../../core/errors.js';
import { createRng } from '../../core/rng.js';
import { dbToPower } from '../../core/units.js';
import { openChannelFlowgraph, openSoapy, openUsrp, openZmqBridge } from '../../radio/gnuradio/gnuradio-radios.js';
import { openFileLoopback } from '../../radio/loopback/file-loopback.js';
import type { Radio } from '../../radio/radio.js';
import { openSimulatedRadio } from '../../radio/simulated/simulated-radio.js';
import { gridOf } from './link-setting.js';

/** What a user says of a radio; UHD's habits. */
export interface RadioRequest {
  /** simulated, gnuradio, usrp, soapy, zmq, or file:PATH. */
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

export const radioKinds = ['simulated', 'gnuradio', 'usrp', 'soapy', 'zmq', 'file:PATH'] as const;

/** Opens the radio that the user names; the channel of `simulated` and `gnuradio` comes from the link's settings. */
export async function openRadio(request: RadioRequest, config: LinkConfig, signal?: AbortSignal): Promise<Radio> {
  const sampleRateHz = request.rateHz ?? config.channel.sampleRateHz;
  const centerFrequencyHz = request.frequencyHz ?? 915e6;
  const [kind, ...rest] = request.radio.split(':');
  const needsBoth = (name: string): void => {
    if (request.direction !== 'duplex') {
      throw new ConfigError(
        'config.radio',
        `--radio ${name}: joins a transmitter and a receiver in one process; use it with 'record NAME PICTURES…'`,
      );
    }
  };
  switch (kind) {
    case 'simulated': {
      needsBoth(kind);
      const grid = gridOf(config);
      const { taps, dopplerHz, cfoSubcarriers } = config.channel;
      const impairments = {
        ...config.channel,
        sampleRateHz,
        cfoHz: (cfoSubcarriers * sampleRateHz) / grid.fftSize,
        signalPower: grid.meanPower,
      };
      const fixed = { taps, dopplerHz, impairments, noiseVariance: noiseVarianceOf(config), centerFrequencyHz };
      return openSimulatedRadio(fixed, createRng(config.seed).split('radio'));
    }
    case 'gnuradio': {
      needsBoth(kind);
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
    }
    case 'usrp':
      return openUsrp(
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
      );
    case 'soapy': {
      if (request.direction !== 'rx') throw new ConfigError('config.radio', '--radio soapy: receives only');
      const { args = 'driver=rtlsdr' } = request;
      const driver = /driver=([^,]+)/.exec(args)?.[1] ?? 'rtlsdr';
      const others = args.replace(/driver=[^,]+,?/, '');
      const settings = { driver, args: others, sampleRateHz, centerFrequencyHz, gainDb: request.rxGainDb ?? 20 };
      return openSoapy(request.rxAntenna === undefined ? settings : { ...settings, antenna: request.rxAntenna }, {
        signal,
      });
    }
    case 'zmq':
      return openZmqBridge(
        {
          push: request.zmqPush ?? 'tcp://127.0.0.1:5555',
          pull: request.zmqPull ?? 'tcp://127.0.0.1:5556',
          sampleRateHz,
        },
        { signal },
      );
    case 'file': {
      needsBoth(kind);
      const path = rest.join(':');
      if (path === '')
        throw new ConfigError('config.radio', '--radio file: name a file, e.g. --radio file:/tmp/loop.cf32');
      return openFileLoopback({ path, sampleRateHz, centerFrequencyHz });
    }
    default:
      throw new ConfigError('config.radio', `--radio ${request.radio}: must be one of ${radioKinds.join(', ')}`, {
        value: request.radio,
      });
  }
}

/** σ² for the CSNR in cells of unit power, through taps of unit energy. */
const noiseVarianceOf = (config: LinkConfig): number => dbToPower(-config.snrDb);

/** One draw of the taps, scaled to unit energy: the CSNR is then the one received. */
function unitEnergy(model: TapModel, seed: number): ComplexArray {
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
