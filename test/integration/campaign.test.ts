import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { beforeAll, describe, expect, it } from 'vitest';
import { planCampaign, readCampaign } from '../../src/campaign/plan.js';
import { settingsFrom, withSettings } from '../../src/cli/settings.js';
import { readConfigFile } from '../../src/config/load.js';
import { parseNpz } from '../../src/core/npy.js';
import { createRng } from '../../src/core/rng.js';
import { bytesOf, contentsOf, type Outcome, startBlindlink, until } from '../support/campaign-runs.js';

const work = mkdtempSync(join(tmpdir(), 'blindlink-campaign-'));
const file = (name: string): string => join(work, name);
const TIMEOUT = 600_000;
/** Kills at random times; the reference run has ten. */
const KILLS = Number(process.env['BLINDLINK_KILLS'] ?? 3);

const start = (args: readonly string[]) => startBlindlink(work, args);
const blindlink = (args: readonly string[]): Promise<Outcome> => start(args).ended;
const contents = (folder: string): Record<string, string> => contentsOf(file(folder));

const YAML = `
settings: { pictures: ['builtin:faces'], receiver: { names: [perfect, pilot] } }
over: { snrDb: [0, 12] }
stop: { frames: 14, minFrames: 4, psnrHalfWidthDb: 0.8, of: [perfect] }
batch: 3
keepPictures: 1
`;
beforeAll(async () => {
  writeFileSync(file('tiny.yaml'), YAML);
  const { code, err } = await blindlink(['sweep', 'tiny.yaml', '--out', 'whole', '--workers', '1']);
  expect([code, err]).toEqual([0, '']);
}, TIMEOUT);

describe('a campaign', () => {
  it('stops by its rule, keeps lines, tables, arrays and pictures', async () => {
    const points = JSON.parse(readFileSync(file('whole/points.json'), 'utf8')) as {
      at: { snrDb: number };
      seed: number;
      frames: number;
      receivers: Record<string, { metrics: Record<string, { mean: number; low: number; high: number; n: number }> }>;
    }[];
    expect(points.map(({ at }) => at.snrDb)).toEqual([0, 12]);
    expect(points[0].seed).not.toBe(points[1].seed);
    for (const { frames, receivers } of points) {
      // A multiple of the batch, or all there were.
      expect(frames % 3 === 0 || frames === 14).toBe(true);
      const { mean, low, high, n } = receivers['pilot'].metrics['psnrDb'];
      expect(n).toBe(frames);
      expect(low).toBeLessThan(mean);
      expect(high).toBeGreaterThan(mean);
    }
    const npz = parseNpz(readFileSync(file('whole/frames.npz')), 'frames.npz');
    const total = points[0].frames + points[1].frames;
    expect(npz.get('perfect.psnrDb')?.shape).toEqual([total]);
    const csv = readFileSync(file('whole/frames.csv'), 'utf8').trim().split('\n');
    expect(csv).toHaveLength(1 + 2 * total);
    const bytes = readFileSync(file('whole/frames.parquet'));
    const rows = await parquetReadObjects({
      file: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
    });
    expect(rows).toHaveLength(2 * total);
    const heads = csv[0].split(',').map((head, i) => (i === 1 ? `at.${head}` : head));
    for (const [i, row] of rows.entries()) {
      const cells = csv[i + 1].split(',');
      for (const name of ['point', 'at.snrDb', 'frame', 'picture', 'receiver', 'verdict', 'psnrDb', 'channelError']) {
        const cell = cells[heads.indexOf(name)];
        expect(typeof row[name] === 'number' ? row[name] : String(row[name])).toBe(
          typeof row[name] === 'number' ? Number(cell) : cell,
        );
      }
    }
    expect(readdirSync(file('whole/pictures/1')).sort()).toEqual([
      '00000-perfect.png',
      '00000-pilot.png',
      '00000-sent.png',
    ]);
  });

  it(
    'killed with -9 again and again and resumed equals one that was not, byte for byte, on two workers',
    async () => {
      // Where to kill, in bytes of frames.jsonl: within the first batch, in the middle, near the end.
      const size = statSync(file('whole/frames.jsonl')).size;
      for (const share of [0, 0.2, 0.45, 0.8]) {
        const { child, ended } = start(['sweep', 'tiny.yaml', '--out', 'killed', '--workers', '2']);
        await until('the frames', () => bytesOf(file('killed')) > share * size || child.exitCode !== null);
        child.kill('SIGKILL');
        await ended;
        // What a crash in the middle of a write leaves behind.
        if (share > 0) appendFileSync(file('killed/frames.jsonl'), '{"point":0,"fra');
      }
      const { code, err } = await blindlink(['sweep', 'tiny.yaml', '--out', 'killed', '--workers', '2']);
      expect([code, err]).toEqual([0, '']);
      expect(contents('killed')).toEqual(contents('whole'));
    },
    TIMEOUT,
  );

  it(
    `killed with -9 at ${KILLS} random times equals one that was not, byte for byte`,
    async () => {
      const began = Date.now();
      const { code } = await blindlink(['sweep', 'tiny.yaml', '--out', 'timed', '--workers', '2']);
      expect(code).toBe(0);
      const wholeMs = Date.now() - began;
      const seed = Date.now();
      const rng = createRng(`kills/${seed}`);
      let kills = 0;
      for (let attempt = 0; kills < KILLS; attempt++) {
        // A run that was done before its time came begins anew.
        const out = `random-${attempt}`;
        for (let over = false; kills < KILLS && !over;) {
          const { child, ended } = start(['sweep', 'tiny.yaml', '--out', out, '--workers', '2']);
          await new Promise((done) => setTimeout(done, rng.uniform() * 1.1 * wholeMs));
          over = child.exitCode !== null;
          child.kill('SIGKILL');
          await ended;
          if (!over) kills++;
        }
        const { code: last, err } = await blindlink(['sweep', 'tiny.yaml', '--out', out, '--workers', '2']);
        expect([last, err]).toEqual([0, '']);
        expect(contents(out), `seed ${seed}`).toEqual(contents('whole'));
      }
    },
    TIMEOUT,
  );

  it(
    'is refused in one line where the file changed, with the difference, and nothing is touched',
    async () => {
      const before = contents('whole');
      writeFileSync(file('changed.yaml'), YAML.replace('[0, 12]', '[0, 11]'));
      const { code, err } = await blindlink(['sweep', 'changed.yaml', '--out', 'whole']);
      expect(code).toBe(2);
      expect(err.trim().split('\n')).toHaveLength(1);
      expect(err).toMatch(/holds another campaign: (title was "tiny" and is "changed"|points\.1)/);
      expect(contents('whole')).toEqual(before);
    },
    TIMEOUT,
  );

  it(
    'is refused a folder that another run holds, or that holds something else',
    async () => {
      writeFileSync(
        file('whole/lock'),
        JSON.stringify({ pid: process.pid, host: (await import('node:os')).hostname() }),
      );
      const held = await blindlink(['sweep', 'tiny.yaml', '--out', 'whole']);
      expect(held.code).toBe(2);
      expect(held.err).toMatch(/is in use by process \d+/);
      const other = await blindlink(['sweep', 'tiny.yaml', '--out', '.']);
      expect(other.code).toBe(2);
      expect(other.err).toMatch(/holds something that is no campaign/);
    },
    TIMEOUT,
  );

  it.each([
    ['over: { snrDb: [] }', /over\.snrDb: holds no values/],
    ['ovr: { snrDb: [1] }', /ovr: no such key, did you mean over\?/],
    ['stop: { failure: 3 }', /stop\.failure: no such key, did you mean failures\?/],
    ['over: { snrdB: [1] }', /did you mean snrDb/],
    ['over: { snrDb: [1] }\npoints: [{ snrDb: 2 }]', /snrDb is set by points and snrDb by over/],
    ['over: { codec: [nope] }', /nope: no such codec/],
    ['over: { receiver.names: [[pilto]] }', /did you mean pilot/],
    ['settings: { run: { frames: 3 } }\nstop: { frames: 4 }', /run\.frames is 3 and stop\.frames 4/],
    ['over: { snrDb: [1', /not YAML/],
    ['', /bad\.yaml: is empty/],
    ['over: { snrDb: [5, 5] }', /over: snrDb: has 5 twice/],
    ['points: [{ snrDb: 5, rho: 0 }, { rho: 0, snrDb: 5 }]', /points: \{"rho":0,"snrDb":5\} is there twice/],
    [
      'stop: { of: [blind-em] }\nsettings: { receiver: { names: [pilot] } }',
      /stop\.of: no point has a receiver blind-em/,
    ],
    ['document: { columns: [psnr] }', /document\.columns: no figure psnr/],
    ['document: { charts: [1-psnr] }', /document\.charts: no chart 1-psnr/],
    ['document: { collumns: [psnrDb] }', /document\.collumns: no such key, did you mean columns\?/],
    ['over: { snrDb: [5, .nan] }', /over: snrDb: NaN is no value to measure/],
    ['over: { "": [5] }', /over: a setting has no name/],
    ['over: { label: [a, b] }', /over: label names points and sets nothing/],
    [
      'over: { ofdm.clippingRatio: [1], ofdm: [{ clippingRatio: 5 }] }',
      /over: ofdm\.clippingRatio and ofdm set the same/,
    ],
    [
      'settings: { pictures: ["builtin:faces"], receiver: { names: [pilot] } }\nover: { ofdm.pilotSymbols: [1, 0] }\nstop: { frames: 1 }',
      /receiver pilot: the link sends no pilots/,
    ],
    [
      'settings: { receiver: { names: [perfect], baselines: { perfect: { source: webp } } } }',
      /is the name of a receiver/,
    ],
    [
      'settings: { receiver: { names: [sent], baselines: { sent: { source: webp } } } }',
      /is the name of the sent picture/,
    ],
  ])(
    'is refused in one line: %s',
    async (yaml, message) => {
      writeFileSync(file('bad.yaml'), yaml);
      const { code, err, out } = await blindlink(['sweep', 'bad.yaml', '--out', 'bad']);
      expect([code, out]).toEqual([2, '']);
      expect(err.trim().split('\n')).toHaveLength(1);
      expect(err).toMatch(message);
      expect(existsSync(file('bad'))).toBe(false);
    },
    TIMEOUT,
  );
});

it.each(readdirSync('experiments'))('experiments/%s is a campaign whose points are all valid', (name) => {
  const path = join('experiments', name);
  const plan = planCampaign(readCampaign(readConfigFile(path), path), path, {
    resolve: (base, at) => settingsFrom(withSettings({ set: [] }, at), [], base),
    countOf: () => 1,
  });
  expect(plan.points.length).toBeGreaterThan(0);
  expect(plan.about).not.toBe('');
});

it('results.md has a campaign in experiments/ for each of its marks, and results.mjs knows them', () => {
  const marks = [...readFileSync('docs/results.md', 'utf8').matchAll(/^<!-- campaign ([\w-]+) -->$/gm)].map(
    ([, m]) => m,
  );
  expect(marks.length).toBeGreaterThan(10);
  for (const mark of marks) expect(existsSync(join('experiments', `${mark}.yaml`))).toBe(true);
  const { status, stderr } = spawnSync(process.execPath, ['scripts/results.mjs', 'nosuch'], { encoding: 'utf8' });
  expect(status).toBe(2);
  expect(stderr.trim()).toBe(`results: nosuch: docs/results.md has no mark for it; it has ${marks.join(', ')}`);
});

describe('simulate on several processes', () => {
  it(
    'gives what one process gives, bit for bit but for times, in the same order',
    async () => {
      const run = async (workers: number): Promise<unknown[]> => {
        const args = ['simulate', 'builtin:faces', '--frames', '9', '--receiver', 'pilot', '--doppler', '50'];
        const { code, out } = await blindlink([...args, '--json', '--no-save', '--workers', String(workers)]);
        expect(code).toBe(0);
        return out
          .trim()
          .split('\n')
          .map((line) =>
            JSON.parse(line, (key, value: unknown) =>
              /^(milliseconds|millisecondsMean|framesPerSecond)$/.test(key) ? undefined : value,
            ),
          );
      };
      expect(await run(2)).toEqual(await run(1));
    },
    TIMEOUT,
  );
});
