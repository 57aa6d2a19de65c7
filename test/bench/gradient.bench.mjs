/**
 * Milliseconds for one evaluation of a network's output and input gradient: the VJP graph on onnxruntime beside PyTorch
 * eager, the same network with random weights, one thread each, in turns.
 * `npm run build && node test/bench/gradient.bench.mjs [rounds]`; needs PyTorch (apt-get install python3-torch).
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readNpy } from '../../dist/core/npy.js';
import { fixShapes } from '../../dist/graph/fix-shapes.js';
import { vjp } from '../../dist/graph/vjp.js';
import { readModel } from '../../dist/onnx/read-model.js';
import { writeModel } from '../../dist/onnx/write-model.js';
import { createOnnxRuntime } from '../../dist/runtime/onnx-runtime.js';

const python = process.env.BLINDLINK_PYTHON ?? '/usr/bin/python3';
const rounds = Number(process.argv[2] ?? 3);
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const work = mkdtempSync(join(tmpdir(), 'blindlink-gradient-bench-'));

function timePytorch(name) {
  const args = ['test/golden/network-gradients.py', name, work, '--time', '15'];
  const printed = execFileSync(python, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  return JSON.parse(printed.trim().split('\n').at(-1));
}

async function timeGraph(runtime, graph, feeds) {
  const times = [];
  for (let i = 0; i < 25; i++) {
    const began = performance.now();
    await runtime.run(graph, feeds);
    times.push(performance.now() - began);
  }
  return median(times.slice(5));
}

for (const [name, inputs, output] of [
  ['prior-bench', ['noisy', 'sigma'], 'output'],
  ['adm-bench', ['noisy', 'timesteps'], 'prediction'],
]) {
  const runtime = createOnnxRuntime({ threads: 1 });
  const ours = [];
  const forward = [];
  const theirs = [];
  let version = '';
  for (let round = 0; round < rounds; round++) {
    const pytorch = timePytorch(name);
    version = pytorch.torch;
    theirs.push(pytorch.milliseconds);
    const load = (array) => {
      const { data, shape } = readNpy(join(work, name, `${array}.npy`));
      return { data, dims: shape };
    };
    const feeds = Object.fromEntries(inputs.map((input) => [input, load(input)]));
    const model = readModel(readFileSync(join(work, name, 'graph.onnx')));
    const shapes = Object.fromEntries(inputs.map((input) => [input, feeds[input].dims]));
    const shaped = await fixShapes(model, shapes);
    const gradient = vjp(shaped, { of: output, withRespectTo: [inputs[0]] });
    const all = { ...feeds, cotangent: load('cotangent') };
    forward.push(await timeGraph(runtime, { name: `${name} forward`, bytes: writeModel(shaped.model) }, feeds));
    ours.push(await timeGraph(runtime, { name, bytes: writeModel(gradient) }, all));
  }
  const [a, b] = [median(ours), median(theirs)];
  console.log(
    `${name}: output and gradient ${a.toFixed(1)} ms (forward alone ${median(forward).toFixed(1)} ms), ` +
      `PyTorch ${version} ${b.toFixed(1)} ms, ratio ${(a / b).toFixed(2)}`,
  );
  await runtime.dispose();
}
rmSync(work, { recursive: true });
