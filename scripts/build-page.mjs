/** Bundles the live page into dist/page: everything it needs is in there, and it asks no network for anything. */
import { build } from 'esbuild';
import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');
const from = join(root, 'src/dashboard/page');
const to = join(root, 'dist/page');

mkdirSync(to, { recursive: true });
await build({
  entryPoints: { page: join(from, 'main.ts') },
  outdir: to,
  bundle: true,
  format: 'esm',
  target: ['es2022'],
  minify: true,
  legalComments: 'inline',
  logLevel: 'warning',
  // The page's security policy forbids code made of text.
  alias: { msgpackr: 'msgpackr/index-no-eval' },
  tsconfigRaw: {},
});
for (const file of ['index.html', 'icon.svg']) cpSync(join(from, file), join(to, file));
