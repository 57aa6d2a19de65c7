import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { serveQueue } from '../campaign/queue/queue-worker.js';
import { shownAddress } from '../campaign/queue/redis.js';
import { ConfigError } from '../core/errors.js';
import { interruptible } from './interrupt.js';
import { workersOf } from './settings.js';

export function addWorker(program: Command): void {
  program
    .command('worker')
    .description('Compute frames of campaigns that sweep FILE.yaml --queue puts into a Redis, until it is ended.')
    .option('--queue <url>', 'the Redis, e.g. redis://localhost:6379')
    .option('--workers <n>', 'frames at once, each in a process; by default as many as there are cores')
    .action(async (options: { queue?: string }) => {
      const { queue } = options;
      if (queue === undefined)
        throw new ConfigError('queue.address', 'worker: give the Redis with --queue, e.g. redis://localhost:6379');
      const processes = workersOf(options) ?? availableParallelism();
      const { signal, release } = interruptible();
      try {
        const frames = await serveQueue(queue, {
          processes,
          signal,
          onReady: () => {
            console.error(`worker on ${shownAddress(queue)}: frames at once: ${processes}; Ctrl-C ends it`);
          },
          onNote: (note) => {
            console.error(`note: ${note}`);
          },
        });
        console.error(`${frames} frames computed`);
      } finally {
        release();
      }
    });
}
