import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { lastValueFrom, takeUntil, toArray, Observable } from 'rxjs';
import type { LinkConfig } from '../config/schema.js';
import { AbortedError } from '../core/errors.js';
import { createWorkerProcess, WorkerCrash, type WorkerProcess } from '../link/live/worker-process.js';
import { createJobRunner, type FrameJob, type FrameProduct } from './frame-job.js';

/** Runs jobs on as many processes as it has; more jobs than that wait. */
export interface FramePool {
  /** Jobs at work at once; may change while it runs. */
  readonly size: number;
  /** @throws AbortedError once `signal` is aborted; WorkerCrash when a job has ended its process three times */
  run(job: FrameJob, signal: AbortSignal): Promise<readonly FrameProduct[]>;
  /** Told that a job's results have been put where they belong, and need not be kept. */
  forget?(job: FrameJob): void;
  close(): Promise<void>;
}

const ATTEMPTS = 3;
/** Frames that make up for the second it takes to start a process. */
const FRAMES_PER_WORKER = 32;

/**
 * How many processes a run is worth: all cores, each with `run.threads`; one where the networks run on an accelerator, or
 * the run is too short to make up for starting them.
 */
export function workersFor({ run }: LinkConfig, frames: number): number {
  if (run.executionProvider !== 'cpu' || run.backend === 'tfjs-node-gpu') return 1;
  const cores = Math.max(1, Math.floor(availableParallelism() / run.threads));
  return Math.min(cores, Math.max(1, Math.floor(frames / FRAMES_PER_WORKER)));
}

/** @param size 1 runs in this process, unless `apart`; more are processes of their own, restarted when one crashes */
export function createFramePool(size: number, { apart = size > 1 }: { apart?: boolean } = {}): FramePool {
  const entry = fileURLToPath(new URL('frame-worker.js', import.meta.url));
  const workers = apart
    ? Array.from({ length: size }, (_, i) => remote(createWorkerProcess({ name: `worker ${i + 1}`, entry })))
    : [local()];
  const idle = [...workers];
  const waiting: ((worker: Worker) => void)[] = [];
  const take = (): Promise<Worker> => {
    const worker = idle.pop();
    return worker === undefined ? new Promise((give) => waiting.push(give)) : Promise.resolve(worker);
  };
  const giveBack = (worker: Worker): void => {
    const next = waiting.shift();
    if (next === undefined) idle.push(worker);
    else next(worker);
  };
  return {
    size,
    async run(job, signal) {
      for (let attempt = 1; ; attempt++) {
        const worker = await take();
        try {
          if (signal.aborted) throw new AbortedError('the link');
          return await worker.run(job, signal);
        } catch (error) {
          if (!(error instanceof WorkerCrash) || attempt === ATTEMPTS || signal.aborted) throw error;
        } finally {
          giveBack(worker);
        }
      }
    },
    async close() {
      await Promise.all(workers.map((worker) => worker.close()));
    },
  };
}

interface Worker {
  run(job: FrameJob, signal: AbortSignal): Promise<readonly FrameProduct[]>;
  close(): Promise<void>;
}

function local(): Worker {
  const runner = createJobRunner();
  return {
    async run(job, signal) {
      const products: FrameProduct[] = [];
      for await (const product of runner.run(job, signal)) products.push(product);
      return products;
    },
    close: () => runner.dispose(),
  };
}

function remote(process: WorkerProcess): Worker {
  return {
    async run(job, signal) {
      const products = process.call<FrameProduct>('frames', job).pipe(takeUntil(aborted(signal)), toArray());
      const all = await lastValueFrom(products);
      if (signal.aborted) throw new AbortedError('the link');
      return all;
    },
    close: () => process.close(),
  };
}

const aborted = (signal: AbortSignal): Observable<unknown> =>
  new Observable((subscriber) => {
    const abort = (): void => {
      subscriber.next(null);
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort);
    return () => {
      signal.removeEventListener('abort', abort);
    };
  });

/**
 * Results of jobs in the jobs' order, whatever order they end in; at most three for each of the pool's processes are at
 * work or wait for their turn, so memory does not grow with their number. Jobs are drawn one at a time, and those that the consumer has made needless
 * by then need not be drawn.
 */
export async function* inOrder<J extends FrameJob>(
  pool: FramePool,
  jobs: Iterable<J>,
  signal: AbortSignal,
): AsyncIterable<{ readonly job: J; readonly products: readonly FrameProduct[] }> {
  const controller = new AbortController();
  const stop = (): void => {
    controller.abort();
  };
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  const open: { job: J; products: Promise<readonly FrameProduct[]> }[] = [];
  const drawn = jobs[Symbol.iterator]();
  try {
    for (;;) {
      while (open.length < 3 * pool.size) {
        const next = drawn.next();
        if (next.done === true) break;
        const products = pool.run(next.value, controller.signal);
        // Its error is seen when its turn comes.
        products.catch(() => undefined);
        open.push({ job: next.value, products });
      }
      const first = open.shift();
      if (first === undefined) return;
      yield { job: first.job, products: await first.products };
      pool.forget?.(first.job);
    }
  } finally {
    stop();
    signal.removeEventListener('abort', stop);
    await Promise.allSettled(open.map(({ products }) => products));
  }
}
