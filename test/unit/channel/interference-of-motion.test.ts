import { describe, expect, it } from 'vitest';
import { createFadingTaps } from '../../../src/channel/fading-taps.js';
import { runBlock } from '../../../src/channel/stream-block.js';
import { createComplex } from '../../../src/core/complex.js';
import { createRng } from '../../../src/core/rng.js';
import { createFft } from '../../../src/dsp/fft.js';
import { besselJ0 } from './helpers.js';

/** What of a cell's power motion puts on other subcarriers, over N samples: 1 − 1/N²·Σ_{n,m} J0(2πf_D(n − m)/fs). */
function theory(dopplerPerSample: number, n: number): number {
  let sum = n;
  for (let k = 1; k < n; k++) sum += 2 * (n - k) * besselJ0(2 * Math.PI * dopplerPerSample * k);
  return 1 - sum / (n * n);
}

describe('interference between subcarriers', () => {
  const sampleRateHz = 1e6;

  it.each([
    [64, 500, 400],
    [64, 1000, 400],
    [64, 2000, 400],
    [256, 1000, 300],
  ])(
    'of %i subcarriers at %i Hz of Doppler is what Clarke’s spectrum gives, (π·f_D·T)²/6 in first order (%i realisations)',
    (fftSize, dopplerHz, draws) => {
      const fft = createFft(fftSize, 'unitary');
      const root = createRng(`ici ${fftSize} ${dopplerHz}`);
      const taps = { kind: 'exponential', numTaps: 8, decay: 4 } as const;
      const prefix = 16;
      let [own, others] = [0, 0];
      for (let i = 0; i < draws; i++) {
        const fading = createFadingTaps({ taps, dopplerHz, sampleRateHz }, root.split(i));
        // One subcarrier alone: what arrives on others is interference.
        const bin = (7 * i) % fftSize;
        const x = createComplex(prefix + fftSize);
        for (let n = 0; n < x.re.length; n++) {
          const angle = (2 * Math.PI * bin * (n - prefix)) / fftSize;
          x.re[n] = Math.cos(angle) / Math.sqrt(fftSize);
          x.im[n] = Math.sin(angle) / Math.sqrt(fftSize);
        }
        const y = runBlock(fading, x);
        const symbol = { re: y.re.slice(prefix), im: y.im.slice(prefix) };
        fft.forward(symbol, symbol);
        for (let k = 0; k < fftSize; k++) {
          const power = symbol.re[k] ** 2 + symbol.im[k] ** 2;
          if (k === bin) own += power / draws;
          else others += power / draws;
        }
      }
      const cycles = (dopplerHz * fftSize) / sampleRateHz;
      const share = others / (own + others);
      const exact = theory(dopplerHz / sampleRateHz, fftSize);
      // Its spread over realisations is about its mean.
      expect(Math.abs(share / exact - 1)).toBeLessThan(5 / Math.sqrt(draws));
      const leading = (Math.PI * cycles) ** 2 / 6;
      expect(exact / leading).toBeGreaterThan(0.93);
      expect(exact / leading).toBeLessThan(1);
    },
  );
});
