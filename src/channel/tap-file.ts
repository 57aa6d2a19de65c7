import { readFileSync } from 'node:fs';
import { FormatError } from '../core/errors.js';
import { type NpyArray, readNpy, readNpz } from '../core/npy.js';

/** Measured channels: one row of taps a realisation, interleaved re, im. */
export interface MeasuredTaps {
  readonly numRealisations: number;
  readonly numTaps: number;
  /** [numRealisations, numTaps, 2] float64. */
  readonly taps: Float64Array;
  /** [numTaps] mean of |h_l|² over the realisations. */
  readonly profile: Float64Array;
}

/**
 * Reads measured taps. `.npy`: complex64 or complex128 of shape [numRealisations, numTaps] or [numTaps]. `.npz`: the
 * same, under the key `taps` or as the only array. `.csv`: a realisation a line, either `a+bj` cells or re, im pairs;
 * lines that begin with # are skipped.
 * With `normalize` one common factor makes the mean of Σ_l |h_l|² over realisations 1, so fading between
 * realisations is kept.
 *
 * @throws FormatError, naming the file, for anything missing, damaged, empty, ragged or not finite.
 */
export function readTapFile(path: string, normalize: boolean): MeasuredTaps {
  const { rows, taps } = readRaw(path);
  const numTaps = taps.length / 2 / rows;
  if (!(numTaps >= 1)) throw fault(path, 'holds no taps');

  const profile = new Float64Array(numTaps);
  for (let i = 0; i < taps.length; i++) profile[(i >> 1) % numTaps] += (taps[i] * taps[i]) / rows;
  const power = profile.reduce((sum, p) => sum + p, 0);
  if (!Number.isFinite(power)) throw fault(path, 'holds values that are not finite');
  if (power === 0) throw fault(path, 'holds only zeros');
  if (!normalize) return { numRealisations: rows, numTaps, taps, profile };
  const gain = 1 / Math.sqrt(power);
  return { numRealisations: rows, numTaps, taps: taps.map((v) => v * gain), profile: profile.map((p) => p / power) };
}

interface RawTaps {
  readonly rows: number;
  readonly taps: Float64Array;
}

function readRaw(path: string): RawTaps {
  if (path.endsWith('.npy')) return fromArray(readNpy(path), path);
  if (path.endsWith('.npz')) {
    const arrays = readNpz(path);
    const array = arrays.get('taps') ?? (arrays.size === 1 ? [...arrays.values()][0] : undefined);
    if (array === undefined) {
      throw fault(path, `needs an array named "taps" (it has ${[...arrays.keys()].join(', ') || 'none'})`);
    }
    return fromArray(array, path);
  }
  if (path.endsWith('.csv')) return fromCsv(readText(path), path);
  throw fault(path, 'must end in .npy, .npz or .csv');
}

function fromArray(array: NpyArray, path: string): RawTaps {
  if (array.dtype !== 'complex64' && array.dtype !== 'complex128') {
    throw fault(path, `must hold complex64 or complex128, not ${array.dtype}`);
  }
  if (array.shape.length !== 1 && array.shape.length !== 2) {
    throw fault(path, `must have shape [numRealisations, numTaps] or [numTaps], not [${array.shape.join(', ')}]`);
  }
  return { rows: array.shape.length === 1 ? 1 : array.shape[0], taps: Float64Array.from(array.data) };
}

function fromCsv(text: string, path: string): RawTaps {
  const values: number[] = [];
  let rows = 0;
  let width = -1;
  text.split(/\r?\n/).forEach((line, index) => {
    if (line.trim() === '' || line.trimStart().startsWith('#')) return;
    const row = parseRow(line, `line ${index + 1}`, path);
    if (width !== -1 && row.length !== width) {
      throw fault(path, `line ${index + 1} has ${row.length / 2} taps where earlier lines have ${width / 2}`);
    }
    width = row.length;
    rows += 1;
    for (const value of row) values.push(value);
  });
  return { rows, taps: Float64Array.from(values) };
}

const real = String.raw`[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?`;
const complexCell = new RegExp(String.raw`^\(?\s*(${real})?\s*((?:^|[+-])\s*${real.replace('[+-]?', '')})[ij]\s*\)?$`);
const realCell = new RegExp(`^${real}$`);

function parseRow(line: string, where: string, path: string): number[] {
  const cells = line.split(/[,;\t]/).map((cell) => cell.trim());
  if (cells.every((cell) => realCell.test(cell))) {
    if (cells.length % 2 !== 0)
      throw fault(path, `${where} has ${cells.length} numbers: re, im pairs need an even count`);
    return cells.map(Number);
  }
  return cells.flatMap((cell) => {
    if (realCell.test(cell)) return [Number(cell), 0];
    const match = complexCell.exec(cell);
    if (match === null) throw fault(path, `${where}: "${cell}" is not a number or a+bj`);
    return [Number(match[1] ?? 0), Number(match[2].replace(/\s/g, ''))];
  });
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new FormatError('format.taps', `${path}: cannot be read (${(cause as Error).message})`, {
      cause,
      value: path,
    });
  }
}

const fault = (path: string, what: string): FormatError =>
  new FormatError('format.taps', `${path}: ${what}`, { value: path });
