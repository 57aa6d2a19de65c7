import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGraphBuilder } from '../../src/graph/graph-builder.js';

const EDGE = 4;
/** What is taken off pictures: not mid-grey, which is what opening a codec tries. */
const MEAN = 0.4;

/** Kernels [4,3,4,4]: the means of red, green and blue of a block, and how much brighter its right half is than its left. */
function kernels(): Float32Array {
  const out = new Float32Array(4 * 3 * EDGE * EDGE);
  for (let colour = 0; colour < 3; colour++) {
    for (let i = 0; i < EDGE * EDGE; i++) {
      out[(colour * 3 + colour) * EDGE * EDGE + i] = 1 / (EDGE * EDGE);
      out[(3 * 3 + colour) * EDGE * EDGE + i] = (i % EDGE < EDGE / 2 ? -1 : 1) / (3 * EDGE * EDGE);
    }
  }
  return out;
}

/**
 * Writes a codec that chooses what it sends, linear but for that: of each block of 4×4 the colour, and a slope where it is steep. Returns the
 * card's path.
 */
export function writeMaskedCodec(steep = 0.03): string {
  const encoder = createGraphBuilder('encoder');
  const picture = encoder.input('picture', ['n', 3, 'h', 'w']);
  const strides = { strides: [EDGE, EDGE] };
  const taken = encoder.node('Sub', [picture, encoder.scalar(MEAN)]);
  const latents = encoder.node('Conv', [taken, encoder.constant(kernels(), [4, 3, EDGE, EDGE])], strides);
  const least = encoder.constant(Float32Array.of(-1, -1, -1, steep), [1, 4, 1, 1]);
  const sent = encoder.node('Greater', [encoder.node('Abs', [latents]), least]);
  encoder.output('latents', latents, ['n', 4, 'p', 'q']);
  encoder.output('mask', encoder.node('Cast', [sent], { to: 1 }), ['n', 4, 'p', 'q']);

  const decoder = createGraphBuilder('decoder');
  const inputs = ['latents', 'mask'].map((name) => decoder.input(name, ['n', 4, 'p', 'q']));
  const back = kernels().map((v) => v * EDGE * EDGE);
  const spread = [decoder.node('Mul', inputs), decoder.constant(back, [4, 3, EDGE, EDGE])];
  const shown = decoder.node('Add', [decoder.node('ConvTranspose', spread, strides), decoder.scalar(MEAN)]);
  decoder.output('picture', shown, ['n', 3, 'h', 'w']);

  const folder = mkdtempSync(join(tmpdir(), 'blindlink-masked-'));
  writeFileSync(join(folder, 'encoder.onnx'), encoder.build());
  writeFileSync(join(folder, 'decoder.onnx'), decoder.build());
  const card = {
    ...{ format: 'blindlink-codec/1', name: 'masked', encoder: 'encoder.onnx', decoder: 'decoder.onnx' },
    ...{ latentChannels: 4, downSampling: EDGE, mask: true },
  };
  writeFileSync(join(folder, 'card.json'), JSON.stringify(card));
  return join(folder, 'card.json');
}
