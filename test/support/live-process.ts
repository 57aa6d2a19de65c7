import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';

const program = resolve('dist/cli/main.js');

/** `blindlink live` in a process of its own, on a free port unless one is named. */
export interface LiveProcess {
  readonly url: string;
  readonly port: number;
  readonly child: ChildProcess;
  /** Everything on standard error so far. */
  errors(): string;
  /** Interrupts it and waits for its end; its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

export function startLive(args: readonly string[] = []): Promise<LiveProcess> {
  const port = args.includes('--port') ? [] : ['--port', '0'];
  const child = spawn(process.execPath, [program, 'live', ...port, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  const ended = new Promise<number | null>((done) => child.on('close', done));
  child.stderr.on('data', (part: Buffer) => (err += part.toString()));
  return new Promise((done, fail) => {
    child.on('close', (code) => {
      fail(new Error(`blindlink live ended with ${code}: ${err}`));
    });
    child.stdout.on('data', (part: Buffer) => {
      out += part.toString();
      const url = /at (http:\S+)/.exec(out)?.[1];
      if (url === undefined) return;
      done({
        url,
        port: Number(new URL(url).port),
        child,
        errors: () => err,
        stop(signal = 'SIGINT') {
          child.kill(signal);
          return ended;
        },
      });
    });
  });
}
