import type { ComplexArray } from '../core/complex.js';
import { createComplex } from '../core/complex.js';
import { createFft } from '../dsp/fft.js';
import { correctCfo } from './correct-cfo.js';

/**
 * Carrier offset in whole subcarriers, from which subcarriers carry energy: no known symbol is needed.
 *
 *   ĝ = argmax_g Σ_{k active} P[(k + g) mod N],  P[k] = mean |Y_s[k]|² over the symbols
 *
 * It needs guards (or an empty DC): where every subcarrier is used, nothing can be told and 0 is returned with margin 0.
 *
 * @param start first sample of the first symbol's prefix
 * @param prefixes prefix of each symbol, in turn
 * @param fractionalCfo in subcarriers; taken out first
 * @param activeBins FFT bins that carry energy
 * @returns ĝ, and by how many dB the mean power of bins that should be empty lies below that of active ones
 */
export function integerCfo(
  samples: ComplexArray,
  start: number,
  prefixes: readonly number[],
  numSymbols: number,
  fftSize: number,
  fractionalCfo: number,
  activeBins: ArrayLike<number>,
  maxShift: number,
): { shift: number; marginDb: number } {
  const n = fftSize;
  if (activeBins.length >= n) return { shift: 0, marginDb: 0 };
  const fft = createFft(n, 'unitary');
  const power = new Float64Array(n);
  const symbol = createComplex(n);
  let at = start;
  for (let s = 0; s < numSymbols; s++) {
    const prefix = prefixes[s % prefixes.length];
    const from = at + prefix - (prefix >> 2);
    at += prefix + n;
    if (from < 0 || from + n > samples.re.length) continue;
    for (let i = 0; i < n; i++) {
      symbol.re[i] = samples.re[from + i];
      symbol.im[i] = samples.im[from + i];
    }
    correctCfo(symbol, (2 * Math.PI * fractionalCfo) / n);
    fft.forward(symbol, symbol);
    for (let k = 0; k < n; k++) power[k] += symbol.re[k] ** 2 + symbol.im[k] ** 2;
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
}
