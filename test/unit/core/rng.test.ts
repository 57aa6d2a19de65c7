import { describe, expect, it } from 'vitest';
import { createComplex, deinterleave, interleave, meanPower } from '../../../src/core/complex.js';
import { createRng, xoshiro128 } from '../../../src/core/rng.js';

describe('the random generator', () => {
  it('is xoshiro128**: its authors’ C code from the state 1, 2, 3, 4', () => {
    const draw = xoshiro128(1, 2, 3, 4);
    expect(Array.from({ length: 10 }, draw)).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });

  it('gives equal streams for equal seeds and labels, whatever was drawn before', () => {
    const a = createRng(1);
    a.uniform();
    a.gaussian();
    expect(a.split('x').uint32()).toBe(createRng(1).split('x').uint32());
    expect(a.split('x').split(2).uint32()).not.toBe(a.split('x').split(3).uint32());
    expect(createRng(1).uint32()).not.toBe(createRng(2).uint32());
  });

  it('draws CN(0, v): power v, circular, and independent between streams', () => {
    const x = createComplex(100_000);
    createRng(5).fillComplexGaussian(x, 2);
    expect(meanPower(x)).toBeCloseTo(2, 1);
    let pseudo = 0;
    for (let i = 0; i < x.re.length; i++) pseudo += x.re[i] * x.im[i];
    expect(Math.abs(pseudo / x.re.length)).toBeLessThan(0.02);
    const y = createComplex(100_000);
    createRng(5).split('other').fillComplexGaussian(y, 2);
    let cross = 0;
    for (let i = 0; i < x.re.length; i++) cross += x.re[i] * y.re[i] + x.im[i] * y.im[i];
    expect(Math.abs(cross / x.re.length)).toBeLessThan(0.03);
  });

  it('has no bias in integers and permutations', () => {
    const rng = createRng(9);
    const counts = new Float64Array(6);
    for (let i = 0; i < 60_000; i++) counts[rng.integer(6)]++;
    // Six cells of 10,000 ± 91: five standard deviations.
    counts.forEach((count) => expect(Math.abs(count - 10_000)).toBeLessThan(460));
    expect(Array.from(rng.permutation(50)).sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });
});

describe('complex arrays', () => {
  it('survive the way to the wire and back', () => {
    const x = createComplex(7);
    createRng(1).fillComplexGaussian(x, 1);
    expect(deinterleave(interleave(x))).toEqual(x);
  });
});
