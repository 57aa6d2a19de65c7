import { describe, expect, it } from 'vitest';
import type { ServerMessage } from '../../../src/dashboard/messages.js';
import { createOutbox } from '../../../src/dashboard/outbox.js';
import { createRateLimit } from '../../../src/dashboard/rate-limit.js';

const frame = (n: number): ServerMessage => ({ type: 'frame', frame: n }) as ServerMessage;
const result = (receiver: string, n: number): ServerMessage =>
  ({ type: 'result', receiver, frame: n }) as ServerMessage;
const progress = (receiver: string, n: number): ServerMessage =>
  ({ type: 'progress', receiver, done: n }) as ServerMessage;
const log = (text: string): ServerMessage => ({ type: 'log', text, level: 'info', time: 0 });

function setUp(maxRateHz = 1000) {
  const sent: ServerMessage[] = [];
  const sink = {
    bufferedAmount: 0,
    send(packet: Uint8Array) {
      sent.push(JSON.parse(new TextDecoder().decode(packet)) as ServerMessage);
    },
  };
  const clock = { ms: 0 };
  const encode = (message: ServerMessage): Uint8Array => new TextEncoder().encode(JSON.stringify(message));
  const outbox = createOutbox(sink, { encode, maxRateHz, highWaterBytes: 1000, now: () => clock.ms });
  return { sent, sink, clock, outbox };
}

describe('outbox', () => {
  it('sends at once while the network takes it', () => {
    const { sent, outbox } = setUp();
    outbox.push(frame(1));
    outbox.push(log('a'));
    expect(sent).toEqual([frame(1), log('a')]);
  });

  it('keeps only the newest of each kind for a slow client, and never more', () => {
    const { sent, sink, clock, outbox } = setUp();
    sink.bufferedAmount = 1001;
    for (let n = 0; n < 10_000; n++) {
      outbox.push(frame(n));
      outbox.push(result('pilot', n));
      outbox.push(result('blind-em', n));
      outbox.push(log(`line ${n}`));
      expect(outbox.counters().waiting).toBeLessThanOrEqual(203);
    }
    expect(sent).toEqual([]);
    sink.bufferedAmount = 0;
    clock.ms = 1000;
    outbox.flush();
    expect(sent.filter(({ type }) => type !== 'log')).toEqual([
      frame(9999),
      result('pilot', 9999),
      result('blind-em', 9999),
    ]);
    expect(sent.filter(({ type }) => type === 'log').at(-1)).toEqual(log('line 9999'));
    expect(outbox.counters()).toMatchObject({ sent: 203, skipped: 3 * 9999 + 9800, waiting: 0 });
  });

  it('sends pictures no more often than the client asked, and what waited last', () => {
    const { sent, clock, outbox } = setUp(10);
    for (let n = 0; n < 100; n++) {
      clock.ms = 10 * n;
      outbox.push(frame(n));
    }
    const numbers = sent.map((message) => (message as { frame: number }).frame);
    expect(numbers.length).toBeGreaterThan(8);
    expect(numbers.length).toBeLessThanOrEqual(11);
    clock.ms = 2000;
    outbox.flush();
    expect(sent.at(-1)).toEqual(frame(99));
  });

  it('does not hold back state and answers for the pace of pictures', () => {
    const { sent, outbox } = setUp(1);
    const state = { type: 'state', epoch: 1 } as ServerMessage;
    outbox.push(frame(1));
    outbox.push(frame(2));
    outbox.push(state);
    outbox.push({ type: 'done', id: 4 });
    expect(sent).toEqual([frame(1), state, { type: 'done', id: 4 }]);
  });

  it('lets a result take the place of progress that still waits', () => {
    const { sent, sink, outbox } = setUp();
    sink.bufferedAmount = 1001;
    outbox.push(progress('diffcom', 19));
    outbox.push(result('diffcom', 5));
    sink.bufferedAmount = 0;
    outbox.flush();
    expect(sent).toEqual([result('diffcom', 5)]);
  });
});

describe('rate limit', () => {
  it('lets a burst through, then so many a second', () => {
    const limit = createRateLimit(10, 5);
    expect(Array.from({ length: 8 }, () => limit.take(0)).filter(Boolean)).toHaveLength(5);
    expect(limit.take(50)).toBe(false);
    expect(limit.take(150)).toBe(true);
    let taken = 0;
    for (let ms = 1000; ms < 3000; ms += 10) if (limit.take(ms)) taken++;
    expect(taken).toBeGreaterThanOrEqual(23);
    expect(taken).toBeLessThanOrEqual(26);
  });
});
