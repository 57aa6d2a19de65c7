/**
 * Streams through GNU Radio's channel model at a given rate and counts every sample: nothing may be lost.
 *
 *   npm run build && node test/bench/gnuradio-stream.bench.mjs [seconds 60] [samples a second 5e6]
 *
 * Sample n carries n modulo 2^20; each block that comes back is checked at its first and last sample.
 */
import { openChannelFlowgraph } from '../../dist/radio/gnuradio/gnuradio-radios.js';

const seconds = Number(process.argv[2] ?? 60);
const rate = Number(process.argv[3] ?? 5e6);
const total = Math.round(seconds * rate);
const PERIOD = 1 << 20;
const BLOCK = 1 << 16;
// The channel model's output is 3 samples early and ends 8 short.
const [EARLY, SHORT] = [3, 8];

const channel = { sampleRateHz: rate, noiseVariance: 0, frequencyOffset: 0, sfoPpm: 0, taps: '1', seed: 1 };
const radio = await openChannelFlowgraph(channel);
const began = performance.now();
let lag = 0;

async function send() {
  for (let at = 0; at < total;) {
    const length = Math.min(BLOCK, total - at);
    const re = Float32Array.from({ length }, (_, i) => ((at + i) % PERIOD) / PERIOD);
    await radio.transmit({ re, im: new Float32Array(length) });
    at += length;
    const ahead = (1000 * at) / rate - (performance.now() - began);
    if (ahead > 0) await new Promise((resolve) => setTimeout(resolve, ahead));
    else lag = Math.max(lag, -ahead);
  }
  await radio.endTransmission();
}

let received = 0;
let wrong = 0;
async function receive() {
  for await (const { samples, sampleIndex, dropped } of radio.receive()) {
    if (dropped !== 0) wrong++;
    for (const i of [0, samples.re.length - 1]) {
      const n = sampleIndex + i + EARLY;
      // Away from the step where the ramp falls, which the resampler smears.
      const place = n % PERIOD;
      if (place > 16 && place < PERIOD - 16 && Math.abs(samples.re[i] - place / PERIOD) > 1e-4) wrong++;
    }
    received += samples.re.length;
  }
}

await Promise.all([send(), receive()]);
const elapsed = (performance.now() - began) / 1000;
const counters = radio.counters();
await radio.close();
const lost = total - SHORT - received;
console.log(
  JSON.stringify({
    seconds: elapsed,
    rate,
    sent: total,
    received,
    lost,
    wrongBlocks: wrong,
    largestLagMs: Math.round(lag),
    counters,
  }),
);
process.exit(lost === 0 && wrong === 0 ? 0 : 1);
