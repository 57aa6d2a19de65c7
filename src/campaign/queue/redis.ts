import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { ConfigError, DeviceError } from '../../core/errors.js';

const CONNECT_MS = 5000;
const LONGEST_WAIT_MS = 2000;

/** A Redis address as it may be shown: without user and password. */
export const shownAddress = (url: string): string => url.replace(/\/\/[^/]*@/, '//');

/** A promise that is given up after `ms`: what listens there may not be a Redis and never answer. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = setTimeout(ms, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`no answer within ${ms / 1000} s`);
  });
  late.catch(() => undefined);
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}

/**
 * A connection that outlives restarts of the server: commands wait until it answers again.
 *
 * @param url `redis://[user:password@]host[:port][/database]`, or `rediss://` for TLS
 * @param onNote told once when the server stops answering, and once when it answers again
 * @throws ConfigError for an address that is none, DeviceError where no Redis answers
 */
export async function connectRedis(url: string, onNote: (note: string) => void): Promise<Redis> {
  if (!/^rediss?:\/\/[^/]/.test(url) || !URL.canParse(url)) {
    throw new ConfigError(
      'queue.address',
      `--queue ${shownAddress(url)}: must be the address of a Redis, e.g. redis://localhost:6379`,
    );
  }
  const address = shownAddress(url);
  let lost = false;
  let connected = false;
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_MS,
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (connected ? Math.min(100 * times, LONGEST_WAIT_MS) : null),
  });
  let reason = '';
  redis.on('error', (error: Error) => {
    reason = error.message === '' ? ((error as NodeJS.ErrnoException).code ?? 'no answer') : error.message;
    if (!connected || lost) return;
    lost = true;
    onNote(`${address} does not answer (${reason}); waiting for it`);
  });
  redis.on('ready', () => {
    if (lost) onNote(`${address} answers again`);
    lost = false;
  });
  try {
    await within(
      CONNECT_MS,
      redis.connect().then(() => redis.ping()),
    );
  } catch (cause) {
    redis.disconnect();
    const why = reason === '' ? (cause as Error).message : reason;
    throw new DeviceError(
      'queue.unreachable',
      `--queue ${address}: no Redis that can be used (${why}); start redis-server there, or correct the address`,
      { cause },
    );
  }
  connected = true;
  return redis;
}
