import type { Tensor as TfTensor } from '@tensorflow/tfjs-core';
import type { OnnxModel } from '../onnx/model.js';
import { readModel } from '../onnx/read-model.js';
import { type ElementType, float32sOf, isFloat, type OnnxTensor, tensorOf } from '../onnx/tensor-data.js';
import { checkFeeds } from './check-feeds.js';
import type { Graph, GraphInterface, Runtime } from './runtime.js';
import { loadTfjs, type TfjsBackend } from './tfjs-backend.js';
import { checkOperators, interpret, uploadTensor } from './tfjs-interpreter.js';
import type { Tensor } from './tensor.js';

export interface TfjsRuntimeOptions {
  /** By default the first that is installed of tfjs-node-gpu, tfjs-node, wasm, cpu. */
  readonly backend?: TfjsBackend;
  /** How many graphs keep their constants on the device; the least recently used goes first. Default 32. */
  readonly capacity?: number;
}

interface LoadedGraph {
  readonly model: OnnxModel;
  readonly constants: ReadonlyMap<string, TfTensor>;
}

/**
 * Runs graphs with TensorFlow.js, operator by operator. Runs take turns: TensorFlow.js has one engine in a process.
 * Whole numbers are 32 bits and floats are float32, whatever the graph says.
 *
 * @throws ConfigError if the backend is not installed
 */
export async function createTfjsRuntime(options: TfjsRuntimeOptions = {}): Promise<Runtime> {
  const { capacity = 32 } = options;
  const { tf, backend, name: engine } = await loadTfjs(options.backend);
  const graphs = new Map<string, LoadedGraph>();
  let last: Promise<unknown> = Promise.resolve();

  const release = ({ constants }: LoadedGraph): void => {
    for (const tensor of constants.values()) tensor.dispose();
  };

  const load = (graph: Graph): LoadedGraph => {
    let found = graphs.get(graph.name);
    if (found === undefined) {
      const model = readModel(graph.bytes, graph.name);
      checkOperators(model, graph.name);
      found = { model, constants: new Map([...model.initializers].map(([key, t]) => [key, uploadTensor(tf, t)])) };
    }
    graphs.delete(graph.name);
    graphs.set(graph.name, found);
    for (const [key, old] of graphs) {
      if (graphs.size <= capacity) break;
      graphs.delete(key);
      release(old);
    }
    return found;
  };

  const execute = async (
    graph: Graph,
    feeds: Readonly<Record<string, OnnxTensor>>,
  ): Promise<Record<string, OnnxTensor>> => {
    // Another runtime in this process may have chosen another backend since.
    if (tf.getBackend() !== engine) await tf.setBackend(engine);
    const { model, constants } = load(graph);
    checkFeeds(graph, interfaceOf(model).inputs, feeds);
    const results = tf.tidy(() => {
      const inputs = Object.fromEntries(model.inputs.map(({ name }) => [name, uploadTensor(tf, feeds[name])]));
      // Clones: an output may be a constant, or an input, which are disposed of elsewhere.
      const outputs = interpret(tf, model, constants, inputs);
      return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, tf.clone(value)]));
    });
    try {
      const downloaded: Record<string, OnnxTensor> = {};
      for (const { name, type } of model.outputs) {
        downloaded[name] = tensorOf(
          await results[name].data(),
          results[name].shape,
          outputType(type, results[name].dtype),
        );
      }
      return downloaded;
    } finally {
      for (const tensor of Object.values(results)) tensor.dispose();
    }
  };

  /** One after another, whatever became of the one before. */
  const enqueue = <T>(task: () => Promise<T>): Promise<T> => {
    const result = last.then(task, task);
    last = result.catch(() => undefined);
    return result;
  };

  return {
    description: `TensorFlow.js (${backend})`,
    describe: (graph) => enqueue(async () => Promise.resolve(interfaceOf(load(graph).model))),
    runTyped: (graph, feeds) => enqueue(() => execute(graph, feeds)),
    async run(graph, feeds) {
      const typed = Object.fromEntries(
        Object.entries(feeds).map(([name, { data, dims }]) => [name, tensorOf(data, dims, 'float32')]),
      );
      const results = await enqueue(() => execute(graph, typed));
      const entries = Object.entries(results).map(([name, t]): [string, Tensor] => [
        name,
        { data: float32sOf(t), dims: t.dims },
      ]);
      return Object.fromEntries(entries);
    },
    async dispose() {
      await last;
      graphs.forEach(release);
      graphs.clear();
    },
  };
}

function interfaceOf(model: OnnxModel): GraphInterface {
  const port = ({ name, type, dims }: OnnxModel['inputs'][number]) => ({ name, type, dims: dims ?? [] });
  return { inputs: model.inputs.map(port), outputs: model.outputs.map(port) };
}

/** What an output is called when it leaves: as the graph declares it, as far as TensorFlow.js keeps such numbers. */
function outputType(declared: ElementType, dtype: string): ElementType {
  if (dtype === 'float32') return 'float32';
  if (dtype === 'bool') return 'bool';
  return isFloat(declared) ? 'int32' : declared;
}
