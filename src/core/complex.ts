/**
 * Complex signals in memory: two Float32Arrays of equal length.
 * Interleaved samples (re, im, re, im…) exist only on wires and disks; the two converters live here.
 */
export interface ComplexArray {
  readonly re: Float32Array;
  readonly im: Float32Array;
}

/** `length` complex zeros. */
export function createComplex(length: number): ComplexArray {
  return { re: new Float32Array(length), im: new Float32Array(length) };
}

/** Builds a complex array from real and imaginary parts of equal length. */
export function complexFrom(re: ArrayLike<number>, im: ArrayLike<number>): ComplexArray {
  if (re.length !== im.length) {
    throw new RangeError(`a complex array needs parts of equal length, got ${re.length} and ${im.length}`);
  }
  return { re: Float32Array.from(re), im: Float32Array.from(im) };
}

/** A view (no copy) of samples [start, end). */
export function subarray(x: ComplexArray, start: number, end?: number): ComplexArray {
  return { re: x.re.subarray(start, end), im: x.im.subarray(start, end) };
}

export function copyComplex(x: ComplexArray): ComplexArray {
  return { re: x.re.slice(), im: x.im.slice() };
}

export function concatComplex(parts: readonly ComplexArray[]): ComplexArray {
  const out = createComplex(parts.reduce((n, part) => n + part.re.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.re.set(part.re, offset);
    out.im.set(part.im, offset);
    offset += part.re.length;
  }
  return out;
}

/** [re, im] pairs → re, im, re, im… (cf32 on wires and disks). */
export function interleave(x: ComplexArray): Float32Array {
  const out = new Float32Array(2 * x.re.length);
  for (let i = 0; i < x.re.length; i++) {
    out[2 * i] = x.re[i];
    out[2 * i + 1] = x.im[i];
  }
  return out;
}

/** re, im, re, im… → [re, im] pairs. */
export function deinterleave(x: Float32Array): ComplexArray {
  const out = createComplex(x.length >> 1);
  for (let i = 0; i < out.re.length; i++) {
    out.re[i] = x[2 * i];
    out.im[i] = x[2 * i + 1];
  }
  return out;
}

/** Mean of |x|² (0 for an empty array). */
export function meanPower(x: ComplexArray): number {
  let sum = 0;
  for (let i = 0; i < x.re.length; i++) sum += x.re[i] * x.re[i] + x.im[i] * x.im[i];
  return x.re.length === 0 ? 0 : sum / x.re.length;
}

/** Multiplies in place by a real factor. */
export function scaleInPlace(x: ComplexArray, factor: number): void {
  for (let i = 0; i < x.re.length; i++) {
    x.re[i] *= factor;
    x.im[i] *= factor;
  }
}

/** Some values of an array, in the order of their indices. */
export function gather(values: ComplexArray, indices: Int32Array): ComplexArray {
  const out = createComplex(indices.length);
  for (let i = 0; i < indices.length; i++) {
    out.re[i] = values.re[indices[i]];
    out.im[i] = values.im[indices[i]];
  }
  return out;
}
