import { distinctUntilChanged, EMPTY, map, merge, type Observable, type SchedulerLike, switchMap, timer } from 'rxjs';

export interface Pace {
  readonly paused: boolean;
  /** Frames a second. */
  readonly rateHz: number;
}

/** Why a frame is due: its time has come, someone stepped on, or the settings changed and the last one is sent again. */
export type Tick = 'time' | 'step' | 'again';

/**
 * When frames are due: at the pace's rate unless paused, and whenever asked for. A new pace takes effect at once.
 * Completes when `pace` and `asked` have; errors of both go through.
 */
export function frameClock(
  pace: Observable<Pace>,
  asked: Observable<Tick>,
  scheduler?: SchedulerLike,
): Observable<Tick> {
  const timed = pace.pipe(
    distinctUntilChanged((a, b) => a.paused === b.paused && a.rateHz === b.rateHz),
    switchMap(({ paused, rateHz }) =>
      paused ? EMPTY : timer(0, 1000 / rateHz, scheduler).pipe(map((): Tick => 'time')),
    ),
  );
  return merge(timed, asked);
}
