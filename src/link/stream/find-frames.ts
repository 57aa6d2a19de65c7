import { type ComplexArray, createComplex, subarray } from '../../core/complex.js';
import { createPause } from '../../core/pause.js';
import { createRationalResampler, type RationalResampler } from '../../dsp/rational-resampler.js';
import type { Grid } from '../../ofdm/grid.js';
import { blocksOf, type Recording } from '../../recording/recording.js';
import { gapsOf } from '../../radio/replay/replay-radio.js';
import {
  type CpDiagnosis,
  type CpNumerology,
  type CpStretch,
  createCpSynchroniser,
  type OtherStation,
} from '../../sync/cp-synchroniser.js';
import { createBandCfo, createIntegerCfo, type IntegerCfo } from '../../sync/integer-cfo.js';
import { guessNumerology, type NumerologyGuess } from '../../sync/numerology-guess.js';
import { createPreambleDetector } from '../../sync/preamble-detector.js';
import { createRepetitionDetector } from '../../sync/repetition-detector.js';

/** A frame, or a stretch of symbols, in a recording. Positions count the recording's own samples. */
export interface FoundFrame {
  readonly method: 'preamble' | 'repetition' | 'cp';
  readonly startSample: number;
  /** Samples known to belong to it. */
  readonly sampleCount: number;
  readonly cfoSubcarriers: number;
  readonly cfoHz: number;
  /** Whether the offset's whole subcarriers are known, by a known preamble or by which are empty; else it may be off by some. */
  readonly cfoWholeKnown: boolean;
  readonly snrDb: number;
  readonly metric: number;
  readonly noiseVariance: number | null;
  /** Symbols of a locked stretch. */
  readonly numSymbols: number | null;
  /**
   * By how much the sender's symbols last longer than they should by the receiver's clock, in parts per million: positive
   * where the receiver's clock is fast. null where the stretch is too short to tell.
   */
  readonly clockPpm: number | null;
  /** Another station that sends at the same time, as far as prefixes show one; to the figures above it is noise. */
  readonly other: OtherStation | null;
  /** Of `repetition`: equal quarters, which 802.11's short training fields have. It is no frame then. */
  readonly isTrainingField: boolean;
}

/** Why a search ended as it did. */
export interface SearchDiagnosis {
  readonly verdict: string;
  readonly samplesSearched: number;
  readonly bestMetric: number;
  readonly bestMetricSample: number;
  readonly snrGuessDb: number;
  readonly cfoGuessSubcarriers: number | null;
  /** Share of samples within 0.1 % of the largest amplitude in I or Q; above 0.001 the recording is clipped. */
  readonly clippedShare: number;
  readonly rms: number;
  readonly dcOffset: number;
  readonly looksLike: NumerologyGuess | null;
  /** Frames in what the diagnosis looked at when I and Q are exchanged; only looked for where nothing was found. */
  readonly swappedFrames: number;
}

export interface FrameSearch {
  readonly sampleRateHz: number;
  readonly channel: number;
  /** Rate to which the recording is brought first, where the symbols are no whole number of its own samples. */
  readonly resampleHz: number | null;
  /** Ends the search early: what was found up to there is the result. */
  readonly signal?: AbortSignal | undefined;
}

export interface FrameSearchResult {
  readonly frames: readonly FoundFrame[];
  readonly diagnosis: SearchDiagnosis;
}

/** Symbols behind an unknown preamble in which the occupied band is looked for. */
const BEHIND = 8;

/** Samples that the diagnosis looks at, at most. */
export const LOOK = 400_000;

/** Stretches of OFDM by their prefixes alone. With `grid`, whose guards tell, the offset in whole subcarriers as well. */
export async function findByPrefix(
  recording: Recording,
  numerology: CpNumerology,
  search: FrameSearch,
  options: { symbolsPerWindow?: number; grid?: Grid | null },
): Promise<FrameSearchResult> {
  const stream = createStream(recording, search);
  const { symbolsPerWindow, grid } = options;
  const shortest = 4 * numerology.fftSize;
  const stretches: CpStretch[] = [];
  let best: CpDiagnosis | null = null;
  // Behind a gap symbols lie elsewhere: each part between gaps is searched by itself.
  for (const part of partsOf(recording)) {
    if (search.signal?.aborted || (best !== null && (part.end - part.start) * stream.ratio < shortest)) continue;
    const synchroniser = createCpSynchroniser(numerology, {
      ...(symbolsPerWindow === undefined ? {} : { symbolsPerWindow }),
    });
    const origin = part.start * stream.ratio;
    const end = part.end * stream.ratio;
    for await (const samples of stream.blocks(synchroniser.latencySamples, part)) {
      for (const stretch of synchroniser.execute(samples)) {
        stretches.push({
          ...stretch,
          startSample: origin + stretch.startSample,
          endSample: Math.min(end, origin + stretch.endSample),
        });
      }
    }
    const diagnosis = synchroniser.diagnosis();
    const placed = { ...diagnosis, bestMetricSample: origin + diagnosis.bestMetricSample };
    if (best === null || diagnosis.bestMetric > best.bestMetric) best = placed;
  }
  const spacingHz = stream.rateHz / numerology.fftSize;
  let integer: IntegerCfo | null = null;
  const frames = stretches.map((stretch): FoundFrame => {
    const startSample = stream.toOwn(stretch.startSample);
    let cfoSubcarriers = stretch.cfoSubcarriers;
    if (grid != null) {
      const symbols = Math.min(stretch.numSymbols, 256);
      const samples = stream.around(startSample, symbols * grid.symbolLength);
      integer ??= createIntegerCfo(numerology.fftSize, grid.activeBins, Math.floor(numerology.fftSize / 8));
      const { shift } = integer(samples, 0, numerology.cyclicPrefixLengths, symbols, cfoSubcarriers);
      cfoSubcarriers += shift;
    }
    return {
      method: 'cp',
      startSample,
      sampleCount: Math.min(stream.toOwn(stretch.endSample), recording.numSamples) - startSample,
      cfoSubcarriers,
      cfoHz: cfoSubcarriers * spacingHz,
      cfoWholeKnown: grid != null && grid.activeBins.length < numerology.fftSize,
      snrDb: stretch.snrDb,
      metric: stretch.metric,
      noiseVariance: stretch.noiseVariance,
      numSymbols: stretch.numSymbols,
      clockPpm: stretch.clockOffset === 0 ? null : 1e6 * stretch.clockOffset,
      other:
        stretch.other === null
          ? null
          : { ...stretch.other, behindSamples: Math.round(stretch.other.behindSamples / stream.ratio) },
      isTrainingField: false,
    };
  });
  const about = {
    verdict: stretches.length > 0 ? 'found' : (best?.verdict ?? 'no-samples'),
    samplesSearched: stream.count(),
    bestMetric: best?.bestMetric ?? 0,
    bestMetricSample: stream.toOwn(best?.bestMetricSample ?? -1),
    snrGuessDb: best?.snrGuessDb ?? -Infinity,
    cfoGuessSubcarriers: best?.cfoGuessSubcarriers ?? 0,
  };
  // A wrong numerology may fit here and there; the right one fits wherever there is a signal.
  const covered = frames.reduce((sum, { sampleCount }) => sum + sampleCount, 0);
  const diagnosis = diagnose(recording, search, about, frames, 0, covered < 0.5 * about.samplesSearched);
  const { looksLike } = diagnosis;
  const prefixes = numerology.cyclicPrefixLengths;
  const prefix = prefixes.reduce((a, b) => a + b, 0) / prefixes.length;
  const isOurs =
    looksLike?.fftSize === numerology.fftSize && Math.abs(looksLike.cyclicPrefixLength - prefix) <= 1 + prefix / 16;
  // At another rate the hint would be for the recording's own.
  const isAsked = frames.length > 0 && (isOurs || stream.ratio !== 1);
  return { frames, diagnosis: isAsked ? { ...diagnosis, looksLike: null } : diagnosis };
}

/** The recording's parts between gaps. */
function partsOf(recording: Recording): { readonly start: number; readonly end: number }[] {
  const cuts = gapsOf(recording)
    .map(({ at }) => at)
    .filter((at) => at > 0 && at < recording.numSamples);
  const edges = [0, ...cuts, recording.numSamples];
  return edges.slice(1).map((end, i) => ({ start: edges[i], end }));
}

/**
 * Frames by their preamble: ours, known in every sample, or, with `repetition`, any symbol of two equal halves.
 * @param frameSamples length of a frame; behind its preamble no other is looked for
 */
export async function findByPreamble(
  recording: Recording,
  grid: Grid,
  search: FrameSearch,
  options: { repetition: boolean; frameSamples: number; beforeSymbols?: boolean },
): Promise<FrameSearchResult> {
  const stream = createStream(recording, search);
  const spacingHz = stream.rateHz / grid.fftSize;
  if (options.repetition) {
    const detector = createRepetitionDetector(grid.fftSize, grid.cyclicPrefixLength, {
      beforeSymbols: options.beforeSymbols === true,
    });
    const found = [];
    for await (const samples of stream.blocks(detector.latencySamples)) found.push(...detector.execute(samples));
    // Halves are equal where the symbol has even subcarriers only, opposite where odd ones (GNU Radio): the symbols behind tell.
    const wholeOffset = createBandCfo(grid.fftSize, Math.floor(grid.fftSize / 8));
    const frames = found
      .filter(isWhole(recording, stream, grid.symbolLength))
      .map(({ startSample, cfoSubcarriers: fraction, snrDb, metric, equalQuarters }): FoundFrame => {
        const at = stream.toOwn(startSample);
        const behind = stream.around(at, (1 + BEHIND) * grid.symbolLength);
        const shift = wholeOffset(behind, grid.symbolLength, [grid.cyclicPrefixLength], BEHIND, fraction);
        const cfoSubcarriers = fraction + (shift ?? 0);
        return {
          method: 'repetition',
          startSample: at,
          sampleCount: Math.round(grid.symbolLength / stream.ratio),
          cfoSubcarriers,
          cfoHz: cfoSubcarriers * spacingHz,
          cfoWholeKnown: shift !== null,
          snrDb,
          metric,
          noiseVariance: null,
          numSymbols: null,
          clockPpm: null,
          other: null,
          isTrainingField: equalQuarters,
        };
      });
    const { metric, at } = detector.best();
    const ratio = Math.min(Math.sqrt(metric), 1 - 1e-9);
    const about = {
      verdict: frames.length === 0 ? 'nothing' : frames.every((f) => f.isTrainingField) ? 'failed' : 'found',
      samplesSearched: stream.count(),
      bestMetric: metric,
      bestMetricSample: stream.toOwn(at),
      snrGuessDb: 10 * Math.log10(ratio / (1 - ratio)),
      cfoGuessSubcarriers: null,
    };
    return { frames, diagnosis: diagnose(recording, search, about, frames, 0, true) };
  }
  const detector = createPreambleDetector(grid, { holdOffSamples: options.frameSamples });
  const found = [];
  for await (const samples of stream.blocks(detector.latencySamples)) found.push(...detector.execute(samples));
  const frames = found.filter(isWhole(recording, stream, grid.preambleLength)).map((detection): FoundFrame => ({
    method: 'preamble',
    startSample: stream.toOwn(detection.startSample),
    sampleCount: Math.round(options.frameSamples / stream.ratio),
    cfoSubcarriers: detection.cfoSubcarriers,
    cfoHz: detection.cfoSubcarriers * spacingHz,
    cfoWholeKnown: true,
    snrDb: detection.snrDb,
    metric: detection.metric,
    noiseVariance: detection.noiseVariance,
    numSymbols: null,
    clockPpm: null,
    other: null,
    isTrainingField: false,
  }));
  const { verdict, bestMetric, bestMetricSample, snrGuessDb } = detector.diagnosis();
  const about = {
    verdict,
    samplesSearched: stream.count(),
    bestMetric,
    bestMetricSample: stream.toOwn(bestMetricSample),
    snrGuessDb,
    cfoGuessSubcarriers: null,
  };
  let swapped = 0;
  if (frames.length === 0 && stream.ratio === 1) {
    const { re, im } = recording.read(0, LOOK, search.channel);
    const mirrored = createPreambleDetector(grid, { holdOffSamples: options.frameSamples });
    swapped =
      mirrored.execute({ re: im, im: re }).length + mirrored.execute(createComplex(mirrored.latencySamples)).length;
  }
  return { frames, diagnosis: diagnose(recording, search, about, frames, swapped) };
}

/** No preamble reaches behind the recording's end, into the zeros that flush a detector, nor is it weaker than nothing. */
const isWhole =
  (recording: Recording, stream: Stream, length: number) =>
  ({ startSample, snrDb }: { readonly startSample: number; readonly snrDb: number }): boolean =>
    Number.isFinite(snrDb) && startSample + length <= recording.numSamples * stream.ratio + 1;

interface Stream {
  readonly rateHz: number;
  /** Samples searched per sample of the recording. */
  readonly ratio: number;
  /** The recording's samples, resampled if asked, then `tail` zeros; cut short where the search is cancelled. */
  blocks(tail: number, part?: { readonly start: number; readonly end: number }): AsyncGenerator<ComplexArray>;
  /** `count` samples of the stream from the recording's sample `start` on. */
  around(start: number, count: number): ComplexArray;
  /** Position in the recording of a position in the stream. */
  toOwn(position: number): number;
  count(): number;
}

function createStream(recording: Recording, { sampleRateHz, channel, resampleHz, signal }: FrameSearch): Stream {
  const createResampler = (): RationalResampler | null =>
    resampleHz === null || resampleHz === sampleRateHz ? null : createRationalResampler(sampleRateHz, resampleHz);
  const ratio = createResampler()?.ratio ?? 1;
  const pause = createPause();
  let searched = 0;
  return {
    rateHz: sampleRateHz * ratio,
    ratio,
    toOwn: (position) => Math.max(position < 0 ? -1 : 0, Math.round(position / ratio)),
    around(start, count) {
      const resampler = createResampler();
      if (resampler === null) return recording.read(start, count, channel);
      const before = Math.min(start, resampler.latencySamples);
      const samples = recording.read(
        start - before,
        before + Math.ceil(count / ratio) + resampler.latencySamples,
        channel,
      );
      const from = Math.round(before * ratio);
      return subarray(resampler.execute(samples), from, from + count);
    },
    count: () => searched,
    async *blocks(tail, part = { start: 0, end: recording.numSamples }) {
      const resampler = createResampler();
      for (const { samples } of blocksOf(recording, { channel, ...part })) {
        await pause();
        if (signal?.aborted) break;
        searched += samples.re.length;
        yield resampler?.execute(samples) ?? samples;
      }
      if (resampler !== null) yield resampler.execute(createComplex(resampler.latencySamples));
      yield createComplex(tail);
    },
  };
}

type About = Pick<
  SearchDiagnosis,
  'verdict' | 'samplesSearched' | 'bestMetric' | 'bestMetricSample' | 'snrGuessDb' | 'cfoGuessSubcarriers'
>;

/** Adds what the samples themselves tell; other numerologies only where nothing was found, or anything that repeats. */
function diagnose(
  recording: Recording,
  { channel }: FrameSearch,
  about: About,
  frames: readonly FoundFrame[],
  swappedFrames = 0,
  isGuess = false,
): SearchDiagnosis {
  const samples = recording.read(0, LOOK, channel);
  const { re, im } = samples;
  let [peak, sum, dcRe, dcIm] = [0, 0, 0, 0];
  for (let i = 0; i < re.length; i++) {
    peak = Math.max(peak, Math.abs(re[i]), Math.abs(im[i]));
    sum += re[i] * re[i] + im[i] * im[i];
    dcRe += re[i];
    dcIm += im[i];
  }
  let atPeak = 0;
  for (let i = 0; i < re.length; i++) {
    if (Math.abs(re[i]) > 0.999 * peak || Math.abs(im[i]) > 0.999 * peak) atPeak++;
  }
  const count = Math.max(1, re.length);
  return {
    ...about,
    clippedShare: atPeak / count,
    rms: Math.sqrt(sum / count),
    dcOffset: Math.hypot(dcRe, dcIm) / count,
    looksLike: frames.length > 0 && !isGuess ? null : guessNumerology(samples),
    swappedFrames,
  };
}
