import { createRequire } from 'node:module';
import type * as TfjsCore from '@tensorflow/tfjs-core';
import { ConfigError } from '../core/errors.js';

export type Tfjs = typeof TfjsCore;

export const tfjsBackends = ['tfjs-node-gpu', 'tfjs-node', 'wasm', 'cpu'] as const;
export type TfjsBackend = (typeof tfjsBackends)[number];

const BUILD = ', or build its native part with scripts/build-tfjs-node.mjs';

/** What must be loaded for a backend, the name TensorFlow.js gives it, and what to say where it is missing. */
const packages: Record<TfjsBackend, { module: string; name: string; remedy: string }> = {
  'tfjs-node-gpu': {
    module: '@tensorflow/tfjs-node-gpu',
    name: 'tensorflow',
    remedy: `npm install @tensorflow/tfjs-node-gpu (needs CUDA 11.2 and cuDNN 8)${BUILD}, or choose tfjs-node, wasm or cpu`,
  },
  'tfjs-node': {
    module: '@tensorflow/tfjs-node',
    name: 'tensorflow',
    remedy: `npm install @tensorflow/tfjs-node${BUILD}, or choose wasm or cpu`,
  },
  wasm: { module: '@tensorflow/tfjs-backend-wasm', name: 'wasm', remedy: 'npm install, which brings it' },
  cpu: { module: '@tensorflow/tfjs-backend-cpu', name: 'cpu', remedy: 'npm install, which brings it' },
};

export interface LoadedBackend {
  readonly tf: Tfjs;
  readonly backend: TfjsBackend;
  /** TensorFlow.js's own name for it. */
  readonly name: string;
}

/**
 * Loads TensorFlow.js with a backend: the one named, or the first that loads of tfjs-node-gpu, tfjs-node, wasm, cpu.
 *
 * @throws ConfigError if it is not installed or does not start, saying what to do
 */
export async function loadTfjs(wanted?: TfjsBackend): Promise<LoadedBackend> {
  let failure: unknown;
  for (const backend of wanted === undefined ? tfjsBackends : [wanted]) {
    try {
      return await start(backend);
    } catch (cause) {
      failure = cause;
    }
  }
  const backend = wanted ?? 'cpu';
  throw new ConfigError('runtime.backend', `TensorFlow.js backend ${backend}: ${reasonOf(failure, backend)}`, {
    cause: failure,
    value: backend,
  });
}

/** Null if the backend works, else what to do about it. */
export async function probeTfjs(backend: TfjsBackend): Promise<string | null> {
  try {
    await start(backend);
    return null;
  } catch (error) {
    return reasonOf(error, backend);
  }
}

async function start(backend: TfjsBackend): Promise<LoadedBackend> {
  const { module, name } = packages[backend];
  // tfjs-node-gpu and tfjs-node register the same name: whichever loads first in a process stays.
  const tf = (await import('@tensorflow/tfjs-core')) as Tfjs & { default?: Tfjs };
  const core = tf.default ?? tf;
  core.enableProdMode();
  if (!isInstalled(module)) throw new Error(`Cannot find ${module}`);
  await import(module);
  if (!(await core.setBackend(name))) throw new Error('it does not start');
  await core.ready();
  return { tf: core, backend, name };
}

/** Asked of the resolver: a package that is there may fail to find its native part, which is another matter. */
function isInstalled(module: string): boolean {
  try {
    createRequire(import.meta.url).resolve(module);
    return true;
  } catch {
    return false;
  }
}

function reasonOf(error: unknown, backend: TfjsBackend): string {
  const { module, remedy } = packages[backend];
  const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
  const what = isInstalled(module) ? `${module} does not load (${line})` : `${module} is not installed`;
  return `${what}; ${remedy}`;
}
