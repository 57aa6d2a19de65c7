import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { SerialPort } from 'serialport';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createComplex } from '../../src/core/complex.js';
import { createRng } from '../../src/core/rng.js';
import { openAnyRecording } from '../../src/recording/open-recording.js';
import { encodeSamples, parseDatatype } from '../../src/recording/datatype.js';
import { describeWith, probe } from '../support/programs.js';
import { simulateInstrument } from '../support/simulated-instruments.js';

const main = resolve('dist/cli/main.js');
const work = mkdtempSync(join(tmpdir(), 'blindlink-recordings-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const file = (name: string): string => join(work, name);

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function blindlink(...args: string[]): Promise<Outcome> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: work });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('close', (code) => done({ code, out, err }));
  });
}

const linesOf = ({ out }: Outcome): Record<string, unknown>[] =>
  out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

beforeAll(async () => {
  const made = await blindlink(
    'record',
    'air',
    'builtin:faces',
    '--frames',
    '3',
    '--snr',
    '15',
    '--cfo',
    '0.3',
    '--description',
    'three faces',
  );
  expect(made.code).toBe(0);
  const noise = createComplex(60_000);
  createRng(1).fillComplexGaussian(noise, 0.02);
  writeFileSync(file('noise.ci16'), encodeSamples(parseDatatype('ci16_le'), noise).bytes);
  writeFileSync(file('empty.cf32'), '');
}, 60_000);

describe('a recording of our own', () => {
  it('gives the pictures again, side by side for every receiver, with no more than the file', async () => {
    const heard = await blindlink(
      'replay',
      'air.sigmf-data',
      '--receiver',
      'pilot,blind-em',
      '--json',
      '--out',
      'heard',
    );
    expect(heard.code).toBe(0);
    const lines = linesOf(heard);
    expect(lines).toHaveLength(7);
    for (const line of lines.slice(0, 6)) {
      expect(line).toMatchObject({
        type: 'frame',
        verdict: 'decoded',
        picture: expect.stringMatching(/^builtin:faces#/) as string,
      });
      expect(line['psnrDb']).toBeGreaterThan(22);
      expect(Math.abs(Number(line['cfoSubcarriers']) - 0.3)).toBeLessThan(0.01);
    }
    expect(lines[6]).toMatchObject({
      type: 'summary',
      frames: 3,
      framesSent: 3,
      gaps: 0,
      receivers: { pilot: { success: 1 } },
    });
    expect(readdirSync(file('heard')).sort()).toEqual([
      'config.json',
      'frames.csv',
      'pictures',
      'plots',
      'summary.json',
    ]);
    const { width, height } = await sharp(join(file('heard'), 'pictures/00000.png')).metadata();
    expect(width).toBeGreaterThan(3 * 192);
    expect(height).toBeGreaterThan(192);
  });

  it('is annotated with what was found, once however often', async () => {
    expect((await blindlink('annotate', 'air', '--receiver', 'pilot')).out).toMatch(/3 annotation\(s\)/);
    expect((await blindlink('annotate', 'air', '--receiver', 'pilot')).code).toBe(0);
    const { annotations } = openAnyRecording(file('air')).metadata;
    expect(annotations).toHaveLength(3);
    expect(annotations[1]).toMatchObject({
      'core:label': 'frame 1',
      'core:sample_count': 2880,
      'blindlink:method': 'preamble',
      'blindlink:receivers': { pilot: { verdict: 'decoded' } },
    });
    const section = await blindlink(
      'replay',
      'air',
      '--section',
      'frame 1',
      '--receiver',
      'pilot',
      '--json',
      '--no-save',
    );
    expect(linesOf(section).at(-1)).toMatchObject({ samples: 2880 });
  });

  it('is annotated by places in the file, where a radio lost samples', async () => {
    const starts = (name: string): number[] =>
      openAnyRecording(file(name)).annotations.map((annotation) => annotation['core:sample_start']);
    copyFileSync(file('air.sigmf-data'), file('gapped.sigmf-data'));
    const meta = JSON.parse(readFileSync(file('air.sigmf-meta'), 'utf8')) as {
      annotations: unknown[];
      captures: Record<string, unknown>[];
    };
    const cut = starts('air')[1] - 10;
    meta.annotations = [];
    meta.captures[0]['core:global_index'] = 0;
    meta.captures.push({ 'core:sample_start': cut, 'core:global_index': cut + 50_000 });
    writeFileSync(file('gapped.sigmf-meta'), JSON.stringify(meta));
    expect((await blindlink('annotate', 'gapped', '--receiver', 'pilot')).code).toBe(0);
    expect(starts('gapped')).toEqual(starts('air'));
  });

  it('goes through every form and back, and still decodes', async () => {
    for (const [to, ...flags] of [
      ['small', '--to-datatype', 'ci16_le', '--scale', '0.2'],
      ['packed.sigmf'],
      ['plain.cu8', '--scale', '0.2'],
      ['twice', '--resample', '2M'],
    ]) {
      const converted = await blindlink('convert', 'air', to, ...flags);
      expect(converted.err + String(converted.code)).toBe('0');
    }
    expect(existsSync(file('packed.sigmf-meta'))).toBe(false);
    await blindlink('convert', 'twice', 'once', '--resample', '1M');
    const plain = ['--rate', '1M', '--set', 'pictures=["builtin:faces"]'];
    for (const args of [['small'], ['packed.sigmf'], ['once'], ['plain.cu8', ...plain]]) {
      const heard = await blindlink('replay', ...args, '--receiver', 'pilot', '--json', '--no-save');
      expect(linesOf(heard).at(-1), args[0]).toMatchObject({ frames: 3, receivers: { pilot: { decoded: 3 } } });
    }
    expect(openAnyRecording(file('small')).metadata.global).toMatchObject({
      'core:datatype': 'ci16_le',
      'core:description': 'three faces',
    });
  });

  it('is drawn', async () => {
    const { code, out } = await blindlink('plot', 'air', '--bins', '64', '--png', '--out', 'drawn');
    expect(code).toBe(0);
    expect(out.trim().split('\n')).toHaveLength(5);
    for (const name of readdirSync(file('drawn'))) {
      const bytes = readFileSync(join(file('drawn'), name));
      if (name.endsWith('.svg')) expect(bytes.toString()).toMatch(/^<svg [\s\S]*<\/svg>\n$/);
      else expect((await sharp(bytes).metadata()).width).toBeGreaterThan(300);
    }
  });
});

describe('blindlink sync', () => {
  it('prints one object a frame, then a summary', async () => {
    const lines = linesOf(await blindlink('sync', 'air', '--json'));
    expect(lines).toHaveLength(4);
    for (const line of lines.slice(0, 3)) {
      expect(line).toMatchObject({ type: 'frame', method: 'preamble', startSample: expect.any(Number) as number });
      expect(Math.abs(Number(line['cfoHz']) - 0.3 * (1e6 / 64))).toBeLessThan(200);
      expect(Number(line['snrDb'])).toBeGreaterThan(10);
      expect(Number(line['metric'])).toBeGreaterThan(0.5);
    }
    expect(lines[3]).toMatchObject({ type: 'summary', frames: 3, verdict: 'found' });
  });

  it('by prefixes alone finds the same frames, with the whole offset where the guards are told', async () => {
    const args = ['--method', 'cp', '--fft-size', '64', '--cp-length', '16', '--guards', '6,5', '--dc-null', '--json'];
    const lines = linesOf(await blindlink('sync', 'air', ...args));
    expect(lines).toHaveLength(4);
    for (const line of lines.slice(0, 3)) {
      expect(line).toMatchObject({ method: 'cp' });
      expect(Math.abs(Number(line['cfoSubcarriers']) - 0.3)).toBeLessThan(0.01);
      expect(Math.abs(Number(line['numSymbols']) - 36)).toBeLessThanOrEqual(3);
    }
  });

  it('of noise, and of an unknown signal, says what it saw', async () => {
    const { code, out } = await blindlink('sync', 'noise.ci16', '--rate', '1M', '--method', 'cp');
    expect(code).toBe(0);
    expect(out).toMatch(/0 locked stretch\(es\)[\s\S]*nothing found: best metric 0\.\d+ at sample \d+/);
    const other = await blindlink('sync', 'air', '--method', 'cp', '--fft-size', '512', '--cp-length', '36');
    expect(other.out).toMatch(/it looks like OFDM with FFT size 64 and prefix 16/);
    const replayed = await blindlink('replay', 'noise.ci16', '--rate', '1M', '--no-save');
    expect(replayed.code).toBe(0);
    expect(replayed.out).toMatch(/0 frame\(s\) found[\s\S]*nothing found/);
  });
});

describe('wrong use', () => {
  it.each([
    [['sync', 'nowhere'], 2, /nowhere: no such recording/],
    [['sync', 'noise.ci16'], 2, /its sampling rate is not known; give --rate/],
    [['sync', 'air', '--cp-length', 'x'], 2, /--cp-length x: give whole numbers/],
    [['sync', 'air', '--method', 'magic'], 2, /--method magic: must be one of preamble, cp/],
    [['sync', 'air', '--methd', 'cp'], 2, /unknown option '--methd'[\s\S]*--method/],
    [['sync', 'air', '--rate', 'fast'], 2, /fast: not a rate or frequency; write e\.g\. 20M/],
    [['sync', 'noise.ci16', '--rate', '1M', '--datatype', 'ci12'], 2, /ci12: not a SigMF datatype/],
    [['replay', 'air', '--receiver', 'perfect'], 2, /receiver perfect: needs the true channel/],
    [['replay', 'air', '--section', 'nope'], 2, /has no annotation nope/],
    [['replay', 'air', '--input-channel', '3'], 2, /has no channel 3/],
    [['record', 'air', '--radio', 'simulated', 'builtin:faces'], 2, /air\.sigmf-meta: is there already/],
    [['record', 'new', '--radio', 'teapot'], 2, /--radio teapot: must be one of simulated, gnuradio, usrp/],
    [['record', 'new', '--radio', 'simulated'], 2, /use it with 'record NAME PICTURES…'/],
    [['record', 'new', 'builtin:faces', '--rms', '7'], 2, /--rms 7: must be a number from 0 to 1/],
    [['convert', 'air', 'air'], 2, /is there already/],
    [['convert', 'air', 'new', '--to-datatype', 'ri16_le'], 2, /must be complex/],
    [
      ['convert', 'air', 'new.ci16', '--to-datatype', 'cf32_le'],
      2,
      /--to-datatype cf32_le: new\.ci16 would be read as ci16_le/,
    ],
    [['convert', 'air', 'noise.ci16/new'], 1, /noise\.ci16\/new\.sigmf-meta: cannot be written/],
    [['plot', 'air', '--out', 'noise.ci16/plots'], 1, /noise\.ci16\/plots: cannot be written/],
    [['live', '--replay', 'air', '--radio', 'usrp', '--port', '0'], 2, /--replay air: .*leave --radio usrp out/],
    [['live', 'builtin:faces', '--replay', 'air', '--port', '0'], 2, /leave builtin:faces out/],
    [['live', '--size', '64x64', '--port', '0'], 2, /--size: is for pictures that a radio receives/],
    [['annotate', 'packed.sigmf'], 2, /is an archive; unpack it first/],
    [['annotate', 'noise.ci16.gz', '--rate', '1M'], 2, /is packed; unpack it first/],
    [['live', '--replay', 'empty.cf32', '--rate', '1M', '--port', '0'], 2, /empty\.cf32: holds no samples/],
    [['convert', 'empty.cf32', 'new', '--rate', '1M'], 2, /empty\.cf32: holds no samples/],
    [['record', 'new', '--radio', 'simulated', '--duration', '0'], 2, /--duration 0: must be a number from/],
    [['simulate', '--channel', 'exponential:8:4:9', '--no-save'], 2, /exponential takes at most 2 numbers/],
    [['simulate', '--set', 'pictures=[', '--no-save'], 2, /^blindlink: --set pictures=\[: is not YAML \(.*\)\n$/],
    [['sweep', '--over', 'snrDb=[0', '--no-save'], 2, /^blindlink: --over snrDb=\[0: is not YAML \(.*\)\n$/],
    [['sync', 'air', '--guards', '6,'], 2, /--guards 6,: give whole numbers/],
    [['plot', 'air', '--bins', '100'], 2, /choose a power of two/],
    [['instrument', 'kettle'], 2, /no such instrument profile/],
    [['instrument', 'attenuator-scpi'], 2, /name its port/],
    [['instrument', 'attenuator-scpi', '/dev/nowhere'], 1, /no such port/],
    [['devices', '--args', 'nonsense'], 2, /write pairs as key=value/],
    [['simulate', '--set', 'sync.method=cp', '--no-save'], 2, /sync\.method cp finds frames in streams/],
  ])('%j ends with %i and one clear line', async (args, expected, message) => {
    const before = readdirSync(work).sort();
    const { code, err } = await blindlink(...args);
    expect(err).toMatch(message);
    expect(code).toBe(expected);
    expect(err).not.toMatch(/at .*\.js:\d+/);
    expect(readdirSync(work).sort()).toEqual(before);
  });

  it('without GNU Radio, or with a Python that lacks it, says what to install', async () => {
    const args = [main, 'record', 'new', 'builtin:faces', '--radio', 'gnuradio'];
    const env = { ...process.env, BLINDLINK_PYTHON: '/bin/false' };
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: work, env, encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^blindlink: GNU Radio not found: \/bin\/false has no module gnuradio; install it \(apt-get install gnuradio\)/,
    );
    expect(existsSync(file('new.sigmf-meta'))).toBe(false);
  });
});

describe('blindlink devices', () => {
  it('lists profiles, and what this machine has, whatever is missing', async () => {
    const profiles = await blindlink('devices', '--profiles', '--json');
    expect(linesOf(profiles)[0]).toMatchObject({ type: 'profiles' });
    const { code, out } = await blindlink('devices', '--json');
    expect(code).toBe(0);
    expect((JSON.parse(out) as { sources: { name: string }[] }).sources.map(({ name }) => name)).toEqual([
      'UHD',
      'SoapySDR',
      'serial',
    ]);
  });
});

describeWith(probe('socat', 'socat', ['-V'], 'apt-get install socat'), 'instruments on a real pseudo-terminal', () => {
  it('the command line sets an attenuator, a second program is told that the port is in use, a cut cable is noticed', async () => {
    const [near, far] = [file('near'), file('far')];
    const socat = spawn('socat', [`pty,raw,echo=0,link=${near}`, `pty,raw,echo=0,link=${far}`]);
    try {
      while (!existsSync(near) || !existsSync(far)) await new Promise((resolve) => setTimeout(resolve, 20));
      const port = new SerialPort({ path: far, baudRate: 115_200 });
      await new Promise((resolve) => port.once('open', resolve));
      const log = simulateInstrument(port, 'attenuator-mini-circuits');
      const set = await blindlink('instrument', 'attenuator-mini-circuits', near, 'attenuationDb=31.5', '--json');
      expect(set.err).toBe('');
      expect(JSON.parse(set.out)).toMatchObject({ identity: 'RCDAT-6000-110', values: { attenuationDb: 31.5 } });
      expect(log).toContain(':SETATT=31.50');
      const steps = `attenuator-mini-circuits@${near}:attenuationDb=0,10.5`;
      const swept = await blindlink(
        ...['sweep', 'builtin:faces', '--frames', '2', '--receiver', 'pilot', '--radio', 'simulated', '--snr', '20'],
        ...['--instrument', steps, '--json', '--no-save'],
      );
      expect([swept.code, swept.err]).toEqual([0, '']);
      const points = swept.out
        .trim()
        .split('\n')
        .map((text) => JSON.parse(text) as Record<string, unknown>);
      expect(points.slice(0, 2)).toMatchObject([
        { type: 'point', at: { attenuationDb: 0 }, receivers: { pilot: { frames: 2, success: 1 } } },
        { type: 'point', at: { attenuationDb: 10.5 }, receivers: { pilot: { frames: 2, success: 1 } } },
      ]);
      expect(log.filter((command) => command.startsWith(':SETATT=')).slice(1)).toEqual([
        ':SETATT=0.00',
        ':SETATT=10.50',
      ]);
      const held = new SerialPort({ path: near, baudRate: 115_200 });
      await new Promise((resolve) => held.once('open', resolve));
      const second = await blindlink('instrument', 'attenuator-mini-circuits', near);
      expect(second.code).toBe(1);
      expect(second.err).toMatch(/near: is in use by another program/);
      await new Promise((resolve) => held.close(resolve));
      // The cable is cut when the first command has come through.
      port.removeAllListeners('data');
      port.once('data', () => socat.kill('SIGKILL'));
      const reading = blindlink('instrument', 'attenuator-mini-circuits', near);
      const cut = await reading;
      expect(cut.code).toBe(1);
      expect(cut.err).toMatch(/was disconnected|does not answer/);
    } finally {
      socat.kill('SIGKILL');
    }
  }, 60_000);
});

describe('the recordings in the repository', () => {
  it.each([
    ['faces-gnuradio', ['pilot', 'blind-em']],
    ['faces-usrp', ['pilot', 'blind-em']],
    ['natural-no-known-symbol', ['blind-em']],
  ])('%s: every frame is found and decoded', async (name, receivers) => {
    const heard = await blindlink(
      'replay',
      resolve('recordings', name),
      '--receiver',
      receivers.join(),
      '--json',
      '--no-save',
    );
    expect(heard.err).toBe('');
    const summary = linesOf(heard).at(-1);
    expect(summary).toMatchObject({ frames: 4, framesSent: 4 });
    for (const receiver of receivers) {
      expect(summary).toMatchObject({ receivers: { [receiver]: { frames: 4, success: 1 } } });
    }
  });
});
