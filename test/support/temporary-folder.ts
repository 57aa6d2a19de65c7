import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What tests put into the system's folder for temporary files goes into one of this run's, which goes with it. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'blindlink-tests-'));
  process.env['TMPDIR'] = folder;
  return () => {
    rmSync(folder, { recursive: true, force: true });
  };
}
