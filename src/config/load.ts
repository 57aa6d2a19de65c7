import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { ConfigError, firstLine } from '../core/errors.js';
import { nearest } from './nearest.js';
import { type LinkConfig, linkConfigSchema } from './schema.js';

/** Settings as nested plain objects, not yet checked. */
export type RawConfig = Record<string, unknown>;

/**
 * Reads a YAML (or JSON) file of settings.
 * @param given where its path was given, for messages
 * @throws ConfigError, one line
 */
export function readConfigFile(path: string, given = 'to --config'): RawConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new ConfigError('config.file', `${path}: cannot be read; check the path given ${given}`, { cause });
  }
  let value: unknown;
  try {
    value = parse(text, { logLevel: 'error' });
  } catch (cause) {
    throw new ConfigError('config.yaml', `${path}: not YAML (${firstLine(cause)})`, { cause });
  }
  if (value === null || value === undefined) return {};
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new ConfigError(
      'config.yaml',
      `${path}: must hold settings as 'name: value', found a ${Array.isArray(value) ? 'list' : typeof value}`,
    );
  }
  return value as RawConfig;
}

/**
 * Sets `path` (dots between names) in `config`, creating sections on the way; undefined takes it away.
 * @throws ConfigError for names that objects have of themselves
 */
export function assign(config: RawConfig, path: string, value: unknown): void {
  const names = path.split('.');
  const inherited = names.find((name) => name in Object.prototype);
  if (inherited !== undefined) {
    throw new ConfigError('config.unknown-key', `${path}: no such setting`, { value: inherited });
  }
  const last = names.pop()!;
  let section = config;
  for (const name of names) {
    const next = section[name];
    if (typeof next === 'object' && next !== null) section = next as RawConfig;
    else section = section[name] = {} as RawConfig;
  }
  if (value === undefined) Reflect.deleteProperty(section, last);
  else section[last] = value;
}

/**
 * Checks settings, fills in defaults and freezes the result.
 * @throws ConfigError naming the path, the value and, for an unknown name, the nearest right one
 */
export function resolveConfig(raw: RawConfig): LinkConfig {
  const parsed = linkConfigSchema.safeParse(raw);
  if (!parsed.success) throw explain(parsed.error.issues[0], raw);
  return deepFreeze(parsed.data);
}

function explain(issue: z.core.$ZodIssue, raw: RawConfig): ConfigError {
  const path = issue.path.map(String);
  const where = path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const unknown = issue.keys[0];
    const known = keysAt(path, raw);
    const guess = nearest(unknown, known);
    const full = [...path, unknown].join('.');
    return new ConfigError(
      'config.unknown-key',
      `${full}: no such setting${guess === null ? `; known here: ${known.join(', ')}` : `, did you mean ${[...path, guess].join('.')}?`}`,
      { value: unknown },
    );
  }
  const value = path.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], raw);
  const got = value === undefined ? '' : ` is ${JSON.stringify(value)}`;
  let message = issue.message;
  if (issue.code === 'invalid_value') {
    const guess = typeof value === 'string' ? nearest(value, issue.values.map(String)) : null;
    message = `must be one of ${issue.values.map(String).join(', ')}${guess === null ? '' : `; did you mean ${guess}?`}`;
  } else if (issue.code === 'too_big') {
    message = `must be ${issue.inclusive === false ? 'below' : 'at most'} ${String(issue.maximum)}`;
  } else if (issue.code === 'too_small') {
    message =
      issue.origin === 'array' || issue.origin === 'string'
        ? 'must not be empty'
        : `must be ${issue.inclusive === false ? 'above' : 'at least'} ${String(issue.minimum)}`;
  } else if (issue.code === 'invalid_type') {
    const wanted = issue.expected === 'int' ? 'whole number' : issue.expected;
    message = `must be ${/^[aeiou]/.test(wanted) ? 'an' : 'a'} ${wanted}`;
  }
  return new ConfigError('config.value', `${where}${got}: ${message}`, { value });
}

/** Names that the schema knows in the section at `path`. */
function keysAt(path: readonly string[], raw: RawConfig): string[] {
  let schema: unknown = linkConfigSchema;
  let value: unknown = raw;
  for (const key of path) {
    const object = unwrap(schema, value);
    schema = object === null ? valuesOf(schema) : object.shape[key];
    value = (value as Record<string, unknown> | undefined)?.[key];
  }
  const object = unwrap(schema, value);
  return object === null ? [] : Object.keys(object.shape);
}

/** The schema that all values of a record have. */
function valuesOf(schema: unknown): unknown {
  if (schema instanceof z.ZodRecord) return schema.valueType;
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) return valuesOf(schema.unwrap());
  return null;
}

function unwrap(schema: unknown, value: unknown): z.ZodObject | null {
  if (schema instanceof z.ZodObject) return schema;
  if (schema instanceof z.ZodDiscriminatedUnion) {
    const kind = (value as { kind?: unknown } | undefined)?.kind;
    for (const option of schema.options) {
      if (
        option instanceof z.ZodObject &&
        option.shape['kind'] instanceof z.ZodLiteral &&
        option.shape['kind'].value === kind
      ) {
        return option;
      }
    }
    return null;
  }
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return unwrap(schema.unwrap(), value);
  }
  return null;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
