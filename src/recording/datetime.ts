/** ISO 8601 as people write it: `T` or a space, seconds or none, point or comma, `Z`, an offset, or nothing (UTC). */
const WRITTEN =
  /^(\d{4})-?(\d{2})-?(\d{2})(?:[Tt _]+(\d{2}):?(\d{2})(?::?(\d{2})(?:[.,](\d+))?)?)?\s*(?:[Zz]|UTC|([+-])(\d{2})(?::?(\d{2}))?)?$/;

interface Instant {
  /** Seconds since 1970, UTC. */
  readonly seconds: number;
  /** Digits behind the point of the seconds. */
  readonly fraction: string;
}

function instant(text: string): Instant | null {
  const match = WRITTEN.exec(text.trim());
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((part) => Number(part ?? 0));
  const ms = Date.UTC(year, month - 1, day, hour, minute, Math.min(second, 59));
  const back = new Date(ms);
  if (back.getUTCMonth() !== month - 1 || back.getUTCDate() !== day || hour > 23 || minute > 59 || second > 60)
    return null;
  const offset = (Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0)) * (match[8] === '-' ? -1 : 1);
  return { seconds: ms / 1000 + (second === 60 ? 1 : 0) - 60 * offset, fraction: match[7] ?? '' };
}

const formatted = (seconds: number, fraction: string): string =>
  `${new Date(seconds * 1000).toISOString().slice(0, 19)}${fraction === '' ? '' : `.${fraction}`}Z`;

/** The same instant as SigMF wants it, `2024-01-01T12:00:00.123Z`, every digit kept; null for what is no date. */
export function sigmfDatetime(text: string): string | null {
  const at = instant(text);
  return at === null ? null : formatted(at.seconds, at.fraction);
}

/**
 * A SigMF datetime later by `samples` / `rateHz` seconds, to the nanosecond (or the digits it had, if more).
 * @returns the text itself where it is no date
 */
export function laterDatetime(text: string, samples: number, rateHz: number): string {
  const at = instant(text);
  if (at === null || samples === 0) return text;
  const digits = Math.max(9, at.fraction.length);
  const whole = Math.floor(samples / rateHz);
  const rest = Math.round(((samples - whole * rateHz) / rateHz) * 1e9);
  const unit = 10n ** BigInt(digits);
  const sum = BigInt(at.fraction.padEnd(digits, '0')) + BigInt(rest) * 10n ** BigInt(digits - 9);
  const fraction = (sum % unit).toString().padStart(digits, '0').replace(/0+$/, '');
  return formatted(at.seconds + whole + Number(sum / unit), fraction.padEnd(Math.min(3, fraction.length), '0'));
}
