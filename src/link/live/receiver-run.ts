import type { Subscription } from 'rxjs';
import { catchError, defer, EMPTY, finalize, type Observable, tap } from 'rxjs';
import type { LinkConfig } from '../../config/schema.js';
import type { ReceiverCondition, StateMessage, StatsMessage } from '../../dashboard/messages.js';
import type { LiveFrame, ReceiveJob, ReceiveStep } from './live-frame.js';
import { mapNewest } from './map-newest.js';
import { createRateMeter } from './rate-meter.js';
import { createWorkerProcess, WorkerCrash } from './worker-process.js';

export interface ReceiverRunOptions {
  readonly name: string;
  readonly entry: string;
  readonly frames: Observable<{ readonly frame: LiveFrame; readonly config: LinkConfig }>;
  readonly onStep: (step: ReceiveStep) => void;
  readonly onChange: () => void;
  readonly onLog: (level: 'info' | 'warning' | 'error', text: string) => void;
}

/** One receiver at work on the newest frame, in its own process. */
export interface ReceiverRun {
  readonly name: string;
  status(): StateMessage['receivers'][number];
  counters(): StatsMessage['receivers'][number];
  /** Ends its process as a crash would; the next frame starts it anew. */
  kill(): void;
  close(): Promise<void>;
}

export function createReceiverRun(options: ReceiverRunOptions): ReceiverRun {
  const { name, entry, frames, onStep, onChange, onLog } = options;
  let condition: ReceiverCondition = 'starting';
  let reason: string | null = null;
  const count = { received: 0, replaced: 0, cancelled: 0, failures: 0, restarts: 0, queue: 0 };
  const meter = createRateMeter();
  const change = (next: ReceiverCondition, why: string | null): void => {
    if (condition === next && reason === why) return;
    condition = next;
    reason = why;
    onChange();
  };
  const worker = createWorkerProcess({
    name,
    entry,
    onCrash: (why) => {
      count.restarts++;
      change('restarting', `its process ended (${why}); it is started again`);
      onLog('error', `${name}: its process ended (${why}); it is started again, nothing else is affected`);
    },
    onStart: (pid) => {
      onLog('info', `${name}: runs in process ${pid}`);
    },
  });

  const subscription: Subscription = frames
    .pipe(
      mapNewest(
        ({ frame, config }) =>
          defer(() => worker.call<ReceiveStep>('receive', { name, config, frame } satisfies ReceiveJob)).pipe(
            tap((step) => {
              if (step.type === 'result') {
                count.received++;
                meter.add(performance.now());
              }
              change('running', null);
            }),
            catchError((error: unknown) => {
              count.failures++;
              if (!(error instanceof WorkerCrash)) {
                const text = error instanceof Error ? error.message : String(error);
                if (reason !== text) onLog('error', text.startsWith(`receiver ${name}`) ? text : `${name}: ${text}`);
                change('refused', text);
              }
              return EMPTY;
            }),
          ),
        {
          // Settings have changed since: what is being worked out belongs to a link that is no more.
          isStale: (running, incoming) => running.frame.epoch !== incoming.frame.epoch,
          onDrop: (_, why) => {
            count[why]++;
          },
          onQueue: (waiting) => {
            count.queue = waiting;
          },
        },
      ),
      finalize(() => {
        count.queue = 0;
      }),
    )
    .subscribe((step) => {
      onStep(step);
    });

  return {
    name,
    status: () => ({ name, condition, reason }),
    counters: () => ({ name, ...count, framesPerSecond: meter.perSecond(performance.now()) }),
    kill: () => {
      worker.kill();
    },
    async close() {
      subscription.unsubscribe();
      await worker.close();
    },
  };
}
