import type { ComplexArray } from '../core/complex.js';

/**
 * The Schmidl–Cox statistic at position d: how alike are two neighbouring stretches of L = N/2 samples?
 *
 *   P = Σ (r₁ − r̄₁)*(r₂ − r̄₂),  M = |P|² / (Σ|r₁ − r̄₁|² · Σ|r₂ − r̄₂|²),  r₁ = r[d…d+L−1], r₂ = r[d+L…d+2L−1]
 *
 * (Schmidl & Cox 1997, eqs. 5–8, with both energies in the denominator and means removed). M is in [0, 1], independent of
 * gain and of a DC offset; for white noise P(M > t) = (1−t)^(L−2) exactly. arg P = π·CFO in subcarriers.
 */
export class HalfCorrelator {
  /** arg gives the fractional frequency offset. */
  pRe = 0;
  pIm = 0;
  private aRe = 0;
  private aIm = 0;
  private bRe = 0;
  private bIm = 0;
  private crossRe = 0;
  private crossIm = 0;
  private energyA = 0;
  private energyB = 0;

  constructor(readonly halfLength: number) {}

  /** Sums everything afresh; stepping on from here carries no older rounding error. */
  start(x: ComplexArray, d: number): void {
    this.aRe = this.aIm = this.bRe = this.bIm = this.crossRe = this.crossIm = this.energyA = this.energyB = 0;
    const half = this.halfLength;
    for (let i = d; i < d + half; i++) this.include(x.re[i], x.im[i], x.re[i + half], x.im[i + half], 1);
  }

  /** From position d to d + 1. */
  step(x: ComplexArray, d: number): void {
    const { re, im } = x;
    const half = this.halfLength;
    const middleRe = re[d + half];
    const middleIm = im[d + half];
    this.include(re[d], im[d], middleRe, middleIm, -1);
    this.include(middleRe, middleIm, re[d + 2 * half], im[d + 2 * half], 1);
  }

  /** M at the present position; sets `pRe`, `pIm`. 0 where there is nothing but a constant. */
  metric(): number {
    const scale = 1 / this.halfLength;
    this.pRe = this.crossRe - (this.aRe * this.bRe + this.aIm * this.bIm) * scale;
    this.pIm = this.crossIm - (this.aRe * this.bIm - this.aIm * this.bRe) * scale;
    const varianceA = this.energyA - (this.aRe * this.aRe + this.aIm * this.aIm) * scale;
    const varianceB = this.energyB - (this.bRe * this.bRe + this.bIm * this.bIm) * scale;
    // What remains of a pure constant is rounding; it must not pass for a signal.
    if (varianceA <= 1e-9 * this.energyA || varianceB <= 1e-9 * this.energyB) return 0;
    return (this.pRe * this.pRe + this.pIm * this.pIm) / (varianceA * varianceB);
  }

  /**
   * Steps from `d` on while M is at most `threshold`, up to position `end`. The same as `metric` and `step` in turn, in
   * registers: a receiver spends its idle time here. Keeps the largest M seen in `best`.
   *
   * @returns the position where M exceeds the threshold, or `end`
   */
  scan(x: ComplexArray, from: number, end: number, threshold: number, best: { metric: number; at: number }): number {
    const { re, im } = x;
    const half = this.halfLength;
    const scale = 1 / half;
    let { aRe, aIm, bRe, bIm, crossRe, crossIm, energyA, energyB } = this;
    let bestMetric = best.metric;
    let d = from;
    for (; d < end; d++) {
      const pRe = crossRe - (aRe * bRe + aIm * bIm) * scale;
      const pIm = crossIm - (aRe * bIm - aIm * bRe) * scale;
      const varianceA = energyA - (aRe * aRe + aIm * aIm) * scale;
      const varianceB = energyB - (bRe * bRe + bIm * bIm) * scale;
      const product = pRe * pRe + pIm * pIm;
      const both = varianceA * varianceB;
      if (product > bestMetric * both && varianceA > 1e-9 * energyA && varianceB > 1e-9 * energyB) {
        bestMetric = product / both;
        best.metric = bestMetric;
        best.at = d;
      }
      if (product > threshold * both && varianceA > 1e-9 * energyA && varianceB > 1e-9 * energyB) break;
      const r0 = re[d];
      const i0 = im[d];
      const r1 = re[d + half];
      const i1 = im[d + half];
      const r2 = re[d + 2 * half];
      const i2 = im[d + 2 * half];
      const middle = r1 * r1 + i1 * i1;
      aRe += r1 - r0;
      aIm += i1 - i0;
      bRe += r2 - r1;
      bIm += i2 - i1;
      crossRe += r1 * r2 + i1 * i2 - (r0 * r1 + i0 * i1);
      crossIm += r1 * i2 - i1 * r2 - (r0 * i1 - i0 * r1);
      energyA += middle - (r0 * r0 + i0 * i0);
      energyB += r2 * r2 + i2 * i2 - middle;
    }
    Object.assign(this, { aRe, aIm, bRe, bIm, crossRe, crossIm, energyA, energyB });
    return d;
  }

  private include(ar: number, ai: number, br: number, bi: number, sign: number): void {
    this.aRe += sign * ar;
    this.aIm += sign * ai;
    this.bRe += sign * br;
    this.bIm += sign * bi;
    this.crossRe += sign * (ar * br + ai * bi);
    this.crossIm += sign * (ar * bi - ai * br);
    this.energyA += sign * (ar * ar + ai * ai);
    this.energyB += sign * (br * br + bi * bi);
  }
}
