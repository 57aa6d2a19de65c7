import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { RawConfig } from '../config/load.js';
import type { LinkConfig } from '../config/schema.js';
import { ConfigError, LinkError } from '../core/errors.js';
import { receiveWhile, sendPictures, type SendTotals } from '../link/stream/exchange.js';
import { withModels } from '../link/setting/link-models.js';
import { refuseOwnFrames } from '../link/setting/baselines.js';
import { builtinReceivers } from '../link/setting/receivers.js';
import { openRadio, transmitRmsOf } from '../link/setting/radios.js';
import { versions } from '../link/results/run-folder.js';
import type { Radio } from '../radio/radio.js';
import { createSigmfWriter, type SigmfWriter } from '../recording/sigmf-writer.js';
import { writeArchive } from '../recording/archive.js';
import type { PictureSource } from '../source/picture-source.js';
import { decimal, whole } from './input-file.js';
import { interruptible } from './interrupt.js';
import { createProgress } from './progress.js';
import { addRadioFlags, describeLosses, noteLimited, noteProfile, radioRequest } from './radio-flags.js';
import { addSettings, openSource, settingsFrom } from './settings.js';
import { oneOf } from './sync.js';

export function addRecord(program: Command): void {
  const command = program
    .command('record')
    .description('Record what a radio receives as SigMF; with pictures, transmit them meanwhile.')
    .argument('<name>', 'recording to make: NAME.sigmf-meta and NAME.sigmf-data')
    .argument(
      '[pictures...]',
      'pictures to transmit at the same time: files, folders, builtin:photos, builtin:faces, builtin:natural',
    );
  addRadioFlags(addSettings(command), 'simulated')
    .option('--datatype <name>', 'cf32_le or ci16_le', 'cf32_le')
    .option('--duration <s>', 'stop after so many seconds of samples', decimal('--duration', 1e-6, 1e7))
    .option('--samples <n>', 'stop after so many samples', whole('--samples', 1))
    .option('--gap <n>', 'silence between frames, samples', whole('--gap', 0), 500)
    .option('--lead <n>', 'silence before the first frame, samples', whole('--lead', 0), 1000)
    .option(
      '--rms <amplitude>',
      'of a frame, of full scale; 0.2 by default but with simulated and gnuradio',
      decimal('--rms', 0, 1),
    )
    .option('--description <text>', 'core:description of the recording')
    .option('--archive', 'pack it into NAME.sigmf at the end')
    .option('--overwrite', 'replace a recording of that name')
    .option('--json', 'one JSON object at the end')
    .action(async (name: string, pictures: string[], options: Record<string, unknown>) => {
      await record(name, pictures, options);
    });
}

/** Settings of a link over the air: that profile, the receivers that need no truth, unless the user says otherwise. */
export function airConfig(
  options: Readonly<Record<string, unknown>>,
  pictures: readonly string[],
  base: RawConfig = {},
): LinkConfig {
  const usual: RawConfig = {
    ...base,
    // Noise on a radio's path has one power, whatever a frame's channel does.
    snrConvention: 'average',
    ofdm: { profile: 'ota', ...(base['ofdm'] as object | undefined) },
    receiver: { names: ['pilot', 'blind-em'], ...(base['receiver'] as object | undefined) },
    ...(typeof options['rate'] === 'number'
      ? { channel: { ...(base['channel'] as object | undefined), sampleRateHz: options['rate'] } }
      : {}),
  };
  const config = settingsFrom(options, pictures, usual);
  if (config.snrConvention !== 'average') {
    throw new ConfigError(
      'config.snrConvention',
      'snrConvention received: only simulated frames have an SNR of their own; over a radio it is an average: leave it out or say average',
    );
  }
  refuseOwnFrames(config, 'this command');
  const knowing = builtinReceivers.find(({ name, truth }) => truth && config.receiver.names.includes(name));
  if (knowing !== undefined) {
    throw new ConfigError(
      'config.receiver',
      `receiver ${knowing.name}: needs the true channel, which only 'simulate' knows`,
    );
  }
  return config;
}

async function record(base: string, pictures: readonly string[], options: Record<string, unknown>): Promise<void> {
  const name = base.replace(/\.sigmf(-meta|-data)?$/, '');
  const datatype = oneOf('--datatype', options['datatype'] as string, ['cf32_le', 'ci16_le']);
  const sends = pictures.length > 0;
  if (options['archive'] === true && existsSync(`${name}.sigmf`) && options['overwrite'] !== true) {
    throw new ConfigError('recording.exists', `${name}.sigmf: is there already; choose another name, or --overwrite`);
  }
  const config = airConfig(options, pictures);
  if (options['printConfig'] === true) {
    console.log(JSON.stringify(config, null, 2));
    return;
  }
  const source = sends ? openSource(config) : null;
  const { signal, release } = interruptible();
  let radio: Radio | null = null;
  let writer: SigmfWriter | null = null;
  const close = (): void => void radio?.close();
  try {
    const request = radioRequest(options, sends ? 'duplex' : 'rx');
    noteProfile(request, config);
    radio = await openRadio(request, config, signal);
    signal.addEventListener('abort', close);
    const rx = radio.rx!;
    writer = createSigmfWriter(name, {
      datatype,
      sampleRateHz: rx.sampleRateHz,
      centerFrequencyHz: rx.centerFrequencyHz === 0 ? undefined : rx.centerFrequencyHz,
      gainDb: rx.gainDb ?? undefined,
      datetime: new Date(),
      overwrite: options['overwrite'] === true,
      global: {
        'core:recorder': `blindlink ${String(versions()['blindlink'])}`,
        'core:hw': rx.device,
        ...(typeof options['description'] === 'string' ? { 'core:description': options['description'] } : {}),
        'blindlink:source': radio.name,
        ...(sends ? { 'blindlink:link': config } : {}),
      },
    });
    const { listed, samples } = await run(radio, writer, config, source, options, signal);
    writer.setGlobal({ 'blindlink:counters': radio.counters() });
    writer.finish();
    const made = writer;
    writer = null;
    const archive = options['archive'] === true ? await writeArchive(name) : null;
    const counters = radio.counters();
    const losses = describeLosses(counters);
    const interrupted = signal.aborted;
    if (options['json'] === true) {
      const files = { meta: made.metaPath, data: made.dataPath, ...(archive === null ? {} : { archive }) };
      console.log(
        JSON.stringify({
          type: 'summary',
          ...files,
          samples: made.samplesWritten,
          framesSent: listed.length,
          samplesSent: samples,
          interrupted,
          rx,
          tx: radio.tx,
          counters,
        }),
      );
    } else {
      console.log(
        `${made.metaPath}: ${made.samplesWritten} samples (${(made.samplesWritten / rx.sampleRateHz).toFixed(3)} s at ${rx.sampleRateHz} S/s)` +
          `${sends ? `, ${listed.length} frame(s) sent` : ''}${losses === '' ? '' : `; ${losses}`}`,
      );
    }
    if (made.clippedComponents > 0)
      console.error(`note: ${made.clippedComponents} values were clipped; lower --rx-gain or record cf32_le`);
    if (losses !== '' && options['json'] !== true)
      console.error('note: each gap is a capture segment with core:global_index');
    if (interrupted) {
      console.error('blindlink: interrupted; the recording is complete up to here');
      process.exitCode = 130;
    }
  } finally {
    signal.removeEventListener('abort', close);
    // After a failure: what came is kept, and readable; what it was to replace is kept too.
    const kept = writer?.abandon() ?? null;
    if (kept !== null) console.error(`note: what was received is kept: ${kept}`);
    await radio?.close();
    release();
  }
}

/** A frame as the recording's metadata lists it. */
interface ListedFrame {
  readonly frame: number;
  readonly picture: string;
  readonly sample_start?: number;
}

interface Transmitted {
  readonly listed: readonly ListedFrame[];
  readonly samples: number;
}

/** Transmits and records until there is enough. */
async function run(
  radio: Radio,
  writer: SigmfWriter,
  config: LinkConfig,
  source: PictureSource | null,
  options: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<Transmitted> {
  const rateHz = radio.rx!.sampleRateHz;
  const seconds = options['duration'] as number | undefined;
  const limit =
    (options['samples'] as number | undefined) ?? (seconds === undefined ? Infinity : Math.round(seconds * rateHz));
  if (source === null && limit === Infinity && process.stdin.isTTY) {
    console.error('recording until Ctrl-C; --duration or --samples end it by themselves');
  }
  const listed: ListedFrame[] = [];
  let samples = 0;
  const send = (from: PictureSource): Promise<SendTotals> =>
    withModels(config, [], ({ codec }) =>
      sendPictures(radio, config, codec, from.pictures(), {
        leadSamples: options['lead'] as number,
        tailSamples: 1000,
        gapSamples: options['gap'] as number,
        rms: (options['rms'] as number | undefined) ?? transmitRmsOf(options['radio'] as string),
        signal,
        onSent({ frame, picture, sampleStart, sampleCount }) {
          samples = sampleStart + sampleCount;
          // A real radio's two directions do not start together: times cannot be compared.
          const start = radio.policy === 'drop' ? {} : { sample_start: sampleStart };
          listed.push({ frame, picture: picture.name, ...start });
          // At once, so that a recording that ends early says what is in it.
          writer.setGlobal({
            'blindlink:frame_samples': sampleCount,
            'blindlink:picture_size': [picture.width, picture.height],
            'blindlink:sent': listed,
          });
        },
      }),
    );
  const progress = createProgress(
    'samples',
    Number.isFinite(limit) ? limit : 0,
    process.stderr.isTTY && Number.isFinite(limit),
  );
  let limited = 0;
  try {
    const sending =
      source === null
        ? null
        : (): Promise<SendTotals> =>
            send(source).then((totals) => {
              ({ limited, samples } = totals);
              return totals;
            });
    for await (const block of receiveWhile(radio, sending, rateHz)) {
      if (block.dropped > 0) writer.markGap(block.dropped, block.cause ?? 'device');
      const room = limit - writer.samplesWritten;
      const { re, im } = block.samples;
      writer.write(room < re.length ? { re: re.subarray(0, room), im: im.subarray(0, room) } : block.samples);
      progress.update(writer.samplesWritten);
      if (writer.samplesWritten >= limit) break;
    }
  } catch (error) {
    // Ctrl-C closes the radio, which ends both directions: what came is kept.
    if (!(signal.aborted && error instanceof LinkError)) throw error;
  } finally {
    progress.stop();
  }
  noteLimited(limited);
  return { listed, samples };
}
