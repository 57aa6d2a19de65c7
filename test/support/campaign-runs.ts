import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';

const main = resolve('dist/cli/main.js');

/** How a command ended and what it printed. */
export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Starts blindlink in a folder. */
export function startBlindlink(
  cwd: string,
  args: readonly string[],
): { readonly child: ChildProcess; readonly ended: Promise<Outcome>; printed(): string } {
  const child = spawn(process.execPath, [main, ...args], { cwd });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  const ended = new Promise<Outcome>((done) => {
    child.on('close', (code) => {
      done({ code, out, err });
    });
  });
  return { child, ended, printed: () => out + err };
}

/** A campaign's files but its times, which no two runs share: base64 by name. */
export const contentsOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => !name.startsWith('timing.') && statSync(join(folder, name)).isFile())
      .sort()
      .map((name) => [name, readFileSync(join(folder, name)).toString('base64')]),
  );

/** Bytes of `frames.jsonl` so far. */
export const bytesOf = (folder: string): number => {
  const path = join(folder, 'frames.jsonl');
  return existsSync(path) ? statSync(path).size : 0;
};

/** Waits until a condition holds; gives up after `seconds`. */
export async function until(what: string, holds: () => boolean, seconds = 120): Promise<void> {
  const end = Date.now() + 1000 * seconds;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not after ${seconds} s: ${what}`);
    await new Promise((done) => setTimeout(done, 10));
  }
}
