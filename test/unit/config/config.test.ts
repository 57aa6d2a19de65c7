import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { assign, type RawConfig, readConfigFile, resolveConfig } from '../../../src/config/load.js';
import { ConfigError } from '../../../src/core/errors.js';
import { gridOf, tapPriorOf } from '../../../src/link/setting/link-setting.js';

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as Error).message;
  }
  throw new Error('nothing was thrown');
}

describe('settings', () => {
  it('resolve to the defaults of the paper, frozen to the leaves', () => {
    const config = resolveConfig({});
    expect(config).toMatchObject({ snrDb: 10, snrConvention: 'received', rho: 0, seed: 1 });
    expect(config.channel.taps).toEqual({ kind: 'exponential', numTaps: 8, decay: 4 });
    expect(Object.isFrozen(config.receiver.blindEm)).toBe(true);
    expect(() => {
      (config.channel as { cfoSubcarriers: number }).cfoSubcarriers = 1;
    }).toThrow(TypeError);
  });

  it.each<[RawConfig, RegExp]>([
    [{ snr: 3 }, /^snr: no such setting, did you mean snrDb\?$/],
    [{ receiver: { blindEm: { pases: 3 } } }, /^receiver\.blindEm\.pases: .*receiver\.blindEm\.passes\?$/],
    [{ channel: { taps: { kind: 'exponential', numTap: 3, decay: 4 } } }, /channel\.taps/],
    [{ rho: 0.9 }, /^rho is 0\.9: must be at most 0\.5$/],
    [{ snrDb: -100 }, /^snrDb is -100: must be at least -20$/],
    [{ snrConvention: 'recieved' }, /did you mean received\?$/],
    [{ seed: 'x' }, /^seed is "x": must be/],
    [{ receiver: { names: [] } }, /receiver\.names is \[\]: must not be empty/],
    [{ receiver: { names: [7] } }, /receiver\.names\.0 is 7: must be a string/],
    [{ run: { frames: 0 } }, /^run\.frames is 0: must be at least 1$/],
  ])('%j are refused in one line that names path, value and remedy', (raw, expected) => {
    const message = messageOf(() => resolveConfig(raw));
    expect(message).toMatch(expected);
    expect(message).not.toContain('\n');
  });

  it.each<[RawConfig, RegExp]>([
    [{ ofdm: { cyclicPrefixLength: 65 } }, /cyclicPrefixLength is 65/],
    [{ ofdm: { symbolsPerPacket: 0 } }, /symbolsPerPacket is 0/],
    [{ ofdm: { fftSize: 100 } }, /fftSize is 100/],
    [{ ofdm: { clippingRatio: 0 } }, /clippingRatio is 0/],
    [{ channel: { taps: { kind: 'exponential', numTaps: 65, decay: 4 } } }, /65 taps do not fit 64 subcarriers/],
    [{ sync: { method: 'preamble' } }, /set ofdm\.preamble/],
    [{ sync: { timingAdvance: 13 } }, /timingAdvance is 13/],
  ])('%j cannot be met by the link', (raw, expected) => {
    expect(
      messageOf(() => {
        const config = resolveConfig(raw);
        tapPriorOf(config, gridOf(config));
      }),
    ).toMatch(expected);
  });

  it('come from YAML, and --set style paths win', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'blindlink-')), 'link.yaml');
    writeFileSync(file, 'snrDb: 3\nchannel:\n  coherence: frame\n');
    const raw = readConfigFile(file);
    assign(raw, 'channel.dopplerHz', 20);
    expect(resolveConfig(raw)).toMatchObject({ snrDb: 3, channel: { coherence: 'frame', dopplerHz: 20 } });
    assign(raw, 'channel.dopplerHz', undefined);
    expect(raw).toEqual({ snrDb: 3, channel: { coherence: 'frame' } });
    for (const path of ['__proto__.x', 'channel.__proto__.x', 'constructor.prototype.x', 'toString'])
      expect(messageOf(() => assign(raw, path, 1))).toBe(`${path}: no such setting`);
    expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    writeFileSync(file, 'a: [1\n');
    expect(messageOf(() => readConfigFile(file))).toMatch(/not YAML/);
    expect(messageOf(() => readConfigFile('/nowhere.yaml'))).toMatch(/cannot be read/);
  });
});

describe('the tap prior', () => {
  const priorFor = (raw: RawConfig): Float64Array => {
    const config = resolveConfig(raw);
    return tapPriorOf(config, gridOf(config));
  };

  it('is the channel profile, moved by the timing advance', () => {
    const plain = priorFor({});
    const moved = priorFor({ sync: { timingAdvance: 3 } });
    expect(plain).toHaveLength(8);
    expect(Array.from(moved)).toEqual([0, 0, 0, ...plain]);
  });

  it('is flat over the window where asked', () => {
    const flat = priorFor({ receiver: { tapWindow: 14, tapProfile: 'flat' } });
    expect(flat).toHaveLength(14);
    expect(new Set(flat).size).toBe(1);
    expect(flat.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
  });

  it('sums to one behind a preamble search, whatever delay it allows for', () => {
    const prior = priorFor({ ofdm: { profile: 'ota' } });
    expect(prior.length).toBeGreaterThan(8);
    expect(prior.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
  });
});
