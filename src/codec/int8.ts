import { z } from 'zod';
import { FormatError } from '../core/errors.js';
import { quantiseConvolutions, type ValueRanges } from '../graph/quantise.js';
import { readModel } from '../onnx/read-model.js';
import { writeModel } from '../onnx/write-model.js';
import type { OpenGraph } from './open-graph.js';

/** Ranges of the values in each of a codec's networks, by file: what they need to run on 8-bit integers. */
export type CodecRanges = Readonly<Record<string, ValueRanges>>;

const schema = z.record(z.string(), z.record(z.string(), z.tuple([z.number(), z.number()])));

/** Reads a ranges file. @throws FormatError, one line */
export function parseRanges(bytes: Uint8Array, file: string): CodecRanges {
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch (cause) {
    throw new FormatError(
      'codec.ranges',
      `${file}: holds no ranges of values; make it anew with 'blindlink model quantise'`,
      { cause },
    );
  }
}

/** The same network with its convolutions on 8-bit integers; inputs and outputs stay what they are. */
export function onIntegers({ graph, ports }: OpenGraph, ranges: ValueRanges): OpenGraph {
  const bytes = writeModel(quantiseConvolutions(readModel(graph.bytes, graph.name), ranges));
  return { graph: { name: `${graph.name} on int8`, bytes }, ports };
}
