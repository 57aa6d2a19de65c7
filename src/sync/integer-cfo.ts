import type { ComplexArray } from '../core/complex.js';
import { createComplex } from '../core/complex.js';
import { createFft } from '../dsp/fft.js';
import { correctCfo } from './correct-cfo.js';

/** What `createIntegerCfo` makes: see there. */
export type IntegerCfo = (
  samples: ComplexArray,
  start: number,
  prefixes: readonly number[],
  numSymbols: number,
  fractionalCfo: number,
) => { readonly shift: number; readonly marginDb: number };

/**
 * Carrier offset in whole subcarriers, from which subcarriers carry energy: no known symbol is needed.
 *
 *   ĝ = argmax_g Σ_{k active} P[(k + g) mod N],  P[k] = mean |Y_s[k]|² over the symbols
 *
 * It needs guards (or an empty DC): where every subcarrier is used, nothing can be told and 0 is returned with margin 0.
 * The function made takes samples, the first sample of the first symbol's prefix, each symbol's prefix in turn, how many
 * symbols, and the fractional offset, which it takes out first. It returns ĝ, and by how many dB the mean power of bins that
 * should be empty lies below that of active ones.
 *
 * @param activeBins FFT bins that carry energy
 * @param maxShift |ĝ| at most
 */
export function createIntegerCfo(fftSize: number, activeBins: ArrayLike<number>, maxShift: number): IntegerCfo {
  const n = fftSize;
  if (activeBins.length >= n) return () => ({ shift: 0, marginDb: 0 });
  const fft = createFft(n, 'unitary');
  const power = new Float64Array(n);
  const symbol = createComplex(n);
  return (samples, start, prefixes, numSymbols, fractionalCfo) => {
    power.fill(0);
    let at = start;
    for (let s = 0; s < numSymbols; s++) {
      const prefix = prefixes[s % prefixes.length];
      const from = at + prefix - (prefix >> 2);
      at += prefix + n;
      if (from < 0 || from + n > samples.re.length) continue;
      symbol.re.set(samples.re.subarray(from, from + n));
      symbol.im.set(samples.im.subarray(from, from + n));
      correctCfo(symbol, (2 * Math.PI * fractionalCfo) / n);
      fft.forward(symbol, symbol);
      for (let k = 0; k < n; k++) power[k] += symbol.re[k] * symbol.re[k] + symbol.im[k] * symbol.im[k];
    }
    const total = power.reduce((sum, p) => sum + p, 0);
    let best = { shift: 0, inside: -1 };
    // Nearer shifts first: they win where nothing tells them apart.
    for (let step = 0; step <= 2 * maxShift; step++) {
      const shift = step % 2 === 1 ? (step + 1) / 2 : -step / 2;
      let inside = 0;
      for (let i = 0; i < activeBins.length; i++) inside += power[(((activeBins[i] + shift) % n) + n) % n];
      if (inside > best.inside * (1 + 1e-9)) best = { shift: shift === 0 ? 0 : shift, inside };
    }
    const insideMean = best.inside / activeBins.length;
    const outsideMean = Math.max(total - best.inside, 1e-30) / (n - activeBins.length);
    return { shift: best.shift, marginDb: 10 * Math.log10(Math.max(insideMean, 1e-30) / outsideMean) };
  };
}
