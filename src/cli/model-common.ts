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
  const hash = createHash('sha256').update(bytes).digest('hex');
  rewriteCard(cardPath, ({ sha256 }) => ({ ...fields, sha256: { ...sha256, [file]: hash } }));
}

/** Writes what was measured into a card's `quality`, beside what stands there. */
export function writeQuality(cardPath: string, measured: Readonly<Record<string, unknown>>): void {
  rewriteCard(cardPath, ({ quality }) => ({ quality: { ...quality, ...measured } }));
}

interface AnyCard {
  readonly sha256?: object;
  readonly quality?: object;
}

/** Puts fields into a card, in place of those of the same names. */
function rewriteCard(cardPath: string, fieldsOf: (card: AnyCard) => Readonly<Record<string, unknown>>): void {
  const card = JSON.parse(readFileSync(cardPath, 'utf8')) as AnyCard;
  writeAtomically(cardPath, Buffer.from(`${JSON.stringify({ ...card, ...fieldsOf(card) }, null, 2)}\n`));
}
