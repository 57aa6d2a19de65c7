import { createRequire } from 'node:module';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FormatError } from './errors.js';

/** What a model's card can describe: its `format` field begins so. */
export type ModelKind = 'codec' | 'prior' | 'features';

const labels: Readonly<Record<ModelKind, string>> = { codec: 'codec', prior: 'prior', features: 'feature network' };

/** The folder of the models that come with blindlink. */
export const shippedModels = (): string => resolve(dirname(fileURLToPath(import.meta.url)), '../../models');

/** Folders of models: blindlink's own, and the package `blindlink-models` where it is installed beside it. */
export function modelFolders(): string[] {
  const folders = [shippedModels()];
  try {
    folders.push(dirname(createRequire(import.meta.url).resolve('blindlink-models/package.json')));
  } catch {
    // The models that are too large for the package itself: nobody needs to have them.
  }
  return folders.filter((folder) => existsSync(folder));
}

/** Models of the package `blindlink-models` that the package `blindlink` leaves out, for its size. */
export const MODELS_APART: Readonly<Record<ModelKind, readonly string[]>> = {
  codec: ['faces-48', 'faces-48-perceptual', 'natural-12-blind'],
  prior: ['faces-prior', 'natural-prior'],
  features: [],
};

/** Names of the shipped models of one kind. */
export function modelNames(kind: ModelKind): string[] {
  const names = modelFolders().flatMap((folder) =>
    readdirSync(folder).filter((name) => kindOf(join(folder, name, 'card.json')) === kind),
  );
  return [...new Set(names)].sort();
}

/** What kind of model a name, card or folder is; null where that cannot be told. */
export function kindOfModel(nameOrPath: string): string | null {
  const shipped = modelFolders().map((folder) => join(folder, nameOrPath, 'card.json'));
  const candidates = [...shipped, join(nameOrPath, 'card.json'), nameOrPath];
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
 * @throws FormatError naming the shipped ones, or the package that has it
 */
export function findModel(kind: ModelKind, nameOrPath: string): string {
  if (/^[\w.-]+$/.test(nameOrPath)) {
    const shipped = modelFolders().map((folder) => join(folder, nameOrPath, 'card.json'));
    const found = shipped.find((path) => existsSync(path));
    if (found !== undefined) return found;
  }
  if (existsSync(join(nameOrPath, 'card.json'))) return resolve(nameOrPath, 'card.json');
  if (existsSync(nameOrPath)) return resolve(nameOrPath);
  if (MODELS_APART[kind].includes(nameOrPath)) {
    throw new FormatError(
      `${kind}.unknown`,
      `${nameOrPath}: this ${labels[kind]} is in the package blindlink-models; install it beside blindlink, or give a card's path`,
      { value: nameOrPath },
    );
  }
  const shippedNames = modelNames(kind);
  const choices = shippedNames.length > 0 ? ` or one of ${shippedNames.join(', ')}` : '';
  throw new FormatError(`${kind}.unknown`, `${nameOrPath}: no such ${labels[kind]}; give a card's path${choices}`, {
    value: nameOrPath,
  });
}
