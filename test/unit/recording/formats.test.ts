import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { afterAll, describe, expect, it } from 'vitest';
import { createComplex } from '../../../src/core/complex.js';
import { crc32 } from '../../../src/core/zip.js';
import { createRng } from '../../../src/core/rng.js';
import { encodeSamples, parseDatatype } from '../../../src/recording/datatype.js';
import { laterDatetime, sigmfDatetime } from '../../../src/recording/datetime.js';
import { describeName } from '../../../src/recording/file-name.js';
import { exactJson, parseExactJson } from '../../../src/recording/metadata-json.js';
import { openAnyRecording, parseMetadata, type RawDescription } from '../../../src/recording/open-recording.js';

const folder = mkdtempSync(join(tmpdir(), 'blindlink-formats-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string): string => join(folder, name);

function bytesOf(datatype: string, count = 100): Buffer {
  const x = createComplex(count);
  createRng(4).fillComplexGaussian(x, 0.02);
  return Buffer.from(encodeSamples(parseDatatype(datatype), x).bytes);
}

function decoded(datatype: string, bytes: Buffer): ReturnType<typeof createComplex> {
  writeFileSync(file('plain.raw'), bytes);
  const recording = openAnyRecording(file('plain.raw'), { datatype, sampleRateHz: 1 });
  const samples = recording.read(0, recording.numSamples);
  recording.close();
  return samples;
}

const chunk = (name: string, body: Uint8Array, size = body.length): Buffer => {
  const head = Buffer.alloc(8);
  head.write(name, 'latin1');
  head.writeUInt32LE(size, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
};

function wav(
  data: Uint8Array,
  { tag = 1, bits = 16, channels = 2, riff = 'RIFF', dataSize = data.length, before = [] as Buffer[], after = 0 } = {},
): Buffer {
  const format = Buffer.alloc(16);
  format.writeUInt16LE(tag, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(2_400_000, 4);
  format.writeUInt16LE((bits / 8) * channels, 12);
  format.writeUInt16LE(bits, 14);
  const list = after === 0 ? Buffer.alloc(0) : chunk('LIST', Buffer.alloc(after));
  const body = [...before, chunk('fmt ', format), chunk('data', data, dataSize), list];
  return Buffer.concat([Buffer.from(riff), Buffer.alloc(4, 255), Buffer.from('WAVE'), ...body]);
}

const metaText = (fields: object = {}): string =>
  JSON.stringify({
    global: { 'core:datatype': 'ci16_le', 'core:version': '1.2.0', ...fields },
    captures: [{ 'core:sample_start': 0 }],
    annotations: [],
  });

describe('SDRangel', () => {
  function sdriq({ bits = 16, rate = 2_400_000, time = 1_767_323_045_678n, crc = true } = {}): Buffer {
    const header = Buffer.alloc(32);
    header.writeUInt32LE(rate, 0);
    header.writeBigUInt64LE(435_000_000n, 4);
    header.writeBigUInt64LE(time, 12);
    header.writeUInt32LE(bits, 20);
    header.writeUInt32LE(crc ? crc32(header.subarray(0, 28)) : 1, 28);
    return header;
  }

  it.each([
    [16, 'ci16_le', 1_767_323_045_678n, '2026-01-02T03:04:05.678Z'],
    [24, 'ci32_le', 1_767_323_045n, '2026-01-02T03:04:05.000Z'],
  ])('samples of %i bits, and what the header says', (bits, datatype, time, datetime) => {
    const path = file(`x${bits}.sdriq`);
    writeFileSync(path, Buffer.concat([sdriq({ bits, time }), bytesOf(datatype)]));
    const recording = openAnyRecording(path);
    expect(recording.numSamples).toBe(100);
    expect(recording.metadata.global).toMatchObject({ 'core:datatype': datatype, 'core:sample_rate': 2_400_000 });
    expect(recording.metadata.captures[0]).toMatchObject({
      'core:header_bytes': 32,
      'core:frequency': 435e6,
      'core:datetime': datetime,
    });
    expect(recording.read(0, 100)).toEqual(decoded(datatype, bytesOf(datatype)));
    recording.close();
  });

  it.each([
    [sdriq({ crc: false }), /checksum differs/],
    [sdriq().subarray(0, 20), /too short/],
    [sdriq({ bits: 8 }), /samples of 8 bits; 16 and 24 can be read/],
    [sdriq({ rate: 0 }), /sampling rate of 0/],
  ])('is refused in one line that says what to do (%#)', (bytes, message) => {
    writeFileSync(file('bad.sdriq'), bytes);
    expect(() => openAnyRecording(file('bad.sdriq'))).toThrow(message);
    expect(() => openAnyRecording(file('bad.sdriq'))).toThrow(/give --datatype ci16_le and --rate$/);
  });
});

describe('WAV', () => {
  it.each([
    ['cu8', 1, 8],
    ['ci16_le', 1, 16],
    ['ci32_le', 1, 32],
    ['cf32_le', 3, 32],
  ])('of %s is read in place, chunks behind the samples left out', (datatype, tag, bits) => {
    const data = bytesOf(datatype);
    const name = file(`${datatype}-145800000Hz.wav`);
    writeFileSync(name, wav(data, { tag, bits, after: 26 }));
    const recording = openAnyRecording(name);
    expect(recording.datatype.name).toBe(datatype);
    expect(recording.numSamples).toBe(100);
    expect(recording.sampleRateHz).toBe(2_400_000);
    expect(recording.centerFrequencyHz).toBe(145_800_000);
    expect(Buffer.from(recording.readBytes(0, 100)).equals(data)).toBe(true);
    recording.close();
  });

  it('beyond 4 GiB, or left by an interrupted recorder, goes on to the end of the file', () => {
    const data = bytesOf('ci16_le');
    const long = Buffer.alloc(28);
    long.writeBigUInt64LE(BigInt(data.length), 8);
    writeFileSync(
      file('rf64.wav'),
      wav(data, { riff: 'RF64', dataSize: 0xffff_ffff, before: [chunk('ds64', long)], after: 8 }),
    );
    writeFileSync(file('cut.wav'), wav(data, { dataSize: 0 }));
    for (const name of ['rf64.wav', 'cut.wav']) {
      const recording = openAnyRecording(file(name));
      expect(recording.numSamples).toBe(100);
      recording.close();
    }
  });

  it('has its time and frequency in an auxi chunk', () => {
    const auxi = Buffer.alloc(64);
    [2024, 2, 4, 29, 12, 30, 15, 250].forEach((v, i) => auxi.writeUInt16LE(v, 2 * i));
    auxi.writeUInt32LE(14_200_000, 32);
    writeFileSync(file('auxi.wav'), wav(bytesOf('ci16_le'), { before: [chunk('auxi', auxi)] }));
    const recording = openAnyRecording(file('auxi.wav'));
    expect(recording.centerFrequencyHz).toBe(14_200_000);
    expect(recording.captures[0]['core:datetime']).toBe('2024-02-29T12:30:15.250Z');
    recording.close();
  });

  it.each([
    [wav(new Uint8Array(6), { bits: 24 }), /24 bits; PCM of 8, 16 or 32/],
    [wav(new Uint8Array(8), { channels: 4 }), /has 4 channels/],
    [Buffer.from('no wave at all'), /is no WAV file/],
    [wav(new Uint8Array(8)).subarray(0, 30), /has no (data|format) chunk|too short/],
  ])('of another kind is refused in one line (%#)', (bytes, message) => {
    writeFileSync(file('bad.wav'), bytes);
    expect(() => openAnyRecording(file('bad.wav'))).toThrow(message);
  });
});

describe('names of files', () => {
  it.each([
    ['gqrx_20240101_120000_100000000_1800000_fc.raw', 'cf32_le', 1.8e6, 1e8],
    ['g001_433.92M_250k.cu8', 'cu8', 250e3, 433.92e6],
    ['2024-01-01_12-00-00_6000000SPS_137500000Hz.cs16', 'ci16_le', 6e6, 137.5e6],
    ['HDSDR_20110101_120000Z_7100kHz_RF.wav', undefined, undefined, 7.1e6],
    ['BBD_0001.C16', 'ci16_le', undefined, undefined],
    ['x.ci16_le.20MSps.dat', 'ci16_le', 20e6, undefined],
    ['x.complex', 'cf32_le', undefined, undefined],
    ['x.cf64', 'cf64_le', undefined, undefined],
    ['x.cu16', 'cu16_le', undefined, undefined],
    ['x.cs32', 'ci32_le', undefined, undefined],
    ['captures.cf32/x.bin', undefined, undefined, undefined],
    ['cf32', undefined, undefined, undefined],
  ])('%s', (name, datatype, sampleRateHz, centerFrequencyHz) => {
    const found = describeName(name);
    expect(found.datatype).toBe(datatype);
    expect(found.sampleRateHz).toBe(sampleRateHz);
    if (centerFrequencyHz === undefined) expect(found.centerFrequencyHz).toBeUndefined();
    else expect(found.centerFrequencyHz).toBeCloseTo(centerFrequencyHz, 3);
  });

  it('a Portapack says the rate beside its samples', () => {
    writeFileSync(file('BBD_0002.C16'), bytesOf('ci16_le'));
    writeFileSync(file('BBD_0002.TXT'), 'sample_rate=500000\ncenter_frequency=433920000\n');
    const recording = openAnyRecording(file('BBD_0002.C16'));
    expect(recording.sampleRateHz).toBe(500_000);
    expect(recording.centerFrequencyHz).toBe(433_920_000);
    recording.close();
  });
});

describe('packed recordings', () => {
  async function archive(entries: readonly [string, Uint8Array | string][]): Promise<Buffer> {
    const tar = pack();
    for (const [name, content] of entries) tar.entry({ name }, Buffer.from(content as Uint8Array));
    tar.finalize();
    const parts: Uint8Array[] = [];
    for await (const part of tar) parts.push(part as Uint8Array);
    return Buffer.concat(parts);
  }
  const two: [string, Uint8Array | string][] = [
    ['x/._a.sigmf-meta', 'not JSON'],
    ['x/a.sigmf-meta', metaText()],
    ['x/a.sigmf-data', bytesOf('ci16_le', 10)],
  ];
  const count = (path: string, raw: RawDescription = {}): number => {
    const recording = openAnyRecording(path, raw);
    recording.close();
    return recording.numSamples;
  };

  it('are read through gzip and xz, and leave nothing behind', async () => {
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith('blindlink-unpacked')).length;
    writeFileSync(file('a.sigmf.gz'), gzipSync(await archive(two)));
    writeFileSync(file('plain.cs16.gz'), gzipSync(bytesOf('ci16_le', 33)));
    expect(count(file('a.sigmf.gz'))).toBe(10);
    expect(count(file('plain.cs16.gz'))).toBe(33);
    if (spawnSync('xz', ['--version']).status === 0) {
      writeFileSync(file('b.sigmf'), await archive(two));
      spawnSync('xz', [file('b.sigmf')]);
      expect(count(file('b.sigmf.xz'))).toBe(10);
    }
    writeFileSync(file('bad.cf32.gz'), 'not gzip');
    expect(() => openAnyRecording(file('bad.cf32.gz'))).toThrow(/bad\.cf32\.gz: cannot be unpacked/);
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('blindlink-unpacked'))).toHaveLength(before);
  });

  it("skip macOS's ._ files, and are told apart by folder where names repeat", async () => {
    writeFileSync(file('apple.sigmf'), await archive(two));
    expect(count(file('apple.sigmf'))).toBe(10);
    const more: typeof two = [...two, ['y/a.sigmf-meta', metaText()], ['y/a.sigmf-data', bytesOf('ci16_le', 20)]];
    writeFileSync(file('same.sigmf'), await archive(more));
    expect(() => openAnyRecording(file('same.sigmf'))).toThrow(/2 recordings \(x\/a, y\/a\)/);
    expect(() => openAnyRecording(file('same.sigmf'), { member: 'a' })).toThrow(/choose one/);
    expect(count(file('same.sigmf'), { member: 'y/a' })).toBe(20);
  });
});

describe('metadata', () => {
  it('may begin with a byte-order mark', () => {
    writeFileSync(file('bom.sigmf-meta'), `\uFEFF${metaText()}`);
    writeFileSync(file('bom.sigmf-data'), bytesOf('ci16_le', 5));
    expect(openAnyRecording(file('bom')).numSamples).toBe(5);
  });

  it('may be UTF-16, as its byte-order mark says', () => {
    const little = Buffer.from(`\uFEFF${metaText()}`, 'utf16le');
    for (const [name, bytes] of [
      ['little', little],
      ['big', Buffer.from(little).swap16()],
    ] as const) {
      writeFileSync(file(`${name}.sigmf-meta`), bytes);
      writeFileSync(file(`${name}.sigmf-data`), bytesOf('ci16_le', 5));
      expect(openAnyRecording(file(name)).numSamples).toBe(5);
    }
  });

  it.each([
    ['2024-01-01T00:00:00Z', '2024-01-01T00:00:00Z'],
    ['2024-01-01 00:00:00', '2024-01-01T00:00:00Z'],
    ['20240101T000000Z', '2024-01-01T00:00:00Z'],
    ['2024-01-01T00:00Z', '2024-01-01T00:00:00Z'],
    ['2024-01-01T00:00:00,5Z', '2024-01-01T00:00:00.5Z'],
    ['2024-01-01T00:00:00z', '2024-01-01T00:00:00Z'],
    ['2024-01-01T00:00:00 UTC', '2024-01-01T00:00:00Z'],
    ['2024-01-01T00:00:00+01:00', '2023-12-31T23:00:00Z'],
    ['2024-01-01T00:00:00.123456789+0530', '2023-12-31T18:30:00.123456789Z'],
  ])('reads the date %s', (written, read) => {
    const captures = [{ 'core:sample_start': 0, 'core:datetime': written }];
    const text = JSON.stringify({ ...(JSON.parse(metaText()) as object), captures });
    expect(parseMetadata(text, 'x').captures[0]['core:datetime']).toBe(read);
  });

  it('names what is no date, and a ._ file of macOS', () => {
    const captures = [{ 'core:sample_start': 0, 'core:datetime': 'yesterday' }];
    const text = JSON.stringify({ ...(JSON.parse(metaText()) as object), captures });
    expect(() => parseMetadata(text, 'x')).toThrow(/x: captures 0 core:datetime "yesterday" is no date/);
    expect(() => parseMetadata('\0\u0005', 'a/._x.sigmf-meta')).toThrow(/a \._ file of macOS/);
  });

  it('of more header bytes than there are bytes is refused', () => {
    writeFileSync(file('head.sigmf-meta'), metaText({ 'core:trailing_bytes': 1e9 }));
    writeFileSync(file('head.sigmf-data'), bytesOf('ci16_le', 5));
    expect(() => openAnyRecording(file('head'))).toThrow(/has 20 bytes, fewer than the 1000000000/);
  });

  it('keeps every digit of whole numbers, and digits in texts, fractions and keys as they are', () => {
    const text =
      '{"a":9007199254740993,"b":[-12345678901234567890],"12345678901234567":1.2345678901234567,"c":"\\"99999999999999999999","d":1e30}';
    const value = parseExactJson(text) as Record<string, unknown>;
    expect(value['a']).toBe(9007199254740993n);
    expect(value['12345678901234567']).toBe(1.2345678901234567);
    expect(value['c']).toBe('"99999999999999999999');
    expect(parseExactJson(exactJson(value))).toEqual(value);
    expect(exactJson(value)).toContain('-12345678901234567890');
  });

  it.each([
    ['2024-01-01T00:00:00+00:00', '2024-01-01T00:00:00Z'],
    ['2024-01-01 01:30:00,123456789+0130', '2024-01-01T00:00:00.123456789Z'],
    ['2024-01-01T00:00', '2024-01-01T00:00:00Z'],
    ['20240101T120000Z', '2024-01-01T12:00:00Z'],
    ['2024-01-01', '2024-01-01T00:00:00Z'],
    ['2024-02-30T00:00:00Z', null],
    ['yesterday', null],
  ])('date %s', (text, expected) => {
    expect(sigmfDatetime(text)).toBe(expected);
  });

  it('a later sample has a later date, to the nanosecond', () => {
    expect(laterDatetime('2023-12-31T23:59:59.999Z', 2000, 1e6)).toBe('2024-01-01T00:00:00.001Z');
    expect(laterDatetime('2024-01-01T00:00:00.123456789Z', 18_000_000_001, 5e6)).toBe('2024-01-01T01:00:00.123456989Z');
  });
});

describe('samples that are no numbers', () => {
  it('are zero, and counted once', () => {
    const samples = Float32Array.from({ length: 40 }, (_, i) => i);
    samples[3] = NaN;
    samples[20] = Infinity;
    samples[21] = -Infinity;
    writeFileSync(file('nan.cf32'), new Uint8Array(samples.buffer));
    const closed: number[] = [];
    const recording = openAnyRecording(file('nan.cf32'), { onClose: ({ nonFinite }) => closed.push(nonFinite) });
    const first = recording.read(0, 20);
    expect([first.re[1], first.im[1], first.re[10], first.im[10], first.re[2]]).toEqual([0, 0, 0, 0, 4]);
    recording.read(0, 20);
    recording.close();
    expect(closed).toEqual([2]);
  });

  it('--swap-iq exchanges I and Q', () => {
    writeFileSync(file('swap.cf32'), new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer));
    const { re, im } = openAnyRecording(file('swap.cf32'), { swapIq: true }).read(0, 2);
    expect([...re, ...im]).toEqual([2, 4, 1, 3]);
  });
});
