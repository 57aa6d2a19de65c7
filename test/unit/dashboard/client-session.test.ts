import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { createClientSession } from '../../../src/dashboard/client-session.js';
import type { LiveCommand } from '../../../src/dashboard/commands.js';
import type { ServerMessage } from '../../../src/dashboard/messages.js';
import { decodeMessage, encodeMessage } from '../../../src/dashboard/wire.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A session that was greeted, on a socket that keeps what is sent. */
function setUp() {
  const sent: ServerMessage[] = [];
  const commands: LiveCommand[] = [];
  const closed: number[] = [];
  const socket = Object.assign(new EventEmitter(), {
    bufferedAmount: 0,
    send: (packet: Uint8Array) => sent.push(decodeMessage(packet) as ServerMessage),
    close: (code: number) => closed.push(code),
  });
  createClientSession(socket as unknown as WebSocket, {
    backend: {
      subscribe: () => () => undefined,
      snapshot: () => [],
      carryOut(command) {
        commands.push(command);
        return Promise.resolve();
      },
    },
    version: '0',
    encode: encodeMessage,
    numClients: () => 1,
  });
  const take = (packet: Uint8Array): void => {
    socket.emit('message', Buffer.from(packet), true);
  };
  const say = (message: object): void => {
    take(encodeMessage(message));
  };
  say({ type: 'hello', protocol: 1 });
  const refused = (): unknown[] => sent.flatMap((message) => (message.type === 'refused' ? [message.id] : []));
  return { say, take, sent, commands, closed, refused };
}
const camera = { type: 'camera', width: 8, height: 8, rgb: new Uint8Array(192) };

describe('a client that sends too much', () => {
  it('is told of every command that is refused, by its id', () => {
    const { say, sent, commands, closed, refused } = setUp();
    for (let id = 1; id <= 300; id++) say({ type: 'pause', id, paused: true });
    expect(commands).toHaveLength(119);
    expect(refused()).toEqual(Array.from({ length: 181 }, (_, i) => 120 + i));
    expect(sent.at(-1)).toMatchObject({ code: 'message.rate', text: 'messages refused: more than 60 a second' });
    // A picture's id stands before its bytes.
    say({ type: 'picture', id: 301, name: 'x', bytes: new Uint8Array(2 ** 20) });
    expect(refused().at(-1)).toBe(301);
    expect(closed).toEqual([]);
  });

  it('gets one answer for a hundred messages without an id, whatever they are', () => {
    const { say, take, refused } = setUp();
    for (let i = 0; i < 119; i++) say(camera);
    for (let i = 0; i < 100; i++) {
      say(camera);
      take(Uint8Array.of(1, 2, 3));
      take(encodeMessage({ type: 'pause', id: 7, padding: 'x'.repeat(70_000) }));
    }
    expect(refused()).toEqual([null, null, null]);
  });

  it('is cut off when it goes on, not for what it sent too much long ago', () => {
    const { say, closed } = setUp();
    const burst = (count: number): void => {
      for (let i = 0; i < count; i++) say(camera);
    };
    burst(119 + 600);
    vi.advanceTimersByTime(20_000);
    burst(120 + 600);
    expect(closed).toEqual([]);
    burst(1);
    expect(closed).toEqual([4429]);
  });
});
