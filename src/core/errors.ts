/**
 * Errors that a user can act on. `message` is one line: what is wrong, where, what to do.
 * "No frame found" and "low SNR" are results, not errors.
 */
export class LinkError extends Error {
  /** A stable name for scripts, for example `config.unknown-key`. */
  readonly code: string;
  /** The offending value, where there is one. */
  readonly value: unknown;

  constructor(code: string, message: string, options: { cause?: unknown; value?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.value = options.value;
  }
}

/** A setting is unknown or out of range. */
export class ConfigError extends LinkError {}
/** Arrays or graphs do not fit each other. */
export class ShapeError extends LinkError {}
/** A file is missing, damaged or not what it claims to be. */
export class FormatError extends LinkError {}
/** A radio, a driver or an instrument does not do what it should. */
export class DeviceError extends LinkError {}
/** The work was cancelled by its AbortSignal. */
export class AbortedError extends LinkError {
  constructor(what: string) {
    super('aborted', `${what} was cancelled`);
  }
}

/** Throws AbortedError if `signal` has been aborted. */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) throw new AbortedError(what);
}

/** What went wrong, as one line. */
export const firstLine = (error: unknown): string =>
  error instanceof Error ? error.message.split('\n')[0] : String(error);
