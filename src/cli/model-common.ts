import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConfigError } from '../core/errors.js';
import { writeAtomically } from './files.js';
import { createOnnxRuntime, type Runtime } from '../runtime/onnx-runtime.js';

/** A flag that takes a whole number above 0. Throws ConfigError. */
export function wholeNumber(flag: string, value: string): number {
  const n = Number(value);
  if (!Number.isInteger(n) || n < 1) {
    throw new ConfigError('model.flag', `${flag} ${value}: must be a whole number above 0`, { value });
  }
  return n;
}

/** A runtime for one command, closed whatever happens. */
export async function withRuntime(use: (runtime: Runtime) => Promise<void>, threads = 2): Promise<void> {
  const runtime = createOnnxRuntime({ threads });
  try {
    await use(runtime);
  } finally {
    await runtime.dispose();
  }
}

/** Writes a file beside a card, and into the card its hash and `fields`, which name it. */
export function writeBesideCard(
  cardPath: string,
  file: string,
  bytes: Uint8Array,
  fields: Readonly<Record<string, unknown>>,
): void {
  writeAtomically(join(dirname(cardPath), file), bytes);
  const card = JSON.parse(readFileSync(cardPath, 'utf8')) as Record<string, unknown> & { readonly sha256?: object };
  const sha256 = { ...card.sha256, [file]: createHash('sha256').update(bytes).digest('hex') };
  writeAtomically(cardPath, Buffer.from(`${JSON.stringify({ ...card, ...fields, sha256 }, null, 2)}\n`));
}

/** Writes what was measured into a card's `quality`, beside what stands there. */
export function writeQuality(cardPath: string, measured: Readonly<Record<string, unknown>>): void {
  const card = JSON.parse(readFileSync(cardPath, 'utf8')) as Record<string, unknown> & { readonly quality?: object };
  const quality = { ...card.quality, ...measured };
  writeAtomically(cardPath, Buffer.from(`${JSON.stringify({ ...card, quality }, null, 2)}\n`));
}
