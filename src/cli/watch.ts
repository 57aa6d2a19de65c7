import type { Command } from 'commander';
import { WebSocket } from 'ws';
import { ConfigError, LinkError } from '../core/errors.js';
import { type ClientSocket, createLiveClient } from '../dashboard/client.js';
import type { ServerMessage } from '../dashboard/messages.js';
import { interruptible } from './interrupt.js';

export function addWatch(program: Command): void {
  program
    .command('watch')
    .description('Follow a running live link without a page.')
    .argument('[url]', 'address that blindlink live printed', 'http://127.0.0.1:7700/')
    .option('--json', 'one JSON object a line on standard output, nothing else (arrays left out)')
    .option('--results <n>', "end after so many receivers' results")
    .action(async (url: string, options: Record<string, unknown>) => {
      const results = options['results'] === undefined ? Infinity : Number(options['results']);
      if (!(results >= 1)) {
        throw new ConfigError(
          'config.flag',
          `--results ${String(options['results'])}: must be a whole number of at least 1`,
        );
      }
      await watch(streamAddress(url), options['json'] === true, results);
    });
}

/** The address of the stream behind the page's. @throws ConfigError */
export function streamAddress(page: string): string {
  try {
    const url = new URL(page);
    if (!/^(http|ws)s?:$/.test(url.protocol)) throw new Error(url.protocol);
    url.protocol = url.protocol.replace('http', 'ws');
    url.pathname = '/stream';
    return url.href;
  } catch (cause) {
    throw new ConfigError('config.url', `${page}: not an address; give the one that blindlink live printed`, { cause });
  }
}

async function watch(url: string, json: boolean, results: number): Promise<void> {
  const { signal, release } = interruptible();
  let seen = 0;
  let failure: string | null = null;
  await new Promise<void>((done) => {
    let reached = false;
    const client = createLiveClient({
      url,
      createSocket: (address) => new WebSocket(address) as unknown as ClientSocket,
      name: 'blindlink watch',
      onMessage: (message) => {
        if (seen >= results) return;
        if (json) console.log(JSON.stringify(withoutArrays(message)));
        else describe(message);
        if (message.type === 'result' && ++seen >= results) client.close();
      },
      onConnection: (connection, reason) => {
        if (connection === 'open') reached = true;
        if (connection === 'waiting' && !reached) {
          failure = reason;
          client.close();
        } else if (connection === 'waiting') console.error(`note: ${reason ?? 'connection lost'}; connecting again`);
        if (connection !== 'closed') return;
        failure ??= reason;
        done();
      },
    });
    signal.addEventListener('abort', () => {
      client.close();
    });
  });
  release();
  if (signal.aborted) process.exitCode = 130;
  else if (failure !== null) {
    throw new LinkError('watch.unreachable', `${url.replace(/token=[^&]*/, 'token=…')}: ${failure as string}`);
  }
}

function describe(message: ServerMessage): void {
  if (message.type === 'log') console.log(`${message.level}: ${message.text}`);
  if (message.type !== 'result') return;
  const { frame, receiver, verdict, psnrDb, channelError, milliseconds } = message;
  const psnr = psnrDb === null ? '' : `  PSNR ${psnrDb.toFixed(2).padStart(5)} dB`;
  const error = channelError === null ? '' : `  channel error ${channelError.toFixed(4)}`;
  console.log(
    `frame ${String(frame).padStart(6)}  ${receiver.padEnd(13)}  ${verdict.padEnd(8)}${psnr}${error}  ${milliseconds.toFixed(1)} ms`,
  );
}

/** The message with arrays replaced by nothing: what a line of text can hold. */
function withoutArrays(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return undefined;
  if (Array.isArray(value)) return value.map(withoutArrays);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) => (ArrayBuffer.isView(item) ? [] : [[key, withoutArrays(item)]])),
  );
}
