import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { FormatError } from '../core/errors.js';

const range = z
  .tuple([z.number(), z.number()])
  .refine(([low, high]) => low <= high, 'the first must not exceed the second');

const side = z.strictObject({
  antennas: z.array(z.string().min(1)).min(1),
  /** dB, lowest and highest. */
  gainDb: range,
});

/** What a device can do, for checks before it is opened and for the lab guide. Files of firmware-configs/. */
export const deviceProfileSchema = z.strictObject({
  kind: z.literal('radio'),
  name: z.string().min(1),
  driver: z.enum(['uhd', 'soapy', 'iio']),
  /** For --args. */
  args: z.string(),
  /** Samples a second that it takes, and the master clocks they are whole fractions of; null: any within its range. */
  sampleRateHz: range,
  masterClockHz: z.union([z.array(z.number().positive()).min(1), z.strictObject({ range })]).nullable(),
  frequencyHz: range,
  tx: side.nullable(),
  rx: side.nullable(),
  wireFormats: z.array(z.string().min(1)).min(1),
  clockSources: z.array(z.string().min(1)).min(1),
  /** Distance of the local oscillator that keeps its leakage out of the band, in multiples of the sampling rate. */
  loOffset: z.number(),
  notes: z.array(z.string()),
  source: z.string().min(1),
});

export type DeviceProfile = z.infer<typeof deviceProfileSchema>;

export const profileFolder = fileURLToPath(new URL('../../firmware-configs/', import.meta.url));

/** Every radio profile that comes with blindlink. Throws FormatError naming the file and the field. */
export function deviceProfiles(folder = join(profileFolder, 'radios')): DeviceProfile[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .map((file) => readProfile(join(folder, file)));
}

function readProfile(path: string): DeviceProfile {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new FormatError('profile.file', `${path}: cannot be read as JSON`, { cause });
  }
  const parsed = deviceProfileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FormatError(
    'profile.field',
    `${basename(path)}: ${issue.path.map(String).join('.') || 'the file'}: ${issue.message}`,
  );
}

/** Why settings do not suit a device, one line each; nothing where they do. */
export function profileProblems(
  profile: DeviceProfile,
  settings: {
    readonly sampleRateHz: number;
    readonly frequencyHz: number;
    readonly txGainDb?: number | undefined;
    readonly rxGainDb?: number | undefined;
    readonly txAntenna?: string | undefined;
    readonly rxAntenna?: string | undefined;
    readonly transmits: boolean;
    readonly receives: boolean;
  },
): string[] {
  const problems: string[] = [];
  const within = (what: string, value: number, [low, high]: readonly [number, number], unit: string): void => {
    if (value < low || value > high)
      problems.push(`${profile.name}: ${what} ${value} ${unit} is outside ${low} to ${high}`);
  };
  within('rate', settings.sampleRateHz, profile.sampleRateHz, 'S/s');
  within('frequency', settings.frequencyHz, profile.frequencyHz, 'Hz');
  const clocks = profile.masterClockHz;
  if (Array.isArray(clocks)) {
    const fits = clocks.some((clock) => {
      const ratio = clock / settings.sampleRateHz;
      return Math.abs(ratio - Math.round(ratio)) < 1e-6 * ratio;
    });
    if (!fits)
      problems.push(
        `${profile.name}: rate ${settings.sampleRateHz} S/s is no whole fraction of a master clock (${clocks.join(', ')} Hz)`,
      );
  }
  const check = (what: 'tx' | 'rx', gain: number | undefined, antenna: string | undefined): void => {
    const part = profile[what];
    if (part === null) {
      problems.push(`${profile.name}: cannot ${what === 'tx' ? 'transmit' : 'receive'}`);
      return;
    }
    if (gain !== undefined) within(`${what} gain`, gain, part.gainDb, 'dB');
    if (antenna !== undefined && !part.antennas.includes(antenna)) {
      problems.push(`${profile.name}: has no ${what} antenna ${antenna}; it has ${part.antennas.join(', ')}`);
    }
  };
  if (settings.transmits) check('tx', settings.txGainDb, settings.txAntenna);
  if (settings.receives) check('rx', settings.rxGainDb, settings.rxAntenna);
  return problems;
}

/** The profile that device arguments name by a pair of theirs (type=x300, driver=rtlsdr); null where none or several fit. */
export function profileFor(args: string, profiles: readonly DeviceProfile[] = deviceProfiles()): DeviceProfile | null {
  const given = new Set(args.split(',').map((pair) => pair.trim()));
  const fitting = profiles.filter(
    (profile) => profile.args !== '' && profile.args.split(',').every((pair) => given.has(pair)),
  );
  return fitting.length === 1 ? fitting[0] : null;
}
