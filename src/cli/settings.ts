import type { Command } from 'commander';
import { parse } from 'yaml';
import { assign, type RawConfig, readConfigFile, resolveConfig } from '../config/load.js';
import { PHOTO_CODEC, setPhotoCodec, wantsPhotoCodec } from '../config/photo-settings.js';
import type { LinkConfig } from '../config/schema.js';
import { ConfigError, firstLine } from '../core/errors.js';
import { modelNames } from '../core/shipped-models.js';
import { builtinReceivers, checkReceiverNames } from '../link/setting/receivers.js';
import { openPictures, type PictureSource } from '../source/picture-source.js';

/** Flags that stand for a setting: flag, what it takes, setting, explanation. */
const flags = [
  [
    '--receiver <names>',
    'receiver.names',
    `comma-separated: ${builtinReceivers.map(({ name }) => name).join(', ')}, or a .mjs file`,
    list,
  ],
  ['--codec <name|card>', 'codec', 'shipped codec, or the path of a card', text],
  ['--prior <name|card>', 'prior', 'shipped prior, or the path of a card', text],
  ['--frames <n>', 'run.frames', 'frames to send; pictures repeat', number],
  ['--snr <dB>', 'snrDb', 'CSNR in dB', number],
  ['--design-snr <dB>', 'designSnrDb', 'CSNR both ends believe in, where not the same', number],
  ['--snr-convention <name>', 'snrConvention', 'received or average', text],
  [
    '--channel <name>',
    'channel.taps',
    'exponential[:taps[:decay]], flat, awgn (or identity), EPA … TDL-E, rician:K, drive-by, csi:FILE, or a file of taps',
    taps,
  ],
  ['--coherence <what>', 'channel.coherence', 'a channel for each packet, or one for the frame', text],
  ['--doppler <Hz>', 'channel.dopplerHz', 'maximum Doppler frequency', number],
  ['--cfo <subcarriers>', 'channel.cfoSubcarriers', 'carrier offset in subcarrier spacings', number],
  ['--rho <share>', 'rho', 'power share of the superimposed pilot', number],
  ['--profile <name>', 'ofdm.profile', 'paper or ota', text],
  ['--pilots <n>', 'ofdm.pilotSymbols', 'pilot symbols a packet; 0 sends none', number],
  ['--clipping <ratio>', 'ofdm.clippingRatio', 'amplitude limit over the mean amplitude', number],
  ['--cp <samples>', 'ofdm.cyclicPrefixLength', 'cyclic prefix', number],
  ['--rank <r>', 'receiver.blindEm.rank', "directions of the codeword's covariance", number],
  ['--starts <n>', 'receiver.blindEm.starts', 'starts at most', number],
  ['--decoder <name>', 'receiver.decoder', "the codec's decoder for what is shown: own, perceptual", text],
  ['--decoder-share <share>', 'receiver.decoderShare', '0 the own decoder’s picture … 1 that one’s', number],
  ['--quality <name>', 'receiver.blindHifi.quality', 'fast, balanced or best', text],
  ['--perception <share>', 'receiver.blindHifi.perception', '0 the decoder’s picture … 1 the sample', number],
  ['--seed <n>', 'seed', 'seeds everything random', number],
  ['--threads <n>', 'run.threads', 'threads in one operator', number],
  ['--runtime <name>', 'run.runtime', 'onnx or tfjs', text],
  ['--out <folder>', 'run.out', 'folder for results', text],
] as const;

/** Flags of settings; `without` names those (`--snr`) that a command has no use for. */
export function addSettings(command: Command, { without = [] }: { without?: readonly string[] } = {}): Command {
  for (const [flag, setting, explanation] of flags) {
    if (!without.includes(flag.split(' ')[0])) command.option(flag, `${explanation} (${setting})`);
  }
  return command
    .option('--config <file>', 'YAML file of settings; flags win over it')
    .option('--set <path=value>', 'any setting, e.g. receiver.blindEm.passes=30; repeatable', collect, [])
    .option('--no-save', 'keep no results (run.out: null)')
    .option('--print-config', 'print the resolved settings and stop');
}

/** The flag of networks that judge received pictures. */
export const addFeatureNetworks = (command: Command): Command =>
  command.option(
    '--feature-network <card>',
    'LPIPS, DISTS or FID of received pictures by this network; repeatable (run.featureNetworks)',
    collect,
    [],
  );

export const addWorkers = (command: Command): Command =>
  command.option(
    '--workers <n>',
    'processes, each with run.threads threads; by default as many as the cores are good for',
  );

/** `--workers`; null where it is not given. Throws ConfigError. */
export function workersOf(options: Readonly<Record<string, unknown>>): number | null {
  const given = options['workers'];
  if (typeof given !== 'string') return null;
  const workers = number(given, '--workers');
  if (!Number.isInteger(workers) || workers < 1 || workers > 1024) {
    throw new ConfigError('config.flag', `--workers ${given}: must be a whole number from 1 to 1024`, { value: given });
  }
  return workers;
}

/**
 * Settings from `base`, file and flags, later ones winning, checked and frozen. Built-in photographs bring their codec
 * where none is named. Throws ConfigError.
 */
export function settingsFrom(
  options: Readonly<Record<string, unknown>>,
  pictures: readonly string[],
  base: RawConfig = {},
): LinkConfig {
  const raw: RawConfig = typeof options['config'] === 'string' ? merge(base, readConfigFile(options['config'])) : base;
  if (pictures.length > 0) raw['pictures'] = pictures;
  for (const { path, value } of givenSettings(options)) assign(raw, path, value);
  if (wantsPhotoCodec(raw)) {
    if (modelNames('codec').includes(PHOTO_CODEC)) setPhotoCodec(raw);
    else console.error(`note: codec ${PHOTO_CODEC} is not installed, so the usual one sends the photographs`);
  }
  const config = resolveConfig(raw);
  checkReceiverNames(config);
  return config;
}

/** Settings that flags give, in the order in which later ones win. Throws ConfigError. */
function givenSettings(
  options: Readonly<Record<string, unknown>>,
): { readonly flag: string; readonly path: string; readonly value: unknown }[] {
  const networks = options['featureNetwork'] as readonly string[] | undefined;
  return [
    ...flags.flatMap(([usage, path, , convert]) => {
      const flag = usage.split(' ')[0];
      const given = options[flag.slice(2).replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())];
      return typeof given === 'string' ? [{ flag, path, value: convert(given, flag) }] : [];
    }),
    ...(networks !== undefined && networks.length > 0
      ? [{ flag: '--feature-network', path: 'run.featureNetworks', value: networks }]
      : []),
    ...(options['save'] === false ? [{ flag: '--no-save', path: 'run.out', value: null }] : []),
    ...(options['set'] as string[]).map((entry) => {
      const at = entry.indexOf('=');
      if (at < 1) throw new ConfigError('config.flag', `--set ${entry}: write it as path=value, e.g. rho=0.01`);
      return { flag: `--set ${entry}`, path: entry.slice(0, at), value: yamlOf(`--set ${entry}`, entry.slice(at + 1)) };
    }),
  ];
}

/** A value as YAML has it. Throws ConfigError, one line. */
export function yamlOf(flag: string, text: string): unknown {
  try {
    return parse(text) as unknown;
  } catch (cause) {
    throw new ConfigError('config.flag', `${flag}: is not YAML (${firstLine(cause).replace(/:$/, '')})`, {
      value: text,
      cause,
    });
  }
}

/**
 * Options with settings of a point.
 * @throws ConfigError where a flag gives one of them too
 */
export function withSettings(
  options: Readonly<Record<string, unknown>>,
  at: Iterable<readonly [string, unknown]>,
): Record<string, unknown> {
  const own = [...at];
  const given = givenSettings(options);
  for (const [path] of own) {
    const clash = given.find((one) => isWithin(one.path, path) || isWithin(path, one.path));
    if (clash !== undefined) {
      throw new ConfigError(
        'config.twice',
        `${clash.flag}: sets ${clash.path}, and so do the points that are swept (${path}); leave one of them out`,
      );
    }
  }
  return {
    ...options,
    set: [...(options['set'] as string[]), ...own.map(([path, value]) => `${path}=${JSON.stringify(value)}`)],
  };
}

/** Whether a setting's path is another's, or lies in the section that the other names. */
const isWithin = (path: string, section: string): boolean => path === section || path.startsWith(`${section}.`);

/** The pictures that the settings name, `run.frames` of them where that is set. */
export const openSource = ({ pictures, source, run }: LinkConfig): PictureSource =>
  openPictures(pictures, { maxPixels: source.maxPixels, ...(run.frames ? { frames: run.frames } : {}) });

/** Sections of `over` into those of `base`. */
function merge(base: RawConfig, over: RawConfig): RawConfig {
  const result: RawConfig = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = result[key];
    const isSection = (v: unknown): v is RawConfig => typeof v === 'object' && v !== null && !Array.isArray(v);
    result[key] = isSection(before) && isSection(value) && !('kind' in value) ? merge(before, value) : value;
  }
  return result;
}

function text(value: string): string {
  return value;
}

function number(value: string, flag: string): number {
  const result = Number(value);
  if (value.trim() === '' || !Number.isFinite(result)) {
    throw new ConfigError('config.flag', `${flag} ${value}: must be a number`, { value });
  }
  return result;
}

function list(value: string): string[] {
  return value.split(',').map((part) => part.trim());
}

const profileNames = ['EPA', 'EVA', 'ETU', 'TDL-A', 'TDL-B', 'TDL-C', 'TDL-D', 'TDL-E'];

/** Numbers behind a channel's name; two behind a profile's. */
const MOST_PARTS: Readonly<Record<string, number>> = { flat: 0, awgn: 0, identity: 0, rician: 4, 'drive-by': 3 };

function taps(value: string, flag: string): Record<string, unknown> {
  const [name, ...rest] = value.split(':');
  const most = MOST_PARTS[name.toLowerCase()] ?? (name.toLowerCase() === 'csi' ? Infinity : 2);
  if (rest.length > most && !/\.(npy|npz|csv)$/i.test(value)) {
    throw new ConfigError('config.flag', `${flag} ${value}: ${name} takes at most ${most} numbers`, { value });
  }
  const profile = profileNames.find((known) => known.toLowerCase() === name.toLowerCase());
  if (name === 'exponential') {
    return { kind: 'exponential', numTaps: number(rest[0] ?? '8', flag), decay: number(rest[1] ?? '4', flag) };
  }
  // What people call a channel that does nothing but add noise.
  if (name.toLowerCase() === 'awgn') return { kind: 'identity' };
  if (name === 'flat' || name === 'identity') return { kind: name };
  if (profile !== undefined) {
    const sampleRateHz = number(rest[0] ?? '1e6', flag);
    return {
      kind: 'profile',
      name: profile,
      sampleRateHz,
      ...(rest[1] ? { delaySpreadS: number(rest[1], flag) } : {}),
    };
  }
  if (name === 'rician') {
    const [kFactorDb, angleDeg, numTaps, decay] = rest.map((part) => number(part, `${flag} ${value}:`));
    return { kind: 'rician', ...defined({ kFactorDb: kFactorDb ?? 6, angleDeg, numTaps, decay }) };
  }
  if (name === 'drive-by') {
    const [carrierHz, speedMps, sampleRateHz] = rest.map((part) => number(part, `${flag} ${value}:`));
    const usual = { carrierHz: 5.9e9, speedMps: 30, sampleRateHz: 1e6 };
    return { kind: 'drive-by', ...usual, ...defined({ carrierHz, speedMps, sampleRateHz }) };
  }
  const csi = /^csi:(.+?\.np[yz])(?::([^:]+))?$/i.exec(value);
  if (csi !== null) {
    return { kind: 'csi', path: csi[1], ...(csi[2] ? { sampleIntervalS: number(csi[2], flag) } : {}) };
  }
  if (/\.(npy|npz|csv)$/i.test(value)) return { kind: 'file', path: value };
  throw new ConfigError(
    'config.flag',
    `${flag} ${value}: must be exponential[:taps[:decay]], flat, awgn, identity, ${profileNames.join(', ')} ` +
      '(NAME:sampleRateHz[:delaySpreadS]), rician[:K in dB[:angle[:taps[:decay]]]], drive-by[:carrierHz[:m/s[:sampleRateHz]]], ' +
      'csi:FILE[:interval in s] or a .npy, .npz or .csv file of taps',
    { value },
  );
}

/** What is given. */
const defined = (fields: Record<string, number | undefined>): Record<string, number> =>
  Object.fromEntries(Object.entries(fields).filter((entry): entry is [string, number] => entry[1] !== undefined));

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}
