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
  const spectrum = createSymbolSpectrum(n);
  return (...symbols) => {
    const power = spectrum(...symbols);
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

/** An empty DC subcarrier has a sixth of its neighbours' power at most, and a guard of the band's. */
const HOLE = 1 / 6;

/**
 * The same where nobody says which subcarriers are used: OFDM commonly occupies a band about an empty DC subcarrier, as wide
 * on both sides (802.11, LTE's downlink, GNU Radio, ours). The band is what the longest run of weak subcarriers leaves; ĝ is the
 * one empty subcarrier within two of its middle.
 *
 * The function made takes what `createIntegerCfo`'s takes and returns ĝ, |ĝ| ≤ `maxShift`, or null where the symbols have no such
 * band, or none or several such subcarriers.
 */
export function createBandCfo(
  fftSize: number,
  maxShift: number,
): (...symbols: Parameters<IntegerCfo>) => number | null {
  const n = fftSize;
  const spectrum = createSymbolSpectrum(n);
  return (...symbols) => {
    const power = spectrum(...symbols);
    const at = (k: number): number => power[((k % n) + n) % n];
    const sorted = [...power].sort((a, b) => a - b);
    const typical = sorted[Math.floor(0.75 * n)];
    // Between noise and signal, in dB, so that an edge may fade.
    const weak = Math.min(HOLE * typical, Math.sqrt(typical * sorted[n >> 5]));
    let guards = { from: 0, length: 0 };
    for (let k = 0, length = 0; k < 2 * n && length < n; k++) {
      length = at(k) < weak ? length + 1 : 0;
      if (length > guards.length) guards = { from: k + 1 - length, length };
    }
    if (guards.length < 2 || guards.length > 0.75 * n) return null;
    const middle = guards.from + guards.length / 2 - 0.5 + n / 2;
    const holes: number[] = [];
    for (let k = Math.ceil(middle - 2); k <= middle + 2; k++) {
      if (at(k) < HOLE * Math.min(at(k - 1), at(k + 1))) holes.push(k);
    }
    if (holes.length !== 1) return null;
    const shift = ((holes[0] + n / 2) % n) - n / 2;
    return Math.abs(shift) <= maxShift ? shift : null;
  };
}

/** Mean |Y_s[k]|² over symbols, the FFT window a quarter of a prefix early; symbols outside the samples are left out. */
function createSymbolSpectrum(n: number): (...symbols: Parameters<IntegerCfo>) => Float64Array {
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
    return power;
  };
}
