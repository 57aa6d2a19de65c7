import { FormatError } from '../core/errors.js';
import type { Graph, Runtime } from './runtime.js';
import { sizeOf, tensor, type Tensor } from './tensor.js';

/**
 * An input that anyone can make: element i (from 0, in row-major order) of a graph's input number k (from 0) is
 * low + (high − low)·frac((i + 1 + 1000·k)·0.6180339887498949).
 */
export interface GoldenInput {
  readonly dims: readonly number[];
  readonly low: number;
  readonly high: number;
}

/** What an output must be: its root mean square and `values` at elements ⌊j·size/values.length⌋. */
export interface GoldenOutput {
  readonly dims: readonly number[];
  readonly rms: number;
  readonly values: readonly number[];
}

/** Inputs of a graph by name, and what its outputs are for them. */
export interface Golden {
  readonly inputs: Readonly<Record<string, GoldenInput>>;
  readonly outputs: Readonly<Record<string, GoldenOutput>>;
}

/** Outputs, and their root mean square, may differ by this share of it: runtimes round differently, wrong weights do more. */
const TOLERANCE = 1e-3;
const INPUT_OFFSET = 1000;
const NUM_VALUES = 16;
const GOLDEN_RATIO = 0.6180339887498949;

export function goldenInput({ dims, low, high }: GoldenInput, index = 0): Tensor {
  const data = Float32Array.from({ length: sizeOf(dims) }, (_, i) => {
    const turns = (i + 1 + INPUT_OFFSET * index) * GOLDEN_RATIO;
    return low + (high - low) * (turns - Math.floor(turns));
  });
  return tensor(data, dims);
}

/** Runs a graph on golden inputs and writes down what it gives. */
export async function recordGolden(
  runtime: Runtime,
  graph: Graph,
  inputs: Readonly<Record<string, GoldenInput>>,
): Promise<Golden> {
  const outputs: Record<string, GoldenOutput> = {};
  for (const [name, { data, dims }] of Object.entries(await runOn(runtime, graph, inputs))) {
    const count = Math.min(NUM_VALUES, data.length);
    const values = Array.from({ length: count }, (_, j) => round(data[Math.floor((j * data.length) / count)]));
    outputs[name] = { dims, rms: round(rootMeanSquare(data)), values };
  }
  return { inputs, outputs };
}

/**
 * Runs a graph on its golden inputs and compares.
 * @throws FormatError naming graph, output and the worst difference
 */
export async function checkGolden(runtime: Runtime, graph: Graph, golden: Golden): Promise<void> {
  const found = await runOn(runtime, graph, golden.inputs);
  for (const [name, { dims, rms, values }] of Object.entries(golden.outputs)) {
    const at = `${graph.name}: output ${name}`;
    const output = found[name] as Tensor | undefined;
    if (output?.dims.join() !== dims.join()) {
      const shape = output === undefined ? 'is missing' : `is [${output.dims.join(', ')}]`;
      throw new FormatError('golden.shape', `${at} ${shape}, its golden values are of [${dims.join(', ')}]`);
    }
    const differences = values.map((v, j) =>
      Math.abs(v - output.data[Math.floor((j * output.data.length) / values.length)]),
    );
    const worst = Math.max(...differences, Math.abs(rms - rootMeanSquare(output.data)));
    // Written so that NaN fails.
    if (!(worst <= TOLERANCE * rms)) {
      throw new FormatError(
        'golden.values',
        `${at} is off its golden values by ${worst.toPrecision(3)} (root mean square ${rms.toPrecision(3)}): ` +
          'these are not the weights the card describes, or this runtime computes something else',
      );
    }
  }
}

async function runOn(
  runtime: Runtime,
  graph: Graph,
  inputs: Readonly<Record<string, GoldenInput>>,
): Promise<Record<string, Tensor>> {
  return runtime.run(
    graph,
    Object.fromEntries(Object.entries(inputs).map(([name, input], index) => [name, goldenInput(input, index)])),
  );
}

const rootMeanSquare = (data: Float32Array): number => Math.sqrt(data.reduce((sum, v) => sum + v * v, 0) / data.length);

const round = (v: number): number => Number(v.toPrecision(7));
