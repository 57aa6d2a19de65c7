/**
 * How a campaign gains from cores: frames per second of one worker process and of two, of the same frames, in turns, from when
 * the first batch is done (starting a process and opening networks is not in it). Beside the wall clock stands the workers' own time
 * for a frame: on a machine that is busy otherwise it shows what two workers cost each other.
 * `npm run build && node test/bench/campaign.bench.mjs [frames] [turns]`
 */
import { availableParallelism, loadavg } from 'node:os';
import { resolveConfig } from '../../dist/config/load.js';
import { createFramePool, inOrder } from '../../dist/campaign/frame-pool.js';

const FRAMES = Number(process.argv[2] ?? 400);
const TURNS = Number(process.argv[3] ?? 3);
const BATCH = 8;
const config = resolveConfig({ pictures: ['builtin:faces'], codec: 'faces-12', receiver: { names: ['blind-em'] } });

function* jobs() {
  for (let from = 0; from < FRAMES; from += BATCH) yield { config, from, to: from + BATCH, wishes: {} };
}

async function framesPerSecond(workers) {
  const pool = createFramePool(workers, { apart: true });
  let began = 0;
  let frames = 0;
  let milliseconds = 0;
  let skip = 2 * workers;
  try {
    for await (const { products } of inOrder(pool, jobs(), new AbortController().signal)) {
      if (skip-- > 0) {
        began = performance.now();
        continue;
      }
      frames += products.length;
      for (const { results } of products) milliseconds += results[0].report.milliseconds;
    }
    return { rate: (1000 * frames) / (performance.now() - began), receiverMs: milliseconds / frames };
  } finally {
    await pool.close();
  }
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
console.log(`${availableParallelism()} cores, load ${loadavg()[0].toFixed(1)} before it began`);
const ratios = [];
for (let turn = 0; turn < TURNS; turn++) {
  const one = await framesPerSecond(1);
  const two = await framesPerSecond(2);
  ratios.push(two.rate / one.rate);
  console.log(
    `1 worker ${one.rate.toFixed(1)} frames/s (receiver ${one.receiverMs.toFixed(1)} ms), ` +
      `2 workers ${two.rate.toFixed(1)} frames/s (${two.receiverMs.toFixed(1)} ms): ` +
      `${((100 * two.rate) / one.rate / 2).toFixed(0)} % of linear`,
  );
}
console.log(
  `median ${((100 * median(ratios)) / 2).toFixed(0)} % of linear, load ${loadavg()[0].toFixed(1)} when it ended`,
);
