import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeFile } from 'node:fs/promises';
import sharp from 'sharp';
import { AbortedError, ConfigError, DeviceError, FormatError } from '../core/errors.js';
import { open, type Pixels, toPixels } from './pixels.js';
import type { SourceCodec } from './source-codec.js';

/**
 * A picture codec that is two commands. `{input}`, `{output}` and `{quality}` stand for two files and the quality; words are
 * split at spaces, quotes keep words together, and no shell comes between.
 */
export interface ExternalCodecConfig {
  /** Reads a picture, writes a file. */
  readonly encode: string;
  /** Reads that file, writes a picture. */
  readonly decode: string;
  /** Quality of the smallest files and of the best pictures; the first may be the greater (quantisers). */
  readonly qualities: { readonly smallest: number; readonly best: number };
  /** Ending of the coded file, where the programs ask for one. */
  readonly extension: string;
  /** Format of the pictures that go in and come out. */
  readonly pictures: 'png' | 'ppm';
  /** A command that runs longer is ended. */
  readonly timeoutSeconds: number;
}

/**
 * @param name for errors
 * @throws ConfigError for a command without its places. `encode` and `decode` throw DeviceError where a command is not there,
 * fails, hangs, or writes nothing: one line with its last words
 */
export function createExternalCodec(name: string, config: ExternalCodecConfig): SourceCodec {
  const encodeWords = wordsOf(name, 'encode', config.encode, ['{input}', '{output}', '{quality}']);
  const decodeWords = wordsOf(name, 'decode', config.decode, ['{input}', '{output}']);
  const { smallest, best } = config.qualities;
  if (Math.abs(best - smallest) > 255) {
    throw new ConfigError('compression.qualities', `${name}: qualities ${smallest} to ${best}: at most 256 of them`);
  }

  /** Runs one command in a folder of its own, and gives what it wrote. */
  const run = async (
    words: readonly string[],
    input: Uint8Array,
    [from, to]: readonly [string, string],
    quality: number | null,
    signal?: AbortSignal,
  ): Promise<Uint8Array> => {
    const folder = mkdtempSync(join(tmpdir(), 'blindlink-codec-'));
    try {
      const files = { input: join(folder, `input.${from}`), output: join(folder, `output.${to}`) };
      await writeFile(files.input, input);
      const command = words.map((word) =>
        word
          .replaceAll('{input}', files.input)
          .replaceAll('{output}', files.output)
          .replaceAll('{quality}', String(quality)),
      );
      await finish(name, command, config.timeoutSeconds, signal);
      if (!existsSync(files.output)) {
        throw new DeviceError('compression.external', `${name}: ${command[0]} ended well but wrote no {output}`);
      }
      return readFileSync(files.output);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };

  return {
    name,
    qualities: { smallest, best },
    writings: ['compact'],
    async encode(pixels, quality, _writing, signal) {
      const picture =
        config.pictures === 'png' ? await open(pixels).png({ compressionLevel: 1 }).toBuffer() : portablePixmap(pixels);
      return run(encodeWords, picture, [config.pictures, config.extension], quality, signal);
    },
    async decode(file, signal) {
      const picture = await run(decodeWords, file, [config.extension, config.pictures], null, signal);
      try {
        return config.pictures === 'png' ? await toPixels(sharp(picture)) : readPixmap(picture);
      } catch (cause) {
        throw new DeviceError(
          'compression.external',
          `${name}: what ${decodeWords[0]} wrote is no ${config.pictures} picture`,
          { cause },
        );
      }
    },
  };
}

/** Binary PPM (P6). */
function portablePixmap({ data, height, width }: Pixels): Uint8Array {
  const header = new TextEncoder().encode(`P6\n${width} ${height}\n255\n`);
  const bytes = new Uint8Array(header.length + data.length);
  bytes.set(header);
  bytes.set(data, header.length);
  return bytes;
}

function readPixmap(file: Uint8Array): Pixels {
  const text = Buffer.from(file.subarray(0, 1024)).toString('latin1');
  const gap = String.raw`(?:\s|#[^\n]*\n)+`;
  const header = new RegExp(`^P6${gap}(\\d+)${gap}(\\d+)${gap}255\\s`).exec(text);
  if (header === null) throw new FormatError('picture.kind', 'no binary PPM of 8 bits');
  const [width, height] = [Number(header[1]), Number(header[2])];
  const data = file.subarray(header[0].length, header[0].length + 3 * width * height);
  if (data.length < 3 * width * height) throw new FormatError('picture.damaged', 'a PPM that is cut short');
  return { data, height, width };
}

/** The words of a command. @throws ConfigError where a place is missing */
function wordsOf(name: string, which: string, command: string, places: readonly string[]): readonly string[] {
  const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c);
  const missing = places.filter((place) => !command.includes(place));
  if (words.length === 0 || missing.length > 0) {
    throw new ConfigError(
      'compression.command',
      `${name}: the ${which} command ${JSON.stringify(command)} does not say ${missing.join(' and ')}`,
      { value: command },
    );
  }
  return words;
}

/** Waits for a command to end well. It has a process group of its own, so that nothing it started outlives it. */
function finish(
  name: string,
  [program, ...args]: readonly string[],
  timeoutSeconds: number,
  signal?: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (why: string, cause?: unknown): void =>
      reject(new DeviceError('compression.external', `${name}: ${why}`, { cause, value: program }));
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    let said = '';
    const kill = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    };
    const abort = (): void => {
      kill();
      reject(new AbortedError('the picture codec'));
    };
    const timer = setTimeout(() => {
      kill();
      fail(
        `${program} did not end within ${timeoutSeconds} s and was stopped; raise timeoutSeconds if it needs longer`,
      );
    }, 1000 * timeoutSeconds);
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    signal?.addEventListener('abort', abort, { once: true });
    child.stderr.setEncoding('utf8');
    child.stderr.on('data', (text: string) => (said = (said + text).slice(-2000)));
    child.on('error', (cause: NodeJS.ErrnoException) => {
      settle();
      const why = cause.code === 'ENOENT' ? 'no such program; install it or check the command' : cause.message;
      fail(`${program}: ${why}`, cause);
    });
    child.on('close', (code, by) => {
      settle();
      if (code === 0) return resolve();
      const last = said.trim().split('\n').at(-1) ?? '';
      fail(`${program} ended with ${code === null ? String(by) : `code ${code}`}${last === '' ? '' : ` (${last})`}`);
    });
  });
}
