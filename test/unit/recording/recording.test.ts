import { createHash } from 'node:crypto';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import { afterAll, describe, expect, it } from 'vitest';
import { type ComplexArray, concatComplex, createComplex, subarray } from '../../../src/core/complex.js';
import { FormatError } from '../../../src/core/errors.js';
import { createRng } from '../../../src/core/rng.js';
import { readArchive, writeArchive } from '../../../src/recording/archive.js';
import { decodeSamples, encodeSamples, parseDatatype } from '../../../src/recording/datatype.js';
import { validateMetadata } from '../../../src/recording/metadata-schema.js';
import { openAnyRecording } from '../../../src/recording/open-recording.js';
import { blocksOf } from '../../../src/recording/recording.js';
import { createSigmfWriter } from '../../../src/recording/sigmf-writer.js';

const folder = mkdtempSync(join(tmpdir(), 'blindlink-recording-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string): string => join(folder, name);

function signal(length: number, seed: number | string = 1): ComplexArray {
  const x = createComplex(length);
  createRng(seed).fillComplexGaussian(x, 0.02);
  return x;
}

function distance(a: ComplexArray, b: ComplexArray): number {
  let worst = Math.abs(a.re.length - b.re.length);
  for (let i = 0; i < a.re.length; i++)
    worst = Math.max(worst, Math.abs(a.re[i] - b.re[i]), Math.abs(a.im[i] - b.im[i]));
  return worst;
}

/** A recording written by hand, from bytes and metadata. */
function byHand(
  name: string,
  bytes: Uint8Array,
  global: Record<string, unknown>,
  captures: unknown[] = [],
  annotations: unknown[] = [],
): string {
  writeFileSync(file(`${name}.sigmf-data`), bytes);
  const meta = { global: { 'core:version': '1.2.0', ...global }, captures, annotations };
  writeFileSync(file(`${name}.sigmf-meta`), JSON.stringify(meta));
  return file(name);
}

describe('datatypes', () => {
  const names = ['f32', 'f64', 'i32', 'i16', 'u32', 'u16'].flatMap((kind) => [`c${kind}_le`, `c${kind}_be`]);
  it.each([...names, 'ci8', 'cu8'])('%s: what is written is read, to within its step', (name) => {
    const x = signal(1000);
    const datatype = parseDatatype(name);
    const { bytes, clipped } = encodeSamples(datatype, x);
    expect(bytes.length).toBe(1000 * datatype.sampleBytes);
    const y = createComplex(1000);
    decodeSamples(datatype, bytes, y);
    const step = name.includes('f') ? 1e-7 : Math.max(2 ** (1 - 8 * datatype.componentBytes), 1e-7);
    expect(clipped).toBe(0);
    expect(distance(x, y)).toBeLessThan(step);
  });

  it('has the byte order and the zero of its name', () => {
    const x = { re: Float32Array.of(0.5, 2), im: Float32Array.of(-0.5, -2) };
    expect([...encodeSamples(parseDatatype('ci16_le'), x).bytes]).toEqual([0, 0x40, 0, 0xc0, 0xff, 0x7f, 0, 0x80]);
    expect([...encodeSamples(parseDatatype('ci16_be'), x).bytes]).toEqual([0x40, 0, 0xc0, 0, 0x7f, 0xff, 0x80, 0]);
    expect([...encodeSamples(parseDatatype('cu8'), x).bytes]).toEqual([0xc0, 0x40, 0xff, 0]);
    expect(encodeSamples(parseDatatype('ci8'), x).clipped).toBe(2);
    expect(
      [...encodeSamples(parseDatatype('cf32_be'), { re: Float32Array.of(1), im: Float32Array.of(0) }).bytes].slice(
        0,
        4,
      ),
    ).toEqual([0x3f, 0x80, 0, 0]);
  });

  it('reads real datatypes with an imaginary part of zero', () => {
    const y = createComplex(2);
    decodeSamples(parseDatatype('ri16_le'), Uint8Array.of(0, 0x40, 0, 0xc0), y);
    expect([...y.re, ...y.im]).toEqual([0.5, -0.5, 0, 0]);
  });

  it.each(['cf16_le', 'i16', 'cf32_xx', ''])('refuses %j', (name) => {
    expect(() => parseDatatype(name)).toThrow(/not a SigMF datatype/);
  });
});

describe('reading', () => {
  it('takes one channel of several', () => {
    const parts = [signal(50, 'a'), signal(50, 'b'), signal(50, 'c')];
    const datatype = parseDatatype('cf32_le');
    const bytes = new Uint8Array(3 * 50 * 8);
    parts.forEach((part, c) => {
      const mine = encodeSamples(datatype, part).bytes;
      for (let i = 0; i < 50; i++) bytes.set(mine.subarray(8 * i, 8 * i + 8), 8 * (3 * i + c));
    });
    const recording = openAnyRecording(byHand('three', bytes, { 'core:datatype': 'cf32_le', 'core:num_channels': 3 }));
    expect(recording.numSamples).toBe(50);
    parts.forEach((part, c) => expect(distance(recording.read(0, 50, c), part)).toBe(0));
    expect(() => recording.read(0, 1, 3)).toThrow(/has no channel 3; it has 3, from 0 on/);
    recording.close();
  });

  it('leaves out header bytes before segments, trailing bytes and a broken last sample', () => {
    const x = signal(100);
    const own = encodeSamples(parseDatatype('ci16_be'), x).bytes;
    const bytes = Buffer.concat([
      Buffer.alloc(10, 1),
      own.subarray(0, 160),
      Buffer.alloc(7, 2),
      own.subarray(160),
      Buffer.alloc(3, 4),
      Buffer.alloc(5, 3),
    ]);
    const captures = [
      { 'core:sample_start': 0, 'core:header_bytes': 10, 'core:frequency': 1e9 },
      { 'core:sample_start': 40, 'core:header_bytes': 7 },
    ];
    const recording = openAnyRecording(
      byHand('headers', bytes, { 'core:datatype': 'ci16_be', 'core:trailing_bytes': 5 }, captures),
    );
    expect(recording.numSamples).toBe(100);
    expect(recording.notes.join()).toMatch(/ends within a sample; 3 bytes/);
    expect(recording.centerFrequencyHz).toBe(1e9);
    const blocks = [...blocksOf(recording, { blockSamples: 7 })].map(({ samples }) => samples);
    expect(distance(concatComplex(blocks), x)).toBeLessThan(2 ** -15);
    expect(distance(recording.read(38, 4), subarray(x, 38, 42))).toBeLessThan(2 ** -15);
    recording.close();
  });

  it('counts captures and annotations from core:offset', () => {
    const bytes = encodeSamples(parseDatatype('cu8'), signal(20)).bytes;
    const base = byHand(
      'offset',
      bytes,
      { 'core:datatype': 'cu8', 'core:offset': 1000 },
      [{ 'core:sample_start': 1000 }],
      [{ 'core:sample_start': 1005, 'core:sample_count': 3 }],
    );
    const recording = openAnyRecording(base);
    expect(recording.numSamples).toBe(20);
    expect(recording.captures[0]['core:sample_start']).toBe(0);
    expect(recording.annotations[0]['core:sample_start']).toBe(5);
  });

  it('ignores fields of foreign namespaces, and optional extensions', () => {
    const extension = { name: 'antenna', version: '1.0.0', optional: true };
    const global = { 'core:datatype': 'ci8', 'core:extensions': [extension], 'antenna:gain': 'any', other: { x: 1 } };
    expect(openAnyRecording(byHand('foreign', new Uint8Array(8), global)).numSamples).toBe(4);
    const needed = { ...global, 'core:extensions': [{ ...extension, optional: false }] };
    expect(() => openAnyRecording(byHand('needed', new Uint8Array(8), needed))).toThrow(
      /needs the SigMF extension antenna/,
    );
  });

  it('takes a raw file by its suffix or by what the user says, and core:dataset', () => {
    const x = signal(30);
    writeFileSync(file('x.ci16'), encodeSamples(parseDatatype('ci16_le'), x).bytes);
    expect(distance(openAnyRecording(file('x.ci16'), { sampleRateHz: 5 }).read(0, 30), x)).toBeLessThan(2 ** -15);
    writeFileSync(file('y.dat'), encodeSamples(parseDatatype('cu8'), x).bytes);
    expect(openAnyRecording(file('y.dat'), { datatype: 'cu8' }).numSamples).toBe(30);
    expect(() => openAnyRecording(file('y.dat'))).toThrow(/give --datatype/);
    byHand('named', new Uint8Array(0), { 'core:datatype': 'cu8', 'core:dataset': 'y.dat' });
    expect(openAnyRecording(file('named.sigmf-meta')).numSamples).toBe(30);
    expect(() => openAnyRecording(file('nothing'))).toThrow(/no such recording/);
    expect(openAnyRecording(byHand('empty', new Uint8Array(0), { 'core:datatype': 'cu8' })).read(0, 5).re).toHaveLength(
      0,
    );
  });
});

describe('metadata', () => {
  const good = { global: { 'core:datatype': 'cf32_le', 'core:version': '1.2.0' }, captures: [], annotations: [] };
  it.each([
    [{ ...good, global: { 'core:version': '1.2.0' } }, /global must have required property 'core:datatype'/],
    [{ ...good, global: { ...good.global, 'core:datatype': 'cf99' } }, /core:datatype must match pattern/],
    [{ ...good, global: { ...good.global, 'core:sample_rate': -1 } }, /core:sample_rate must be >= 1/],
    [{ ...good, global: { ...good.global, 'core:sha512': 'abc' } }, /core:sha512/],
    [{ ...good, captures: [{ 'core:frequency': 1 }] }, /captures 0 must have required property 'core:sample_start'/],
    [
      { ...good, captures: [{ 'core:sample_start': 5 }, { 'core:sample_start': 4 }] },
      /captures 1 starts at 4, before the one before it/,
    ],
    [{ ...good, captures: [{ 'core:sample_start': 0, 'core:datetime': 'yesterday' }] }, /core:datetime/],
    [{ ...good, annotations: [{ 'core:sample_start': 0, 'core:freq_lower_edge': 1 }] }, /core:freq_upper_edge/],
    [
      { ...good, annotations: [{ 'core:sample_start': 0, 'blindlink:receivers': { pilot: { verdict: 'maybe' } } }] },
      /verdict/,
    ],
    [{ global: good.global }, /must have required property 'captures'/],
    [[], /the top level must be object/],
  ])('%# is refused with the field that is wrong', (value, message) => {
    expect(() => validateMetadata(value, 'x.sigmf-meta')).toThrow(FormatError);
    expect(() => validateMetadata(value, 'x.sigmf-meta')).toThrow(message);
  });

  it('is refused where it is not JSON', () => {
    writeFileSync(file('bad.sigmf-meta'), '{"global":');
    expect(() => openAnyRecording(file('bad'))).toThrow(/not JSON/);
  });
});

describe('writing', () => {
  it.each(['cf32_le', 'ci16_le'])('%s: gives what was written, with checksum, gaps and annotations', (datatype) => {
    const x = signal(300);
    const base = file(`w-${datatype}`);
    const writer = createSigmfWriter(base, {
      datatype,
      sampleRateHz: 2e6,
      centerFrequencyHz: 915e6,
      gainDb: 30,
      datetime: new Date(0),
    });
    writer.write(subarray(x, 0, 100));
    writer.markGap(55, 'device');
    writer.write(subarray(x, 100));
    writer.annotate({ 'core:sample_start': 120, 'core:sample_count': 10, 'blindlink:frame': 1 });
    writer.annotate({ 'core:sample_start': 20, 'core:sample_count': 10, 'blindlink:frame': 0 });
    writer.finish();
    const recording = openAnyRecording(base);
    expect(distance(recording.read(0, 999), x)).toBeLessThan(2 ** -15);
    expect(recording.sampleRateHz).toBe(2e6);
    const { global, captures, annotations } = recording.metadata;
    expect(global['core:sha512']).toBe(
      createHash('sha512')
        .update(readFileSync(`${base}.sigmf-data`))
        .digest('hex'),
    );
    expect(captures).toMatchObject([
      {
        'core:sample_start': 0,
        'core:global_index': 0,
        'core:frequency': 915e6,
        'core:datetime': '1970-01-01T00:00:00.000Z',
        'blindlink:gain_db': 30,
      },
      { 'core:sample_start': 100, 'core:global_index': 155, 'blindlink:lost_samples': 55, 'blindlink:cause': 'device' },
    ]);
    expect(annotations.map((a) => a['blindlink:frame'])).toEqual([0, 1]);
  });

  it('leaves a readable recording at any time: before the first sample, and after data the metadata knows nothing of', () => {
    const base = file('crash');
    const writer = createSigmfWriter(base, { datatype: 'cf32_le', sampleRateHz: 1 });
    expect(openAnyRecording(base).numSamples).toBe(0);
    writer.write(signal(1000));
    // As a crash leaves it: no flush, no finish, the last sample half written.
    appendFileSync(`${base}.sigmf-data`, Buffer.alloc(3));
    const recording = openAnyRecording(base);
    expect(recording.numSamples).toBe(1000);
    expect(recording.notes).toHaveLength(1);
    expect(recording.metadata.global['core:sha512']).toBeUndefined();
    truncateSync(`${base}.sigmf-data`, 8 * 10);
    expect(openAnyRecording(base).numSamples).toBe(10);
  });

  it('does not replace a recording unless told to', () => {
    const base = file('twice');
    const options = { datatype: 'cf32_le', sampleRateHz: 1 };
    createSigmfWriter(base, options).finish();
    expect(() => createSigmfWriter(base, options)).toThrow(/is there already/);
    createSigmfWriter(base, { ...options, overwrite: true }).finish();
    expect(() => createSigmfWriter('/dev/null/x', options)).toThrow(/cannot be written/);
  });
});

describe('archives', () => {
  it('are written and read in place', async () => {
    const x = signal(5000);
    const base = file('packed');
    const writer = createSigmfWriter(base, { datatype: 'ci16_le', sampleRateHz: 1e6 });
    writer.write(x);
    writer.finish();
    const archive = await writeArchive(base);
    const recording = openAnyRecording(archive);
    expect(recording.numSamples).toBe(5000);
    expect(distance(recording.read(1234, 100), subarray(x, 1234, 1334))).toBeLessThan(2 ** -15);
    recording.close();
    writeFileSync(file('cut.sigmf'), readFileSync(archive).subarray(0, 4000));
    expect(() => openAnyRecording(file('cut.sigmf'))).toThrow(/cut short|ends early/);
    writeFileSync(file('text.sigmf'), 'not a tar archive '.repeat(100));
    expect(() => openAnyRecording(file('text.sigmf'))).toThrow(/not a tar archive/);
  });

  it('with several recordings, folders and long names want a name', async () => {
    const long = `${'deep/'.repeat(30)}second`;
    const archive = pack();
    const meta = JSON.stringify({
      global: { 'core:datatype': 'cu8', 'core:version': '1.2.0' },
      captures: [],
      annotations: [],
    });
    archive.entry({ name: 'first/', type: 'directory' });
    for (const [name, length] of [
      ['first/first', 10],
      [long, 7],
    ] as const) {
      archive.entry({ name: `${name}.sigmf-data` }, Buffer.alloc(2 * length, 128));
      archive.entry({ name: `${name}.sigmf-meta` }, meta);
    }
    archive.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of archive) chunks.push(chunk as Buffer);
    writeFileSync(file('two.sigmf'), Buffer.concat(chunks));
    expect(readArchive(file('two.sigmf')).map(({ bytes }) => bytes)).toEqual([20, meta.length, 14, meta.length]);
    expect(() => openAnyRecording(file('two.sigmf'))).toThrow(
      /holds 2 recordings \(first, second\); choose one with --member/,
    );
    const recording = openAnyRecording(file('two.sigmf'), { member: 'second' });
    expect(recording.read(0, 99).re).toEqual(new Float32Array(7));
  });
});
