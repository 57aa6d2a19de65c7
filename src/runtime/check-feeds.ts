import { ShapeError } from '../core/errors.js';
import type { OnnxTensor } from '../onnx/tensor-data.js';
import type { Graph, GraphPort } from './runtime.js';

/** Throws ShapeError if a feed is missing, or does not have the type and shape of its input. */
export function checkFeeds(
  graph: Graph,
  inputs: readonly GraphPort[],
  feeds: Readonly<Record<string, OnnxTensor>>,
): void {
  for (const { name, type, dims } of inputs) {
    const feed = feeds[name] as OnnxTensor | undefined;
    const fits =
      feed?.type === type &&
      feed.dims.length === dims.length &&
      dims.every((d, i) => typeof d === 'string' || d === feed.dims[i]);
    if (fits) continue;
    throw new ShapeError(
      'graph.feed',
      `${graph.name}: input ${name} needs ${type === 'float32' ? '' : `${type} of `}the shape [${dims.join(', ')}], ` +
        (feed === undefined
          ? 'but was not given'
          : `got ${feed.type === type ? '' : `${feed.type} `}[${feed.dims.join(', ')}]`),
    );
  }
}
