import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FormatError } from './errors.js';

/** What a model's card can describe: its `format` field begins so. */
export type ModelKind = 'codec' | 'prior' | 'features';

const labels: Readonly<Record<ModelKind, string>> = { codec: 'codec', prior: 'prior', features: 'feature network' };

/** The folder of the models that come with blindlink. */
export const shippedModels = (): string => resolve(dirname(fileURLToPath(import.meta.url)), '../../models');

/** Names of the shipped models of one kind. */
export function modelNames(kind: ModelKind): string[] {
  const folder = shippedModels();
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => kindOf(join(folder, name, 'card.json')) === kind)
    .sort();
}

/** What kind of model a name, card or folder is; null where that cannot be told. */
export function kindOfModel(nameOrPath: string): string | null {
  const candidates = [join(shippedModels(), nameOrPath, 'card.json'), join(nameOrPath, 'card.json'), nameOrPath];
  return candidates.map(kindOf).find((kind) => kind !== null) ?? null;
}

/** What a card describes; null where there is no card or it does not say. */
function kindOf(path: string): string | null {
  try {
    const { format } = JSON.parse(readFileSync(path, 'utf8')) as { format?: unknown };
    return /^blindlink-(\w+)\//.exec(String(format))?.[1] ?? null;
  } catch {
    return null;
  }
}

/**
 * The card of a model given by name (a shipped one), by its card's path or by its folder.
 * @throws FormatError naming the shipped ones
 */
export function findModel(kind: ModelKind, nameOrPath: string): string {
  const shipped = join(shippedModels(), nameOrPath, 'card.json');
  if (/^[\w.-]+$/.test(nameOrPath) && existsSync(shipped)) return shipped;
  if (existsSync(join(nameOrPath, 'card.json'))) return resolve(nameOrPath, 'card.json');
  if (existsSync(nameOrPath)) return resolve(nameOrPath);
  const shippedNames = modelNames(kind);
  const choices = shippedNames.length > 0 ? ` or one of ${shippedNames.join(', ')}` : '';
  throw new FormatError(`${kind}.unknown`, `${nameOrPath}: no such ${labels[kind]}; give a card's path${choices}`, {
    value: nameOrPath,
  });
}
