/**
 * Operating points of the synchronisers: how often frames are found, how well, at which SNR; false alarms on noise.
 *
 *   npm run build && node test/bench/sync-operating-points.mjs [frames a row 1000] [noise samples 1e8]
 *
 * A frame is the `ota` profile's, two packets; eight fading taps (τ = 4) scaled to unit energy, CFO uniform in ±6 subcarriers
 * (prefixes: ±0.45, and 16 or 34 symbols). Timing counts as good where the FFT window, 4 samples inside the prefix, begins in
 * the prefix: error −12 … 4 samples. GNU Radio's `ofdm_sync_sc_cfb` gets the same samples where it is installed.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { concatComplex, createComplex, interleave, subarray } from '../../dist/core/complex.js';
import { createRng } from '../../dist/core/rng.js';
import { createFrameParts, modulateFrame } from '../../dist/ofdm/frame.js';
import { createGrid, ofdmProfiles } from '../../dist/ofdm/grid.js';
import { fillQpsk } from '../../dist/ofdm/pilots.js';
import { createCpSynchroniser } from '../../dist/sync/cp-synchroniser.js';
import { createPreambleDetector } from '../../dist/sync/preamble-detector.js';

const perRow = Number(process.argv[2] ?? 1000);
const noiseSamples = Number(process.argv[3] ?? 1e8);
const snrs = [-5, 0, 3, 5, 10, 20, 30];
const grid = createGrid(ofdmProfiles.ota);
const root = createRng('operating-points');
const LEAD = 1200;
const TAIL = 1500;

/** One frame (or, without preamble, so many symbols) over a channel, in noise. */
function scene(rng, samples, snrDb, cfo) {
  const taps = createComplex(8);
  rng.split('taps').fillComplexGaussian(taps, 1);
  let energy = 0;
  for (let l = 0; l < 8; l++) {
    taps.re[l] *= Math.exp(-l / 8);
    taps.im[l] *= Math.exp(-l / 8);
    energy += taps.re[l] ** 2 + taps.im[l] ** 2;
  }
  const out = createComplex(LEAD + samples.re.length + TAIL);
  rng.split('noise').fillComplexGaussian(out, 10 ** (-snrDb / 10));
  for (let n = 0; n < samples.re.length + 7; n++) {
    let [re, im] = [0, 0];
    for (let l = 0; l < 8; l++) {
      if (n - l < 0 || n - l >= samples.re.length) continue;
      re += (taps.re[l] * samples.re[n - l] - taps.im[l] * samples.im[n - l]) / Math.sqrt(energy);
      im += (taps.re[l] * samples.im[n - l] + taps.im[l] * samples.re[n - l]) / Math.sqrt(energy);
    }
    const angle = (2 * Math.PI * cfo * n) / grid.fftSize;
    out.re[LEAD + n] += re * Math.cos(angle) - im * Math.sin(angle);
    out.im[LEAD + n] += re * Math.sin(angle) + im * Math.cos(angle);
  }
  return out;
}

function frameOf(rng) {
  const elements = createComplex(2 * grid.elementsPerPacket);
  fillQpsk(elements, rng.split('cells'));
  return modulateFrame(grid, elements, createFrameParts(grid));
}

const rms = (values) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
const percent = (share) => `${(100 * share).toFixed(share > 0.99 && share < 1 ? 2 : 1)} %`;

function row(name, snrDb, { trials, found, errors, cfoErrors, others }) {
  const inPrefix = errors.filter((e) => e >= -12 && e <= 4).length;
  const sorted = [...errors].sort((a, b) => a - b);
  const at = (q) => (sorted.length === 0 ? '-' : sorted[Math.floor(q * (sorted.length - 1))]);
  console.log(
    `| ${name} | ${snrDb} | ${percent(found / trials)} | ${found === 0 ? '-' : percent(inPrefix / found)} | ${at(0.05)} / ${at(0.5)} / ${at(0.95)} | ${found === 0 ? '-' : rms(cfoErrors).toFixed(4)} | ${others} |`,
  );
}

console.log(
  '| method | SNR, dB | found | of these in the prefix | timing error 5 / 50 / 95 % | CFO error, r.m.s. subcarriers | others found |',
);
console.log('| --- | --- | --- | --- | --- | --- | --- |');
const kept = new Map();
for (const snrDb of snrs) {
  const detector = createPreambleDetector(grid, { holdOffSamples: grid.frameLength(2) });
  const [errors, cfoErrors] = [[], []];
  let [found, others] = [0, 0];
  for (let t = 0; t < perRow; t++) {
    const rng = root.split('preamble').split(snrDb).split(t);
    const cfo = 12 * (rng.uniform() - 0.5);
    const x = scene(rng, frameOf(rng), snrDb, cfo);
    if (t < 200) kept.set(snrDb, [...(kept.get(snrDb) ?? []), { rng, x }]);
    detector.reset();
    const all = [...detector.execute(x), ...detector.execute(createComplex(detector.delaySamples))];
    const hit = all.find((d) => Math.abs(d.startSample - LEAD) <= 20);
    others += all.length - (hit ? 1 : 0);
    if (!hit) continue;
    found++;
    errors.push(hit.startSample - LEAD);
    cfoErrors.push(hit.cfoSubcarriers - cfo);
  }
  row('preamble', snrDb, { trials: perRow, found, errors, cfoErrors, others });
}

for (const symbols of [16, 34]) {
  for (const snrDb of snrs) {
    const [errors, cfoErrors] = [[], []];
    let [found, others] = [0, 0];
    const trials = Math.min(perRow, 1000);
    for (let t = 0; t < trials; t++) {
      const rng = root.split('cp').split(symbols).split(snrDb).split(t);
      const cfo = 0.9 * (rng.uniform() - 0.5);
      const data = subarray(frameOf(rng), grid.preambleLength, grid.preambleLength + symbols * grid.symbolLength);
      const x = scene(rng, data, snrDb, cfo);
      const sync = createCpSynchroniser({ fftSize: 64, cyclicPrefixLengths: [16] });
      const all = [...sync.execute(x), ...sync.execute(createComplex(sync.delaySamples))];
      const place = (d) => ((d.startSample - 4 - LEAD + 40 + 800) % 80) - 40;
      const hit = all.find(
        (d) => d.startSample > LEAD - 400 && d.startSample < LEAD + data.re.length && Math.abs(place(d)) <= 20,
      );
      others += all.length - (hit ? 1 : 0);
      if (!hit) continue;
      found++;
      errors.push(place(hit));
      let e = hit.cfoSubcarriers - cfo;
      e -= Math.round(e);
      cfoErrors.push(e);
    }
    row(`cp, ${symbols} symbols`, snrDb, { trials, found, errors, cfoErrors, others });
  }
}

gnuradio();
noise();

/** GNU Radio's detector on 200 of the frames of each row; fractional offsets only (it leaves whole ones to others). */
function gnuradio() {
  const script = `
import json, sys
import numpy as np
from gnuradio import gr, blocks, digital
samples = np.fromfile(sys.argv[1], dtype=np.complex64)
top = gr.top_block("sync", catch_exceptions=False)
sync = digital.ofdm_sync_sc_cfb(64, 16, True, float(sys.argv[2]))
triggers = blocks.vector_sink_b()
offsets = blocks.null_sink(gr.sizeof_float)
top.connect(blocks.vector_source_c(samples.tolist(), False), sync)
top.connect((sync, 0), offsets)
top.connect((sync, 1), triggers)
top.run()
print("RESULT " + json.dumps([int(i) for i in np.flatnonzero(np.array(triggers.data()))]))
`;
  const folder = mkdtempSync(join(tmpdir(), 'blindlink-points-'));
  try {
    for (const threshold of [0.9, 0.6]) {
      for (const snrDb of snrs) {
        const scenes = kept.get(snrDb);
        const length = scenes[0].x.re.length;
        writeFileSync(join(folder, 'iq'), interleave(concatComplex(scenes.map(({ x }) => x))));
        writeFileSync(join(folder, 'sync.py'), script);
        const text = execFileSync(
          process.env.BLINDLINK_PYTHON ?? '/usr/bin/python3',
          [join(folder, 'sync.py'), join(folder, 'iq'), `${threshold}`],
          {
            encoding: 'utf8',
            env: { ...process.env, GR_CONF_LOG_LOG_FILE: 'stderr' },
            stdio: ['ignore', 'pipe', 'ignore'],
          },
        );
        const triggers = JSON.parse(/^RESULT (.*)$/m.exec(text)[1]);
        let found = 0;
        scenes.forEach((_, i) => {
          const start = i * length + LEAD;
          if (triggers.some((at) => at >= start && at <= start + 96)) found++;
        });
        console.log(
          `| GNU Radio, threshold ${threshold} | ${snrDb} | ${percent(found / scenes.length)} | | | | ${triggers.length - found} |`,
        );
      }
    }
  } catch (error) {
    console.log(`GNU Radio was not asked: ${String(error.message).split('\n')[0]}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function noise() {
  const block = createComplex(1 << 20);
  const detector = createPreambleDetector(grid);
  const sync = createCpSynchroniser({ fftSize: 64, cyclicPrefixLengths: [16] });
  let [preambles, stretches, samples] = [0, 0, 0];
  for (let i = 0; samples < noiseSamples; i++) {
    root.split('white').split(i).fillComplexGaussian(block, 1);
    preambles += detector.execute(block).length;
    stretches += sync.execute(block).length;
    samples += block.re.length;
  }
  console.log(`\nwhite noise, ${samples} samples: ${preambles} preambles, ${stretches} stretches`);
}
