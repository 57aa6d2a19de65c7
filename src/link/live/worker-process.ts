import { type ChildProcess, fork } from 'node:child_process';
import { Observable, type Subscriber } from 'rxjs';
import { ConfigError, LinkError } from '../../core/errors.js';
import type { FromWorker, ToWorker } from './worker-link.js';

/** A worker ended while it was needed. */
export class WorkerCrash extends LinkError {}

export interface WorkerOptions {
  readonly name: string;
  /** The worker's program, a JavaScript file that calls `serveCalls`. */
  readonly entry: string;
  /** Told of every end that was not asked for, in words. */
  readonly onCrash?: (reason: string) => void;
  readonly onStart?: (pid: number) => void;
}

/**
 * A process that answers calls. It is started by the first call, and again by the next one after it crashed, at most
 * once in `backOffMs` (which doubles from 100 ms to 5 s while it goes on crashing).
 */
export interface WorkerProcess {
  /** Values of one call; unsubscribing cancels it there. Errors with WorkerCrash if the process ends before it is done. */
  call<T>(method: string, argument: unknown): Observable<T>;
  /** Ends the process at once, as a crash does. */
  kill(): void;
  /** Ends the process for good. */
  close(): Promise<void>;
}

const FIRST_BACK_OFF_MS = 100;
const LAST_BACK_OFF_MS = 5000;
const PATIENCE_MS = 2000;

export function createWorkerProcess({ name, entry, onCrash, onStart }: WorkerOptions): WorkerProcess {
  let child: ChildProcess | null = null;
  let closed = false;
  let nextId = 0;
  let backOffMs = FIRST_BACK_OFF_MS;
  let notBefore = 0;
  const calls = new Map<number, Subscriber<unknown>>();

  const post = (message: ToWorker): void => {
    if (child?.connected === true) child.send(message, () => undefined);
  };

  const end = (process: ChildProcess, reason: string): void => {
    if (child !== process) return;
    child = null;
    const open = [...calls.values()];
    calls.clear();
    if (!closed) {
      notBefore = performance.now() + backOffMs;
      backOffMs = Math.min(2 * backOffMs, LAST_BACK_OFF_MS);
      onCrash?.(reason);
    }
    for (const call of open) call.error(new WorkerCrash('worker.crashed', `${name}: its process ended (${reason})`));
  };

  const start = (): void => {
    const process = fork(entry, {
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [],
    });
    child = process;
    process.on('message', (message: FromWorker) => {
      const call = calls.get(message.id);
      if (call === undefined) return;
      if (message.kind === 'next') {
        call.next(message.value);
        return;
      }
      calls.delete(message.id);
      if (message.kind === 'error')
        call.error(new (message.usage ? ConfigError : LinkError)(message.code, message.message));
      else {
        backOffMs = FIRST_BACK_OFF_MS;
        call.complete();
      }
    });
    process.on('error', (error) => {
      end(process, error.message);
    });
    process.on('exit', (code, signal) => {
      end(process, signal === null ? `exit code ${code}` : `signal ${signal}`);
    });
    if (process.pid !== undefined) onStart?.(process.pid);
  };

  return {
    call: <T>(method: string, argument: unknown) =>
      new Observable<T>((subscriber) => {
        const id = nextId++;
        const begin = (): void => {
          if (closed) {
            subscriber.error(new WorkerCrash('worker.closed', `${name}: is closed`));
            return;
          }
          if (child === null) start();
          calls.set(id, subscriber as Subscriber<unknown>);
          post({ kind: 'call', id, method, argument });
        };
        const waitMs = child === null ? notBefore - performance.now() : 0;
        let timer: ReturnType<typeof setTimeout> | null = null;
        if (waitMs > 0) timer = setTimeout(begin, waitMs);
        else begin();
        return () => {
          if (timer !== null) clearTimeout(timer);
          if (calls.delete(id)) post({ kind: 'cancel', id });
        };
      }),
    kill() {
      child?.kill('SIGKILL');
    },
    async close() {
      closed = true;
      const process = child;
      if (process === null) return;
      await new Promise<void>((done) => {
        const timer = setTimeout(() => process.kill('SIGKILL'), PATIENCE_MS);
        process.once('exit', () => {
          clearTimeout(timer);
          done();
        });
        process.disconnect();
      });
    },
  };
}
