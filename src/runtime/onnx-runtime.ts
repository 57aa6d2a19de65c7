import { InferenceSession, type Tensor as OrtTensor } from 'onnxruntime-node';
import { FormatError } from '../core/errors.js';
import { float32sOf, type OnnxTensor } from '../onnx/tensor-data.js';
import { checkFeeds } from './check-feeds.js';
import type { ExecutionProvider } from './execution-provider.js';
import { elementTypeOfOrt, fromOrtTensor, toOrtTensor } from './ort-tensor.js';
import type { Graph, GraphInterface, GraphPort, Runtime } from './runtime.js';
import type { Tensor } from './tensor.js';

export type { Graph, GraphInterface, GraphPort, Runtime } from './runtime.js';

export interface RuntimeOptions {
  /** Threads inside one operator; default 2. */
  readonly threads?: number;
  /** How many sessions (a graph at fixed shapes) stay open; the least recently used is closed first. Default 32. */
  readonly capacity?: number;
  /** Where operators run; default cpu. What another does not support runs on the CPU. */
  readonly executionProvider?: ExecutionProvider;
  /** See `Runtime`; default false. */
  readonly prefersInt8?: boolean;
}

interface Entry {
  readonly session: Promise<InferenceSession>;
  running: number;
}

export function createOnnxRuntime(options: RuntimeOptions = {}): Runtime {
  const { threads = 2, capacity = 32, executionProvider = 'cpu', prefersInt8 = false } = options;
  const sessions = new Map<string, Entry>();
  const interfaces = new Map<string, Promise<GraphInterface>>();
  const pending = new Set<Promise<unknown>>();

  const create = async (
    graph: Graph,
    freeDimensionOverrides: Record<string, number>,
    { optimised = true, packed = true } = {},
  ): Promise<InferenceSession> => {
    try {
      return await InferenceSession.create(graph.bytes, {
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: optimised ? 'all' : 'disabled',
        extra: { session: { disable_prepacking: packed ? '0' : '1' } },
        logSeverityLevel: 3,
        freeDimensionOverrides,
        executionProviders: executionProvider === 'cpu' ? ['cpu'] : [executionProvider, 'cpu'],
      });
    } catch (cause) {
      const where = executionProvider === 'cpu' ? '' : ` with ${executionProvider}`;
      throw new FormatError(
        'graph.load',
        `${graph.name}: not a graph that onnxruntime can load${where} (${firstLine(cause)})`,
        { cause },
      );
    }
  };

  const describe = (graph: Graph): Promise<GraphInterface> => {
    let found = interfaces.get(graph.name);
    if (found === undefined) {
      // Not optimised: this session is only asked for its ports.
      found = create(graph, {}, { optimised: false }).then(async (session) => {
        try {
          return { inputs: session.inputMetadata.map(port), outputs: session.outputMetadata.map(port) };
        } finally {
          await session.release();
        }
      });
      interfaces.set(graph.name, found);
      found.catch(() => interfaces.delete(graph.name));
    }
    return found;
  };

  const evict = (): void => {
    for (const [key, entry] of sessions) {
      if (sessions.size <= capacity) return;
      if (entry.running > 0) continue;
      sessions.delete(key);
      void entry.session.then((session) => session.release());
    }
  };

  const open = async (graph: Graph, feeds: Readonly<Record<string, OnnxTensor>>): Promise<Entry> => {
    const { inputs } = await describe(graph);
    checkFeeds(graph, inputs, feeds);
    const overrides: Record<string, number> = {};
    for (const { name, dims } of inputs) {
      dims.forEach((d, i) => {
        if (typeof d === 'string' && d !== '') overrides[d] = feeds[name].dims[i];
      });
    }
    const key = `${graph.name}|${inputs.map((input) => feeds[input.name].dims.join('x')).join('|')}`;
    let entry = sessions.get(key);
    if (entry === undefined) {
      // A matrix times one row is read once: packed for products with many rows it is slower (0.40 ms, 0.52 packed).
      const packed = graph.isMatrixBound !== true || inputs.some((input) => feeds[input.name].dims[0] !== 1);
      entry = { session: create(graph, overrides, { packed }), running: 0 };
      entry.session.catch(() => sessions.delete(key));
    } else {
      sessions.delete(key);
    }
    sessions.set(key, entry);
    return entry;
  };

  const execute = async (
    graph: Graph,
    feeds: Readonly<Record<string, OnnxTensor>>,
  ): Promise<Record<string, OnnxTensor>> => {
    const entry = await open(graph, feeds);
    entry.running++;
    try {
      const session = await entry.session;
      const ortFeeds = Object.fromEntries(session.inputNames.map((name) => [name, toOrtTensor(feeds[name])]));
      let results: Awaited<ReturnType<InferenceSession['run']>>;
      try {
        results = await session.run(ortFeeds);
      } catch (cause) {
        throw new FormatError('graph.run', `${graph.name}: cannot be run (${firstLine(cause)})`, { cause });
      }
      return Object.fromEntries(
        session.outputNames.map((name) => [name, fromOrtTensor(results[name] as OrtTensor, name)]),
      );
    } finally {
      entry.running--;
      evict();
    }
  };

  const track = <T>(task: Promise<T>): Promise<T> => {
    pending.add(task);
    const forget = (): void => void pending.delete(task);
    task.then(forget, forget);
    return task;
  };

  return {
    description: `onnxruntime (${executionProvider}${prefersInt8 ? ', int8' : ''})`,
    prefersInt8,
    describe,
    runTyped: (graph, feeds) => track(execute(graph, feeds)),
    async run(graph, feeds) {
      const results = await track(execute(graph, mapValues(feeds, fromFloat32)));
      return mapValues(results, toFloat32);
    },
    async dispose() {
      await Promise.allSettled([...pending]);
      const open = [...sessions.values()];
      sessions.clear();
      await Promise.all(open.map(async (entry) => (await entry.session).release()));
    },
  };
}

/** Views, not copies: feeds and results of a receiver's inner loop are large. */
const fromFloat32 = ({ data, dims }: Tensor): OnnxTensor => ({
  type: 'float32',
  dims,
  bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
});

const toFloat32 = (tensor: OnnxTensor): Tensor => ({
  dims: tensor.dims,
  data:
    tensor.type === 'float32' && tensor.bytes.byteOffset % 4 === 0
      ? new Float32Array(tensor.bytes.buffer, tensor.bytes.byteOffset, tensor.bytes.byteLength / 4)
      : float32sOf(tensor),
});

const mapValues = <A, B>(record: Readonly<Record<string, A>>, map: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, map(value)]));

function port(metadata: InferenceSession.ValueMetadata): GraphPort {
  const { name } = metadata;
  if (!metadata.isTensor)
    throw new FormatError('graph.port', `${name}: is not a tensor, which blindlink cannot give or take`);
  return { name, type: elementTypeOfOrt(metadata.type, name), dims: [...metadata.shape] };
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0];
}
