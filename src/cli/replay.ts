import type { Command } from 'commander';
import { type RawConfig, resolveConfig } from '../config/load.js';
import { ConfigError } from '../core/errors.js';
import { findByPreamble } from '../link/stream/find-frames.js';
import { gridOf } from '../link/setting/link-setting.js';
import type { PictureSize } from '../link/stream/reception.js';
import { sentLogOf } from '../link/stream/sent-in-recording.js';
import { openReplay, sectionsByAnnotation } from '../radio/replay/replay-radio.js';
import type { Recording } from '../recording/recording.js';
import { addInputFlags, openInput, rateOf, whole } from './input-file.js';
import { interruptible } from './interrupt.js';
import { pictureSize, withoutChannel } from './radio-flags.js';
import { receiveFrames } from './receive-frames.js';
import { airConfig } from './record.js';
import { addSettings } from './settings.js';
import { explain, oneOf } from './sync.js';

export function addReplay(program: Command): void {
  const command = program
    .command('replay')
    .description('Play a recording to one or more receivers, side by side on the same samples.')
    .argument('<file>', 'SigMF recording (any of its files, or an archive) or raw samples');
  addInputFlags(addSettings(command, { without: withoutChannel }))
    .option('--size <WxH>', 'size of the pictures, where the recording does not tell', pictureSize)
    .option('--pace <name>', 'fast, or real-time', 'fast')
    .option('--loop <n>', 'play it so many times', whole('--loop', 1), 1)
    .option('--section <name>', 'only what the annotations of this label, or number, cover')
    .option('--json', 'one JSON object a line on standard output, nothing else')
    .action(async (file: string, options: Record<string, unknown>) => {
      await replay(file, options);
    });
}

async function replay(file: string, options: Record<string, unknown>): Promise<void> {
  const pace = oneOf('--pace', options['pace'] as string, ['fast', 'real-time']);
  const { config, recording, size } = openLinkRecording(file, options);
  if (options['printConfig'] === true) {
    recording.close();
    console.log(JSON.stringify(config, null, 2));
    return;
  }
  const { signal, release } = interruptible();
  const section = options['section'] as string | undefined;
  const radio = openReplay(recording, {
    sampleRateHz: config.channel.sampleRateHz,
    channel: (options['inputChannel'] as number | undefined) ?? 0,
    pace,
    loops: options['loop'] as number,
    ...(section === undefined ? {} : { sections: sectionsByAnnotation(recording, section) }),
  });
  const close = (): void => void radio.close();
  signal.addEventListener('abort', close);
  try {
    // Times of what was sent hold for the recording played once, from its start.
    const timed = section === undefined && options['loop'] === 1;
    const sent = sentLogOf(recording, config, {
      timed,
      onMissing: (reason) => {
        console.error(`note: what was sent cannot be read (${reason}); no PSNR`);
      },
    });
    await receiveFrames({
      config,
      size,
      radio,
      sent,
      json: options['json'] === true,
      signal,
      frames: config.run.frames ?? Infinity,
      explain: async () => {
        const channel = (options['inputChannel'] as number | undefined) ?? 0;
        const how = { sampleRateHz: config.channel.sampleRateHz, channel, resampleHz: null, signal };
        const grid = gridOf(config);
        if (grid.config.preamble === 'none') return 'no frame found';
        const again = { repetition: false, frameSamples: grid.preambleLength };
        return explain((await findByPreamble(recording, grid, how, again)).diagnosis);
      },
    });
  } finally {
    await radio.close();
    release();
  }
}

/** A recording with the link's settings that it carries, the user's on top. */
export function openLinkRecording(
  file: string,
  options: Record<string, unknown>,
): {
  config: ReturnType<typeof airConfig>;
  recording: Recording;
  size: PictureSize;
} {
  const recording = openInput(file, options);
  try {
    const { global } = recording.metadata;
    const carried = global['blindlink:link'] as RawConfig | undefined;
    const base = carried === undefined ? {} : baseOf(carried);
    try {
      resolveConfig(base);
    } catch (cause) {
      if (!(cause instanceof ConfigError)) throw cause;
      throw new ConfigError('recording.link', `${recording.path}: blindlink:link: ${cause.message}`, { cause });
    }
    const config = airConfig({ ...options, rate: rateOf(recording) }, [], base);
    if (typeof carried?.['codec'] === 'string' && carried['codec'] !== config.codec) {
      console.error(
        `note: ${file} was sent with codec ${carried['codec']}; ${config.codec} cannot make its pictures of it`,
      );
    }
    const carriedSize = global['blindlink:picture_size'] as [number, number] | undefined;
    const size = (options['size'] as PictureSize | undefined) ??
      (carriedSize === undefined ? null : { width: carriedSize[0], height: carriedSize[1] }) ?? {
        width: 64,
        height: 64,
      };
    return { config, recording, size };
  } catch (error) {
    recording.close();
    throw error;
  }
}

/** What a recording says of its link, without what concerns the run that made it. */
function baseOf(carried: RawConfig): RawConfig {
  const { run: _run, receiver, ...rest } = carried;
  const names = (receiver as { names?: string[] } | undefined)?.names?.filter((name) => name !== 'perfect');
  return { ...rest, receiver: { ...(receiver as object), ...(names?.length ? { names } : {}) } };
}
