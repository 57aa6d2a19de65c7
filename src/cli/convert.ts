import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import { type ComplexArray, createComplex, scaleInPlace, subarray } from '../core/complex.js';
import { AbortedError, ConfigError, FormatError, LinkError } from '../core/errors.js';
import { makeFolder } from '../core/make-folder.js';
import { createPause } from '../core/pause.js';
import { createRationalResampler } from '../dsp/rational-resampler.js';
import { writeArchive } from '../recording/archive.js';
import { laterDatetime } from '../recording/datetime.js';
import { encodeSamples, parseDatatype } from '../recording/datatype.js';
import type { SigmfAnnotation } from '../recording/metadata.js';
import { isSameFile } from '../recording/open-recording.js';
import type { Recording } from '../recording/recording.js';
import { createSigmfWriter } from '../recording/sigmf-writer.js';
import { addInputFlags, decimal, openInput, rate, rateOf, whole } from './input-file.js';
import { interruptible } from './interrupt.js';
import { createProgress } from './progress.js';

export function addConvert(program: Command): void {
  addInputFlags(
    program
      .command('convert')
      .description('Copy a recording into another form: SigMF, an archive or raw samples; any datatype.')
      .argument('<from>', 'SigMF recording, archive or raw samples')
      .argument('<to>', 'NAME or NAME.sigmf-meta (SigMF), NAME.sigmf (archive), or NAME.cf32, .ci16, .ci8, .cu8 (raw)'),
  )
    .option(
      '--to-datatype <name>',
      "of what is written: any complex SigMF datatype; by default what the name says, or the input's",
    )
    .option('--start <n>', 'first sample', whole('--start', 0), 0)
    .option('--count <n>', 'samples at most', whole('--count', 1))
    .option('--scale <factor>', 'multiply samples by it', decimal('--scale', Number.MIN_VALUE))
    .option('--resample <Hz>', 'to this sampling rate', rate)
    .option('--overwrite', 'replace what is there')
    .action(async (from: string, to: string, options: Record<string, unknown>) => {
      await convert(from, to, options);
    });
}

const BLOCK = 65_536;

const rawTypes: Readonly<Record<string, string>> = { cf32: 'cf32_le', ci16: 'ci16_le', ci8: 'ci8', cu8: 'cu8' };

async function convert(from: string, to: string, options: Record<string, unknown>): Promise<void> {
  const recording = openInput(from, options);
  const { signal, release } = interruptible();
  try {
    const suffix = /\.(cf32|ci16|ci8|cu8)$/.exec(to)?.[1];
    const own = recording.datatype.complex ? recording.datatype.name : `c${recording.datatype.name.slice(1)}`;
    const wanted = options['toDatatype'] as string | undefined;
    const name = wanted === undefined ? (suffix === undefined ? own : rawTypes[suffix]) : (rawTypes[wanted] ?? wanted);
    const datatype = parseDatatype(name);
    // A raw file's name is all that says what is in it.
    if (suffix !== undefined && parseDatatype(rawTypes[suffix]).name !== datatype.name) {
      throw new ConfigError(
        'config.convert',
        `--to-datatype ${name}: ${to} would be read as ${rawTypes[suffix]}; give it another name, or leave the flag out`,
      );
    }
    if ((options['start'] as number) >= recording.numSamples && recording.numSamples > 0) {
      throw new ConfigError(
        'config.convert',
        `--start ${String(options['start'])}: ${from} has ${recording.numSamples} samples`,
      );
    }
    if (!datatype.complex)
      throw new ConfigError('config.convert', `--to-datatype ${name}: must be complex, e.g. ci16_le`);
    const done = await (suffix === undefined ? toSigmf : toRaw)(recording, to, name, options, signal);
    console.log(`${done.path}: ${done.samples} samples, ${name}`);
    if (done.rounded) {
      console.error(`note: samples went through 32-bit floats: of ${recording.datatype.name}, 24 bits are kept`);
    }
    if (done.clipped > 0) console.error(`note: ${done.clipped} values were clipped at full scale; try --scale`);
  } finally {
    release();
    recording.close();
  }
}

interface Done {
  readonly path: string;
  readonly samples: number;
  readonly clipped: number;
  /** Whether digits beyond a 32-bit float's were lost. */
  readonly rounded: boolean;
}

interface Part {
  readonly start: number;
  readonly end: number;
  readonly ratio: number;
  readonly channel: number;
  /** Samples go from file to file byte for byte. */
  readonly verbatim: boolean;
}

/** The part of a recording that is wanted. */
function partOf(recording: Recording, datatype: string, options: Readonly<Record<string, unknown>>): Part {
  const start = options['start'] as number;
  const end = Math.min(recording.numSamples, start + ((options['count'] as number | undefined) ?? Infinity));
  const toHz = options['resample'] as number | undefined;
  const ratio = toHz === undefined ? 1 : toHz / rateOf(recording);
  const unchanged = options['scale'] === undefined && ratio === 1 && options['swapIq'] !== true;
  const sameType =
    JSON.stringify({ ...recording.datatype, name: '' }) === JSON.stringify({ ...parseDatatype(datatype), name: '' });
  const channel = (options['inputChannel'] as number | undefined) ?? 0;
  return { start, end, ratio, channel, verbatim: unchanged && sameType };
}

const isRounded = (recording: Recording, { verbatim }: Part): boolean =>
  !verbatim && ['f64', 'i32', 'u32'].includes(recording.datatype.kind);

/** The wanted part in blocks: bytes as they are, or samples, scaled and resampled, delay taken out. */
async function* blocks(
  recording: Recording,
  part: Part,
  options: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): AsyncGenerator<ComplexArray | Uint8Array> {
  const scale = options['scale'] as number | undefined;
  const { start, end, ratio, channel, verbatim } = part;
  const fromHz = ratio === 1 ? 1 : rateOf(recording);
  const resampler = ratio === 1 ? null : createRationalResampler(fromHz, options['resample'] as number);
  const progress = createProgress('samples', end - start);
  const pause = createPause();
  try {
    for (let at = start; at < end; at += BLOCK) {
      await pause();
      if (signal.aborted) throw new AbortedError('the conversion');
      const count = Math.min(BLOCK, end - at);
      if (verbatim) yield recording.readBytes(at, count, channel);
      else {
        const samples = recording.read(at, count, channel);
        if (scale !== undefined) scaleInPlace(samples, scale);
        yield resampler?.execute(samples) ?? samples;
      }
      progress.update(at + count - start);
    }
    if (resampler !== null) yield resampler.execute(createComplex(resampler.latencySamples));
  } finally {
    progress.stop();
  }
}

/** What a capture segment says, where it begins in the new recording. */
interface Segment {
  readonly at: number;
  readonly lost: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** The segments of the part. The first one's time and global index move to the part's first sample. */
function segmentsOf(recording: Recording, { start, end, ratio }: Part): { segments: Segment[]; globalIndex: bigint } {
  const { captures, sampleRateHz } = recording;
  const first = Math.max(
    0,
    captures.findLastIndex((capture) => capture['core:sample_start'] <= start),
  );
  const within = captures.slice(first).filter((capture, i) => i === 0 || capture['core:sample_start'] < end);
  let globalIndex: bigint | null = null;
  /** Samples missing up to the segment before. */
  let before: bigint | null = null;
  const segments = within.map((capture, i): Segment => {
    const {
      'core:sample_start': from,
      'core:header_bytes': _header,
      'core:global_index': index,
      'blindlink:lost_samples': _lost,
      ...fields
    } = capture;
    const missing = index === undefined ? null : BigInt(index) - BigInt(from);
    const lost = missing !== null && before !== null && missing > before ? Number(missing - before) : 0;
    if (missing !== null) {
      before = missing;
      globalIndex ??= missing + BigInt(start);
    }
    const skipped = start - from;
    const date = fields['core:datetime'];
    const later =
      i === 0 && skipped > 0 && date !== undefined
        ? // Without a rate nobody knows what time it was there.
          { 'core:datetime': sampleRateHz === null ? undefined : laterDatetime(date, skipped, sampleRateHz) }
        : {};
    return {
      at: Math.max(0, Math.round((from - start) * ratio)),
      lost: Math.round(lost * ratio),
      fields: { ...fields, ...later },
    };
  });
  const index = globalIndex ?? 0n;
  return { segments, globalIndex: ratio === 1 ? index : BigInt(Math.round(Number(index) * ratio)) };
}

async function toSigmf(
  recording: Recording,
  to: string,
  datatype: string,
  options: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<Done> {
  const archive = to.endsWith('.sigmf');
  const base = to.replace(/\.sigmf(-meta|-data)?$/, '');
  if (archive && existsSync(to) && options['overwrite'] !== true) {
    throw new ConfigError('recording.exists', `${to}: is there already; choose another name, or --overwrite`);
  }
  const fromHz = rateOf(recording);
  const toHz = (options['resample'] as number | undefined) ?? fromHz;
  const part = partOf(recording, datatype, options);
  const { start, ratio } = part;
  const { global } = recording.metadata;
  const frameSamples = global['blindlink:frame_samples'] as number | undefined;
  // What described the old file's bytes does not describe the new one's.
  const {
    'core:sha512': _sha,
    'core:dataset': _set,
    'core:trailing_bytes': _tail,
    'core:offset': _offset,
    'core:num_channels': _n,
    'core:metadata_only': _only,
    ...kept
  } = global;
  if (recording.numSamples === 0) {
    throw new ConfigError('convert.empty', `${recording.path}: holds no samples; there is nothing to convert`);
  }
  if (Math.round((frameSamples ?? Infinity) * ratio) < 1 || recording.numSamples * ratio < 1) {
    throw new ConfigError(
      'convert.rate',
      `--resample ${toHz}: leaves less than a sample; from ${fromHz} Hz choose more`,
      {
        value: toHz,
      },
    );
  }
  const { segments, globalIndex } = segmentsOf(recording, part);
  // An archive's two members are made beside it.
  const working = archive ? `${base}.packing-${process.pid}` : base;
  const writer = createSigmfWriter(working, {
    datatype,
    sampleRateHz: toHz,
    overwrite: options['overwrite'] === true,
    beside: true,
    globalIndex,
    global: {
      ...kept,
      'core:datatype': datatype,
      'core:sample_rate': toHz,
      ...shiftedSent(global['blindlink:sent'], start, ratio),
      ...(frameSamples === undefined ? {} : { 'blindlink:frame_samples': Math.round(frameSamples * ratio) }),
    },
  });
  try {
    let next = 0;
    const begin = (): void => {
      const { lost, fields } = segments[next++];
      if (lost > 0) writer.markGap(lost, String(fields['blindlink:cause'] ?? 'device'));
      writer.segment(fields);
    };
    while (next < segments.length && segments[next].at === 0) begin();
    for await (const block of blocks(recording, part, options, signal)) {
      const bytesPerSample = block instanceof Uint8Array ? recording.datatype.sampleBytes : 1;
      const length = block instanceof Uint8Array ? block.length / bytesPerSample : block.re.length;
      const origin = writer.samplesWritten;
      for (let done = 0; done < length;) {
        const end = Math.min(length, (segments[next]?.at ?? Infinity) - origin);
        if (block instanceof Uint8Array) writer.writeBytes(block.subarray(done * bytesPerSample, end * bytesPerSample));
        else writer.write(subarray(block, done, end));
        done = end;
        while (next < segments.length && segments[next].at === origin + done) begin();
      }
    }
    for (const annotation of recording.annotations) {
      const moved = movedAnnotation(annotation, part);
      if (moved !== null) writer.annotate(moved);
    }
    writer.finish();
  } catch (error) {
    writer.discard();
    throw error;
  }
  const done = {
    samples: writer.samplesWritten,
    clipped: writer.clippedComponents,
    rounded: isRounded(recording, part),
  };
  if (!archive) return { path: writer.metaPath, ...done };
  try {
    await writeArchive(base, working);
  } finally {
    for (const path of [writer.metaPath, writer.dataPath]) rmSync(path, { force: true });
  }
  return { path: to, ...done };
}

/** An annotation's place in the new recording, cut at its ends; null outside. Without a count it goes on to the end. */
function movedAnnotation(annotation: SigmfAnnotation, { start, end, ratio }: Part): SigmfAnnotation | null {
  const from = annotation['core:sample_start'];
  const count = annotation['core:sample_count'];
  if (from >= end || (count !== undefined && from + Math.max(1, count) <= start)) return null;
  const first = Math.max(from, start);
  const last = Math.min(from + (count ?? 0), end);
  return {
    ...annotation,
    'core:sample_start': Math.round((first - start) * ratio),
    ...(count === undefined ? {} : { 'core:sample_count': Math.max(1, Math.round((last - first) * ratio)) }),
  };
}

/** Frames' positions in the new file; those before its start cannot be told. */
function shiftedSent(sent: unknown, start: number, ratio: number): Record<string, unknown> {
  if (!Array.isArray(sent)) return {};
  return {
    'blindlink:sent': (sent as { sample_start?: number }[]).map((item) => {
      const { sample_start: at, ...rest } = item;
      return at === undefined || at < start ? rest : { ...rest, sample_start: Math.round((at - start) * ratio) };
    }),
  };
}

async function toRaw(
  recording: Recording,
  to: string,
  datatype: string,
  options: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<Done> {
  if (existsSync(to) && options['overwrite'] !== true) {
    throw new ConfigError('recording.exists', `${to}: is there already; choose another name, or --overwrite`);
  }
  if (recording.stored !== null && isSameFile(to, recording.dataPath)) {
    throw new ConfigError(
      'config.convert',
      `${to}: holds the samples that ${recording.stored.path} describes, which would no longer fit; choose another name`,
    );
  }
  const type = parseDatatype(datatype);
  const part = partOf(recording, datatype, options);
  const working = `${to}.part-${process.pid}`;
  let samples = 0;
  let clipped = 0;
  try {
    makeFolder(dirname(to));
    const file = openSync(working, 'w');
    try {
      for await (const block of blocks(recording, part, options, signal)) {
        const encoded = block instanceof Uint8Array ? { bytes: block, clipped: 0 } : encodeSamples(type, block);
        for (let at = 0; at < encoded.bytes.length;) at += writeSync(file, encoded.bytes, at);
        samples += encoded.bytes.length / type.sampleBytes;
        clipped += encoded.clipped;
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(working, to);
  } catch (cause) {
    rmSync(working, { force: true });
    if (cause instanceof LinkError) throw cause;
    throw new FormatError('recording.write', `${to}: cannot be written (${(cause as Error).message})`, { cause });
  }
  return { path: to, samples, clipped, rounded: isRounded(recording, part) };
}
