import { type ComplexArray, createComplex } from '../core/complex.js';
import { ConfigError } from '../core/errors.js';
import { powerToDb } from '../core/units.js';
import { colourOf, createCpPattern, estimateCpWindow, LagProducts } from './cp-window.js';
import { HalfCorrelator } from './half-correlator.js';

/** A symbol of two equal halves, whatever they hold. */
export interface Repetition {
  /** First sample of its cyclic prefix, from the start of the stream. */
  readonly startSample: number;
  /** In (−1, 1): whole pairs of subcarriers cannot be told without knowing the symbol. */
  readonly cfoSubcarriers: number;
  /** Schmidl–Cox M over the plateau. */
  readonly metric: number;
  /** ρ/(1−ρ), ρ = √M. */
  readonly snrDb: number;
  /** Whether its quarters are as equal as its halves: 802.11's short training fields are so, Schmidl–Cox symbols are not. */
  readonly equalQuarters: boolean;
}

export interface RepetitionDetector {
  readonly latencySamples: number;
  /** Any chunking gives the same result. */
  execute(block: ComplexArray): Repetition[];
  /** Largest M so far and where. */
  best(): { readonly metric: number; readonly at: number };
}

export interface RepetitionOptions {
  /** Of white noise; 1e−8 by default. */
  readonly falseAlarmPerSample?: number;
  /** Report only halves that are not two equal parts each, and that OFDM of this size and prefix follows, in time and offset. */
  readonly beforeSymbols?: boolean;
}

/** Symbols behind a preamble whose prefixes are looked at, the significance that they must show, and the subcarriers by which they may be off. */
const FOLLOWING = { symbols: 8, significance: 12, tolerance: 0.1 } as const;

/**
 * Finds any Schmidl–Cox preamble, without knowing its symbols: M (see HalfCorrelator) above the threshold that white noise passes
 * with `falseAlarmPerSample`, then the K + 1 neighbouring positions with the largest mean M. A repetition that lasts
 * longer than one symbol (Wi-Fi's short training field, a carrier, a periodic interferer) is not reported. Of a coloured signal, whose neighbouring samples are
 * alike, the plateau must pass the threshold for as many independent samples as it has (`colourOf`). Where the preamble is known, the preamble detector
 * is better by far: it works at lower SNR and gives the whole offset.
 *
 * @throws ConfigError for sizes out of range
 */
export function createRepetitionDetector(
  fftSize: number,
  cyclicPrefixLength: number,
  options: RepetitionOptions = {},
): RepetitionDetector {
  const { falseAlarmPerSample = 1e-8, beforeSymbols = false } = options;
  if (!Number.isInteger(fftSize) || fftSize < 16 || fftSize % 2 !== 0 || fftSize > 65_536) {
    throw new ConfigError('config.sync', `FFT size is ${fftSize}: choose an even number from 16 to 65536`);
  }
  if (!Number.isInteger(cyclicPrefixLength) || cyclicPrefixLength < 0 || cyclicPrefixLength > fftSize) {
    throw new ConfigError('config.sync', `cyclic prefix is ${cyclicPrefixLength}: choose 0 to ${fftSize}`);
  }
  const half = fftSize / 2;
  const threshold = 1 - falseAlarmPerSample ** (1 / (half - 2));
  const symbol = fftSize + cyclicPrefixLength;
  const longest = 8 * symbol;
  // Of one symbol: K + 1 positions, and those to either side that share most of it or seem to.
  const longestPlateau = cyclicPrefixLength + half + (half >> 1);
  const pattern = createCpPattern(
    { fftSize, cyclicPrefixLengths: [Math.max(1, cyclicPrefixLength)] },
    FOLLOWING.symbols,
  );
  const products = new LagProducts(pattern.length + pattern.periodLength);
  const behind = longest + 4 * symbol + fftSize;
  const correlator = new HalfCorrelator(half);
  const quarters = new HalfCorrelator(fftSize >> 2);
  const buffer = createComplex(4 * behind);
  const top = { metric: 0, at: -1 };
  let base = 0;
  let filled = 0;
  let next = 0;
  /** Where a repetition too long for a preamble was left. */
  let endless = -1;

  const describe = (startSample: number, cfoSubcarriers: number, metric: number): Repetition => {
    const rho = Math.min(Math.sqrt(metric), 1 - 1e-9);
    const equalQuarters = hasQuarters(startSample, metric);
    return { startSample, cfoSubcarriers, metric, snrDb: powerToDb(rho / (1 - rho)), equalQuarters };
  };

  const hasQuarters = (startSample: number, metric: number): boolean => {
    const alike = (d: number): boolean => {
      quarters.start(buffer, startSample + cyclicPrefixLength + d - base);
      return quarters.metric() > 0.5 * metric;
    };
    return alike(0) && alike(fftSize >> 2);
  };

  /** Whether the prefixes of the symbols behind lie where they should, and turn as the halves do. */
  const isFollowed = ({ startSample, cfoSubcarriers }: Repetition): boolean => {
    const early = symbol >> 1;
    products.form(buffer, startSample + symbol - early - base, products.capacity, fftSize);
    const { offset, cfoSubcarriers: turn, significance } = estimateCpWindow(pattern, products);
    const apart = turn - cfoSubcarriers;
    return (
      significance > FOLLOWING.significance &&
      Math.abs(offset - early) <= Math.max(2, cyclicPrefixLength / 2) &&
      Math.abs(apart - Math.round(apart)) < FOLLOWING.tolerance
    );
  };

  /** From the first position above the threshold: the plateau, or null for something that is no preamble. */
  const measure = (first: number): { found: Repetition | null; end: number; goesOn: boolean } => {
    const metrics: number[] = [];
    const res: number[] = [];
    const ims: number[] = [];
    correlator.start(buffer, first - base);
    let below = 0;
    for (let d = first; d - first < longest && below < cyclicPrefixLength + half; d++) {
      if (d > first) correlator.step(buffer, d - 1 - base);
      const metric = correlator.metric();
      metrics.push(metric);
      res.push(correlator.pRe);
      ims.push(correlator.pIm);
      below = metric > threshold ? 0 : below + 1;
    }
    const end = first + metrics.length - below;
    if (below < cyclicPrefixLength + half) return { found: null, end: first + metrics.length, goesOn: true };
    const width = Math.min(cyclicPrefixLength + 1, metrics.length);
    let best = { at: 0, metric: -1 };
    for (let i = 0; i + width <= metrics.length; i++) {
      let sum = 0;
      for (let j = i; j < i + width; j++) sum += metrics[j];
      if (sum / width > best.metric) best = { at: i, metric: sum / width };
    }
    let [re, im] = [0, 0];
    for (let j = best.at; j < best.at + width; j++) {
      re += res[j];
      im += ims[j];
    }
    // A coloured signal has fewer independent samples than it has samples: it must repeat itself the better.
    const colour = colourOf(buffer, first - base + best.at, fftSize, half, half);
    const least = colour < half / 4 ? 1 - falseAlarmPerSample ** (1 / Math.max(1, half / colour - 2)) : 1;
    if (best.metric <= least) return { found: null, end, goesOn: false };
    const found = describe(first + best.at, Math.atan2(im, re) / Math.PI, best.metric);
    if (end - first > longestPlateau || (beforeSymbols && (found.equalQuarters || !isFollowed(found))))
      return { found: null, end, goesOn: false };
    return { found, end: Math.max(end, found.startSample + symbol), goesOn: false };
  };

  return {
    latencySamples: behind + fftSize,
    best: () => ({ ...top }),
    execute(block) {
      const out: Repetition[] = [];
      for (let at = 0; at < block.re.length;) {
        if (filled === buffer.re.length) {
          const drop = next - base;
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
        // Whatever is found at a position can then be measured to its end.
        for (let limit = base + filled - behind; next < limit;) {
          // Fresh sums at multiples of 4096 whatever the chunks: no drift, and the same result for any chunking.
          const stop = Math.min(limit, (Math.floor(next / 4096) + 1) * 4096);
          correlator.start(buffer, next - base);
          const local = { metric: top.metric, at: -1 };
          const hit = base + correlator.scan(buffer, next - base, stop - base, threshold, local);
          if (local.at >= 0) Object.assign(top, { metric: local.metric, at: local.at + base });
          next = hit;
          if (hit >= stop) continue;
          const { found, end, goesOn } = measure(hit);
          // What is left of a repetition that was too long is no preamble either.
          if (found !== null && hit !== endless) out.push(found);
          endless = goesOn ? end : -1;
          next = end;
        }
      }
      return out;
    },
  };
}
