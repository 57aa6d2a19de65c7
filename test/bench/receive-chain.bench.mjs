/**
 * The receive chain's speed on one thread: search, carrier offset, gain, FFT (`createFrameExtractor`).
 *
 *   npm run build && node test/bench/receive-chain.bench.mjs
 *
 * Set-up is not timed. `frames`: one frame of two packets after another, 500 samples apart. `noise`: search alone.
 */
import { concatComplex, createComplex } from '../../dist/core/complex.js';
import { createRng } from '../../dist/core/rng.js';
import { createFrameExtractor } from '../../dist/link/stream/frame-extractor.js';
import { createFrameParts, modulateFrame } from '../../dist/ofdm/frame.js';
import { createGrid, ofdmProfiles } from '../../dist/ofdm/grid.js';
import { fillQpsk } from '../../dist/ofdm/pilots.js';

const rng = createRng('receive-chain');

function stream(grid, frames) {
  const elements = createComplex(2 * grid.elementsPerPacket);
  const parts = [];
  for (let i = 0; i < frames; i++) {
    fillQpsk(elements, rng.split(i));
    parts.push(createComplex(500), modulateFrame(grid, elements, createFrameParts(grid)));
  }
  const x = concatComplex(parts);
  const noise = createComplex(x.re.length);
  rng.split('noise').fillComplexGaussian(noise, 10 ** -1.5);
  for (let i = 0; i < x.re.length; i++) {
    const angle = (2 * Math.PI * 0.3 * i) / grid.fftSize;
    const [re, im] = [x.re[i], x.im[i]];
    x.re[i] = re * Math.cos(angle) - im * Math.sin(angle) + noise.re[i];
    x.im[i] = re * Math.sin(angle) + im * Math.cos(angle) + noise.im[i];
  }
  return x;
}

const ota = createGrid(ofdmProfiles.ota);
const bare = createGrid({ ...ofdmProfiles.ota, preamble: 'none' });
const noise = createComplex(2_000_000);
rng.split('only noise').fillComplexGaussian(noise, 1);
const cases = [
  ['preamble, frames', ota, 'preamble', stream(ota, 600)],
  ['preamble, noise', ota, 'preamble', noise],
  ['prefixes, frames', bare, 'cp', stream(bare, 600)],
  ['prefixes, noise', bare, 'cp', noise],
];
for (const [name, grid, method, x] of cases) {
  const rates = [];
  let found = 0;
  for (let repeat = 0; repeat < 5; repeat++) {
    const extractor = createFrameExtractor(grid, { method, numPackets: 2, timingAdvance: 4, reference: null });
    const began = performance.now();
    for (let at = 0; at < x.re.length; at += 65_536) {
      const samples = { re: x.re.subarray(at, at + 65_536), im: x.im.subarray(at, at + 65_536) };
      extractor.execute({ samples, sampleIndex: at, dropped: 0, cause: null, sampleRateHz: 1e6, centerFrequencyHz: 0 });
    }
    rates.push(x.re.length / (performance.now() - began) / 1000);
    found = extractor.counts().found;
  }
  rates.sort((a, b) => a - b);
  console.log(
    `${name.padEnd(18)} ${rates[2].toFixed(1)} MS/s (median of 5, best ${rates[4].toFixed(1)}), ${found} frames`,
  );
}
