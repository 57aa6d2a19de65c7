import { InferenceSession, type Tensor as OrtTensor } from 'onnxruntime-node';
import { FormatError } from '../core/errors.js';
import type { OnnxTensor } from '../onnx/tensor-data.js';
import { elementTypeOfOrt, fromOrtTensor, toOrtTensor } from './ort-tensor.js';
import type { GraphPort } from './runtime.js';

/** What onnxruntime infers of a graph's outputs without running it; dimensions it cannot tell are names. */
export async function inferOutputs(bytes: Uint8Array): Promise<GraphPort[]> {
  return withSession(bytes, async (session) =>
    Promise.resolve(
      session.outputMetadata.map((metadata) => {
        const { name } = metadata;
        if (!metadata.isTensor) throw new FormatError('graph.port', `${name}: is not a tensor`);
        return { name, type: elementTypeOfOrt(metadata.type, name), dims: [...metadata.shape] };
      }),
    ),
  );
}

/**
 * Runs a graph a single time, node by node as it stands (nothing fused or folded), and forgets it.
 *
 * @throws FormatError if onnxruntime cannot load or run it
 */
export async function runOnce(
  bytes: Uint8Array,
  feeds: Readonly<Record<string, OnnxTensor>>,
): Promise<Map<string, OnnxTensor>> {
  return withSession(bytes, async (session) => {
    const ortFeeds: Record<string, OrtTensor> = {};
    for (const [name, tensor] of Object.entries(feeds)) ortFeeds[name] = toOrtTensor(tensor);
    const results = await session.run(ortFeeds);
    return new Map(session.outputNames.map((name) => [name, fromOrtTensor(results[name] as OrtTensor, name)]));
  });
}

async function withSession<T>(bytes: Uint8Array, use: (session: InferenceSession) => Promise<T>): Promise<T> {
  let session: InferenceSession | undefined;
  try {
    session = await InferenceSession.create(bytes, {
      graphOptimizationLevel: 'disabled',
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      logSeverityLevel: 4,
      // What a single run takes must go back to the system afterwards.
      enableCpuMemArena: false,
      enableMemPattern: false,
    });
    return await use(session);
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    const [line] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    throw new FormatError('graph.run', `onnxruntime cannot run the graph (${line})`, { cause });
  } finally {
    await session?.release();
  }
}
