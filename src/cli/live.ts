import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import type { RawConfig } from '../config/load.js';
import { FIRST_PICTURES } from '../config/photo-settings.js';
import type { LinkConfig } from '../config/schema.js';
import { ConfigError } from '../core/errors.js';
import { openDashboard } from '../dashboard/server.js';
import { feedEntry, radioEntry, receiverEntry } from '../link/live/entries.js';
import { createFeed, type FrameFeed } from '../link/live/feed.js';
import type { RadioSetup } from '../link/live/live-frame.js';
import { createLiveLink } from '../link/live/live-link.js';
import { steer } from '../link/live/steer.js';
import { checkChannelSettings } from '../link/setting/radios.js';
import { expectOptions, findReceivers } from '../link/setting/receivers.js';
import type { PictureSize } from '../link/stream/reception.js';
import { versions } from '../link/results/run-folder.js';
import { openPictures } from '../source/picture-source.js';
import { interruptible } from './interrupt.js';
import { addRadioFlags, noteProfile, pictureSize, radioRequest } from './radio-flags.js';
import { airConfig } from './record.js';
import { openLinkRecording } from './replay.js';
import { addSettings, settingsFrom } from './settings.js';

const DEFAULT_PORT = 7700;
/** Edge of the photographs that are shown where no pictures are named. */
const FIRST_EDGE = 256;

export function addLive(program: Command): void {
  const command = program
    .command('live')
    .description('Run the link without end and serve a page on which to watch and steer it.')
    .argument('[pictures...]', 'picture files, folders, builtin:photos, builtin:faces or builtin:natural')
    .option('--port <n>', 'port of the page, 0 for a free one', String(DEFAULT_PORT))
    .option('--host <name>', 'address to listen on; others than this machine need --token', '127.0.0.1')
    .option('--token <text>', 'clients must give it (in the address, ?token=)')
    .option('--frame-rate <Hz>', 'frames a second', '20')
    .option('--hold <frames>', 'frames for which each picture is shown', '40')
    .option('--open', 'open the page in the browser')
    .option('--replay <file>', 'frames of a recording, played in real time, in place of simulated ones')
    .option('--size <WxH>', 'size of the pictures that a radio receives', pictureSize);
  addRadioFlags(addSettings(command), SIMULATED).action(
    async (pictures: string[], options: Record<string, unknown>) => {
      const { config, feed, edge = null } = await feedFrom(pictures, options);
      if (options['printConfig'] === true) {
        console.log(JSON.stringify(config, null, 2));
        return;
      }
      await live(config, feed, {
        port: within(options['port'], '--port', 0, 65535, true),
        host: String(options['host']),
        token: typeof options['token'] === 'string' ? options['token'] : null,
        rateHz: within(options['frameRate'], '--frame-rate', 0.1, 60, false),
        holdFrames: within(options['hold'], '--hold', 1, 10000, true),
        edge,
        open: options['open'] === true,
      });
    },
  );
}

/** The name of no radio: frames are simulated one by one, with their truth. */
const SIMULATED = 'none';

/** Without pictures photographs are shown, or faces where a codec for them is named. */
const firstPictures = (pictures: readonly string[], options: Readonly<Record<string, unknown>>): RawConfig =>
  pictures.length > 0 || String(options['codec'] ?? '').startsWith('faces') ? {} : { pictures: [...FIRST_PICTURES] };

type CreateFeed = (onCrash: (reason: string) => void) => FrameFeed;

/** The settings, and where frames come from: simulated, a recording or a radio. */
async function feedFrom(
  pictures: readonly string[],
  options: Readonly<Record<string, unknown>>,
): Promise<{ config: LinkConfig; feed: CreateFeed; edge?: number }> {
  const file = options['replay'] as string | undefined;
  const name = options['radio'] as string;
  if (file !== undefined) {
    const beside = name === SIMULATED ? (pictures.length > 0 ? pictures.join(' ') : null) : `--radio ${name}`;
    if (beside !== null) {
      throw new ConfigError('live.replay', `--replay ${file}: frames come from the recording; leave ${beside} out`);
    }
    const { config, recording, size } = openLinkRecording(file, options);
    recording.close();
    const radio: RadioSetup = { kind: 'replay', path: file, size };
    return {
      config,
      feed: (onCrash) => createFeed({ entry: radioEntry(), name: `replay of ${file}`, radio, onCrash }),
    };
  }
  if (name === SIMULATED) {
    if (options['size'] !== undefined) {
      throw new ConfigError(
        'live.size',
        '--size: is for pictures that a radio receives; name it with --radio or --replay',
      );
    }
    const config = settingsFrom(options, pictures, firstPictures(pictures, options));
    const given = options['receiver'] !== undefined || options['config'] !== undefined;
    return {
      config: given ? config : steer(config, { 'receiver.names': ['pilot', 'blind-em'] }),
      feed: (onCrash) => createFeed({ entry: feedEntry(), onCrash }),
      // The size stays where other built-in pictures are chosen.
      ...(config.pictures.join() === FIRST_PICTURES.join() ? { edge: FIRST_EDGE } : {}),
    };
  }
  const config = airConfig(options, pictures);
  // What stands for a radio needs someone to send; a real one only listens unless pictures are named.
  const sends = pictures.length > 0 || ['simulated', 'gnuradio', 'zmq'].includes(name.split(':')[0]);
  const request = radioRequest(options, sends ? 'duplex' : 'rx');
  checkChannelSettings(name, config);
  noteProfile(request, config);
  let size = (options['size'] as PictureSize | undefined) ?? { width: 64, height: 64 };
  if (sends) {
    const first = openPictures(config.pictures, { maxPixels: config.source.maxPixels, frames: 1 });
    for await (const { width, height } of first.pictures()) size = { width, height };
  }
  const radio: RadioSetup = { kind: 'radio', request, size };
  return { config, feed: (onCrash) => createFeed({ entry: radioEntry(), name: `radio ${name}`, radio, onCrash }) };
}

interface LiveOptions {
  readonly port: number;
  readonly host: string;
  readonly token: string | null;
  readonly rateHz: number;
  readonly holdFrames: number;
  readonly edge: number | null;
  readonly open: boolean;
}

async function live(
  config: LinkConfig,
  feed: CreateFeed,
  { port, host, token, rateHz, holdFrames, edge, open }: LiveOptions,
): Promise<void> {
  const { signal, release } = interruptible();
  const receivers = await findReceivers(config);
  expectOptions(config, receivers);
  const link = createLiveLink({ config, rateHz, holdFrames, edge, feed, receivers, receiverEntry, recordingPath });
  let dashboard: Awaited<ReturnType<typeof openDashboard>> | null = null;
  try {
    const version = String(versions()['blindlink']);
    dashboard = await openDashboard({ backend: link, host, port, token, page: pageFolder(), version });
    await link.start();
    const address = token === null ? dashboard.url : `${dashboard.url}?token=${encodeURIComponent(token)}`;
    console.log(`blindlink live at ${address} (Ctrl-C ends it)`);
    if (open) openBrowser(address);
    await new Promise<void>((done) => {
      if (signal.aborted) done();
      signal.addEventListener('abort', () => {
        done();
      });
    });
  } finally {
    await Promise.all([dashboard?.close(), link.close()]);
    release();
  }
  process.exitCode = 130;
  console.error('blindlink: live link ended');
}

/** A name of its own for each recording. */
const recordingPath = (): string => `runs/live-${new Date().toISOString().slice(0, 23).replaceAll(/[:.]/g, '')}`;

const pageFolder = (): string => join(dirname(fileURLToPath(import.meta.url)), '../page');

function within(value: unknown, flag: string, least: number, most: number, whole: boolean): number {
  const result = Number(value);
  if (String(value).trim() === '' || !(result >= least && result <= most) || (whole && !Number.isInteger(result))) {
    throw new ConfigError(
      'config.flag',
      `${flag} ${String(value)}: must be a ${whole ? 'whole ' : ''}number from ${least} to ${most}`,
      { value },
    );
  }
  return result;
}

/** The desktop's own way to open an address; where there is none, the address was printed. */
function openBrowser(address: string): void {
  const [command, ...args] =
    process.platform === 'darwin'
      ? ['open', address]
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '', address]
        : ['xdg-open', address];
  const child = spawn(command, args, { stdio: 'ignore', detached: true });
  child.on('error', () => {
    console.error(`note: no program to open the page with; go to ${address}`);
  });
  child.unref();
}
