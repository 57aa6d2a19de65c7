import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

let folder = '';

/** What tests put into the system's folder for temporary files goes into one of this run's, which goes with it. */
export function setup(): void {
  folder = mkdtempSync(join(tmpdir(), 'blindlink-tests-'));
  process.env['TMPDIR'] = folder;
}

export function teardown(): void {
  rmSync(folder, { recursive: true, force: true });
}
