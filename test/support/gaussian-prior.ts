import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGraphBuilder, type GraphBuilder, type Value } from '../../src/graph/graph-builder.js';

/** Pictures whose samples are N(MEAN, SPREAD²) in [−1, 1]: their denoiser is known, x̂₀ = m + s²/(s²+σ²)·(x−m). */
export const MEAN = 0.2;
export const SPREAD = 0.3;
export const exactDenoised = (x: number, sigma: number): number =>
  MEAN + (SPREAD ** 2 / (SPREAD ** 2 + sigma ** 2)) * (x - MEAN);

export type PredictionKind = 'denoised' | 'x0' | 'epsilon' | 'v';

/** That denoiser as a network of any kind; its second input is σ. */
function network(kind: PredictionKind, range: readonly [number, number], channels: 3 | 6): Uint8Array {
  const b: GraphBuilder = createGraphBuilder(kind);
  const op = (type: string, ...inputs: Value[]): Value => b.node(type, inputs);
  const x = b.input('noisy', ['n', 3, 'h', 'w']);
  const level = b.node('Reshape', [b.input('level', ['n']), b.int64s([-1, 1, 1, 1])]);
  const gain = (range[1] - range[0]) / 2;
  const mean = b.scalar(gain * MEAN + (range[1] + range[0]) / 2);
  const variance = b.scalar((gain * SPREAD) ** 2);
  const one = b.scalar(1);
  const s2 = op('Mul', level, level);
  const scale = kind === 'denoised' ? one : op('Sqrt', op('Add', one, s2));
  const noisy = op('Mul', x, scale);
  const denoised = op('Add', mean, op('Mul', op('Div', variance, op('Add', variance, s2)), op('Sub', noisy, mean)));
  let out = denoised;
  if (kind === 'epsilon') out = op('Div', op('Sub', noisy, denoised), level);
  if (kind === 'v') {
    // v = √ᾱ·ε − √(1−ᾱ)·x₀
    const epsilon = op('Div', op('Sub', noisy, denoised), level);
    out = op('Div', op('Sub', epsilon, op('Mul', level, denoised)), scale);
  }
  if (channels === 6) out = b.node('Concat', [out, op('Mul', out, b.scalar(7))], { axis: 1 });
  b.output('prediction', out, ['n', channels, 'h', 'w']);
  return b.build();
}

/** Writes the prior and its card; returns the card's path. */
export function writeGaussianPrior(
  kind: PredictionKind = 'denoised',
  range: readonly [number, number] = [-1, 1],
  channels: 3 | 6 = 3,
): string {
  const folder = mkdtempSync(join(tmpdir(), 'blindlink-prior-'));
  writeFileSync(join(folder, 'net.onnx'), network(kind, range, channels));
  const card = { format: 'blindlink-prior/1', name: kind, network: 'net.onnx', prediction: kind, noiseInput: 'sigma' };
  writeFileSync(join(folder, 'card.json'), JSON.stringify({ ...card, valueRange: range }));
  return join(folder, 'card.json');
}
