import { type ComplexArray, createComplex, subarray } from '../core/complex.js';
import { ConfigError } from '../core/errors.js';
import { powerToDb } from '../core/units.js';
import { CpSearch } from './cp-search.js';
import type { CpStretch } from './cp-stretches.js';
import { type CpNumerology, createCpPattern } from './cp-window.js';
import { powerEdges } from './power-edges.js';

export type { CpStretch } from './cp-stretches.js';
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

/** Samples in which power edges are looked for together: at least, at most, and in symbols. */
const EDGE_BLOCK = { least: 4096, most: 65_536, symbols: 64 } as const;

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
  const { fftSize, longestPrefix } = pattern;
  const search = new CpSearch(pattern, falseAlarmPerSample, longestStretch);

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

  return {
    latencySamples: blockLength + margin + search.tail + search.hop + Math.ceil(6 * search.symbolLength),
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
          search.search(subarray(coming, from, edge), out);
          from = edge;
          const at = divided + edge - margin;
          if (edge === margin + blockLength || at <= early) continue;
          // An edge is known to a few samples: those before it belong to both parts.
          from -= early;
          search.divide(at, at - early, out);
        }
        divided += blockLength;
        coming.re.copyWithin(0, blockLength);
        coming.im.copyWithin(0, blockLength);
        waiting = 2 * margin;
      }
      return out;
    },
    diagnosis() {
      const { best, found } = search;
      const ratio = Math.min(best.metric, 1 - 1e-9);
      return {
        verdict: searched === 0 ? 'no-samples' : found > 0 ? 'found' : 'nothing',
        samplesSearched: searched,
        stretches: found,
        bestMetric: best.metric,
        bestMetricSample: best.at,
        cfoGuessSubcarriers: best.cfo,
        snrGuessDb: powerToDb(ratio / (1 - ratio)),
      };
    },
    reset() {
      search.reset();
      searched = divided = 0;
      waiting = margin;
      coming.re.fill(0);
      coming.im.fill(0);
    },
  };
}
