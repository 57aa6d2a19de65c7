import { spawn } from 'node:child_process';
import {
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createComplex } from '../../src/core/complex.js';
import { createRng } from '../../src/core/rng.js';
import { encodeSamples, parseDatatype } from '../../src/recording/datatype.js';

const main = resolve('dist/cli/main.js');
const work = mkdtempSync(join(tmpdir(), 'blindlink-captures-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const file = (name: string): string => join(work, name);

interface Outcome {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
}

function blindlink(
  args: readonly string[],
  kill?: { afterMs: number; signal: 'SIGKILL' | 'SIGINT' },
): Promise<Outcome> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: work });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const timer = kill === undefined ? undefined : setTimeout(() => child.kill(kill.signal), kill.afterMs);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      done({ code, signal, out, err });
    });
  });
}

/** Ctrl-C once the command is at work; before that the system ends it, and we try again later. */
async function interrupted(args: readonly string[]): Promise<Outcome> {
  for (let afterMs = 1500; ; afterMs *= 2) {
    const outcome = await blindlink(args, { afterMs, signal: 'SIGINT' });
    if (outcome.signal === null) return outcome;
  }
}

function noise(count: number, datatype = 'cf32_le', seed: number | string = 1): Buffer {
  const x = createComplex(count);
  createRng(seed).fillComplexGaussian(x, 0.02);
  return Buffer.from(encodeSamples(parseDatatype(datatype), x).bytes);
}

interface Meta {
  global: Record<string, unknown>;
  captures: Record<string, unknown>[];
  annotations: Record<string, unknown>[];
}

function put(name: string, data: Uint8Array, meta: Partial<Meta> = {}): void {
  const { global, captures = [{ 'core:sample_start': 0 }], annotations = [] } = meta;
  writeFileSync(file(`${name}.sigmf-data`), data);
  writeFileSync(
    file(`${name}.sigmf-meta`),
    JSON.stringify({
      global: { 'core:datatype': 'cf32_le', 'core:version': '1.2.0', 'core:sample_rate': 1e6, ...global },
      captures,
      annotations,
    }),
  );
}

const metaOf = (name: string): Meta => JSON.parse(readFileSync(file(`${name}.sigmf-meta`), 'utf8')) as Meta;
const dataOf = (name: string): Buffer => readFileSync(file(`${name}.sigmf-data`));

/** A signal that the repetition search finds: two equal halves of 32 samples behind a prefix, in noise. */
function repeated(): Buffer {
  const x = createComplex(4000);
  createRng(2).fillComplexGaussian(x, 1e-4);
  const half = createComplex(32);
  createRng(3).fillComplexGaussian(half, 0.1);
  for (let i = 0; i < 80; i++) {
    x.re[1000 + i] += half.re[(i + 16) % 32];
    x.im[1000 + i] += half.im[(i + 16) % 32];
  }
  return Buffer.from(encodeSamples(parseDatatype('cf32_le'), x).bytes);
}

describe('convert', () => {
  it('in place gives what was asked for, whatever the link', async () => {
    const data = noise(4200);
    put('place', data);
    expect((await blindlink(['convert', 'place', 'place', '--overwrite', '--scale', '1'])).code).toBe(0);
    expect(dataOf('place').equals(data)).toBe(true);
    expect((await blindlink(['convert', 'place', 'place.sigmf-data', '--overwrite', '--count', '100'])).code).toBe(0);
    expect(dataOf('place').equals(data.subarray(0, 800))).toBe(true);

    put('target', data);
    for (const suffix of ['sigmf-meta', 'sigmf-data']) symlinkSync(file(`target.${suffix}`), file(`soft.${suffix}`));
    for (const suffix of ['sigmf-meta', 'sigmf-data']) linkSync(file(`target.${suffix}`), file(`hard.${suffix}`));
    for (const to of ['soft', 'hard']) {
      expect((await blindlink(['convert', 'target', to, '--overwrite', '--count', '10'])).code).toBe(0);
      expect(dataOf(to).equals(data.subarray(0, 80))).toBe(true);
      expect(dataOf('target').equals(data)).toBe(true);
    }

    writeFileSync(file('bare'), data);
    symlinkSync(file('bare'), file('bare.sigmf-data'));
    const raw = ['--datatype', 'cf32_le', '--rate', '1M'];
    expect((await blindlink(['convert', 'bare', 'bare', '--overwrite', ...raw])).code).toBe(0);
    expect(readFileSync(file('bare')).equals(data)).toBe(true);
    expect(dataOf('bare').equals(data)).toBe(true);
    expect(readdirSync(work).filter((name) => /part|replaced/.test(name))).toEqual([]);
  });

  it('does not write under metadata that describes the samples, and leaves nothing of a failure', async () => {
    writeFileSync(file('raw.cf32'), noise(100));
    put('describes', new Uint8Array(0), { global: { 'core:dataset': 'raw.cf32' } });
    const before = readdirSync(work).sort();
    const refused = await blindlink(['convert', 'describes', 'raw.cf32', '--overwrite', '--count', '5']);
    expect(refused.err).toMatch(/holds the samples that \S+ describes/);
    expect(refused.code).toBe(2);
    const failed = await blindlink(['convert', 'describes', 'fresh', '--input-channel', '7']);
    expect(failed.err).toMatch(/has no channel 7/);
    expect(readdirSync(work).sort()).toEqual(before);
  });

  it('keeps time, annotations and segments where they belong', async () => {
    put('timed', noise(4200), {
      captures: [
        { 'core:sample_start': 0, 'core:datetime': '2024-01-01T00:00:00+01:00', 'core:global_index': 0 },
        { 'core:sample_start': 3000, 'core:frequency': 2e9, 'core:global_index': 3100 },
      ],
      annotations: [
        { 'core:sample_start': 100, 'core:label': 'open' },
        { 'core:sample_start': 2900, 'core:sample_count': 200 },
      ],
    });
    await blindlink(['convert', 'timed', 'later', '--start', '2000']);
    expect(metaOf('later')).toMatchObject({
      captures: [
        { 'core:sample_start': 0, 'core:datetime': '2023-12-31T23:00:00.002Z', 'core:global_index': 2000 },
        { 'core:sample_start': 1000, 'core:global_index': 3100, 'blindlink:lost_samples': 100 },
      ],
      annotations: [
        { 'core:sample_start': 0, 'core:label': 'open' },
        { 'core:sample_start': 900, 'core:sample_count': 200 },
      ],
    });
    await blindlink(['convert', 'timed', 'half', '--resample', '500k']);
    expect(metaOf('half').captures).toMatchObject([
      { 'core:sample_start': 0 },
      { 'core:sample_start': 1500, 'core:global_index': 1550, 'blindlink:lost_samples': 50, 'core:frequency': 2e9 },
    ]);
  });

  it('counts from the first index that is told, where the first segment has none', async () => {
    put('later-index', noise(40), {
      captures: [{ 'core:sample_start': 0 }, { 'core:sample_start': 20, 'core:global_index': 90 }],
    });
    expect((await blindlink(['convert', 'later-index', 'indexed', '--start', '5'])).code).toBe(0);
    expect(metaOf('indexed').captures).toMatchObject([
      { 'core:sample_start': 0, 'core:global_index': 75 },
      { 'core:sample_start': 15, 'core:global_index': 90 },
    ]);
  });

  it.each(['ci32_le', 'cf64_le', 'ci32_be', 'cu8'])('%s to its own type keeps every byte', async (datatype) => {
    const bytes = Buffer.alloc(16 * 100);
    const rng = createRng(datatype);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(rng.uniform() * 256);
    put(`own-${datatype}`, bytes, { global: { 'core:datatype': datatype } });
    const { err } = await blindlink(['convert', `own-${datatype}`, `same-${datatype}`]);
    expect(err).toBe('');
    expect(dataOf(`same-${datatype}`).equals(bytes)).toBe(true);
    const { err: said } = await blindlink(['convert', `own-${datatype}`, `scaled-${datatype}`, '--scale', '0.5']);
    expect(said.includes('24 bits are kept')).toBe(datatype !== 'cu8');
  });

  it('keeps the digits of counters and times beyond 2⁵³', async () => {
    put('long', noise(100));
    const text = readFileSync(file('long.sigmf-meta'), 'utf8').replace(
      '{"core:sample_start":0}',
      '{"core:sample_start":0,"core:global_index":9007199254740993,"x:ns":1700000000000000001,"x:text":"12345678901234567890"},' +
        '{"core:sample_start":50,"core:global_index":9007199254741048}',
    );
    writeFileSync(file('long.sigmf-meta'), text);
    expect((await blindlink(['convert', 'long', 'long2', '--start', '10'])).code).toBe(0);
    const made = readFileSync(file('long2.sigmf-meta'), 'utf8');
    expect(made).toContain('"core:global_index": 9007199254741003,');
    expect(made).toContain('"core:global_index": 9007199254741048');
    expect(made).toContain('"blindlink:lost_samples": 5,');
    expect(made).toContain('"x:ns": 1700000000000000001');
    expect(made).toContain('"x:text": "12345678901234567890"');
  });

  it('is stopped by Ctrl-C, and what was there is there', async () => {
    put('huge', new Uint8Array(0), { global: { 'core:datatype': 'ci16_le' } });
    truncateSync(file('huge.sigmf-data'), 4e9);
    put('old', noise(10));
    const stopped = await interrupted(['convert', 'huge', 'old', '--overwrite']);
    expect(stopped.code).toBe(130);
    expect(dataOf('old').equals(noise(10))).toBe(true);
    expect(readdirSync(work).filter((name) => /part|replaced/.test(name))).toEqual([]);
    const searched = await interrupted(['sync', 'huge']);
    expect(searched.code).toBe(130);
    expect(searched.out).toMatch(/0 frame\(s\) in/);
    rmSync(file('huge.sigmf-data'));
  }, 120_000);
});

describe('sync', () => {
  it('names 802.11 training fields as such where any two equal halves are asked for', async () => {
    const x = createComplex(4000);
    createRng(2).fillComplexGaussian(x, 1e-4);
    const quarter = createComplex(16);
    createRng(3).fillComplexGaussian(quarter, 0.1);
    for (let i = 0; i < 80; i++) {
      x.re[1000 + i] += quarter.re[i % 16];
      x.im[1000 + i] += quarter.im[i % 16];
    }
    put('training', Buffer.from(encodeSamples(parseDatatype('cf32_le'), x).bytes));
    const asked = ['sync', 'training', '--preamble', 'repetition'];
    const { out } = await blindlink(asked);
    expect(out).toMatch(/sample 1000: .*looks like an 802\.11 training field, no frame/);
    expect(out).toMatch(/0 frame\(s\) and 1 training field\(s\) in/);
    const summary = (await blindlink([...asked, '--json'])).out.trim().split('\n').at(-1) ?? '';
    expect(JSON.parse(summary)).toMatchObject({ frames: 0, trainingFields: 1, verdict: 'failed' });
    // Two halves of unequal quarters are a frame.
    put('halves', repeated());
    expect((await blindlink(['sync', 'halves', '--preamble', 'repetition'])).out).toMatch(/1 frame\(s\) in/);
  });
});

describe('annotate', () => {
  const search = ['--search-only', '--preamble', 'repetition'];

  it('adds to what others wrote, and leaves what the file says of itself', async () => {
    put('theirs', repeated(), {
      global: { 'core:author': 'somebody', 'core:dataset': 'theirs.raw' },
      captures: [{ 'core:sample_start': 0, 'core:frequency': 1e9 }],
      annotations: [{ 'core:sample_start': 7, 'core:label': 'mine' }],
    });
    writeFileSync(file('theirs.raw'), repeated());
    const flags = ['--freq', '2G', '--rate', '2M'];
    for (const name of ['theirs', 'theirs.raw']) {
      const { code, out } = await blindlink(['annotate', name, ...search, ...flags]);
      expect(code).toBe(0);
      expect(out).toMatch(/theirs\.sigmf-meta: 1 annotation\(s\) beside 1/);
      const { global, captures, annotations } = metaOf('theirs');
      expect(global).toMatchObject({ 'core:author': 'somebody', 'core:sample_rate': 1e6 });
      expect(captures[0]['core:frequency']).toBe(1e9);
      expect(annotations.map((a) => a['core:label'])).toEqual(['mine', 'frame']);
    }
  });

  it.each(['wild', 'wild.xyz', 'wild.2.cf32'])('gives %s metadata that can be opened', async (name) => {
    writeFileSync(file(name), repeated());
    const raw = ['--datatype', 'cf32_le', '--rate', '1M', '--freq', '5M'];
    expect((await blindlink(['annotate', name, ...search, ...raw])).code).toBe(0);
    const { global, captures, annotations } = metaOf(name);
    expect(global).toMatchObject({ 'core:dataset': name, 'core:sample_rate': 1e6, 'core:datatype': 'cf32_le' });
    expect(captures[0]['core:frequency']).toBe(5e6);
    expect(annotations).toHaveLength(1);
    for (const again of [name, `${name}.sigmf-meta`]) {
      const { out, code } = await blindlink(['sync', again, '--preamble', 'repetition']);
      expect(code).toBe(0);
      expect(out).toMatch(/1 frame/);
    }
  });

  it('does not take the metadata of another file', async () => {
    put('shared-name', repeated());
    writeFileSync(file('shared-name'), repeated());
    const before = readFileSync(file('shared-name.sigmf-meta'), 'utf8');
    const raw = ['--datatype', 'cf32_le', '--rate', '1M'];
    const { code, err } = await blindlink(['annotate', 'shared-name', ...search, ...raw]);
    expect(code).toBe(2);
    expect(err).toMatch(/describes other data than/);
    expect(readFileSync(file('shared-name.sigmf-meta'), 'utf8')).toBe(before);
  });
});

describe('record', () => {
  it('--overwrite keeps the old recording until the new one is whole, --archive asks before it replaces one', async () => {
    put('kept', noise(10));
    writeFileSync(file('kept.sigmf'), 'an archive');
    const flags = ['builtin:faces', '--frames', '1'];
    const asked = await blindlink(['record', 'kept', ...flags, '--archive']);
    expect(asked.code).toBe(2);
    expect(asked.err).toMatch(/kept\.sigmf: is there already/);
    const failed = await blindlink([
      'record',
      'kept',
      '--radio',
      'gnuradio',
      '--overwrite',
      '--samples',
      '10',
      '--python',
      '/nowhere',
    ]);
    expect(failed.code).not.toBe(0);
    expect(dataOf('kept').equals(noise(10))).toBe(true);
    expect((await blindlink(['record', 'kept', ...flags, '--overwrite'])).code).toBe(0);
    expect(dataOf('kept').length).toBeGreaterThan(80);
    expect(existsSync(file('kept.sigmf'))).toBe(true);
    expect(readdirSync(work).filter((name) => /part|replaced/.test(name))).toEqual([]);
  }, 240_000);
});

/** Kills of each command; BLINDLINK_KILLS sets it for the long run. */
const KILLS = Number(process.env['BLINDLINK_KILLS'] ?? 3);

describe('killed at any moment', () => {
  const raw = (bytes: Buffer): string => bytes.toString('latin1');
  it.each([
    ['convert', ['convert', 'source', 'victim', '--overwrite', '--to-datatype', 'ci16_le']],
    ['convert in place', ['convert', 'victim', 'victim', '--overwrite', '--scale', '1']],
    ['convert to an archive', ['convert', 'source', 'victim.sigmf', '--overwrite']],
    ['annotate', ['annotate', 'victim', '--search-only', '--keep']],
    ['record', ['record', 'victim', 'builtin:faces', '--frames', '2', '--overwrite']],
  ])(
    '%s loses nothing that was there',
    async (_name, args) => {
      put('source', noise(300_000, 'cf32_le', 5), {
        annotations: [{ 'core:sample_start': 1, 'core:label': 'theirs' }],
      });
      const old = noise(100_000, 'cf32_le', 6);
      const rng = createRng(`kills ${args.join(' ')}`);
      const fresh = (): void => {
        for (const name of readdirSync(work)) if (name.startsWith('victim')) rmSync(file(name));
        put('victim', old, { annotations: [{ 'core:sample_start': 2, 'core:label': 'precious' }] });
        writeFileSync(file('victim.sigmf'), 'precious');
      };
      fresh();
      const began = performance.now();
      expect((await blindlink(args)).code).toBe(0);
      const longest = performance.now() - began;
      for (let i = 0; i < KILLS; i++) {
        fresh();
        const { signal } = await blindlink(args, { afterMs: longest * rng.uniform(), signal: 'SIGKILL' });
        if (signal === null) continue;
        // Either recording is whole under some name: the old one, or the one that took its place.
        const names = readdirSync(work).filter((name) => name.startsWith('victim') && name.endsWith('.sigmf-data'));
        const holdsOld = names.some((name) => {
          if (raw(readFileSync(file(name))) !== raw(old)) return false;
          const meta = file(name.replace(/-data$/, '-meta'));
          return existsSync(meta) && readFileSync(meta, 'utf8').includes('precious');
        });
        const current = existsSync(file('victim.sigmf-meta')) ? metaOf('victim') : null;
        expect(holdsOld || current?.global['core:sha512'] !== undefined, `kill ${i}`).toBe(true);
        if (args[0] !== 'convert' || args[2] !== 'victim.sigmf') {
          expect(readFileSync(file('victim.sigmf'), 'utf8')).toBe('precious');
        }
      }
    },
    3_600_000,
  );
});

describe('gaps', () => {
  it('are kept, thousands of them', async () => {
    const count = 3000;
    put('gaps', Buffer.alloc((count + 1) * 80), {
      captures: Array.from({ length: count + 1 }, (_, i) => ({
        'core:sample_start': i * 10,
        'core:global_index': i * 13,
      })),
    });
    expect((await blindlink(['convert', 'gaps', 'gaps2'])).code).toBe(0);
    const { captures } = metaOf('gaps2');
    expect(captures).toHaveLength(count + 1);
    for (const i of [1, 500, count]) {
      expect(captures[i]).toMatchObject({
        'core:sample_start': i * 10,
        'core:global_index': i * 13,
        'blindlink:lost_samples': 3,
      });
    }
  });
});

describe('a reception as radios give it', () => {
  const pilot = ['--receiver', 'pilot', '--no-save', '--json'];
  const summary = ({ out }: Outcome): Record<string, unknown> =>
    JSON.parse(out.trim().split('\n').at(-1) ?? '{}') as Record<string, unknown>;
  /** The recording `clean` with its samples changed. */
  const changed = (name: string, change: (x: Float32Array) => void): void => {
    const bytes = dataOf('clean');
    const x = new Float32Array(new Uint8Array(bytes).buffer);
    change(x);
    const { global, captures } = metaOf('clean');
    const { 'core:sha512': _sha, ...kept } = global;
    put(name, new Uint8Array(x.buffer), { global: kept, captures });
  };

  it('decodes under a DC offset, at any level, with samples missing, and with I and Q exchanged where told', async () => {
    const flags = ['builtin:faces', '--frames', '3', '--snr', '20', '--cfo', '0.3', '--seed', '4'];
    expect((await blindlink(['record', 'clean', ...flags])).code).toBe(0);
    changed('dc', (x) => x.forEach((v, i) => (x[i] = v + 0.35)));
    changed('quiet', (x) => x.forEach((v, i) => (x[i] = v * 1e-8)));
    changed('holes', (x) => [5000, 9000, 9001].forEach((i) => (x[i] = NaN)));
    changed('mirror', (x) => x.set(Float32Array.from(x, (_, i) => x[i ^ 1])));
    for (const [name, ...more] of [['dc'], ['quiet'], ['holes'], ['mirror', '--swap-iq']]) {
      const heard = await blindlink(['replay', name, ...pilot, ...more]);
      expect(summary(heard), name).toMatchObject({ frames: 3, receivers: { pilot: { decoded: 3 } } });
      expect(heard.err.includes('2 sample(s) are NaN')).toBe(name === 'holes');
    }
  }, 240_000);

  it('by prefixes, a gap shifts symbols, and whole subcarriers are told at any rate', async () => {
    const bytes = dataOf('clean');
    const cut = 2480;
    put('gapped', Buffer.concat([bytes.subarray(0, 8 * cut), bytes.subarray(8 * (cut + 37))]), {
      captures: [
        { 'core:sample_start': 0, 'core:global_index': 0 },
        { 'core:sample_start': cut, 'core:global_index': cut + 37 },
      ],
    });
    const search = ['--method', 'cp', '--guards', '6,5', '--dc-null', '--json'];
    const frames = ({ out }: Outcome): { startSample: number; sampleCount: number; cfoSubcarriers: number }[] =>
      out
        .trim()
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as { startSample: number; sampleCount: number; cfoSubcarriers: number });
    const parts = frames(await blindlink(['sync', 'gapped', ...search]));
    expect(parts.length).toBeGreaterThan(2);
    for (const { startSample, sampleCount } of parts) {
      expect(startSample >= cut || startSample + sampleCount <= cut).toBe(true);
    }
    // Wrong numerologies are answered with the right one, whether they fit somewhere by chance or not.
    for (const [fftSize, prefix] of [
      ['64', '6'],
      ['128', '9'],
    ]) {
      const { out } = await blindlink([
        'sync',
        'clean',
        '--method',
        'cp',
        '--fft-size',
        fftSize,
        '--cp-length',
        prefix,
      ]);
      expect(out).toMatch(/looks like OFDM with FFT size 64 and prefix 16/);
    }
    await blindlink(['convert', 'clean', 'faster', '--resample', '1.5M']);
    const resampled = frames(await blindlink(['sync', 'faster', ...search, '--resample', '1M']));
    expect(resampled.length).toBeGreaterThan(0);
    for (const { cfoSubcarriers } of resampled) expect(cfoSubcarriers).toBeCloseTo(0.3, 1);
  }, 240_000);

  it('says of noise with one click, of nothing and of little what they are', async () => {
    const x = new Float32Array(new Uint8Array(noise(20_000)).buffer);
    x[20_000] = 1000;
    put('click', new Uint8Array(x.buffer));
    put('empty', new Uint8Array(0));
    put('short', noise(900));
    expect((await blindlink(['sync', 'click'])).out).not.toMatch(/looks like/);
    expect((await blindlink(['sync', 'empty'])).out).toMatch(/the recording is empty/);
    expect((await blindlink(['sync', 'short'])).out).not.toMatch(/clipped/);
  });

  it('notices samples that are not those of the metadata', async () => {
    put('hashed', noise(10), { global: { 'core:sha512': '0'.repeat(128) } });
    expect((await blindlink(['sync', 'hashed'])).err).toMatch(/note: hashed: core:sha512 differs/);
    const { code, err } = await blindlink(['convert', 'hashed', 'hashed2', '--verify']);
    expect(code).toBe(2);
    expect(err).toMatch(/core:sha512 differs/);
  });
});
