import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/core/errors.js';
import {
  binOfSubcarrier,
  createGrid,
  type OfdmConfig,
  ofdmProfiles,
  signedSubcarrier,
} from '../../../src/ofdm/grid.js';
import { variety } from './helpers.js';

describe('grid', () => {
  it('of the paper has data in every bin, in order', () => {
    const grid = createGrid(ofdmProfiles.paper);
    expect([...grid.dataBins]).toEqual(Array.from({ length: 64 }, (_, m) => m));
    expect(grid).toMatchObject({ elementsPerPacket: 1024, packetLength: 17 * 76, preambleLength: 0, meanPower: 1 });
    expect(grid.frameLength(3)).toBe(3 * 17 * 76);
  });

  it('for the air has 48 data and 4 pilot subcarriers, empty edges and DC', () => {
    const grid = createGrid(ofdmProfiles.ota);
    expect(grid).toMatchObject({ numDataSubcarriers: 48, numPilotSubcarriers: 4, numActiveSubcarriers: 52 });
    expect(grid.meanPower).toBe(52 / 64);
    expect([...grid.pilotBins].map((bin) => signedSubcarrier(bin, 64))).toEqual([7, 21, -21, -7]);
    const frequencies = [...grid.activeBins].map((bin) => signedSubcarrier(bin, 64));
    expect(Math.min(...frequencies)).toBe(-26);
    expect(Math.max(...frequencies)).toBe(26);
    expect(frequencies).not.toContain(0);
    expect(grid.frameLength(2)).toBe(2 * 80 + 2 * 17 * 80);
  });

  it.each(variety)('splits active bins into data and pilots: %s', (_, config) => {
    const grid = createGrid(config);
    expect([...grid.dataBins, ...grid.pilotBins].sort((a, b) => a - b)).toEqual([...grid.activeBins]);
    for (const bin of grid.activeBins) {
      expect(binOfSubcarrier(signedSubcarrier(bin, grid.fftSize), grid.fftSize)).toBe(bin);
    }
  });

  it('is frozen and does not follow changes of what it was made from', () => {
    const pilotSubcarriers = [-7, 7];
    const grid = createGrid({ ...ofdmProfiles.ota, pilotSubcarriers });
    pilotSubcarriers.push(9);
    expect(grid.config.pilotSubcarriers).toEqual([-7, 7]);
    expect(Object.isFrozen(grid) && Object.isFrozen(grid.config)).toBe(true);
    expect(Object.isFrozen(ofdmProfiles.ota)).toBe(true);
  });

  const invalid: [string, Partial<OfdmConfig>, RegExp][] = [
    ['N not a power of two', { fftSize: 48 }, /fftSize is 48: choose a power of two/],
    ['N too small', { fftSize: 8 }, /fftSize/],
    ['K above N', { cyclicPrefixLength: 65 }, /cyclicPrefixLength is 65: choose at most fftSize = 64/],
    ['K negative', { cyclicPrefixLength: -1 }, /cyclicPrefixLength/],
    ['K not whole', { cyclicPrefixLength: 1.5 }, /cyclicPrefixLength/],
    ['no data symbols', { symbolsPerPacket: 0 }, /symbolsPerPacket is 0/],
    [
      'a packet beyond memory',
      { symbolsPerPacket: 1_000_000 },
      /symbolsPerPacket is 1000000: a packet has at most 209715/,
    ],
    ['pilots beyond memory', { pilotSymbols: 300_000 }, /pilotSymbols is 300000: a packet has at most 209715 symbols/],
    ['negative pilots', { pilotSymbols: -1 }, /pilotSymbols/],
    ['guards over the whole band', { guardSubcarriers: [32, 32] }, /no data subcarrier is left/],
    ['only DC between the guards', { guardSubcarriers: [32, 31], pilotSubcarriers: [] }, /no data subcarrier is left/],
    ['all pilots', { guardSubcarriers: [30, 31], pilotSubcarriers: [-1, -2] }, /no data subcarrier is left/],
    ['a negative guard', { guardSubcarriers: [-1, 5] }, /guardSubcarriers\[0\]/],
    [
      'a pilot in the guard',
      { pilotSubcarriers: [27] },
      /pilotSubcarriers is 27: the band between the guards is -26 to 26/,
    ],
    ['a pilot at DC', { pilotSubcarriers: [0] }, /dcNull keeps subcarrier 0 empty/],
    ['a pilot twice', { pilotSubcarriers: [3, 3] }, /listed twice/],
    ['clipping at 0', { clippingRatio: 0 }, /clippingRatio is 0/],
    ['clipping at NaN', { clippingRatio: NaN }, /clippingRatio/],
    ['an unknown preamble', { preamble: 'barker' as 'none' }, /preamble is "barker": choose one of none, schmidl-cox/],
    ['an unknown interleaver', { interleaver: 'block' as 'none' }, /interleaver/],
    [
      'too few subcarriers for the preamble',
      { guardSubcarriers: [30, 30], pilotSubcarriers: [] },
      /two even subcarriers/,
    ],
    ['a fractional seed', { seed: 0.5 }, /seed/],
  ];
  it.each(invalid)('refuses %s in one line', (_, change, message) => {
    const create = (): unknown => createGrid({ ...ofdmProfiles.ota, ...change });
    expect(create).toThrow(ConfigError);
    expect(create).toThrow(message);
    expect(create).not.toThrow(/\n/);
  });
});
