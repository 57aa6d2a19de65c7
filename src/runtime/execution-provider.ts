import { spawnSync } from 'node:child_process';
import { listSupportedBackends } from 'onnxruntime-node';
import { createRequire } from 'node:module';

/** Where onnxruntime runs operators. */
export const executionProviders = ['cpu', 'webgpu', 'cuda'] as const;
export type ExecutionProvider = (typeof executionProviders)[number];

const remedies: Record<ExecutionProvider, string> = {
  cpu: 'reinstall onnxruntime-node',
  webgpu: 'needs a GPU with a Vulkan, Metal or Direct3D 12 driver',
  cuda: 'needs an NVIDIA GPU, CUDA 12 and `npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12`',
};

/** y = x, as the smallest model there is: enough to make a provider start. */
const identityModel = 'CAgSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQEQ==';

/**
 * Null if the execution provider works here, else why not and what to do. It is tried in a process of its own: native
 * providers print on their own, and a broken driver can take its process down.
 */
export function probeExecutionProvider(provider: ExecutionProvider): string | null {
  if (!listSupportedBackends().some(({ name }) => name === provider)) {
    return `not offered by onnxruntime on this system; ${remedies[provider]}`;
  }
  const script = `
    const { InferenceSession } = require(process.argv[1]);
    InferenceSession.create(Buffer.from(process.argv[3], 'base64'), {
      executionProviders: [process.argv[2]], logSeverityLevel: 4,
    }).then(() => process.exit(0), (error) => { console.log(String(error.message)); process.exit(3); });`;
  const entry = createRequire(import.meta.url).resolve('onnxruntime-node');
  const result = spawnSync(process.execPath, ['-e', script, entry, provider, identityModel], {
    encoding: 'utf8',
    timeout: 60_000,
  });
  if (result.status === 0) return null;
  return `does not start (${reason(result.stdout) || `its process ended with ${result.signal ?? result.status}`}); ${remedies[provider]}`;
}

/** The last sentence of a native message, which is the one for people. */
function reason(message: string): string {
  const [line] = message.trim().split('\n');
  return (line.split(/was false\. |\) : |LoadLibrary failed with /).at(-1) ?? line).slice(0, 160);
}
