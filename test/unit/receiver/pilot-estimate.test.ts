import { Matrix, solve } from 'ml-matrix';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Codec, openCodec } from '../../../src/codec/codec.js';
import { resolveConfig, type RawConfig } from '../../../src/config/load.js';
import { type ComplexArray, createComplex } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { findModel } from '../../../src/core/shipped-models.js';
import { createLinkSetting, gridOf } from '../../../src/link/setting/link-setting.js';
import { besselJ0, jakesBasis } from '../../../src/receiver/moving-channel.js';
import { createPilotEstimate } from '../../../src/receiver/pilot-estimate.js';
import type { LinkSetting } from '../../../src/receiver/receiver.js';
import { createOnnxRuntime } from '../../../src/runtime/onnx-runtime.js';

const runtime = createOnnxRuntime({ threads: 1 });
let codec: Codec;
beforeAll(async () => {
  codec = await openCodec(findModel('codec', 'faces-12'), runtime);
});
afterAll(() => runtime.dispose());

const settingOf = (raw: RawConfig): LinkSetting => {
  const config = resolveConfig(raw);
  return createLinkSetting(config, codec, gridOf(config), { height: 64, width: 64 });
};

interface Scene {
  readonly setting: LinkSetting;
  /** H[t,a] over all symbols (block pilots first) and active subcarriers. */
  readonly truth: ComplexArray;
  readonly pilots: { readonly block: ComplexArray; readonly comb: ComplexArray };
}

/** One packet's pilots through a channel H[t,a] with noise. */
function scene(
  raw: RawConfig,
  sigma2: number,
  channel: (setting: LinkSetting, numTimes: number) => ComplexArray,
): Scene {
  const setting = settingOf(raw);
  const { grid, blockPilots, combPilots } = setting;
  const numActive = grid.numActiveSubcarriers;
  const truth = channel(setting, grid.pilotSymbols + grid.symbolsPerPacket);
  const rng = createRng('pilot-noise');
  const through = (x: ComplexArray, at: (k: number) => number): ComplexArray => {
    const y = createComplex(x.re.length);
    rng.fillComplexGaussian(y, sigma2);
    for (let k = 0; k < x.re.length; k++) {
      const [hr, hi] = [truth.re[at(k)], truth.im[at(k)]];
      y.re[k] += hr * x.re[k] - hi * x.im[k];
      y.im[k] += hr * x.im[k] + hi * x.re[k];
    }
    return y;
  };
  const comb = (k: number): number => {
    const s = Math.floor(k / grid.numPilotSubcarriers);
    return (grid.pilotSymbols + s) * numActive + grid.activeBins.indexOf(grid.pilotBins[k % grid.numPilotSubcarriers]);
  };
  return { setting, truth, pilots: { block: through(blockPilots, (k) => k), comb: through(combPilots, comb) } };
}

/** Taps that are h_l(t) at every t, through the DFT. */
function respond(
  { grid, tapPrior }: LinkSetting,
  taps: (t: number, l: number) => [number, number],
  numTimes: number,
): ComplexArray {
  const numActive = grid.numActiveSubcarriers;
  const out = createComplex(numTimes * numActive);
  for (let t = 0; t < numTimes; t++) {
    for (let l = 0; l < tapPrior.length; l++) {
      const [re, im] = taps(t, l);
      for (let a = 0; a < numActive; a++) {
        const angle = (-2 * Math.PI * grid.activeBins[a] * l) / grid.fftSize;
        out.re[t * numActive + a] += re * Math.cos(angle) - im * Math.sin(angle);
        out.im[t * numActive + a] += re * Math.sin(angle) + im * Math.cos(angle);
      }
    }
  }
  return out;
}

/** Clarke fading of ν = 0.075, exactly in the span of its basis. */
const moving =
  (seed: string) =>
  (setting: LinkSetting, numTimes: number): ComplexArray => {
    const { functions, powers } = jakesBasis(0.075, numTimes);
    const rng = createRng(seed);
    const g = Array.from(setting.tapPrior, (p) =>
      Array.from(powers, (power) => {
        const sigma = Math.sqrt((p * power) / 2);
        return [sigma * rng.gaussian(), sigma * rng.gaussian()] as const;
      }),
    );
    const tap = (t: number, l: number): [number, number] => [
      g[l].reduce((sum, [re], b) => sum + re * functions[b * numTimes + t], 0),
      g[l].reduce((sum, [, im], b) => sum + im * functions[b * numTimes + t], 0),
    ];
    return respond(setting, tap, numTimes);
  };

/** Ĥ of data resource elements (s, m), beside the truth. */
function errorOf({ setting, truth, pilots }: Scene, sigma2: number): { error: number; response: ComplexArray } {
  const { grid } = setting;
  const { response } = createPilotEstimate(setting, 'lmmse', 'pilot')(pilots, sigma2);
  let error = 0;
  for (let i = 0; i < grid.elementsPerPacket; i++) {
    const s = Math.floor(i / grid.numDataSubcarriers);
    const a = grid.activeBins.indexOf(grid.dataBins[i % grid.numDataSubcarriers]);
    const at = (grid.pilotSymbols + s) * grid.numActiveSubcarriers + a;
    error += (response.re[i] - truth.re[at]) ** 2 + (response.im[i] - truth.im[at]) ** 2;
  }
  return { error: error / grid.elementsPerPacket, response };
}

const combed = { ofdm: { pilotSymbols: 0, pilotSpacing: 8, symbolsPerPacket: 19 } };

it.each(['ls', 'lmmse-scalar'] as const)('%s: taps are least squares of its response, guards or not', (estimator) => {
  const made = scene({ ofdm: { profile: 'ota' }, channel: { coherence: 'packet' } }, 1e-6, (setting, numTimes) =>
    respond(setting, (_, l) => [l === 1 ? 0.8 : 0, l === 3 ? 0.6 : 0], numTimes),
  );
  const { estimates } = createPilotEstimate(made.setting, estimator, 'pilot')(made.pilots, 1e-6);
  const { re, im } = estimates[0].taps;
  expect(re).toHaveLength(16);
  for (let l = 0; l < re.length; l++) {
    expect(re[l]).toBeCloseTo(l === 1 ? 0.8 : 0, 2);
    expect(im[l]).toBeCloseTo(l === 3 ? 0.6 : 0, 2);
  }
});

describe('a channel from pilots in time and frequency', () => {
  it('is the linear MMSE estimate of a moving channel, its Doppler spread found from the pilots', () => {
    const sigma2 = 0.1;
    const made = scene(combed, sigma2, moving('mmse'));
    const { setting, pilots } = made;
    const { grid, combPilots, tapPrior } = setting;
    const count = combPilots.re.length;
    const place = (k: number): [number, number] => [
      Math.floor(k / grid.numPilotSubcarriers),
      grid.pilotBins[k % grid.numPilotSubcarriers],
    ];
    // E H[t,f] H[t',f']* = J₀(2πν(t−t'))·Σ_l p_l e^{−j2π(f−f')l/N}
    const correlation = ([t, f]: [number, number], [u, g]: [number, number]): [number, number] => {
      const inTime = besselJ0(2 * Math.PI * 0.075 * Math.abs(t - u));
      const angle = (l: number): number => (-2 * Math.PI * (f - g) * l) / grid.fftSize;
      return [
        inTime * tapPrior.reduce((sum, p, l) => sum + p * Math.cos(angle(l)), 0),
        inTime * tapPrior.reduce((sum, p, l) => sum + p * Math.sin(angle(l)), 0),
      ];
    };
    // y/x = H + noise; complex systems as real ones of twice the size.
    const r = Matrix.zeros(2 * count, 2 * count);
    const y = Matrix.zeros(2 * count, 1);
    for (let i = 0; i < count; i++) {
      for (let k = 0; k < count; k++) {
        const [re, im] = correlation(place(i), place(k));
        r.set(i, k, re + (i === k ? sigma2 : 0));
        r.set(i + count, k + count, re + (i === k ? sigma2 : 0));
        r.set(i, k + count, -im);
        r.set(i + count, k, im);
      }
      const { re, im } = combPilots;
      y.set(i, 0, re[i] * pilots.comb.re[i] + im[i] * pilots.comb.im[i]);
      y.set(i + count, 0, re[i] * pilots.comb.im[i] - im[i] * pilots.comb.re[i]);
    }
    const weights = solve(r, y);
    const { response, error } = errorOf(made, sigma2);
    for (const element of [0, 17, 500, 1000]) {
      const at: [number, number] = [
        Math.floor(element / grid.numDataSubcarriers),
        grid.dataBins[element % grid.numDataSubcarriers],
      ];
      let re = 0;
      let im = 0;
      for (let k = 0; k < count; k++) {
        const [cr, ci] = correlation(at, place(k));
        re += cr * weights.get(k, 0) - ci * weights.get(k + count, 0);
        im += cr * weights.get(k + count, 0) + ci * weights.get(k, 0);
      }
      // The basis leaves out a thousandth of the power.
      expect(Math.hypot(response.re[element] - re, response.im[element] - im)).toBeLessThan(0.05);
    }
    expect(error).toBeLessThan(0.08);
  });

  it('follows an oscillator that wanders by the comb pilots, beside a block pilot', () => {
    const sigma2 = 0.03;
    const wander = (setting: LinkSetting, numTimes: number): ComplexArray => {
      const rng = createRng('walk');
      const taps = Array.from(setting.tapPrior, (p) => Math.sqrt(p / 2)).map((sigma) => [
        sigma * rng.gaussian(),
        sigma * rng.gaussian(),
      ]);
      const phases: number[] = [0];
      for (let t = 1; t < numTimes; t++) phases.push(phases[t - 1] + 0.25 * rng.gaussian());
      const tap = (t: number, l: number): [number, number] => {
        const [cos, sin] = [Math.cos(phases[t]), Math.sin(phases[t])];
        return [taps[l][0] * cos - taps[l][1] * sin, taps[l][0] * sin + taps[l][1] * cos];
      };
      return respond(setting, tap, numTimes);
    };
    const made = scene({ ofdm: { pilotSubcarriers: [-21, -7, 7, 21] } }, sigma2, wander);
    expect(errorOf(made, sigma2).error).toBeLessThan(0.03);
    // A walk of 17 steps of 0.25 rad: without it about half of the energy would be wrong.
  });

  it('takes a channel to stand still where one symbol alone holds pilots', () => {
    const sigma2 = 0.1;
    const made = scene({}, sigma2, moving('head'));
    const { response } = errorOf(made, sigma2);
    const m = made.setting.grid.numDataSubcarriers;
    expect(response.re[3]).toBe(response.re[15 * m + 3]);
  });

  it('counts decided elements as pilots, by what they are worth', () => {
    const sigma2 = 0.1;
    const made = scene({}, sigma2, moving('decided'));
    const { setting, truth, pilots } = made;
    const { grid } = setting;
    const elements = createComplex(grid.elementsPerPacket);
    const received = createComplex(grid.elementsPerPacket);
    const rng = createRng('decided-noise');
    rng.fillComplexGaussian(elements, 1);
    rng.fillComplexGaussian(received, sigma2);
    for (let i = 0; i < elements.re.length; i++) {
      const at = grid.numActiveSubcarriers + i;
      received.re[i] += truth.re[at] * elements.re[i] - truth.im[at] * elements.im[i];
      received.im[i] += truth.re[at] * elements.im[i] + truth.im[at] * elements.re[i];
    }
    const estimate = createPilotEstimate(setting, 'lmmse', 'pilot');
    const errorWith = (spread: number): number => {
      const { response } = estimate(pilots, sigma2, { elements, received, spread });
      return response.re.reduce(
        (sum, re, i) =>
          sum +
          ((re - truth.re[grid.numActiveSubcarriers + i]) ** 2 +
            (response.im[i] - truth.im[grid.numActiveSubcarriers + i]) ** 2) /
            elements.re.length,
        0,
      );
    };
    expect(errorWith(0)).toBeLessThan(0.02);
    expect(errorWith(1)).toBeGreaterThan(2 * errorWith(0));
  });
});

describe('ofdm.pilotSpacing', () => {
  it('puts comb pilots on every n-th subcarrier of the band', () => {
    const { pilotSubcarriers } = settingOf({ ofdm: { pilotSpacing: 16 } }).grid.config;
    expect(pilotSubcarriers).toEqual([-24, -8, 8, 24]);
    expect(settingOf(combed).grid.numDataSubcarriers).toBe(56);
  });

  it('is refused beside a list', () => {
    expect(() => settingOf({ ofdm: { pilotSpacing: 8, pilotSubcarriers: [1] } })).toThrow(/give one of them/);
  });
});
