import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { FormatError } from '../core/errors.js';

const GUNZIP =
  "const s=require('node:stream'),z=require('node:zlib'),f=require('node:fs');" +
  "s.pipeline(f.createReadStream(process.argv[1]),z.createGunzip(),f.createWriteStream('',{fd:1}),(e)=>{if(e){console.error(e.message);process.exit(1)}})";

/**
 * Unpacks a `.gz` or `.xz` into a folder of its own, in flat memory: samples are then read in place, as from any file.
 * gzip is Node's own, in a second process; `.xz` needs the program xz.
 *
 * @returns the unpacked file, and what removes it
 * @throws FormatError if it cannot be unpacked
 */
export function unpack(path: string): { file: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'blindlink-unpacked-'));
  const file = join(folder, basename(path).replace(/\.(gz|xz)$/i, ''));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const isGzip = /\.gz$/i.test(path);
  const out = openSync(file, 'w');
  try {
    const done = spawnSync(isGzip ? process.execPath : 'xz', isGzip ? ['-e', GUNZIP, path] : ['-dc', '--', path], {
      stdio: ['ignore', out, 'pipe'],
    });
    if (done.error !== undefined) {
      throw new FormatError(
        'recording.packed',
        isGzip
          ? `${path}: cannot be unpacked (${done.error.message})`
          : `${path}: needs the program xz, which is not here; unpack it elsewhere first`,
        { cause: done.error },
      );
    }
    if (done.status !== 0) {
      const why = done.stderr.toString().trim().split('\n')[0] ?? '';
      throw new FormatError('recording.packed', `${path}: cannot be unpacked${why === '' ? '' : ` (${why})`}`);
    }
    return { file, remove };
  } catch (error) {
    remove();
    throw error;
  } finally {
    closeSync(out);
  }
}
