import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { ConfigError } from '../core/errors.js';
import type { ReceptionOutcome } from '../link/stream/reception.js';
import { versions } from '../link/results/run-folder.js';
import { openReplay } from '../radio/replay/replay-radio.js';
import { ownMetadata } from '../recording/open-recording.js';
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
  if (file.endsWith('.sigmf')) {
    throw new ConfigError(
      'config.annotate',
      `${file}: is an archive; unpack it first with 'blindlink convert ${file} NAME'`,
    );
  }
  const found = options['searchOnly'] === true ? await searchOnly(file, options) : await decode(file, options);
  const { recording, annotations, interrupted } = found;
  if (interrupted) return;
  const { path, offset } = recording;
  // What is written is what the file says of itself: --rate, --freq and --datatype are how this run reads it.
  const metadata = ownMetadata(path) ?? recording.metadata;
  const others = metadata.annotations.filter(
    (annotation) => options['keep'] === true || !String(annotation['core:generator'] ?? '').startsWith(GENERATOR),
  );
  const mine = annotations.map((annotation) => ({
    ...annotation,
    'core:sample_start': annotation['core:sample_start'] + offset,
  }));
  const { base, dataset } = names(path);
  const extensions = (metadata.global['core:extensions'] ?? []).filter(({ name }) => name !== 'blindlink');
  const updated: SigmfMetadata = {
    ...metadata,
    global: {
      ...metadata.global,
      ...(dataset === null ? {} : { 'core:dataset': dataset }),
      'core:extensions': [...extensions, blindlinkExtension],
    },
    annotations: [...others, ...mine].sort((a, b) => a['core:sample_start'] - b['core:sample_start']),
  };
  writeMetadata(`${base}.sigmf-meta`, updated);
  console.log(
    `${base}.sigmf-meta: ${mine.length} annotation(s)${others.length > 0 ? ` beside ${others.length} of others` : ''}`,
  );
}

/** A field whose value is a number that JSON has; without it, nothing. */
const finite = (name: string, value: number): Record<string, number> =>
  Number.isFinite(value) ? { [name]: value } : {};

interface Found {
  readonly recording: Recording;
  readonly annotations: readonly SigmfAnnotation[];
  readonly interrupted: boolean;
}

const generator = (): string => `${GENERATOR} ${String(versions()['blindlink'])}`;

async function searchOnly(file: string, options: Record<string, unknown>): Promise<Found> {
  const recording = openInput(file, options);
  const { signal, release } = interruptible();
  const { frames } = await searchFrames(recording, options, signal).finally(() => {
    recording.close();
    release();
  });
  const annotations = frames.map((frame, i) => ({
    'core:sample_start': frame.startSample,
    'core:sample_count': frame.sampleCount,
    'core:label': frame.method === 'cp' ? 'OFDM' : 'frame',
    'core:generator': generator(),
    'blindlink:frame': i,
    'blindlink:method': frame.method,
    'blindlink:cfo_hz': frame.cfoHz,
    'blindlink:cfo_subcarriers': frame.cfoSubcarriers,
    ...finite('blindlink:snr_db', frame.snrDb),
    'blindlink:metric': Math.max(0, frame.metric),
  }));
  return { recording, annotations, interrupted: false };
}

async function decode(file: string, options: Record<string, unknown>): Promise<Found> {
  const { config, recording, size } = openLinkRecording(file, { ...options, save: false });
  const { signal, release } = interruptible();
  const radio = openReplay(recording, {
    sampleRateHz: config.channel.sampleRateHz,
    channel: (options['inputChannel'] as number | undefined) ?? 0,
  });
  const annotations: SigmfAnnotation[] = [];
  try {
    await receiveFrames({
      config,
      size,
      radio,
      sent: sentLogOf(recording, config),
      json: false,
      signal,
      frames: Infinity,
      use: (outcomes) => annotations.push(annotationOf(outcomes)),
    });
  } finally {
    await radio.close();
    release();
  }
  return { recording, annotations, interrupted: signal.aborted };
}

function annotationOf(outcomes: readonly ReceptionOutcome[]): SigmfAnnotation {
  const { frame, report } = outcomes[0];
  return {
    'core:sample_start': report.startSample,
    'core:sample_count': frame.sampleCount,
    'core:label': `frame ${frame.index}`,
    ...(report.picture === null ? {} : { 'core:comment': report.picture }),
    'core:generator': generator(),
    'blindlink:frame': frame.index,
    'blindlink:method': frame.method,
    'blindlink:cfo_hz': report.cfoHz,
    'blindlink:cfo_subcarriers': report.cfoSubcarriers,
    ...finite('blindlink:snr_db', report.snrDb),
    'blindlink:metric': Math.max(0, report.metric),
    'blindlink:receivers': Object.fromEntries(
      outcomes.map(({ report: { receiver, verdict, confidence, psnrDb } }) => [
        receiver,
        { verdict, confidence, psnr_db: psnrDb },
      ]),
    ),
  };
}

/** Where the metadata of a recording goes; a raw file becomes the dataset of metadata beside it. */
/** Where a recording's metadata is or goes, and the data file that it must name if that has another name than its own. */
function names(path: string): { base: string; dataset: string | null } {
  const base = path.replace(/\.sigmf-(meta|data)$/, '');
  return base === path && existsSync(path) ? { base, dataset: basename(path) } : { base, dataset: null };
}
