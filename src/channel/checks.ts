import { ConfigError } from '../core/errors.js';

const say = (where: string, need: string, value: unknown): ConfigError =>
  new ConfigError('config.channel', `${where} must be ${need}, got ${String(value)}`, { value });

/** Each of these throws a ConfigError naming the setting, what it must be and what it was. */
export function requireFinite(where: string, value: number): void {
  if (!Number.isFinite(value)) throw say(where, 'a finite number', value);
}

export function requirePositive(where: string, value: number): void {
  if (!(value > 0) || !Number.isFinite(value)) throw say(where, 'a number above 0', value);
}

export function requireNonNegative(where: string, value: number): void {
  if (!(value >= 0) || !Number.isFinite(value)) throw say(where, 'a number of at least 0', value);
}

export function requireInteger(where: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw say(where, `a whole number from ${min} to ${max}`, value);
  }
}

export function requireBetween(where: string, value: number, min: number, max: number): void {
  if (!(value >= min && value <= max)) throw say(where, `between ${min} and ${max}`, value);
}
