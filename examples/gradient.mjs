/**
 * The gradient of a graph as a graph: f(x) = Σ tanh(x·w)², and xᵀ∂f/∂x against finite differences.
 *
 *   node examples/gradient.mjs
 */
import { createGraphBuilder, createOnnxRuntime, fixShapes, readModel, tensor, vjp, writeModel } from 'blindlink/graph';

const builder = createGraphBuilder('example');
const x = builder.input('x', [1, 4]);
const w = builder.constant(Float32Array.of(1, -2, 0.5, 3, 0.2, 0.1, -1, 0.7), [4, 2]);
const y = builder.node('Tanh', [builder.node('MatMul', [x, w])]);
builder.output('f', builder.node('ReduceSum', [builder.node('Mul', [y, y])], { keepdims: 0 }), []);

const bytes = builder.build();
const shaped = await fixShapes(readModel(bytes), { x: [1, 4] });
const gradient = writeModel(vjp(shaped, { of: ['f'], withRespectTo: ['x'] }));

const runtime = createOnnxRuntime({ threads: 1 });
const at = Float32Array.of(0.3, -0.2, 0.5, 0.1);
const f = async (values) => (await runtime.run({ name: 'f', bytes }, { x: tensor(values, [1, 4]) })).f.data[0];
const { inputs, outputs } = await runtime.describe({ name: 'gradient', bytes: gradient });
const feeds = Object.fromEntries(
  inputs.map(({ name }) => [name, name === 'x' ? tensor(at, [1, 4]) : tensor(Float32Array.of(1), [])]),
);
const result = await runtime.run({ name: 'gradient', bytes: gradient }, feeds);
const ours = result[outputs.find(({ name }) => name.includes('x')).name].data;
let worst = 0;
for (let i = 0; i < 4; i++) {
  const step = 1e-2;
  const [up, down] = [at.slice(), at.slice()];
  up[i] += step;
  down[i] -= step;
  const difference = ((await f(up)) - (await f(down))) / (2 * step);
  worst = Math.max(worst, Math.abs(difference - ours[i]));
  console.log(`∂f/∂x${i}  graph ${ours[i].toFixed(4)}  differences ${difference.toFixed(4)}`);
}
await runtime.dispose();
if (worst > 1e-2) throw new Error(`they differ by ${worst}`);
