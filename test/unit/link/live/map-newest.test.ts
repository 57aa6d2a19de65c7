import { EMPTY, NEVER, type Observable, of, Subject } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { mapNewest, type NewestOptions } from '../../../../src/link/live/map-newest.js';

const scheduler = (): TestScheduler =>
  new TestScheduler((actual, expected) => {
    expect(actual).toEqual(expected);
  });

/** Runs the operator over marbles; each value takes `work` and gives itself in capitals at its end. */
function check(
  source: string,
  work: string,
  expected: string,
  options: NewestOptions<string> & { readonly unsubscribe?: string; readonly subscriptions?: string | string[] } = {},
): void {
  scheduler().run(({ hot, cold, expectObservable, expectSubscriptions }) => {
    const input = hot(source);
    const result = input.pipe(mapNewest((value) => cold(work, { r: value.toUpperCase() }), options));
    expectObservable(result, options.unsubscribe).toBe(expected);
    if (options.subscriptions !== undefined) expectSubscriptions(input.subscriptions).toBe(options.subscriptions);
  });
}

const dropped = (): { list: string[]; onDrop: (value: string, why: string) => void } => {
  const list: string[] = [];
  return { list, onDrop: (value, why) => list.push(`${value} ${why}`) };
};

describe('mapNewest, the mandatory cases', () => {
  it('never: gives nothing and does not complete', () => {
    check('-', '--(r|)', '-', { unsubscribe: '--------!', subscriptions: '^-------!' });
  });
  it('empty: completes', () => {
    check('---|', '--(r|)', '---|', { subscriptions: '^--!' });
  });
  it('one and many that do not overlap: each gives its result', () => {
    check('-a----|', '--(r|)', '---A--|');
    check('-a---b---c---|', '--(r|)', '---A---B---C-|');
  });
  it('error: of the source cancels what runs and goes through', () => {
    scheduler().run(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const inner = cold('----r|');
      expectObservable(hot('-a-#').pipe(mapNewest(() => inner))).toBe('---#');
      expectSubscriptions(inner.subscriptions).toBe('-^-!');
    });
  });
  it('error: of the inner stream goes through and unsubscribes the source', () => {
    check('-a----b-', '--#', '---#', { subscriptions: '^--!' });
  });
  it('early unsubscribe: cancels what runs and forgets what waits', () => {
    scheduler().run(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const input = hot('-a-b------');
      const inner = cold('------r|');
      expectObservable(input.pipe(mapNewest(() => inner)), '-----!').toBe('------');
      expectSubscriptions(inner.subscriptions).toBe('-^---!');
      expectSubscriptions(input.subscriptions).toBe('^----!');
    });
  });
  it('throwing callbacks: project, onDrop, onQueue and isStale make the stream err', () => {
    const boom = (): never => {
      throw new Error('boom');
    };
    const errorOf = (
      source: Observable<number>,
      options: NewestOptions<number>,
      project: (value: number) => Observable<number> = () => NEVER,
    ) => {
      let error: unknown = null;
      source.pipe(mapNewest(project, options)).subscribe({ error: (e: unknown) => (error = e) });
      return error;
    };
    expect(errorOf(of(1), {}, boom)).toEqual(new Error('boom'));
    expect(errorOf(of(1, 2, 3), { onDrop: boom })).toEqual(new Error('boom'));
    expect(errorOf(of(1, 2), { onQueue: boom })).toEqual(new Error('boom'));
    expect(errorOf(of(1, 2), { isStale: boom })).toEqual(new Error('boom'));
    expect(errorOf(of(1), { onDrop: boom, onQueue: boom, isStale: boom }, () => EMPTY)).toBeNull();
  });
});

describe('mapNewest under load', () => {
  it('keeps the newest of those that come while one is worked on, and says which it dropped', () => {
    const { list, onDrop } = dropped();
    check('-abcd-----|', '----(r|)', '-----A---D|', { onDrop });
    expect(list).toEqual(['b replaced', 'c replaced']);
  });
  it('works the last one off after the source has completed', () => {
    check('-ab|', '----(r|)', '-----A---(B|)');
  });
  it('cancels a stale run at once and starts the newer value', () => {
    const { list, onDrop } = dropped();
    check('-a-b------|', '----(r|)', '-------B--|', { onDrop, isStale: () => true });
    expect(list).toEqual(['a cancelled']);
  });
  it('drops what waited before a stale run too', () => {
    const { list, onDrop } = dropped();
    check('-ab-x-----|', '------(r|)', '----------(X|)', { onDrop, isStale: (_, incoming) => incoming === 'x' });
    expect(list).toEqual(['b replaced', 'a cancelled']);
  });
  it('reports the length of its queue, which is never above one', () => {
    const lengths: number[] = [];
    const source = new Subject<number>();
    const gates: Subject<number>[] = [];
    source
      .pipe(
        mapNewest(
          () => {
            const gate = new Subject<number>();
            gates.push(gate);
            return gate;
          },
          { onQueue: (n) => lengths.push(n) },
        ),
      )
      .subscribe();
    for (let i = 0; i < 100; i++) source.next(i);
    expect(gates).toHaveLength(1);
    expect(Math.max(...lengths)).toBe(1);
    gates[0].complete();
    expect(lengths.at(-1)).toBe(0);
    expect(gates).toHaveLength(2);
  });
  it('keeps its state per subscription', () => {
    scheduler().run(({ cold, expectObservable }) => {
      const shared = cold('-a----|').pipe(mapNewest((v: string) => cold('--(r|)', { r: v })));
      expectObservable(shared).toBe('---a--|');
      expectObservable(shared, '--^---------!').toBe('-----a--|');
    });
  });
});
