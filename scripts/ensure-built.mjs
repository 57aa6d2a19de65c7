/** Builds dist/ where it is missing or older than the sources; in an installed package, which has no sources, it is there. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);
const newest = (folder) =>
  readdirSync(folder, { recursive: true }).reduce((time, name) => {
    const stat = statSync(join(folder, name));
    return stat.isFile() ? Math.max(time, stat.mtimeMs) : time;
  }, 0);

/** Exits with the compiler's status where the sources do not compile. */
export function ensureBuilt() {
  const sources = join(root, 'src');
  if (!existsSync(sources) || !existsSync(join(root, 'tsconfig.build.json'))) return;
  const done = [join(root, 'dist/cli/main.js'), join(root, 'dist/page/page.js')];
  const built = done.every((file) => existsSync(file)) ? Math.min(...done.map((file) => statSync(file).mtimeMs)) : 0;
  if (built >= newest(sources)) return;
  console.error('building blindlink (once, and after changes) …');
  // Nothing of an earlier layout stays behind.
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  const require = createRequire(import.meta.url);
  for (const step of [
    [require.resolve('typescript/bin/tsc'), '-p', 'tsconfig.build.json'],
    ['scripts/build-page.mjs'],
  ]) {
    const { status } = spawnSync(process.execPath, step, { cwd: root, stdio: ['ignore', 2, 2] });
    if (status !== 0) process.exit(status ?? 1);
  }
}
