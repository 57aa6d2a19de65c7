import { type ComplexArray, createComplex } from '../core/complex.js';
import { ConfigError } from '../core/errors.js';
import { powerToDb } from '../core/units.js';
import type { Grid } from '../ofdm/grid.js';
import type { PreambleDetection, SyncDiagnosis } from './detection.js';
import { HalfCorrelator } from './half-correlator.js';
import { createPreambleVerifier } from './preamble-verifier.js';
import { candidateThreshold, energyShareThreshold } from './thresholds.js';
import { createToneRemover, type ToneRemover } from './tone-remover.js';

export type { PreambleDetection, SyncDiagnosis } from './detection.js';

export interface PreambleDetectorOptions {
  /**
   * Detections per sample of white noise; 1e−10 by default. That is small because signals are not white: at 1e−7 about one
   * packet in forty, received at 6 dB or better, would hold a false alarm in its own data symbols (1e−10: one in 200).
   */
  readonly falseAlarmPerSample?: number;
  /** Search range of the carrier offset, ± subcarrier spacings; N/8 by default. */
  readonly maxCfoSubcarriers?: number;
  /**
   * Samples from a preamble's first on in which no other is looked for; the preamble's own by default. A receiver that
   * knows its frames gives `grid.frameLength(P)`, and no data can be mistaken for a preamble.
   */
  readonly holdOffSamples?: number;
}

export interface PreambleDetector {
  /** Samples behind a preamble's first that must have arrived before it is reported; feed as many zeros at an end. */
  readonly latencySamples: number;
  /** Takes the next samples of the stream and returns what was found, in order. Any chunking gives the same result. */
  execute(block: ComplexArray): PreambleDetection[];
  diagnosis(): SyncDiagnosis;
  reset(): void;
  /** An independent copy that continues from here exactly as the original would. */
  clone(): PreambleDetector;
}

/**
 * Signals that are not white pass Q more often than noise. Our preamble, through any channel of 8 taps at −2 dB or better, had a
 * contrast above 3 and at most 0.31 of its energy in three subcarriers (500 frames); with a tone of half its power 0.37.
 */
const LEAST_CONTRAST = 2;
const MOST_TOP_SHARE = 0.45;
/**
 * Foreign OFDM is not white either: it has fewer independent samples, of which as many lags explain more by chance. Q is held
 * against the threshold for 1/(C − 0.5) of the dimensions, C its colour (see `colourOf`), of 0.65 at most: a preamble under a tone of
 * half its power has no more. Over fading channels at 0 dB it has C of 1 to 2.2, at 30 dB to 5.4 with Q = 1; foreign OFDM 2 to 50
 * with Q of 0.4 to 0.6.
 */
const OWN_COLOUR = 0.5;
const MOST_THRESHOLD = 0.65;
/** M is the square of the share that repeats itself; Q explains as much (ours: 0.79 of it at least at 0 dB, 0.97 from 3 dB). */
const LEAST_OF_REPEATED = 0.75;
/** … and not much more than the halves' difference leaves for a signal (ours: 2.5 times in one of 2000 at 0 dB, 1.5 from 3 dB). */
const MOST_OF_REPEATED = 2.5;
/** Positions that noise makes candidates; each costs a verification, which then decides. */
const candidateProbability = 0.01;
/** The running sums are formed afresh at multiples of this many samples: no drift. */
const renewal = 4096;

/**
 * - searching: M at each position, until it passes the candidate threshold;
 * - on-plateau: follow M until it has not grown for K + N/4 samples (or for 4 N at most: an unmodulated carrier has M = 1
 *   for ever);
 * - verifying: wait for the rest of the preamble, then ask the verifier. Searching then goes on behind the plateau.
 *
 * What the verifier accepts is reported when the search is a preamble's length past it: noise just before a burst may
 * be taken for a preamble together with the burst's edge, and the true one, which explains more of the energy, wins.
 */
type State =
  | { readonly kind: 'searching' }
  | { readonly kind: 'on-plateau'; readonly since: number; best: number; bestAt: number }
  | { readonly kind: 'verifying'; readonly candidate: number };

/**
 * Finds Schmidl–Cox preambles in a stream freed of tones (see `createToneRemover`), with timing, carrier offset and SNR (see PreambleVerifier for how).
 *
 * Two tests: M of the repeated halves selects candidates (one noise sample in a hundred), then Q, the share of received
 * energy that the known preamble explains, decides. Its threshold follows from Beta tails, a union bound over all timing
 * and frequency hypotheses, and `falseAlarmPerSample`; for N = 64 it is near 0.4, that is about −2 dB of SNR.
 *
 * @throws ConfigError if the grid has no preamble or an option is out of range
 */
export function createPreambleDetector(grid: Grid, options: PreambleDetectorOptions = {}): PreambleDetector {
  const falseAlarmPerSample = options.falseAlarmPerSample ?? 1e-10;
  const maxCfoSubcarriers = options.maxCfoSubcarriers ?? grid.fftSize / 8;
  const holdOffSamples = options.holdOffSamples ?? grid.preambleLength;
  if (!(falseAlarmPerSample > 0 && falseAlarmPerSample < 1)) {
    throw fault('falseAlarmPerSample', falseAlarmPerSample, 'choose a probability between 0 and 1');
  }
  if (!(maxCfoSubcarriers >= 0 && maxCfoSubcarriers <= grid.fftSize / 2)) {
    throw fault('maxCfoSubcarriers', maxCfoSubcarriers, `choose 0 to ${grid.fftSize / 2}`);
  }
  if (!(Number.isInteger(holdOffSamples) && holdOffSamples >= grid.preambleLength)) {
    throw fault('holdOffSamples', holdOffSamples, `choose a whole number of at least ${grid.preambleLength}`);
  }
  return detectorFrom(grid, { falseAlarmPerSample, maxCfoSubcarriers, holdOffSamples }, null);
}

interface Snapshot {
  readonly samples: ComplexArray;
  readonly base: number;
  readonly filled: number;
  readonly next: number;
  readonly state: State;
  readonly pending: PreambleDetection | null;
  readonly counts: Counts;
  readonly tones: ToneRemover;
}

interface Counts {
  detections: number;
  candidates: number;
  bestMetric: number;
  bestMetricSample: number;
  bestCorrelation: number;
  bestCorrelationSample: number;
}

const noCounts: Readonly<Counts> = Object.freeze({
  detections: 0,
  candidates: 0,
  bestMetric: 0,
  bestMetricSample: -1,
  bestCorrelation: 0,
  bestCorrelationSample: -1,
});

function detectorFrom(
  grid: Grid,
  options: Required<PreambleDetectorOptions>,
  snapshot: Snapshot | null,
): PreambleDetector {
  const { falseAlarmPerSample, maxCfoSubcarriers, holdOffSamples } = options;
  const n = grid.fftSize;
  const hold = grid.cyclicPrefixLength + n / 4;
  const longestPlateau = 4 * n;
  const verifier = createPreambleVerifier(grid, maxCfoSubcarriers);
  const metricThreshold = candidateThreshold(n / 2, candidateProbability);
  const shareOf = (dimensions: number): number =>
    energyShareThreshold(
      dimensions,
      Math.max(
        dimensions + 1,
        Math.round((grid.preambleLength * grid.meanPower * dimensions) / (grid.cyclicPrefixLength + 1)),
      ),
      Math.min(1, falseAlarmPerSample / (candidateProbability * verifier.hypotheses)),
    );
  // [d − 1]: where only d of the K + 1 lags are independent.
  const thresholds = Array.from({ length: grid.cyclicPrefixLength + 1 }, (_, i) => shareOf(i + 1));
  const correlationThreshold = thresholds[grid.cyclicPrefixLength];
  const thresholdFor = (colour: number): number => {
    const dimensions = Math.round((grid.cyclicPrefixLength + 1) / Math.max(1, colour - OWN_COLOUR));
    return Math.max(correlationThreshold, Math.min(MOST_THRESHOLD, thresholds[Math.max(1, dimensions) - 1]));
  };
  const keep = verifier.lookBehind + longestPlateau + verifier.lookAhead;
  const buffer = createComplex(2 * keep + renewal);
  const correlator = new HalfCorrelator(n / 2);
  // Beside a tone, M is near one everywhere.
  const tones = snapshot?.tones ?? createToneRemover();

  /** Stream position of buffer[0], samples buffered, next position d to look at, and whether the sums are those of d. */
  let base = -verifier.lookBehind;
  let filled = verifier.lookBehind;
  let next = 0;
  let summed = false;
  let state: State = { kind: 'searching' };
  let pending: PreambleDetection | null = null;
  let counts: Counts = { ...noCounts };
  if (snapshot !== null) {
    buffer.re.set(snapshot.samples.re);
    buffer.im.set(snapshot.samples.im);
    ({ base, filled, next, pending } = snapshot);
    state = { ...snapshot.state };
    counts = { ...snapshot.counts };
  }

  const best = { metric: 0, at: 0 };
  const sumAt = (d: number): void => {
    if (!summed || d % renewal === 0) correlator.start(buffer, d - base);
    summed = true;
  };
  const metricAt = (d: number): number => {
    sumAt(d);
    const metric = correlator.metric();
    if (metric > counts.bestMetric) {
      counts.bestMetric = metric;
      counts.bestMetricSample = d;
    }
    return metric;
  };
  const moveOn = (): void => {
    correlator.step(buffer, next - base);
    next++;
  };

  const settle = (detection: PreambleDetection, found: PreambleDetection[]): void => {
    pending = null;
    counts.detections++;
    found.push(detection);
    const behind = detection.startSample + holdOffSamples;
    if (behind > next) {
      next = behind;
      summed = false;
    }
  };

  const search = (found: PreambleDetection[]): boolean => {
    while (next + n < base + filled) {
      const settleAt = pending === null ? Infinity : pending.startSample + grid.preambleLength;
      if (pending !== null && next >= settleAt) {
        settle(pending, found);
        continue;
      }
      sumAt(next);
      const renewAt = (Math.floor(next / renewal) + 1) * renewal;
      const end = Math.min(base + filled - n, renewAt, settleAt);
      best.metric = counts.bestMetric;
      const at = base + correlator.scan(buffer, next - base, end - base, metricThreshold, best);
      if (best.metric > counts.bestMetric) {
        counts.bestMetric = best.metric;
        counts.bestMetricSample = best.at + base;
      }
      next = at;
      if (at < end) {
        state = { kind: 'on-plateau', since: at, best: 0, bestAt: at };
        counts.candidates++;
        return true;
      }
    }
    return false;
  };

  const followPlateau = (plateau: State & { kind: 'on-plateau' }): boolean => {
    while (next + n < base + filled) {
      const metric = metricAt(next);
      if (metric > plateau.best) {
        plateau.best = metric;
        plateau.bestAt = next;
      }
      moveOn();
      if (next - plateau.bestAt >= hold || next - plateau.since >= longestPlateau) {
        state = { kind: 'verifying', candidate: plateau.bestAt };
        return true;
      }
    }
    return false;
  };

  const verify = (candidate: number): boolean => {
    if (candidate + verifier.lookAhead > base + filled) return false;
    const fit = verifier.verify(buffer, candidate - base);
    state = { kind: 'searching' };
    if (fit === null) return true;
    const startSample = fit.start + base;
    if (fit.correlation > counts.bestCorrelation) {
      counts.bestCorrelation = fit.correlation;
      counts.bestCorrelationSample = startSample;
    }
    const least = Math.max(thresholdFor(fit.colour), LEAST_OF_REPEATED * Math.sqrt(fit.metric));
    const most = MOST_OF_REPEATED / (1 + 10 ** (-fit.snrDb / 10));
    if (
      fit.correlation <= least ||
      fit.correlation > most ||
      fit.contrast < LEAST_CONTRAST ||
      fit.topShare > MOST_TOP_SHARE
    )
      return true;
    if (pending !== null && fit.correlation <= pending.correlation) return true;
    pending = {
      startSample,
      cfoSubcarriers: fit.cfoSubcarriers,
      cfoRadPerSample: (2 * Math.PI * fit.cfoSubcarriers) / n,
      metric: fit.metric,
      correlation: fit.correlation,
      snrDb: fit.snrDb,
      noiseVariance: fit.noiseVariance,
    };
    return true;
  };

  const advance = (found: PreambleDetection[]): void => {
    for (let more = true; more;) {
      switch (state.kind) {
        case 'searching':
          more = search(found);
          break;
        case 'on-plateau':
          more = followPlateau(state);
          break;
        case 'verifying':
          more = verify(state.candidate);
          break;
      }
    }
  };

  const makeRoom = (): void => {
    const oldest =
      (state.kind === 'searching' ? next : state.kind === 'verifying' ? state.candidate : state.since) - base;
    const from = Math.min(filled, oldest - verifier.lookBehind);
    if (from <= 0) return;
    buffer.re.copyWithin(0, from, filled);
    buffer.im.copyWithin(0, from, filled);
    base += from;
    filled -= from;
  };

  return {
    latencySamples:
      verifier.lookAhead + verifier.lookBehind + longestPlateau + grid.preambleLength + hold + tones.latencySamples,
    execute(samples) {
      const found: PreambleDetection[] = [];
      const block = tones.execute(samples);
      for (let at = 0; at < block.re.length;) {
        if (filled === buffer.re.length) makeRoom();
        const count = Math.min(block.re.length - at, buffer.re.length - filled);
        buffer.re.set(block.re.subarray(at, at + count), filled);
        buffer.im.set(block.im.subarray(at, at + count), filled);
        filled += count;
        at += count;
        advance(found);
      }
      return found;
    },
    diagnosis() {
      const ratio = Math.sqrt(counts.bestMetric);
      const samplesSearched = base + filled + tones.waiting();
      let verdict: SyncDiagnosis['verdict'] = 'no-candidate';
      if (samplesSearched === 0) verdict = 'no-samples';
      else if (counts.detections > 0) verdict = 'found';
      else if (counts.candidates > 0) verdict = 'candidates-rejected';
      return {
        verdict,
        samplesSearched,
        ...counts,
        candidateThreshold: metricThreshold,
        correlationThreshold,
        snrGuessDb: powerToDb(ratio / Math.max(1 - ratio, 1e-9)),
      };
    },
    reset() {
      buffer.re.fill(0);
      buffer.im.fill(0);
      base = -verifier.lookBehind;
      filled = verifier.lookBehind;
      tones.reset();
      next = 0;
      summed = false;
      state = { kind: 'searching' };
      pending = null;
      counts = { ...noCounts };
    },
    clone() {
      // The copy forms its sums afresh; so does the original, so that both continue in the same way to the last bit.
      summed = false;
      const samples = { re: buffer.re, im: buffer.im };
      return detectorFrom(grid, options, { samples, base, filled, next, state, pending, counts, tones: tones.clone() });
    },
  };
}

const fault = (where: string, value: number, remedy: string): ConfigError =>
  new ConfigError('config.sync', `sync.${where} is ${value}: ${remedy}`, { value });
