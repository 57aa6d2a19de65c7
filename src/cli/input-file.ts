import type { Command } from 'commander';
import { ConfigError, FormatError } from '../core/errors.js';
import { openAnyRecording } from '../recording/open-recording.js';
import type { Recording } from '../recording/recording.js';

/** Flags of every command that reads a recording. */
export function addInputFlags(command: Command): Command {
  return command
    .option(
      '--datatype <name>',
      'of the samples, whatever the file says: cf32_le, ci16_le, ci8, cu8, … (any SigMF datatype)',
    )
    .option('--rate <Hz>', 'sampling rate, whatever the file says, e.g. 20M, 640k, 1.92e6', rate)
    .option('--freq <Hz>', 'centre frequency, whatever the file says, e.g. 2.437G', signedRate)
    .option('--input-channel <n>', 'channel of a file that holds several, from 0', whole('--input-channel', 0))
    .option('--member <name>', 'recording of an archive that holds several')
    .option('--swap-iq', 'I and Q lie the other way round in the file')
    .option('--verify', 'compare core:sha512 with the samples first, however many');
}

/** Opens what the flags describe and says on standard error what is odd about it. */
export function openInput(path: string, options: Readonly<Record<string, unknown>>): Recording {
  const recording = openAnyRecording(path, {
    datatype: options['datatype'] as string | undefined,
    sampleRateHz: options['rate'] as number | undefined,
    centerFrequencyHz: options['freq'] as number | undefined,
    member: options['member'] as string | undefined,
    swapIq: options['swapIq'] === true,
    onClose: ({ nonFinite }) => {
      if (nonFinite > 0)
        console.error(`note: ${path}: ${nonFinite} sample(s) are NaN or infinite; taken as lost, zero`);
    },
  });
  const channel = options['inputChannel'] as number | undefined;
  if (channel !== undefined && channel >= recording.numChannels) {
    recording.close();
    const there = `it has ${recording.numChannels}, from 0 on`;
    throw new ConfigError('config.flag', `--input-channel ${channel}: ${path} has no channel ${channel}; ${there}`);
  }
  checkHash(recording, options['verify'] === true);
  for (const note of recording.notes) console.error(`note: ${note}`);
  return recording;
}

/** Larger recordings are only checked on request. */
const CHEAP_BYTES = 1 << 25;

/** Compares `core:sha512` with the file: a note where it differs, a FormatError where the user asked. */
function checkHash(recording: Recording, asked: boolean): void {
  const wanted = recording.metadata.global['core:sha512']?.toLowerCase();
  if (wanted === undefined) {
    if (asked) throw new FormatError('recording.hash', `${recording.path}: carries no core:sha512 to compare with`);
    return;
  }
  if (!asked && recording.dataBytes > CHEAP_BYTES) return;
  if (recording.hash() === wanted) return;
  const text = `${recording.path}: core:sha512 differs; these are not the samples that the metadata was written for`;
  if (asked) throw new FormatError('recording.hash', text);
  console.error(`note: ${text}`);
}

/** The rate of a recording, or a ConfigError that says which flag gives it. */
export function rateOf(recording: Recording): number {
  if (recording.sampleRateHz !== null) return recording.sampleRateHz;
  throw new ConfigError('config.rate', `${recording.path}: its sampling rate is not known; give --rate`);
}

const suffixes: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9 };

/** Numbers between commas; NaN where there is none. */
export const numbersIn = (text: string): number[] =>
  text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));

/** 20M, 640k, 2.437G, 1e6 → a number. */
export function signedRate(value: string): number {
  const match = /^([+-]?[\d.]+(?:e[+-]?\d+)?)([kmg])?(?:Hz|S\/s|sps)?$/i.exec(value);
  const number =
    match === null ? Number.NaN : Number(match[1]) * (match[2] === undefined ? 1 : suffixes[match[2].toLowerCase()]);
  if (!Number.isFinite(number)) {
    throw new ConfigError('config.flag', `${value}: not a rate or frequency; write e.g. 20M, 640k, 2.437G or 1e6`, {
      value,
    });
  }
  return number;
}

export function rate(value: string): number {
  const number = signedRate(value);
  if (number <= 0) throw new ConfigError('config.flag', `${value}: a rate must be above 0`, { value });
  return number;
}

/** A parser of whole numbers of at least `least`. */
export const whole =
  (flag: string, least: number) =>
  (value: string): number => {
    const number = Number(value);
    if (value.trim() === '' || !Number.isInteger(number) || number < least) {
      throw new ConfigError('config.flag', `${flag} ${value}: must be a whole number of at least ${least}`, { value });
    }
    return number;
  };

/** A parser of numbers in [least, most]. */
export const decimal =
  (flag: string, least = -Infinity, most = Infinity) =>
  (value: string): number => {
    const number = Number(value);
    if (value.trim() === '' || !Number.isFinite(number) || number < least || number > most) {
      const both = Number.isFinite(least) && Number.isFinite(most);
      const range = both ? ` from ${least} to ${most}` : least === Number.MIN_VALUE ? ' above 0' : '';
      throw new ConfigError('config.flag', `${flag} ${value}: must be a number${range}`, { value });
    }
    return number;
  };
