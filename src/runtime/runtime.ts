import type { ElementType, OnnxTensor } from '../onnx/tensor-data.js';
import type { Tensor } from './tensor.js';

/** A graph to run: its bytes and a name that errors use and under which its sessions are kept. */
export interface Graph {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Nearly all of its time goes into products of large constant matrices with the rows of its inputs; see `createOnnxRuntime`. */
  readonly isMatrixBound?: boolean;
}

/** A tensor of a graph's interface; dimensions are numbers where fixed, names where free. */
export interface GraphPort {
  readonly name: string;
  readonly type: ElementType;
  readonly dims: readonly (number | string)[];
}

export interface GraphInterface {
  readonly inputs: readonly GraphPort[];
  readonly outputs: readonly GraphPort[];
}

/** Runs ONNX graphs. */
export interface Runtime {
  /** What runs the graphs, for people: `onnxruntime (cpu)`, `TensorFlow.js (wasm)`. */
  readonly description: string;
  /** Whether convolutions on 8-bit integers are wanted where a graph can have them. */
  readonly prefersInt8?: boolean;
  describe(graph: Graph): Promise<GraphInterface>;
  /**
   * Runs `graph` once on float32 tensors. A session is opened for the shapes of `feeds` and kept, so repeated calls with
   * equal shapes pay no set-up. Inputs are matched by name.
   * @throws FormatError if the graph cannot be loaded or run, ShapeError if the feeds do not fit it
   */
  run(graph: Graph, feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>>;
  /** The same for tensors of any type; feeds must have the types of the graph's inputs. */
  runTyped(graph: Graph, feeds: Readonly<Record<string, OnnxTensor>>): Promise<Record<string, OnnxTensor>>;
  /** Waits for running graphs, then closes every session. */
  dispose(): Promise<void>;
}
