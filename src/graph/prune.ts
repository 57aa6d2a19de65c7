import type { OnnxModel, OnnxNode } from '../onnx/model.js';

/** Without the nodes, initializers and value descriptions that no output needs. Inputs stay: they are the interface. */
export function prune(model: OnnxModel): OnnxModel {
  const needed = new Set(model.outputs.map((output) => output.name));
  const nodes: OnnxNode[] = [];
  for (const node of [...model.nodes].reverse()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    nodes.push(node);
    for (const name of node.inputs) needed.add(name);
    // The body of an If or Loop may use any value of the graph around it.
    if (hasBody(node)) return model;
  }
  return {
    ...model,
    nodes: nodes.reverse(),
    initializers: new Map([...model.initializers].filter(([name]) => needed.has(name))),
    valueInfo: new Map([...model.valueInfo].filter(([name]) => needed.has(name))),
  };
}

export const hasBody = (node: OnnxNode): boolean =>
  Object.values(node.attributes).some((attribute) => attribute.kind === 'graph');
