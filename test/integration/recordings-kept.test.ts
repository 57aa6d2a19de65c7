import { spawn } from 'node:child_process';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { createComplex } from '../../src/core/complex.js';
import { createRng } from '../../src/core/rng.js';
import { encodeSamples, parseDatatype } from '../../src/recording/datatype.js';
import type { SigmfMetadata } from '../../src/recording/metadata.js';
import { openAnyRecording } from '../../src/recording/open-recording.js';
import { createSigmfWriter } from '../../src/recording/sigmf-writer.js';

const main = resolve('dist/cli/main.js');
const root = mkdtempSync(join(tmpdir(), 'blindlink-kept-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
  readonly milliseconds: number;
}

function blindlink(
  args: readonly string[],
  kill: { after: number; signal: NodeJS.Signals } | null = null,
): Promise<Outcome> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: work });
    let [out, err] = ['', ''];
    let at = performance.now();
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    if (kill !== null) {
      setTimeout(() => {
        at = performance.now();
        child.kill(kill.signal);
      }, kill.after);
    }
    child.on('close', (code, signal) => done({ code, signal, out, err, milliseconds: performance.now() - at }));
  });
}

let work = root;

const file = (name: string): string => join(work, name);
const metaOf = (name: string): SigmfMetadata =>
  JSON.parse(readFileSync(file(`${name}.sigmf-meta`), 'utf8')) as SigmfMetadata;
const samplesOf = (name: string): number[] => {
  const recording = openAnyRecording(file(name));
  const { re } = recording.read(0, recording.numSamples);
  recording.close();
  return [...re];
};

/** 5,000 samples in two segments a minute apart, with an annotation of somebody else's. */
function makeAir(): void {
  const noise = createComplex(5000);
  createRng(1).fillComplexGaussian(noise, 0.02);
  const writer = createSigmfWriter(file('air'), {
    datatype: 'cf32_le',
    sampleRateHz: 1e6,
    global: { 'core:author': 'somebody' },
  });
  writer.segment({ 'core:datetime': '2026-01-02T03:04:05.123456Z', 'core:frequency': 9e8 });
  writer.write({ re: noise.re.subarray(0, 3000), im: noise.im.subarray(0, 3000) });
  writer.segment({ 'core:datetime': '2026-01-02T03:05:05.000000Z', 'core:frequency': 9e8 });
  writer.write({ re: noise.re.subarray(3000), im: noise.im.subarray(3000) });
  writer.annotate({
    'core:sample_start': 100,
    'core:sample_count': 50,
    'core:label': 'theirs',
    'core:generator': 'other',
  });
  writer.annotate({ 'core:sample_start': 200, 'core:label': 'from here on', 'core:generator': 'other' });
  writer.finish();
}

beforeEach(() => {
  work = mkdtempSync(join(root, 'test-'));
  makeAir();
});

describe('convert', () => {
  it('a recording onto itself changes nothing of it but what was asked', async () => {
    const before = samplesOf('air');
    const whole = await blindlink(['convert', 'air', 'air', '--overwrite']);
    expect(whole.code, whole.err).toBe(0);
    expect(samplesOf('air')).toEqual(before);
    const part = await blindlink(['convert', 'air.sigmf-meta', 'air', '--count', '1000', '--overwrite']);
    expect(part.code, part.err).toBe(0);
    expect(samplesOf('air')).toEqual(before.slice(0, 1000));
    expect(readdirSync(work).sort()).toEqual(['air.sigmf-data', 'air.sigmf-meta']);
  });

  it('through symbolic links leaves what they point at', async () => {
    const before = samplesOf('air');
    symlinkSync('air.sigmf-data', file('link.sigmf-data'));
    symlinkSync('air.sigmf-meta', file('link.sigmf-meta'));
    const { code, err } = await blindlink(['convert', 'air', 'link', '--count', '10', '--overwrite']);
    expect(code, err).toBe(0);
    expect(samplesOf('air')).toEqual(before);
    expect(samplesOf('link')).toEqual(before.slice(0, 10));
  });

  it('a failed one leaves what was there, and nothing of its own', async () => {
    const before = samplesOf('air');
    const cases = [
      ['convert', 'air', 'air', '--overwrite', '--input-channel', '3'],
      ['convert', 'air', 'new', '--input-channel', '3'],
      ['convert', 'air', 'new.cf32', '--input-channel', '3'],
      ['convert', 'air', 'new.sigmf', '--input-channel', '3'],
    ];
    for (const args of cases) {
      const { code, err } = await blindlink(args);
      expect(code, args.join(' ')).not.toBe(0);
      expect(err).toMatch(/^blindlink: .*has no channel 3/);
      expect(readdirSync(work).sort()).toEqual(['air.sigmf-data', 'air.sigmf-meta']);
    }
    expect(samplesOf('air')).toEqual(before);
  });

  it('of a part says when that part began, and keeps annotations that have no end', async () => {
    const { code, err } = await blindlink(['convert', 'air', 'part', '--start', '500']);
    expect(code, err).toBe(0);
    const { captures, annotations } = metaOf('part');
    expect(captures.map((capture) => [capture['core:sample_start'], capture['core:datetime']])).toEqual([
      [0, '2026-01-02T03:04:05.123956Z'],
      [2500, '2026-01-02T03:05:05.000000Z'],
    ]);
    expect(annotations.map((one) => [one['core:sample_start'], one['core:label']])).toEqual([[0, 'from here on']]);
  });

  it('resampled puts the second segment where its samples are', async () => {
    // A step at the second segment's first sample.
    const re = Float32Array.from({ length: 4000 }, (_, i) => (i < 2000 ? 0 : 0.5));
    const writer = createSigmfWriter(file('step'), { datatype: 'cf32_le', sampleRateHz: 1e6 });
    writer.write({ re: re.subarray(0, 2000), im: new Float32Array(2000) });
    writer.segment({ 'core:frequency': 1e9 });
    writer.write({ re: re.subarray(2000), im: new Float32Array(2000) });
    writer.finish();
    for (const [rate, ratio] of [
      ['500k', 0.5],
      ['1.5M', 1.5],
    ] as const) {
      const { code, err } = await blindlink(['convert', 'step', `out${rate}`, '--resample', rate]);
      expect(code, err).toBe(0);
      const [, second] = metaOf(`out${rate}`).captures;
      const edge = samplesOf(`out${rate}`).findIndex((v) => v > 0.25);
      expect(Math.abs(second['core:sample_start'] - edge)).toBeLessThanOrEqual(2);
      expect(second['core:sample_start']).toBe(2000 * ratio);
    }
  });
});

/** kill −9 at random moments of a run; the long run: BLINDLINK_KILLS=100 npx vitest run test/integration/recordings-kept */
const KILLS = Number(process.env['BLINDLINK_KILLS'] ?? 4);

describe('killed at any moment', () => {
  /** What was to be replaced is there, or replaced by a whole one, or, between two renames, set aside. */
  const putBack = (): void => {
    for (const one of readdirSync(work)) {
      const [, name] = /^(.*)\.replaced-/.exec(one) ?? [];
      if (name !== undefined && !existsSync(file(name))) renameSync(file(one), file(name));
    }
    for (const one of readdirSync(work)) if (/\.(replaced|part)-|\.tmp/.test(one)) rmSync(file(one));
  };
  const search = ['--search-only', '--method', 'cp', '--fft-size', '64', '--cp-length', '16'];
  it.each([
    ['convert', ['air', 'NAME', '--overwrite']],
    ['annotate', ['NAME', ...search]],
    ['record', ['NAME', 'builtin:faces', '--frames', '1', '--overwrite']],
  ])(
    '%s loses nothing that was there before',
    async (command, rest) => {
      const before = samplesOf('air');
      const meta = metaOf('air');
      const rng = createRng(`kill ${command}`);
      const on = (name: string): string[] => [command, ...rest.map((word) => (word === 'NAME' ? name : word))];
      // Once undisturbed: how long it takes here, and what comes of it.
      for (const end of ['data', 'meta']) copyFileSync(file(`air.sigmf-${end}`), file(`whole.sigmf-${end}`));
      const began = performance.now();
      const { code, err } = await blindlink(on('whole'));
      expect(code, err).toBe(0);
      let milliseconds = performance.now() - began;
      const whole = samplesOf('whole');
      let cut = 0;
      for (let i = 0; i < KILLS; i++) {
        const after = Math.round(milliseconds * (0.3 + 0.8 * rng.uniform()));
        const start = performance.now();
        const { signal } = await blindlink(on('air'), { after, signal: 'SIGKILL' });
        if (signal === 'SIGKILL') cut++;
        else milliseconds = performance.now() - start;
        putBack();
        const now = metaOf('air');
        if (command === 'record' && now.global['core:author'] !== 'somebody') {
          // Replaced: by a recording that is whole.
          expect(samplesOf('air')).toHaveLength(whole.length);
          for (const end of ['data', 'meta']) rmSync(file(`air.sigmf-${end}`));
          makeAir();
          continue;
        }
        expect(samplesOf('air')).toEqual(before);
        expect(now.global['core:author']).toBe('somebody');
        for (const theirs of meta.annotations) expect(now.annotations).toContainEqual(theirs);
        expect(now.captures).toEqual(meta.captures);
      }
      if (KILLS >= 100) process.stdout.write(`${command}: ${KILLS} runs, ${cut} killed before their end\n`);
    },
    3_600_000,
  );
});

describe('annotate', () => {
  const raw = (name: string): void => {
    const noise = createComplex(20_000);
    createRng(2).fillComplexGaussian(noise, 0.02);
    writeFileSync(file(name), encodeSamples(parseDatatype('ci16_le'), noise).bytes);
  };
  const look = ['--search-only', '--method', 'cp', '--fft-size', '64', '--cp-length', '16'];

  it.each(['noise.ci16', 'noise.xyz', 'noise'])('makes metadata of %s that can be opened again', async (name) => {
    raw(name);
    const made = await blindlink(['annotate', name, '--datatype', 'ci16_le', '--rate', '1M', ...look]);
    expect(made.code, made.err).toBe(0);
    expect(metaOf(name).global).toMatchObject({ 'core:dataset': name, 'core:datatype': 'ci16_le' });
    const recording = openAnyRecording(file(`${name}.sigmf-meta`));
    expect(recording.numSamples).toBe(20_000);
    recording.close();
  });

  it('keeps what others have written beside a raw file, and what the file says of itself', async () => {
    raw('noise.ci16');
    const theirs: SigmfMetadata = {
      global: {
        'core:datatype': 'ci16_le',
        'core:version': '1.2.0',
        'core:sample_rate': 5e5,
        'core:dataset': 'noise.ci16',
        'core:author': 'somebody',
      },
      captures: [{ 'core:sample_start': 0, 'core:frequency': 4.33e8 }],
      annotations: [{ 'core:sample_start': 7, 'core:label': 'theirs', 'core:generator': 'other' }],
    };
    writeFileSync(file('noise.ci16.sigmf-meta'), JSON.stringify(theirs));
    const { code, err } = await blindlink(['annotate', 'noise.ci16', '--rate', '2M', '--freq', '1G', ...look]);
    expect(code, err).toBe(0);
    const after = metaOf('noise.ci16');
    expect(after.global).toMatchObject({ 'core:author': 'somebody', 'core:sample_rate': 5e5 });
    expect(after.captures).toEqual(theirs.captures);
    expect(after.annotations).toContainEqual(theirs.annotations[0]);
  });

  it('refuses to write over the metadata of other data', async () => {
    raw('air');
    const before = readFileSync(file('air.sigmf-meta'), 'utf8');
    const { code, err } = await blindlink(['annotate', 'air', '--datatype', 'ci16_le', '--rate', '1M', ...look]);
    expect(code).not.toBe(0);
    expect(err).toMatch(/^blindlink: .*air\.sigmf-meta: describes other data than .*air; rename one of them\n$/);
    expect(readFileSync(file('air.sigmf-meta'), 'utf8')).toBe(before);
  });
});

describe('gaps', () => {
  it('thirty thousand of them are written and converted without going through all at each', async () => {
    const writer = createSigmfWriter(file('gaps'), { datatype: 'ci16_le', sampleRateHz: 1e6 });
    const block = { re: new Float32Array(4).fill(0.1), im: new Float32Array(4) };
    let rewritten = 0;
    const { ino } = statSync(file('gaps.sigmf-meta'));
    let last = ino;
    for (let i = 0; i < 30_000; i++) {
      writer.write(block);
      writer.markGap(3, 'device');
      if (i % 100 === 0) {
        const now = statSync(file('gaps.sigmf-meta')).ino;
        if (now !== last) rewritten++;
        last = now;
      }
    }
    writer.finish();
    expect(rewritten).toBeLessThan(100);
    const { captures } = metaOf('gaps');
    expect(captures.at(-1)).toMatchObject({ 'core:sample_start': 120_000, 'core:global_index': 210_000 });
    const { code, err } = await blindlink(['convert', 'gaps', 'again']);
    expect(code, err).toBe(0);
    expect(metaOf('again').captures.filter((one) => one['blindlink:lost_samples'] === 3).length).toBeGreaterThan(
      29_000,
    );
  }, 120_000);
});

describe('Ctrl-C', () => {
  it.each([
    ['convert', ['convert', 'large.cf32', 'out', '--rate', '1M']],
    ['sync', ['sync', 'large.cf32', '--rate', '1M', '--method', 'cp', '--fft-size', '64', '--cp-length', '16']],
  ])(
    'ends %s of a large file, and keeps what was there',
    async (_, args) => {
      writeFileSync(file('large.cf32'), '');
      // Sparse: 2 GB of silence.
      truncateSync(file('large.cf32'), 2 ** 31);
      appendFileSync(file('large.cf32'), Buffer.alloc(8));
      const { code, signal, milliseconds } = await blindlink(args, { after: 4000, signal: 'SIGINT' });
      // On a machine so busy that it has not begun by then, the signal ends it as it ends any program.
      expect(signal ?? code).toBeOneOf([130, 'SIGINT']);
      // Of two gigabytes a tenth is what a second takes: it ended because it was asked to.
      expect(milliseconds).toBeLessThan(10_000);
      expect(readdirSync(work).filter((name) => name.startsWith('out'))).toEqual([]);
    },
    60_000,
  );
});

describe('what other programs write', () => {
  it('metadata with a byte-order mark is read', () => {
    const path = file('air.sigmf-meta');
    writeFileSync(path, `\uFEFF${readFileSync(path, 'utf8')}`);
    expect(samplesOf('air')).toHaveLength(5000);
  });
});
