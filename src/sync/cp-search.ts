import { type ComplexArray, createComplex } from '../core/complex.js';
import { powerToDb } from '../core/units.js';
import {
  addSums,
  clockOffsetOf,
  type CpStretch,
  joined,
  LEAST_CFO_STEP,
  LEAST_SYMBOLS,
  type Measured,
  type Placed,
  type PlacedEstimate,
  runsOf,
  type Sums,
  type SymbolSums,
  symbolSums,
  wrap,
} from './cp-stretches.js';
import {
  colourOf,
  correlationSignificance,
  type CpEstimate,
  type CpPattern,
  estimateCpWindow,
  LagProducts,
} from './cp-window.js';
import {
  addProfile,
  addSymbol,
  createPrefixProfile,
  type PrefixProfile,
  profileBin,
  separateStations,
  type Stations,
} from './other-station.js';

/** Evidence that a window needs to continue a stretch, where it must agree with the one before as well. */
const TRACKING_SIGNIFICANCE = 4;
/** … and its share of another station's that is stronger in this window. */
const LEAST_OF_STRONGER = 0.5;
/** Powers within a factor of two may be one station's. */
const MOST_POWER_RATIO = 2;

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

/** The window with the most significance so far. */
export interface BestWindow {
  readonly significance: number;
  readonly metric: number;
  /** Stream position; −1 before there is one. */
  readonly at: number;
  readonly cfo: number;
}

const NO_WINDOW: BestWindow = { significance: 0, metric: 0, at: -1, cfo: 0 };

/**
 * Looks for stretches in a part of a stream between power edges, window by window: see `createCpSynchroniser`. Samples lie in a
 * sliding buffer; positions count from the start of the stream.
 */
export class CpSearch {
  /** Zeros behind a part for everything in it to come out. */
  readonly tail: number;
  readonly hop: number;
  readonly symbolLength: number;
  private readonly hopSymbols: number;
  /** A window's offset runs through a whole period; a hop before it and one behind it are kept for a stretch's ends. */
  private readonly products: number;
  private readonly need: number;
  private readonly shortestPrefix: number;
  private readonly binLength: number;
  private readonly falseAlarm: number;
  private readonly tolerance: number;
  private readonly sums: LagProducts;
  private readonly buffer: ComplexArray;
  private base = 0;
  private filled = 0;
  private next = 0;
  /** First sample of the part between edges, and the one behind it, infinite before it is known. */
  private partStart = 0;
  private partEnd = Infinity;
  private state: State = { kind: 'searching' };
  private held: Measured | null = null;
  /** Where the last stretch ended. */
  private behind = 0;
  /** Stretches so far. */
  found = 0;
  best = NO_WINDOW;

  constructor(
    private readonly pattern: CpPattern,
    falseAlarmPerSample: number,
    private readonly longestStretch: number,
  ) {
    const { fftSize, periodLength, symbolsPerPeriod, prefixes, longestPrefix } = pattern;
    const hopPeriods = Math.max(1, Math.floor(pattern.numSymbols / symbolsPerPeriod / 2));
    this.hop = hopPeriods * periodLength;
    this.hopSymbols = hopPeriods * symbolsPerPeriod;
    this.products = pattern.length + periodLength;
    this.need = this.products + fftSize;
    this.shortestPrefix = Math.min(...prefixes);
    this.binLength = profileBin(this.shortestPrefix);
    this.falseAlarm = Math.min(0.5, (falseAlarmPerSample * this.hop) / periodLength);
    this.tolerance = Math.max(2, longestPrefix / 2);
    this.sums = new LagProducts(this.products + this.hop);
    this.buffer = createComplex(2 * (this.need + this.hop));
    this.symbolLength = periodLength / symbolsPerPeriod;
    this.tail = this.need + this.hop + periodLength;
  }

  /** Forgets everything. */
  reset(): void {
    this.restart(0);
    this.found = 0;
    this.held = null;
    this.best = NO_WINDOW;
  }

  /** Sums of `count` symbols of which the first begins at stream position `at`; those outside the buffer are left out. */
  private symbolsFrom(at: number, count: number, window: number): SymbolSums[] {
    const out: SymbolSums[] = [];
    for (let s = 0; s < count; s++) {
      const period = Math.floor(s / this.pattern.symbolsPerPeriod);
      const first = at + period * this.pattern.periodLength + this.pattern.starts[s % this.pattern.symbolsPerPeriod];
      const k = this.pattern.prefixes[s % this.pattern.symbolsPerPeriod];
      if (
        first < this.base ||
        first + k + this.pattern.fftSize > Math.min(this.base + this.filled, this.partEnd + this.tolerance)
      )
        continue;
      out.push({
        ...symbolSums(this.buffer, this.sums, first - this.base, k, this.pattern.fftSize),
        at: first,
        window,
      });
    }
    return out;
  }

  /** Products by their place in a symbol, of the symbols up to the next window. */
  private profileFrom(offset: number): PrefixProfile {
    const profile = createPrefixProfile(this.shortestPrefix + this.pattern.fftSize, this.shortestPrefix);
    for (let s = 0; s < this.hopSymbols; s++) {
      const first =
        offset +
        Math.floor(s / this.pattern.symbolsPerPeriod) * this.pattern.periodLength +
        this.pattern.starts[s % this.pattern.symbolsPerPeriod];
      addSymbol(profile, this.sums, first, this.binLength);
    }
    return profile;
  }

  /** Gives out the stretch that waited for one that goes on where it ended. */
  private emit(out: CpStretch[]): void {
    if (this.held === null) return;
    const { power: _, ...stretch } = this.held;
    out.push(stretch);
    this.held = null;
  }

  /** Whether `b` goes on where `a` ended, as far as timing, carrier offset and power tell. */
  private goesOn(a: Measured, b: Measured): boolean {
    const turn = Math.abs(wrap(b.cfoSubcarriers - a.cfoSubcarriers, 1));
    // The error of a phase of D products of correlation ρ: √((1 − ρ²)/(2ρ²D)); D is half of the prefixes.
    const variance = ({ metric, numSymbols }: Measured): number =>
      (1 - metric ** 2) / (metric ** 2 * numSymbols * this.pattern.longestPrefix * (2 * Math.PI) ** 2);
    const ratio = Math.max(a.power / b.power, b.power / a.power);
    return (
      b.startSample - a.endSample <= 2 * this.symbolLength + this.tolerance &&
      Math.abs(this.apart(a.startSample, b.startSample)) <= Math.max(2, this.pattern.longestPrefix >> 2) &&
      turn < LEAST_CFO_STEP + 4 * Math.sqrt(variance(a) + variance(b)) &&
      ratio < MOST_POWER_RATIO
    );
  }

  /** A stretch that ended: one with the stretch before, or one of its own. */
  private offer(stretch: Measured, out: CpStretch[]): void {
    if (this.held !== null && this.goesOn(this.held, stretch))
      this.held = joined(this.held, stretch, this.symbolLength);
    else {
      this.emit(out);
      this.held = stretch;
      this.found++;
    }
  }

  /** Ends the stretch that is followed. */
  private close(out: CpStretch[]): void {
    if (this.state.kind !== 'locked') return;
    const { symbols, windows, colour } = this.state;
    const last = windows[windows.length - 1];
    // Behind the last window's first hop, which is in the list: the rest of that window, and a hop more.
    symbols.push(...this.symbolsFrom(last.at + this.hop, this.pattern.numSymbols, last.at));
    const fresh = symbols.filter(({ at }) => at >= this.behind);
    for (const [from, to] of runsOf(fresh, windows)) {
      const stretch = this.conclude(fresh.slice(from, to), windows, colour);
      if (stretch === null) continue;
      this.offer(stretch, out);
      this.behind = stretch.endSample - this.pattern.fftSize;
    }
    this.state = { kind: 'searching' };
  }

  private placedAt(estimate: CpEstimate): Placed {
    return { ...estimate, at: this.next + estimate.offset };
  }

  /** The window at `next`. */
  private lookAt(out: CpStretch[]): void {
    this.sums.form(this.buffer, this.next - this.base, this.products, this.pattern.fftSize, this.partEnd - this.base);
    let estimate = estimateCpWindow(this.pattern, this.sums);
    const detected = estimate.significance > -Math.log(this.falseAlarm);
    let placed = this.placedAt(estimate);
    const { significance, metric, cfoSubcarriers } = estimate;
    if (significance > this.best.significance) this.best = { significance, metric, at: placed.at, cfo: cfoSubcarriers };
    if (this.state.kind === 'locked') {
      const previous = this.state.windows[this.state.windows.length - 1];
      if (Math.abs(this.apart(previous.at, placed.at)) > this.tolerance) {
        // Another station is the stronger one in this window: the one that is followed may be there as well.
        const followed = estimateCpWindow(
          this.pattern,
          this.sums,
          (offset) => Math.abs(this.apart(previous.at, this.next + offset)) <= this.tolerance,
        );
        if (
          followed.strength > LEAST_OF_STRONGER * estimate.strength &&
          this.matches(previous, this.placedAt(followed))
        ) {
          estimate = followed;
          placed = this.placedAt(followed);
        }
      }
      const agrees = estimate.significanceBeside > TRACKING_SIGNIFICANCE && this.matches(previous, placed);
      if (!agrees || this.state.symbols.length >= this.longestStretch) this.close(out);
      else {
        // The count of symbols goes on where the last window left it.
        const due = previous.at + this.hop;
        placed = { ...placed, at: due + this.apart(due, placed.at) };
      }
    }
    if (this.state.kind === 'searching') {
      if (!detected) return;
      const colour = colourOf(this.buffer, this.next - this.base, this.products, this.pattern.longestPrefix);
      // Symbols of the hop before: the stretch may have begun in a window that did not see enough of it.
      this.state = {
        kind: 'locked',
        symbols: this.symbolsFrom(placed.at - this.hop, this.hopSymbols, placed.at),
        windows: [],
        colour,
      };
    }
    this.state.symbols.push(...this.symbolsFrom(placed.at, this.hopSymbols, placed.at));
    this.state.windows.push({ ...placed, profile: this.profileFrom(estimate.offset) });
  }

  /**
   * By how much two places of a period differ, whole symbols left out: with a list of prefixes that are nearly alike, a
   * window that sees few symbols may be wrong about which symbol is the list's first.
   */
  private apart(a: number, b: number): number {
    let least = Infinity;
    for (let s = 0; s < this.pattern.symbolsPerPeriod; s++) {
      const rest = wrap(b - a - this.pattern.starts[s], this.pattern.periodLength);
      if (Math.abs(rest) < Math.abs(least)) least = rest;
    }
    return least;
  }

  /** Whether two neighbouring windows place symbols alike, and see the same carrier offset. */
  private matches(a: Placed, b: Placed): boolean {
    const turn = Math.abs(b.cfoSubcarriers - a.cfoSubcarriers);
    return Math.abs(this.apart(a.at, b.at)) <= this.tolerance && Math.min(turn, 1 - turn) < 0.2;
  }

  /** What a run of symbols is as a stretch; null for one that may be chance. */
  private conclude(run: readonly SymbolSums[], windows: readonly PlacedEstimate[], colour: number): Measured | null {
    if (run.length < LEAST_SYMBOLS) return null;
    const total = run.map((symbol): Sums => symbol).reduce(addSums);
    const metric = Math.min(1, Math.hypot(total.re, total.im) / total.energy);
    const perSymbol = this.pattern.totalPrefix / this.pattern.numSymbols;
    // A coloured signal has fewer independent samples than it has samples: it takes a longer stretch to be sure.
    if (correlationSignificance(metric, (run.length * perSymbol) / colour) < -Math.log(this.falseAlarm)) return null;
    const late = Math.min(1 - 1e-6, Math.hypot(total.lateRe, total.lateIm) / total.lateEnergy);
    const latePrefix = this.pattern.prefixes.reduce((sum, k) => sum + k - (k >> 1), 0) / this.pattern.numSymbols;
    // The strongest of the first windows places the start best; a burst fills the very first one in part only.
    const mine = windows.filter(({ at }) => at >= run[0].at - this.hop && at <= run[run.length - 1].at).slice(0, 4);
    const anchor = mine.reduce<PlacedEstimate | null>((a, b) => (a === null || b.strength > a.strength ? b : a), null);
    const stations = anchor === null ? null : this.stationsIn(windows, anchor, run, colour);
    // Where the other's prefix lies over this one's, sums over the prefix are of both.
    const overlapping = stations?.overlap === true ? stations : null;
    const own = overlapping === null ? late : Math.min(1 - 1e-6, overlapping.metric);
    const shift = (anchor === null ? 0 : this.apart(run[0].window, anchor.at)) + (overlapping?.shift ?? 0);
    return {
      startSample: Math.max(this.partStart, run[0].at + shift),
      endSample: Math.min(this.partEnd, run[run.length - 1].at + this.pattern.longestPrefix + this.pattern.fftSize),
      numSymbols: run.length,
      cfoSubcarriers: overlapping?.cfoSubcarriers ?? Math.atan2(total.lateIm, total.lateRe) / (2 * Math.PI),
      metric: overlapping === null ? metric : own,
      snrDb: powerToDb(own / (1 - own)),
      noiseVariance: (total.lateEnergy / (run.length * latePrefix)) * (1 - own),
      other: stations?.other ?? null,
      clockOffset: clockOffsetOf(windows, this.pattern.periodLength),
      power: total.energy / (run.length * perSymbol),
    };
  }

  /** Whether two stations send in a run of symbols: see `separateStations`. */
  private stationsIn(
    windows: readonly PlacedEstimate[],
    anchor: PlacedEstimate,
    run: readonly SymbolSums[],
    colour: number,
  ): Stations | null {
    const total = createPrefixProfile(this.shortestPrefix + this.pattern.fftSize, this.shortestPrefix);
    const [first, last] = [run[0].at - this.tolerance, run[run.length - 1].at];
    for (const { at, profile } of windows) {
      if (at >= first && at <= last) addProfile(total, profile, this.apart(anchor.at, at), this.binLength);
    }
    return separateStations(total, this.shortestPrefix, colour);
  }

  /** Takes the next samples of the part. */
  search(block: ComplexArray, out: CpStretch[]): void {
    for (let at = 0; at < block.re.length;) {
      if (this.filled === this.buffer.re.length) {
        // Keep one hop before the next window.
        const drop = Math.max(0, Math.min(this.filled, this.next - this.hop - this.base));
        this.buffer.re.copyWithin(0, drop, this.filled);
        this.buffer.im.copyWithin(0, drop, this.filled);
        this.base += drop;
        this.filled -= drop;
      }
      const count = Math.min(block.re.length - at, this.buffer.re.length - this.filled);
      this.buffer.re.set(block.re.subarray(at, at + count), this.filled);
      this.buffer.im.set(block.im.subarray(at, at + count), this.filled);
      this.filled += count;
      at += count;
      // One hop more than the window needs: a stretch's last symbols lie there.
      while (this.next + this.need <= this.base + this.filled) {
        if (this.next < this.partEnd || this.state.kind === 'locked') this.lookAt(out);
        this.next += this.hop;
        // What begins from here on is too far behind to go on with it.
        if (
          this.held !== null &&
          this.state.kind === 'searching' &&
          this.next - this.hop > this.held.endSample + 4 * this.symbolLength
        )
          this.emit(out);
      }
    }
  }

  /** Begins a part at a stream position. */
  restart(at: number): void {
    this.base = this.next = this.partStart = this.behind = at;
    this.filled = 0;
    this.partEnd = Infinity;
    this.state = { kind: 'searching' };
  }

  /** Ends the part that is being searched, and begins another. */
  divide(end: number, start: number, out: CpStretch[]): void {
    if (end - this.partStart >= LEAST_SYMBOLS * this.symbolLength) {
      this.partEnd = end;
      this.search(createComplex(this.tail), out);
      this.close(out);
    }
    this.restart(start);
  }
}
