import type { WebSocket } from 'ws';
import { FormatError, LinkError } from '../core/errors.js';
import type { LiveBackend } from './backend.js';
import { type ClientMessage, MAX_COMMAND_BYTES, parseClientMessage } from './commands.js';
import { LIVE_PROTOCOL, type ServerMessage } from './messages.js';
import { createOutbox, type Outbox } from './outbox.js';
import { createRateLimit } from './rate-limit.js';
import { decodeMessage } from './wire.js';

/** Codes with which the server closes a connection, besides WebSocket's own. */
export const CLOSE = { version: 4400, greeting: 4401, flood: 4429 } as const;

const GREETING_MS = 5000;
const COMMANDS_PER_SECOND = 60;
const COMMAND_BURST = 120;
/** More refusals end the connection; COMMANDS_PER_SECOND of them are forgotten each second. */
const MAX_EXCESS = 600;
const DEFAULT_RATE_HZ = 30;

export interface SessionOptions {
  readonly backend: LiveBackend;
  readonly version: string;
  readonly encode: (message: ServerMessage) => Uint8Array;
  readonly numClients: () => number;
}

/** One client from its greeting to its end. */
export interface ClientSession {
  flush(): void;
  /** Tells the client how it fares. */
  report(): void;
}

export function createClientSession(
  socket: WebSocket,
  { backend, version, encode, numClients }: SessionOptions,
): ClientSession {
  let outbox: Outbox | null = null;
  let unsubscribe: (() => void) | null = null;
  let nameless = 0;
  const limit = createRateLimit(COMMANDS_PER_SECOND, COMMAND_BURST);
  const patience = createRateLimit(COMMANDS_PER_SECOND, MAX_EXCESS);
  const sink = {
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    send(packet: Uint8Array) {
      socket.send(packet);
    },
  };
  const refuse = (error: unknown, id: number | null): void => {
    const code = error instanceof LinkError ? error.code : 'failed';
    const text = error instanceof Error ? error.message : String(error);
    const message: ServerMessage = { type: 'refused', id, code, text };
    if (outbox === null) socket.send(encode(message));
    else outbox.push(message);
  };
  const greeting = setTimeout(() => {
    refuse(new FormatError('protocol.greeting', 'no hello within 5 seconds'), null);
    socket.close(CLOSE.greeting, 'no hello');
  }, GREETING_MS);

  const greet = (message: Extract<ClientMessage, { type: 'hello' }>): void => {
    clearTimeout(greeting);
    if (message.protocol !== LIVE_PROTOCOL) {
      refuse(
        new FormatError(
          'protocol.version',
          `this server speaks version ${LIVE_PROTOCOL} of the protocol, the client version ${message.protocol}; reload the page or update the client`,
        ),
        null,
      );
      socket.close(CLOSE.version, 'wrong version');
      return;
    }
    const box = createOutbox(sink, { encode, maxRateHz: message.maxRateHz ?? DEFAULT_RATE_HZ });
    outbox = box;
    box.push({ type: 'welcome', protocol: LIVE_PROTOCOL, version });
    for (const known of backend.snapshot()) box.push(known);
    unsubscribe = backend.subscribe((next) => {
      box.push(next);
    });
  };

  const takeExcess = (data: Uint8Array, now: number): void => {
    if (!patience.take(now)) {
      socket.close(CLOSE.flood, 'too many messages');
      return;
    }
    let id: number | null = null;
    try {
      // A header longer than a command is not worth reading.
      id = idOf(decodeMessage(data, MAX_COMMAND_BYTES));
    } catch {
      // Too many to say what else is wrong.
    }
    // Who sent a command waits for its answer. Of others one in a hundred is answered: answers must not become the flood.
    if (id === null && nameless++ % 100 !== 0) return;
    refuse(new FormatError('message.rate', `messages refused: more than ${COMMANDS_PER_SECOND} a second`), id);
  };

  const take = (data: Uint8Array): void => {
    const now = performance.now();
    if (!limit.take(now)) {
      takeExcess(data, now);
      return;
    }
    let id: number | null = null;
    try {
      const value = decodeMessage(data);
      id = idOf(value);
      const message = parseClientMessage(value, data.byteLength);
      if (message.type === 'hello') {
        if (outbox === null) greet(message);
        else throw new FormatError('protocol.greeting', 'message refused: a second hello');
        return;
      }
      if (outbox === null) throw new FormatError('protocol.greeting', 'message refused: say hello first');
      const box = outbox;
      backend.carryOut(message).then(
        () => {
          if (id !== null) box.push({ type: 'done', id });
        },
        (error: unknown) => {
          refuse(error, id);
        },
      );
    } catch (error) {
      refuse(error, id);
    }
  };

  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (isBinary) take(data);
    else
      refuse(
        new FormatError(
          'message.malformed',
          `message refused: text; send binary messages of at most ${MAX_COMMAND_BYTES} bytes`,
        ),
        null,
      );
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    clearTimeout(greeting);
    unsubscribe?.();
    unsubscribe = null;
  });
  return {
    flush: () => outbox?.flush(),
    report() {
      if (outbox === null) return;
      const { sent, skipped } = outbox.counters();
      outbox.push({ type: 'traffic', clients: numClients(), sent, skipped, waitingBytes: socket.bufferedAmount });
    },
  };
}

function idOf(value: unknown): number | null {
  const given = (value as { id?: unknown } | null)?.id;
  return Number.isInteger(given) ? (given as number) : null;
}
