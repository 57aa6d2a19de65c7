import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { z } from 'zod';
import { FormatError } from './errors.js';
import { modelFolders, shippedModels } from './shipped-models.js';

/** A model's card and the folder its file names are relative to. */
export interface LoadedCard<Card extends { readonly sha256: Readonly<Record<string, string>> }> {
  readonly card: Card;
  readonly path: string;
  readonly folder: string;
}

/** Reads a JSON card and checks it against its schema. Throws FormatError with one line: which file, what is wrong. */
export function readCardAs<Card extends { readonly sha256: Readonly<Record<string, string>> }>(
  path: string,
  schema: z.ZodType<Card>,
  kind: string,
): LoadedCard<Card> {
  const where = resolve(path);
  let raw: unknown;
  try {
    raw = JSON.parse(readFileSync(where, 'utf8'));
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new FormatError('card.read', `${where}: ${missing ? `no such ${kind} card` : 'not JSON'}`, { cause });
  }
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const at = issue.path.length > 0 ? `${issue.path.join('.')}: ` : '';
    throw new FormatError('card.schema', `${where}: ${at}${issue.message}`, { value: raw });
  }
  return { card: parsed.data, path: where, folder: dirname(where) };
}

/**
 * The bytes of a file that a card names; checked against the card's hash where it gives one. What the package leaves out of a shipped
 * model is taken from the package of all models.
 */
export function readCardFile(
  loaded: LoadedCard<{ readonly sha256: Readonly<Record<string, string>> }>,
  file: string,
): Uint8Array {
  const isShipped = dirname(loaded.folder) === shippedModels();
  const folders = isShipped ? modelFolders().map((models) => join(models, basename(loaded.folder))) : [loaded.folder];
  const paths = folders.map((folder) => join(folder, file));
  const path = paths.find((one) => existsSync(one)) ?? join(loaded.folder, file);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    const hint = isShipped ? '; it may be in the package blindlink-models: install it beside blindlink' : '';
    throw new FormatError('card.file', `${path}: named by ${loaded.path}, but cannot be read${hint}`, { cause });
  }
  const expected = loaded.card.sha256[file];
  if (expected !== undefined && createHash('sha256').update(bytes).digest('hex') !== expected) {
    throw new FormatError('card.hash', `${path}: its SHA-256 is not the one in ${loaded.path}; fetch it again`);
  }
  return bytes;
}
