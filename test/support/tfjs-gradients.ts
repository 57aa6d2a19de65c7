import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

/**
 * Registers TensorFlow.js's gradients. The package's entry for Node leaves them out, and its modules that hold them cannot
 * be imported by Node as they are; engine and registries are shared by all copies in a process.
 */
export async function registerTfjsGradients(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'blindlink-tfjs-'));
  const outfile = join(folder, 'gradients.mjs');
  await build({
    stdin: {
      contents: "import '@tensorflow/tfjs-core/dist/register_all_gradients.js';",
      resolveDir: process.cwd(),
    },
    bundle: true,
    platform: 'node',
    mainFields: ['module', 'main'],
    format: 'esm',
    outfile,
    logLevel: 'error',
  });
  await import(pathToFileURL(outfile).href);
  rmSync(folder, { recursive: true });
}
