import type { Command } from 'commander';
import { AbortedError, DeviceError } from '../core/errors.js';
import { sendPictures } from '../link/stream/exchange.js';
import { withModels } from '../link/setting/link-models.js';
import { openRadio, transmitRmsOf } from '../link/setting/radios.js';
import { decimal, whole } from './input-file.js';
import { interruptible } from './interrupt.js';
import { createProgress } from './progress.js';
import {
  addRadioFlags,
  describeLosses,
  noteLimited,
  noteProfile,
  radioRequest,
  withoutChannel,
} from './radio-flags.js';
import { airConfig } from './record.js';
import { addSettings, openSource } from './settings.js';

export function addTransmit(program: Command): void {
  const command = program
    .command('transmit')
    .description('Transmit pictures with a radio.')
    .argument('[pictures...]', 'picture files, folders, builtin:photos, builtin:faces or builtin:natural');
  addRadioFlags(addSettings(command, { without: withoutChannel }), 'usrp', ['tx'])
    .option('--gap <n>', 'silence between frames, samples', whole('--gap', 0), 500)
    .option('--lead <n>', 'silence before the first frame, samples', whole('--lead', 0), 10_000)
    .option('--rms <amplitude>', 'of a frame, of full scale; 0.2 by default', decimal('--rms', 0, 1))
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
  const source = openSource(config);
  const { signal, release } = interruptible();
  const json = options['json'] === true;
  const progress = createProgress('frames', source.count, process.stderr.isTTY && !json);
  try {
    await withModels(config, [], async ({ codec }) => {
      const request = radioRequest(options, 'tx');
      noteProfile(request, config);
      const radio = await openRadio(request, config, signal);
      const close = (): void => void radio.close();
      signal.addEventListener('abort', close);
      let frames = 0;
      let limited = 0;
      let interrupted = false;
      try {
        ({ limited } = await sendPictures(radio, config, codec, source.pictures(), {
          leadSamples: options['lead'] as number,
          tailSamples: 10_000,
          gapSamples: options['gap'] as number,
          rms: (options['rms'] as number | undefined) ?? transmitRmsOf(request.radio),
          signal,
          onSent: () => {
            progress.update(++frames);
          },
        }));
      } catch (error) {
        if (!signal.aborted || !(error instanceof AbortedError || error instanceof DeviceError)) throw error;
        interrupted = true;
      } finally {
        interrupted ||= signal.aborted;
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
      noteLimited(limited);
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
