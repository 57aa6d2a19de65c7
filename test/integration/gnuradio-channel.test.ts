import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, it } from 'vitest';
import { createRappAmplifier } from '../../src/channel/amplifier.js';
import { createCfo } from '../../src/channel/cfo.js';
import { createFadingTaps } from '../../src/channel/fading-taps.js';
import { createIqImbalance } from '../../src/channel/iq-imbalance.js';
import { createPhaseNoise } from '../../src/channel/phase-noise.js';
import { createSfo } from '../../src/channel/sfo.js';
import { runBlock } from '../../src/channel/stream-block.js';
import { createTapDelayLine } from '../../src/channel/tap-delay-line.js';
import { createTapSource } from '../../src/channel/tap-source.js';
import { tapProfile } from '../../src/channel/tap-statistics.js';
import { type ComplexArray, createComplex, deinterleave, interleave, subarray } from '../../src/core/complex.js';
import { createRng } from '../../src/core/rng.js';
import { describeWith, gnuradio, gnuradioPython } from '../support/programs.js';
import { autocorrelation, besselJ0, db, errorRatio, noiseSignal } from '../unit/channel/helpers.js';

const script = fileURLToPath(new URL('../golden/gnuradio-channel.py', import.meta.url));
/**
 * GNU Radio's channel_model drops its first 3 input samples, so its output is 3 early and lacks their echoes at its
 * beginning; it keeps the last 8 to itself.
 */
const early = 3;
const lost = 8;
const settled = 7;

const x = noiseSignal(20_000, 'gnuradio');
const taps = createTapSource({ kind: 'exponential', numTaps: 8, decay: 4 }, createRng('gnuradio')).draw(0);
const pairs = (h: ComplexArray): [number, number][] => Array.from(h.re, (re, l) => [re, h.im[l]]);
const constant = (length: number): ComplexArray => {
  const ones = createComplex(length);
  ones.re.fill(1);
  return ones;
};
/** An impulse every 16 samples, so that 8 taps do not overlap. */
const impulses = createComplex(32_000);
for (let n = 0; n < impulses.re.length; n += 16) impulses.re[n] = 1;
/** Energy within ±0.1 cycles/sample, where GNU Radio's 8-tap interpolator is accurate too. */
const narrowband = createComplex(40_000);
for (const frequency of [-0.1, -0.037, 0.011, 0.083, 0.1]) {
  for (let n = 0; n < narrowband.re.length; n++) {
    narrowband.re[n] += Math.cos(2 * Math.PI * frequency * n) / Math.sqrt(5);
    narrowband.im[n] += Math.sin(2 * Math.PI * frequency * n) / Math.sqrt(5);
  }
}
const profile = tapProfile({ kind: 'exponential', numTaps: 8, decay: 4 });
const seeds = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

const jobs: { name: string; block: string; args: unknown[]; input: ComplexArray }[] = [
  { name: 'taps', block: 'channel_model', args: [0, 0, 1, pairs(taps)], input: x },
  { name: 'taps and CFO', block: 'channel_model', args: [0, 0.0123, 1, pairs(taps)], input: x },
  { name: 'SFO', block: 'channel_model', args: [0, 0, 1 + 50e-6, [[1, 0]]], input: narrowband },
  { name: 'IQ', block: 'iqbal_gen', args: [1.5, 4, 1], input: x },
  { name: 'distortion', block: 'distortion_3_gen', args: [-1 / 2000], input: x },
  { name: 'phase noise', block: 'phase_noise_gen', args: [50, 1e-4], input: constant(200_000) },
  ...seeds.map((seed) => ({
    name: `fading ${seed}`,
    block: 'fading_model',
    args: [32, 0.02, seed],
    input: constant(10_000),
  })),
  ...seeds.slice(0, 8).map((seed) => ({
    name: `selective ${seed}`,
    block: 'selective_fading_model',
    args: [8, 0.01, seed, [0, 1, 2, 3, 4, 5, 6, 7], [...profile.map(Math.sqrt)]],
    input: impulses,
  })),
];

describeWith(gnuradio(), 'channel against GNU Radio', () => {
  const outputs = new Map<string, ComplexArray>();
  const output = (name: string): ComplexArray => outputs.get(name)!;

  beforeAll(() => {
    const folder = mkdtempSync(join(tmpdir(), 'blindlink-gnuradio-'));
    try {
      const listed = jobs.map(({ block, args, input }, i) => {
        writeFileSync(join(folder, `in-${i}.cf32`), interleave(input));
        return { block, args, input: join(folder, `in-${i}.cf32`), output: join(folder, `out-${i}.cf32`) };
      });
      writeFileSync(join(folder, 'jobs.json'), JSON.stringify(listed));
      const run = spawnSync(gnuradioPython, [script, join(folder, 'jobs.json')], { encoding: 'utf8', timeout: 90_000 });
      if (run.status !== 0) throw new Error(`GNU Radio failed (${run.status}): ${run.stderr || run.stdout}`);
      jobs.forEach(({ name }, i) => {
        const bytes = new Uint8Array(readFileSync(join(folder, `out-${i}.cf32`)));
        outputs.set(name, deinterleave(new Float32Array(bytes.buffer)));
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('taps: sample for sample (−120 dB)', () => {
    const theirs = output('taps');
    expect(theirs.re.length).toBe(x.re.length - lost);
    const ours = runBlock(createTapDelayLine(taps), x);
    const aligned = subarray(ours, early + settled, early + theirs.re.length);
    expect(db(errorRatio(aligned, subarray(theirs, settled)))).toBeLessThan(-120);
  });

  it('taps and CFO: sample for sample (−85 dB, their phase step being float32), the same sign of frequency', () => {
    const theirs = output('taps and CFO');
    // Their phase counts from their first output, which is our sample 3.
    const filtered = subarray(runBlock(createTapDelayLine(taps), x), early, early + theirs.re.length);
    const error = (cfo: number): number =>
      db(errorRatio(subarray(runBlock(createCfo(cfo, 1), filtered), settled), subarray(theirs, settled)));
    expect(error(0.0123)).toBeLessThan(-85);
    expect(error(-0.0123)).toBeGreaterThan(-3);
  });

  it('SFO of +50 ppm is their epsilon = 1.00005 (−50 dB after drifting 2 samples)', () => {
    const theirs = output('SFO');
    // Ours is 32 late and theirs 3 early; 35·50e−6 of a sample is left. The first outputs see the start.
    const end = 39_900;
    expect(theirs.re.length).toBeGreaterThan(end);
    const error = (ppm: number): number => {
      const resampled = runBlock(createSfo(ppm), narrowband);
      return db(errorRatio(subarray(resampled, 135, end), subarray(theirs, 100, end - 35)));
    };
    expect(error(50)).toBeLessThan(-50);
    expect(error(-50)).toBeGreaterThan(-10);
  });

  it('IQ imbalance: their receiver model is ours with I and Q exchanged (−120 dB)', () => {
    const exchanged = runBlock(createIqImbalance({ gainDb: 1.5, phaseDeg: 4 }), { re: x.im, im: x.re });
    expect(db(errorRatio({ re: exchanged.im, im: exchanged.re }, output('IQ')))).toBeLessThan(-120);
  });

  it('Rapp with p = 1 far below saturation is third-order distortion with β = −1/(2A²) (−45 dB of it)', () => {
    const ours = runBlock(createRappAmplifier({ smoothness: 1, inputBackoffDb: 30 }), x);
    const distortion = (y: ComplexArray): ComplexArray => ({
      re: y.re.map((v, n) => v - x.re[n]),
      im: y.im.map((v, n) => v - x.im[n]),
    });
    expect(db(errorRatio(distortion(ours), distortion(output('distortion'))))).toBeLessThan(-45);
  });

  it('phase noise: both walk as variance·lag, their filter being a random walk for lags far below 1/α', () => {
    const stepVariance = (1e-4 * 50) ** 2;
    const ours = runBlock(createPhaseNoise(stepVariance / (2 * Math.PI), 1, createRng('walk')), constant(200_000));
    for (const y of [ours, output('phase noise')]) {
      for (const lag of [1, 10, 100]) {
        let variance = 0;
        for (let n = 0; n + lag < y.re.length; n++) {
          const sin = y.im[n + lag] * y.re[n] - y.re[n + lag] * y.im[n];
          const cos = y.re[n + lag] * y.re[n] + y.im[n + lag] * y.im[n];
          variance += Math.atan2(sin, cos) ** 2 / (y.re.length - lag);
        }
        expect(Math.abs(variance / (stepVariance * lag) - 1)).toBeLessThan(lag === 1 ? 0.02 : 0.12);
      }
    }
  });

  it('fading: both autocorrelations follow J0(2πf_D·τ) within 0.03', () => {
    const root = createRng('both');
    const config = { taps: { kind: 'flat' }, dopplerHz: 0.02, sampleRateHz: 1 } as const;
    const ours = seeds.map((seed) => runBlock(createFadingTaps(config, root.split(seed)), constant(10_000)));
    const theirs = seeds.map((seed) => output(`fading ${seed}`));
    for (const lag of [0, 5, 10, 19, 30, 60]) {
      const expected = besselJ0(2 * Math.PI * 0.02 * lag);
      for (const runs of [ours, theirs]) {
        const mean = runs.reduce((sum, h) => sum + autocorrelation(h, lag).re / runs.length, 0);
        expect(Math.abs(mean - expected)).toBeLessThan(0.03);
      }
    }
  });

  it.each([4, 8, 16])('fading: what leaves a subcarrier within %i samples is as theory has it, within 10 %', (n) => {
    const root = createRng('both');
    const config = { taps: { kind: 'flat' }, dopplerHz: 0.02, sampleRateHz: 1 } as const;
    const ours = seeds.map((seed) => runBlock(createFadingTaps(config, root.split(seed)), constant(10_000)));
    const theirs = seeds.map((seed) => output(`fading ${seed}`));
    // Of subcarriers of equal power: 1 − E|mean of h|²/E|h|² over the symbol.
    let sum = n;
    for (let k = 1; k < n; k++) sum += 2 * (n - k) * besselJ0(2 * Math.PI * 0.02 * k);
    const theory = 1 - sum / (n * n);
    for (const runs of [ours, theirs]) {
      let [kept, all] = [0, 0];
      for (const h of runs) {
        for (let at = 0; at + n <= h.re.length; at += n) {
          let [re, im] = [0, 0];
          for (let i = at; i < at + n; i++) {
            re += h.re[i] / n;
            im += h.im[i] / n;
            all += (h.re[i] ** 2 + h.im[i] ** 2) / n;
          }
          kept += re * re + im * im;
        }
      }
      expect(Math.abs((1 - kept / all) / theory - 1)).toBeLessThan(0.1);
    }
  });

  it('selective fading: the same power delay profile within 5 %', () => {
    const root = createRng('selective');
    const config = {
      taps: { kind: 'exponential', numTaps: 8, decay: 4 },
      dopplerHz: 0.01,
      sampleRateHz: 1,
      numSinusoids: 8,
    } as const;
    const ours = seeds.slice(0, 8).map((seed) => runBlock(createFadingTaps(config, root.split(seed)), impulses));
    const theirs = seeds.slice(0, 8).map((seed) => output(`selective ${seed}`));
    for (const runs of [ours, theirs]) {
      const power = new Float64Array(16);
      for (const y of runs) {
        for (let n = 0; n < y.re.length; n++) power[n % 16] += (y.re[n] ** 2 + y.im[n] ** 2) / (2000 * runs.length);
      }
      profile.forEach((p, l) => expect(Math.abs(power[l] / p - 1)).toBeLessThan(0.05));
      expect(power.subarray(8).every((p) => p === 0)).toBe(true);
    }
  });
});
