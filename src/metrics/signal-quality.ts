import type { ComplexArray } from '../core/complex.js';

/** ‖ĥ − h‖² and its ratio to ‖h‖². Missing taps at the end of the shorter one count as 0. */
export function channelError(estimate: ComplexArray, truth: ComplexArray): { error: number; nmse: number } {
  const length = Math.max(estimate.re.length, truth.re.length);
  let error = 0;
  let energy = 0;
  for (let l = 0; l < length; l++) {
    const hr = truth.re[l] ?? 0;
    const hi = truth.im[l] ?? 0;
    error += ((estimate.re[l] ?? 0) - hr) ** 2 + ((estimate.im[l] ?? 0) - hi) ** 2;
    energy += hr * hr + hi * hi;
  }
  return { error, nmse: error / energy };
}

/** EVM = √(E|ẑ − z|² / E|z|²), as a fraction. */
export function evm(received: ComplexArray, sent: ComplexArray): number {
  let error = 0;
  let energy = 0;
  for (let i = 0; i < sent.re.length; i++) {
    error += (received.re[i] - sent.re[i]) ** 2 + (received.im[i] - sent.im[i]) ** 2;
    energy += sent.re[i] ** 2 + sent.im[i] ** 2;
  }
  return Math.sqrt(error / energy);
}
