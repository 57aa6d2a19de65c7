import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ComplexArray, concatComplex, createComplex, scaleInPlace, subarray } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { createFrameExtractor, type ExtractedFrame } from '../../../src/link/stream/frame-extractor.js';
import { createFrameParts, modulateFrame } from '../../../src/ofdm/frame.js';
import { createGrid, ofdmProfiles } from '../../../src/ofdm/grid.js';
import { superimposedPilot, superimpose } from '../../../src/ofdm/superimposed-pilot.js';
import { convolve, gaussian, qpsk } from '../ofdm/helpers.js';
import { unitTaps } from '../sync/helpers.js';

const ota = createGrid(ofdmProfiles.ota);
const bare = createGrid({ ...ofdmProfiles.ota, preamble: 'none' });
const frameLength = ota.frameLength(2);

interface Scene {
  readonly samples: ComplexArray;
  readonly starts: readonly number[];
  readonly elements: readonly ComplexArray[];
}

/** Frames of two packets in noise, over a channel, with an offset, at some level. */
function scene(grid: typeof ota, { frames = 4, snrDb = 15, cfo = 0.3, level = 0.01, rho = 0, seed = 1 } = {}): Scene {
  const parts: ComplexArray[] = [];
  const starts: number[] = [];
  const elements: ComplexArray[] = [];
  let at = 0;
  const reference = superimposedPilot(grid, 2);
  for (let i = 0; i < frames; i++) {
    const mine = qpsk(2 * grid.elementsPerPacket, `${seed}/${i}`);
    if (rho > 0) superimpose(mine, reference, rho, mine);
    elements.push(mine);
    const gap = 900 + 131 * i;
    parts.push(createComplex(gap), modulateFrame(grid, mine, createFrameParts(grid)));
    starts.push(at + gap);
    at += gap + grid.frameLength(2);
  }
  parts.push(createComplex(3000));
  const samples = convolve(concatComplex(parts), unitTaps(seed));
  const noise = createComplex(samples.re.length);
  createRng(seed)
    .split('noise')
    .fillComplexGaussian(noise, 10 ** (-snrDb / 10));
  for (let n = 0; n < samples.re.length; n++) {
    const angle = (2 * Math.PI * cfo * n) / grid.fftSize;
    const [re, im] = [samples.re[n], samples.im[n]];
    samples.re[n] = re * Math.cos(angle) - im * Math.sin(angle) + noise.re[n];
    samples.im[n] = re * Math.sin(angle) + im * Math.cos(angle) + noise.im[n];
  }
  scaleInPlace(samples, level);
  return { samples, starts, elements };
}

const block = (samples: ComplexArray, sampleIndex: number, dropped = 0) => ({
  samples,
  sampleIndex,
  dropped,
  cause: dropped > 0 ? ('device' as const) : null,
  sampleRateHz: 1e6,
  centerFrequencyHz: 0,
});

const options = { method: 'preamble', numPackets: 2, timingAdvance: 4, superimposed: null } as const;

function extract(samples: ComplexArray, chunk = 5000): ExtractedFrame[] {
  const extractor = createFrameExtractor(ota, options);
  const out: ExtractedFrame[] = [];
  for (let at = 0; at < samples.re.length; at += chunk)
    out.push(...extractor.execute(block(subarray(samples, at, at + chunk), at)));
  return [...out, ...extractor.finish()];
}

/** Mean |Ĥ|² and residual of resource elements against what was sent, with one response a subcarrier: a frame out of place has none. */
function fit(grid: typeof ota, received: ComplexArray, sent: ComplexArray): { power: number; residual: number } {
  const m = grid.numDataSubcarriers;
  const rows = received.re.length / m;
  let [power, residual] = [0, 0];
  for (let k = 0; k < m; k++) {
    let [re, im] = [0, 0];
    for (let s = 0; s < rows; s++) {
      const i = s * m + k;
      re += (received.re[i] * sent.re[i] + received.im[i] * sent.im[i]) / rows;
      im += (received.im[i] * sent.re[i] - received.re[i] * sent.im[i]) / rows;
    }
    power += (re * re + im * im) / m;
    for (let s = 0; s < rows; s++) {
      const i = s * m + k;
      residual += (received.re[i] - re * sent.re[i] + im * sent.im[i]) ** 2 / received.re.length;
      residual += (received.im[i] - im * sent.re[i] - re * sent.im[i]) ** 2 / received.re.length;
    }
  }
  return { power, residual };
}

describe('frame extractor', () => {
  it('finds every frame, takes the offset out, levels it and measures the noise', () => {
    const { samples, starts, elements } = scene(ota);
    const frames = extract(samples);
    expect(frames).toHaveLength(4);
    frames.forEach((frame, i) => {
      expect(Math.abs(frame.startSample - starts[i])).toBeLessThanOrEqual(4);
      expect(Math.abs(frame.cfoSubcarriers - 0.3)).toBeLessThan(0.01);
      expect(Math.abs(frame.snrDb - 15)).toBeLessThan(1);
      const [{ elements: received, noiseVariance }] = frame.candidates;
      const { power, residual } = fit(ota, received.data, elements[i]);
      expect(Math.abs(power - 1)).toBeLessThan(0.15);
      // What is left is the noise that it says it measured, and a little drift of phase.
      expect(residual).toBeGreaterThan(0.8 * noiseVariance);
      expect(residual).toBeLessThan(1.6 * noiseVariance);
    });
  });

  it('gives the same for any chunks', () => {
    const { samples } = scene(ota, { frames: 2 });
    const whole = extract(samples);
    const starts = whole.map(({ startSample }) => startSample);
    fc.assert(
      fc.property(fc.integer({ min: 50, max: 20_000 }), (chunk) => {
        const frames = extract(samples, chunk);
        expect(frames.map(({ startSample }) => startSample)).toEqual(starts);
        frames.forEach((frame, i) =>
          expect(frame.candidates[0].elements.data).toEqual(whole[i].candidates[0].elements.data),
        );
      }),
      { numRuns: 5 },
    );
  });

  it('counts a frame that a gap cuts, and finds those around it at their place in the device’s count', () => {
    const { samples, starts } = scene(ota);
    const cut = starts[1] + 1000;
    const lost = 700;
    const extractor = createFrameExtractor(ota, options);
    const frames = [
      ...extractor.execute(block(subarray(samples, 0, cut), 0)),
      ...extractor.execute(block(subarray(samples, cut + lost), cut + lost, lost)),
      ...extractor.finish(),
    ];
    expect(frames).toHaveLength(3);
    [0, 2, 3].forEach((i, k) => expect(Math.abs(frames[k].startSample - starts[i])).toBeLessThanOrEqual(4));
    expect(extractor.counts()).toMatchObject({ found: 3, broken: 1, gaps: 1 });
  });

  it('says so where the end cuts a frame, and where there is none', () => {
    const { samples, starts } = scene(ota, { frames: 1 });
    const extractor = createFrameExtractor(ota, options);
    extractor.execute(block(subarray(samples, 0, starts[0] + frameLength - 500), 0));
    expect(extractor.finish()).toEqual([]);
    expect(extractor.counts().broken).toBe(1);
    const empty = createFrameExtractor(ota, options);
    expect([...empty.execute(block(gaussian(50_000, 1), 0)), ...empty.finish()]).toEqual([]);
    expect(empty.diagnosis().verdict).toBe('candidates-rejected');
    expect(createFrameExtractor(ota, options).finish()).toEqual([]);
  });

  it('by prefixes alone places frames on a symbol, and the reference tells which is the first', () => {
    let [first, whole] = [0, 0];
    for (let seed = 1; seed <= 5; seed++) {
      const { samples, starts, elements } = scene(bare, { rho: 0.02, seed });
      const reference = superimposedPilot(bare, 2);
      const extractor = createFrameExtractor(bare, { ...options, method: 'cp', superimposed: reference });
      const frames = [...extractor.execute(block(samples, 0)), ...extractor.finish()];
      expect(frames).toHaveLength(4);
      frames.forEach((frame, i) => {
        expect(Math.abs(frame.cfoSubcarriers - 0.3)).toBeLessThan(0.02);
        expect(frame.candidates).toHaveLength(5);
        const error = frame.startSample - starts[i];
        expect(Math.abs(error - 80 * Math.round(error / 80))).toBeLessThanOrEqual(8);
        if (Math.abs(error) <= 8) {
          first++;
          if (fit(bare, frame.candidates[0].elements.data, elements[i]).power > 0.7) whole++;
        }
      });
    }
    expect(first).toBeGreaterThanOrEqual(19);
    expect(whole).toBeGreaterThanOrEqual(18);
  });
});
