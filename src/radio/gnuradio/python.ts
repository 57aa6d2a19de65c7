import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DeviceError } from '../../core/errors.js';

/** Folder of the flowgraphs, beside `dist/` or `src/`. */
export const flowgraphFolder = fileURLToPath(new URL('../../../flowgraphs/', import.meta.url));

/**
 * An interpreter that has GNU Radio. BLINDLINK_PYTHON alone if it is set; else Debian's, which has it where the package is
 * installed, before the first on PATH, which may be another.
 *
 * @throws DeviceError naming what was tried
 */
export function findPython(): string {
  const given = process.env['BLINDLINK_PYTHON'];
  const candidates = given === undefined ? ['/usr/bin/python3', 'python3'] : [given];
  const reasons: string[] = [];
  for (const python of candidates) {
    if (python.startsWith('/') && !existsSync(python)) {
      reasons.push(`${python} is not there`);
      continue;
    }
    const result = spawnSync(python, ['-c', 'import gnuradio'], { stdio: 'ignore', timeout: 60_000 });
    if (result.status === 0) return python;
    reasons.push(`${python} ${result.error === undefined ? 'has no module gnuradio' : 'cannot be run'}`);
  }
  throw new DeviceError(
    'gnuradio.missing',
    `GNU Radio not found: ${reasons.join(', ')}; install it (apt-get install gnuradio) or name an interpreter that has it in BLINDLINK_PYTHON`,
    { value: candidates },
  );
}
