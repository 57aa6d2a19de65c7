/**
 * Modulator, demodulator, FFT and synchroniser in samples per second; the first two beside liquid-dsp in the same run,
 * alternating, medians of several repeats. Runs on the build: `npm run build && node test/bench/modem.bench.mjs`.
 * BLINDLINK_DIST names another build folder.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const dist = resolve(process.env.BLINDLINK_DIST ?? join(here, '../../dist'));
const load = (path) => import(pathToFileURL(join(dist, path)).href);
const { createGrid, ofdmProfiles } = await load('ofdm/grid.js');
const { createModulator } = await load('ofdm/modulator.js');
const { createDemodulator, createPacketElements } = await load('ofdm/demodulator.js');
const { createPreambleDetector } = await load('sync/preamble-detector.js');
const { createFft } = await load('dsp/fft.js');
const { createComplex } = await load('core/complex.js');
const { createRng } = await load('core/rng.js');

const repeats = 7;
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const megasamples = (rate) => `${(rate / 1e6).toFixed(1)} MS/s`;

/** Samples per second of `body`, which handles `samples` samples a call. */
function rate(body, samples, seconds = 0.15) {
  let calls = 0;
  const start = performance.now();
  let elapsed = 0;
  do {
    for (let i = 0; i < 50; i++) body();
    calls += 50;
    elapsed = (performance.now() - start) / 1000;
  } while (elapsed < seconds);
  return (calls * samples) / elapsed;
}

function compileLiquid(folder) {
  if (!existsSync('/usr/include/liquid/liquid.h')) return null;
  const binary = join(folder, 'liquid-ofdm');
  execFileSync('cc', ['-O3', '-march=native', '-o', binary, join(here, 'liquid-ofdm.c'), '-lliquid', '-lm']);
  return (mode, prefix, guards) => Number(execFileSync(binary, [mode, `${prefix}`, guards ? '1' : '0', '100000']));
}

const folder = mkdtempSync(join(tmpdir(), 'blindlink-bench-'));
try {
  const liquid = compileLiquid(folder);
  if (liquid === null) console.log('liquid-dsp not found (apt-get install libliquid-dev gcc): ours alone');
  const rng = createRng(1);

  for (const [name, base] of Object.entries(ofdmProfiles)) {
    for (const cyclicPrefixLength of [12, 16]) {
      const grid = createGrid({ ...base, cyclicPrefixLength, pilotSymbols: 0, preamble: 'none' });
      const elements = createComplex(grid.elementsPerPacket);
      rng.fillComplexGaussian(elements, 1);
      const samples = createComplex(grid.packetLength);
      const modulator = createModulator(grid);
      const demodulator = createDemodulator(grid);
      const out = createPacketElements(grid);
      const bodies = {
        mod: () => modulator.execute(elements, samples),
        demod: () => demodulator.execute(samples, out),
      };
      for (const [mode, body] of Object.entries(bodies)) {
        rate(body, grid.packetLength);
        const ours = [];
        const theirs = [];
        for (let r = 0; r < repeats; r++) {
          ours.push(rate(body, grid.packetLength));
          if (liquid !== null) theirs.push(liquid(mode, cyclicPrefixLength, base.dcNull));
        }
        const line = `${name.padEnd(5)} K=${cyclicPrefixLength} ${mode.padEnd(5)} ours ${megasamples(median(ours))}`;
        if (liquid === null) console.log(line);
        else {
          const ratio = median(ours.map((rateOfOurs, r) => rateOfOurs / theirs[r]));
          console.log(`${line}, liquid-dsp ${megasamples(median(theirs))}, ratio ${ratio.toFixed(2)}`);
        }
      }
    }
  }

  for (const size of [64, 256, 1024, 4096]) {
    const fft = createFft(size, 'unitary');
    const x = createComplex(size);
    rng.fillComplexGaussian(x, 1);
    rate(() => fft.forward(x, x), size);
    const rates = Array.from({ length: 5 }, () => rate(() => fft.forward(x, x), size));
    console.log(`FFT N=${size} ${megasamples(median(rates))}`);
  }
  const detector = createPreambleDetector(createGrid(ofdmProfiles.ota));
  const noise = createComplex(4096);
  rng.fillComplexGaussian(noise, 1);
  rate(() => detector.execute(noise), 4096);
  const rates = Array.from({ length: 5 }, () => rate(() => detector.execute(noise), 4096));
  console.log(`preamble search in noise ${megasamples(median(rates))}`);
} finally {
  rmSync(folder, { recursive: true });
}
