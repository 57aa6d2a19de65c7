import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readNpy } from '../../src/core/npy.js';
import { fixShapes } from '../../src/graph/fix-shapes.js';
import { vjp } from '../../src/graph/vjp.js';
import { readModel } from '../../src/onnx/read-model.js';
import { writeModel } from '../../src/onnx/write-model.js';
import { createOnnxRuntime } from '../../src/runtime/onnx-runtime.js';
import type { Runtime } from '../../src/runtime/runtime.js';
import { createTfjsRuntime } from '../../src/runtime/tfjs-runtime.js';
import type { Tensor } from '../../src/runtime/tensor.js';
import { describeWith, gnuradioPython, torch } from '../support/programs.js';

const networks = ['prior', 'adm', 'adm-variants', 'adjscc-encoder', 'adjscc-decoder', 'swin', 'zoo'];

/** Largest difference over largest magnitude. */
function relativeError(actual: Tensor, expected: Tensor): number {
  expect(actual.dims).toEqual(expected.dims);
  let [difference, magnitude] = [0, 0];
  expected.data.forEach((v, i) => {
    difference = Math.max(difference, Math.abs(v - actual.data[i]));
    magnitude = Math.max(magnitude, Math.abs(v));
  });
  return difference / magnitude;
}

describeWith(torch(), 'networks exported from PyTorch', () => {
  const work = mkdtempSync(join(tmpdir(), 'blindlink-gradients-'));
  const onnx = createOnnxRuntime({ threads: 1 });
  let tfjs: Runtime | undefined;
  beforeAll(async () => {
    tfjs = await createTfjsRuntime({ backend: 'wasm' });
  });
  afterAll(async () => {
    await onnx.dispose();
    await tfjs?.dispose();
    rmSync(work, { recursive: true });
  });

  it.each(networks)('%s: outputs and input gradients are those of PyTorch to 1e-4', async (name) => {
    const printed = execFileSync(gnuradioPython, ['test/golden/network-gradients.py', name, work], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const { inputs, gradients, output } = JSON.parse(printed.trim().split('\n').at(-1) ?? '') as {
      inputs: string[];
      gradients: string[];
      output: string;
    };
    const load = (array: string): Tensor => {
      const { data, shape } = readNpy(join(work, name, `${array}.npy`));
      return { data: data as Float32Array, dims: shape };
    };
    const feeds = Object.fromEntries(inputs.map((input) => [input, load(input)]));
    const model = readModel(readFileSync(join(work, name, 'graph.onnx')));
    const shapes = Object.fromEntries(inputs.map((input) => [input, feeds[input].dims]));
    const graph = vjp(await fixShapes(model, shapes), { of: output, withRespectTo: gradients });
    const all = { ...feeds, cotangent: load('cotangent') };
    for (const runtime of [onnx, tfjs]) {
      const results = (await runtime?.run({ name, bytes: writeModel(graph) }, all)) ?? {};
      const where = runtime?.description;
      expect(relativeError(results[output], load(output)), `output, ${where}`).toBeLessThan(1e-4);
      for (const input of gradients) {
        const error = relativeError(results[`grad_${input}`], load(`grad_${input}`));
        expect(error, `grad_${input}, ${where}`).toBeLessThan(1e-4);
      }
    }
  });
});
