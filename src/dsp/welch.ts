import { type ComplexArray, createComplex } from '../core/complex.js';
import { createFft } from './fft.js';

/** Mean power spectrum by Welch's method (Hann windows, half overlapping), [size] from −fs/2 up, power per bin. */
export function welch(samples: ComplexArray, size: number): Float64Array {
  const fft = createFft(size);
  const window = Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (i + 0.5)) / size));
  const gain = 1 / window.reduce((sum, w) => sum + w * w, 0) / size;
  const segment = createComplex(size);
  const power = new Float64Array(size);
  let count = 0;
  for (let at = 0; at + size <= samples.re.length; at += size / 2) {
    for (let i = 0; i < size; i++) {
      segment.re[i] = samples.re[at + i] * window[i];
      segment.im[i] = samples.im[at + i] * window[i];
    }
    fft.forward(segment, segment);
    for (let k = 0; k < size; k++) {
      power[(k + size / 2) % size] += (segment.re[k] ** 2 + segment.im[k] ** 2) * gain;
    }
    count++;
  }
  return power.map((p) => p / Math.max(1, count));
}
