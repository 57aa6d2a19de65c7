import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { ConfigError, FormatError } from '../core/errors.js';

/** The bytes of a file named on the command line. Throws ConfigError. */
export function readInput(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new ConfigError('file.read', `${path}: cannot be read (${(cause as Error).message})`, { cause, value: path });
  }
}

/** Tries, before long work, whether a file can be written: `writeAtomically` will. Throws FormatError. */
export function expectWritable(path: string): void {
  const part = `${path}.part`;
  try {
    writeFileSync(part, '');
  } catch (cause) {
    throw unwritable(path, cause);
  }
  rmSync(part, { force: true });
}

/** Writes a file whole or not at all. Throws FormatError. */
export function writeAtomically(path: string, bytes: Uint8Array): void {
  const part = `${path}.part`;
  try {
    writeFileSync(part, bytes);
    renameSync(part, path);
  } catch (cause) {
    rmSync(part, { force: true });
    throw unwritable(path, cause);
  }
}

const unwritable = (path: string, cause: unknown): FormatError =>
  new FormatError('file.write', `${path}: cannot be written (${(cause as Error).message})`, { cause, value: path });
