import { concat, map, NEVER, of, throwError } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { frameClock, type Pace, type Tick } from '../../../../src/link/live/frame-clock.js';

const run = (
  body: (helpers: Parameters<Parameters<TestScheduler['run']>[0]>[0], scheduler: TestScheduler) => void,
): void => {
  const scheduler = new TestScheduler((actual, expected) => {
    expect(actual).toEqual(expected);
  });
  scheduler.run((helpers) => {
    body(helpers, scheduler);
  });
};
const fast: Pace = { paused: false, rateHz: 200 };
const slow: Pace = { paused: false, rateHz: 100 };
const paused: Pace = { paused: true, rateHz: 200 };
const paces = { f: fast, s: slow, p: paused };
const ticks: Record<string, Tick> = { t: 'time', s: 'step', a: 'again' };

describe('frameClock', () => {
  it('never: without a pace nothing is due', () => {
    run(({ expectObservable }) => {
      expectObservable(frameClock(NEVER, NEVER), '50ms !').toBe('-');
    });
  });
  it('empty: completes when both inputs have', () => {
    run(({ cold, expectObservable }) => {
      expectObservable(frameClock(cold<Pace>('--|'), cold<Tick>('----|'))).toBe('----|');
    });
  });
  it('one and many: ticks at once, then at the rate', () => {
    run(({ cold, expectObservable }, scheduler) => {
      expectObservable(frameClock(cold('f', paces), NEVER, scheduler), '12ms !').toBe('t 4ms t 4ms t', ticks);
    });
  });
  it('a new pace takes effect at once; pausing stops the time but not those who ask', () => {
    run(({ cold, expectObservable }, scheduler) => {
      const pace = cold('f 5ms s 14ms p', paces);
      const asked = cold('30ms s', ticks);
      expectObservable(frameClock(pace, asked, scheduler), '60ms !').toBe('t 4ms t t 9ms t 13ms s', ticks);
    });
  });
  it('the same pace again does not start the time anew', () => {
    run(({ cold, expectObservable }, scheduler) => {
      const same = cold('f--f', paces).pipe(map((pace) => ({ ...pace })));
      expectObservable(frameClock(same, NEVER, scheduler), '6ms !').toBe('t 4ms t', ticks);
    });
  });
  it('error: goes through from both inputs', () => {
    run(({ cold, expectObservable }) => {
      expectObservable(frameClock(cold<Pace>('--#'), NEVER)).toBe('--#');
      expectObservable(
        frameClock(
          concat(of(paused), NEVER),
          throwError(() => 'error'),
        ),
      ).toBe('#');
    });
  });
  it('early unsubscribe: ends both subscriptions', () => {
    run(({ hot, expectObservable, expectSubscriptions }, scheduler) => {
      const pace = hot('p-', paces);
      const asked = hot('--a', ticks);
      expectObservable(frameClock(pace, asked, scheduler), '-!').toBe('--');
      expectSubscriptions(pace.subscriptions).toBe('^!');
      expectSubscriptions(asked.subscriptions).toBe('^!');
    });
  });
  it('throwing callback: the error goes through and the time stops', () => {
    run(({ cold, expectObservable }, scheduler) => {
      const clock = frameClock(cold('f', paces), NEVER, scheduler).pipe(
        map((tick, i) => {
          if (i === 1) throw new Error('listener');
          return tick;
        }),
      );
      expectObservable(clock).toBe('t 4ms #', ticks, new Error('listener'));
    });
  });
});
