import { ConfigError } from '../core/errors.js';
import { createOnnxRuntime, type Runtime } from '../runtime/onnx-runtime.js';

/** A flag that takes a whole number above 0. Throws ConfigError. */
export function wholeNumber(flag: string, value: string): number {
  const n = Number(value);
  if (!Number.isInteger(n) || n < 1) {
    throw new ConfigError('model.flag', `${flag} ${value}: must be a whole number above 0`, { value });
  }
  return n;
}

/** A runtime for one command, closed whatever happens. */
export async function withRuntime(use: (runtime: Runtime) => Promise<void>, threads = 2): Promise<void> {
  const runtime = createOnnxRuntime({ threads });
  try {
    await use(runtime);
  } finally {
    await runtime.dispose();
  }
}
