import { from, Observable, type ObservableInput, type OperatorFunction, type Subscription } from 'rxjs';

export interface NewestOptions<T> {
  /** Whether `incoming` makes the result of what is `running` worthless: that is then cancelled at once. Default never. */
  readonly isStale?: (running: T, incoming: T) => boolean;
  /** Told of every value that gave no result: `replaced` while it waited, or `cancelled` while it ran. */
  readonly onDrop?: (value: T, why: 'replaced' | 'cancelled') => void;
  /** Told how many values wait, 0 or 1, whenever that may have changed. */
  readonly onQueue?: (waiting: number) => void;
}

/**
 * Maps one value at a time, always the newest: while one is worked on, a single other waits, and a newer one takes its
 * place. Memory is bounded whatever the source's speed; nothing is lost without `onDrop` being told.
 *
 * Completes when the source has and the last value is done. Errors of source, project and inner stream go through;
 * unsubscribing cancels what runs.
 */
export function mapNewest<T, R>(
  project: (value: T) => ObservableInput<R>,
  { isStale = () => false, onDrop = () => undefined, onQueue = () => undefined }: NewestOptions<T> = {},
): OperatorFunction<T, R> {
  return (source) =>
    new Observable<R>((subscriber) => {
      let running: { readonly value: T; subscription: Subscription | null } | null = null;
      let waiting: { readonly value: T } | null = null;
      let sourceDone = false;

      const attempt = (action: () => void): void => {
        try {
          action();
        } catch (error) {
          subscriber.error(error);
        }
      };
      const hold = (next: { readonly value: T } | null): void => {
        waiting = next;
        onQueue(next === null ? 0 : 1);
      };
      const run = (value: T): void => {
        const mine = { value, subscription: null as Subscription | null };
        running = mine;
        const inner = from(project(value)).subscribe({
          next: (result) => {
            subscriber.next(result);
          },
          error: (error: unknown) => {
            subscriber.error(error);
          },
          complete: () => {
            if (running !== mine) return;
            running = null;
            attempt(advance);
          },
        });
        mine.subscription = inner;
        if (subscriber.closed) inner.unsubscribe();
      };
      const advance = (): void => {
        if (waiting !== null) {
          const { value } = waiting;
          hold(null);
          run(value);
        } else if (sourceDone) subscriber.complete();
      };

      const outer = source.subscribe({
        next: (value) => {
          attempt(() => {
            if (running === null) {
              run(value);
              return;
            }
            if (waiting !== null) onDrop(waiting.value, 'replaced');
            if (!isStale(running.value, value)) {
              hold({ value });
              return;
            }
            const stale = running;
            running = null;
            hold(null);
            stale.subscription?.unsubscribe();
            onDrop(stale.value, 'cancelled');
            run(value);
          });
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
        complete: () => {
          sourceDone = true;
          if (running === null) subscriber.complete();
        },
      });
      return () => {
        outer.unsubscribe();
        const last = running;
        running = null;
        waiting = null;
        last?.subscription?.unsubscribe();
      };
    });
}
