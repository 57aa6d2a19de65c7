import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FormatError } from '../core/errors.js';

/** The folder of the codecs that come with blindlink. */
export const shippedModels = (): string => resolve(dirname(fileURLToPath(import.meta.url)), '../../models');

/** Names of the shipped codecs. */
export function codecNames(): string[] {
  const folder = shippedModels();
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => existsSync(join(folder, name, 'card.json')))
    .sort();
}

/**
 * The card of a codec given by name (a shipped one), by its card's path or by its folder.
 * @throws FormatError naming the shipped codecs
 */
export function findCodec(nameOrPath: string): string {
  const shipped = join(shippedModels(), nameOrPath, 'card.json');
  if (/^[\w.-]+$/.test(nameOrPath) && existsSync(shipped)) return shipped;
  if (existsSync(join(nameOrPath, 'card.json'))) return resolve(nameOrPath, 'card.json');
  if (existsSync(nameOrPath)) return resolve(nameOrPath);
  throw new FormatError(
    'codec.unknown',
    `${nameOrPath}: no such codec; give a card's path or one of ${codecNames().join(', ')}`,
    { value: nameOrPath },
  );
}
