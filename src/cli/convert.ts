import { closeSync, existsSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import type { Command } from 'commander';
import { scaleInPlace } from '../core/complex.js';
import { AbortedError, ConfigError } from '../core/errors.js';
import { createRationalResampler } from '../dsp/rational-resampler.js';
import { writeArchive } from '../recording/archive.js';
import { encodeSamples, parseDatatype } from '../recording/datatype.js';
import type { SigmfCapture } from '../recording/metadata.js';
import { blocksOf, type Recording } from '../recording/recording.js';
import { createSigmfWriter } from '../recording/sigmf-writer.js';
import { addInputFlags, decimal, openInput, rate, rateOf, whole } from './input-file.js';
import { interruptible } from './interrupt.js';

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
    .option('--scale <factor>', 'multiply samples by it', decimal('--scale'))
    .option('--resample <Hz>', 'to this sampling rate', rate)
    .option('--overwrite', 'replace what is there')
    .action(async (from: string, to: string, options: Record<string, unknown>) => {
      await convert(from, to, options);
    });
}

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
    if (!datatype.complex)
      throw new ConfigError('config.convert', `--to-datatype ${name}: must be complex, e.g. ci16_le`);
    if (name === recording.datatype.name && /^c(i32|u32|f64)/.test(name)) {
      console.error(`note: values pass through float32 on their way; ${name} keeps more digits than that`);
    }
    const done =
      suffix === undefined
        ? await toSigmf(recording, to, name, options, signal)
        : await toRaw(recording, to, name, options, signal);
    console.log(`${done.path}: ${done.samples} samples, ${name}`);
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
}

interface Piece {
  readonly samples: ReturnType<Recording['read']>;
  /** A segment that begins with this piece, and its first sample in the old file. */
  readonly capture: SigmfCapture | null;
  readonly at: number;
}

/** The wanted part in pieces that end where capture segments begin, scaled and resampled. */
async function* pieces(
  recording: Recording,
  options: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): AsyncGenerator<Piece> {
  const start = options['start'] as number;
  const end = Math.min(recording.numSamples, start + ((options['count'] as number | undefined) ?? Infinity));
  const scale = options['scale'] as number | undefined;
  const toHz = options['resample'] as number | undefined;
  const resampler = toHz === undefined ? null : createRationalResampler(rateOf(recording), toHz);
  const channel = (options['inputChannel'] as number | undefined) ?? 0;
  const cuts = recording.captures.filter(
    (capture) => capture['core:sample_start'] > start && capture['core:sample_start'] < end,
  );
  const first = recording.captures.findLast((capture) => capture['core:sample_start'] <= start) ?? null;
  const edges = [start, ...cuts.map((capture) => capture['core:sample_start']), end];
  let turn = performance.now();
  for (let i = 0; i + 1 < edges.length; i++) {
    let capture = i === 0 ? first : cuts[i - 1];
    for (const { samples } of blocksOf(recording, { start: edges[i], end: edges[i + 1], channel })) {
      // Signals are heard between turns of the event loop.
      if (performance.now() - turn > 50) {
        await new Promise<void>((next) => setImmediate(next));
        turn = performance.now();
      }
      if (signal.aborted) throw new AbortedError('the conversion');
      if (scale !== undefined) scaleInPlace(samples, scale);
      yield { samples: resampler?.execute(samples) ?? samples, capture, at: edges[i] };
      capture = null;
    }
  }
  if (resampler !== null) {
    const { delaySamples } = resampler;
    const tail = { re: new Float32Array(delaySamples), im: new Float32Array(delaySamples) };
    yield { samples: resampler.execute(tail), capture: null, at: end };
  }
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
  const ratio = toHz / fromHz;
  const start = options['start'] as number;
  const { global } = recording.metadata;
  const frameSamples = global['blindlink:frame_samples'] as number | undefined;
  // What described the old file's bytes does not describe the new one's.
  const {
    'core:sha512': _sha,
    'core:dataset': _set,
    'core:trailing_bytes': _tail,
    'core:offset': _offset,
    'core:num_channels': _n,
    ...kept
  } = global;
  const writer = createSigmfWriter(archive ? `${base}.converting` : base, {
    datatype,
    sampleRateHz: toHz,
    overwrite: options['overwrite'] === true || archive,
    global: {
      ...kept,
      'core:datatype': datatype,
      'core:sample_rate': toHz,
      ...shiftedSent(global['blindlink:sent'], start, ratio),
      ...(frameSamples === undefined ? {} : { 'blindlink:frame_samples': Math.round(frameSamples * ratio) }),
    },
  });
  /** Samples missing up to the segment before. */
  let before: number | null = null;
  // A resampler's output comes late: a segment waits until its own first sample is written.
  const waiting: { readonly target: number; readonly capture: SigmfCapture }[] = [];
  const begin = (capture: SigmfCapture, target: number): void => {
    const { 'core:sample_start': at, 'core:header_bytes': _header, 'core:global_index': index, ...fields } = capture;
    const missing = index === undefined ? null : index - at;
    if (missing !== null && before !== null && missing > before) {
      writer.markGap(Math.round((missing - before) * ratio), String(fields['blindlink:cause'] ?? 'device'));
    }
    before = missing ?? before;
    // A part's first sample was taken later than the whole's.
    const late = target === 0 ? Math.max(0, start - at) : 0;
    writer.segment(late === 0 ? fields : { ...fields, ...laterBy(fields['core:datetime'], late / fromHz) });
  };
  const write = ({ re, im }: Piece['samples']): void => {
    let done = 0;
    while (waiting.length > 0 && waiting[0].target <= writer.samplesWritten + (re.length - done)) {
      const { target, capture } = waiting.shift()!;
      const split = done + Math.max(0, target - writer.samplesWritten);
      writer.write({ re: re.subarray(done, split), im: im.subarray(done, split) });
      done = split;
      begin(capture, target);
    }
    if (done < re.length) writer.write({ re: re.subarray(done), im: im.subarray(done) });
  };
  try {
    for await (const { samples, capture, at } of pieces(recording, options, signal)) {
      if (capture !== null) waiting.push({ target: Math.round((at - start) * ratio), capture });
      write(samples);
    }
    const end = start + Math.round(writer.samplesWritten / ratio);
    for (const annotation of recording.annotations) {
      const from = annotation['core:sample_start'];
      const count = annotation['core:sample_count'];
      // Without a count an annotation holds from its start on.
      if (from >= end || (count !== undefined && from + count <= start)) continue;
      const first = Math.max(from, start);
      const last = Math.min(from + (count ?? 0), end);
      writer.annotate({
        ...annotation,
        'core:sample_start': Math.round((first - start) * ratio),
        ...(count === undefined ? {} : { 'core:sample_count': Math.max(1, Math.round((last - first) * ratio)) }),
      });
    }
    writer.finish();
  } catch (error) {
    writer.discard();
    throw error;
  }
  const done = { samples: writer.samplesWritten, clipped: writer.clippedComponents };
  if (!archive) return { path: writer.metaPath, ...done };
  for (const suffix of ['sigmf-meta', 'sigmf-data'])
    renameSync(`${base}.converting.${suffix}`, `${base}.${suffix}.part`);
  await packParts(base);
  return { path: to, ...done };
}

/** `core:datetime` so many seconds later, to the nanosecond where it has such digits; nothing where it is not a time. */
function laterBy(datetime: unknown, seconds: number): { 'core:datetime'?: string } {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?Z$/.exec(String(datetime));
  const whole = match === null ? Number.NaN : Date.parse(`${match[1]}Z`);
  if (match === null || Number.isNaN(whole)) return {};
  const digits = Math.max(3, match[2]?.length ?? 0, 6);
  const nanoseconds = BigInt((match[2] ?? '').padEnd(9, '0')) + BigInt(Math.round(seconds * 1e9));
  const date = new Date(whole + 1000 * Number(nanoseconds / 1_000_000_000n)).toISOString().slice(0, 19);
  return {
    'core:datetime': `${date}.${String(nanoseconds % 1_000_000_000n)
      .padStart(9, '0')
      .slice(0, digits)}Z`,
  };
}

/** An archive alone: its two members are made beside it, packed, and removed. */
async function packParts(base: string): Promise<void> {
  const suffixes = ['sigmf-meta', 'sigmf-data'] as const;
  const mine = suffixes.filter((suffix) => !existsSync(`${base}.${suffix}`));
  if (mine.length < suffixes.length) {
    for (const suffix of suffixes) rmSync(`${base}.${suffix}.part`, { force: true });
    throw new ConfigError(
      'recording.exists',
      `${base}.sigmf-meta: is there already; an archive of that name would shadow it`,
    );
  }
  for (const suffix of suffixes) renameSync(`${base}.${suffix}.part`, `${base}.${suffix}`);
  try {
    await writeArchive(base);
  } finally {
    for (const suffix of suffixes) rmSync(`${base}.${suffix}`, { force: true });
  }
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
  const type = parseDatatype(datatype);
  const file = openSync(`${to}.part`, 'w');
  let samples = 0;
  let clipped = 0;
  try {
    for await (const piece of pieces(recording, options, signal)) {
      const encoded = encodeSamples(type, piece.samples);
      for (let at = 0; at < encoded.bytes.length;) at += writeSync(file, encoded.bytes, at);
      samples += piece.samples.re.length;
      clipped += encoded.clipped;
    }
  } catch (error) {
    rmSync(`${to}.part`, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
  renameSync(`${to}.part`, to);
  return { path: to, samples, clipped };
}
