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
    const done =
      suffix === undefined
        ? await toSigmf(recording, to, name, options, signal)
        : toRaw(recording, to, name, options, signal);
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
  /** A segment that begins with this piece. */
  readonly capture: SigmfCapture | null;
}

/** The wanted part in pieces that end where capture segments begin, scaled and resampled. */
function* pieces(
  recording: Recording,
  options: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Generator<Piece> {
  const start = options['start'] as number;
  const end = Math.min(recording.numSamples, start + ((options['count'] as number | undefined) ?? Infinity));
  const scale = options['scale'] as number | undefined;
  const toHz = options['resample'] as number | undefined;
  const resampler = toHz === undefined ? null : createRationalResampler(rateOf(recording), toHz);
  const channel = (options['inputChannel'] as number | undefined) ?? 0;
  const cuts = recording.captures.filter(
    (capture) => capture['core:sample_start'] > start && capture['core:sample_start'] < end,
  );
  const first = [...recording.captures].reverse().find((capture) => capture['core:sample_start'] <= start) ?? null;
  const edges = [start, ...cuts.map((capture) => capture['core:sample_start']), end];
  for (let i = 0; i + 1 < edges.length; i++) {
    let capture = i === 0 ? first : cuts[i - 1];
    for (const { samples } of blocksOf(recording, { start: edges[i], end: edges[i + 1], channel })) {
      if (signal.aborted) throw new AbortedError('the conversion');
      if (scale !== undefined) scaleInPlace(samples, scale);
      yield { samples: resampler?.execute(samples) ?? samples, capture };
      capture = null;
    }
  }
  if (resampler !== null) {
    const { delaySamples } = resampler;
    yield {
      samples: resampler.execute({ re: new Float32Array(delaySamples), im: new Float32Array(delaySamples) }),
      capture: null,
    };
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
  try {
    for (const { samples, capture } of pieces(recording, options, signal)) {
      if (capture !== null) {
        const {
          'core:sample_start': at,
          'core:header_bytes': _header,
          'core:global_index': index,
          ...fields
        } = capture;
        const missing = index === undefined ? null : index - at;
        if (missing !== null && before !== null && missing > before) {
          writer.markGap(Math.round((missing - before) * ratio), String(fields['blindlink:cause'] ?? 'device'));
        }
        before = missing ?? before;
        writer.segment(fields);
      }
      writer.write(samples);
    }
    const end = start + Math.round(writer.samplesWritten / ratio);
    for (const annotation of recording.annotations) {
      const from = annotation['core:sample_start'];
      const count = annotation['core:sample_count'];
      if (from >= end || from + (count ?? 1) <= start) continue;
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
    for (const path of [writer.metaPath, writer.dataPath]) rmSync(path, { force: true });
    throw error;
  }
  const done = { samples: writer.samplesWritten, clipped: writer.clippedComponents };
  if (!archive) return { path: writer.metaPath, ...done };
  for (const suffix of ['sigmf-meta', 'sigmf-data'])
    renameSync(`${base}.converting.${suffix}`, `${base}.${suffix}.part`);
  await packParts(base);
  return { path: to, ...done };
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

function toRaw(
  recording: Recording,
  to: string,
  datatype: string,
  options: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Done {
  if (existsSync(to) && options['overwrite'] !== true) {
    throw new ConfigError('recording.exists', `${to}: is there already; choose another name, or --overwrite`);
  }
  const type = parseDatatype(datatype);
  const file = openSync(`${to}.part`, 'w');
  let samples = 0;
  let clipped = 0;
  try {
    for (const piece of pieces(recording, options, signal)) {
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
