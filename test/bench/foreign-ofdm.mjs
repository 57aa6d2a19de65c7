/**
 * False alarms of the preamble searches on OFDM that is not ours.
 *
 *   npm run build && node test/bench/foreign-ofdm.mjs [samples a signal 1e7]
 *
 * Signals of our own making, each over fading taps that change every 20,000 samples, with a carrier offset: Wi-Fi's packets with
 * their training fields, LTE's downlink full and nearly empty (reference signals alone), other numerologies, few subcarriers.
 * Counted: our known preamble (profile `ota`), any two equal halves, and such that OFDM of 64/16 follows, as `sync` asks for.
 */
import { concatComplex, createComplex, subarray } from '../../dist/core/complex.js';
import { createRng } from '../../dist/core/rng.js';
import { createFft } from '../../dist/dsp/fft.js';
import { createGrid, ofdmProfiles } from '../../dist/ofdm/grid.js';
import { createPreambleDetector } from '../../dist/sync/preamble-detector.js';
import { createRepetitionDetector } from '../../dist/sync/repetition-detector.js';

const samples = Number(process.argv[2] ?? 1e7);
const CHUNK = 20_000;

/** Symbols of QPSK on the subcarriers that `used` names, with prefixes that repeat. */
function ofdm(rng, n, prefixes, used, symbols) {
  const fft = createFft(n, 'unitary');
  const parts = [];
  for (let s = 0; s < symbols; s++) {
    const x = createComplex(n);
    for (const f of used(s)) {
      x.re[(f + n) % n] = rng.integer(2) * 2 - 1;
      x.im[(f + n) % n] = rng.integer(2) * 2 - 1;
    }
    fft.inverse(x, x);
    parts.push(subarray(x, n - prefixes[s % prefixes.length]), x);
  }
  return concatComplex(parts);
}
const band = (half) => Array.from({ length: 2 * half + 1 }, (_, i) => i - half).filter((f) => f !== 0);
const every = (list) => () => list;
const LTE = [10, 9, 9, 9, 9, 9, 9];

/** A packet as 802.11a sends it: ten short and two long training symbols, then data. */
function wifi(rng) {
  const short = ofdm(rng, 64, [64], every([-24, -20, -16, -12, -8, -4, 4, 8, 12, 16, 20, 24]), 1);
  const long = ofdm(rng, 64, [32], every(band(26)), 1);
  const data = ofdm(rng, 64, [16], every(band(26)), 8 + rng.integer(50));
  const power = (x) => x.re.reduce((sum, v, i) => sum + v * v + x.im[i] ** 2, 0) / x.re.length;
  const equal = (x) => ((g) => ({ re: x.re.map((v) => g * v), im: x.im.map((v) => g * v) }))(1 / Math.sqrt(power(x)));
  const shorts = equal(concatComplex([short, subarray(short, 0, 32)]));
  const longs = equal(concatComplex([long, subarray(long, 32)]));
  return concatComplex([shorts, longs, equal(data), createComplex(20 + rng.integer(400))]);
}

/** Reference signals on every sixth subcarrier in four symbols of fourteen; nothing, or a little, in the others. */
const referencesOnly = (rng, share) =>
  ofdm(
    rng,
    128,
    LTE,
    (s) =>
      band(36).filter((f) =>
        [0, 4, 7, 11].includes(s % 14)
          ? (f + 36) % 6 === (s % 7 === 0 ? 0 : 3) || rng.uniform() < share
          : rng.uniform() < share,
      ),
    140,
  );

const signals = {
  'Wi-Fi packets, 64/16': wifi,
  'LTE, all used, 128/9': (rng) => ofdm(rng, 128, LTE, every(band(36)), 140),
  'LTE, references alone': (rng) => referencesOnly(rng, 0),
  'LTE, a tenth used': (rng) => referencesOnly(rng, 0.1),
  'LTE, 15 kHz at 19.2 MS/s, 1280/90': (rng) => ofdmAny(rng, 1280, 90, 600, 14),
  'NB-IoT, three subcarriers of 128': (rng) =>
    ((k) => ofdm(rng, 128, LTE, every([k, k + 1, k + 2]), 140))(rng.integer(30) - 15),
  'one subcarrier of 128': (rng) => ((k) => ofdm(rng, 128, LTE, every([k]), 140))(rng.integer(60) - 30),
  '64/16, all used': (rng) => ofdm(rng, 64, [16], every(band(31)), 200),
  '256/32': (rng) => ofdm(rng, 256, [32], every(band(100)), 60),
  '2048/512, DVB': (rng) => ofdm(rng, 2048, [512], every(band(852)), 8),
};

/** For sizes that are no power of two: noise in a band, with prefixes. */
function ofdmAny(rng, n, prefix, half, symbols) {
  const size = 2048;
  const fft = createFft(size, 'unitary');
  const parts = [];
  for (let s = 0; s < symbols; s++) {
    const x = createComplex(size);
    for (const f of band(Math.round((half * size) / n))) {
      x.re[(f + size) % size] = rng.integer(2) * 2 - 1;
      x.im[(f + size) % size] = rng.integer(2) * 2 - 1;
    }
    fft.inverse(x, x);
    parts.push(subarray(x, n - prefix, n), subarray(x, 0, n));
  }
  return concatComplex(parts);
}

function throughChannel(x, rng, offset) {
  const taps = createComplex(6);
  rng.fillComplexGaussian(taps, 1);
  const out = createComplex(x.re.length);
  let power = 0;
  for (let n = 0; n < out.re.length; n++) {
    for (let l = 0; l < 6 && l <= n; l++) {
      const g = Math.exp(-l / 4);
      out.re[n] += g * (taps.re[l] * x.re[n - l] - taps.im[l] * x.im[n - l]);
      out.im[n] += g * (taps.re[l] * x.im[n - l] + taps.im[l] * x.re[n - l]);
    }
    power += out.re[n] ** 2 + out.im[n] ** 2;
  }
  const noise = createComplex(out.re.length);
  rng.fillComplexGaussian(noise, (power / out.re.length) * 10 ** (-(5 + 25 * rng.uniform()) / 10));
  for (let n = 0; n < out.re.length; n++) {
    const angle = offset * n;
    const [re, im] = [out.re[n], out.im[n]];
    out.re[n] = re * Math.cos(angle) - im * Math.sin(angle) + noise.re[n];
    out.im[n] = re * Math.sin(angle) + im * Math.cos(angle) + noise.im[n];
  }
  return out;
}

console.log('| signal | samples | known preamble | two equal halves | … and 64/16 behind them |');
console.log('| --- | --- | --- | --- | --- |');
for (const [name, make] of Object.entries(signals)) {
  const detectors = [
    createPreambleDetector(createGrid(ofdmProfiles.ota)),
    createRepetitionDetector(64, 16),
    createRepetitionDetector(64, 16, { beforeSymbols: true }),
  ];
  const counts = detectors.map(() => 0);
  const root = createRng(`foreign ${name}`);
  let done = 0;
  for (let i = 0; done < samples; i++) {
    const rng = root.split(i);
    const parts = [];
    for (let length = 0; length < CHUNK; length += parts.at(-1).re.length) parts.push(make(rng));
    const x = throughChannel(concatComplex(parts), rng, 0.2 * (rng.uniform() - 0.5));
    detectors.forEach((detector, d) => (counts[d] += detector.execute(x).length));
    done += x.re.length;
  }
  console.log(`| ${name} | ${done.toExponential(1)} | ${counts.join(' | ')} |`);
}
