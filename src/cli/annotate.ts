import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { ConfigError } from '../core/errors.js';
import type { FoundFrame } from '../link/stream/find-frames.js';
import type { ReceptionOutcome } from '../link/stream/reception.js';
import { versions } from '../link/results/run-folder.js';
import { gapsOf, openReplay, placeInFile } from '../radio/replay/replay-radio.js';
import { blindlinkExtension, type SigmfAnnotation, type SigmfMetadata } from '../recording/metadata.js';
import { writeMetadata } from '../recording/sigmf-writer.js';
import type { Recording } from '../recording/recording.js';
import { addInputFlags, openInput } from './input-file.js';
import { interruptible } from './interrupt.js';
import { pictureSize, withoutChannel } from './radio-flags.js';
import { receiveFrames } from './receive-frames.js';
import { sentLogOf } from '../link/stream/sent-in-recording.js';
import { openLinkRecording } from './replay.js';
import { addSettings } from './settings.js';
import { addSearchFlags, searchFrames } from './sync.js';

export function addAnnotate(program: Command): void {
  const command = program
    .command('annotate')
    .description('Write what is found in a recording into its SigMF metadata: an annotation for each frame.')
    .argument('<file>', 'SigMF recording, or raw samples (its metadata is then made)');
  addSearchFlags(addInputFlags(addSettings(command, { without: withoutChannel })))
    .option('--size <WxH>', 'size of the pictures, where the recording does not tell', pictureSize)
    .option('--search-only', 'find frames or symbols as sync does, without receivers: for signals that are not ours')
    .option('--keep', "keep blindlink's earlier annotations; they are replaced otherwise")
    .action(async (file: string, options: Record<string, unknown>) => {
      await annotate(file, options);
    });
}

const GENERATOR = 'blindlink';

async function annotate(file: string, options: Record<string, unknown>): Promise<void> {
  if (/\.(sigmf|gz|xz)$/i.test(file)) {
    throw new ConfigError(
      'config.annotate',
      `${file}: is ${file.endsWith('.sigmf') ? 'an archive' : 'packed'}; unpack it first with 'blindlink convert ${file} NAME'`,
    );
  }
  const found = options['searchOnly'] === true ? await searchOnly(file, options) : await decode(file, options);
  const { recording, annotations, interrupted } = found;
  const { offset } = recording;
  // As it is on disk now: what flags say of the file holds for this search alone.
  const { path, metadata } = target(recording);
  const searched = interrupted ? (annotations.at(-1)?.['core:sample_start'] ?? -1) + offset : Infinity;
  const others = metadata.annotations.filter(
    (annotation) =>
      options['keep'] === true ||
      !String(annotation['core:generator'] ?? '').startsWith(GENERATOR) ||
      annotation['core:sample_start'] > searched,
  );
  const mine = annotations.map((annotation) => ({
    ...finite(annotation),
    'core:sample_start': annotation['core:sample_start'] + offset,
  }));
  const extensions = (metadata.global['core:extensions'] ?? []).filter(({ name }) => name !== 'blindlink');
  const updated: SigmfMetadata = {
    ...metadata,
    global: { ...metadata.global, 'core:extensions': [...extensions, blindlinkExtension] },
    annotations: [...others, ...mine].sort((a, b) => a['core:sample_start'] - b['core:sample_start']),
  };
  writeMetadata(path, updated);
  console.log(
    `${path}: ${mine.length} annotation(s)${others.length > 0 ? ` beside ${others.length} earlier one(s)` : ''}`,
  );
  if (interrupted) {
    console.error('blindlink: interrupted; what was found up to here is kept');
    process.exitCode = 130;
  }
}

/** Figures that are no numbers (an SNR of −∞) are left out: JSON has no word for them. */
function finite(annotation: SigmfAnnotation): SigmfAnnotation {
  const entries = Object.entries(annotation).filter(([, value]) => typeof value !== 'number' || Number.isFinite(value));
  return Object.fromEntries(entries) as unknown as SigmfAnnotation;
}

/**
 * The metadata file to write and what it said before. What the user tells of a file fills what its metadata leaves open;
 * a file without any becomes the dataset of metadata beside it.
 *
 * @throws ConfigError if the place is taken by the metadata of another file
 */
function target({ path, stored, metadata, dataPath }: Recording): { path: string; metadata: SigmfMetadata } {
  if (stored !== null) {
    const { global, captures } = stored.metadata;
    const rate = metadata.global['core:sample_rate'];
    return {
      path: stored.path,
      metadata: {
        ...stored.metadata,
        global: { ...(rate === undefined ? {} : { 'core:sample_rate': rate }), ...global },
        captures: captures.map((capture, i) => {
          const frequency = metadata.captures[i]['core:frequency'];
          return { ...(frequency === undefined ? {} : { 'core:frequency': frequency }), ...capture };
        }),
      },
    };
  }
  const isData = path.endsWith('.sigmf-data');
  const place = isData ? path.replace(/-data$/, '-meta') : `${path}.sigmf-meta`;
  if (existsSync(place)) {
    throw new ConfigError('recording.exists', `${place}: describes other data than ${path}; rename one of them`);
  }
  const dataset = isData ? {} : { 'core:dataset': basename(dataPath) };
  return { path: place, metadata: { ...metadata, global: { ...metadata.global, ...dataset } } };
}

interface Found {
  readonly recording: Recording;
  readonly annotations: readonly SigmfAnnotation[];
  readonly interrupted: boolean;
}

const generator = (): string => `${GENERATOR} ${String(versions()['blindlink'])}`;

async function searchOnly(file: string, options: Record<string, unknown>): Promise<Found> {
  const recording = openInput(file, options);
  const { signal, release } = interruptible();
  let frames: readonly FoundFrame[];
  try {
    ({ frames } = await searchFrames(recording, options, signal));
  } finally {
    release();
    recording.close();
  }
  const annotations = frames.map((frame, i) => ({
    'core:sample_start': frame.startSample,
    'core:sample_count': frame.sampleCount,
    'core:label': frame.isTrainingField ? 'training field' : frame.method === 'cp' ? 'OFDM' : 'frame',
    'core:generator': generator(),
    'blindlink:frame': i,
    'blindlink:method': frame.method,
    'blindlink:cfo_hz': frame.cfoHz,
    'blindlink:cfo_subcarriers': frame.cfoSubcarriers,
    'blindlink:snr_db': frame.snrDb,
    'blindlink:metric': Math.max(0, frame.metric),
  }));
  return { recording, annotations, interrupted: signal.aborted };
}

async function decode(file: string, options: Record<string, unknown>): Promise<Found> {
  const { config, recording, size } = openLinkRecording(file, { ...options, save: false });
  const { signal, release } = interruptible();
  const radio = openReplay(recording, {
    sampleRateHz: config.channel.sampleRateHz,
    channel: (options['inputChannel'] as number | undefined) ?? 0,
  });
  const close = (): void => void radio.close();
  signal.addEventListener('abort', close);
  const annotations: SigmfAnnotation[] = [];
  const gaps = gapsOf(recording);
  try {
    await receiveFrames({
      config,
      size,
      radio,
      sent: sentLogOf(recording, config),
      json: false,
      signal,
      frames: Infinity,
      use: (outcomes) => annotations.push(annotationOf(outcomes, gaps)),
    });
  } finally {
    await radio.close();
    release();
  }
  return { recording, annotations, interrupted: signal.aborted };
}

function annotationOf(outcomes: readonly ReceptionOutcome[], gaps: ReturnType<typeof gapsOf>): SigmfAnnotation {
  const { frame, report } = outcomes[0];
  return {
    // Radios count what they lost, files do not hold it.
    'core:sample_start': placeInFile(gaps, report.startSample),
    'core:sample_count': frame.sampleCount,
    'core:label': `frame ${frame.index}`,
    ...(report.picture === null ? {} : { 'core:comment': report.picture }),
    'core:generator': generator(),
    'blindlink:frame': frame.index,
    'blindlink:method': frame.method,
    'blindlink:cfo_hz': report.cfoHz,
    'blindlink:cfo_subcarriers': report.cfoSubcarriers,
    'blindlink:snr_db': report.snrDb,
    'blindlink:metric': Math.max(0, report.metric),
    'blindlink:receivers': Object.fromEntries(
      outcomes.map(({ report: { receiver, verdict, confidence, psnrDb } }) => [
        receiver,
        { verdict, confidence, psnr_db: psnrDb },
      ]),
    ),
  };
}
