import type { Command } from 'commander';
import { openRadio } from '../link/setting/radios.js';
import type { PictureSize } from '../link/stream/reception.js';
import { createSentLog } from '../link/stream/sent-log.js';
import { decimal } from './input-file.js';
import { interruptible } from './interrupt.js';
import { addRadioFlags, noteProfile, pictureSize, radioRequest, withoutChannel } from './radio-flags.js';
import { receiveFrames } from './receive-frames.js';
import { airConfig } from './record.js';
import { addSettings } from './settings.js';

export function addReceive(program: Command): void {
  const command = program.command('receive').description('Receive pictures from a radio.');
  addRadioFlags(addSettings(command, { without: withoutChannel }), 'usrp', ['rx'])
    .option('--size <WxH>', 'size of the pictures', pictureSize, { width: 64, height: 64 })
    .option('--duration <s>', 'stop after so many seconds', decimal('--duration', 1e-6, 1e7))
    .option('--json', 'one JSON object a line on standard output, nothing else')
    .action(async (options: Record<string, unknown>) => {
      const config = airConfig(options, []);
      if (options['printConfig'] === true) {
        console.log(JSON.stringify(config, null, 2));
        return;
      }
      const { signal, release } = interruptible();
      const request = radioRequest(options, 'rx');
      noteProfile(request, config);
      const radio = await openRadio(request, config, signal).catch((error: unknown) => {
        release();
        throw error;
      });
      const close = (): void => void radio.close();
      signal.addEventListener('abort', close);
      const seconds = options['duration'] as number | undefined;
      const timer = seconds === undefined ? null : setTimeout(close, 1000 * seconds);
      try {
        await receiveFrames({
          config,
          size: options['size'] as PictureSize,
          radio,
          sent: createSentLog(),
          json: options['json'] === true,
          signal,
          frames: config.run.frames ?? Infinity,
          explain: () =>
            'no frame found: check frequency, gain and antenna at both ends; record some seconds and look at them with blindlink plot and blindlink sync',
        });
      } finally {
        if (timer !== null) clearTimeout(timer);
        await radio.close();
        release();
      }
    });
}
