import { describe, expect, it } from 'vitest';
import { createRappAmplifier } from '../../../src/channel/amplifier.js';
import { cfoHzFromSubcarriers, cfoRadPerSample, createCfo } from '../../../src/channel/cfo.js';
import { createDcOffset } from '../../../src/channel/dc-offset.js';
import { createDelay } from '../../../src/channel/delay.js';
import { createImpulseInterferer, createToneInterferer } from '../../../src/channel/interference.js';
import { createIqImbalance, imageRejectionDb } from '../../../src/channel/iq-imbalance.js';
import { createPhaseNoise } from '../../../src/channel/phase-noise.js';
import { createQuantizer } from '../../../src/channel/quantizer.js';
import { runBlock } from '../../../src/channel/stream-block.js';
import { complexFrom, createComplex, meanPower, subarray } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { autocorrelation, db, errorRatio, noiseSignal, tone } from './helpers.js';

describe('CFO', () => {
  it('positive turns as exp(+j2πfn/fs)', () => {
    const x = complexFrom([1, 1, 1, 1], [0, 0, 0, 0]);
    const y = runBlock(createCfo(250, 1000), x);
    [1, 0, -1, 0].forEach((v, n) => expect(y.re[n]).toBeCloseTo(v, 6));
    [0, 1, 0, -1].forEach((v, n) => expect(y.im[n]).toBeCloseTo(v, 6));
  });

  it('shifts a tone and stays exact after a million samples', () => {
    const cfo = createCfo(-12_345.678, 1e6);
    const gap = createComplex(100_000);
    for (let i = 0; i < 10; i++) cfo.execute(gap, gap);
    const y = runBlock(cfo, tone(1000, 0.1));
    const turns = -0.012345678 * 1e6;
    expect(errorRatio(y, tone(1000, 0.1 - 0.012345678, 2 * Math.PI * (turns % 1)))).toBeLessThan(1e-12);
  });

  it('units', () => {
    expect(cfoRadPerSample(250, 1000)).toBeCloseTo(Math.PI / 2, 12);
    expect(cfoHzFromSubcarriers(0.25, 64, 1e6)).toBeCloseTo(3906.25, 9);
  });
});

describe('phase noise', () => {
  it('keeps the amplitude and loses coherence as exp(−πβτ) (200,000 samples, within 0.05)', () => {
    const [linewidthHz, fs] = [2000, 1e6];
    const x = createComplex(200_000);
    x.re.fill(1);
    const y = runBlock(createPhaseNoise(linewidthHz, fs, createRng('pn')), x);
    expect(meanPower(y)).toBeCloseTo(1, 6);
    for (const lag of [1, 50, 200]) {
      expect(Math.abs(autocorrelation(y, lag).re - Math.exp((-Math.PI * linewidthHz * lag) / fs))).toBeLessThan(0.05);
    }
  });

  it('increments have variance 2πβ/fs (5 standard errors) and start from phase 0', () => {
    const x = createComplex(50_001);
    x.re.fill(1);
    const y = runBlock(createPhaseNoise(100, 1e6, createRng('steps')), x);
    expect([y.re[0], y.im[0]]).toEqual([1, 0]);
    let variance = 0;
    for (let n = 0; n < 50_000; n++) {
      const step = Math.atan2(
        y.im[n + 1] * y.re[n] - y.re[n + 1] * y.im[n],
        y.re[n + 1] * y.re[n] + y.im[n + 1] * y.im[n],
      );
      variance += step ** 2 / 50_000;
    }
    expect(Math.abs(variance / ((2 * Math.PI * 100) / 1e6) - 1)).toBeLessThan(5 * Math.sqrt(2 / 50_000));
  });
});

describe('IQ imbalance', () => {
  it.each([
    [1, 0],
    [0, 5],
    [-2, 3],
    [0.3, -1.5],
  ])('%d dB and %d°: image of a tone is down by the image rejection formula', (gainDb, phaseDeg) => {
    const config = { gainDb, phaseDeg };
    const length = 1000;
    const y = runBlock(createIqImbalance(config), tone(length, 0.1));
    const bin = (cyclesPerSample: number): number => {
      const reference = tone(length, cyclesPerSample);
      let re = 0;
      let im = 0;
      for (let n = 0; n < length; n++) {
        re += y.re[n] * reference.re[n] + y.im[n] * reference.im[n];
        im += y.im[n] * reference.re[n] - y.re[n] * reference.im[n];
      }
      return (re / length) ** 2 + (im / length) ** 2;
    };
    const measured = db(bin(0.1) / bin(-0.1));
    expect(Math.abs(measured - imageRejectionDb(config))).toBeLessThan(0.01);
    const g = 10 ** (gainDb / 20);
    const c = Math.cos((phaseDeg * Math.PI) / 180);
    expect(imageRejectionDb(config)).toBeCloseTo(db((1 + 2 * g * c + g * g) / (1 - 2 * g * c + g * g)), 9);
    expect(Math.abs(meanPower(y) - (1 + g * g) / 2)).toBeLessThan(1e-5);
  });

  it('I leaks into Q: (1, 0) becomes (1, g·sin ϑ), (0, 1) becomes (0, g·cos ϑ)', () => {
    const y = runBlock(createIqImbalance({ gainDb: 20 * Math.log10(2), phaseDeg: 30 }), complexFrom([1, 0], [0, 1]));
    expect([...y.re]).toEqual([1, 0]);
    expect(y.im[0]).toBeCloseTo(1, 6);
    expect(y.im[1]).toBeCloseTo(Math.sqrt(3), 6);
  });

  it('none is perfect', () => {
    expect(imageRejectionDb({ gainDb: 0, phaseDeg: 0 })).toBe(Number.POSITIVE_INFINITY);
    expect(runBlock(createIqImbalance({ gainDb: 0, phaseDeg: 0 }), noiseSignal(50))).toEqual(noiseSignal(50));
  });
});

describe('DC offset and delay', () => {
  it('adds the constant', () => {
    expect(runBlock(createDcOffset({ re: 0.5, im: -0.25 }), complexFrom([1], [1]))).toEqual(complexFrom([1.5], [0.75]));
  });

  it('shifts by whole samples', () => {
    const delay = createDelay(2);
    expect(runBlock(delay, complexFrom([1, 2, 3], [4, 5, 6]))).toEqual(complexFrom([0, 0, 1], [0, 0, 4]));
    expect(delay.latencySamples).toBe(2);
    expect(runBlock(createDelay(0), noiseSignal(9))).toEqual(noiseSignal(9));
  });
});

describe('quantiser', () => {
  it.each([4, 8, 12])('%i bits: a full-scale sine has SNR 6.02b + 1.76 dB within 0.15 dB', (bits) => {
    const { step, ...quantizer } = createQuantizer({ bits, fullScale: 1 });
    // Just below full scale so that nothing clips; an irrational frequency spreads the error.
    const amplitude = 1 - step / 2;
    const x = tone(100_000, Math.SQRT1_2 / 10);
    for (const part of [x.re, x.im]) for (let n = 0; n < part.length; n++) part[n] *= amplitude;
    const y = createComplex(100_000);
    quantizer.execute(x, y);
    const snrDb = -db(errorRatio(y, x)) - 20 * Math.log10(amplitude);
    expect(Math.abs(snrDb - (6.0206 * bits + 1.7609))).toBeLessThan(bits === 4 ? 0.4 : 0.15);
  });

  it('levels are mid-rise and clip to ±(A − Δ/2)', () => {
    const quantizer = createQuantizer({ bits: 2, fullScale: 2 });
    const y = runBlock(quantizer, complexFrom([-9, -2, -0.01, 0, 1.99, 2], [0.5, 0.5, 0.5, 0.5, 0.5, 0.5]));
    expect([...y.re]).toEqual([-1.5, -1.5, -0.5, 0.5, 1.5, 1.5]);
    expect(quantizer.clippedSamples).toBe(2);
  });

  it('counts a sample once where I and Q both clip, keeps the count in a clone, and forgets it on reset', () => {
    const quantizer = createQuantizer({ bits: 4, fullScale: 1 });
    runBlock(quantizer, complexFrom([5, 0, -3], [5, -7, 0]));
    const copy = quantizer.clone();
    quantizer.reset();
    expect([quantizer.clippedSamples, copy.clippedSamples]).toEqual([0, 3]);
  });
});

describe('Rapp amplifier', () => {
  it.each([
    [1, 0],
    [2, 3],
    [3, 6],
    [50, -3],
  ])('p = %d, back-off %d dB: |y| = r/(1 + (r/A)^2p)^(1/2p), phase kept', (smoothness, inputBackoffDb) => {
    const saturation = 10 ** (inputBackoffDb / 20);
    const radii = [0, 1e-4, 0.3, 0.9, 1, 1.5, 4, 100];
    const x = complexFrom(
      radii.map((r) => r * Math.cos(2)),
      radii.map((r) => r * Math.sin(2)),
    );
    const y = runBlock(createRappAmplifier({ smoothness, inputBackoffDb }), x);
    radii.forEach((r, n) => {
      const expected = r / (1 + (r / saturation) ** (2 * smoothness)) ** (1 / (2 * smoothness));
      expect(Math.abs(Math.hypot(y.re[n], y.im[n]) - expected)).toBeLessThan(1e-6 * (1 + expected));
      if (r > 0) expect(Math.atan2(y.im[n], y.re[n])).toBeCloseTo(2, 5);
    });
  });

  it('back-off is relative to the signal power', () => {
    const x = complexFrom([1e6], [0]);
    const y = runBlock(createRappAmplifier({ smoothness: 2, inputBackoffDb: 3 }, 4), x);
    expect(y.re[0] ** 2).toBeCloseTo(4 * 10 ** 0.3, 4);
  });
});

describe('interferers', () => {
  it('a tone has power P/SIR at its frequency', () => {
    const silence = createComplex(1000);
    const y = runBlock(createToneInterferer({ frequencyHz: -2e5, sirDb: 7 }, 1e6, 3, createRng(1)), silence);
    expect(meanPower(y)).toBeCloseTo(3 * 10 ** -0.7, 5);
    const phase = Math.atan2(y.im[0], y.re[0]);
    const expected = tone(1000, -0.2, phase);
    for (const part of [expected.re, expected.im]) part.forEach((v, n) => (part[n] = v * Math.sqrt(3 * 10 ** -0.7)));
    expect(errorRatio(y, expected)).toBeLessThan(1e-10);
    expect(phase).not.toBeCloseTo(
      Math.atan2(...first(createToneInterferer({ frequencyHz: -2e5, sirDb: 7 }, 1e6, 3, createRng(2)))),
      2,
    );
  });

  it('impulses hit with their probability and have mean power P/SIR (200,000 samples, 5 standard errors)', () => {
    const q = 0.05;
    const length = 200_000;
    const y = runBlock(
      createImpulseInterferer({ probability: q, sirDb: 5 }, 2, createRng('imp')),
      createComplex(length),
    );
    const hits = y.re.reduce((count, v) => count + (v === 0 ? 0 : 1), 0);
    expect(Math.abs(hits - q * length)).toBeLessThan(5 * Math.sqrt(q * (1 - q) * length));
    const expected = 2 * 10 ** -0.5;
    expect(Math.abs(meanPower(y) / expected - 1)).toBeLessThan(5 * Math.sqrt(2 / q / length));
  });

  it('impulses with probability 1 hit always', () => {
    const y = runBlock(createImpulseInterferer({ probability: 1, sirDb: 0 }, 1, createRng(1)), createComplex(1000));
    expect(y.re.every((v) => v !== 0)).toBe(true);
  });

  it('leave the signal underneath', () => {
    const x = noiseSignal(5000);
    const y = runBlock(createImpulseInterferer({ probability: 0.01, sirDb: 0 }, 1, createRng(2)), x);
    const untouched = x.re.reduce((count, v, n) => count + (v === y.re[n] ? 1 : 0), 0);
    expect(untouched).toBeGreaterThan(4800);
    expect(untouched).toBeLessThan(5000);
  });
});

function first(block: Parameters<typeof runBlock>[0]): [number, number] {
  const y = runBlock(block, createComplex(1));
  return [subarray(y, 0, 1).im[0], y.re[0]];
}
