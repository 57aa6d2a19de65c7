import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readConfigFile, resolveConfig } from '../../src/config/load.js';
import { crc32 } from '../../src/core/zip.js';
import { LinkError } from '../../src/core/errors.js';
import { createRng } from '../../src/core/rng.js';
import { parseClientMessage } from '../../src/dashboard/commands.js';
import { decodeMessage, encodeMessage } from '../../src/dashboard/wire.js';
import { createGraphBuilder } from '../../src/graph/graph-builder.js';
import { readModel } from '../../src/onnx/read-model.js';
import { readArchive } from '../../src/recording/archive.js';
import { sigmfDatetime } from '../../src/recording/datetime.js';
import { describeName } from '../../src/recording/file-name.js';
import { parseMetadata } from '../../src/recording/open-recording.js';
import { readSdriq } from '../../src/recording/sdriq.js';
import { readWav } from '../../src/recording/wav.js';
import { mutate } from '../support/mutate.js';

/**
 * Damaged inputs, seeded, through every parser: each is read, or refused by a LinkError of one line. The long run, which
 * also says how long the slowest input took and how much memory was in use:
 *
 *   BLINDLINK_FUZZ=1000000 npx vitest run test/fuzz
 */
const COUNT = Number(process.env['BLINDLINK_FUZZ'] ?? 1000);
const isLong = COUNT > 10_000;
const folder = mkdtempSync(join(tmpdir(), 'blindlink-fuzz-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const scratch = join(folder, 'input');

const utf8 = (text: string): Uint8Array => Buffer.from(text);
const metadata = [
  utf8(
    JSON.stringify({
      global: {
        'core:datatype': 'ci16_le',
        'core:version': '1.2.0',
        'core:sample_rate': 1e6,
        'core:num_channels': 2,
        'core:extensions': [{ name: 'blindlink', version: '1.0.0', optional: true }],
      },
      captures: [
        { 'core:sample_start': 0, 'core:datetime': '2024-01-01T00:00:00+01:00', 'core:header_bytes': 4 },
        { 'core:sample_start': 100, 'core:global_index': 1, 'core:frequency': 1e9 },
      ],
      annotations: [{ 'core:sample_start': 1, 'core:sample_count': 5, 'core:label': 'a\\"b 12345678901234567890' }],
    }),
  ),
  utf8(
    '\uFEFF{"global":{"core:datatype":"cu8","core:version":"1.2.0","x":9007199254740993},"captures":[],"annotations":[]}',
  ),
];
const names = [
  'gqrx_20240101_120000_100000000_1800000_fc.raw',
  'g001_433.92M_250k.cu8',
  '2024-01-01_12-00-00_6000000SPS_137500000Hz.cs16',
  'a/b.cf32/x.ci16_le.20MSps.dat',
  'BBD_0001.C16',
].map(utf8);
const dates = ['2024-01-01T00:00:00.123456789Z', '2024-01-01 00:00:00,5 +01:00', '20240101T0000Z'].map(utf8);

function wav(): Uint8Array {
  const auxi = Buffer.alloc(64, 1);
  const format = Buffer.from('0100020040420f0000093d0004001000', 'hex');
  const chunk = (name: string, body: Buffer): Buffer => {
    const head = Buffer.alloc(8);
    head.write(name, 'latin1');
    head.writeUInt32LE(body.length, 4);
    return Buffer.concat([head, body]);
  };
  const ds64 = Buffer.alloc(28, 0);
  return Buffer.concat([
    Buffer.from('RF64\xff\xff\xff\xffWAVE', 'latin1'),
    chunk('ds64', ds64),
    chunk('fmt ', format),
    chunk('auxi', auxi),
    chunk('data', Buffer.alloc(32)),
  ]);
}

async function tar(): Promise<Uint8Array> {
  const archive = pack();
  archive.entry({ name: `${'deep/'.repeat(40)}x.sigmf-meta` }, Buffer.from(metadata[0]));
  archive.entry({ name: 'y/y.sigmf-data' }, Buffer.alloc(100));
  archive.finalize();
  const parts: Uint8Array[] = [];
  for await (const part of archive) parts.push(part as Uint8Array);
  return Buffer.concat(parts);
}

/** Makes each block's checksum right, so that what lies behind the check is reached. */
function withChecksums(bytes: Uint8Array): Uint8Array {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    if (Buffer.from(bytes.buffer, bytes.byteOffset + at + 257, 5).toString('latin1') !== 'ustar') continue;
    bytes.fill(32, at + 148, at + 156);
    const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    bytes.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `), at + 148);
  }
  return bytes;
}

const yaml = [
  utf8(
    'snrDb: 10\nofdm: {profile: ota, guardSubcarriers: &g [6, 5]}\nchannel:\n  taps: {kind: exponential, numTaps: 8, decay: 4}\nreceiver: {names: ["pilot"]}\n',
  ),
];
const commands = [
  { type: 'hello', protocol: 1, client: 'fuzz', maxRateHz: 10 },
  { type: 'set', id: 2, changes: { snrDb: 12, 'channel.taps': { kind: 'exponential', numTaps: 8, decay: 4 } } },
  { type: 'picture', id: 3, name: 'x.png', bytes: new Uint8Array(12) },
  { type: 'camera', width: 8, height: 8, rgb: new Uint8Array(192) },
].map((message) => encodeMessage(message));

/** SDRangel's header, and a few samples. */
function sdriq(): Uint8Array {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32LE(2_400_000, 0);
  bytes.writeBigUInt64LE(435_000_000n, 4);
  bytes.writeBigUInt64LE(1_767_323_045_678n, 12);
  bytes.writeUInt32LE(16, 20);
  return withHeaderSum(bytes);
}

/** Its checksum made right. */
function withHeaderSum(bytes: Uint8Array): Uint8Array {
  if (bytes.length >= 32) Buffer.from(bytes.buffer, bytes.byteOffset).writeUInt32LE(crc32(bytes.subarray(0, 28)), 28);
  return bytes;
}

/** A whole model, small enough that a change hits what matters. */
function model(): Uint8Array {
  const builder = createGraphBuilder('small');
  const x = builder.input('x', ['batch', 4]);
  const weights = builder.constant(
    Float32Array.from({ length: 16 }, (_, i) => i / 16),
    [4, 4],
  );
  builder.output('y', builder.node('Relu', [builder.node('MatMul', [x, weights])]), ['batch', 4]);
  return builder.build();
}

let archives: Uint8Array[] = [];
let models: Uint8Array[] = [];
beforeAll(async () => {
  archives = [await tar()];
  models = [model()];
});

const throughFile = (bytes: Uint8Array, use: (path: string) => unknown): void => {
  writeFileSync(scratch, bytes);
  use(scratch);
};
const asText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

const parsers: [string, () => readonly Uint8Array[], (bytes: Uint8Array) => void][] = [
  ['SigMF metadata', () => metadata, (bytes) => void parseMetadata(asText(bytes), 'x')],
  [
    'archives',
    () => archives,
    (bytes) => throughFile(withChecksums(bytes), (path) => readArchive(path).map((m) => m.name)),
  ],
  ['names of raw files', () => names, (bytes) => void describeName(asText(bytes))],
  ['dates', () => dates, (bytes) => void sigmfDatetime(asText(bytes))],
  ['WAV', () => [wav()], (bytes) => throughFile(bytes, readWav)],
  ['SDRangel files', () => [sdriq()], (bytes) => throughFile(withHeaderSum(bytes), readSdriq)],
  ['YAML settings', () => yaml, (bytes) => throughFile(bytes, (path) => resolveConfig(readConfigFile(path)))],
  ['ONNX', () => models, (bytes) => void readModel(bytes, 'x')],
  ['live messages', () => commands, (bytes) => void parseClientMessage(decodeMessage(bytes), bytes.length)],
];

describe('damaged inputs', () => {
  it.each(parsers)(
    '%s: read, or refused in one line',
    (name, seeds, parse) => {
      const rng = createRng(`fuzz ${name}`);
      const corpus = seeds();
      // Damage tells something only where the whole is accepted.
      for (const whole of corpus) expect(() => parse(Uint8Array.from(whole))).not.toThrow();
      let refused = 0;
      let slowest = 0;
      let most = 0;
      for (let i = 0; i < COUNT; i++) {
        const input = mutate(corpus, rng);
        const began = process.cpuUsage();
        try {
          parse(input);
        } catch (error) {
          if (!(error instanceof LinkError)) {
            throw new Error(`input ${i}: ${Buffer.from(input).toString('base64').slice(0, 4000)}`, { cause: error });
          }
          refused++;
        }
        // Time of this process's own: the machine may be busy with others.
        const { user, system } = process.cpuUsage(began);
        slowest = Math.max(slowest, (user + system) / 1000);
        if (i % 1000 === 0) most = Math.max(most, process.memoryUsage().rss);
      }
      if (isLong) {
        process.stdout.write(
          `${name}: ${COUNT} inputs, ${refused} refused, slowest ${slowest.toFixed(0)} ms, ${(most / 1e6).toFixed(0)} MB\n`,
        );
        expect(slowest).toBeLessThan(1000);
        expect(most).toBeLessThan(5e8);
      }
      expect(refused).toBeLessThanOrEqual(COUNT);
    },
    36_000_000,
  );
});
