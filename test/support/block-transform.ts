import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGraphBuilder } from '../../src/graph/graph-builder.js';

const N = 8;

/** The orthonormal DCT of 8×8 blocks of each colour as an encoder, and its inverse as a decoder: 192 channels at an eighth of the size. */
export function writeBlockTransform(): { encoder: string; decoder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'blindlink-transform-'));
  const basis = (u: number, x: number): number =>
    Math.sqrt((u === 0 ? 1 : 2) / N) * Math.cos((Math.PI * u * (2 * x + 1)) / (2 * N));
  const channels = 3 * N * N;
  const weight = new Float32Array(channels * 3 * N * N);
  // Low frequencies of all colours first.
  const order = Array.from({ length: N * N }, (_, i) => [Math.floor(i / N), i % N]).sort(
    ([a, b], [c, d]) => a + b - c - d,
  );
  order.forEach(([u, v], k) => {
    for (let colour = 0; colour < 3; colour++) {
      for (let y = 0; y < N; y++) {
        for (let x = 0; x < N; x++) {
          weight[(((3 * k + colour) * 3 + colour) * N + y) * N + x] = basis(u, y) * basis(v, x);
        }
      }
    }
  });
  const dims = ['batch', 3, 'height', 'width'];
  const write = (
    name: string,
    type: 'Conv' | 'ConvTranspose',
    from: (number | string)[],
    to: (number | string)[],
  ): string => {
    const builder = createGraphBuilder(name);
    const kernel = builder.constant(weight, [channels, 3, N, N]);
    const input = builder.input('x', from);
    builder.output('y', builder.node(type, [input, kernel], { strides: [N, N] }), to);
    const path = join(folder, `${name}.onnx`);
    writeFileSync(path, builder.build());
    return path;
  };
  const latents = ['batch', channels, 'rows', 'columns'];
  return {
    encoder: write('encoder', 'Conv', dims, latents),
    decoder: write('decoder', 'ConvTranspose', latents, dims),
  };
}
