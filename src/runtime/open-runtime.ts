import { ConfigError } from '../core/errors.js';
import { type ExecutionProvider, probeExecutionProvider } from './execution-provider.js';
import { createOnnxRuntime } from './onnx-runtime.js';
import type { Runtime } from './runtime.js';
import { automaticPrecision, type Precision } from './precision.js';
import type { TfjsBackend } from './tfjs-backend.js';
import { createTfjsRuntime } from './tfjs-runtime.js';

export interface RuntimeSettings {
  readonly runtime?: 'onnx' | 'tfjs' | undefined;
  /** Of onnxruntime; default cpu. */
  readonly executionProvider?: ExecutionProvider | undefined;
  /** Of TensorFlow.js; by default the fastest that is installed. */
  readonly backend?: TfjsBackend | undefined;
  readonly threads?: number | undefined;
  /** Of networks whose ranges are known: on 8-bit integers, where the processor gains by it (`auto`), always or never. */
  readonly precision?: Precision | undefined;
}

/** The runtime that settings ask for. Throws ConfigError, saying what to do, if this machine cannot give it. */
export async function openRuntime({
  runtime = 'onnx',
  executionProvider = 'cpu',
  backend,
  threads = 1,
  precision = 'auto',
}: RuntimeSettings): Promise<Runtime> {
  if (runtime === 'tfjs') return createTfjsRuntime(backend === undefined ? {} : { backend });
  const fault = executionProvider === 'cpu' ? null : probeExecutionProvider(executionProvider);
  if (fault !== null) {
    throw new ConfigError('runtime.provider', `execution provider ${executionProvider}: ${fault}`, {
      value: executionProvider,
    });
  }
  const prefersInt8 =
    (precision === 'auto' && executionProvider === 'cpu' ? automaticPrecision() : precision) === 'int8';
  return createOnnxRuntime({ threads, executionProvider, prefersInt8 });
}
