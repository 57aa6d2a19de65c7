import type { Command } from 'commander';
import { AbortedError, DeviceError } from '../core/errors.js';
import { createEmission, prepared } from '../link/stream/emission.js';
import { withModels } from '../link/setting/link-models.js';
import { openRadio } from '../link/setting/open-radio.js';
import { openPictures } from '../source/picture-source.js';
import { decimal, whole } from './input-file.js';
import { interruptible } from './interrupt.js';
import { createProgress } from './progress.js';
import { addRadioFlags, describeLosses, noteProfile, radioRequest, withoutChannel } from './radio-flags.js';
import { airConfig } from './record.js';
import { addSettings } from './settings.js';

export function addTransmit(program: Command): void {
  const command = program
    .command('transmit')
    .description('Transmit pictures with a radio.')
    .argument('[pictures...]', 'picture files, folders, builtin:faces or builtin:natural');
  addRadioFlags(addSettings(command, { without: withoutChannel }), 'usrp')
    .option('--gap <n>', 'silence between frames, samples', whole('--gap', 0), 500)
    .option('--lead <n>', 'silence before the first frame, samples', whole('--lead', 0), 10_000)
    .option('--rms <amplitude>', 'of a frame, of full scale', decimal('--rms', 0, 1), 0.2)
    .option('--json', 'one JSON object at the end')
    .action(async (pictures: string[], options: Record<string, unknown>) => {
      await transmit(pictures, options);
    });
}

async function transmit(pictures: readonly string[], options: Record<string, unknown>): Promise<void> {
  const config = airConfig(options, pictures);
  if (options['printConfig'] === true) {
    console.log(JSON.stringify(config, null, 2));
    return;
  }
  const { maxPixels } = config.source;
  const source = openPictures(config.pictures, {
    maxPixels,
    ...(config.run.frames ? { frames: config.run.frames } : {}),
  });
  const { signal, release } = interruptible();
  const json = options['json'] === true;
  const progress = createProgress('frames', source.count, process.stderr.isTTY && !json);
  try {
    await withModels(config, async ({ codec }) => {
      const request = radioRequest(options, 'tx');
      noteProfile(request, config);
      const radio = await openRadio(request, config, signal);
      const close = (): void => void radio.close();
      signal.addEventListener('abort', close);
      let frames = 0;
      let interrupted = false;
      try {
        const emission = createEmission(config, codec, source.pictures(), {
          leadSamples: options['lead'] as number,
          tailSamples: 10_000,
          gapSamples: options['gap'] as number,
          rms: options['rms'] as number,
          signal,
        });
        for await (const part of prepared(emission)) {
          await radio.transmit(part.samples);
          if (part.sent !== null) progress.update(++frames);
        }
        await radio.endTransmission();
      } catch (error) {
        if (!signal.aborted || !(error instanceof AbortedError || error instanceof DeviceError)) throw error;
        interrupted = true;
      } finally {
        await radio.close();
      }
      progress.stop();
      const counters = radio.counters();
      if (json) {
        console.log(JSON.stringify({ type: 'summary', frames, interrupted, tx: radio.tx, counters }));
      } else {
        const { tx } = radio;
        const losses = describeLosses(counters);
        console.log(
          `${frames} frame(s), ${counters.sent} samples sent${tx === null ? '' : ` at ${tx.sampleRateHz} S/s, ${tx.centerFrequencyHz / 1e6} MHz, gain ${tx.gainDb ?? '-'} dB (${tx.device})`}` +
            `${losses === '' ? '' : `; ${losses}`}`,
        );
      }
      if (interrupted) {
        console.error(`blindlink: interrupted after ${frames} of ${source.count} frames`);
        process.exitCode = 130;
      }
    });
  } finally {
    progress.stop();
    release();
  }
}
