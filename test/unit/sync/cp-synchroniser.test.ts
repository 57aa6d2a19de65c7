import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ComplexArray, concatComplex, createComplex, subarray } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { type CpStretch, createCpSynchroniser } from '../../../src/sync/cp-synchroniser.js';
import { createBandCfo, createIntegerCfo } from '../../../src/sync/integer-cfo.js';
import { guessNumerology } from '../../../src/sync/numerology-guess.js';
import { createRepetitionDetector } from '../../../src/sync/repetition-detector.js';
import { convolve, gaussian } from '../ofdm/helpers.js';
import { burst, unitTaps } from './helpers.js';

/** The burst between stretches of noise, turned, with a DC offset. */
function scene(
  x: ComplexArray,
  { lead = 3000, tail = 3000, snrDb = 10, cfo = 0, fftSize = 64, dc = 0, seed = 1 },
): ComplexArray {
  const out = createComplex(lead + x.re.length + tail);
  createRng(seed)
    .split('noise')
    .fillComplexGaussian(out, 10 ** (-snrDb / 10));
  for (let n = 0; n < x.re.length; n++) {
    const angle = (2 * Math.PI * cfo * n) / fftSize;
    out.re[lead + n] += x.re[n] * Math.cos(angle) - x.im[n] * Math.sin(angle);
    out.im[lead + n] += x.re[n] * Math.sin(angle) + x.im[n] * Math.cos(angle);
  }
  for (let i = 0; i < out.re.length; i++) out.re[i] += dc;
  return out;
}

function run(x: ComplexArray, fftSize: number, prefixes: readonly number[], chunk = Infinity): CpStretch[] {
  const synchroniser = createCpSynchroniser({ fftSize, cyclicPrefixLengths: prefixes });
  const out: CpStretch[] = [];
  for (let at = 0; at < x.re.length; at += chunk) out.push(...synchroniser.execute(subarray(x, at, at + chunk)));
  return [...out, ...synchroniser.execute(createComplex(synchroniser.latencySamples))];
}

describe('cyclic-prefix synchroniser', () => {
  it.each([
    [64, [16], 40],
    [128, [10, 9, 9, 9, 9, 9, 9], 56],
    [256, [32], 24],
    [96, [12], 30],
    [512, [40, 36, 36, 36, 36, 36, 36], 42],
  ])('finds start, length, carrier offset and SNR for N = %i, K = %j', (fftSize, prefixes, symbols) => {
    const n = (fftSize & (fftSize - 1)) === 0 ? fftSize : null;
    // For a size that is no power of two any samples with a prefix will do.
    const x = n === null ? repeated(fftSize, prefixes[0], symbols) : burst({ fftSize, prefixes, symbols, seed: 3 });
    const found = run(scene(x, { snrDb: 15, cfo: -0.23, fftSize, lead: 5000, tail: 12_000 }), fftSize, prefixes);
    expect(found).toHaveLength(1);
    const [{ startSample, numSymbols, cfoSubcarriers, snrDb }] = found;
    expect(Math.abs(numSymbols - symbols)).toBeLessThanOrEqual(2);
    // A symbol more or less at an edge is no error of timing.
    const symbol = fftSize + prefixes[prefixes.length - 1];
    const error = startSample - 5000;
    expect(Math.abs(error)).toBeLessThan(1.2 * symbol);
    if (prefixes.length === 1) expect(Math.abs(error - Math.round(error / symbol) * symbol)).toBeLessThanOrEqual(2);
    expect(Math.abs(cfoSubcarriers + 0.23)).toBeLessThan(0.01);
    expect(Math.abs(snrDb - 15)).toBeLessThan(1.5);
  });

  it('over fading channels at 5 dB and 16 symbols finds 19 in 20, timing within the prefix, CFO within 0.03', () => {
    const trials = 60;
    let [good, extra] = [0, 0];
    for (let t = 0; t < trials; t++) {
      const x = convolve(burst({ fftSize: 64, prefixes: [16], symbols: 16, seed: t }), unitTaps(t));
      const cfo = 0.45 * Math.sin(t);
      const found = run(scene(x, { snrDb: 5, cfo, lead: 2000 + 37 * t, seed: t }), 64, [16]);
      const error = (d: CpStretch): number => {
        const offset = (((d.startSample - 2000 - 37 * t) % 80) + 80) % 80;
        return offset > 40 ? offset - 80 : offset;
      };
      // With a quarter of the prefix as advance the FFT window then lies within the prefix, for taps up to 8 long.
      const hit = found.find((d) => error(d) >= -6 && error(d) <= 8 && Math.abs(d.cfoSubcarriers - cfo) < 0.03);
      if (hit !== undefined) good++;
      extra += found.length - (hit === undefined ? 0 : 1);
    }
    expect(good).toBeGreaterThanOrEqual(57);
    expect(extra).toBeLessThanOrEqual(3);
  });

  it('keeps bursts apart that follow one another with other timing', () => {
    const x = burst({ fftSize: 64, prefixes: [16], symbols: 30, seed: 1 });
    const y = burst({ fftSize: 64, prefixes: [16], symbols: 40, seed: 2 });
    const gap = gaussian(431, 5, 0.03);
    const found = run(scene(concatComplex([x, gap, y]), { snrDb: 15 }), 64, [16]);
    expect(found).toHaveLength(2);
    expect(Math.abs(found[0].startSample - 3000)).toBeLessThanOrEqual(2);
    expect(Math.abs(found[1].startSample - (3000 + 2400 + 431))).toBeLessThanOrEqual(2);
  });

  const scaled = ({ re, im }: ComplexArray, gain: number): ComplexArray => ({
    re: re.map((v) => gain * v),
    im: im.map((v) => gain * v),
  });
  const turned = (x: ComplexArray, cfo: number): ComplexArray => scene(x, { lead: 0, tail: 0, snrDb: 300, cfo });

  it.each([
    ['power and carrier offset', 0.3, -0.05, -0.11],
    ['carrier offset alone', 1, -0.05, -0.11],
    ['power alone', 0.3, -0.05, -0.05],
  ])('tells two stations apart by %s, though one follows the other symbol for symbol', (_, gain, first, second) => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const [x, y] = [30, 24].map((symbols, i) => burst({ fftSize: 64, prefixes: [16], symbols, seed: 10 * seed + i }));
      const found = run(
        scene(concatComplex([scaled(turned(x, first), gain), turned(y, second)]), { snrDb: 30, seed }),
        64,
        [16],
      );
      expect(found).toHaveLength(2);
      expect(found.map(({ numSymbols }) => numSymbols)).toEqual([30, 24]);
      expect(Math.abs(found[0].startSample - 3000)).toBeLessThanOrEqual(2);
      expect(Math.abs(found[1].startSample - 5400)).toBeLessThanOrEqual(2);
      expect(Math.abs(found[0].cfoSubcarriers - first)).toBeLessThan(0.005);
      expect(Math.abs(found[1].cfoSubcarriers - second)).toBeLessThan(0.005);
    }
  });

  it.each([
    ['apart', 37, 0.7],
    ['apart, and as strong', 37, 1],
    ['with prefixes side by side', 24, 0.7],
    ['with prefixes one over the other', 8, 0.7],
    ['a little weaker, in a longer stretch', 60, 0.5],
  ])('tells one station from another that sends at the same time, timing %s', (_, behind, gain) => {
    const symbols = gain < 0.7 ? 200 : 60;
    for (const seed of [1, 2, 3]) {
      const [x, y] = [0, 1].map((i) => burst({ fftSize: 64, prefixes: [16], symbols, seed: 10 * seed + i, used: 26 }));
      const both = concatComplex([turned(x, -0.11), createComplex(behind)]);
      const other = scaled(turned(y, 0.2), gain);
      for (let i = 0; i < other.re.length; i++) {
        both.re[i + behind] += other.re[i];
        both.im[i + behind] += other.im[i];
      }
      // The first one begins alone: five symbols that make clear which is followed.
      const lead = turned(burst({ fftSize: 64, prefixes: [16], symbols: 5, seed: 90 + seed, used: 26 }), -0.11);
      const found = run(scene(concatComplex([lead, both]), { snrDb: 25, seed }), 64, [16]);
      const known = [
        { timing: 0, cfo: -0.11 },
        { timing: behind, cfo: 0.2 },
      ];
      expect(found.length).toBeGreaterThan(0);
      for (const { startSample, cfoSubcarriers, other: beside, numSymbols } of found) {
        const timing = (startSample - 3000) % 80;
        const own = known.findIndex((k) => Math.abs(((timing - k.timing + 120) % 80) - 40) <= 3);
        // Figures are those of one station: its timing and its offset.
        expect(own).toBeGreaterThanOrEqual(0);
        expect(Math.abs(cfoSubcarriers - known[own].cfo)).toBeLessThan(0.04);
        if (numSymbols < 40) continue;
        const expected = (known[1 - own].timing - known[own].timing + 120) % 80;
        expect(Math.abs((((beside?.behindSamples ?? NaN) + 120) % 80) - expected)).toBeLessThanOrEqual(3);
        expect(Math.abs((beside?.cfoSubcarriers ?? NaN) - known[1 - own].cfo)).toBeLessThan(0.06);
        expect(Math.abs((beside?.powerDb ?? NaN) - (own === 0 ? 20 : -20) * Math.log10(gain))).toBeLessThan(3);
      }
      expect(found.some(({ other: beside }) => beside !== null)).toBe(true);
    }
  });

  it('sees no second station beside one, over fading channels at any SNR', () => {
    for (let t = 0; t < 60; t++) {
      const x = convolve(burst({ fftSize: 64, prefixes: [16], symbols: 20 + 3 * t, seed: t, used: 26 }), unitTaps(t));
      const found = run(scene(x, { snrDb: [0, 5, 10, 20, 30][t % 5], seed: t }), 64, [16]);
      for (const { other } of found) expect(other).toBeNull();
    }
  });

  it('gives packets and their short answers one by one, whatever the pauses', () => {
    const rng = createRng('packets');
    const parts: ComplexArray[] = [];
    const packets: { at: number; symbols: number; cfo: number }[] = [];
    let at = 3000;
    for (let i = 0; i < 40; i++) {
      const symbols = [53, 8, 28, 10][i % 4];
      const cfo = i % 2 === 0 ? -0.11 : -0.05;
      const pause = 24 + rng.integer(120);
      const x = burst({ fftSize: 64, prefixes: [16], symbols, seed: 100 + i, used: 26 });
      parts.push(scaled(turned(x, cfo), i % 2 === 0 ? 1 : 0.3), createComplex(pause));
      packets.push({ at, symbols, cfo });
      at += 80 * symbols + pause;
    }
    const found = run(scene(concatComplex(parts), { snrDb: 30 }), 64, [16]);
    expect(found).toHaveLength(40);
    found.forEach(({ startSample, numSymbols, cfoSubcarriers }, i) => {
      expect(Math.abs(startSample - packets[i].at)).toBeLessThanOrEqual(3);
      expect(numSymbols).toBe(packets[i].symbols);
      expect(Math.abs(cfoSubcarriers - packets[i].cfo)).toBeLessThan(0.01);
    });
    for (const { other } of found) expect(other).toBeNull();
  });

  it('is not divided by a click', () => {
    const x = scene(burst({ fftSize: 64, prefixes: [16], symbols: 60, seed: 3 }), { snrDb: 20, cfo: 0.1 });
    x.re[3000 + 2415] += 100;
    const found = run(x, 64, [16]);
    expect(found).toHaveLength(1);
    expect(Math.abs(found[0].startSample - 3000)).toBeLessThanOrEqual(2);
    expect(found[0].numSymbols).toBe(60);
  });

  it('finds nothing in noise, silence, a constant, a carrier and a narrow band', () => {
    const n = 200_000;
    const carrier = createComplex(n);
    for (let i = 0; i < n; i++) {
      carrier.re[i] = Math.cos(0.3 * i);
      carrier.im[i] = Math.sin(0.3 * i);
    }
    const narrow = convolve(gaussian(n, 9), { re: new Float32Array(40).fill(0.16), im: new Float32Array(40) });
    const signals = {
      noise: gaussian(n, 8),
      silence: createComplex(20_000),
      constant: { re: new Float32Array(20_000).fill(1), im: new Float32Array(20_000) },
      carrier,
      narrow,
    };
    for (const [name, x] of Object.entries(signals)) expect(run(x, 64, [16]), name).toEqual([]);
  });

  it('does not mind a DC offset as strong as the signal', () => {
    const x = burst({ fftSize: 64, prefixes: [16], symbols: 40, seed: 3, used: 26 });
    const [found] = run(scene(x, { snrDb: 15, cfo: 0.3, dc: 1 }), 64, [16]);
    expect(Math.abs(found.startSample - 3000)).toBeLessThanOrEqual(2);
    expect(Math.abs(found.cfoSubcarriers - 0.3)).toBeLessThan(0.02);
  });

  it('gives the same for any chunks', () => {
    const x = scene(burst({ fftSize: 64, prefixes: [16], symbols: 60, seed: 7 }), { snrDb: 8, cfo: 0.1 });
    const whole = run(x, 64, [16]);
    expect(whole).toHaveLength(1);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), (chunk) => {
        expect(run(x, 64, [16], chunk)).toEqual(whole);
      }),
      { numRuns: 8 },
    );
  });

  it.each([
    [{ fftSize: 4, cyclicPrefixLengths: [1] }, {}, /FFT size is 4/],
    [{ fftSize: 64, cyclicPrefixLengths: [] }, {}, /give one length/],
    [{ fftSize: 64, cyclicPrefixLengths: [0] }, {}, /cyclic prefix is 0/],
    [{ fftSize: 64, cyclicPrefixLengths: [65] }, {}, /1 to 64/],
    [{ fftSize: 64, cyclicPrefixLengths: [16] }, { symbolsPerWindow: 1 }, /symbols a window is 1/],
    [{ fftSize: 64, cyclicPrefixLengths: [16] }, { falseAlarmPerSample: 0 }, /false alarms/],
  ])('refuses %j %j', (numerology, options, message) => {
    expect(() => createCpSynchroniser(numerology, options)).toThrow(message);
  });
});

/** Random samples with their own end as prefix: all that the synchroniser looks at. */
function repeated(fftSize: number, prefix: number, symbols: number): ComplexArray {
  return concatComplex(
    Array.from({ length: symbols }, (_, s) => {
      const x = gaussian(fftSize, s);
      return concatComplex([subarray(x, fftSize - prefix), x]);
    }),
  );
}

describe('integer carrier offset', () => {
  it.each([-5, -1, 0, 3])('of %i subcarriers shows in which of them carry energy', (shift) => {
    const x = burst({ fftSize: 64, prefixes: [16], symbols: 20, seed: 4, used: 26 });
    const received = scene(x, { snrDb: 8, cfo: shift + 0.2, lead: 0, tail: 0 });
    const active = Array.from({ length: 53 }, (_, i) => i - 26)
      .filter((f) => f !== 0)
      .map((f) => (f + 64) % 64);
    const found = createIntegerCfo(64, active, 8)(received, 0, [16], 20, 0.2);
    expect(found.shift).toBe(shift);
    expect(found.marginDb).toBeGreaterThan(5);
  });

  it('cannot be told where every subcarrier is used', () => {
    const all = Array.from({ length: 64 }, (_, i) => i);
    expect(createIntegerCfo(64, all, 8)(createComplex(800), 0, [16], 10, 0)).toEqual({ shift: 0, marginDb: 0 });
  });
});

describe('carrier offset by the occupied band', () => {
  const offset = createBandCfo(64, 8);

  it.each([-7, -1, 0, 1, 6])(
    'of %i subcarriers, behind a first word of odd subcarriers whose halves are opposite',
    (shift) => {
      let told = 0;
      for (let seed = 0; seed < 20; seed++) {
        const x = convolve(burst({ fftSize: 64, prefixes: [16], symbols: 8, seed, used: 26 }), unitTaps(seed));
        const received = scene(x, { snrDb: 20, cfo: shift + 0.2, lead: 0, tail: 0, seed });
        const found = offset(received, 0, [16], 8, 0.2);
        if (found !== null) expect(found).toBe(shift);
        if (found === shift) told++;
      }
      // A channel may fade an edge of the band, or the neighbours of DC: then nothing is said.
      expect(told).toBeGreaterThanOrEqual(14);
    },
  );

  it('is not told where every subcarrier is used, DC is not empty, or there is noise', () => {
    for (const used of [32, 20]) {
      const x = used === 32 ? burst({ fftSize: 64, prefixes: [16], symbols: 8, seed: 1 }) : gaussian(640, 1);
      expect(offset(scene(x, { snrDb: 30, lead: 0, tail: 0 }), 0, [16], 8, 0)).toBeNull();
    }
  });
});

describe('guess of the numerology', () => {
  it.each([
    [64, 16],
    [256, 32],
    [1024, 72],
    // No usual ones: 15 kHz at 19.2 MS/s, Wi-Fi at 30 MS/s, and others.
    [1280, 90],
    [96, 24],
    [1536, 108],
    [600, 100],
  ])('names N = %i, K = %i', (fftSize, prefix) => {
    const usual = (fftSize & (fftSize - 1)) === 0;
    const x = usual
      ? burst({ fftSize, prefixes: [prefix], symbols: 120, seed: 5 })
      : repeated(fftSize, prefix, Math.floor(200_000 / (fftSize + prefix)));
    expect(guessNumerology(scene(x, { snrDb: 10 }))).toMatchObject({ fftSize, cyclicPrefixLength: prefix });
  });

  it('names none for noise', () => {
    expect(guessNumerology(gaussian(200_000, 1))).toBeNull();
  });
});

describe('repetition detector', () => {
  /** A symbol of two equal halves with its prefix, as nobody but the sender knows it. */
  function preamble(seed: number): ComplexArray {
    const half = gaussian(32, seed);
    const symbol = concatComplex([half, half]);
    return concatComplex([subarray(symbol, 48), symbol]);
  }

  it('finds unknown preambles with their start and offset, and nothing else', () => {
    const starts: number[] = [];
    const parts: ComplexArray[] = [];
    let at = 0;
    for (let i = 0; i < 10; i++) {
      const gap = 1500 + 137 * i;
      parts.push(createComplex(gap), preamble(i), gaussian(800, `data${i}`));
      starts.push(at + gap);
      at += gap + 80 + 800;
    }
    const x = scene(concatComplex(parts), { lead: 0, snrDb: 12, cfo: 0.4 });
    for (const chunk of [Infinity, 777]) {
      const detector = createRepetitionDetector(64, 16);
      const found = [];
      for (let i = 0; i < x.re.length; i += chunk) found.push(...detector.execute(subarray(x, i, i + chunk)));
      found.push(...detector.execute(createComplex(detector.latencySamples)));
      expect(found).toHaveLength(10);
      found.forEach((d, i) => {
        expect(Math.abs(d.startSample - starts[i])).toBeLessThanOrEqual(6);
        expect(Math.abs(d.cfoSubcarriers - 0.4)).toBeLessThan(0.06);
      });
    }
  });

  it('asked for what OFDM follows, takes no other halves, and none of a field of quarters', () => {
    const ofdm = (seed: number): ComplexArray => burst({ fftSize: 64, prefixes: [16], symbols: 12, seed, used: 26 });
    const quarter = gaussian(16, 'quarter');
    const field = concatComplex(Array.from({ length: 5 }, () => quarter));
    const long = concatComplex(Array.from({ length: 10 }, () => quarter));
    const count = (x: ComplexArray, beforeSymbols: boolean): number => {
      const detector = createRepetitionDetector(64, 16, { beforeSymbols });
      return [...detector.execute(x), ...detector.execute(createComplex(detector.latencySamples))].length;
    };
    for (let seed = 0; seed < 10; seed++) {
      const after = (head: ComplexArray, body: ComplexArray): ComplexArray =>
        scene(concatComplex([head, body]), { snrDb: 10, cfo: 0.3 * Math.sin(seed), seed });
      expect(count(after(preamble(seed), ofdm(seed)), true)).toBe(1);
      expect(count(after(preamble(seed), gaussian(960, `data${seed}`)), true)).toBe(0);
      expect(count(after(preamble(seed), gaussian(960, `data${seed}`)), false)).toBe(1);
      expect(count(after(field, ofdm(seed)), true)).toBe(0);
      expect(count(after(long, ofdm(seed)), false)).toBe(0);
    }
  });

  it('does not report a carrier, a constant or noise', () => {
    const carrier = createComplex(30_000);
    for (let i = 0; i < 30_000; i++) carrier.re[i] = Math.cos(0.37 * i);
    for (const x of [
      carrier,
      { re: new Float32Array(9000).fill(1), im: new Float32Array(9000) },
      gaussian(300_000, 3),
    ]) {
      const detector = createRepetitionDetector(64, 16);
      expect([...detector.execute(x), ...detector.execute(createComplex(detector.latencySamples))]).toEqual([]);
    }
  });
});
