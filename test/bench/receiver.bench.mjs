/**
 * blind-em in frames per second on the built-in pictures, and the process's memory over many frames of the whole link.
 * `npm run build && node test/bench/receiver.bench.mjs [frames for the memory test]`
 */
import { lastValueFrom, tap } from 'rxjs';
import { openCodec } from '../../dist/codec/codec.js';
import { findModel } from '../../dist/core/shipped-models.js';
import { resolveConfig } from '../../dist/config/load.js';
import { createLink } from '../../dist/link/link.js';
import { createOnnxRuntime } from '../../dist/runtime/onnx-runtime.js';
import { openPictures } from '../../dist/source/picture-source.js';

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

async function measure(label, codecName, pictures, settings, frames, threads) {
  const runtime = createOnnxRuntime({ threads });
  const codec = await openCodec(findModel('codec', codecName), runtime);
  const config = resolveConfig({
    codec: codecName,
    receiver: { names: ['blind-em'], ...settings.receiver },
    rho: settings.rho ?? 0,
  });
  const loaded = [];
  for await (const picture of openPictures([pictures], { maxPixels: 1 << 22, frames: Math.min(frames, 16) }).pictures())
    loaded.push(picture);
  async function* source() {
    for (let i = 0; i < frames; i++) yield loaded[i % loaded.length];
  }
  const times = [];
  const memory = [];
  await lastValueFrom(
    createLink(config, { codec, runtime }, source()).pipe(
      tap(({ report }) => {
        times.push(report.milliseconds);
        if (times.length % Math.max(1, Math.floor(frames / 10)) === 0)
          memory.push(Math.round(process.memoryUsage().rss / 2 ** 20));
      }),
    ),
  );
  const steady = times.slice(Math.min(5, times.length - 1));
  console.log(
    `${label}: median ${median(steady).toFixed(1)} ms, ${(1000 / median(steady)).toFixed(0)} frames/s, ${threads} thread(s)`,
  );
  await runtime.dispose();
  return memory;
}

const oneStart = (rank) => ({ receiver: { blindEm: { initialStarts: 1, starts: 1, ...(rank ? { rank } : {}) } } });
for (const threads of [1, 2]) {
  await measure('faces, ρ = 0, one start', 'faces-12', 'builtin:faces', oneStart(), 100, threads);
  await measure(
    'natural, ρ = 0.01, one start',
    'natural-12-blind',
    'builtin:natural',
    { ...oneStart(), rho: 0.01 },
    60,
    threads,
  );
}
const frames = Number(process.argv[2] ?? 1000);
const memory = await measure('memory run', 'faces-12', 'builtin:faces', oneStart(), frames, 1);
console.log(`resident memory over ${frames} frames, MiB: ${memory.join(' ')}`);
