import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatComplex, createComplex, subarray } from '../../../src/core/complex.js';
import { ConfigError } from '../../../src/core/errors.js';
import { createRng } from '../../../src/core/rng.js';
import { createGrid, ofdmProfiles } from '../../../src/ofdm/grid.js';
import { createPreambleDetector, type PreambleDetection } from '../../../src/sync/preamble-detector.js';
import { convolve, gaussian } from '../ofdm/helpers.js';
import { burst, createStage, oneTap, ota, unitTaps } from './helpers.js';

const stage = createStage(ota);
const detector = createPreambleDetector(ota, { holdOffSamples: ota.frameLength(1) });

function detect(samples: Parameters<typeof detector.execute>[0]): PreambleDetection[] {
  detector.reset();
  return [...detector.execute(samples), ...detector.execute(createComplex(detector.latencySamples))];
}

describe('preamble detector', () => {
  it.each([0, 0.3, -0.98, 1.02, 3.7, -6.4])('finds start, carrier offset and SNR on a clean path, CFO %s', (cfo) => {
    const found = detect(stage({ lead: 777, snrDb: 30, cfoSubcarriers: cfo, taps: oneTap, seed: 1 }));
    expect(found).toHaveLength(1);
    const [{ startSample, cfoSubcarriers, cfoRadPerSample, metric, correlation, snrDb, noiseVariance }] = found;
    // Guards blur the path over its neighbours: one sample early is the same path.
    expect(startSample).toBeGreaterThanOrEqual(776);
    expect(startSample).toBeLessThanOrEqual(777);
    expect(Math.abs(cfoSubcarriers - cfo)).toBeLessThan(0.01);
    expect(cfoRadPerSample).toBeCloseTo((2 * Math.PI * cfoSubcarriers) / 64, 12);
    expect(metric).toBeGreaterThan(0.9);
    expect(correlation).toBeGreaterThan(0.9);
    expect(Math.abs(snrDb - 30)).toBeLessThan(3);
    expect(noiseVariance).toBeGreaterThan(5e-4);
    expect(noiseVariance).toBeLessThan(2e-3);
  });

  it('at 3 dB over eight fading taps finds 19 in 20 or more, with timing in the prefix and small CFO errors', () => {
    const trials = 60;
    let [found, others, cfoError, snrError] = [0, 0, 0, 0];
    for (let t = 0; t < trials; t++) {
      const cfo = 6 * Math.sin(t);
      const lead = 400 + 7 * t;
      const detections = detect(stage({ lead, snrDb: 3, cfoSubcarriers: cfo, taps: unitTaps(t), seed: t }));
      const hit = detections.find((d) => d.startSample >= lead - 9 && d.startSample <= lead + 4);
      others += detections.length - (hit ? 1 : 0);
      if (!hit) continue;
      found++;
      cfoError += (hit.cfoSubcarriers - cfo) ** 2 / trials;
      snrError += (hit.snrDb - 3) / trials;
    }
    expect(found).toBeGreaterThanOrEqual(57);
    expect(others).toBeLessThanOrEqual(1);
    expect(Math.sqrt(cfoError)).toBeLessThan(0.03);
    expect(Math.abs(snrError)).toBeLessThan(0.7);
  });

  it('at 10 dB, where GNU Radio finds none at its threshold of 0.9, misses none', () => {
    for (let t = 0; t < 40; t++) {
      const scene = { lead: 300 + t, snrDb: 10, cfoSubcarriers: Math.cos(t), taps: unitTaps(100 + t), seed: t };
      const found = detect(stage(scene));
      expect(found.some((d) => Math.abs(d.startSample - scene.lead) <= 6)).toBe(true);
    }
  });

  it('keeps to its false alarm rate in noise and silence', () => {
    // 1e−3 a sample asked for would be 300; the union bound makes it far fewer.
    const lax = createPreambleDetector(ota, { falseAlarmPerSample: 1e-3 });
    expect(lax.execute(gaussian(300_000, 1)).length).toBeLessThanOrEqual(300);
    detector.reset();
    expect(detector.execute(gaussian(300_000, 2))).toEqual([]);
    expect(detect(createComplex(20_000))).toEqual([]);
  });

  it('takes neither a constant nor a carrier for a preamble, however long', () => {
    const n = 20_000;
    const carrier = createComplex(n);
    for (let i = 0; i < n; i++) {
      carrier.re[i] = Math.cos(0.37 * i);
      carrier.im[i] = Math.sin(0.37 * i);
    }
    expect(detect(carrier)).toEqual([]);
    expect(detect({ re: new Float32Array(n).fill(3), im: new Float32Array(n).fill(-1) })).toEqual([]);
  });

  it('does not mind a DC offset as strong as the signal', () => {
    for (const cfo of [0.05, 1.4, -4]) {
      const found = detect(stage({ lead: 640, snrDb: 15, cfoSubcarriers: cfo, taps: unitTaps(3), dc: 1, seed: 5 }));
      expect(found).toHaveLength(1);
      expect(Math.abs(found[0].startSample - 640)).toBeLessThanOrEqual(3);
      expect(Math.abs(found[0].cfoSubcarriers - cfo)).toBeLessThan(0.05);
      expect(Math.abs(found[0].snrDb - 15)).toBeLessThan(3.5);
    }
  });

  it.each([
    [5, 0.5],
    [5, 2],
    [20, 0.5],
    [20, 2],
  ])('at %i dB finds 39 in 40 beside a tone of %f times the signal, anywhere in the band', (snrDb, share) => {
    let found = 0;
    for (let t = 0; t < 40; t++) {
      const rng = createRng(`tone ${t}`);
      const cfoSubcarriers = 12 * rng.uniform() - 6;
      const x = stage({ lead: 1500, snrDb, cfoSubcarriers, taps: unitTaps(t), seed: t });
      const frequency = (2 * Math.PI * (rng.uniform() * 48 - 24)) / 64;
      const amplitude = Math.sqrt(share * ota.meanPower);
      for (let i = 0; i < x.re.length; i++) {
        x.re[i] += amplitude * Math.cos(frequency * i + t);
        x.im[i] += amplitude * Math.sin(frequency * i + t);
      }
      const near = detect(x).find(({ startSample }) => Math.abs(startSample - 1500) <= 12);
      if (near !== undefined && Math.abs(near.cfoSubcarriers - cfoSubcarriers) < 0.1) found++;
    }
    expect(found).toBeGreaterThanOrEqual(39);
  });

  it('chooses the first path that matters, not the strongest', () => {
    const taps = createComplex(7);
    taps.re[0] = 0.55;
    taps.re[6] = 0.83;
    const [found] = detect(stage({ lead: 500, snrDb: 25, cfoSubcarriers: 0.2, taps, seed: 7 }));
    expect(Math.abs(found.startSample - 500)).toBeLessThanOrEqual(1);
  });

  it('finds every frame of several, and a frame at the very start of the stream', () => {
    const scene = { snrDb: 20, cfoSubcarriers: 0.1, taps: unitTaps(9), tail: 0 };
    const parts = [0, 150, 1000].map((lead, i) => stage({ ...scene, lead, seed: i }));
    const starts: number[] = [];
    let at = 0;
    parts.forEach((part, i) => {
      starts.push(at + [0, 150, 1000][i]);
      at += part.re.length;
    });
    const found = detect(concatComplex(parts));
    expect(found).toHaveLength(3);
    found.forEach((d, i) => expect(Math.abs(d.startSample - starts[i])).toBeLessThanOrEqual(3));
  });

  it('works without guards or DC null, and for other sizes', () => {
    for (const config of [
      { ...ofdmProfiles.paper, preamble: 'schmidl-cox' as const },
      { ...ofdmProfiles.ota, fftSize: 256, cyclicPrefixLength: 32, guardSubcarriers: [20, 19] as const },
    ]) {
      const grid = createGrid(config);
      const received = createStage(grid)({ lead: 900, snrDb: 8, cfoSubcarriers: 2.3, taps: unitTaps(1), seed: 3 });
      const found = createPreambleDetector(grid, { holdOffSamples: grid.frameLength(1) }).execute(received);
      expect(found).toHaveLength(1);
      expect(Math.abs(found[0].startSample - 900)).toBeLessThanOrEqual(4);
      expect(Math.abs(found[0].cfoSubcarriers - 2.3)).toBeLessThan(0.03);
    }
  });
});

describe('preamble detector at the edge of a burst', () => {
  it('prefers the preamble to what noise and the edge look like together, at 30 dB and any offset', () => {
    for (let t = 0; t < 150; t++) {
      const cfo = 6 * Math.sin(t);
      const found = detect(stage({ lead: 500, snrDb: 30, cfoSubcarriers: cfo, taps: unitTaps(t), seed: 1000 + t }));
      expect(found).toHaveLength(1);
      expect(Math.abs(found[0].startSample - 500)).toBeLessThanOrEqual(9);
    }
  });

  it('takes narrow signals, whose every part is like every other, for none', () => {
    let found = 0;
    for (let t = 0; t < 20; t++) {
      const taps = { re: new Float32Array(25), im: new Float32Array(25) };
      for (let l = 0; l < 25; l++) {
        taps.re[l] = Math.cos(0.3 * t * l) / 5;
        taps.im[l] = Math.sin(0.3 * t * l) / 5;
      }
      found += detect(convolve(gaussian(20_000, t), taps)).length;
    }
    expect(found).toBeLessThanOrEqual(2);
  });
});

describe('preamble detector among foreign OFDM', () => {
  // Of these the search found one in some fifty thousand samples, before it knew that they are not white.
  it.each([
    ['LTE, 72 of 128 subcarriers', { fftSize: 128, prefixes: [10, 9, 9, 9, 9, 9, 9], symbols: 140, used: 36 }],
    ['Wi-Fi, 52 of 64', { fftSize: 64, prefixes: [16], symbols: 240, used: 26 }],
    ['seven subcarriers of 128', { fftSize: 128, prefixes: [9], symbols: 140, used: 3 }],
    ['DVB, 1704 of 2048', { fftSize: 2048, prefixes: [512], symbols: 8, used: 852 }],
  ])('finds none in %s', (_, kind) => {
    const parts = Array.from({ length: 20 }, (__, seed) => {
      const x = convolve(burst({ ...kind, seed }), unitTaps(seed));
      const noise = gaussian(x.re.length, `noise ${seed}`, 10 ** (-(5 + seed) / 10));
      return { re: x.re.map((v, i) => v + noise.re[i]), im: x.im.map((v, i) => v + noise.im[i]) };
    });
    expect(detect(concatComplex(parts))).toEqual([]);
  });
});

describe('preamble detector as a stream', () => {
  const scene = { snrDb: 12, cfoSubcarriers: 0.4, taps: unitTaps(4) };
  const samples = concatComplex([
    stage({ ...scene, lead: 4000, seed: 1 }),
    stage({ ...scene, lead: 300, seed: 2 }),
    gaussian(6000, 3, 0.1),
  ]);
  const whole = detect(samples);
  const diagnosis = detector.diagnosis();

  it('finds the same for any split, the preamble cut anywhere', () => {
    expect(whole).toHaveLength(2);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 12 }), (lengths) => {
        detector.reset();
        const found: PreambleDetection[] = [];
        for (let at = 0, i = 0; at < samples.re.length; at += lengths[i % lengths.length], i++) {
          found.push(...detector.execute(subarray(samples, at, at + lengths[i % lengths.length])));
        }
        found.push(...detector.execute(createComplex(detector.latencySamples)));
        expect(found).toEqual(whole);
        expect(detector.diagnosis()).toEqual(diagnosis);
      }),
      { numRuns: 8 },
    );
  });

  it('continues from a clone made in the middle of a preamble', () => {
    for (const cut of [3000, 4060, 4150, 4400]) {
      const first = createPreambleDetector(ota, { holdOffSamples: ota.frameLength(1) });
      const before = first.execute(subarray(samples, 0, cut));
      const copy = first.clone();
      const rest = first.execute(subarray(samples, cut));
      expect(copy.execute(subarray(samples, cut))).toEqual(rest);
      expect(copy.diagnosis()).toEqual(first.diagnosis());
      const starts = [...before, ...rest].map((d) => d.startSample);
      expect(starts).toEqual(whole.map((d) => d.startSample));
    }
  });
});

describe('sync diagnosis', () => {
  it('says how near the search came', () => {
    detector.reset();
    expect(detector.diagnosis()).toMatchObject({ verdict: 'no-samples', samplesSearched: 0, bestMetricSample: -1 });
    detector.execute(createComplex(1000));
    expect(detector.diagnosis()).toMatchObject({ verdict: 'no-candidate', samplesSearched: 1000, bestMetric: 0 });
    detector.reset();
    detector.execute(gaussian(50_000, 1));
    const noise = detector.diagnosis();
    expect(noise).toMatchObject({ verdict: 'candidates-rejected', detections: 0 });
    expect(noise.bestMetric).toBeGreaterThan(noise.candidateThreshold);
    expect(noise.bestCorrelation).toBeLessThan(noise.correlationThreshold);
    detect(stage({ lead: 500, snrDb: 10, cfoSubcarriers: 0, taps: oneTap, seed: 1 }));
    const found = detector.diagnosis();
    expect(found).toMatchObject({ verdict: 'found', detections: 1 });
    expect(Math.abs(found.bestMetricSample - 516)).toBeLessThan(20);
    expect(Math.abs(found.snrGuessDb - 10)).toBeLessThan(3);
    expect(Math.abs(found.bestCorrelationSample - 500)).toBeLessThan(3);
  });
});

describe('preamble detector options', () => {
  it.each([
    [{ falseAlarmPerSample: 0 }, /falseAlarmPerSample is 0/],
    [{ falseAlarmPerSample: 1 }, /falseAlarmPerSample/],
    [{ maxCfoSubcarriers: -1 }, /maxCfoSubcarriers/],
    [{ maxCfoSubcarriers: 33 }, /choose 0 to 32/],
    [{ holdOffSamples: 10 }, /at least 160/],
  ])('refuses %o', (options, message) => {
    expect(() => createPreambleDetector(ota, options)).toThrow(ConfigError);
    expect(() => createPreambleDetector(ota, options)).toThrow(message);
  });

  it('refuses a grid without a preamble', () => {
    expect(() => createPreambleDetector(createGrid(ofdmProfiles.paper))).toThrow(/choose schmidl-cox/);
  });
});
