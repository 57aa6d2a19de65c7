import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigError, FormatError } from '../core/errors.js';
import { type NpyArray, readNpy, readNpz } from '../core/npy.js';
import { requireInteger, requirePositive } from './checks.js';
import type { CsiModel } from './config.js';
import { LONGEST_INTERVAL, type TapTrajectory } from './moving-taps.js';

/** A measured channel over time. */
export interface CsiSequence {
  readonly numTimes: number;
  readonly numTaps: number;
  /** Seconds between rows. */
  readonly intervalS: number;
  /** [numTimes, numTaps, 2] float64. */
  readonly taps: Float64Array;
  /** [numTaps] mean of |h_l|² over time. */
  readonly profile: Float64Array;
  /**
   * Taps from the first sample of frame `frame` on, of a frame of `frameSamples`; null for a stream that goes on from frame 0.
   * @throws ConfigError where the sequence is shorter than a frame, or ended and may not begin again
   */
  trajectory(frame: number, frameSamples: number | null, sampleRateHz: number): TapTrajectory;
}

/** Between rows taps are computed this often and joined by straight lines. */
const UPDATES_PER_ROW = 16;
/** Correlation of neighbouring rows below which nothing between them can be known. */
const LEAST_CORRELATION = 0.6;
/** Share of a response's power that the taps which are kept must have. */
const LEAST_KEPT = 0.9;
/** By how much the steps of a time axis may differ. */
const UNEVEN = 0.01;

const sidecar = z.strictObject({
  sampleIntervalS: z.number().positive().optional(),
  domain: z.enum(['taps', 'response']).optional(),
});

/**
 * Reads a channel measured over time. `.npy`: complex64 or complex128, [time, taps], or [time, frequencies] of equal spacing f_s/N in ascending order, 0 Hz in
 * column ⌊N/2⌋. `.npz`: the same as `taps` or `response`, with an array `time` [time] in seconds if it likes. The time axis is `sampleIntervalS`, or that
 * array, or `{"sampleIntervalS": 0.001}` in a file PATH.json, which may say `"domain": "response"` as well.
 *
 * Of a response, h[l] = 1/N·Σ_k H[k]·exp(j2π(k − ⌊N/2⌋)l/N) for the first `numTaps` l. Between rows each tap follows Catmull and Rom's cubic: with 8 rows a
 * period of its motion it is met within −42 dB, with 10 within −48 dB, with 20 within −68 dB. With `normalize` the mean power
 * over time is 1.
 *
 * @throws FormatError for a file that is damaged, not finite, has no or another time axis, or rows too far apart to be connected; ConfigError for settings
 */
export function readCsi(model: CsiModel): CsiSequence {
  const known = sequences.get(model) ?? read(model);
  sequences.set(model, known);
  return known;
}

/** Channel and receivers' prior ask for the same model: its file is read once. */
const sequences = new WeakMap<CsiModel, CsiSequence>();

function read(model: CsiModel): CsiSequence {
  const { path } = model;
  const { array, domain, intervalS } = load(model);
  const [numTimes, columns] = array.shape;
  if (numTimes < 2) throw fault(path, `has ${numTimes} row(s) of time: at least 2`);
  const data = Float64Array.from(array.data as Float32Array);
  const bad = data.findIndex((v) => !Number.isFinite(v));
  if (bad >= 0) throw fault(path, `row ${Math.floor(bad / 2 / columns)} holds a value that is not finite`);
  const numTaps = domain === 'taps' ? columns : Math.min(columns, model.numTaps ?? 16);
  requireInteger('taps.numTaps', numTaps, 1, columns);
  const taps = domain === 'taps' ? data : toTaps(data, numTimes, columns, numTaps, path);

  const profile = new Float64Array(numTaps);
  for (let i = 0; i < taps.length; i++) profile[(i >> 1) % numTaps] += taps[i] ** 2 / numTimes;
  const power = profile.reduce((sum, p) => sum + p, 0);
  if (power === 0) throw fault(path, 'holds only zeros');
  let together = 0;
  for (let i = 2 * numTaps; i < taps.length; i++) together += taps[i] * taps[i - 2 * numTaps];
  const correlation = together / (numTimes - 1) / power;
  if (correlation < LEAST_CORRELATION) {
    throw fault(
      path,
      `neighbouring rows correlate by ${correlation.toFixed(2)} only, too far apart in time to be connected; for independent channels use kind: file`,
    );
  }
  const factor = model.normalize === false ? 1 : power;
  const scaled = taps.map((v) => v / Math.sqrt(factor));
  const seconds = (numTimes - 1) * intervalS;
  return {
    numTimes,
    numTaps,
    intervalS,
    taps: scaled,
    profile: profile.map((p) => p / factor),
    trajectory(frame, frameSamples, sampleRateHz) {
      const start =
        frameSamples === null ? 0 : startOf(model, frame, { frameS: frameSamples / sampleRateHz, seconds, path });
      const updateInterval = Math.floor((intervalS * sampleRateHz) / UPDATES_PER_ROW);
      return {
        numTaps,
        active: Int32Array.from({ length: numTaps }, (_, l) => l),
        updateInterval: Math.max(1, Math.min(LONGEST_INTERVAL, updateInterval)),
        evaluate(sampleIndex, re, im) {
          let time = start + sampleIndex / sampleRateHz;
          if (frameSamples === null && time > seconds) {
            if (model.end === 'refuse') throw ended(path, seconds);
            time -= seconds * Math.floor(time / seconds);
          }
          interpolate(scaled, numTaps, Math.min(time / intervalS, numTimes - 1), re, im);
        },
      };
    },
  };
}

const ended = (path: string, seconds: number): ConfigError =>
  new ConfigError(
    'config.channel',
    `${path}: ends after ${seconds.toPrecision(3)} s, before the transmission does; take fewer frames or end: repeat`,
  );

/** When frame `frame` begins: frames follow one another, and begin again where the next would run over the end. */
function startOf(
  { frameIntervalS, end = 'repeat' }: CsiModel,
  frame: number,
  { frameS, seconds, path }: { frameS: number; seconds: number; path: string },
): number {
  if (frameIntervalS !== undefined) requirePositive('taps.frameIntervalS', frameIntervalS);
  if (frameS > seconds) {
    throw new ConfigError(
      'config.channel',
      `${path}: lasts ${(1e3 * seconds).toPrecision(3)} ms and a frame ${(1e3 * frameS).toPrecision(3)} ms; a longer sequence is needed`,
    );
  }
  const interval = frameIntervalS ?? frameS;
  const frames = Math.floor((seconds - frameS) / interval + 1e-9) + 1;
  if (frame >= frames && end === 'refuse') throw ended(path, seconds);
  return (frame % frames) * interval;
}

/** Catmull–Rom between rows ⌊at⌋ and ⌊at⌋ + 1; the ends are continued by straight lines. */
function interpolate(taps: Float64Array, numTaps: number, at: number, re: Float64Array, im: Float64Array): void {
  const rows = taps.length / 2 / numTaps;
  const row = Math.min(Math.floor(at), rows - 2);
  const t = at - row;
  const value = (r: number, i: number): number => {
    if (r < 0) return 2 * taps[i] - taps[2 * numTaps + i];
    if (r >= rows) return 2 * taps[2 * (rows - 1) * numTaps + i] - taps[2 * (rows - 2) * numTaps + i];
    return taps[2 * r * numTaps + i];
  };
  for (let l = 0; l < numTaps; l++) {
    for (const [part, to] of [
      [0, re],
      [1, im],
    ] as const) {
      const [a, b, c, d] = [row - 1, row, row + 1, row + 2].map((r) => value(r, 2 * l + part));
      to[l] = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)));
    }
  }
}

function toTaps(data: Float64Array, rows: number, columns: number, numTaps: number, path: string): Float64Array {
  const taps = new Float64Array(2 * rows * numTaps);
  const middle = columns >> 1;
  const [cos, sin] = [Math.cos, Math.sin].map((f) =>
    Float64Array.from({ length: columns }, (_, i) => f((2 * Math.PI * i) / columns)),
  );
  for (let r = 0; r < rows; r++) {
    for (let l = 0; l < numTaps; l++) {
      let [re, im] = [0, 0];
      for (let k = 0; k < columns; k++) {
        const turn = ((((k - middle) * l) % columns) + columns) % columns;
        const [hRe, hIm] = [data[2 * (r * columns + k)], data[2 * (r * columns + k) + 1]];
        re += hRe * cos[turn] - hIm * sin[turn];
        im += hRe * sin[turn] + hIm * cos[turn];
      }
      taps[2 * (r * numTaps + l)] = re / columns;
      taps[2 * (r * numTaps + l) + 1] = im / columns;
    }
  }
  const energy = (x: Float64Array): number => x.reduce((sum, v) => sum + v * v, 0);
  // Parseval: Σ|h|² = Σ|H|²/N.
  const kept = (energy(taps) * columns) / energy(data);
  if (kept < LEAST_KEPT) {
    throw fault(
      path,
      `only ${(100 * kept).toFixed(0)} % of its power lies in the first ${numTaps} taps; give numTaps, or responses without a delay of their own`,
    );
  }
  return taps;
}

interface Loaded {
  readonly array: NpyArray;
  readonly domain: 'taps' | 'response';
  readonly intervalS: number;
}

function load(model: CsiModel): Loaded {
  const { path } = model;
  const about = readSidecar(`${path}.json`);
  const { array, time, named } = readArrays(path);
  if (array.dtype !== 'complex64' && array.dtype !== 'complex128') {
    throw fault(path, `must hold complex64 or complex128, not ${array.dtype}`);
  }
  if (array.shape.length !== 2 || array.shape[1] < 1) {
    throw fault(path, `must have shape [time, taps] or [time, frequencies], not [${array.shape.join(', ')}]`);
  }
  const interval =
    model.sampleIntervalS ?? (time === null ? about.sampleIntervalS : stepOf(time, array.shape[0], path));
  if (interval === undefined) {
    throw fault(
      path,
      `has no time axis: give sampleIntervalS, an array "time" in it, or ${path}.json with {"sampleIntervalS": …}`,
    );
  }
  requirePositive('taps.sampleIntervalS', interval);
  return { array, intervalS: interval, domain: model.domain ?? about.domain ?? named };
}

function readArrays(path: string): { array: NpyArray; time: NpyArray | null; named: 'taps' | 'response' } {
  if (path.endsWith('.npy')) return { array: readNpy(path), time: null, named: 'taps' };
  if (!path.endsWith('.npz')) throw fault(path, 'must end in .npy or .npz');
  const arrays = readNpz(path);
  const named = arrays.has('taps') || !arrays.has('response') ? 'taps' : 'response';
  const array = arrays.get(named);
  if (array === undefined) {
    throw fault(path, `needs an array "taps" or "response" (it has ${[...arrays.keys()].join(', ') || 'none'})`);
  }
  return { array, time: arrays.get('time') ?? null, named };
}

/** The step of a time axis that is as long as the rows, rises, and rises evenly. */
function stepOf(time: NpyArray, rows: number, path: string): number {
  const values = Float64Array.from(time.data as Float64Array, Number);
  if ((time.dtype !== 'float64' && time.dtype !== 'float32') || time.shape.length !== 1) {
    throw fault(
      path,
      `its array "time" must be [time] float64 or float32, not [${time.shape.join(', ')}] ${time.dtype}`,
    );
  }
  if (values.length !== rows) throw fault(path, `its array "time" has ${values.length} entries for ${rows} rows`);
  const step = (values[rows - 1] - values[0]) / (rows - 1);
  for (let i = 1; i < rows; i++) {
    const own = values[i] - values[i - 1];
    if (!(own > 0) || Math.abs(own - step) > UNEVEN * step) {
      throw fault(
        path,
        `its array "time" does not rise evenly: ${own} s to row ${i} where ${step.toPrecision(4)} s is the mean`,
      );
    }
  }
  return step;
}

function readSidecar(path: string): z.infer<typeof sidecar> {
  if (!existsSync(path)) return {};
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw fault(path, `cannot be read (${(cause as Error).message})`);
  }
  const parsed = sidecar.safeParse(value);
  if (!parsed.success)
    throw fault(path, 'takes sampleIntervalS (a number above 0) and domain (taps or response) alone');
  return parsed.data;
}

const fault = (path: string, what: string): FormatError =>
  new FormatError('format.csi', `${path}: ${what}`, { value: path });
