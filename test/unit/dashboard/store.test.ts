import { describe, expect, it } from 'vitest';
import type { ServerMessage } from '../../../src/dashboard/messages.js';
import { arraysOf, figuresOf } from '../../../src/dashboard/page/saved.js';
import { createStore, shownFrame, shownResults } from '../../../src/dashboard/page/store.js';

const pixels = (value: number) => ({ width: 1, height: 1, rgb: Uint8Array.of(value, value, value) });
const frame = (n: number, epoch = 0): ServerMessage =>
  ({
    type: 'frame',
    frame: n,
    epoch,
    picture: { name: `picture ${n}`, ...pixels(n) },
    elements: null,
    spectrumDb: null,
    ccdf: null,
    truth: null,
    sync: { cfoSubcarriers: null, cfoTrueSubcarriers: null, snrDb: null },
  }) as unknown as ServerMessage;
const result = (receiver: string, n: number, epoch = 0): ServerMessage =>
  ({
    type: 'result',
    receiver,
    frame: n,
    epoch,
    picture: pixels(n),
    elements: null,
    channel: null,
  }) as unknown as ServerMessage;
const progress = (receiver: string, n: number, epoch = 0): ServerMessage => ({
  type: 'progress',
  receiver,
  frame: n,
  epoch,
  done: 1,
  of: 2,
  picture: pixels(n),
});
const state = (receivers: Record<string, string>, epoch = 0): ServerMessage =>
  ({
    type: 'state',
    epoch,
    settings: { snrDb: 10 },
    receivers: Object.entries(receivers).map(([name, condition]) => ({ name, condition, reason: null })),
  }) as unknown as ServerMessage;

function storeAfter(...messages: ServerMessage[]) {
  const store = createStore();
  for (const message of messages) store.take(message);
  return store;
}
const both = state({ 'blind-em': 'running', pilot: 'running' });

describe('what the page shows', () => {
  it('is of the newest frame that every receiver has answered', () => {
    const store = storeAfter(both, frame(1), result('pilot', 1), result('blind-em', 1), frame(2), result('pilot', 2));
    expect(shownFrame(store)?.frame).toBe(1);
    expect(shownResults(store).map(({ receiver, frame: n }) => [receiver, n])).toEqual([
      ['blind-em', 1],
      ['pilot', 1],
    ]);
  });

  it('has results that came before their frame', () => {
    const store = storeAfter(both, result('pilot', 1), result('blind-em', 1), frame(1));
    expect(store.common?.frame.frame).toBe(1);
    expect([...(store.common?.results.keys() ?? [])]).toEqual(['pilot', 'blind-em']);
    // Of other settings: none of this frame's.
    expect(storeAfter(both, result('pilot', 1, 0), frame(1, 1)).common).toBeNull();
  });

  it('is what is saved, with the numbers of the frames', () => {
    const store = storeAfter(both, frame(1), result('pilot', 1), result('blind-em', 1), frame(2), result('pilot', 2));
    const arrays = arraysOf(store);
    expect([...arrays.keys()]).toEqual([
      'frame',
      'sent',
      'blind_em_frame',
      'blind_em_picture',
      'pilot_frame',
      'pilot_picture',
    ]);
    for (const name of ['frame', 'pilot_frame', 'blind_em_frame']) expect(arrays.get(name)?.data[0]).toBe(1);
    for (const name of ['sent', 'pilot_picture', 'blind_em_picture'])
      expect(arrays.get(name)?.data[0]).toBeCloseTo(1 / 255, 6);
    expect(JSON.parse(figuresOf(store))).toMatchObject({
      frame: { frame: 1 },
      results: [
        { receiver: 'blind-em', frame: 1 },
        { receiver: 'pilot', frame: 1 },
      ],
      settings: { snrDb: 10 },
    });
  });

  it('is an earlier frame of a receiver that does not keep up', () => {
    const store = storeAfter(both, frame(1), result('pilot', 1), result('blind-em', 1), frame(20), result('pilot', 20));
    const arrays = arraysOf(store);
    expect(arrays.get('frame')?.data[0]).toBe(20);
    expect(arrays.get('blind_em_frame')?.data[0]).toBe(1);
  });
});

describe('progress of a receiver', () => {
  it.each([
    ['a result', result('blind-em', 1)],
    ['its refusal', state({ 'blind-em': 'refused', pilot: 'running' })],
    ['its end', state({ pilot: 'running' })],
    ['a change of settings', state({ 'blind-em': 'running', pilot: 'running' }, 1)],
  ])('ends with %s', (_, message) => {
    const store = storeAfter(both, frame(1), progress('blind-em', 1));
    expect(store.progress.get('blind-em')?.done).toBe(1);
    store.take(message);
    expect(store.progress.size).toBe(0);
  });

  it('does not begin late, and goes on through other changes of state', () => {
    expect(storeAfter(state({ 'blind-em': 'running' }, 1), progress('blind-em', 1, 0)).progress.size).toBe(0);
    expect(storeAfter(state({ 'blind-em': 'refused' }), progress('blind-em', 1)).progress.size).toBe(0);
    expect(storeAfter(both, progress('blind-em', 1), both).progress.size).toBe(1);
  });
});
