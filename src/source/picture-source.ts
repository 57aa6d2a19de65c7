import { readdirSync, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { FormatError } from '../core/errors.js';
import { BUILTIN_KINDS, BUILTIN_SETS, builtinPicture, type BuiltinKind } from './builtin-pictures.js';
import type { Picture } from './picture.js';
import { readPicture, requireFile } from './read-picture.js';

/** Pictures to send, in order. */
export interface PictureSource {
  /** How many `pictures()` gives. */
  readonly count: number;
  /** Reads them one at a time, the next when it is asked for. */
  pictures(): AsyncIterable<Picture>;
  /** Reads picture `index` of those, 0…count−1. */
  at(index: number): Promise<Picture>;
}

const SUFFIXES = new Set(['.png', '.jpg', '.jpeg', '.webp', '.tif', '.tiff', '.gif', '.avif']);
/** As `builtin:faces or builtin:natural or …`. */
const BUILTIN_NAMES = BUILTIN_KINDS.map((kind) => `builtin:${kind}`).join(' or ');

type Item =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'builtin'; readonly set: BuiltinKind; readonly index: number; readonly size: number };

/**
 * Files, folders (searched recursively, in order of their names) and built-in sets `builtin:photos`, `builtin:faces`,
 * `builtin:natural`, with a size as `builtin:natural/512`.
 *
 * @param options.frames how many to give: files repeat, built-in sets go on with new pictures. By default every file
 *   once, every photograph once and 8 of each drawn set
 * @throws FormatError for paths that do not exist, folders without pictures and unknown built-in sets, before
 *   anything is read
 */
export function openPictures(
  specs: readonly string[],
  { maxPixels, frames }: { maxPixels: number; frames?: number },
): PictureSource {
  if (specs.length === 0) {
    throw new FormatError('picture.none', `no pictures named; give files, folders, ${BUILTIN_NAMES}`);
  }
  const parts = specs.map((spec) => expand(spec, maxPixels));
  const once = parts.reduce((sum, part) => sum + sizeOf(part), 0);
  const count = frames ?? once;
  const at = (index: number): Promise<Picture> => {
    const round = Math.floor(index / once);
    let rest = index % once;
    for (const part of parts) {
      if (rest < sizeOf(part)) return open(itemOf(part, round, rest), maxPixels);
      rest -= sizeOf(part);
    }
    throw new FormatError('picture.none', `picture ${index}: there are ${once}`);
  };
  return {
    count,
    at,
    async *pictures() {
      for (let index = 0; index < count; index++) yield await at(index);
    },
  };
}

type Part =
  | { readonly kind: 'files'; readonly paths: readonly string[] }
  | { readonly kind: 'builtin'; readonly set: BuiltinKind; readonly size: number };

function expand(spec: string, maxPixels: number): Part {
  if (spec.startsWith('builtin:')) return expandBuiltin(spec, maxPixels);
  let isFolder = false;
  try {
    isFolder = statSync(spec).isDirectory();
  } catch (cause) {
    throw new FormatError('picture.missing', `${spec}: no such file or folder; check the path`, { cause });
  }
  if (!isFolder) {
    requireFile(spec);
    return { kind: 'files', paths: [spec] };
  }
  const paths = readdirSync(spec, { recursive: true, encoding: 'utf8' })
    // What other systems keep beside a picture: `._x.png` is none.
    .filter((name) => SUFFIXES.has(extname(name).toLowerCase()) && !basename(name).startsWith('.'))
    .sort()
    .map((name) => join(spec, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true);
  if (paths.length === 0) {
    throw new FormatError(
      'picture.folder',
      `${spec}: holds no pictures (${[...SUFFIXES].join(' ')}); give another folder`,
    );
  }
  return { kind: 'files', paths };
}

function expandBuiltin(spec: string, maxPixels: number): Part {
  const [name, size] = spec.slice('builtin:'.length).split('/');
  const set = BUILTIN_KINDS.find((kind) => kind === name);
  const pixels = size === undefined && set !== undefined ? BUILTIN_SETS[set].size : Number(size);
  if (set === undefined || !Number.isInteger(pixels) || pixels < 8 || pixels > 4096) {
    throw new FormatError(
      'picture.builtin',
      `${spec}: no such built-in set; give ${BUILTIN_NAMES}, with a size of 8 to 4096 as in builtin:natural/512`,
    );
  }
  if (pixels * pixels > maxPixels) {
    throw new FormatError(
      'picture.too-large',
      `${spec}: ${pixels}×${pixels} pixels are over the limit of ${maxPixels}; raise source.maxPixels`,
    );
  }
  return { kind: 'builtin', set, size: pixels };
}

/** Pictures that a part has in a round. */
const sizeOf = (part: Part): number => (part.kind === 'builtin' ? BUILTIN_SETS[part.set].count : part.paths.length);

const itemOf = (part: Part, round: number, i: number): Item =>
  part.kind === 'files'
    ? { kind: 'file', path: part.paths[i] }
    : { kind: 'builtin', set: part.set, index: round * BUILTIN_SETS[part.set].count + i, size: part.size };

function open(item: Item, maxPixels: number): Promise<Picture> {
  return item.kind === 'file' ? readPicture(item.path, { maxPixels }) : builtinPicture(item.set, item.index, item.size);
}
