import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { claimRunFolder } from '../../src/link/results/run-folder.js';
import { openAnyRecording } from '../../src/recording/open-recording.js';
import { type Outcome, startBlindlink } from '../support/campaign-runs.js';

const work = mkdtempSync(join(tmpdir(), 'blindlink-results-'));
const file = (...names: string[]): string => join(work, ...names);
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** @param until stops reading standard output once it matches */
function blindlink(args: readonly string[], until?: RegExp): Promise<Outcome> {
  const { child, ended, printed } = startBlindlink(work, args);
  child.stdout!.on('data', () => {
    if (until?.test(printed()) === true) child.stdout!.destroy();
  });
  return ended;
}

const summaryOf = (folder: string): Record<string, unknown> =>
  JSON.parse(readFileSync(file(folder, 'summary.json'), 'utf8')) as Record<string, unknown>;
const rowsOf = (folder: string): string[] =>
  readFileSync(file(folder, 'frames.csv'), 'utf8').trim().split('\n').slice(1);

const picture = (name: string, size: number): Promise<unknown> =>
  sharp({ create: { width: size, height: size, channels: 3, background: '#806040' } })
    .composite([
      { input: Buffer.from(`<svg width="20" height="20"><circle cx="10" cy="10" r="9" fill="#eef"/></svg>`) },
    ])
    .png()
    .toFile(file(name));

beforeAll(async () => {
  mkdirSync(file('mixed'));
  mkdirSync(file('sizes'));
  await picture('mixed/a.png', 64);
  writeFileSync(file('mixed', 'b.png'), 'no picture');
  await picture('sizes/a.png', 64);
  await picture('sizes/b.png', 128);
});

const simulate = ['simulate', 'builtin:faces', '--receiver', 'perfect', '--codec', 'faces-12'];

describe('a folder of results', () => {
  it('belongs to one run: another is refused, and what is there stays', async () => {
    expect((await blindlink([...simulate, '--frames', '2', '--out', 'mine'])).code).toBe(0);
    const before = rowsOf('mine');
    const second = await blindlink([...simulate, '--frames', '1', '--seed', '2', '--out', 'mine']);
    expect(second).toEqual({
      code: 2,
      out: '',
      err: 'blindlink: mine: holds the results of a run already (frames.csv); choose another --out, or remove it\n',
    });
    expect(rowsOf('mine')).toEqual(before);
  });

  it('of two runs that start together has the frames of one', async () => {
    const runs = await Promise.all(
      ['1', '2'].map((seed) => blindlink([...simulate, '--frames', '3', '--seed', seed, '--out', 'both'])),
    );
    expect(runs.map(({ code }) => code).sort()).toEqual([0, 2]);
    expect(rowsOf('both')).toHaveLength(3);
    const { config } = summaryOf('both') as { config: { seed: number } };
    expect(config.seed).toBe(runs[0].code === 0 ? 1 : 2);
  });

  it('has a name of its own where none is given, however many runs begin in one second', () => {
    const before = process.cwd();
    process.chdir(work);
    try {
      const claims = [1, 2, 3].map(() => claimRunFolder());
      expect(new Set(claims.map(({ path }) => path)).size).toBe(3);
      for (const claim of claims) claim.abandon();
      expect(claims.some(({ path }) => existsSync(path))).toBe(false);
    } finally {
      process.chdir(before);
    }
  });

  it('is not there where nothing came of the run; one that was there keeps what was in it', async () => {
    mkdirSync(file('given'));
    writeFileSync(file('given', 'notes.txt'), 'mine');
    for (const out of ['none', 'given']) {
      const { code } = await blindlink([...simulate, '--channel', 'exponential:99', '--out', out]);
      expect(code).toBe(2);
    }
    expect(existsSync(file('none'))).toBe(false);
    expect(readdirSync(file('given'))).toEqual(['notes.txt']);
  });

  it('has the frames before the one that ended the run, and says what did', async () => {
    const args = ['simulate', 'mixed', '--codec', 'faces-12', '--receiver', 'perfect', '--workers', '1', '--json'];
    const { code, out, err } = await blindlink([...args, '--out', 'ended']);
    expect(code).toBe(2);
    expect(err).toMatch(/b\.png: not a picture/);
    expect(rowsOf('ended')).toHaveLength(1);
    expect(summaryOf('ended')).toMatchObject({
      failed: expect.stringMatching(/b\.png: not a picture/) as string,
      receivers: { perfect: { frames: 1 } },
    });
    expect(JSON.parse(out.trim().split('\n').at(-1)!)).toMatchObject({ type: 'summary', receivers: { perfect: {} } });
  });

  it('says which grid it was', async () => {
    await blindlink([...simulate, '--frames', '1', '--out', 'grid']);
    expect(summaryOf('grid')).toMatchObject({
      config: { ofdm: { profile: 'paper' } },
      grid: { fftSize: 64, cyclicPrefixLength: 12, symbolsPerPacket: 16 },
    });
  });
});

describe('a reader that has seen enough', () => {
  it.each([
    ['simulate', [...simulate, '--frames', '2000', '--json', '--out', 'head']],
    [
      'sweep',
      [
        'sweep',
        'builtin:faces',
        '--receiver',
        'perfect',
        '--frames',
        '40',
        '--over',
        'snrDb=0,2,4,6,8',
        '--json',
        '--out',
        'swept',
      ],
    ],
  ])('ends %s without a trace, and what was done is saved', async (_, args) => {
    const { code, err } = await blindlink(args, /\n/);
    expect(code).toBe(130);
    expect(err).toMatch(/^blindlink: interrupted after \d+ of/);
    expect(err.trim().split('\n')).toHaveLength(1);
    const out = args.at(-1)!;
    const kept =
      args[0] === 'sweep' ? (JSON.parse(readFileSync(file(out, 'sweep.json'), 'utf8')) as object) : summaryOf(out);
    expect(kept).toMatchObject({ interrupted: true });
  });
});

describe('record and convert', () => {
  it('a recording that ends early knows what was sent', async () => {
    const { code, err } = await blindlink([
      'record',
      'early',
      'sizes',
      '--frames',
      '3',
      '--snr',
      '20',
      '--codec',
      'faces-12',
    ]);
    expect(code).toBeGreaterThan(0);
    expect(err).toMatch(/what was received is kept/);
    const { global } = openAnyRecording(file('early')).metadata;
    expect(global).toMatchObject({ 'blindlink:picture_size': [64, 64] });
    expect((global['blindlink:sent'] as { picture: string }[]).map((one) => one.picture)).toEqual(['sizes/a.png']);
  });

  it('the SNR over a radio is an average, and nothing says otherwise', async () => {
    const refused = await blindlink(['record', 'cv', 'builtin:faces', '--snr-convention', 'received']);
    expect([refused.code, refused.err.trim().split('\n').length]).toEqual([2, 1]);
    expect(refused.err).toMatch(/snrConvention received: only simulated frames have an SNR of their own/);
    expect(existsSync(file('cv.sigmf-meta'))).toBe(false);
    expect((await blindlink(['record', 'cv', 'builtin:faces', '--frames', '1', '--profile', 'paper'])).code).toBe(0);
    expect(openAnyRecording(file('cv')).metadata.global).toMatchObject({
      'blindlink:link': { snrConvention: 'average' },
    });
  });

  it('a recording without a preamble is played by its prefixes', async () => {
    const { code, out } = await blindlink(['replay', 'cv', '--receiver', 'pilot', '--no-save']);
    expect(code).toBe(0);
    expect(out).toMatch(/1 frame\(s\) found of 1 sent/);
  });

  it('settings of a recording that are none name its file', async () => {
    const meta = JSON.parse(readFileSync(file('cv.sigmf-meta'), 'utf8')) as { global: Record<string, unknown> };
    meta.global['blindlink:link'] = { foo: 1 };
    writeFileSync(file('odd.sigmf-meta'), JSON.stringify(meta));
    copyFileSync(file('cv.sigmf-data'), file('odd.sigmf-data'));
    const { code, err } = await blindlink(['replay', 'odd', '--receiver', 'pilot', '--no-save']);
    expect(code).toBe(2);
    expect(err).toMatch(/odd: blindlink:link: foo: no such setting/);
    for (const end of ['meta', 'data']) rmSync(file(`odd.sigmf-${end}`));
  });

  it('pictures of another size than was sent are decoded, and not compared', async () => {
    const { code, err } = await blindlink(['replay', 'cv', '--size', '48x64', '--receiver', 'pilot', '--no-save']);
    expect([code, err]).toEqual([0, '']);
  });

  it.each([
    ['a rate that leaves nothing', ['--resample', '1'], /--resample 1: leaves less than a sample/],
    ['a scale of nothing', ['--scale', '0'], /--scale 0: must be a number above 0/],
    ['a start beyond the end', ['--start', '1e9'], /--start 1000000000: cv has \d+ samples/],
  ])('%s is refused and leaves no files', async (_, flags, message) => {
    const before = readdirSync(work);
    const { code, err } = await blindlink(['convert', 'cv', 'little.sigmf', ...flags]);
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(readdirSync(work)).toEqual(before);
  });

  it('a spectrogram of what are no samples is drawn all the same', async () => {
    const bytes = Buffer.from(Uint8Array.from({ length: 200_000 }, (_, i) => (i * 2_654_435_761) >>> 24));
    writeFileSync(file('r.bin'), bytes);
    const { code, err } = await blindlink(['plot', 'r.bin', '--datatype', 'cf32_le', '--rate', '1M', '--out', 'odd']);
    expect(err).not.toMatch(/Cannot read properties/);
    expect(code).toBe(0);
    expect(readdirSync(work).filter((name) => name.startsWith('odd')).length).toBeGreaterThan(0);
    expect(statSync(file('r.bin')).size).toBe(200_000);
  });
});
