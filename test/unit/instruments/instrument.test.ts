import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, duplexPair } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ConfigError, DeviceError } from '../../../src/core/errors.js';
import { instrumentOn, openInstrument } from '../../../src/instruments/instrument.js';
import {
  instrumentFolder,
  type InstrumentProfile,
  instrumentNames,
  readInstrumentProfile,
} from '../../../src/instruments/instrument-profile.js';
import { deviceProfiles, profileFor, profileProblems } from '../../../src/radio/device-profile.js';
import { simulateInstrument } from '../../support/simulated-instruments.js';

const quick = (profile: InstrumentProfile): InstrumentProfile => ({ ...profile, timeoutMs: 150 });

function pair(): [Duplex, Duplex] {
  return duplexPair();
}

function attach(name: string, behaviour?: Parameters<typeof simulateInstrument>[2]) {
  const [near, far] = pair();
  const log = simulateInstrument(far, name, behaviour);
  return { instrument: instrumentOn(near, quick(readInstrumentProfile(name)), 'pair'), log, far };
}

describe('instrument profiles', () => {
  it('are all valid, and named by their files', () => {
    expect(instrumentNames().length).toBe(readdirSync(instrumentFolder).length);
    for (const name of instrumentNames()) expect(readInstrumentProfile(name).quantities).not.toEqual({});
  });

  it.each([
    [{ kind: 'toaster' }, /kind/],
    [{ timeoutMs: 0 }, /timeoutMs/],
    [
      { quantities: { x: { unit: '', get: { send: 'x', expect: '(' } } } },
      /quantities\.x\.get\.expect: must be a regular expression/,
    ],
    [{ colour: 'red' }, /colour/i],
  ])('%j is refused with the field', (change, message) => {
    const path = join(mkdtempSync(join(tmpdir(), 'blindlink-profile-')), 'p.json');
    writeFileSync(path, JSON.stringify({ ...readInstrumentProfile('attenuator-scpi'), ...change }));
    expect(() => readInstrumentProfile(path)).toThrow(message);
  });

  it('that are not there are answered with those that are', () => {
    expect(() => readInstrumentProfile('nope')).toThrow(/no such instrument profile.*attenuator-mini-circuits/);
  });
});

describe('instruments', () => {
  it('an attenuator is set on its steps and read back', async () => {
    const { instrument, log } = attach('attenuator-mini-circuits');
    expect(await instrument.identify()).toBe('RCDAT-6000-110');
    expect(await instrument.set('attenuationDb', 20.3)).toBe(20.25);
    expect(await instrument.get('attenuationDb')).toBe(20.25);
    expect(log).toContain(':SETATT=20.25');
    await instrument.close();
    await expect(instrument.get('attenuationDb')).rejects.toThrow(/is closed/);
  });

  it('a SCPI attenuator that does not answer a setting is read back', async () => {
    const { instrument, log } = attach('attenuator-scpi');
    expect(await instrument.set('attenuationDb', '33')).toBe(33);
    expect(log).toEqual(['*CLS', 'ATT 33.00', 'SYST:ERR?', 'ATT?']);
  });

  it.each(['3.3E+01', '+33', '33.', ' 3.300e1 dB', '0.33E2'])(
    'SCPI numbers are read as SCPI writes them: %s',
    async (text) => {
      const { instrument } = attach('attenuator-scpi', { write: () => text });
      expect(await instrument.set('attenuationDb', 33)).toBe(33);
    },
  );

  it.each(['33 of 121', '33,"dB"x', '9.91E37', '-9.9E+37', '3.3E', 'ERR 33'])(
    'what is no number is no value: %s',
    async (text) => {
      const { instrument } = attach('attenuator-scpi', { write: () => text });
      await expect(instrument.get('attenuationDb')).rejects.toThrow(/does not expect|is no number/);
    },
  );

  it('errors are told from values, in answers and in the queue, and the queue is left empty', async () => {
    const asked = attach('attenuator-scpi', { write: () => '-113,"Undefined header"' });
    await expect(asked.instrument.get('attenuationDb')).rejects.toThrow(/reports the error -113,"Undefined header"$/);
    expect(asked.log).toEqual(['*CLS', 'ATT?']);
    const set = attach('attenuator-scpi', { errors: ['-222,"Data out of range"', '-350,"Queue overflow"'] });
    await expect(set.instrument.set('attenuationDb', 33)).rejects.toThrow(
      /reports the error -222,"Data out of range"$/,
    );
    expect(set.log.filter((line) => line === 'SYST:ERR?')).toHaveLength(3);
    expect(await set.instrument.get('attenuationDb')).toBe(33);
  });

  it('an instrument without an error queue is asked for it once', async () => {
    const { instrument, log } = attach('attenuator-scpi', { errors: null });
    expect(await instrument.set('attenuationDb', 7)).toBe(7);
    expect(await instrument.set('attenuationDb', 8)).toBe(8);
    expect(log.filter((line) => line === 'SYST:ERR?')).toHaveLength(1);
  });

  it('a pattern is held against the whole line', async () => {
    const { instrument } = attach('attenuator-mini-circuits', { answer: '100' });
    await expect(instrument.set('attenuationDb', 10)).rejects.toThrow(
      /answers "100", which its profile does not expect/,
    );
  });

  it('a switch takes names', async () => {
    const { instrument, log } = attach('rf-switch-mini-circuits');
    expect(await instrument.set('path', '3')).toBe('3');
    expect(await instrument.set('path', 'off')).toBe('off');
    expect(log).toContain(':SP4TA:STATE:0');
    await expect(instrument.set('path', '7')).rejects.toThrow(/path 7: must be one of .*off/);
  });

  it('a rotator is waited for until it is there', async () => {
    const { instrument, log } = attach('rotator-gs232');
    expect(Math.abs(Number(await instrument.set('azimuthDeg', 90)) - 90)).toBeLessThanOrEqual(3);
    expect(log[0]).toBe('M090');
    expect(log.filter((line) => line === 'C').length).toBeGreaterThan(2);
  });

  it('rotctld is spoken over TCP', async () => {
    const server = createServer((socket) => void simulateInstrument(socket, 'rotator-rotctl'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const instrument = await openInstrument(readInstrumentProfile('rotator-rotctl'), `tcp:127.0.0.1:${port}`);
    expect(Math.abs(Number(await instrument.set('azimuthDeg', -45.5)) + 45.5)).toBeLessThanOrEqual(3);
    await instrument.close();
    await new Promise((resolve) => server.close(resolve));
    await expect(openInstrument(readInstrumentProfile('rotator-rotctl'), `tcp:127.0.0.1:${port}`)).rejects.toThrow(
      /cannot be reached/,
    );
  });

  it('a GPS clock is listened to; damaged sentences are left out', async () => {
    const { instrument } = attach('gps-clock-nmea');
    expect(await instrument.get('satellites')).toBe(8);
    expect(await instrument.get('fix')).toBe(1);
    expect(await instrument.get('time')).toBe(123519);
    expect(await instrument.get('date')).toBe(230394);
  });

  it('answers may come in pieces, and two callers wait for one another', async () => {
    const { instrument } = attach('attenuator-mini-circuits', { pieces: true });
    const all = [10, 20, 30].map((value) => instrument.set('attenuationDb', value));
    expect(await Promise.all(all)).toEqual([10, 20, 30]);
  });

  it('one lost answer is asked for again; none at all, a wrong one and a setting not taken are errors', async () => {
    const once = attach('attenuator-mini-circuits', { ignore: 1 });
    expect(await once.instrument.get('attenuationDb')).toBe(0);
    expect(once.log).toEqual([':ATT?', ':ATT?']);
    const never = attach('attenuator-mini-circuits', { ignore: Infinity });
    await expect(never.instrument.get('attenuationDb')).rejects.toThrow(
      /does not answer within 150 ms; check port, baud rate and power/,
    );
    expect(never.log).toHaveLength(3);
    const wrong = attach('attenuator-mini-circuits', { answer: 'ERROR 7' });
    await expect(wrong.instrument.get('attenuationDb')).rejects.toThrow(
      /answers "ERROR 7", which its profile does not expect/,
    );
    const stuck = attach('attenuator-mini-circuits', { stuckAt: 5 });
    await expect(stuck.instrument.set('attenuationDb', 10)).rejects.toThrow(/was set to 10 but reads 5/);
  });

  it('one that is unplugged rejects what waits and what comes', async () => {
    const { instrument, far } = attach('attenuator-mini-circuits', { ignore: Infinity });
    const waiting = instrument.get('attenuationDb');
    far.end();
    await expect(waiting).rejects.toThrow(DeviceError);
    await expect(instrument.get('attenuationDb')).rejects.toThrow(/was disconnected/);
  });

  it.each([
    ['attenuationDb', 200, /attenuationDb 200: must be 0 to 110 dB/],
    ['attenuationDb', 'much', /must be 0 to 110/],
    ['colour', 1, /has no colour; it has attenuationDb/],
  ])('%s = %j is refused before it is sent', async (quantity, value, message) => {
    const { instrument, log } = attach('attenuator-mini-circuits');
    await expect(instrument.set(quantity, value)).rejects.toThrow(message);
    await expect(instrument.set(quantity, value)).rejects.toThrow(ConfigError);
    expect(log).toEqual([]);
  });

  it('a port that is not there is named', async () => {
    await expect(openInstrument(readInstrumentProfile('attenuator-scpi'), '/dev/nowhere')).rejects.toThrow(
      /\/dev\/nowhere: no such port/,
    );
  });
});

describe('radio profiles', () => {
  it('are all valid; the RTL-SDR only receives', () => {
    const profiles = deviceProfiles();
    expect(profiles.length).toBe(9);
    expect(profiles.filter(({ tx }) => tx === null).map(({ name }) => name)).toEqual(['RTL-SDR (RTL2832U, R820T2)']);
  });

  it('say what a device cannot do', () => {
    const x310 = deviceProfiles().find(({ name }) => name.startsWith('USRP X310'))!;
    const good = { sampleRateHz: 1e6, frequencyHz: 915e6, transmits: true, receives: true };
    expect(profileProblems(x310, good)).toEqual([]);
    expect(profileProblems(x310, { ...good, sampleRateHz: 3e6 }).join()).toMatch(/no whole fraction of a master clock/);
    expect(profileFor('addr=10.0.0.2,type=x300')).toEqual(x310);
    expect(profileFor('addr=10.0.0.2')).toBeNull();
    expect(profileProblems(x310, { ...good, frequencyHz: 1e3, txGainDb: 99, rxAntenna: 'FOO' })).toHaveLength(3);
  });
});
