import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { complexFrom, createComplex, meanPower, subarray } from '../../../src/core/complex.js';
import { ConfigError, ShapeError } from '../../../src/core/errors.js';
import { createFft } from '../../../src/dsp/fft.js';
import { createDemodulator, createPacketElements } from '../../../src/ofdm/demodulator.js';
import { demodulateFrame, modulateFrame } from '../../../src/ofdm/frame.js';
import { createGrid, type Grid, ofdmProfiles } from '../../../src/ofdm/grid.js';
import { createModulator } from '../../../src/ofdm/modulator.js';
import { blockPilotElements, combPilotElements } from '../../../src/ofdm/pilots.js';
import { createPreamble } from '../../../src/ofdm/preamble.js';
import { convolve, exponentialTaps, gaussian, maxDistance, qpsk, variety } from './helpers.js';

const repeatElements = (one: ReturnType<typeof qpsk>, times: number): ReturnType<typeof qpsk> =>
  complexFrom(
    Array(times)
      .fill([...one.re])
      .flat(),
    Array(times)
      .fill([...one.im])
      .flat(),
  );

describe('modulator and demodulator', () => {
  it.each(variety)('give back every element: %s', (_, config) => {
    const grid = createGrid(config);
    const elements = gaussian(3 * grid.elementsPerPacket, 1);
    const samples = modulateFrame(grid, elements);
    expect(samples.re.length).toBe(grid.frameLength(3));
    const out = demodulateFrame(grid, samples, 0, 3);
    expect(maxDistance(out.data, elements)).toBeLessThan(3e-6);
    expect(maxDistance(out.blockPilots, repeatElements(blockPilotElements(grid), 3))).toBeLessThan(3e-6);
    expect(maxDistance(out.combPilots, repeatElements(combPilotElements(grid), 3))).toBeLessThan(3e-6);
  });

  it.each(variety)('match the definition of the transform: %s', (_, config) => {
    const grid = createGrid({ ...config, pilotSymbols: 0, preamble: 'none' });
    const elements = qpsk(grid.elementsPerPacket, 2);
    const samples = modulateFrame(grid, elements);
    const s = grid.symbolsPerPacket - 1;
    const t = grid.cyclicPrefixLength === 0 ? 3 : -1;
    let [re, im] = [0, 0];
    const term = (bin: number, x: typeof elements, i: number): void => {
      const angle = (2 * Math.PI * bin * t) / grid.fftSize;
      re += x.re[i] * Math.cos(angle) - x.im[i] * Math.sin(angle);
      im += x.re[i] * Math.sin(angle) + x.im[i] * Math.cos(angle);
    };
    const pilots = combPilotElements(grid);
    grid.dataBins.forEach((bin, m) => term(bin, elements, s * grid.numDataSubcarriers + m));
    grid.pilotBins.forEach((bin, i) => term(bin, pilots, s * grid.numPilotSubcarriers + i));
    const at = s * grid.symbolLength + grid.cyclicPrefixLength + t;
    expect(samples.re[at]).toBeCloseTo(re / Math.sqrt(grid.fftSize), 5);
    expect(samples.im[at]).toBeCloseTo(im / Math.sqrt(grid.fftSize), 5);
  });

  it('keep power: unit elements give N_active/N a sample, preamble and pilots too', () => {
    const grid = createGrid(ofdmProfiles.ota);
    const samples = modulateFrame(grid, qpsk(20 * grid.elementsPerPacket, 3));
    expect(meanPower(samples) / grid.meanPower).toBeCloseTo(1, 1);
    const { samples: preamble } = createPreamble(grid);
    for (const word of [0, 1]) {
      const start = word * grid.symbolLength + grid.cyclicPrefixLength;
      expect(meanPower(subarray(preamble, start, start + grid.fftSize))).toBeCloseTo(grid.meanPower, 5);
    }
  });

  it.each([0, 12])('give Y = H·Z for channels within the prefix, with the window %i samples early', (timingAdvance) => {
    const grid = createGrid({ ...ofdmProfiles.ota, cyclicPrefixLength: 20 });
    const h = exponentialTaps(4);
    const elements = gaussian(2 * grid.elementsPerPacket, 5);
    const received = convolve(modulateFrame(grid, elements), h);
    const out = demodulateFrame(grid, received, 0, 2, undefined, createDemodulator(grid, { timingAdvance }));
    // The window's advance delays the channel.
    const delayed = createComplex(64);
    delayed.re.set(h.re, timingAdvance);
    delayed.im.set(h.im, timingAdvance);
    createFft(64).forward(delayed, delayed);
    const expected = createComplex(elements.re.length);
    for (let i = 0; i < elements.re.length; i++) {
      const bin = grid.dataBins[i % grid.numDataSubcarriers];
      expected.re[i] = delayed.re[bin] * elements.re[i] - delayed.im[bin] * elements.im[i];
      expected.im[i] = delayed.re[bin] * elements.im[i] + delayed.im[bin] * elements.re[i];
    }
    expect(maxDistance(out.data, expected)).toBeLessThan(1e-5);
  });

  it('show the inter-symbol interference of a short prefix exactly as convolution has it', () => {
    const grid = createGrid({ ...ofdmProfiles.paper, cyclicPrefixLength: 3, pilotSymbols: 0 });
    const h = exponentialTaps(6);
    const elements = qpsk(grid.elementsPerPacket, 7);
    const sent = modulateFrame(grid, elements);
    const received = convolve(sent, h);
    const out = demodulateFrame(grid, received, 0, 1);
    // Directly: Y = H·Z + F·(what the previous symbol leaves behind − what the cyclic extension lacks).
    const spectrum = createComplex(64);
    spectrum.re.set(h.re);
    spectrum.im.set(h.im);
    createFft(64).forward(spectrum, spectrum);
    const s = 5;
    const expected = createComplex(64);
    const missing = createComplex(64);
    const symbolStart = s * grid.symbolLength + 3;
    for (let t = 0; t < 64; t++) {
      for (let l = 0; l < 8; l++) {
        if (t - l >= -3) continue;
        const real = symbolStart + t - l;
        const cyclic = symbolStart + ((t - l + 64) % 64);
        const dRe = sent.re[real] - sent.re[cyclic];
        const dIm = sent.im[real] - sent.im[cyclic];
        missing.re[t] += h.re[l] * dRe - h.im[l] * dIm;
        missing.im[t] += h.re[l] * dIm + h.im[l] * dRe;
      }
    }
    expect(meanPower(missing)).toBeGreaterThan(1e-4);
    createFft(64, 'unitary').forward(missing, missing);
    for (let m = 0; m < 64; m++) {
      const i = s * 64 + m;
      expected.re[m] = spectrum.re[m] * elements.re[i] - spectrum.im[m] * elements.im[i] + missing.re[m];
      expected.im[m] = spectrum.re[m] * elements.im[i] + spectrum.im[m] * elements.re[i] + missing.im[m];
    }
    expect(maxDistance(subarray(out.data, s * 64, (s + 1) * 64), expected)).toBeLessThan(1e-5);
  });

  it('leave σ² as it is: noise of variance σ² a sample has variance σ² a resource element', () => {
    const grid = createGrid(ofdmProfiles.ota);
    const out = demodulateFrame(grid, gaussian(grid.frameLength(20), 8, 0.3), 0, 20);
    expect(meanPower(out.data)).toBeGreaterThan(0.29);
    expect(meanPower(out.data)).toBeLessThan(0.31);
  });
});

describe('modulator', () => {
  it('gives the same samples symbol by symbol as packet by packet, clipped or not', () => {
    for (const clippingRatio of [null, 1.1]) {
      const grid = createGrid({ ...ofdmProfiles.ota, clippingRatio });
      const elements = gaussian(grid.elementsPerPacket + 5, 9);
      const whole = createComplex(grid.packetLength + 2);
      const modulator = createModulator(grid);
      modulator.execute(elements, whole, 5, 2);
      const parts = createComplex(grid.packetLength + 2);
      parts.re.set(whole.re.subarray(0, 2 + grid.pilotSymbols * grid.symbolLength));
      parts.im.set(whole.im.subarray(0, 2 + grid.pilotSymbols * grid.symbolLength));
      for (let s = grid.symbolsPerPacket - 1; s >= 0; s--) {
        const at = 2 + (grid.pilotSymbols + s) * grid.symbolLength;
        modulator.executeSymbol(s, elements, parts, 5 + s * grid.numDataSubcarriers, at);
      }
      expect(parts).toEqual(whole);
    }
  });

  it('refuses missing elements, missing room and symbols outside the packet', () => {
    const grid = createGrid(ofdmProfiles.paper);
    const modulator = createModulator(grid);
    const out = createComplex(grid.packetLength);
    expect(() => modulator.execute(createComplex(1023), out)).toThrow(ShapeError);
    expect(() => modulator.execute(createComplex(1024), createComplex(100))).toThrow(ShapeError);
    expect(() => modulator.execute(createComplex(1024), out, 1)).toThrow(ShapeError);
    expect(() => modulator.executeSymbol(16, createComplex(64), out)).toThrow(ShapeError);
    expect(() => modulateFrame(grid, createComplex(1000))).toThrow(/whole packets of 1024 resource elements/);
  });
});

describe('demodulator', () => {
  const grid = createGrid(ofdmProfiles.ota);
  const packets = 3;
  const samples = gaussian(packets * grid.packetLength, 10);

  const inChunks = (g: Grid, lengths: readonly number[], cloneAt = -1): ReturnType<typeof createPacketElements> => {
    let demodulator = createDemodulator(g, { timingAdvance: 3 });
    const out = createPacketElements(g, packets);
    let packet = 0;
    for (let at = 0, chunk = 0; at < samples.re.length; chunk++) {
      const block = subarray(samples, at, at + lengths[chunk % lengths.length]);
      at += block.re.length;
      if (chunk === cloneAt) {
        const copy = demodulator.clone();
        demodulator.execute(gaussian(500, 11), createPacketElements(g), 0);
        demodulator = copy;
      }
      for (let used = 0; used < block.re.length;) {
        used = demodulator.execute(block, out, used, packet);
        if (demodulator.position === 0) packet++;
      }
    }
    expect(packet).toBe(packets);
    return out;
  };
  const whole = inChunks(grid, [samples.re.length]);

  it('gives the same elements for any split of the stream', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 20 }), (lengths) => {
        expect(inChunks(grid, lengths)).toEqual(whole);
      }),
      { numRuns: 15 },
    );
  });

  it('can be cloned in the middle of a symbol and reset', () => {
    expect(inChunks(grid, [137], 4)).toEqual(whole);
    const demodulator = createDemodulator(grid, { timingAdvance: 3 });
    const out = createPacketElements(grid, packets);
    demodulator.execute(gaussian(100, 12), out);
    expect(demodulator.position).toBe(100);
    demodulator.reset();
    expect(demodulator.execute(samples, out)).toBe(grid.packetLength);
    expect(subarray(out.data, 0, grid.elementsPerPacket)).toEqual(subarray(whole.data, 0, grid.elementsPerPacket));
  });

  it.each([-1, 17, 0.5, NaN])('refuses a timing advance of %s', (timingAdvance) => {
    expect(() => createDemodulator(grid, { timingAdvance })).toThrow(ConfigError);
  });

  it('refuses arrays without room and samples that end within the frame', () => {
    expect(() => createDemodulator(grid).execute(samples, createPacketElements(grid), 0, 1)).toThrow(ShapeError);
    expect(() => demodulateFrame(grid, samples, 0, 3)).toThrow(/a frame of 3 packets/);
    expect(() => demodulateFrame(grid, samples, -1, 1)).toThrow(ShapeError);
  });
});

describe('preamble', () => {
  it('has two equal halves in its first word and known spectra in both', () => {
    const grid = createGrid(ofdmProfiles.ota);
    const { samples, firstWord, secondWord, firstWordBins } = createPreamble(grid);
    expect(samples.re.length).toBe(grid.preambleLength);
    for (let i = 0; i < 48; i++) expect(samples.re[i]).toBeCloseTo(samples.re[i + 32], 5);
    expect([...firstWordBins].every((bin) => bin % 2 === 0 && bin !== 0)).toBe(true);
    const fft = createFft(64, 'unitary');
    [firstWord, secondWord].forEach((word, i) => {
      const start = i * 80 + 16;
      const y = createComplex(64);
      fft.forward({ re: samples.re.slice(start, start + 64), im: samples.im.slice(start, start + 64) }, y);
      expect(maxDistance(y, word)).toBeLessThan(2e-6);
    });
  });

  it('depends on the seed, and is refused where there is none', () => {
    const grid = createGrid(ofdmProfiles.ota);
    expect(createPreamble(grid)).toEqual(createPreamble(createGrid(ofdmProfiles.ota)));
    expect(createPreamble(createGrid({ ...ofdmProfiles.ota, seed: 2 }))).not.toEqual(createPreamble(grid));
    expect(() => createPreamble(createGrid(ofdmProfiles.paper))).toThrow(ConfigError);
  });
});
