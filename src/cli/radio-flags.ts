import type { Command } from 'commander';
import type { RadioRequest } from '../link/setting/radios.js';
import { radioUsages } from '../link/setting/radios.js';
import type { PictureSize } from '../link/stream/reception.js';
import type { LinkConfig } from '../config/schema.js';
import { ConfigError } from '../core/errors.js';
import { profileFor, profileProblems } from '../radio/device-profile.js';
import type { RadioCounters } from '../radio/radio.js';
import { decimal, rate, signedRate } from './input-file.js';

/** Flags of every command with a radio; UHD's habits. */
/** @param directions what the command does with a radio: only radios that can are named */
export function addRadioFlags(
  command: Command,
  usual: string,
  directions: readonly RadioRequest['direction'][] = ['rx', 'duplex'],
): Command {
  return command
    .option('--radio <name>', radioUsages(directions).join(', '), usual)
    .option('--args <text>', 'device arguments as UHD or SoapySDR take them, e.g. type=b200 or driver=rtlsdr')
    .option('--rate <Hz>', 'sampling rate, e.g. 1M (channel.sampleRateHz)', rate)
    .option('--freq <Hz>', 'centre frequency, e.g. 915M', signedRate)
    .option('--lo-offset <Hz>', 'distance of the local oscillator from it', signedRate)
    .option('--tx-gain <dB>', 'gain of the transmitter', decimal('--tx-gain'))
    .option('--rx-gain <dB>', 'gain of the receiver', decimal('--rx-gain'))
    .option('--tx-ant <name>', 'antenna of the transmitter, TX/RX by default')
    .option('--rx-ant <name>', 'antenna of the receiver, RX2 by default')
    .option('--subdev <spec>', 'subdevice, e.g. A:A')
    .option('--ref <source>', 'clock: internal, external or gpsdo')
    .option('--zmq-push <address>', 'zmq: where samples go', 'tcp://127.0.0.1:5555')
    .option('--zmq-pull <address>', 'zmq: where samples come from', 'tcp://127.0.0.1:5556');
}

export function radioRequest(
  options: Readonly<Record<string, unknown>>,
  direction: RadioRequest['direction'],
): RadioRequest {
  return {
    radio: options['radio'] as string,
    direction,
    args: options['args'] as string | undefined,
    rateHz: options['rate'] as number | undefined,
    frequencyHz: options['freq'] as number | undefined,
    loOffsetHz: options['loOffset'] as number | undefined,
    txGainDb: options['txGain'] as number | undefined,
    rxGainDb: options['rxGain'] as number | undefined,
    txAntenna: options['txAnt'] as string | undefined,
    rxAntenna: options['rxAnt'] as string | undefined,
    subdevice: options['subdev'] as string | undefined,
    clockSource: options['ref'] as string | undefined,
    zmqPush: options['zmqPush'] as string | undefined,
    zmqPull: options['zmqPull'] as string | undefined,
  };
}

/**
 * Says on standard error what a device's profile holds against the settings. No error: daughterboards and firmware differ,
 * and the device itself says what it took.
 */
export function noteProfile(request: RadioRequest, config: LinkConfig): void {
  const profile = profileFor(request.args ?? '');
  if (profile === null) return;
  const problems = profileProblems(profile, {
    sampleRateHz: request.rateHz ?? config.channel.sampleRateHz,
    frequencyHz: request.frequencyHz ?? 915e6,
    txGainDb: request.txGainDb,
    rxGainDb: request.rxGainDb,
    txAntenna: request.txAntenna,
    rxAntenna: request.rxAntenna,
    transmits: request.direction !== 'rx',
    receives: request.direction !== 'tx',
  });
  for (const problem of problems) console.error(`note: ${problem}`);
}

/** Says where a transmitter would have been overdriven. */
export function noteLimited(limited: number): void {
  if (limited > 0) console.error(`note: ${limited} samples beyond full scale were limited to it; lower --rms`);
}

/** 64x64 → a size. */
export function pictureSize(value: string): PictureSize {
  const match = /^(\d+)[x×](\d+)$/.exec(value);
  if (match === null || Number(match[1]) < 1 || Number(match[2]) < 1) {
    throw new ConfigError('config.flag', `--size ${value}: write it as WIDTHxHEIGHT, e.g. 64x64`, { value });
  }
  return { width: Number(match[1]), height: Number(match[2]) };
}

/** Flags of settings that make no sense where the channel is a real one. */
export const withoutChannel = ['--channel', '--coherence', '--doppler', '--cfo', '--snr-convention', '--clipping'];

/** What was lost, in words; nothing where nothing was. */
export function describeLosses(counters: RadioCounters): string {
  const { lostInDevice, lostInQueue, overruns, underruns, latePackets } = counters;
  const parts: string[] = [];
  if (lostInDevice > 0 || overruns > 0)
    parts.push(`${overruns} overrun(s), ${lostInDevice} samples lost in the device`);
  if (lostInQueue > 0) parts.push(`${lostInQueue} samples dropped because this machine was too slow`);
  if (underruns > 0) parts.push(`${underruns} underrun(s)`);
  if (latePackets > 0) parts.push(`${latePackets} late packet(s)`);
  return parts.join('; ');
}
