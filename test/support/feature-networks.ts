import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createGraphBuilder } from '../../src/graph/graph-builder.js';

const picture = ['batch', 3, 'height', 'width'];

/** A "distance" that is the mean squared error: two pictures → [N]. */
export function mseGraph(): Uint8Array {
  const builder = createGraphBuilder('mse');
  const difference = builder.node('Sub', [builder.input('a', picture), builder.input('b', picture)]);
  const square = builder.node('Mul', [difference, difference]);
  builder.output('distance', builder.node('ReduceMean', [square], { axes: [1, 2, 3], keepdims: 0 }), ['batch']);
  return builder.build();
}

/** "Features" that are the mean colour: a picture → [N,3]. */
export function meanColourGraph(): Uint8Array {
  const builder = createGraphBuilder('colour');
  const mean = builder.node('ReduceMean', [builder.input('picture', picture)], { axes: [2, 3], keepdims: 0 });
  builder.output('features', mean, ['batch', 3]);
  return builder.build();
}

/** Writes a feature network's folder; `over` replaces fields of its card. */
export function writeFeatureNetwork(
  folder: string,
  bytes: Uint8Array,
  over: Readonly<Record<string, unknown>>,
): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'network.onnx'), bytes);
  const card = {
    format: 'blindlink-features/1',
    name: 'mse',
    kind: 'lpips',
    network: 'network.onnx',
    minimumSize: 8,
    sha256: { 'network.onnx': createHash('sha256').update(bytes).digest('hex') },
    source: {},
    licence: 'none',
    ...over,
  };
  writeFileSync(join(folder, 'card.json'), JSON.stringify(card));
  return folder;
}
