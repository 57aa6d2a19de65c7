import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ConfigError, FormatError } from '../core/errors.js';

const pattern = z.string().refine((text) => {
  try {
    new RegExp(text);
    return true;
  } catch {
    return false;
  }
}, 'must be a regular expression');

const exchange = z.strictObject({
  /** What is sent; {value} stands for the value as `format` writes it. The terminator is added. */
  send: z.string().min(1),
  /** Pattern of the whole answering line, or null for an instrument that does not answer. */
  expect: pattern.nullable(),
});

const quantity = z.strictObject({
  unit: z.string(),
  min: z.number().optional(),
  max: z.number().optional(),
  /** Values are rounded to multiples of it. */
  step: z.number().positive().optional(),
  /** Names that stand for what the instrument takes, in place of numbers. */
  choices: z.record(z.string(), z.string()).optional(),
  /** Digits behind the point, and least digits before it. */
  format: z.strictObject({ digits: z.int().min(0).max(9), pad: z.int().min(0).max(9) }).optional(),
  set: exchange.optional(),
  /** Group 1 of `expect` is the value. */
  get: exchange.optional(),
  /** Pattern of whole lines among those that come by themselves (NMEA); group 1 is the value. */
  listen: pattern.optional(),
  /** Where the instrument takes time: the value read back must come this near within so many milliseconds. */
  settle: z.strictObject({ tolerance: z.number().min(0), timeoutMs: z.int().positive() }).optional(),
});

/** A bench instrument, defined by data alone. Files of firmware-configs/instruments. */
export const instrumentProfileSchema = z.strictObject({
  kind: z.enum(['attenuator', 'switch', 'rotator', 'gps-clock']),
  name: z.string().min(1),
  port: z.strictObject({
    baudRate: z.int().positive(),
    dataBits: z.union([z.literal(7), z.literal(8)]).default(8),
    parity: z.enum(['none', 'even', 'odd']).default('none'),
    stopBits: z.union([z.literal(1), z.literal(2)]).default(1),
  }),
  terminator: z.strictObject({ send: z.string(), receive: z.string().min(1) }),
  /** `nmea`: lines end in *HH, the exclusive or of what is between $ and *; lines that do not fit are left out. */
  checksum: z.enum(['none', 'nmea']).default('none'),
  timeoutMs: z.int().positive(),
  retries: z.int().min(0).max(10),
  identify: exchange.optional(),
  /**
   * SCPI's error queue: `clear` is sent before the first command, `send` behind each setting and where an answer is missing, until
   * group 1 of `expect` is 0; group 2 is the message. A line that fits while an answer is due, and is none, is an error at once.
   */
  errors: z.strictObject({ clear: z.string().min(1), send: z.string().min(1), expect: pattern }).optional(),
  quantities: z.record(z.string(), quantity),
  source: z.string().min(1),
});

export type InstrumentProfile = z.infer<typeof instrumentProfileSchema>;
export type Quantity = InstrumentProfile['quantities'][string];

export const instrumentFolder = fileURLToPath(new URL('../../firmware-configs/instruments/', import.meta.url));

export const instrumentNames = (): string[] =>
  readdirSync(instrumentFolder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => basename(file, '.json'))
    .sort();

/**
 * A profile by its shipped name or by the path of a file.
 * @throws ConfigError if there is none; FormatError naming file and field if it is wrong
 */
export function readInstrumentProfile(nameOrPath: string): InstrumentProfile {
  const shipped = join(instrumentFolder, `${nameOrPath}.json`);
  const path = existsSync(shipped) ? shipped : nameOrPath;
  if (!existsSync(path)) {
    throw new ConfigError(
      'instrument.profile',
      `${nameOrPath}: no such instrument profile; give a file or one of ${instrumentNames().join(', ')}`,
      {
        value: nameOrPath,
      },
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new FormatError('instrument.file', `${path}: cannot be read as JSON`, { cause });
  }
  const parsed = instrumentProfileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new FormatError(
    'instrument.field',
    `${path}: ${issue.path.map(String).join('.') || 'the file'}: ${issue.message}`,
  );
}
