import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import type { RawConfig } from '../config/load.js';
import type { LinkConfig } from '../config/schema.js';
import { ConfigError, LinkError } from '../core/errors.js';
import { createEmission, prepared } from '../link/emission.js';
import { withModels } from '../link/link-models.js';
import { openRadio } from '../link/open-radio.js';
import type { SentPicture } from '../link/reception.js';
import { versions } from '../link/run-folder.js';
import type { Radio } from '../radio/radio.js';
import { createSigmfWriter, type SigmfWriter } from '../recording/sigmf-writer.js';
import { writeArchive } from '../recording/archive.js';
import { openPictures } from '../source/picture-source.js';
import { decimal, whole } from './input-file.js';
import { interruptible } from './interrupt.js';
import { createProgress } from './progress.js';
import { addRadioFlags, describeLosses, noteProfile, radioRequest } from './radio-flags.js';
import { addSettings, settingsFrom } from './settings.js';
import { oneOf } from './sync.js';

export function addRecord(program: Command): void {
  const command = program
    .command('record')
    .description('Record what a radio receives as SigMF; with pictures, transmit them meanwhile.')
    .argument('<name>', 'recording to make: NAME.sigmf-meta and NAME.sigmf-data')
    .argument('[pictures...]', 'pictures to transmit at the same time: files, folders, builtin:faces, builtin:natural');
  addRadioFlags(addSettings(command), 'simulated')
    .option('--datatype <name>', 'cf32_le or ci16_le', 'cf32_le')
    .option('--duration <s>', 'stop after so many seconds of samples', decimal('--duration', 0, 1e7))
    .option('--samples <n>', 'stop after so many samples', whole('--samples', 1))
    .option('--gap <n>', 'silence between frames, samples', whole('--gap', 0), 500)
    .option('--lead <n>', 'silence before the first frame, samples', whole('--lead', 0), 1000)
    .option('--rms <amplitude>', 'of a frame, of full scale; 0.2 with usrp', decimal('--rms', 0, 1))
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
    ofdm: { profile: 'ota', ...(base['ofdm'] as object | undefined) },
    receiver: { names: ['pilot', 'blind-em'], ...(base['receiver'] as object | undefined) },
    ...(typeof options['rate'] === 'number'
      ? { channel: { ...(base['channel'] as object | undefined), sampleRateHz: options['rate'] } }
      : {}),
  };
  const config = settingsFrom(options, pictures, usual);
  if (config.receiver.names.includes('perfect')) {
    throw new ConfigError('config.receiver', "receiver perfect: needs the true channel, which only 'simulate' knows");
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
  const source = sends
    ? openPictures(config.pictures, {
        maxPixels: config.source.maxPixels,
        ...(config.run.frames ? { frames: config.run.frames } : {}),
      })
    : null;
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
    const { sent, total } = await run(radio, writer, config, source, options, signal);
    writer.setGlobal({
      'blindlink:counters': radio.counters(),
      ...(sent.length > 0
        ? {
            'blindlink:picture_size': [sent[0].picture!.width, sent[0].picture!.height],
            'blindlink:sent': sent.map(({ frame, name: picture, sampleStart }) => ({
              frame,
              picture,
              ...(sampleStart === null ? {} : { sample_start: sampleStart }),
            })),
          }
        : {}),
    });
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
          framesSent: sent.length,
          samplesSent: total,
          interrupted,
          rx,
          tx: radio.tx,
          counters,
        }),
      );
    } else {
      console.log(
        `${made.metaPath}: ${made.samplesWritten} samples (${(made.samplesWritten / rx.sampleRateHz).toFixed(3)} s at ${rx.sampleRateHz} S/s)` +
          `${sends ? `, ${sent.length} frame(s) sent` : ''}${losses === '' ? '' : `; ${losses}`}`,
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

/** Transmits and records until there is enough. */
async function run(
  radio: Radio,
  writer: SigmfWriter,
  config: LinkConfig,
  source: ReturnType<typeof openPictures> | null,
  options: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<{ sent: SentPicture[]; total: number }> {
  const rateHz = radio.rx!.sampleRateHz;
  const seconds = options['duration'] as number | undefined;
  const limit =
    (options['samples'] as number | undefined) ?? (seconds === undefined ? Infinity : Math.round(seconds * rateHz));
  const isReal = radio.policy === 'drop';
  if (source === null && limit === Infinity && process.stdin.isTTY) {
    console.error('recording until Ctrl-C; --duration or --samples end it by themselves');
  }
  const sent: SentPicture[] = [];
  let total = 0;
  let transmitted = source === null;

  const sending = async (): Promise<void> => {
    if (source === null) return;
    await withModels(config, async ({ codec }) => {
      const emission = createEmission(config, codec, source.pictures(), {
        leadSamples: options['lead'] as number,
        tailSamples: 1000,
        gapSamples: options['gap'] as number,
        rms: (options['rms'] as number | undefined) ?? (isReal ? 0.2 : null),
        signal,
      });
      for await (const part of isReal ? prepared(emission) : emission) {
        if (signal.aborted) return;
        await radio.transmit(part.samples);
        total += part.samples.re.length;
        // A real radio's two directions do not start together: times cannot be compared.
        if (part.sent !== null) writer.setGlobal({ 'blindlink:frame_samples': part.samples.re.length });
        if (part.sent !== null) sent.push(isReal ? { ...part.sent, sampleStart: null } : part.sent);
      }
      await radio.endTransmission();
    });
    transmitted = true;
  };

  const progress = createProgress(
    'samples',
    Number.isFinite(limit) ? limit : 0,
    process.stderr.isTTY && Number.isFinite(limit),
  );
  const receiving = async (): Promise<void> => {
    for await (const block of radio.receive()) {
      if (block.dropped > 0) writer.markGap(block.dropped, block.cause ?? 'device');
      const room = limit - writer.samplesWritten;
      const { re, im } = block.samples;
      writer.write(room < re.length ? { re: re.subarray(0, room), im: im.subarray(0, room) } : block.samples);
      progress.update(writer.samplesWritten);
      if (writer.samplesWritten >= limit) return;
      // What was sent is through, and a second more: nothing of it can still be on its way.
      if (isReal && source !== null && limit === Infinity && transmitted && writer.samplesWritten >= total + rateHz)
        return;
    }
  };
  try {
    const both = [sending(), receiving()];
    try {
      await Promise.all(both);
    } catch (error) {
      if (signal.aborted && error instanceof LinkError) return { sent, total };
      await radio.close();
      await Promise.allSettled(both);
      throw error;
    }
  } finally {
    progress.stop();
  }
  return { sent, total };
}
