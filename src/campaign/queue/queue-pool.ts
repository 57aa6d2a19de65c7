import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Queue, QueueEvents } from 'bullmq';
import { AbortedError } from '../../core/errors.js';
import type { FrameJob, FrameProduct } from '../frame-job.js';
import { writeWhole } from '../../link/results/tables.js';
import type { FramePool } from '../frame-pool.js';
import {
  jobName,
  jobVersions,
  KEEP_S,
  packJob,
  QUEUE,
  type QueuedJob,
  resultKey,
  unpackError,
  unpackProducts,
} from './frame-queue.js';
import { connectRedis, shownAddress } from './redis.js';

const RUN_FILE = 'queue-run';
const ATTEMPTS = 3;
/** How often what Redis holds is compared with what is waited for, whatever events say. */
const SWEEP_MS = 1000;
/** Sweeps without a worker before the user is told. */
const PATIENCE = 5;
/** Workers assumed where Redis does not list its clients. */
const WORKERS_UNKNOWN = 16;

/**
 * The name that a campaign's jobs have in the queue, kept in its folder while it is unfinished: a coordinator that was
 * killed finds what its workers have done since, and a new campaign of the same file does not find another's results.
 */
export function queueRun(folder: string): { readonly name: string; forget(): void } {
  const file = join(folder, RUN_FILE);
  if (!existsSync(file)) writeWhole(file, randomUUID());
  return {
    name: readFileSync(file, 'utf8'),
    forget() {
      rmSync(file, { force: true });
    },
  };
}

interface Waiting {
  readonly job: FrameJob;
  resolve(products: readonly FrameProduct[]): void;
  reject(error: unknown): void;
}

/**
 * A pool whose workers are `blindlink worker` processes, anywhere. Redis holds jobs and results; whatever it forgets is
 * put in again.
 *
 * @param run names this campaign's jobs
 * @param onNote told when workers or Redis are missing
 * @throws ConfigError, DeviceError as `connectRedis`
 */
export async function openQueuePool(url: string, run: string, onNote: (note: string) => void): Promise<FramePool> {
  const redis = await connectRedis(url, onNote);
  const queue = new Queue(QUEUE, { connection: redis, streams: { events: { maxLen: 1000 } } });
  const events = new QueueEvents(QUEUE, { connection: redis.duplicate() });
  // What the connection has to say is said once, by connectRedis.
  queue.on('error', () => undefined);
  events.on('error', () => undefined);
  const waiting = new Map<string, Waiting>();
  let workers = 1;
  let closed = false;

  const add = async (name: string, job: FrameJob): Promise<void> => {
    const queued: QueuedJob = { job, versions: await jobVersions(job.config) };
    await queue.add('frames', packJob(queued), {
      jobId: name,
      attempts: ATTEMPTS,
      removeOnComplete: true,
      removeOnFail: { age: KEEP_S },
    });
  };
  /** Ends the wait for a job whose result or failure is there. */
  const look = async (name: string): Promise<void> => {
    const result = await redis.getBuffer(resultKey(name));
    const wanted = waiting.get(name);
    if (wanted === undefined) return;
    if (result !== null) {
      waiting.delete(name);
      wanted.resolve(unpackProducts(result));
      return;
    }
    const queued = await queue.getJob(name);
    if (queued === undefined) await add(name, wanted.job);
    else if (queued.finishedOn !== undefined && waiting.delete(name)) {
      await queued.remove();
      wanted.reject(unpackError(queued.failedReason));
    }
  };
  const looked = (name: string): void => {
    if (waiting.has(name)) void look(name).catch(() => undefined);
  };
  events.on('completed', ({ jobId }) => {
    looked(jobId);
  });
  events.on('failed', ({ jobId }) => {
    looked(jobId);
  });

  const countWorkers = async (): Promise<number> => {
    try {
      return await queue.getWorkersCount();
    } catch {
      return WORKERS_UNKNOWN;
    }
  };
  const sweeps = async (): Promise<void> => {
    for (let without = 0; !closed;) {
      try {
        const count = await countWorkers();
        workers = Math.max(1, count);
        without = count > 0 || waiting.size === 0 ? 0 : without + 1;
        if (without === PATIENCE)
          onNote(`no worker on the queue; start some with blindlink worker --queue ${shownAddress(url)}`);
        for (const name of [...waiting.keys()]) await look(name);
      } catch {
        // Redis went in the middle of it: the next sweep finds what this one missed.
      }
      await new Promise((done) => setTimeout(done, SWEEP_MS));
    }
  };
  void sweeps();

  return {
    get size() {
      return workers;
    },
    async run(job, signal) {
      if (signal.aborted) throw new AbortedError('the link');
      const name = jobName(run, job);
      const abort = (): void => {
        const wanted = waiting.get(name);
        waiting.delete(name);
        // One that is being worked on stays: its result will be there when the campaign goes on.
        void queue.remove(name).catch(() => undefined);
        wanted?.reject(new AbortedError('the link'));
      };
      const products = new Promise<readonly FrameProduct[]>((resolve, reject) => {
        waiting.set(name, { job, resolve, reject });
      });
      signal.addEventListener('abort', abort);
      try {
        const left = await queue.getJob(name);
        // A failure of an earlier run gets another chance.
        if (left?.finishedOn !== undefined) await left.remove();
        looked(name);
        return await products;
      } finally {
        signal.removeEventListener('abort', abort);
      }
    },
    forget(job) {
      // Not waited for: what stays for want of a connection expires.
      void redis.del(resultKey(jobName(run, job))).catch(() => undefined);
    },
    async close() {
      closed = true;
      await Promise.race([
        Promise.allSettled([redis.ping(), events.close(), queue.close()]),
        new Promise((done) => setTimeout(done, SWEEP_MS)),
      ]);
      redis.disconnect();
    },
  };
}
