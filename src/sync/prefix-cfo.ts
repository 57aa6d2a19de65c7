import type { ComplexArray } from '../core/complex.js';
import type { Grid } from '../ofdm/grid.js';

/**
 * Carrier offset left after coarse correction, from the cyclic prefixes of known timing: no known symbol is needed.
 *
 *   ε̂ = arg( Σ_s Σ_n y*[n]·y[n+N] ) / 2π,  n over the later half of each prefix, which multipath spoils least
 *
 * Unambiguous within ± ½ subcarrier. Its error falls as 1/√(symbols·K·SNR): about 0.001 subcarriers for 34 symbols
 * at 15 dB.
 *
 * Source: van de Beek, Sandell and Börjesson, "ML estimation of time and frequency offset in OFDM systems", IEEE Trans.
 * Signal Process. 45(7), 1997, with timing given.
 *
 * @param start first sample of the first symbol's prefix
 * @returns ε̂ in subcarrier spacings; 0 without a prefix
 */
export function prefixCfoSubcarriers(grid: Grid, samples: ComplexArray, start: number, numSymbols: number): number {
  const { fftSize, cyclicPrefixLength, symbolLength } = grid;
  let re = 0;
  let im = 0;
  for (let s = 0; s < numSymbols; s++) {
    const first = start + s * symbolLength;
    for (let i = first + (cyclicPrefixLength >> 1); i < first + cyclicPrefixLength; i++) {
      const j = i + fftSize;
      re += samples.re[i] * samples.re[j] + samples.im[i] * samples.im[j];
      im += samples.re[i] * samples.im[j] - samples.im[i] * samples.re[j];
    }
  }
  return Math.atan2(im, re) / (2 * Math.PI);
}
