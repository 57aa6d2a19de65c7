import type { Command } from 'commander';
import { ConfigError } from '../core/errors.js';
import {
  findByPrefix,
  findByPreamble,
  type FoundFrame,
  type FrameSearchResult,
  LOOK,
  type SearchDiagnosis,
} from '../link/stream/find-frames.js';
import type { NumerologyGuess } from '../sync/numerology-guess.js';
import { createGrid, type Grid, ofdmProfiles } from '../ofdm/grid.js';
import type { Recording } from '../recording/recording.js';
import { addInputFlags, numbersIn, openInput, rate, rateOf, whole } from './input-file.js';
import { interruptible } from './interrupt.js';

export function addSync(program: Command): void {
  addSearchFlags(
    addInputFlags(
      program
        .command('sync')
        .description('Find OFDM frames or symbols in a recording: timing, carrier offset, SNR.')
        .argument('<file>', 'SigMF recording (any of its files, or an archive) or raw samples'),
    ),
  )
    .option('--json', 'one JSON object a line: each frame or locked stretch, then a summary')
    .action(async (file: string, options: Record<string, unknown>) => {
      const recording = openInput(file, options);
      const { signal, release } = interruptible();
      try {
        const began = performance.now();
        const { frames, diagnosis, method, sampleRateHz } = await searchFrames(recording, options, signal);
        const seconds = (performance.now() - began) / 1000;
        report(frames, diagnosis, { file, method, sampleRateHz, seconds, json: options['json'] === true });
        if (signal.aborted) {
          console.error('blindlink: interrupted; what was found up to here is above');
          process.exitCode = 130;
        }
      } finally {
        release();
        recording.close();
      }
    });
}

/** Flags that say what to look for. */
export function addSearchFlags(command: Command): Command {
  return command
    .option('--method <name>', 'preamble: a known or repeated preamble; cp: cyclic prefixes alone', 'preamble')
    .option('--fft-size <n>', 'samples of a symbol without its prefix', whole('--fft-size', 8), 64)
    .option('--cp-length <list>', 'cyclic prefix in samples, or a list that repeats: 10,9,9,9,9,9,9', '16')
    .option(
      '--preamble <kind>',
      'blindlink, repetition (any symbol of two equal halves), or auto: one, then the other',
      'auto',
    )
    .option('--guards <low,high>', 'empty subcarriers at both edges; with cp they give the offset in whole subcarriers')
    .option('--dc-null', 'subcarrier 0 is empty')
    .option(
      '--frame-symbols <n>',
      'symbols of a frame behind its preamble; no other is looked for there (our recordings tell)',
      whole('--frame-symbols', 0),
    )
    .option('--symbols <n>', 'cp: symbols looked at together, at least', whole('--symbols', 2))
    .option('--resample <Hz>', 'bring the recording to this rate first, e.g. 1.92M', rate);
}

/** Looks for what the flags say. */
export async function searchFrames(
  recording: Recording,
  options: Readonly<Record<string, unknown>>,
  signal?: AbortSignal,
): Promise<FrameSearchResult & { method: string; sampleRateHz: number }> {
  const prefixes = listOf('--cp-length', options['cpLength'] as string);
  const method = oneOf('--method', options['method'] as string, ['preamble', 'cp']);
  const kind = oneOf('--preamble', options['preamble'] as string, ['auto', 'blindlink', 'repetition']);
  const fftSize = options['fftSize'] as number;
  const guards = options['guards'] === undefined ? null : listOf('--guards', options['guards'] as string);
  if (guards !== null && guards.length !== 2) {
    throw new ConfigError('config.flag', `--guards ${String(options['guards'])}: give two numbers, e.g. 6,5`);
  }
  const sampleRateHz = rateOf(recording);
  const how = {
    sampleRateHz,
    channel: (options['inputChannel'] as number | undefined) ?? 0,
    resampleHz: (options['resample'] as number | undefined) ?? null,
    signal,
  };
  if (method === 'cp') {
    const knowsBand = guards !== null || options['dcNull'] === true;
    const grid = knowsBand ? gridFor(fftSize, prefixes[0], guards, options, 'none') : null;
    const symbolsPerWindow = options['symbols'] as number | undefined;
    const result = await findByPrefix(recording, { fftSize, cyclicPrefixLengths: prefixes }, how, {
      grid,
      ...(symbolsPerWindow === undefined ? {} : { symbolsPerWindow }),
    });
    return { ...result, method, sampleRateHz };
  }
  if (prefixes.length > 1) {
    throw new ConfigError('config.flag', '--cp-length: the preamble method takes one length; a list needs --method cp');
  }
  const grid = gridFor(fftSize, prefixes[0], guards, options, 'schmidl-cox');
  const symbols = options['frameSymbols'] as number | undefined;
  // Our own recordings tell how long a frame is: within it nothing else is looked for.
  const told = recording.metadata.global['blindlink:frame_samples'] as number | undefined;
  const frameSamples =
    symbols === undefined
      ? Math.max(grid.preambleLength, told ?? 0)
      : grid.preambleLength + symbols * grid.symbolLength;
  let result = await findByPreamble(recording, grid, how, { repetition: kind === 'repetition', frameSamples });
  const goesOn = result.frames.length === 0 && result.diagnosis.swappedFrames === 0 && signal?.aborted !== true;
  if (kind === 'auto' && goesOn) {
    // Nobody asked for repetition alone: OFDM of this size must follow it.
    const other = await findByPreamble(recording, grid, how, { repetition: true, beforeSymbols: true, frameSamples });
    if (other.frames.length > 0) result = other;
  }
  return { ...result, method, sampleRateHz };
}

/** The profile for the air where it fits, with what the user says in its place; guards in its proportions for other sizes. */
function gridFor(
  fftSize: number,
  prefix: number,
  guards: readonly number[] | null,
  options: Readonly<Record<string, unknown>>,
  preamble: 'none' | 'schmidl-cox',
): Grid {
  const { ota } = ofdmProfiles;
  const scaled = ota.guardSubcarriers.map((n) => Math.round((n * fftSize) / ota.fftSize));
  return createGrid({
    ...ota,
    fftSize,
    cyclicPrefixLength: prefix,
    guardSubcarriers: [
      guards?.[0] ?? (preamble === 'none' ? 0 : scaled[0]),
      guards?.[1] ?? (preamble === 'none' ? 0 : scaled[1]),
    ],
    dcNull: preamble !== 'none' || options['dcNull'] === true,
    pilotSubcarriers: [],
    preamble,
  });
}

interface About {
  readonly file: string;
  readonly method: string;
  readonly sampleRateHz: number;
  readonly seconds: number;
  readonly json: boolean;
}

function report(frames: readonly FoundFrame[], diagnosis: SearchDiagnosis, about: About): void {
  const { file, method, sampleRateHz, seconds, json } = about;
  const training = frames.filter(({ isTrainingField }) => isTrainingField).length;
  if (json) {
    for (const frame of frames) console.log(JSON.stringify({ type: 'frame', ...frame }));
    const counts = { frames: frames.length - training, trainingFields: training };
    console.log(JSON.stringify({ type: 'summary', file, method, sampleRateHz, ...counts, seconds, ...diagnosis }));
    return;
  }
  for (const frame of frames) {
    const { startSample, cfoSubcarriers, cfoHz, cfoWholeKnown, snrDb, metric, numSymbols, clockPpm, other } = frame;
    const modulo = cfoWholeKnown ? '' : ' + n';
    console.log(
      `sample ${startSample}: CFO ${cfoSubcarriers.toFixed(4)}${modulo} subcarriers (${(cfoHz / 1e3).toFixed(3)} kHz), ` +
        `SNR ${snrDb.toFixed(1)} dB, metric ${metric.toFixed(3)}${numSymbols === null ? '' : `, ${numSymbols} symbols`}` +
        (clockPpm === null ? '' : `, clock ${clockPpm >= 0 ? '+' : ''}${clockPpm.toFixed(1)} ppm`) +
        (other === null ? '' : `; ${alsoThere(other)}`) +
        (frame.isTrainingField ? '; equal quarters: looks like an 802.11 training field, no frame' : ''),
    );
  }
  const what = method === 'cp' ? 'locked stretch(es)' : 'frame(s)';
  console.log(
    `${frames.length - training} ${what}${training === 0 ? '' : ` and ${training} training field(s)`} in ${amount(diagnosis.samplesSearched)} samples, ${seconds.toFixed(2)} s`,
  );
  if (frames.length === 0) console.log(explain(diagnosis));
  else if (diagnosis.looksLike !== null)
    console.log(`${reservation(frames, diagnosis, method)}; ${hint(diagnosis.looksLike)}`);
}

const amount = (samples: number): string => (samples < 1e5 ? String(samples) : `${(samples / 1e6).toFixed(2)} M`);

const alsoThere = ({ powerDb, cfoSubcarriers, behindSamples }: NonNullable<FoundFrame['other']>): string =>
  `another station sends at the same time: ${powerDb.toFixed(1)} dB beside this one, CFO ${cfoSubcarriers.toFixed(2)} + n, ` +
  `${behindSamples} samples behind`;

/** Why what was found may be something else. */
function reservation(frames: readonly FoundFrame[], { samplesSearched }: SearchDiagnosis, method: string): string {
  if (method !== 'cp' && frames.every(({ isTrainingField }) => isTrainingField)) return 'failed: no frame of ours';
  if (method !== 'cp') return 'by repetition, whatever the symbols hold';
  const share = frames.reduce((sum, { sampleCount }) => sum + sampleCount, 0) / samplesSearched;
  return `in ${(100 * share).toFixed(0)} % of the samples only`;
}

const hint = ({ fftSize, cyclicPrefixLength }: NumerologyGuess): string =>
  `it looks like OFDM with FFT size ${fftSize} and prefix ${cyclicPrefixLength}: try --method cp --fft-size ${fftSize} --cp-length ${cyclicPrefixLength}`;

/** In words, why nothing was found and what to try. */
export function explain(diagnosis: SearchDiagnosis): string {
  const { bestMetric, bestMetricSample, snrGuessDb, clippedShare, rms, dcOffset, looksLike, samplesSearched } =
    diagnosis;
  if (samplesSearched === 0) return 'nothing found: the recording is empty';
  if (rms === 0) return 'nothing found: every sample is zero';
  if (bestMetricSample < 0) return `nothing found: ${samplesSearched} samples are fewer than a frame begins with`;
  const parts = [
    `nothing found: best metric ${bestMetric.toFixed(3)} at sample ${bestMetricSample} (SNR there at most ${snrGuessDb.toFixed(1)} dB)`,
    `level ${(20 * Math.log10(rms)).toFixed(1)} dB of full scale`,
  ];
  if (dcOffset > 0.3 * rms) parts.push('a strong DC offset');
  // A peak is reached once in any case: of few samples, that is a large share.
  if (clippedShare > 1e-3 && clippedShare * Math.min(samplesSearched, LOOK) > 8)
    parts.push(`${(100 * clippedShare).toFixed(1)} % of the samples at the peak: clipped? lower the gain`);
  if (looksLike !== null) parts.push(hint(looksLike));
  if (diagnosis.swappedFrames > 0)
    parts.push(`with I and Q swapped ${diagnosis.swappedFrames} frame(s) are found: try --swap-iq`);
  return parts.join('; ');
}

function listOf(flag: string, text: string): number[] {
  const values = numbersIn(text);
  if (values.some((v) => !Number.isInteger(v) || v < 0)) {
    throw new ConfigError('config.flag', `${flag} ${text}: give whole numbers, separated by commas`, { value: text });
  }
  return values;
}

export function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((name) => name === value);
  if (found === undefined) {
    throw new ConfigError('config.flag', `${flag} ${value}: must be one of ${allowed.join(', ')}`, { value });
  }
  return found;
}
