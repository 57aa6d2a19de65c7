import { existsSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

/**
 * Makes a folder and those above it that are missing, as `mkdirSync(path, { recursive: true })`, which never ends where a folder that is
 * there answers ENOENT to a new one (/proc).
 *
 * @returns the topmost folder that was made; undefined if all were there
 * @throws what mkdir throws: EEXIST where a file has the name, ENOTDIR, EACCES, ENOENT, …
 */
export function makeFolder(path: string): string | undefined {
  const missing: string[] = [];
  for (let at = resolve(path); !existsSync(at) && at !== dirname(at); at = dirname(at)) missing.unshift(at);
  // Where it exists, the recursive form only looks whether it is a folder.
  if (missing.length === 0) return mkdirSync(path, { recursive: true });
  return missing.filter((folder) => made(folder))[0];
}

/** Whether this made the folder; not if another process was faster. */
function made(folder: string): boolean {
  try {
    mkdirSync(folder);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return mkdirSync(folder, { recursive: true }) !== undefined;
    throw cause;
  }
}
