import { type ComplexArray, createComplex } from '../core/complex.js';
import { requireInteger } from './checks.js';

/**
 * H[m] = Σ_l h_l·exp(−j2π m l / size), the unnormalised DFT of the taps, so E|H[m]|² = Σ p_l = 1.
 * Summed directly in float64 (numTaps ≪ size), which also allows more taps than bins: they alias, as they should.
 *
 * @param taps [numTaps]
 * @param size number of bins M
 * @returns [size], bin m in DFT order (negative frequencies in the upper half)
 * @throws ConfigError unless size is a positive whole number
 */
export function frequencyResponse(taps: ComplexArray, size: number): ComplexArray {
  requireInteger('frequencyResponse size', size, 1, 2 ** 24);
  const cos = new Float64Array(size);
  const sin = new Float64Array(size);
  for (let k = 0; k < size; k++) {
    cos[k] = Math.cos((2 * Math.PI * k) / size);
    sin[k] = Math.sin((2 * Math.PI * k) / size);
  }
  const H = createComplex(size);
  for (let m = 0; m < size; m++) {
    let re = 0;
    let im = 0;
    for (let l = 0; l < taps.re.length; l++) {
      const k = (m * l) % size;
      re += taps.re[l] * cos[k] + taps.im[l] * sin[k];
      im += taps.im[l] * cos[k] - taps.re[l] * sin[k];
    }
    H.re[m] = re;
    H.im[m] = im;
  }
  return H;
}
