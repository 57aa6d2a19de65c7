import { type ComplexArray, createComplex, meanPower, scaleInPlace } from '../../core/complex.js';
import { powerToDb } from '../../core/units.js';
import { createFftKernel } from '../../dsp/fft-kernel.js';
import { createDemodulator, createPacketElements, type PacketElements } from '../../ofdm/demodulator.js';
import { demodulateFrame } from '../../ofdm/frame.js';
import type { Grid } from '../../ofdm/grid.js';
import type { SampleBlock } from '../../radio/radio.js';
import { correctCfo } from '../../sync/correct-cfo.js';
import { createCpSynchroniser, type CpDiagnosis } from '../../sync/cp-synchroniser.js';
import { createIntegerCfo } from '../../sync/integer-cfo.js';
import { prefixCfoSubcarriers } from '../../sync/prefix-cfo.js';
import { createPreambleDetector, type SyncDiagnosis } from '../../sync/preamble-detector.js';
import { createSuperimposedFit } from './superimposed-fit.js';

/** A frame cut out of a stream, corrected, levelled and transformed: what receivers get. */
export interface ExtractedFrame {
  readonly index: number;
  readonly method: 'preamble' | 'cp';
  /** In the device's own count of samples. */
  readonly startSample: number;
  readonly sampleCount: number;
  readonly cfoSubcarriers: number;
  /** Mean power of an active resource element over σ². */
  readonly snrDb: number;
  readonly metric: number;
  /** The likeliest first; more than one where prefixes alone leave the first symbol open. */
  readonly candidates: readonly FrameCandidate[];
}

export interface FrameCandidate {
  readonly startSample: number;
  readonly elements: PacketElements;
  /** σ² per resource element, at the level of `elements` (mean power of a received resource element 1 + σ²). */
  readonly noiseVariance: number;
}

export interface ExtractorOptions {
  readonly method: 'preamble' | 'cp';
  readonly numPackets: number;
  readonly timingAdvance: number;
  /** Superimposed reference [P·S·M], where ρ > 0: with `cp` it tells the first symbol. */
  readonly superimposed: ComplexArray | null;
}

export interface ExtractorCounts {
  readonly found: number;
  /** Cut by a gap or by the end of the stream. */
  readonly broken: number;
  readonly gaps: number;
  readonly samples: number;
}

export interface FrameExtractor {
  /** The next block; a gap before it is taken into account. */
  execute(block: SampleBlock): ExtractedFrame[];
  /** The end of the stream. */
  finish(): ExtractedFrame[];
  counts(): ExtractorCounts;
  diagnosis(): SyncDiagnosis | CpDiagnosis;
}

/** What the synchroniser says of a frame's place, in positions since the last gap. */
interface Place {
  readonly start: number;
  readonly cfoSubcarriers: number;
  readonly noiseVariance: number;
  readonly metric: number;
}

/** Below −30 dB it is not noise that limits a receiver. */
const LEAST_NOISE = 1e-3;

/** Symbols by which a stretch of prefixes may begin before or after the frame. */
const SLACK = 2;

/**
 * Finds frames in a stream and makes them ready for receivers: carrier offset out (preamble or prefixes, then the
 * prefixes of the whole frame), automatic gain (mean received resource element power 1), FFT, σ² from the empty subcarriers where
 * the grid has some, else from the synchroniser. Memory is bounded by a few frames. Behind a gap everything starts afresh.
 */
export function createFrameExtractor(grid: Grid, options: ExtractorOptions): FrameExtractor {
  const { method, numPackets } = options;
  const frameLength = grid.frameLength(numPackets);
  const numSymbols = (grid.pilotSymbols + grid.symbolsPerPacket) * numPackets;
  const demodulator = createDemodulator(grid, { timingAdvance: options.timingAdvance });
  const emptyElementPower = createEmptyElementMeter(grid, numSymbols, options.timingAdvance);
  const integerOffset = createIntegerCfo(grid.fftSize, grid.activeBins, grid.fftSize / 8);
  const fitSuperimposed = createSuperimposedFit(grid, options.timingAdvance);
  const preamble = method === 'preamble' ? createPreambleDetector(grid, { holdOffSamples: frameLength }) : null;
  const prefix =
    method === 'cp'
      ? createCpSynchroniser(
          { fftSize: grid.fftSize, cyclicPrefixLengths: [grid.cyclicPrefixLength] },
          { symbolsPerWindow: Math.max(4, Math.min(16, Math.floor(numSymbols / 2))) },
        )
      : null;
  const delay = preamble?.latencySamples ?? prefix?.latencySamples ?? 0;
  // Prefixes place a symbol by where its energy is, behind the first path.
  const early = grid.cyclicPrefixLength >> 2;
  const margin = (SLACK + 2) * grid.symbolLength;
  const keep = delay + 3 * frameLength + 2 * margin;

  let buffer = createComplex(2 * keep);
  /** Device index of buffer[0]; position 0 of the synchroniser is device index `origin`. */
  let base = 0;
  let filled = 0;
  let origin = 0;
  let started = false;
  let waiting: Place[] = [];
  let index = 0;
  const counts = { found: 0, broken: 0, gaps: 0, samples: 0 };

  const locate = (samples: ComplexArray): Place[] => {
    if (preamble !== null) {
      return preamble.execute(samples).map(({ startSample, cfoSubcarriers, noiseVariance, metric }) => ({
        start: startSample,
        cfoSubcarriers,
        noiseVariance,
        metric,
      }));
    }
    const places: Place[] = [];
    for (const stretch of prefix!.execute(samples)) {
      // Frames may follow one another without a pause: as many as fit into the stretch.
      const count = Math.round(stretch.numSymbols / numSymbols);
      for (let i = 0; i < count; i++) {
        const start = stretch.startSample - early + i * numSymbols * grid.symbolLength;
        places.push({ ...stretch, start: Math.max(start, -origin) });
      }
    }
    return places;
  };

  const store = (samples: ComplexArray): void => {
    const length = samples.re.length;
    if (filled + length > buffer.re.length) {
      const oldest = waiting.length > 0 ? origin + waiting[0].start - margin : base + filled - keep;
      const drop = Math.max(0, Math.min(filled, oldest - base));
      if (filled - drop + length > buffer.re.length) {
        const larger = createComplex(2 * (filled - drop + length));
        larger.re.set(buffer.re.subarray(drop, filled));
        larger.im.set(buffer.im.subarray(drop, filled));
        buffer = larger;
      } else {
        buffer.re.copyWithin(0, drop, filled);
        buffer.im.copyWithin(0, drop, filled);
      }
      base += drop;
      filled -= drop;
    }
    buffer.re.set(samples.re, filled);
    buffer.im.set(samples.im, filled);
    filled += length;
  };

  /** Device samples [from, from + length), zeros where there are none. */
  const cut = (from: number, length: number): ComplexArray => {
    const out = createComplex(length);
    const first = Math.max(0, base - from);
    const last = Math.min(length, base + filled - from);
    if (last > first) {
      out.re.set(buffer.re.subarray(from + first - base, from + last - base), first);
      out.im.set(buffer.im.subarray(from + first - base, from + last - base), first);
    }
    return out;
  };

  const candidateAt = (start: number, cfo: number, place: Place): FrameCandidate & { cfo: number; snr: number } => {
    const samples = withoutDc(cut(start, frameLength));
    correctCfo(samples, (2 * Math.PI * cfo) / grid.fftSize);
    const rest = prefixCfoSubcarriers(grid, samples, grid.preambleLength, numSymbols);
    correctCfo(samples, (2 * Math.PI * rest) / grid.fftSize);
    const noise = emptyElementPower?.(samples) ?? place.noiseVariance;
    // Relative floors: a recording may be at any level.
    const received = meanPower(samples) + Number.MIN_VALUE;
    const power = Math.max(received - noise, 1e-9 * received) / grid.meanPower;
    scaleInPlace(samples, 1 / Math.sqrt(power));
    const elements = demodulateFrame(grid, samples, 0, numPackets, createPacketElements(grid, numPackets), demodulator);
    const noiseVariance = Math.max(noise / power, LEAST_NOISE);
    return {
      startSample: start,
      elements,
      noiseVariance,
      cfo: cfo + rest,
      snr: power / Math.max(noise, 1e-12 * power),
    };
  };

  const extract = (place: Place): ExtractedFrame => {
    const start = origin + place.start;
    let { cfoSubcarriers } = place;
    let offsets = [0];
    if (method === 'cp') {
      const stretch = withoutDc(cut(start, numSymbols * grid.symbolLength));
      cfoSubcarriers += integerOffset(stretch, 0, [grid.cyclicPrefixLength], numSymbols, cfoSubcarriers).shift;
      offsets = Array.from({ length: 2 * SLACK + 1 }, (_, i) => (i % 2 === 1 ? (i + 1) / 2 : -i / 2));
    }
    const candidates = offsets.map((k) => candidateAt(start + k * grid.symbolLength, cfoSubcarriers, place));
    const { superimposed } = options;
    const ordered =
      superimposed === null || candidates.length === 1
        ? candidates
        : sortedBy(candidates, ({ elements }) => -fitSuperimposed(elements, superimposed));
    const [best] = ordered;
    return {
      index: index++,
      method,
      startSample: best.startSample,
      sampleCount: frameLength,
      cfoSubcarriers: best.cfo,
      snrDb: powerToDb(best.snr),
      metric: place.metric,
      candidates: ordered,
    };
  };

  /** Frames all of whose samples are here; `final` gives up on the others. */
  const take = (final: boolean): ExtractedFrame[] => {
    const ready: ExtractedFrame[] = [];
    const rest: Place[] = [];
    const slack = method === 'cp' ? SLACK * grid.symbolLength : 0;
    for (const place of waiting) {
      const end = origin + place.start + frameLength;
      if (end + slack <= base + filled || (final && end <= base + filled)) {
        ready.push(extract(place));
        counts.found++;
      } else if (final) counts.broken++;
      else rest.push(place);
    }
    waiting = rest;
    return ready;
  };

  const flush = (): ExtractedFrame[] => {
    if (!started) return [];
    waiting.push(...locate(createComplex(delay)));
    return take(true);
  };

  return {
    execute(block) {
      const out: ExtractedFrame[] = [];
      if (!started || block.dropped > 0) {
        if (started) {
          out.push(...flush());
          counts.gaps++;
        }
        preamble?.reset();
        prefix?.reset();
        started = true;
        base = origin = block.sampleIndex;
        filled = 0;
        waiting = [];
      }
      counts.samples += block.samples.re.length;
      store(block.samples);
      waiting.push(...locate(block.samples));
      out.push(...take(false));
      return out;
    },
    finish: flush,
    counts: () => ({ ...counts }),
    diagnosis: () => (preamble ?? prefix)!.diagnosis(),
  };
}

/**
 * Measures the mean power of the resource elements that carry nothing, DC (where receivers leak) left out, of a frame's symbols; null
 * where the grid has fewer than four.
 */
function createEmptyElementMeter(
  grid: Grid,
  numSymbols: number,
  advance: number,
): ((frame: ComplexArray) => number) | null {
  const n = grid.fftSize;
  const active = new Set(grid.activeBins);
  const empty = Int32Array.from({ length: n }, (_, bin) => bin).filter((bin) => bin !== 0 && !active.has(bin));
  if (empty.length < 4) return null;
  const { inRe, inIm, outRe, outIm, run } = createFftKernel(n, {
    inputLength: numSymbols * grid.symbolLength,
    outputLength: numSymbols * n,
    scale: 1 / Math.sqrt(n),
    prefixLength: 0,
  });
  return ({ re, im }) => {
    inRe.set(re.subarray(grid.preambleLength));
    inIm.set(im.subarray(grid.preambleLength));
    run('forward', numSymbols, grid.cyclicPrefixLength - advance, grid.symbolLength, 0, n);
    let sum = 0;
    for (let s = 0; s < numSymbols; s++) {
      for (let i = 0; i < empty.length; i++) {
        const at = s * n + empty[i];
        sum += outRe[at] * outRe[at] + outIm[at] * outIm[at];
      }
    }
    return sum / (numSymbols * empty.length);
  };
}

/**
 * Takes out a DC offset: the mean over the frame, m = (1/L)·Σ x[n], before the carrier offset turns it into a tone that
 * falls on a subcarrier. Only where |m|² > 20·P/L, P the power without it: white samples pass with probability e^−20, and what
 * is then lost of a signal is 1/L of its energy at most.
 */
function withoutDc(x: ComplexArray): ComplexArray {
  const { re, im } = x;
  const length = re.length;
  let [sumRe, sumIm] = [0, 0];
  for (let i = 0; i < length; i++) {
    sumRe += re[i];
    sumIm += im[i];
  }
  const [dcRe, dcIm] = [sumRe / length, sumIm / length];
  const dc = dcRe * dcRe + dcIm * dcIm;
  if (!(dc * length > 20 * (meanPower(x) - dc))) return x;
  for (let i = 0; i < length; i++) {
    re[i] -= dcRe;
    im[i] -= dcIm;
  }
  return x;
}

/** A copy in ascending order of `key`, which is asked once for each. */
function sortedBy<T>(items: readonly T[], key: (item: T) => number): T[] {
  return items
    .map((item) => ({ item, value: key(item) }))
    .sort((a, b) => a.value - b.value)
    .map(({ item }) => item);
}
