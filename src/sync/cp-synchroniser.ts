import { type ComplexArray, createComplex, subarray } from '../core/complex.js';
import { ConfigError } from '../core/errors.js';
import { powerToDb } from '../core/units.js';
import {
  colourOf,
  correlationSignificance,
  type CpEstimate,
  type CpNumerology,
  createCpPattern,
  estimateCpWindow,
  LagProducts,
} from './cp-window.js';
import {
  addProfile,
  addSymbol,
  createPrefixProfile,
  type OtherStation,
  type PrefixProfile,
  profileBin,
  separateStations,
  type Stations,
} from './other-station.js';
import { powerEdges } from './power-edges.js';

export type { CpNumerology } from './cp-window.js';
export type { OtherStation } from './other-station.js';

export interface CpSynchroniserOptions {
  /** Symbols that are looked at together, at least; 16 by default. More find weaker signals and shorter ones less well. */
  readonly symbolsPerWindow?: number;
  /** Stretches per sample of white noise, at most; 1e−8 by default. */
  readonly falseAlarmPerSample?: number;
  /** A stretch is reported, and a new one begun, after this many symbols; 20,000 by default. */
  readonly longestStretch?: number;
}

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

export interface CpDiagnosis {
  readonly verdict: 'no-samples' | 'nothing' | 'found';
  readonly samplesSearched: number;
  readonly stretches: number;
  /** Of the window with the most significance. */
  readonly bestMetric: number;
  readonly bestMetricSample: number;
  readonly cfoGuessSubcarriers: number;
  readonly snrGuessDb: number;
}

export interface CpSynchroniser {
  /** Zeros to feed behind the end of a stream for everything to come out. */
  readonly latencySamples: number;
  /** Takes the next samples and returns the stretches that ended. Any chunking gives the same result. */
  execute(block: ComplexArray): CpStretch[];
  diagnosis(): CpDiagnosis;
  reset(): void;
}

/** One symbol as its window placed it: full prefix, and its later part. */
interface SymbolSums extends Sums {
  /** Stream position, and that of the window's period that placed it. */
  readonly at: number;
  readonly window: number;
}

interface Sums {
  readonly re: number;
  readonly im: number;
  readonly energy: number;
  readonly lateRe: number;
  readonly lateIm: number;
  readonly lateEnergy: number;
}

/**
 * - searching: no window detects;
 * - locked: windows agree with one another, for which less significance is enough; ends with the first that does not.
 */
type State =
  | { readonly kind: 'searching' }
  | {
      readonly kind: 'locked';
      readonly symbols: SymbolSums[];
      readonly windows: PlacedEstimate[];
      /** See `colourOf`. */
      readonly colour: number;
    };

/** A stretch, and the mean power of its prefixes. */
interface Measured extends CpStretch {
  readonly power: number;
}

interface Placed extends CpEstimate {
  /** Stream position of a period's first sample. */
  readonly at: number;
}

interface PlacedEstimate extends Placed {
  /** Of the symbols from there up to the next window. */
  readonly profile: PrefixProfile;
}

/** Evidence that a window needs to continue a stretch, where it must agree with the one before as well. */
const TRACKING_SIGNIFICANCE = 4;
/** … and its share of another station's that is stronger in this window. */
const LEAST_OF_STRONGER = 0.5;
/** A stretch must be this long at least to be reported. */
const LEAST_SYMBOLS = 4;
/** Samples in which power edges are looked for together: at least, at most, and in symbols. */
const EDGE_BLOCK = { least: 4096, most: 65_536, symbols: 64 } as const;
/** Carrier offsets that differ by less than this many subcarriers may be one station's. */
const LEAST_CFO_STEP = 0.02;
/** … and so may powers within a factor of two. */
const MOST_POWER_RATIO = 2;

/**
 * Finds stretches of OFDM by their cyclic prefixes alone: no preamble, no known symbol. The stream is first divided where its
 * power changes at once (see `powerEdges`): bursts of several stations are looked at one by one. Windows of W symbols follow one
 * another at half their length (see `estimateCpWindow`); neighbours that agree in timing (within half the prefix)
 * and carrier offset make a stretch, whose ends are then found symbol by symbol: the run with the largest sum of
 * Re(γ_s·e^{−jφ})/Φ_s − ½·ρ̂, a cumulative-sum test between prefix and no prefix. A run is divided where its carrier offset
 * steps. Stretches do not overlap; what was divided for nothing (a click, a fade) and agrees in timing, offset and power is
 * put together again.
 *
 * @throws ConfigError for a numerology or option out of range
 */
export function createCpSynchroniser(numerology: CpNumerology, options: CpSynchroniserOptions = {}): CpSynchroniser {
  const { symbolsPerWindow = 16, falseAlarmPerSample = 1e-8, longestStretch = 20_000 } = options;
  if (!Number.isInteger(symbolsPerWindow) || symbolsPerWindow < 2 || symbolsPerWindow > 4096) {
    throw new ConfigError('config.sync', `symbols a window is ${symbolsPerWindow}: choose 2 to 4096`);
  }
  if (!(falseAlarmPerSample > 0 && falseAlarmPerSample < 1)) {
    throw new ConfigError('config.sync', `false alarms a sample is ${falseAlarmPerSample}: choose between 0 and 1`);
  }
  const pattern = createCpPattern(numerology, symbolsPerWindow);
  const { fftSize, periodLength, symbolsPerPeriod, starts, prefixes, longestPrefix } = pattern;
  const periods = pattern.numSymbols / symbolsPerPeriod;
  const hopPeriods = Math.max(1, Math.floor(periods / 2));
  const hop = hopPeriods * periodLength;
  const hopSymbols = hopPeriods * symbolsPerPeriod;
  // A window's offset runs through a whole period; a hop before it and one behind it are kept for a stretch's ends.
  const products = pattern.length + periodLength;
  const need = products + fftSize;
  const [shortestPrefix, binLength] = [Math.min(...prefixes), profileBin(Math.min(...prefixes))];
  const falseAlarm = Math.min(0.5, (falseAlarmPerSample * hop) / periodLength);
  const tolerance = Math.max(2, longestPrefix / 2);
  const sums = new LagProducts(products + hop);
  const buffer = createComplex(2 * (need + hop));
  const symbolLength = periodLength / symbolsPerPeriod;
  const tail = need + hop + periodLength;

  // Samples wait in `coming` until the edges of their block are known: block [divided, divided + blockLength).
  const edgeLengths = [Math.max(16, longestPrefix), fftSize];
  const early = Math.max(2, longestPrefix >> 2);
  const margin = 3 * Math.max(...edgeLengths);
  const { least, most, symbols: blockSymbols } = EDGE_BLOCK;
  const blockLength = Math.max(fftSize, Math.min(most, Math.max(least, blockSymbols * fftSize)));
  const coming = createComplex(blockLength + 2 * margin);
  let waiting = margin;
  let divided = 0;
  let searched = 0;

  let base = 0;
  let filled = 0;
  let next = 0;
  /** First sample of the part between edges, and the one behind it, infinite before it is known. */
  let partStart = 0;
  let partEnd = Infinity;
  let state: State = { kind: 'searching' };
  let held: Measured | null = null;
  let found = 0;
  /** Where the last stretch ended. */
  let behind = 0;
  let best = { significance: 0, metric: 0, at: -1, cfo: 0 };

  /** Sums of `count` symbols of which the first begins at stream position `at`; those outside the buffer are left out. */
  const symbolsFrom = (at: number, count: number, window: number): SymbolSums[] => {
    const out: SymbolSums[] = [];
    for (let s = 0; s < count; s++) {
      const period = Math.floor(s / symbolsPerPeriod);
      const first = at + period * periodLength + starts[s % symbolsPerPeriod];
      const k = prefixes[s % symbolsPerPeriod];
      if (first < base || first + k + fftSize > Math.min(base + filled, partEnd + tolerance)) continue;
      out.push({ ...symbolSums(buffer, sums, first - base, k, fftSize), at: first, window });
    }
    return out;
  };

  /** Products by their place in a symbol, of the symbols up to the next window. */
  const profileFrom = (offset: number): PrefixProfile => {
    const profile = createPrefixProfile(shortestPrefix + fftSize, shortestPrefix);
    for (let s = 0; s < hopSymbols; s++) {
      const first = offset + Math.floor(s / symbolsPerPeriod) * periodLength + starts[s % symbolsPerPeriod];
      addSymbol(profile, sums, first, binLength);
    }
    return profile;
  };

  const emit = (out: CpStretch[]): void => {
    if (held === null) return;
    const { power: _, ...stretch } = held;
    out.push(stretch);
    held = null;
  };

  /** Whether `b` goes on where `a` ended, as far as timing, carrier offset and power tell. */
  const goesOn = (a: Measured, b: Measured): boolean => {
    const turn = Math.abs(wrap(b.cfoSubcarriers - a.cfoSubcarriers, 1));
    // The error of a phase of D products of correlation ρ: √((1 − ρ²)/(2ρ²D)); D is half of the prefixes.
    const variance = ({ metric, numSymbols }: Measured): number =>
      (1 - metric ** 2) / (metric ** 2 * numSymbols * longestPrefix * (2 * Math.PI) ** 2);
    const ratio = Math.max(a.power / b.power, b.power / a.power);
    return (
      b.startSample - a.endSample <= 2 * symbolLength + tolerance &&
      Math.abs(apart(a.startSample, b.startSample)) <= Math.max(2, longestPrefix >> 2) &&
      turn < LEAST_CFO_STEP + 4 * Math.sqrt(variance(a) + variance(b)) &&
      ratio < MOST_POWER_RATIO
    );
  };

  const offer = (stretch: Measured, out: CpStretch[]): void => {
    if (held !== null && goesOn(held, stretch)) held = joined(held, stretch, symbolLength);
    else {
      emit(out);
      held = stretch;
      found++;
    }
  };

  const close = (out: CpStretch[]): void => {
    if (state.kind !== 'locked') return;
    const { symbols, windows, colour } = state;
    const last = windows[windows.length - 1];
    // Behind the last window's first hop, which is in the list: the rest of that window, and a hop more.
    symbols.push(...symbolsFrom(last.at + hop, pattern.numSymbols, last.at));
    const fresh = symbols.filter(({ at }) => at >= behind);
    for (const [from, to] of runsOf(fresh, windows)) {
      const stretch = conclude(fresh.slice(from, to), windows, colour);
      if (stretch === null) continue;
      offer(stretch, out);
      behind = stretch.endSample - fftSize;
    }
    state = { kind: 'searching' };
  };

  const placedAt = (estimate: CpEstimate): Placed => ({ ...estimate, at: next + estimate.offset });

  const lookAt = (out: CpStretch[]): void => {
    sums.form(buffer, next - base, products, fftSize, partEnd - base);
    let estimate = estimateCpWindow(pattern, sums);
    const detected = estimate.significance > -Math.log(falseAlarm);
    let placed = placedAt(estimate);
    const { significance, metric, cfoSubcarriers } = estimate;
    if (significance > best.significance) best = { significance, metric, at: placed.at, cfo: cfoSubcarriers };
    if (state.kind === 'locked') {
      const previous = state.windows[state.windows.length - 1];
      if (Math.abs(apart(previous.at, placed.at)) > tolerance) {
        // Another station is the stronger one in this window: the one that is followed may be there as well.
        const followed = estimateCpWindow(
          pattern,
          sums,
          (offset) => Math.abs(apart(previous.at, next + offset)) <= tolerance,
        );
        if (followed.strength > LEAST_OF_STRONGER * estimate.strength && matches(previous, placedAt(followed))) {
          estimate = followed;
          placed = placedAt(followed);
        }
      }
      const agrees = estimate.significanceBeside > TRACKING_SIGNIFICANCE && matches(previous, placed);
      if (!agrees || state.symbols.length >= longestStretch) close(out);
      else {
        // The count of symbols goes on where the last window left it.
        const due = previous.at + hop;
        placed = { ...placed, at: due + apart(due, placed.at) };
      }
    }
    if (state.kind === 'searching') {
      if (!detected) return;
      const colour = colourOf(buffer, next - base, products, longestPrefix);
      // Symbols of the hop before: the stretch may have begun in a window that did not see enough of it.
      state = { kind: 'locked', symbols: symbolsFrom(placed.at - hop, hopSymbols, placed.at), windows: [], colour };
    }
    state.symbols.push(...symbolsFrom(placed.at, hopSymbols, placed.at));
    state.windows.push({ ...placed, profile: profileFrom(estimate.offset) });
  };

  /**
   * By how much two places of a period differ, whole symbols left out: with a list of prefixes that are nearly alike, a
   * window that sees few symbols may be wrong about which symbol is the list's first.
   */
  const apart = (a: number, b: number): number => {
    let least = Infinity;
    for (let s = 0; s < symbolsPerPeriod; s++) {
      const rest = wrap(b - a - starts[s], periodLength);
      if (Math.abs(rest) < Math.abs(least)) least = rest;
    }
    return least;
  };

  /** Whether two neighbouring windows place symbols alike, and see the same carrier offset. */
  const matches = (a: Placed, b: Placed): boolean => {
    const turn = Math.abs(b.cfoSubcarriers - a.cfoSubcarriers);
    return Math.abs(apart(a.at, b.at)) <= tolerance && Math.min(turn, 1 - turn) < 0.2;
  };

  const conclude = (
    run: readonly SymbolSums[],
    windows: readonly PlacedEstimate[],
    colour: number,
  ): Measured | null => {
    if (run.length < LEAST_SYMBOLS) return null;
    const total = run.map((symbol): Sums => symbol).reduce(addSums);
    const metric = Math.min(1, Math.hypot(total.re, total.im) / total.energy);
    const perSymbol = pattern.totalPrefix / pattern.numSymbols;
    // A coloured signal has fewer independent samples than it has samples: it takes a longer stretch to be sure.
    if (correlationSignificance(metric, (run.length * perSymbol) / colour) < -Math.log(falseAlarm)) return null;
    const late = Math.min(1 - 1e-6, Math.hypot(total.lateRe, total.lateIm) / total.lateEnergy);
    const latePrefix = pattern.prefixes.reduce((sum, k) => sum + k - (k >> 1), 0) / pattern.numSymbols;
    // The strongest of the first windows places the start best; a burst fills the very first one in part only.
    const mine = windows.filter(({ at }) => at >= run[0].at - hop && at <= run[run.length - 1].at).slice(0, 4);
    const anchor = mine.reduce<PlacedEstimate | null>((a, b) => (a === null || b.strength > a.strength ? b : a), null);
    const stations = anchor === null ? null : stationsIn(windows, anchor, run, colour);
    // Where the other's prefix lies over this one's, sums over the prefix are of both.
    const overlapping = stations?.overlap === true ? stations : null;
    const own = overlapping === null ? late : Math.min(1 - 1e-6, overlapping.metric);
    const shift = (anchor === null ? 0 : apart(run[0].window, anchor.at)) + (overlapping?.shift ?? 0);
    return {
      startSample: Math.max(partStart, run[0].at + shift),
      endSample: Math.min(partEnd, run[run.length - 1].at + longestPrefix + fftSize),
      numSymbols: run.length,
      cfoSubcarriers: overlapping?.cfoSubcarriers ?? Math.atan2(total.lateIm, total.lateRe) / (2 * Math.PI),
      metric: overlapping === null ? metric : own,
      snrDb: powerToDb(own / (1 - own)),
      noiseVariance: (total.lateEnergy / (run.length * latePrefix)) * (1 - own),
      other: stations?.other ?? null,
      clockOffset: clockOffsetOf(windows, periodLength),
      power: total.energy / (run.length * perSymbol),
    };
  };

  /** Whether two stations send in a run of symbols: see `separateStations`. */
  const stationsIn = (
    windows: readonly PlacedEstimate[],
    anchor: PlacedEstimate,
    run: readonly SymbolSums[],
    colour: number,
  ): Stations | null => {
    const total = createPrefixProfile(shortestPrefix + fftSize, shortestPrefix);
    const [first, last] = [run[0].at - tolerance, run[run.length - 1].at];
    for (const { at, profile } of windows) {
      if (at >= first && at <= last) addProfile(total, profile, apart(anchor.at, at), binLength);
    }
    return separateStations(total, shortestPrefix, colour);
  };

  const search = (block: ComplexArray, out: CpStretch[]): void => {
    for (let at = 0; at < block.re.length;) {
      if (filled === buffer.re.length) {
        // Keep one hop before the next window.
        const drop = Math.max(0, Math.min(filled, next - hop - base));
        buffer.re.copyWithin(0, drop, filled);
        buffer.im.copyWithin(0, drop, filled);
        base += drop;
        filled -= drop;
      }
      const count = Math.min(block.re.length - at, buffer.re.length - filled);
      buffer.re.set(block.re.subarray(at, at + count), filled);
      buffer.im.set(block.im.subarray(at, at + count), filled);
      filled += count;
      at += count;
      // One hop more than the window needs: a stretch's last symbols lie there.
      while (next + need <= base + filled) {
        if (next < partEnd || state.kind === 'locked') lookAt(out);
        next += hop;
        // What begins from here on is too far behind to go on with it.
        if (held !== null && state.kind === 'searching' && next - hop > held.endSample + 4 * symbolLength) emit(out);
      }
    }
  };

  const restart = (at: number): void => {
    base = next = partStart = behind = at;
    filled = 0;
    partEnd = Infinity;
    state = { kind: 'searching' };
  };

  /** Ends the part that is being searched, and begins another. */
  const divide = (end: number, start: number, out: CpStretch[]): void => {
    if (end - partStart >= LEAST_SYMBOLS * symbolLength) {
      partEnd = end;
      search(createComplex(tail), out);
      close(out);
    }
    restart(start);
  };

  return {
    latencySamples: blockLength + margin + tail + hop + Math.ceil(6 * symbolLength),
    execute(block) {
      const out: CpStretch[] = [];
      searched += block.re.length;
      for (let at = 0; at < block.re.length;) {
        const count = Math.min(block.re.length - at, coming.re.length - waiting);
        coming.re.set(block.re.subarray(at, at + count), waiting);
        coming.im.set(block.im.subarray(at, at + count), waiting);
        waiting += count;
        at += count;
        if (waiting < coming.re.length) continue;
        let from = margin;
        for (const edge of [...powerEdges(coming, margin, margin + blockLength, edgeLengths), margin + blockLength]) {
          search(subarray(coming, from, edge), out);
          from = edge;
          const at = divided + edge - margin;
          if (edge === margin + blockLength || at <= early) continue;
          // An edge is known to a few samples: those before it belong to both parts.
          from -= early;
          divide(at, at - early, out);
        }
        divided += blockLength;
        coming.re.copyWithin(0, blockLength);
        coming.im.copyWithin(0, blockLength);
        waiting = 2 * margin;
      }
      return out;
    },
    diagnosis() {
      const samplesSearched = searched;
      const ratio = Math.min(best.metric, 1 - 1e-9);
      return {
        verdict: samplesSearched === 0 ? 'no-samples' : found > 0 ? 'found' : 'nothing',
        samplesSearched,
        stretches: found,
        bestMetric: best.metric,
        bestMetricSample: best.at,
        cfoGuessSubcarriers: best.cfo,
        snrGuessDb: powerToDb(ratio / (1 - ratio)),
      };
    },
    reset() {
      restart(0);
      found = searched = divided = 0;
      waiting = margin;
      coming.re.fill(0);
      coming.im.fill(0);
      held = null;
      best = { significance: 0, metric: 0, at: -1, cfo: 0 };
    },
  };
}

function symbolSums(x: ComplexArray, { meanRe, meanIm }: LagProducts, from: number, prefix: number, lag: number): Sums {
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

const addSums = (a: Sums, b: Sums): Sums => ({
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
function runsOf(symbols: readonly SymbolSums[], windows: readonly PlacedEstimate[]): [number, number][] {
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
function joined(a: Measured, b: Measured, symbolLength: number): Measured {
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

function wrap(value: number, period: number): number {
  const rest = ((value % period) + period) % period;
  return rest > period / 2 ? rest - period : rest;
}

/** Slope of the windows' timing against a clock of whole periods, by least squares. */
function clockOffsetOf(windows: readonly PlacedEstimate[], period: number): number {
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
