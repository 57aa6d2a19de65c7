import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { FormatError, ShapeError } from '../core/errors.js';
import type { Tensor } from './tensor.js';

/** A graph to run: its bytes and a name that errors use and under which its sessions are kept. */
export interface Graph {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** A tensor of a graph's interface; dimensions are numbers where fixed, names where free. */
export interface GraphPort {
  readonly name: string;
  readonly dims: readonly (number | string)[];
}

export interface GraphInterface {
  readonly inputs: readonly GraphPort[];
  readonly outputs: readonly GraphPort[];
}

export interface RuntimeOptions {
  /** Threads inside one operator; default 2. */
  readonly threads?: number;
  /** How many sessions (a graph at fixed shapes) stay open; the least recently used is closed first. Default 32. */
  readonly capacity?: number;
}

/** Runs ONNX graphs on float32 tensors. */
export interface Runtime {
  describe(graph: Graph): Promise<GraphInterface>;
  /**
   * Runs `graph` once. A session is opened for the shapes of `feeds` and kept, so repeated calls with equal
   * shapes pay no set-up. Inputs are matched by name.
   * @throws FormatError if the graph cannot be loaded, ShapeError if the feeds do not fit it
   */
  run(graph: Graph, feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
  /** Waits for running graphs, then closes every session. */
  dispose(): Promise<void>;
}

interface Entry {
  readonly session: Promise<InferenceSession>;
  running: number;
}

export function createOnnxRuntime(options: RuntimeOptions = {}): Runtime {
  const { threads = 2, capacity = 32 } = options;
  const sessions = new Map<string, Entry>();
  const interfaces = new Map<string, Promise<GraphInterface>>();
  const pending = new Set<Promise<unknown>>();

  const create = async (graph: Graph, freeDimensionOverrides: Record<string, number>): Promise<InferenceSession> => {
    try {
      return await InferenceSession.create(graph.bytes, {
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        graphOptimizationLevel: 'all',
        logSeverityLevel: 3,
        freeDimensionOverrides,
      });
    } catch (cause) {
      throw new FormatError(
        'graph.load',
        `${graph.name}: not a graph that onnxruntime can load (${firstLine(cause)})`,
        {
          cause,
        },
      );
    }
  };

  const describe = (graph: Graph): Promise<GraphInterface> => {
    let found = interfaces.get(graph.name);
    if (found === undefined) {
      found = create(graph, {}).then(async (session) => {
        const result = { inputs: session.inputMetadata.map(port), outputs: session.outputMetadata.map(port) };
        await session.release();
        return result;
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

  const open = async (graph: Graph, feeds: Readonly<Record<string, Tensor>>): Promise<Entry> => {
    const { inputs } = await describe(graph);
    const overrides: Record<string, number> = {};
    for (const input of inputs) {
      const dims = feeds[input.name]?.dims;
      const fits =
        dims?.length === input.dims.length && input.dims.every((d, i) => typeof d === 'string' || d === dims[i]);
      if (dims === undefined || !fits) {
        throw new ShapeError(
          'graph.feed',
          `${graph.name}: input ${input.name} needs the shape [${input.dims.join(', ')}], ` +
            (dims === undefined ? 'but was not given' : `got [${dims.join(', ')}]`),
        );
      }
      input.dims.forEach((d, i) => {
        if (typeof d === 'string' && d !== '') overrides[d] = dims[i];
      });
    }
    const key = `${graph.name}|${inputs.map((input) => feeds[input.name].dims.join('x')).join('|')}`;
    let entry = sessions.get(key);
    if (entry === undefined) {
      entry = { session: create(graph, overrides), running: 0 };
      entry.session.catch(() => sessions.delete(key));
    } else {
      sessions.delete(key);
    }
    sessions.set(key, entry);
    return entry;
  };

  const execute = async (graph: Graph, feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> => {
    const entry = await open(graph, feeds);
    entry.running++;
    try {
      const session = await entry.session;
      const ortFeeds: Record<string, OrtTensor> = {};
      for (const name of session.inputNames) {
        ortFeeds[name] = new OrtTensor('float32', feeds[name].data, feeds[name].dims);
      }
      const results = await session.run(ortFeeds);
      const outputs: Record<string, Tensor> = {};
      for (const name of session.outputNames) {
        outputs[name] = { data: results[name].data as Float32Array, dims: results[name].dims };
      }
      return outputs;
    } finally {
      entry.running--;
      evict();
    }
  };

  return {
    describe,
    run(graph, feeds) {
      const task = execute(graph, feeds);
      pending.add(task);
      const forget = (): void => void pending.delete(task);
      task.then(forget, forget);
      return task;
    },
    async dispose() {
      await Promise.allSettled([...pending]);
      const open = [...sessions.values()];
      sessions.clear();
      await Promise.all(open.map(async (entry) => (await entry.session).release()));
    },
  };
}

function port(metadata: InferenceSession.ValueMetadata): GraphPort {
  return { name: metadata.name, dims: metadata.isTensor ? [...metadata.shape] : [] };
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0];
}
