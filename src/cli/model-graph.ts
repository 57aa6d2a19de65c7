import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { ConfigError, ShapeError } from '../core/errors.js';
import { makeFolder } from '../core/make-folder.js';
import { encodeNpy, type NpyArray, parseNpy } from '../core/npy.js';
import { fixShapes } from '../graph/fix-shapes.js';
import { vjp } from '../graph/vjp.js';
import type { OnnxModel, ValueInfo } from '../onnx/model.js';
import { readModel } from '../onnx/read-model.js';
import { float32sOf, isFloat, numbersOf, type OnnxTensor, tensorOf } from '../onnx/tensor-data.js';
import { writeModel } from '../onnx/write-model.js';
import { type ExecutionProvider, executionProviders } from '../runtime/execution-provider.js';
import { openRuntime } from '../runtime/open-runtime.js';
import type { GraphPort } from '../runtime/runtime.js';
import { type TfjsBackend, tfjsBackends } from '../runtime/tfjs-backend.js';
import { writing } from '../link/results/run-folder.js';
import { readInput, writeAtomically } from './files.js';

/** `model vjp` and `model run`: any ONNX graph, not only codecs. */
export function addModelGraph(model: Command): void {
  model
    .command('vjp')
    .description(
      'Write the vector–Jacobian product of a graph as a graph: its outputs, and gradients for given inputs.',
    )
    .argument('<graph>', 'ONNX file')
    .requiredOption('--of <outputs...>', 'outputs whose cotangents the new graph takes')
    .requiredOption('--with-respect-to <inputs...>', 'inputs for which it gives gradients')
    .requiredOption('--out <file>', 'where to write it')
    .option('--shape <input=dims...>', 'shape of an input that has free dimensions, e.g. noisy=1,3,64,64')
    .action(async (path: string, options: VjpFlags) => {
      await writeVjp(path, options);
    });

  model
    .command('run')
    .description('Run a graph once on .npy files and write one .npy file an output.')
    .argument('<graph>', 'ONNX file')
    .option('--input <name=file.npy...>', 'an input of the graph')
    .requiredOption('--out <folder>', 'where to write the outputs')
    .addOption(new Option('--runtime <name>', 'what runs it').choices(['onnx', 'tfjs']).default('onnx'))
    .addOption(new Option('--backend <name>', 'of tfjs; by default the fastest installed').choices(tfjsBackends))
    .addOption(new Option('--execution-provider <name>', 'of onnx').choices(executionProviders))
    .action(async (path: string, options: RunFlags) => {
      await runGraph(path, options);
    });
}

interface VjpFlags {
  readonly of: string[];
  readonly withRespectTo: string[];
  readonly out: string;
  readonly shape?: string[];
}

async function writeVjp(path: string, { of, withRespectTo, out, shape = [] }: VjpFlags): Promise<void> {
  const model = readModel(readInput(path), path);
  const shapes: Record<string, number[]> = {};
  for (const [name, text] of shape.map((entry) => nameAndValue('--shape', entry, 'input=1,3,64,64'))) {
    const dims = text.split(',').map(Number);
    if (dims.some((n) => !Number.isInteger(n) || n < 1)) {
      throw new ConfigError('model.flag', `--shape ${name}=${text}: must be whole numbers above 0 separated by commas`);
    }
    shapes[name] = dims;
  }
  const unknown = of.find((name) => !model.outputs.some((output) => output.name === name));
  if (unknown !== undefined) {
    throw new ConfigError(
      'vjp.output',
      `${path}: there is no output ${unknown}; the outputs are ${names(model.outputs)}`,
    );
  }
  const gradient = await asUsage(async () => vjp(await fixShapes(model, shapes), { of, withRespectTo }));
  writeAtomically(out, writeModel(gradient));
  console.log(`${out}: ${gradient.nodes.length} nodes`);
  console.log(`inputs:  ${ports(gradient.inputs)}`);
  console.log(`outputs: ${ports(gradient.outputs)}`);
}

/** Shapes come from the user's flags here: that they do not fit is wrong use. */
async function asUsage(work: () => Promise<OnnxModel>): Promise<OnnxModel> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ShapeError)) throw error;
    throw new ConfigError(error.code, `${error.message} (--shape input=n,n,… sets it)`, { cause: error });
  }
}

const names = (values: readonly ValueInfo[]): string => values.map(({ name }) => name).join(', ');
const ports = (values: readonly ValueInfo[]): string =>
  values.map(({ name, type, dims }) => `${name} ${type} [${(dims ?? []).join(',')}]`).join('  ');

interface RunFlags {
  readonly input?: string[];
  readonly out: string;
  readonly runtime: 'onnx' | 'tfjs';
  readonly backend?: TfjsBackend;
  readonly executionProvider?: ExecutionProvider;
}

async function runGraph(path: string, options: RunFlags): Promise<void> {
  const { out, runtime: kind, backend, executionProvider } = options;
  if (kind === 'onnx' && backend !== undefined)
    throw new ConfigError('model.flag', '--backend belongs to --runtime tfjs');
  if (kind === 'tfjs' && executionProvider !== undefined) {
    throw new ConfigError('model.flag', '--execution-provider belongs to --runtime onnx');
  }
  const graph = { name: path, bytes: readInput(path) };
  const given = new Map((options.input ?? []).map((entry) => nameAndValue('--input', entry, 'name=file.npy')));
  const runtime = await openRuntime({ runtime: kind, backend, executionProvider });
  try {
    const { inputs } = await runtime.describe(graph);
    const wanted = inputs.map(({ name }) => name);
    const unknown = [...given.keys()].find((name) => !wanted.includes(name));
    const missing = wanted.find((name) => !given.has(name));
    if (unknown !== undefined || missing !== undefined) {
      const fault = unknown === undefined ? `input ${missing ?? ''} is not given` : `there is no input ${unknown}`;
      throw new ConfigError(
        'model.input',
        `${path}: ${fault}; the inputs are ${wanted.join(', ')} (--input name=file.npy)`,
      );
    }
    const feeds = Object.fromEntries(
      inputs.map((port) => {
        const file = given.get(port.name) ?? '';
        return [port.name, toTensor(parseNpy(readInput(file), file), port, file)];
      }),
    );
    const results = await runtime.runTyped(graph, feeds);
    const files = Object.entries(results).map(([name, tensor]) => [fileName(name), tensor] as const);
    if (new Set(files.map(([name]) => name)).size < files.length) {
      throw new ConfigError('model.outputs', `${path}: two outputs would have the same file name; rename one`);
    }
    writing(out, () => makeFolder(out));
    for (const [name, tensor] of files) {
      writeAtomically(join(out, name), encodeNpy(toNpy(tensor)));
      console.log(`${join(out, name)}  ${tensor.type} [${tensor.dims.join(',')}]`);
    }
  } finally {
    await runtime.dispose();
  }
}

/** Outputs of exported graphs may be called like paths. */
const fileName = (output: string): string => `${output.replaceAll(/[^\w.-]+/g, '_')}.npy`;

function nameAndValue(flag: string, entry: string, example: string): [string, string] {
  const at = entry.indexOf('=');
  if (at < 1 || at === entry.length - 1) {
    throw new ConfigError('model.flag', `${flag} ${entry}: write it as ${example}`, { value: entry });
  }
  return [entry.slice(0, at), entry.slice(at + 1)];
}

/** An array in the type that the graph takes. Fractions are refused where it takes whole numbers. */
function toTensor(array: NpyArray, { name, type }: GraphPort, file: string): OnnxTensor {
  if (array.dtype === 'complex64' || array.dtype === 'complex128') {
    throw new ConfigError('model.input', `${file}: is complex; give ${name} its real and imaginary parts as numbers`);
  }
  const values = array.dtype === 'int64' ? Float64Array.from(array.data, Number) : Float64Array.from(array.data);
  if (!isFloat(type) && values.some((v) => !Number.isInteger(v))) {
    throw new ConfigError('model.input', `${file}: holds fractions, but ${name} takes ${type}`);
  }
  return tensorOf(values, array.shape, type);
}

/** In the nearest type that .npy files have here. */
function toNpy(tensor: OnnxTensor): NpyArray {
  const shape = tensor.dims;
  switch (tensor.type) {
    case 'float64':
      return { dtype: 'float64', shape, data: Float64Array.from(numbersOf(tensor)) };
    case 'float32':
    case 'float16':
    case 'bfloat16':
      return { dtype: 'float32', shape, data: float32sOf(tensor) };
    case 'bool':
      return { dtype: 'bool', shape, data: Uint8Array.from(tensor.bytes) };
    case 'int64':
    case 'uint64':
    case 'uint32':
      return { dtype: 'int64', shape, data: BigInt64Array.from(numbersOf(tensor), BigInt) };
    default:
      return { dtype: 'int32', shape, data: Int32Array.from(numbersOf(tensor)) };
  }
}
