import type { ComplexArray } from '../core/complex.js';
import { ConfigError } from '../core/errors.js';

/** Phases are exact every this many samples and multiplied out between. */
const block = 64;

/**
 * Takes a carrier frequency offset out: out[n] = samples[n]·exp(−j·cfo·(startIndex + n)). Power is kept.
 *
 * The result depends on absolute indices only, so a stream may be corrected in chunks of any length.
 *
 * @param cfoRadPerSample phase step of the offset, positive for a carrier received too high
 * @param startIndex index of `samples[0]`, a whole number; where the phase correction is 0 is index 0
 * @param out may be `samples` itself (the default)
 * @throws ConfigError if the offset is not finite
 */
export function correctCfo(
  samples: ComplexArray,
  cfoRadPerSample: number,
  startIndex = 0,
  out: ComplexArray = samples,
): ComplexArray {
  if (!Number.isFinite(cfoRadPerSample)) {
    throw new ConfigError('config.cfo', `cfoRadPerSample is ${cfoRadPerSample}: give a finite number`, {
      value: cfoRadPerSample,
    });
  }
  const cos = new Float64Array(block);
  const sin = new Float64Array(block);
  for (let i = 0; i < block; i++) {
    cos[i] = Math.cos(cfoRadPerSample * i);
    sin[i] = Math.sin(cfoRadPerSample * i);
  }
  const length = samples.re.length;
  for (let n = 0; n < length;) {
    const index = startIndex + n;
    const offset = ((index % block) + block) % block;
    const count = Math.min(block - offset, length - n);
    const coarseCos = Math.cos(cfoRadPerSample * (index - offset));
    const coarseSin = Math.sin(cfoRadPerSample * (index - offset));
    for (let i = offset; i < offset + count; i++, n++) {
      const c = coarseCos * cos[i] - coarseSin * sin[i];
      const s = coarseCos * sin[i] + coarseSin * cos[i];
      const re = samples.re[n];
      const im = samples.im[n];
      out.re[n] = re * c + im * s;
      out.im[n] = im * c - re * s;
    }
  }
  return out;
}
