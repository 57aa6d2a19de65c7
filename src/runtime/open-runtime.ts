import { ConfigError } from '../core/errors.js';
import { type ExecutionProvider, probeExecutionProvider } from './execution-provider.js';
import { createOnnxRuntime } from './onnx-runtime.js';
import type { Runtime } from './runtime.js';
import type { TfjsBackend } from './tfjs-backend.js';
import { createTfjsRuntime } from './tfjs-runtime.js';

export interface RuntimeSettings {
  readonly runtime?: 'onnx' | 'tfjs' | undefined;
  /** Of onnxruntime; default cpu. */
  readonly executionProvider?: ExecutionProvider | undefined;
  /** Of TensorFlow.js; by default the fastest that is installed. */
  readonly backend?: TfjsBackend | undefined;
  readonly threads?: number | undefined;
}

/** The runtime that settings ask for. Throws ConfigError, saying what to do, if this machine cannot give it. */
export async function openRuntime({
  runtime = 'onnx',
  executionProvider = 'cpu',
  backend,
  threads = 1,
}: RuntimeSettings): Promise<Runtime> {
  if (runtime === 'tfjs') return createTfjsRuntime(backend === undefined ? {} : { backend });
  const fault = executionProvider === 'cpu' ? null : probeExecutionProvider(executionProvider);
  if (fault !== null) {
    throw new ConfigError('runtime.provider', `execution provider ${executionProvider}: ${fault}`, {
      value: executionProvider,
    });
  }
  return createOnnxRuntime({ threads, executionProvider });
}
