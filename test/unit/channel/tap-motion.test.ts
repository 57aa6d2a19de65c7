import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { CsiModel, DriveByModel, TapModel } from '../../../src/channel/config.js';
import { readCsi } from '../../../src/channel/csi-sequence.js';
import { createDriveBy } from '../../../src/channel/drive-by.js';
import { createFadingTaps } from '../../../src/channel/fading-taps.js';
import { runBlock } from '../../../src/channel/stream-block.js';
import { createTapMotion } from '../../../src/channel/tap-motion.js';
import { createTapSource } from '../../../src/channel/tap-source.js';
import { tapProfile, tapStatistics } from '../../../src/channel/tap-statistics.js';
import { createComplex, type ComplexArray } from '../../../src/core/complex.js';
import { writeNpy, writeNpz, type NpyArray } from '../../../src/core/npy.js';
import { createRng } from '../../../src/core/rng.js';
import { besselJ0, db, errorRatio, noiseSignal } from './helpers.js';

const folder = mkdtempSync(join(tmpdir(), 'blindlink-motion-'));
afterAll(() => rmSync(folder, { recursive: true }));

const LIGHT = 299_792_458;
const ones = (length: number): ComplexArray => ({ re: new Float32Array(length).fill(1), im: new Float32Array(length) });

describe('Rician taps', () => {
  const dopplerHz = 100;
  const sampleRateHz = 1e5;

  it.each([
    [0, 0],
    [6, 60],
    [10, 135],
  ])('K = %d dB, θ = %d°: autocorrelation (K·exp(j2πf_D cos θ τ) + J0(2πf_Dτ))/(K + 1)', (kFactorDb, angleDeg) => {
    const draws = 3000;
    const lags = [0, 150, 400, 1000];
    const sums = lags.map(() => ({ re: 0, im: 0 }));
    const root = createRng('rician');
    for (let i = 0; i < draws; i++) {
      const fading = createFadingTaps(
        { taps: { kind: 'rician', kFactorDb, angleDeg }, dopplerHz, sampleRateHz },
        root.split(i),
      );
      const a = fading.tapsAt(777);
      lags.forEach((lag, k) => {
        const b = fading.tapsAt(777 + lag);
        sums[k].re += (b.re[0] * a.re[0] + b.im[0] * a.im[0]) / draws;
        sums[k].im += (b.im[0] * a.re[0] - b.re[0] * a.im[0]) / draws;
      });
    }
    const k = 10 ** (kFactorDb / 10);
    lags.forEach((lag, i) => {
      const turn = (2 * Math.PI * dopplerHz * Math.cos((angleDeg * Math.PI) / 180) * lag) / sampleRateHz;
      const diffuse = besselJ0((2 * Math.PI * dopplerHz * lag) / sampleRateHz);
      expect(Math.abs(sums[i].re - (k * Math.cos(turn) + diffuse) / (k + 1))).toBeLessThan(5 / Math.sqrt(draws));
      expect(Math.abs(sums[i].im - (k * Math.sin(turn)) / (k + 1))).toBeLessThan(5 / Math.sqrt(draws));
    });
  });

  it('has the K factor by moments, K = √(2 − m₄/m₂²)/(1 − √(2 − m₄/m₂²)), still or moving', () => {
    const draws = 20_000;
    const taps: TapModel = { kind: 'rician', kFactorDb: 7 };
    const still = createTapSource(taps, createRng('still'));
    const root = createRng('moving');
    for (const draw of [
      (i: number): ComplexArray => still.draw(i),
      (i: number): ComplexArray => createFadingTaps({ taps, dopplerHz, sampleRateHz }, root.split(i)).tapsAt(3 * i),
    ]) {
      let [m2, m4] = [0, 0];
      for (let i = 0; i < draws; i++) {
        const { re, im } = draw(i);
        const p = re[0] ** 2 + im[0] ** 2;
        m2 += p / draws;
        m4 += p ** 2 / draws;
      }
      const share = Math.sqrt(2 - m4 / m2 ** 2);
      expect(Math.abs(m2 - 1)).toBeLessThan(0.03);
      expect(Math.abs(10 * Math.log10(share / (1 - share)) - 7)).toBeLessThan(0.3);
    }
  });

  it('over several taps keeps K against all the rest, and Σ p = 1', () => {
    const { diffuse, lineOfSight } = tapStatistics({ kind: 'rician', kFactorDb: 3, numTaps: 8, decay: 4 });
    const rest = diffuse.reduce((sum, p) => sum + p, 0);
    expect(rest + lineOfSight).toBeCloseTo(1, 12);
    expect(10 * Math.log10(lineOfSight / rest)).toBeCloseTo(3, 10);
    expect(diffuse[1] / diffuse[0]).toBeCloseTo(Math.exp(-1 / 4), 12);
  });

  it('refuses a K out of range', () => {
    expect(() => tapProfile({ kind: 'rician', kFactorDb: 200 })).toThrow(/taps\.kFactorDb must be between -60 and 60/);
  });
});

describe('TDL profiles in motion', () => {
  it.each(['TDL-A', 'TDL-B', 'TDL-C', 'TDL-D', 'TDL-E'] as const)(
    '%s: Clarke at every Rayleigh tap, the line of sight at 0.7·f_D, delays scaled by the spread',
    (name) => {
      const taps = { kind: 'profile', name, sampleRateHz: 20e6, delaySpreadS: 300e-9 } as const;
      const { diffuse, lineOfSight } = tapStatistics(taps);
      const wider = tapStatistics({ ...taps, delaySpreadS: 600e-9 });
      expect(Math.abs(wider.diffuse.length - 1 - 2 * (diffuse.length - 1))).toBeLessThanOrEqual(1);
      const draws = 1500;
      const lag = 20_000;
      const dopplerHz = 300;
      const taus = (2 * Math.PI * dopplerHz * lag) / 20e6;
      const root = createRng(name);
      const strongest = [...diffuse.keys()].filter((l) => l > 0).sort((a, b) => diffuse[b] - diffuse[a])[0];
      const sums = [0, strongest].map(() => ({ re: 0, im: 0 }));
      for (let i = 0; i < draws; i++) {
        const fading = createFadingTaps({ taps, dopplerHz, sampleRateHz: 20e6 }, root.split(i));
        const [a, b] = [fading.tapsAt(0), fading.tapsAt(lag)];
        [0, strongest].forEach((l, k) => {
          sums[k].re += (b.re[l] * a.re[l] + b.im[l] * a.im[l]) / draws;
          sums[k].im += (b.im[l] * a.re[l] - b.re[l] * a.im[l]) / draws;
        });
      }
      const j0 = besselJ0(taus);
      [0, strongest].forEach((l, k) => {
        const direct = l === 0 ? lineOfSight : 0;
        const tolerance = (5 * (diffuse[l] + direct)) / Math.sqrt(draws);
        expect(Math.abs(sums[k].re - (direct * Math.cos(0.7 * taus) + diffuse[l] * j0))).toBeLessThan(tolerance);
        expect(Math.abs(sums[k].im - direct * Math.sin(0.7 * taus))).toBeLessThan(tolerance);
      });
    },
  );
});

describe('drive-by', () => {
  const model: DriveByModel = { kind: 'drive-by', carrierHz: 5.9e9, speedMps: 30, sampleRateHz: 1e6 };

  it('has the lengths, Doppler shifts and delay that the geometry gives', () => {
    const pass = createDriveBy(model);
    const begin = pass.at(0);
    expect(begin.positionM).toBe(-50);
    expect(begin.directM).toBeCloseTo(Math.sqrt(50 ** 2 + 10 ** 2 + 3.5 ** 2), 9);
    expect(begin.reflectedM).toBeCloseTo(Math.sqrt(50 ** 2 + 10 ** 2 + 6.5 ** 2), 9);
    expect(begin.dopplerHz).toBeCloseTo(((30 * 50) / begin.directM / LIGHT) * 5.9e9, 6);
    const beside = pass.at(50 / 30);
    expect(beside.positionM).toBeCloseTo(0, 9);
    expect(beside.dopplerHz).toBeCloseTo(0, 6);
    expect(pass.at(100 / 30 - 1e-9).dopplerHz).toBeCloseTo(-begin.dopplerHz, 3);
    // After its pass the vehicle comes again.
    expect(pass.at(100 / 30 + 0.5).positionM).toBeCloseTo(-35, 9);
  });

  it('turns its taps by that Doppler shift, −(1/λ)·dr/dt', () => {
    const pass = createDriveBy({ ...model, permittivity: 1.01, mastHeightM: 30, distanceM: 30 });
    const motion = createTapMotion(
      { ...model, permittivity: 1.01, mastHeightM: 30, distanceM: 30 },
      { dopplerHz: 0, sampleRateHz: 1e6 },
      createRng(1),
    );
    // Ground of permittivity 1 reflects next to nothing: one ray.
    for (const frame of [0, 10, 33, 50]) {
      const fading = motion.frame(frame, 4000);
      const [a, b] = [fading.tapsAt(0), fading.tapsAt(100)];
      const turn = Math.atan2(b.im[0] * a.re[0] - b.re[0] * a.im[0], b.re[0] * a.re[0] + b.im[0] * a.im[0]);
      expect(Math.abs(turn / (2 * Math.PI * 1e-4) - pass.at(0.05 * frame).dopplerHz)).toBeLessThan(5);
    }
  });

  it('has the gain of two rays: far away the ground takes 40 dB a decade, near the mast there are fringes', () => {
    const far = { ...model, roadM: 200_000, distanceM: 1, frameIntervalS: 1, polarization: 'horizontal' as const };
    const pass = createDriveBy(far);
    const gainAt = (x: number): number => {
      const seconds = (100_000 - x) / 30;
      const [re, im] = [new Float64Array(pass.numTaps), new Float64Array(pass.numTaps)];
      pass.trajectory(0, 1e6).evaluate(seconds * 1e6, re, im);
      return db((re[0] + re[1]) ** 2 + (im[0] + im[1]) ** 2);
    };
    // Break point 4·h_T·h_R/λ = 590 m.
    expect(Math.abs(gainAt(5000) - gainAt(50_000) - 40)).toBeLessThan(1);
    const near = Array.from({ length: 400 }, (_, i) => gainAt(20 + 0.05 * i));
    expect(Math.max(...near) - Math.min(...near)).toBeGreaterThan(10);
  });

  it('puts the ground’s path where its delay is, between two taps', () => {
    // 100 MS/s beside the mast: r₂ − r₁ in samples.
    const wide: DriveByModel = { ...model, sampleRateHz: 100e6, distanceM: 5, mastHeightM: 10, vehicleHeightM: 3 };
    const pass = createDriveBy(wide);
    const { directM, reflectedM } = pass.at(50 / 30);
    const delay = ((reflectedM - directM) / LIGHT) * 100e6;
    expect(delay).toBeGreaterThan(1);
    expect(pass.numTaps).toBe(Math.floor(delay) + 2);
    const [re, im] = [new Float64Array(pass.numTaps), new Float64Array(pass.numTaps)];
    pass.trajectory(0, 100e6).evaluate((50 / 30) * 100e6, re, im);
    const [a, b] = [Math.floor(delay), Math.floor(delay) + 1].map((l) => Math.hypot(re[l], im[l]));
    expect(b / (a + b)).toBeCloseTo(delay - Math.floor(delay), 6);
  });

  it('has mean power 1 over the road, and its profile sums to 1', () => {
    const source = createTapSource({ ...model, frameIntervalS: 1e-3 }, createRng(1));
    let power = 0;
    const frames = 3333;
    for (let i = 0; i < frames; i++) {
      const { re, im } = source.draw(i);
      power += (re.reduce((sum, v) => sum + v * v, 0) + im.reduce((sum, v) => sum + v * v, 0)) / frames;
    }
    expect(Math.abs(power - 1)).toBeLessThan(0.02);
    expect(tapProfile(model).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
  });

  it.each<[Partial<DriveByModel>, RegExp]>([
    [{ speedMps: 0 }, /taps\.speedMps must be a number above 0/],
    [{ speedMps: 3e5 }, /metres a second/],
    [{ mastHeightM: -1 }, /taps\.mastHeightM/],
    [{ permittivity: 0 }, /taps\.permittivity/],
  ])('refuses %o', (change, message) => {
    expect(() => createDriveBy({ ...model, ...change })).toThrow(message);
  });

  it('refuses a Doppler frequency beside its own motion', () => {
    expect(() => createTapMotion(model, { dopplerHz: 10, sampleRateHz: 1e6 }, createRng(1))).toThrow(
      /channel\.dopplerHz is 10: a drive-by channel has a motion of its own/,
    );
  });
});

/** [rows, columns] complex128 of a function of row and column. */
function matrix(rows: number, columns: number, value: (r: number, c: number) => readonly [number, number]): NpyArray {
  const data = new Float64Array(2 * rows * columns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) data.set(value(r, c), 2 * (r * columns + c));
  }
  return { dtype: 'complex128', shape: [rows, columns], data };
}

const polar = (amplitude: number, cycles: number): [number, number] => [
  amplitude * Math.cos(2 * Math.PI * cycles),
  amplitude * Math.sin(2 * Math.PI * cycles),
];

describe('measured sequence', () => {
  // Two taps, turning at 20 and −35 Hz, measured 1000 times a second.
  const shift = [20, -35];
  const amplitude = [2, 1];
  const tapsFile = (rows = 500, perSecond = 1000): NpyArray =>
    matrix(rows, 2, (r, l) => polar(amplitude[l], (shift[l] * r) / perSecond));
  let made = 0;
  const path = (ending: string): string => join(folder, `csi-${made++}.${ending}`);
  const stored = (array: NpyArray): string => {
    const at = path('npy');
    writeNpy(at, array);
    return at;
  };
  const model = (change: Partial<CsiModel> = {}): CsiModel => ({
    kind: 'csi',
    path: stored(tapsFile()),
    sampleIntervalS: 1e-3,
    ...change,
  });

  it.each([
    [100, -48],
    [200, -68],
    [400, -86],
  ])('measured %d times a second, a tap of 10 Hz is met between rows within %d dB', (perSecond, least) => {
    const at = stored(matrix(400, 1, (r) => polar(1, (10 * r) / perSecond)));
    const sequence = readCsi({ kind: 'csi', path: at, sampleIntervalS: 1 / perSecond });
    const trajectory = sequence.trajectory(0, 1, 1e6);
    const [got, exact] = [createComplex(5000), createComplex(5000)];
    const [re, im] = [new Float64Array(1), new Float64Array(1)];
    for (let i = 0; i < 5000; i++) {
      const seconds = (2 + (396 * i) / 5000) / perSecond;
      trajectory.evaluate(seconds * 1e6, re, im);
      [got.re[i], got.im[i]] = [re[0], im[0]];
      [exact.re[i], exact.im[i]] = polar(1, 10 * seconds);
    }
    expect(db(errorRatio(got, exact))).toBeLessThan(least);
  });

  it('frames follow one another in its time, have mean power 1, and begin again before the end', () => {
    const motion = createTapMotion(model(), { dopplerHz: 0, sampleRateHz: 1e6 }, createRng(1));
    const frameSamples = 100_000;
    for (const [frame, seconds] of [
      [0, 0],
      [2, 0.2],
      [3, 0.3],
      // 0.499 s hold four frames; the fifth begins again.
      [4, 0],
    ]) {
      const { re, im } = motion.frame(frame, frameSamples).tapsAt(25_000);
      for (const l of [0, 1]) {
        const expected = polar(amplitude[l] / Math.sqrt(5), shift[l] * (seconds + 0.025));
        expect(Math.hypot(re[l] - expected[0], im[l] - expected[1])).toBeLessThan(1e-4);
      }
    }
    const spaced = createTapMotion(model({ frameIntervalS: 0.01 }), { dopplerHz: 0, sampleRateHz: 1e6 }, createRng(1));
    const { re, im } = spaced.frame(7, 1000).tapsAt(0);
    const expected = polar(2 / Math.sqrt(5), 20 * 0.07);
    expect(Math.hypot(re[0] - expected[0], im[0] - expected[1])).toBeLessThan(1e-4);
    const measured = createTapMotion(model({ normalize: false }), { dopplerHz: 0, sampleRateHz: 1e6 }, createRng(1));
    expect(Math.hypot(measured.frame(0, 1000).tapsAt(0).re[0])).toBeCloseTo(2, 6);
  });

  it('runs as a stream block within −65 dB of its taps', () => {
    const motion = createTapMotion(model(), { dopplerHz: 0, sampleRateHz: 1e6 }, createRng(1));
    const block = motion.frame(0, 50_000);
    const y = runBlock(block, ones(50_000));
    const exact = createComplex(50_000);
    for (let n = 0; n < 50_000; n++) {
      const { re, im } = block.tapsAt(n);
      exact.re[n] = re[0] + (n > 0 ? re[1] : 0);
      exact.im[n] = im[0] + (n > 0 ? im[1] : 0);
    }
    expect(db(errorRatio(y, exact))).toBeLessThan(-65);
  });

  it('reads a response with its time axis, and what a file beside it says', () => {
    const responses = matrix(500, 64, (r, k) => {
      const parts = [0, 1].map((l) => polar(amplitude[l], (shift[l] * r) / 1000 - ((k - 32) * l) / 64));
      return [parts[0][0] + parts[1][0], parts[0][1] + parts[1][1]];
    });
    const time: NpyArray = {
      dtype: 'float64',
      shape: [500],
      data: Float64Array.from({ length: 500 }, (_, i) => 7 + i / 1000),
    };
    const zip = path('npz');
    writeNpz(
      zip,
      new Map([
        ['response', responses],
        ['time', time],
      ]),
    );
    const taps = readCsi({ kind: 'csi', path: stored(tapsFile()), sampleIntervalS: 1e-3 });
    const plain = stored(responses);
    writeFileSync(`${plain}.json`, '{"sampleIntervalS": 0.001, "domain": "response"}');
    for (const at of [zip, plain]) {
      const read = readCsi({ kind: 'csi', path: at, numTaps: 2 });
      expect(read.intervalS).toBeCloseTo(1e-3, 12);
      read.taps.forEach((v, i) => expect(Math.abs(v - taps.taps[i])).toBeLessThan(1e-9));
    }
  });

  it('as a stream begins again, or refuses to', () => {
    const motion = (end: 'repeat' | 'refuse'): ReturnType<typeof createTapMotion> =>
      createTapMotion(model({ end }), { dopplerHz: 0, sampleRateHz: 1e5 }, createRng(1));
    expect(runBlock(motion('repeat').stream(), noiseSignal(120_000)).re).toHaveLength(120_000);
    expect(() => runBlock(motion('refuse').stream(), noiseSignal(120_000))).toThrow(/ends after 0\.499 s/);
  });

  const half: NpyArray = { dtype: 'float64', shape: [500], data: Float64Array.from({ length: 500 }, (_, i) => i * i) };
  const noTime = (): string => stored(tapsFile());
  const zipped = (arrays: [string, NpyArray][]): string => {
    const at = path('npz');
    writeNpz(at, new Map(arrays));
    return at;
  };
  const withNaN = (): NpyArray => {
    const array = tapsFile();
    array.data[2 * 2 * 17 + 1] = NaN;
    return array;
  };
  it.each<[string, () => CsiModel, RegExp]>([
    ['no time axis', () => ({ kind: 'csi', path: noTime() }), /has no time axis: give sampleIntervalS/],
    [
      'an uneven one',
      () => ({
        kind: 'csi',
        path: zipped([
          ['taps', tapsFile()],
          ['time', half],
        ]),
      }),
      /does not rise evenly: 1 s to row 1/,
    ],
    [
      'one of another length',
      () => ({
        kind: 'csi',
        path: zipped([
          ['taps', tapsFile(400)],
          ['time', half],
        ]),
      }),
      /500 entries for 400 rows/,
    ],
    ['NaN', () => model({ path: stored(withNaN()) }), /row 17 holds a value that is not finite/],
    ['zeros', () => model({ path: stored(matrix(5, 2, () => [0, 0])) }), /holds only zeros/],
    ['one row', () => model({ path: stored(tapsFile(1)) }), /has 1 row\(s\) of time/],
    [
      'unconnected rows',
      () => model({ path: stored(matrix(200, 2, (r, l) => polar(1, (r * r * 0.37 + l) % 1))) }),
      /rows correlate by .* only, too far apart in time/,
    ],
    [
      'another shape',
      () => model({ path: stored({ dtype: 'complex64', shape: [4], data: new Float32Array(8) }) }),
      /must have shape \[time, taps\]/,
    ],
    [
      'a late response',
      () => model({ domain: 'response', numTaps: 4, path: stored(matrix(20, 64, (_, k) => polar(1, (-20 * k) / 64))) }),
      /only \d+ % of its power lies in the first 4 taps/,
    ],
    ['an odd ending', () => model({ path: 'x.mat' }), /must end in \.npy or \.npz/],
    ['a file that is not there', () => model({ path: join(folder, 'none.npy') }), /none\.npy/],
  ])('refuses %s in one line', (_, make, message) => {
    expect(() => readCsi(make())).toThrow(message);
    try {
      readCsi(make());
    } catch (error) {
      expect((error as Error).message).not.toContain('\n');
    }
  });

  it('refuses a frame longer than itself, and where it is told to, frames behind its end', () => {
    const motion = (end: 'repeat' | 'refuse'): ReturnType<typeof createTapMotion> =>
      createTapMotion(model({ end }), { dopplerHz: 0, sampleRateHz: 1e6 }, createRng(1));
    expect(() => motion('repeat').frame(0, 600_000)).toThrow(/lasts 499 ms and a frame 600 ms/);
    expect(() => motion('refuse').frame(4, 100_000)).toThrow(/ends after 0\.499 s, before the transmission does/);
  });
});
