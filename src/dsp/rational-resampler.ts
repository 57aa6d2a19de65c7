import { type ComplexArray, createComplex } from '../core/complex.js';
import { ConfigError } from '../core/errors.js';

/** Changes the sampling rate of a stream by a ratio of whole numbers. */
export interface RationalResampler {
  /** Output samples per input sample, up / down. */
  readonly ratio: number;
  /** Zeros to feed behind the end for everything to come out. */
  readonly latencySamples: number;
  /** Output sample n lies at input time n·down/up. Any chunking gives the same output. */
  execute(block: ComplexArray): ComplexArray;
}

/** Zero crossings of the sinc on each side, and Kaiser's β: 80 dB. */
const CROSSINGS = 48;
const BETA = 8;

/**
 * A polyphase filter: windowed sinc cut off at 0.45 of the lower of the two rates.
 *
 *   y[n] = Σ_k x[k]·c·sinc(c·(n·M/L − k))·kaiser((n·M/L − k)·c/48),  c = 0.9·min(1, L/M)
 *
 * Passes up to 0.42 of the lower rate within 0.01 dB; images and aliases of that band are 75 dB down.
 *
 * @param fromHz, toHz rates; their ratio must reduce to whole numbers of at most 4096
 * @throws ConfigError for others
 */
export function createRationalResampler(fromHz: number, toHz: number): RationalResampler {
  const [up, down] = reduce(fromHz, toHz);
  const cutoff = 0.9 * Math.min(1, up / down);
  const reach = Math.ceil(CROSSINGS / cutoff);
  const numTaps = 2 * reach;
  const bank = Array.from({ length: up }, (_, phase) => {
    const fraction = phase / up;
    const row = Float64Array.from({ length: numTaps }, (_, i) => {
      const t = i - reach + 1 - fraction;
      return cutoff * sinc(cutoff * t) * kaiser(t / reach);
    });
    const sum = row.reduce((total, w) => total + w, 0);
    return row.map((w) => w / sum);
  });
  let history = createComplex(reach - 1);
  /** Input index of history[0], and the next output. */
  let base = -(reach - 1);
  let next = 0;
  return {
    ratio: up / down,
    latencySamples: reach,
    execute(block) {
      const x = createComplex(history.re.length + block.re.length);
      for (const part of ['re', 'im'] as const) {
        x[part].set(history[part]);
        x[part].set(block[part], history.re.length);
      }
      const end = base + x.re.length;
      const outRe: number[] = [];
      const outIm: number[] = [];
      for (; Math.floor((next * down) / up) + reach < end; next++) {
        const place = next * down;
        const whole = Math.floor(place / up);
        const row = bank[place - whole * up];
        const from = whole - reach + 1 - base;
        let [re, im] = [0, 0];
        for (let i = 0; i < numTaps; i++) {
          re += row[i] * x.re[from + i];
          im += row[i] * x.im[from + i];
        }
        outRe.push(re);
        outIm.push(im);
      }
      const keepFrom = Math.floor((next * down) / up) - reach + 1 - base;
      history = { re: x.re.slice(keepFrom), im: x.im.slice(keepFrom) };
      base += keepFrom;
      return { re: Float32Array.from(outRe), im: Float32Array.from(outIm) };
    },
  };
}

function reduce(fromHz: number, toHz: number): [number, number] {
  for (let down = 1; down <= 4096; down++) {
    const up = (toHz / fromHz) * down;
    if (up > 4096.5) break;
    if (up > 0.5 && Math.abs(up - Math.round(up)) < 1e-9 * up) return [Math.round(up), down];
  }
  throw new ConfigError(
    'config.rate',
    `cannot resample from ${fromHz} to ${toHz} samples/s: the ratio must be one of whole numbers up to 4096`,
    { value: toHz },
  );
}

const sinc = (t: number): number => (t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t));

function kaiser(t: number): number {
  return Math.abs(t) >= 1 ? 0 : bessel(BETA * Math.sqrt(1 - t * t)) / bessel(BETA);
}

/** I₀ by its series. */
function bessel(x: number): number {
  let term = 1;
  let sum = 1;
  for (let k = 1; term > 1e-12 * sum; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}
