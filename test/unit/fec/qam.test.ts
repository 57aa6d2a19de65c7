import { describe, expect, it } from 'vitest';
import { createComplex, meanPower } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { mcsOf, mcsTable, transportBlockSize } from '../../../src/fec/mcs.js';
import { type BitsPerSymbol, createQam } from '../../../src/fec/qam.js';

const orders: readonly BitsPerSymbol[] = [2, 4, 6, 8];

/** Every symbol of a constellation, and its bits. */
function allSymbols(order: BitsPerSymbol) {
  const count = 2 ** order;
  const bits = new Uint8Array(order * count);
  for (let s = 0; s < count; s++) for (let b = 0; b < order; b++) bits[s * order + b] = (s >> (order - 1 - b)) & 1;
  const symbols = createComplex(count);
  createQam(order, 'exact').map(bits, symbols);
  return { count, bits, symbols };
}

describe('constellations of TS 38.211', () => {
  it.each(orders)('%i bits: unit power, neighbours differ in one bit', (order) => {
    const { count, symbols } = allSymbols(order);
    expect(meanPower(symbols)).toBeCloseTo(1, 6);
    const step = 2 / Math.sqrt((2 * (2 ** order - 1)) / 3);
    for (let a = 0; a < count; a++) {
      for (let b = 0; b < a; b++) {
        const distance = Math.hypot(symbols.re[a] - symbols.re[b], symbols.im[a] - symbols.im[b]);
        expect(distance).toBeGreaterThan(0.999 * step);
        if (distance < 1.001 * step) expect((a ^ b).toString(2).replaceAll('0', '')).toBe('1');
      }
    }
  });

  it.each(orders)('%i bits: symbols are those of the formulas as they stand there', (order) => {
    const { count, bits, symbols } = allSymbols(order);
    const norm = Math.sqrt((2 * (2 ** order - 1)) / 3);
    for (let s = 0; s < count; s++) {
      const expected = spelledOut(order, [...bits.subarray(s * order, (s + 1) * order)]);
      expect([symbols.re[s] * norm, symbols.im[s] * norm].map(Math.round)).toEqual(expected);
    }
  });

  it.each(orders)('%i bits: ratios are those of sums over all symbols', (order) => {
    const { count, bits, symbols } = allSymbols(order);
    const rng = createRng(order);
    const y = createComplex(50);
    rng.fillComplexGaussian(y, 1.5);
    const noise = Float32Array.from({ length: 50 }, () => 0.02 + rng.uniform());
    for (const kind of ['exact', 'max-log'] as const) {
      const llr = new Float32Array(50 * order);
      createQam(order, kind).demap(y, noise, llr);
      for (let k = 0; k < 50; k++) {
        for (let b = 0; b < order; b++) {
          const metrics: [number[], number[]] = [[], []];
          for (let s = 0; s < count; s++) {
            const distance = (y.re[k] - symbols.re[s]) ** 2 + (y.im[k] - symbols.im[s]) ** 2;
            metrics[bits[s * order + b]].push(-distance / noise[k]);
          }
          const [zero, one] = metrics.map((m) =>
            kind === 'exact' ? Math.log(m.reduce((sum, v) => sum + Math.exp(v), 0)) : Math.max(...m),
          );
          expect(llr[k * order + b]).toBeCloseTo(zero - one, 3);
        }
      }
    }
  });

  it('refuses three bits', () => {
    expect(() => createQam(3 as 2, 'exact')).toThrow('3 bits a symbol: choose 2, 4, 6 or 8');
  });
});

/** Real and imaginary part before normalisation, TS 38.211, 5.1.3 to 5.1.6. */
function spelledOut(order: BitsPerSymbol, bits: readonly number[]): number[] {
  return [0, 1].map((part) => {
    const s = bits.filter((_, i) => i % 2 === part).map((b) => 1 - 2 * b);
    if (order === 2) return s[0];
    if (order === 4) return s[0] * (2 - s[1]);
    if (order === 6) return s[0] * (4 - s[1] * (2 - s[2]));
    return s[0] * (8 - s[1] * (4 - s[2] * (2 - s[3])));
  });
}

describe('schemes of TS 38.214', () => {
  it('have 29 and 28 entries with the ends of the tables', () => {
    expect(mcsTable('qam64').length).toBe(29);
    expect(mcsTable('qam256').length).toBe(28);
    expect(mcsOf('qam64', 0)).toEqual({ index: 0, bitsPerSymbol: 2, rate: 120 / 1024 });
    expect(mcsOf('qam64', 28)).toEqual({ index: 28, bitsPerSymbol: 6, rate: 948 / 1024 });
    expect(mcsOf('qam256', 20)).toEqual({ index: 20, bitsPerSymbol: 8, rate: 682.5 / 1024 });
    expect(() => mcsOf('qam256', 28)).toThrow('MCS 28: table qam256 has 0 to 27');
  });

  it('carry blocks of NR’s sizes', () => {
    // 273 resource blocks of 156 elements, 4 layers, 256-QAM of rate 948/1024: the largest block of NR.
    expect(transportBlockSize(4 * 273 * 156, mcsOf('qam256', 27))).toBe(1277992);
    expect(transportBlockSize(1024, mcsOf('qam64', 9))).toBe(1352);
    expect(transportBlockSize(10, mcsOf('qam64', 0))).toBe(24);
    for (const scheme of [...mcsTable('qam64'), ...mcsTable('qam256')]) {
      for (const symbols of [1000, 2048, 6000, 50000]) {
        const size = transportBlockSize(symbols, scheme);
        expect(size % 8).toBe(0);
        expect(size / (symbols * scheme.bitsPerSymbol * scheme.rate)).toBeLessThan(1.12);
        expect(size / (symbols * scheme.bitsPerSymbol * scheme.rate)).toBeGreaterThan(0.9);
      }
    }
  });
});
