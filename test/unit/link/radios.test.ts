import { describe, expect, it } from 'vitest';
import { type RawConfig, resolveConfig } from '../../../src/config/load.js';
import { impairmentSchemas } from '../../../src/channel/impairments.js';
import { checkChannelSettings, findRadio, radios, transmitRmsOf } from '../../../src/link/setting/radios.js';

/** Every setting of the air, away from its default. */
const settings: Record<string, unknown> = {
  taps: { kind: 'flat' },
  coherence: 'packet',
  dopplerHz: 5,
  cfoSubcarriers: 0.1,
  phaseNoiseLinewidthHz: 10,
  sfoPpm: 2,
  delaySamples: 3,
  amplifier: { smoothness: 2, inputBackoffDb: 6 },
  tone: { frequencyHz: 1e5, sirDb: 20 },
  impulses: { probability: 0.01, sirDb: 20 },
  iqImbalance: { gainDb: 0.5, phaseDeg: 1 },
  dcOffset: { re: 0.1, im: 0 },
  quantizer: { bits: 8, fullScale: 4 },
};

const check = (radio: string, channel: RawConfig): void => {
  checkChannelSettings(radio, resolveConfig({ channel }));
};

describe('radios and the settings of the air', () => {
  it('this table knows every impairment', () => {
    expect(Object.keys(settings)).toEqual(expect.arrayContaining(Object.keys(impairmentSchemas)));
  });

  describe.each(radios.map(({ kind, air, channel = [] }) => ({ kind, air, able: channel as readonly string[] })))(
    '$kind',
    ({ kind, air, able }) => {
      it.each(Object.entries(settings))('carries out or refuses channel.%s', (name, value) => {
        // Taps are the receivers' prior as well, whatever the air is.
        const takes = able.includes(name) || (name === 'taps' && air === 'hardware');
        if (takes) check(kind, { [name]: value });
        else expect(() => check(kind, { [name]: value })).toThrow(new RegExp(`^channel\\.${name}: radio ${kind} `));
      });

      it('takes the defaults, any rate, and one channel for the stream', () => {
        check(kind, {});
        check(kind, { sampleRateHz: 2e6, coherence: 'frame' });
      });
    },
  );

  it('gnuradio has only what its flowgraph has', () => {
    expect(findRadio('gnuradio').channel).toEqual(['taps', 'dopplerHz', 'cfoSubcarriers', 'sfoPpm']);
    expect(() => check('gnuradio', { dcOffset: { re: 0.1, im: 0 } })).toThrow(
      'channel.dcOffset: radio gnuradio cannot do that (its channel takes taps, dopplerHz, cfoSubcarriers, sfoPpm); use --radio simulated or leave it out',
    );
  });

  it('unknown ones are refused with those there are', () => {
    expect(() => findRadio('usrq')).toThrow(/^--radio usrq: must be one of simulated, gnuradio, usrp, .*file:PATH$/);
  });

  it('what may be a converter gets a fifth of its full scale, models of the air the modem’s power', () => {
    expect(Object.fromEntries(radios.map(({ kind }) => [kind, transmitRmsOf(kind)]))).toEqual({
      simulated: null,
      gnuradio: null,
      usrp: 0.2,
      soapy: 0.2,
      zmq: 0.2,
      file: 0.2,
    });
  });
});
