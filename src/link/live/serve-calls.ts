import { ConfigError, LinkError } from '../../core/errors.js';
import type { FromWorker, Handlers, ToWorker } from './worker-link.js';

/**
 * The worker's side of `worker-process.ts`: answers calls until its parent is gone. Interrupts from the terminal reach
 * the whole group of processes; the parent decides what they mean, so they are ignored here.
 */
export function serveCalls(handlers: Handlers): void {
  const running = new Map<number, AbortController>();
  const send = (message: FromWorker): void => {
    // A parent that is going needs no answer.
    if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
  };
  const answer = async (id: number, method: string, argument: unknown): Promise<void> => {
    const controller = new AbortController();
    running.set(id, controller);
    try {
      for await (const value of handlers[method](argument as never, controller.signal))
        send({ kind: 'next', id, value });
      send({ kind: 'done', id });
    } catch (error) {
      const code = error instanceof LinkError ? error.code : 'worker.failed';
      const message = error instanceof Error ? error.message : String(error);
      send({ kind: 'error', id, code, message, usage: error instanceof ConfigError });
    } finally {
      running.delete(id);
    }
  };
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => undefined);
  // At once, whatever a network is computing: nothing here outlives its parent, and nothing here needs saving.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'cancel') running.get(message.id)?.abort();
    else void answer(message.id, message.method, message.argument);
  });
}
