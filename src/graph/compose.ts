import { ConfigError, FormatError, ShapeError } from '../core/errors.js';
import { describeNode, type OnnxModel, type OnnxNode, type ValueInfo } from '../onnx/model.js';
import type { OnnxTensor } from '../onnx/tensor-data.js';
import { hasBody, prune } from './prune.js';
import { raiseOpset } from './raise-opset.js';

export interface GraphPart {
  /** Names the part's values: `<name>/<value>`. */
  readonly name: string;
  readonly model: OnnxModel;
  /**
   * Where its inputs come from: `<part>/<output>` of an earlier part, or the name of an input of the whole. Inputs not
   * mentioned are inputs of the whole under their own name. Inputs of one name are one input.
   */
  readonly inputs?: Readonly<Record<string, string>>;
}

/**
 * Joins models into one, so that a single run gives everything and shared values are computed once.
 *
 * @param outputs outputs of the whole: its name for each → `<part>/<output>`
 * @throws ConfigError for a source or output that is not there, ShapeError where connected ends differ in type or rank
 */
export function composeModels(
  name: string,
  parts: readonly GraphPart[],
  outputs: Readonly<Record<string, string>>,
): OnnxModel {
  const target = Math.max(...parts.map(({ model }) => model.opsets.get('') ?? 0));
  const inputs = new Map<string, ValueInfo>();
  const initializers = new Map<string, OnnxTensor>();
  const nodes: OnnxNode[] = [];
  const produced = new Map<string, ValueInfo>();
  const opsets = new Map<string, number>();

  for (const part of parts) {
    const model = raiseOpset(part.model, target);
    const renamed = new Map<string, string>([['', '']]);
    for (const input of model.inputs) {
      const source = part.inputs?.[input.name] ?? input.name;
      const upstream = produced.get(source);
      if (upstream === undefined && source.includes('/') && part.inputs?.[input.name] !== undefined) {
        throw new ConfigError('graph.compose', `${part.name}.${input.name}: there is no ${source} before it`);
      }
      const connected = upstream ?? inputs.get(source) ?? { ...input, name: source };
      expectFit(connected, input, `${part.name}.${input.name}`);
      if (upstream === undefined) inputs.set(source, moreSpecific(connected, input));
      renamed.set(input.name, source);
    }
    const unknown = Object.keys(part.inputs ?? {}).find((input) => !renamed.has(input));
    if (unknown !== undefined) throw new ConfigError('graph.compose', `${part.name} has no input ${unknown}`);
    const rename = (value: string): string => renamed.get(value) ?? `${part.name}/${value}`;
    for (const [value, tensor] of model.initializers) initializers.set(rename(value), tensor);
    for (const node of model.nodes) {
      if (hasBody(node)) {
        throw new FormatError(
          'graph.compose',
          `${part.name}: ${describeNode(node)} holds a graph of its own; fix its shapes first`,
        );
      }
      nodes.push({
        ...node,
        name: `${part.name}/${node.name}`,
        inputs: node.inputs.map(rename),
        outputs: node.outputs.map(rename),
      });
    }
    for (const output of model.outputs) {
      // An output that is also an input of the part has no node of its own.
      produced.set(`${part.name}/${output.name}`, { ...output, name: rename(output.name) });
    }
    for (const [domain, version] of model.opsets) opsets.set(domain, Math.max(version, opsets.get(domain) ?? 0));
  }

  const outputInfo: ValueInfo[] = [];
  for (const [output, source] of Object.entries(outputs)) {
    const value = produced.get(source);
    if (value === undefined) throw new ConfigError('graph.compose', `output ${output}: there is no ${source}`);
    if (inputs.has(output))
      throw new ConfigError('graph.compose', `${output} is the name of an input and of an output`);
    nodes.push({
      name: output,
      opType: 'Identity',
      domain: '',
      inputs: [value.name],
      outputs: [output],
      attributes: {},
    });
    outputInfo.push({ ...value, name: output });
  }
  const irVersion = Math.max(...parts.map(({ model }) => model.irVersion));
  return prune({
    name,
    irVersion,
    opsets,
    inputs: [...inputs.values()],
    outputs: outputInfo,
    initializers,
    nodes,
    valueInfo: new Map(),
  });
}

function expectFit(source: ValueInfo, input: ValueInfo, where: string): void {
  const { dims } = source;
  const rankFits = dims === null || input.dims === null || dims.length === input.dims.length;
  const sizesFit =
    !rankFits ||
    dims === null ||
    dims.every((d, i) => {
      const other = input.dims?.[i];
      return typeof d !== 'number' || typeof other !== 'number' || d === other;
    });
  if (source.type === input.type && rankFits && sizesFit) return;
  const say = ({ type, dims: d }: ValueInfo): string => `${type} [${(d ?? ['any']).join(', ')}]`;
  throw new ShapeError('graph.compose', `${where}: takes ${say(input)}, but ${source.name} is ${say(source)}`);
}

/** Of two descriptions of one input, the numbers where either has them. */
function moreSpecific(a: ValueInfo, b: ValueInfo): ValueInfo {
  if (a.dims === null || b.dims === null) return { ...a, dims: a.dims ?? b.dims };
  return { ...a, dims: a.dims.map((d, i) => (typeof d === 'number' ? d : (b.dims?.[i] ?? d))) };
}
