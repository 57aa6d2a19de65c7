import { type ComplexArray, createComplex } from '../core/complex.js';
import { createFft } from '../dsp/fft.js';

/** Samples that are looked at together. */
const BLOCK = 2048;
/** Lag at which a block of anything but tones has forgotten itself; a tone's share of the power is |R|/R(0) there. */
const LAG = 768;
/** A tone is taken out if it has this share of its block's power; noise and OFDM have 0.01 at a frequency. */
const LEAST_SHARE = 0.06;
/** Per block, at most. */
const MOST_TONES = 4;

export interface ToneRemover {
  /** Samples held back at most. */
  readonly latencySamples: number;
  /** Samples without tones, as many blocks as are whole; the arrays are valid until the next call. Any chunking gives the same. */
  execute(block: ComplexArray): ComplexArray;
  /** Samples held back now. */
  waiting(): number;
  reset(): void;
  clone(): ToneRemover;
}

/**
 * Takes unmodulated carriers out of a stream, in blocks of 2048 samples: the frequency f̂ with the largest
 *
 *   |c(f)|² = |1/B·Σ_n x[n]·exp(−j2πfn)|²
 *
 * by FFT and parabolas, then x[n] − c(f̂)·exp(j2πf̂n), while a frequency has more than 6 % of the power that is left. Samples are late, not
 * displaced. A tone that begins or ends within a block is taken out in part. Blocks that do not resemble themselves 768 samples later are left as they are, which is
 * one product a sample.
 */
export function createToneRemover(): ToneRemover {
  return removerFrom(createComplex(BLOCK), 0);
}

function removerFrom(waiting: ComplexArray, held: number): ToneRemover {
  let filled = held;
  let out = createComplex(0);
  const fft = createFft(BLOCK);
  const spectrum = createComplex(BLOCK);
  return {
    latencySamples: BLOCK,
    execute(block) {
      const blocks = Math.floor((filled + block.re.length) / BLOCK);
      if (out.re.length !== blocks * BLOCK) out = createComplex(blocks * BLOCK);
      let written = 0;
      for (let at = 0; at < block.re.length;) {
        const count = Math.min(block.re.length - at, BLOCK - filled);
        waiting.re.set(block.re.subarray(at, at + count), filled);
        waiting.im.set(block.im.subarray(at, at + count), filled);
        filled += count;
        at += count;
        if (filled < BLOCK) continue;
        if (repeatedShare(waiting) > LEAST_SHARE) {
          for (let i = 0; i < MOST_TONES && takeTone(waiting); i++);
        }
        out.re.set(waiting.re, written);
        out.im.set(waiting.im, written);
        written += BLOCK;
        filled = 0;
      }
      return out;
    },
    waiting: () => filled,
    reset() {
      filled = 0;
    },
    clone: () => removerFrom({ re: waiting.re.slice(), im: waiting.im.slice() }, filled),
  };

  /** Takes the strongest tone out, if it is strong enough to be one. */
  function takeTone(x: ComplexArray): boolean {
    let energy = 0;
    for (let i = 0; i < BLOCK; i++) energy += x.re[i] * x.re[i] + x.im[i] * x.im[i];
    fft.forward(x, spectrum);
    let best = 0;
    let most = -1;
    for (let k = 0; k < BLOCK; k++) {
      const power = spectrum.re[k] * spectrum.re[k] + spectrum.im[k] * spectrum.im[k];
      if (power > most) [most, best] = [power, k];
    }
    // Between bins a tone shows 0.4 of its power.
    if (!(most > 0.4 * LEAST_SHARE * energy * BLOCK)) return false;
    let frequency = best / BLOCK;
    for (let step = 0.5 / BLOCK; step > 1e-3 / BLOCK; step /= 6) {
      const [low, middle, high] = [-step, 0, step].map((by) => powerAt(x, frequency + by));
      const curvature = low - 2 * middle + high;
      if (curvature < 0) frequency += Math.max(-1, Math.min(1, (0.5 * (low - high)) / curvature)) * step;
    }
    const { re, im } = amplitudeAt(x, frequency);
    if ((re * re + im * im) * BLOCK < LEAST_SHARE * energy) return false;
    const [stepRe, stepIm] = [Math.cos(2 * Math.PI * frequency), Math.sin(2 * Math.PI * frequency)];
    let [c, s] = [re, im];
    for (let i = 0; i < BLOCK; i++) {
      x.re[i] -= c;
      x.im[i] -= s;
      [c, s] = [c * stepRe - s * stepIm, c * stepIm + s * stepRe];
    }
    return true;
  }
}

/** |R(LAG)|/R(0). */
function repeatedShare({ re, im }: ComplexArray): number {
  let [sumRe, sumIm, energy] = [0, 0, 0];
  for (let i = 0; i < BLOCK - LAG; i++) {
    const [ar, ai, br, bi] = [re[i], im[i], re[i + LAG], im[i + LAG]];
    sumRe += ar * br + ai * bi;
    sumIm += ar * bi - ai * br;
    energy += 0.5 * (ar * ar + ai * ai + br * br + bi * bi);
  }
  return energy > 0 ? Math.hypot(sumRe, sumIm) / energy : 0;
}

/** 1/B·Σ x[n]·exp(−j2πfn). */
function amplitudeAt(x: ComplexArray, frequency: number): { re: number; im: number } {
  const [stepRe, stepIm] = [Math.cos(2 * Math.PI * frequency), -Math.sin(2 * Math.PI * frequency)];
  let [c, s, re, im] = [1, 0, 0, 0];
  for (let i = 0; i < BLOCK; i++) {
    re += x.re[i] * c - x.im[i] * s;
    im += x.re[i] * s + x.im[i] * c;
    [c, s] = [c * stepRe - s * stepIm, c * stepIm + s * stepRe];
  }
  return { re: re / BLOCK, im: im / BLOCK };
}

function powerAt(x: ComplexArray, frequency: number): number {
  const { re, im } = amplitudeAt(x, frequency);
  return re * re + im * im;
}
