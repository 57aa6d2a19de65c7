/**
 * Runs every test and says, last and plainly, what passed, failed and was skipped for want of a program.
 * Arguments go to vitest (a file or a name to filter by).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ensureBuilt } from '../scripts/ensure-built.mjs';

const root = dirname(import.meta.dirname);
const require = createRequire(import.meta.url);

ensureBuilt();

const folder = mkdtempSync(join(tmpdir(), 'blindlink-test-'));
const report = join(folder, 'report.json');
const vitest = join(dirname(require.resolve('vitest/package.json')), 'vitest.mjs');
const args = ['run', '--reporter=default', '--reporter=json', `--outputFile=${report}`, ...process.argv.slice(2)];
const run = spawnSync(process.execPath, [vitest, ...args], { cwd: root, stdio: 'inherit' });

let failed = run.status === 0 ? 0 : 1;
if (existsSync(report)) {
  const result = JSON.parse(readFileSync(report, 'utf8'));
  const reasons = new Set();
  for (const file of result.testResults) {
    for (const test of file.assertionResults) {
      const reason = /\[skipped: ([^\]]+)\]/.exec(test.ancestorTitles.join(' '));
      if (test.status !== 'passed' && reason !== null) reasons.add(reason[1]);
    }
  }
  for (const reason of reasons) console.log(`skipped: ${reason}`);
  failed = Math.max(failed, result.numFailedTests);
  console.log(`${result.numPassedTests} passed, ${failed} failed, ${result.numPendingTests} skipped`);
}
rmSync(folder, { recursive: true, force: true });
process.exit(run.status ?? 1);
