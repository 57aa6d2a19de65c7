import type { ComplexArray } from '../core/complex.js';
import type { CpEstimate, LagProducts } from './cp-window.js';
import type { OtherStation, PrefixProfile } from './other-station.js';

/** Symbols in a row whose prefixes agree in timing and carrier offset. */
export interface CpStretch {
  /** First sample of the first symbol's prefix, from the start of the stream. */
  readonly startSample: number;
  /** Behind the last symbol. */
  readonly endSample: number;
  readonly numSymbols: number;
  /** Fractional: in [−½, ½). Whole subcarriers cannot be told from prefixes; see `integer-cfo.ts`. */
  readonly cfoSubcarriers: number;
  /** |Γ|/Φ over the stretch, 0…1. */
  readonly metric: number;
  /**
   * ρ/(1−ρ), ρ = |Γ|/Φ over half of each prefix, from 3/8 to 7/8: behind most of the multipath, and inside the prefix where
   * timing is a little late. An SNR over the whole band.
   */
  readonly snrDb: number;
  /** σ² per complex sample over the whole band. */
  readonly noiseVariance: number;
  /** Samples by which a period grew, per sample; the sampling offset in ppm is 1e6 times it. 0 where too short to tell. */
  readonly clockOffset: number;
  /** Another station in the same stretch; to the figures above it is noise. null where none is seen. */
  readonly other: OtherStation | null;
}

/** One symbol as its window placed it: full prefix, and its later part. */
export interface SymbolSums extends Sums {
  /** Stream position, and that of the window's period that placed it. */
  readonly at: number;
  readonly window: number;
}

export interface Sums {
  readonly re: number;
  readonly im: number;
  readonly energy: number;
  readonly lateRe: number;
  readonly lateIm: number;
  readonly lateEnergy: number;
}

/** A stretch, and the mean power of its prefixes. */
export interface Measured extends CpStretch {
  readonly power: number;
}

export interface Placed extends CpEstimate {
  /** Stream position of a period's first sample. */
  readonly at: number;
}

export interface PlacedEstimate extends Placed {
  /** Of the symbols from there up to the next window. */
  readonly profile: PrefixProfile;
}

/** A stretch must be this many symbols long at least to be reported. */
export const LEAST_SYMBOLS = 4;
/** Carrier offsets that differ by less than this many subcarriers may be one station's. */
export const LEAST_CFO_STEP = 0.02;

/** Of the prefix that begins at `from`, against what comes `lag` samples later. */
export function symbolSums(
  x: ComplexArray,
  { meanRe, meanIm }: LagProducts,
  from: number,
  prefix: number,
  lag: number,
): Sums {
  let [re, im, energy, lateRe, lateIm, lateEnergy] = [0, 0, 0, 0, 0, 0];
  const [lateFrom, lateTo] = [from + (prefix >> 1) - (prefix >> 3), from + prefix - (prefix >> 3)];
  for (let i = from; i < from + prefix; i++) {
    const ar = x.re[i] - meanRe;
    const ai = x.im[i] - meanIm;
    const br = x.re[i + lag] - meanRe;
    const bi = x.im[i + lag] - meanIm;
    const pr = ar * br + ai * bi;
    const pi = ar * bi - ai * br;
    const e = 0.5 * (ar * ar + ai * ai + br * br + bi * bi);
    re += pr;
    im += pi;
    energy += e;
    if (i < lateFrom || i >= lateTo) continue;
    lateRe += pr;
    lateIm += pi;
    lateEnergy += e;
  }
  return { re, im, energy, lateRe, lateIm, lateEnergy };
}

export const addSums = (a: Sums, b: Sums): Sums => ({
  re: a.re + b.re,
  im: a.im + b.im,
  energy: a.energy + b.energy,
  lateRe: a.lateRe + b.lateRe,
  lateIm: a.lateIm + b.lateIm,
  lateEnergy: a.lateEnergy + b.lateEnergy,
});

/**
 * Runs of symbols [from, to) in which Re(γ·e^{−jφ})/Φ − ½ρ̂ adds up: a cumulative-sum test that ends a run where the sum has
 * fallen by what four empty symbols take. Silence between bursts has its own small correlations (a mixer's leakage): a
 * symbol counts with a quarter of the median energy at least.
 */
export function runsOf(symbols: readonly SymbolSums[], windows: readonly PlacedEstimate[]): [number, number][] {
  if (symbols.length === 0) return [];
  const strongest = windows.reduce((a, b) => (b.strength > a.strength ? b : a));
  const angle = 2 * Math.PI * strongest.cfoSubcarriers;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const energies = symbols.map(({ energy }) => energy).sort((a, b) => a - b);
  const least = 0.25 * energies[energies.length >> 1] + Number.MIN_VALUE;
  const aligned = symbols.map(({ re, im, energy }) => (re * cos + im * sin) / Math.max(energy, least));
  // What a symbol of the stretch has: the median of the better half, since some lie outside it.
  const typical = [...aligned].sort((a, b) => a - b)[Math.floor(0.75 * (aligned.length - 1))];
  const runs: [number, number][] = [];
  let [sum, top, from, to] = [0, 0, 0, 0];
  const end = (): void => {
    if (to === from) return;
    const edges = [from, ...offsetSteps(symbols.slice(from, to)).map((i) => from + i), to];
    for (let i = 1; i < edges.length; i++) runs.push([edges[i - 1], edges[i]]);
  };
  aligned.forEach((value, i) => {
    sum += value - 0.5 * typical;
    if (sum > top) {
      top = sum;
      to = i + 1;
    }
    if (sum <= Math.max(0, top - 2 * typical)) {
      end();
      [sum, top, from, to] = [0, 0, i + 1, i + 1];
    }
  });
  end();
  return runs;
}

/**
 * Where the carrier offset of a run of symbols steps: the mean phases of up to eight symbols before and behind differ by six
 * standard deviations and LEAST_CFO_STEP, and by twice what either side changes in itself (a channel that moves, or an oscillator
 * that wanders, does not step).
 *
 * @returns indices of first symbols behind a step, ascending
 */
function offsetSteps(run: readonly SymbolSums[]): number[] {
  const phase = (from: number, to: number): number => {
    let [re, im] = [0, 0];
    for (let i = from; i < to; i++) {
      re += run[i].lateRe;
      im += run[i].lateIm;
    }
    return Math.atan2(im, re);
  };
  const between = (a: number, b: number): number => Math.abs(wrap(b - a, 2 * Math.PI));
  const changes = run.slice(1).map((_, i) => between(phase(i, i + 1), phase(i + 1, i + 2)));
  const deviation = (1.48 * (changes.sort((a, b) => a - b)[changes.length >> 1] ?? 0)) / Math.SQRT2;
  const steps: number[] = [];
  let [best, bestAt] = [0, -1];
  const end = (): void => {
    if (bestAt >= 0) steps.push(bestAt);
    [best, bestAt] = [0, -1];
  };
  for (let i = LEAST_SYMBOLS; i + LEAST_SYMBOLS <= run.length; i++) {
    const side = Math.min(8, i, run.length - i);
    const half = side >> 1;
    const step = between(phase(i - side, i), phase(i, i + side));
    const own = Math.max(
      between(phase(i - side, i - half), phase(i - half, i)),
      between(phase(i, i + half), phase(i + half, i + side)),
    );
    const least = Math.max(6 * deviation * Math.sqrt(2 / side), 2 * Math.PI * LEAST_CFO_STEP, 2 * own);
    if (step > least && step > best) [best, bestAt] = [step, i];
    if (bestAt >= 0 && i - bestAt >= LEAST_SYMBOLS) end();
  }
  end();
  return steps;
}

/** Two stretches that follow one another as one, with the symbols between them. */
export function joined(a: Measured, b: Measured, symbolLength: number): Measured {
  const share = b.numSymbols / (a.numSymbols + b.numSymbols);
  const mean = (x: number, y: number): number => x + share * (y - x);
  return {
    startSample: a.startSample,
    endSample: b.endSample,
    numSymbols: Math.round((b.endSample - a.startSample) / symbolLength),
    cfoSubcarriers: wrap(a.cfoSubcarriers + share * wrap(b.cfoSubcarriers - a.cfoSubcarriers, 1), 1),
    metric: mean(a.metric, b.metric),
    snrDb: mean(a.snrDb, b.snrDb),
    noiseVariance: mean(a.noiseVariance, b.noiseVariance),
    clockOffset:
      a.clockOffset === 0 || b.clockOffset === 0 ? a.clockOffset + b.clockOffset : mean(a.clockOffset, b.clockOffset),
    power: mean(a.power, b.power),
    other: a.other === null || (b.other !== null && b.other.powerDb > a.other.powerDb) ? b.other : a.other,
  };
}

/** value modulo period, in (−period/2, period/2]. */
export function wrap(value: number, period: number): number {
  const rest = ((value % period) + period) % period;
  return rest > period / 2 ? rest - period : rest;
}

/** Slope of the windows' timing against a clock of whole periods, by least squares. */
export function clockOffsetOf(windows: readonly PlacedEstimate[], period: number): number {
  if (windows.length < 64) return 0;
  let place = 0;
  const places = windows.map((w, i) => (i === 0 ? 0 : (place += wrap(w.at - windows[i - 1].at, period))));
  const times = windows.map((w) => w.at - windows[0].at);
  const meanT = times.reduce((a, b) => a + b, 0) / times.length;
  const meanP = places.reduce((a, b) => a + b, 0) / places.length;
  let [top, bottom] = [0, 0];
  times.forEach((t, i) => {
    top += (t - meanT) * (places[i] - meanP);
    bottom += (t - meanT) ** 2;
  });
  return top / bottom;
}
