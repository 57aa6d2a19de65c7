import sharp from 'sharp';
import { type ComplexArray, concatComplex } from '../../core/complex.js';
import { welch } from '../../dsp/welch.js';
import type { Recording } from '../../recording/recording.js';
import { escapeXml } from './save-pictures.js';

export interface SignalPlotOptions {
  readonly sampleRateHz: number;
  readonly channel: number;
  /** Bins of spectrum and spectrogram, a power of two. */
  readonly fftSize: number;
}

const ROWS = 512;
const SPAN_DB = 60;
/** Samples of a recording that spectrum and IQ plot look at, spread over it. */
const LOOK_SAMPLES = 1 << 20;
const INK = '#333';

/**
 * Power over time (downwards) and frequency (to the right), in dB of full scale per Hz, with axes and a colour bar, as a
 * PNG: dark is weak. 60 dB from the strongest.
 */
export async function spectrogramPng(
  recording: Recording,
  { channel, fftSize, sampleRateHz }: SignalPlotOptions,
): Promise<Buffer> {
  const rows = Math.max(1, Math.min(ROWS, Math.floor(recording.numSamples / fftSize)));
  const step = recording.numSamples / rows;
  const levels = new Float64Array(rows * fftSize);
  let top = -Infinity;
  for (let row = 0; row < rows; row++) {
    // A few segments a row, so that a long recording's short bursts are not missed between them by much.
    const count = Math.max(fftSize, Math.min(Math.floor(step), 8 * fftSize));
    const power = welch(recording.read(Math.floor(row * step), count, channel), fftSize);
    power.forEach((p, k) => {
      const db = 10 * Math.log10(p / (sampleRateHz / fftSize) + 1e-30);
      levels[row * fftSize + k] = db;
      top = Math.max(top, db);
    });
  }
  const pixels = new Uint8Array(3 * levels.length);
  levels.forEach((db, i) => pixels.set(heat(1 + (db - top) / SPAN_DB), 3 * i));
  const [left, above, width, height] = [70, 34, 640, 400];
  const picture = await sharp(pixels, { raw: { width: fftSize, height: rows, channels: 3 } })
    .resize(width, height, { kernel: fftSize > width ? 'lanczos3' : 'nearest', fit: 'fill' })
    .png()
    .toBuffer();

  const frequencies = frequencyAxis(recording.centerFrequencyHz ?? 0, sampleRateHz);
  const seconds = recording.numSamples / sampleRateHz;
  const time =
    seconds >= 1 ? { unit: 's', by: 1 } : seconds >= 1e-3 ? { unit: 'ms', by: 1e-3 } : { unit: 'µs', by: 1e-6 };
  let body = `<image x="${left}" y="${above}" width="${width}" height="${height}" href="data:image/png;base64,${picture.toString('base64')}"/>`;
  for (let i = 0; i <= 4; i++) {
    const [x, y] = [left + (width * i) / 4, above + (height * i) / 4];
    body += `<path d="M${x} ${above + height}v5M${left} ${y}h-5" stroke="${INK}"/>`;
    body += label(x, above + height + 18, frequencies.at(i / 4), 'middle');
    body += label(left - 8, y + 4, ((i / 4) * (seconds / time.by)).toPrecision(4), 'end');
  }
  body += label(left + width / 2, above + height + 38, `frequency, ${frequencies.unit}`, 'middle');
  body += label(8, above - 14, `time, ${time.unit}`, 'start');
  const bar = left + width + 24;
  const steps = 60;
  for (let i = 0; i < steps; i++) {
    const [r, g, b] = heat(1 - (i + 0.5) / steps);
    body += `<rect x="${bar}" y="${above + (i * height) / steps}" width="16" height="${height / steps + 0.5}" fill="rgb(${r},${g},${b})"/>`;
  }
  for (let db = 0; db <= SPAN_DB; db += 10) {
    const y = above + (height * db) / SPAN_DB;
    body += `<path d="M${bar + 16} ${y}h5" stroke="${INK}"/>${label(bar + 26, y + 4, (top - db).toFixed(0), 'start')}`;
  }
  body += label(bar + 50, above - 14, 'dB of full scale / Hz', 'end');
  return sharp(Buffer.from(svg(bar + 70, above + height + 54, body)))
    .png()
    .toBuffer();
}

/** Names of five places from the lower to the upper end of the band, in a fitting unit. */
function frequencyAxis(centre: number, sampleRateHz: number): { unit: string; at: (share: number) => string } {
  const isHigh = Math.max(Math.abs(centre) + sampleRateHz / 2, 1) >= 1e6;
  const by = isHigh ? 1e6 : 1e3;
  return { unit: isHigh ? 'MHz' : 'kHz', at: (share) => ((centre + (share - 0.5) * sampleRateHz) / by).toFixed(3) };
}

/** 0…1 → black, violet, orange, pale yellow: lightness grows throughout. */
function heat(value: number): [number, number, number] {
  const stops = [
    [0, 0, 4],
    [87, 16, 110],
    [188, 55, 84],
    [249, 142, 9],
    [252, 255, 164],
  ] as const;
  // What no dB stand for is as loud as can be.
  const v = (Number.isNaN(value) ? 1 : Math.min(1, Math.max(0, value))) * (stops.length - 1);
  const i = Math.min(stops.length - 2, Math.floor(v));
  const mix = (c: 0 | 1 | 2): number => Math.round(stops[i][c] + (v - i) * (stops[i + 1][c] - stops[i][c]));
  return [mix(0), mix(1), mix(2)];
}

/** Samples from all over a recording. */
function spread(recording: Recording, channel: number, total: number): ComplexArray {
  if (recording.numSamples <= total) return recording.read(0, recording.numSamples, channel);
  const parts = 64;
  const length = Math.floor(total / parts);
  return concatComplex(
    Array.from({ length: parts }, (_, i) =>
      recording.read(Math.floor((i * (recording.numSamples - length)) / (parts - 1)), length, channel),
    ),
  );
}

/** Power spectral density (Welch, Hann) as SVG: dB of full scale per Hz over frequency. */
export function psdSvg(recording: Recording, { sampleRateHz, channel, fftSize }: SignalPlotOptions): string {
  const power = welch(spread(recording, channel, LOOK_SAMPLES), fftSize);
  const levels = Float64Array.from(power, (p) => 10 * Math.log10(p / (sampleRateHz / fftSize) + 1e-20));
  const [left, top, width, height] = [70, 40, 640, 300];
  const high = Math.ceil((Math.max(...levels) + 3) / 10) * 10;
  const low = Math.max(high - 100, Math.floor((Math.min(...levels) - 3) / 10) * 10);
  const yOf = (db: number): number => top + (height * (high - Math.max(db, low))) / (high - low);
  const xOf = (k: number): number => left + (width * k) / fftSize;
  const frequencies = frequencyAxis(recording.centerFrequencyHz ?? 0, sampleRateHz);
  let path = '';
  levels.forEach((db, k) => (path += `${k === 0 ? 'M' : 'L'}${xOf(k).toFixed(1)} ${yOf(db).toFixed(1)}`));
  let grid = '';
  for (let db = low; db <= high; db += 10) {
    grid += `<path d="M${left} ${yOf(db)}h${width}" stroke="#ddd"/>${label(left - 6, yOf(db) + 4, String(db), 'end')}`;
  }
  for (let i = 0; i <= 4; i++) {
    const x = left + (width * i) / 4;
    grid += `<path d="M${x} ${top}v${height}" stroke="#eee"/>${label(x, top + height + 18, frequencies.at(i / 4), 'middle')}`;
  }
  const axes =
    label(left + width / 2, top + height + 38, `frequency, ${frequencies.unit}`, 'middle') +
    label(left, top - 10, 'power density, dB of full scale / Hz', 'start');
  return svg(left + width + 30, top + height + 60, `${grid}<path d="${path}" fill="none" stroke="#0072b2"/>${axes}`);
}

/** Samples as points in the complex plane, as SVG. */
export function iqSvg(recording: Recording, { channel }: SignalPlotOptions): string {
  const { re, im } = spread(recording, channel, 8192);
  const magnitudes = Float32Array.from(re, (v, i) => Math.hypot(v, im[i])).sort();
  const limit = 1.15 * Math.max(1e-9, magnitudes[Math.floor(0.999 * (magnitudes.length - 1))] ?? 1);
  const [size, left, top] = [420, 30, 30];
  let path = '';
  for (let i = 0; i < re.length; i++) {
    const x = (re[i] * size) / (2 * limit);
    const y = (im[i] * size) / (2 * limit);
    if (!(Math.abs(x) <= size / 2 && Math.abs(y) <= size / 2)) continue;
    path += `M${(left + size / 2 + x).toFixed(1)} ${(top + size / 2 - y).toFixed(1)}h.01`;
  }
  const frame = `<path d="M${left} ${top + size / 2}h${size}M${left + size / 2} ${top}v${size}" stroke="#ddd"/><rect x="${left}" y="${top}" width="${size}" height="${size}" fill="none" stroke="#999"/>`;
  const dots = `<path d="${path}" stroke="#0072b2" stroke-width="2" stroke-linecap="round" stroke-opacity="0.4"/>`;
  return svg(
    left + size + 30,
    top + size + 40,
    frame +
      dots +
      label(left + size / 2, top + size + 24, `I and Q, axes ± ${limit.toPrecision(3)} of full scale`, 'middle'),
  );
}

const label = (x: number, y: number, content: string, anchor: string): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="12" fill="${INK}">${escapeXml(content)}</text>`;

const svg = (width: number, height: number, body: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif">` +
  `<rect width="100%" height="100%" fill="white"/>${body}</svg>\n`;
