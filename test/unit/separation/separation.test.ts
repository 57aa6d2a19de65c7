import { describe, expect, it } from 'vitest';
import { createComplex, meanPower } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { type Mcs, mcsOf, mcsTable, transportBlockSize } from '../../../src/fec/mcs.js';
import { createGrid, ofdmProfiles } from '../../../src/ofdm/grid.js';
import { createInterleaver } from '../../../src/ofdm/interleaver.js';
import type { LinkSetting } from '../../../src/receiver/receiver.js';
import { createBitCapacity } from '../../../src/separation/capacity.js';
import { chooseMcs, requiredSnr } from '../../../src/separation/link-adaptation.js';
import { createPacketCode, type PacketCodeConfig } from '../../../src/separation/packet-code.js';

const decoder = { algorithm: 'offset-min-sum', iterations: 20 } as const;

const packetOf = (symbols: number, mcs: Mcs, rest: Partial<PacketCodeConfig> = {}) =>
  createPacketCode({ symbols, mcs, interleaving: 'frame', llr: 'exact', decoder, seed: 1, ...rest });

describe('capacity of interleaved bits', () => {
  it('goes from nothing to all bits, and is known at some points', () => {
    for (const bits of [2, 4, 6, 8] as const) {
      const { informationAt, snrFor } = createBitCapacity(bits);
      expect(informationAt(1e-6)).toBeLessThan(1e-5);
      expect(informationAt(10 ** 4.5)).toBeCloseTo(bits, 4);
      for (const share of [0.1, 0.5, 0.9]) expect(informationAt(snrFor(share * bits))).toBeCloseTo(share * bits, 6);
      // Never more than a Gaussian input, and close to it for QPSK at low SNR.
      for (const db of [-15, -5, 0, 5, 10, 20]) {
        expect(informationAt(10 ** (db / 10))).toBeLessThanOrEqual(1e-4 + Math.log2(1 + 10 ** (db / 10)));
      }
    }
    // QPSK of rate 1/2 needs 0.19 dB of Eb/N0, the limit of binary input (Proakis, Digital Communications).
    expect(10 * Math.log10(createBitCapacity(2).snrFor(1))).toBeCloseTo(0.19, 1);
  });
});

describe('packets', () => {
  it.each([0, 9, 16, 28])(
    'MCS %i: bytes come back over noise above the threshold, of any number up to the capacity',
    (index) => {
      const mcs = mcsOf('qam64', index);
      const symbols = 1000;
      const packet = packetOf(symbols, mcs);
      expect(packet.payloadBits).toBe(transportBlockSize(symbols, mcs));
      const variance = 1 / (1.4 * requiredSnr(symbols, mcs, createBitCapacity(mcs.bitsPerSymbol)));
      const rng = createRng(index);
      const noise = createComplex(symbols);
      for (const length of [0, 1, packet.capacity]) {
        const bytes = Uint8Array.from({ length }, () => rng.integer(256));
        const sent = packet.encode(bytes);
        rng.fillComplexGaussian(noise, variance);
        for (let i = 0; i < symbols; i++) {
          sent.re[i] += noise.re[i];
          sent.im[i] += noise.im[i];
        }
        expect(packet.decode(sent, new Float32Array(symbols).fill(variance)).bytes).toEqual(bytes);
      }
      const nothing = packet.decode(noise, new Float32Array(symbols).fill(variance));
      expect(nothing.bytes).toBeNull();
    },
  );

  it('have unit power whatever they carry', () => {
    for (const index of [0, 12, 20]) {
      expect(meanPower(packetOf(2048, mcsOf('qam64', index)).encode(new Uint8Array(3)))).toBeCloseTo(1, 1);
    }
  });

  it('survive a fade of a fifth of the frame by interleaving, and not without', () => {
    // Three code blocks, one of which would meet most of the fade.
    const symbols = 12000;
    const mcs = mcsOf('qam64', 13);
    const noise = new Float32Array(symbols).fill(0.05);
    noise.fill(1e6, 0, symbols / 5);
    const rng = createRng(7);
    const decodes = (interleaving: 'frame' | 'none'): boolean => {
      const packet = packetOf(symbols, mcs, { interleaving });
      const sent = packet.encode(new Uint8Array(100));
      for (let i = 0; i < symbols; i++) {
        const sigma = Math.sqrt(noise[i] / 2);
        sent.re[i] += sigma * rng.gaussian();
        sent.im[i] += sigma * rng.gaussian();
      }
      return packet.decode(sent, noise).bytes !== null;
    };
    expect(decodes('frame')).toBe(true);
    expect(decodes('none')).toBe(false);
  });
});

describe('thresholds', () => {
  /** Share of packets lost over AWGN. */
  function lost(symbols: number, mcs: Mcs, snr: number, frames: number): number {
    const packet = packetOf(symbols, mcs);
    const rng = createRng(11);
    const noise = createComplex(symbols);
    let failures = 0;
    for (let frame = 0; frame < frames; frame++) {
      const sent = packet.encode(Uint8Array.from({ length: packet.capacity }, () => rng.integer(256)));
      rng.fillComplexGaussian(noise, 1 / snr);
      for (let i = 0; i < symbols; i++) {
        sent.re[i] += noise.re[i];
        sent.im[i] += noise.im[i];
      }
      if (packet.decode(sent, new Float32Array(symbols).fill(1 / snr)).bytes === null) failures++;
    }
    return failures / frames;
  }

  it.each([
    [512, 4],
    [1024, 9],
    [512, 16],
    [1024, 22],
    [256, 25],
  ])('of %i symbols, MCS %i: a loss of a tenth is within 0.3 dB of the model', (symbols, index) => {
    const mcs = mcsOf('qam64', index);
    const snr = requiredSnr(symbols, mcs, createBitCapacity(mcs.bitsPerSymbol));
    expect(lost(symbols, mcs, snr * 10 ** -0.03, 100)).toBeGreaterThan(0.1);
    expect(lost(symbols, mcs, snr * 10 ** 0.03, 100)).toBeLessThan(0.1);
  });

  it('are out of reach where a code has no redundancy', () => {
    expect(requiredSnr(20, mcsOf('qam64', 28), createBitCapacity(6))).toBe(Infinity);
  });
});

describe('adaptive schemes', () => {
  const grid = createGrid(ofdmProfiles.paper);
  const setting = (snrDb: number): LinkSetting =>
    ({
      grid,
      snrDb,
      coherence: 'packet',
      interleaver: createInterleaver(grid, 2048, 1024),
      tapPrior: new Float64Array(8),
    }) as unknown as LinkSetting;
  const expectation = {
    taps: { kind: 'exponential', numTaps: 8, decay: 4 },
    snrConvention: 'received',
    csi: 'perfect',
    targetFailure: 0.1,
  } as const;
  const sizeAt = (snrDb: number, rest: object = {}): number =>
    transportBlockSize(2048, chooseMcs(setting(snrDb), mcsTable('qam64'), { ...expectation, ...rest }));

  it('carry more at a better SNR, less through fading, with estimated channels and where fewer frames may fail', () => {
    const sizes = [-5, 0, 5, 10, 15, 20].map((snr) => sizeAt(snr));
    expect(sizes).toEqual([...sizes].sort((a, b) => a - b));
    expect(new Set(sizes).size).toBe(6);
    expect(sizeAt(10, { taps: { kind: 'identity' } })).toBeGreaterThan(sizeAt(10));
    const estimated = [-5, 0, 5, 10, 15, 20].map((snr) => sizeAt(snr, { csi: 'pilot' }));
    expect(estimated.every((size, i) => size <= sizes[i])).toBe(true);
    expect(estimated.some((size, i) => size < sizes[i])).toBe(true);
    expect(sizeAt(10, { targetFailure: 0.005 })).toBeLessThan(sizeAt(10, { targetFailure: 0.3 }));
  });

  it('over AWGN is the highest whose threshold is passed', () => {
    const mcs = chooseMcs(setting(10), mcsTable('qam64'), { ...expectation, taps: { kind: 'identity' } });
    expect(requiredSnr(2048, mcs, createBitCapacity(mcs.bitsPerSymbol))).toBeLessThan(10);
    const next = mcsOf('qam64', mcs.index + 1);
    expect(requiredSnr(2048, next, createBitCapacity(next.bitsPerSymbol))).toBeGreaterThan(10);
  });

  it('are the lowest where nothing can be promised', () => {
    expect(chooseMcs(setting(-20), mcsTable('qam64'), expectation).index).toBe(0);
  });
});
