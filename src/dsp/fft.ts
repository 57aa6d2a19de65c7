import { type ComplexArray, createComplex } from '../core/complex.js';
import { ConfigError, ShapeError } from '../core/errors.js';
import { createFftKernel } from './fft-kernel.js';

/** A discrete Fourier transform of one length. Holds scratch memory: create it once, use it from one place at a time. */
export interface Fft {
  readonly size: number;
  /** input, output [size] complex float32; output may be the input itself. */
  forward(input: ComplexArray, output: ComplexArray): void;
  inverse(input: ComplexArray, output: ComplexArray): void;
}

/**
 * `standard`: forward unscaled, inverse 1/N; the forward transform of channel taps is H[m] = Σ_l h_l exp(−j2πml/N).
 * `unitary`: 1/√N both ways, as the modem uses it: noise keeps its variance.
 */
export type FftScaling = 'standard' | 'unitary';

/**
 * A radix-4 FFT on split float32 arrays: X[k] = c·Σ_n x[n]·exp(−j2πkn/N), inverse with +j, c by `scaling`.
 * Accuracy: relative r.m.s. error below 1e−6 up to 2^20 points. Nothing is allocated after creation, which emits and
 * compiles code: one or two milliseconds for small N, twenty for the first of a process. Create once, not per frame.
 *
 * @param size N, a power of two from 1 to 2^20
 * @throws ConfigError (`config.fft-size`) for another size; the transforms throw ShapeError for arrays of another length
 */
export function createFft(size: number, scaling: FftScaling = 'standard'): Fft {
  if (!Number.isInteger(size) || size < 1 || size > 1 << 20 || (size & (size - 1)) !== 0) {
    throw new ConfigError('config.fft-size', `FFT size is ${size}: choose a power of two from 1 to 2^20`, {
      value: size,
    });
  }
  const forwardScale = scaling === 'unitary' ? 1 / Math.sqrt(size) : 1;
  const inverseGain = scaling === 'unitary' ? 1 : 1 / size;
  const transform = size < 16 ? smallTransform(size, forwardScale) : kernelTransform(size, forwardScale);
  const check = (x: ComplexArray): void => {
    if (x.re.length !== size || x.im.length !== size) {
      throw new ShapeError('shape.fft', `an FFT of ${size} points takes ${size} samples, got ${x.re.length}`);
    }
  };
  return {
    size,
    forward(input, output) {
      check(input);
      check(output);
      transform('forward', input, output, 1);
    },
    inverse(input, output) {
      check(input);
      check(output);
      transform('inverse', input, output, inverseGain);
    },
  };
}

type Transform = (direction: 'forward' | 'inverse', input: ComplexArray, output: ComplexArray, gain: number) => void;

function kernelTransform(size: number, scale: number): Transform {
  const kernel = createFftKernel(size, { inputLength: size, outputLength: size, scale, prefixLength: 0 });
  const { inRe, inIm, outRe, outIm } = kernel;
  // A call of TypedArray.set costs as much as a loop over a hundred samples or so.
  const short = size <= 128;
  return (direction, input, output, gain) => {
    if (short) {
      for (let i = 0; i < size; i++) {
        inRe[i] = input.re[i];
        inIm[i] = input.im[i];
      }
    } else {
      inRe.set(input.re);
      inIm.set(input.im);
    }
    kernel.run(direction, 1, 0, size, 0, size);
    if (gain === 1 && !short) {
      output.re.set(outRe);
      output.im.set(outIm);
      return;
    }
    const { re, im } = output;
    for (let i = 0; i < size; i++) {
      re[i] = gain * outRe[i];
      im[i] = gain * outIm[i];
    }
  };
}

/** Below 16 points the definition itself is fast enough. */
function smallTransform(size: number, scale: number): Transform {
  const cos = Float64Array.from({ length: size }, (_, i) => Math.cos((2 * Math.PI * i) / size));
  const sin = Float64Array.from({ length: size }, (_, i) => Math.sin((2 * Math.PI * i) / size));
  const result = createComplex(size);
  return (direction, input, output, gain) => {
    const sign = direction === 'forward' ? -1 : 1;
    for (let k = 0; k < size; k++) {
      let re = 0;
      let im = 0;
      for (let n = 0; n < size; n++) {
        const at = (k * n) % size;
        re += input.re[n] * cos[at] - sign * input.im[n] * sin[at];
        im += input.im[n] * cos[at] + sign * input.re[n] * sin[at];
      }
      result.re[k] = scale * gain * re;
      result.im[k] = scale * gain * im;
    }
    output.re.set(result.re);
    output.im.set(result.im);
  };
}
