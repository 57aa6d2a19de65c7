import { hostname } from 'node:os';
import { type Job, WaitingError, Worker } from 'bullmq';
import { AbortedError, ConfigError, LinkError } from '../../core/errors.js';
import { createFramePool } from '../frame-pool.js';
import { jobVersions, KEEP_S, packError, packProducts, QUEUE, resultKey, unpackJob } from './frame-queue.js';
import { planDifference } from '../plan.js';
import { connectRedis } from './redis.js';

/** A job is another worker's this long after its own was last heard of. */
const LOCK_MS = 10_000;
/** Workers that may be killed over one job before it is given up. */
const KILLS = 20;

export interface QueueWorkerOptions {
  /** Frames computed at once, each in a process of its own. */
  readonly processes: number;
  readonly signal: AbortSignal;
  /** Told once Redis has answered. */
  readonly onReady: () => void;
  readonly onNote: (note: string) => void;
}

/**
 * Takes jobs from the queue until `signal` is aborted; what is being worked on then goes back to the queue.
 *
 * @returns how many frames it computed
 * @throws ConfigError where its version is not the campaign's; as `connectRedis`
 */
export async function serveQueue(
  url: string,
  { processes, signal, onReady, onNote }: QueueWorkerOptions,
): Promise<number> {
  const redis = await connectRedis(url, onNote);
  onReady();
  const pool = createFramePool(processes, { apart: true });
  const name = `${hostname()}-${process.pid}`;
  let frames = 0;
  let refuse: (error: unknown) => void = () => undefined;
  const ended = new Promise<void>((done, failed) => {
    refuse = failed;
    signal.addEventListener('abort', () => {
      done();
    });
    if (signal.aborted) done();
  });

  const work = async (queued: Job<string>, token?: string): Promise<void> => {
    const id = queued.id!;
    const giveBack = async (): Promise<never> => {
      await queued.moveToWait(token);
      throw new WaitingError();
    };
    const { job, versions } = unpackJob(queued.data);
    // Done already, by a worker that was killed before it could say so.
    if ((await redis.exists(resultKey(id))) === 1) return;
    try {
      const difference = planDifference(versions, await jobVersions(job.config));
      if (difference !== null) {
        refuse(
          new ConfigError(
            'queue.version',
            `the campaign in the queue needs another installation than this worker's: ${difference}`,
          ),
        );
        return await giveBack();
      }
      const products = await pool.run(job, signal);
      await redis.set(resultKey(id), packProducts(products), 'EX', KEEP_S);
      frames += products.length;
    } catch (error) {
      if (error instanceof AbortedError) return giveBack();
      if (error instanceof WaitingError) throw error;
      throw new LinkError('queue.job', packError(error, name), { cause: error });
    }
  };
  // One for each process, so that the coordinator sees how many there are.
  const workers = Array.from({ length: processes }, (_, i) => {
    const worker = new Worker<string>(QUEUE, work, {
      connection: redis,
      name: `${name}-${i + 1}`,
      lockDuration: LOCK_MS,
      stalledInterval: LOCK_MS / 2,
      maxStalledCount: KILLS,
    });
    // What the connection has to say is said once, by connectRedis; a job lost to another worker is that one's.
    worker.on('error', () => undefined);
    return worker;
  });
  try {
    await ended;
    return frames;
  } finally {
    await Promise.race([
      Promise.allSettled(workers.map((worker) => worker.close())),
      new Promise((done) => setTimeout(done, LOCK_MS / 2)),
    ]);
    await pool.close();
    redis.disconnect();
  }
}
