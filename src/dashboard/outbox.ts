import type { ServerMessage } from './messages.js';

/** What an outbox writes to. */
export interface Sink {
  /** Bytes handed over and not yet taken by the network. */
  readonly bufferedAmount: number;
  send(packet: Uint8Array): void;
}

export interface OutboxOptions {
  readonly encode: (message: ServerMessage) => Uint8Array;
  /** Pictures and plots are sent at most this often. */
  readonly maxRateHz: number;
  /** Nothing is sent while more than this waits in the network. */
  readonly highWaterBytes?: number;
  readonly now?: () => number;
}

export interface OutboxCounters {
  readonly sent: number;
  /** Replaced by a newer one of their kind before they could be sent. */
  readonly skipped: number;
  readonly waiting: number;
}

/**
 * The queue of one client. Of frames, each receiver's results and progress, state and counters only the newest waits; log
 * lines and answers wait in order, at most `MAX_LINES` of them, the oldest going first. So a slow client gets fewer frames,
 * and its queue is bounded.
 */
export interface Outbox {
  push(message: ServerMessage): void;
  /** Sends what may go now; to be called now and then. */
  flush(): void;
  counters(): OutboxCounters;
}

const MAX_LINES = 200;
const HIGH_WATER_BYTES = 256 * 1024;

export function createOutbox(sink: Sink, options: OutboxOptions): Outbox {
  const { encode, maxRateHz, highWaterBytes = HIGH_WATER_BYTES, now = () => performance.now() } = options;
  const newest = new Map<string, ServerMessage>();
  const lines: ServerMessage[] = [];
  const lastSent = new Map<string, number>();
  let sent = 0;
  let skipped = 0;

  const send = (message: ServerMessage): boolean => {
    if (sink.bufferedAmount > highWaterBytes) return false;
    sink.send(encode(message));
    sent++;
    return true;
  };
  const flush = (): void => {
    while (lines.length > 0) {
      if (!send(lines[0])) return;
      lines.shift();
    }
    const time = now();
    for (const [key, message] of newest) {
      // A little early is on time: timers do not fire to the millisecond.
      if (paced(message) && time - (lastSent.get(key) ?? -Infinity) < 1000 / maxRateHz - 3) continue;
      if (!send(message)) return;
      lastSent.set(key, time);
      newest.delete(key);
    }
  };
  return {
    push(message) {
      const key = keyOf(message);
      if (key === null) {
        lines.push(message);
        if (lines.length > MAX_LINES) {
          lines.shift();
          skipped++;
        }
      } else {
        if (newest.delete(key)) skipped++;
        newest.set(key, message);
        // A result is the end of its receiver's progress.
        if (message.type === 'result') newest.delete(`progress ${message.receiver}`);
      }
      flush();
    },
    flush,
    counters: () => ({ sent, skipped, waiting: lines.length + newest.size }),
  };
}

const paced = ({ type }: ServerMessage): boolean => type === 'frame' || type === 'result' || type === 'progress';

/** Messages of one key replace each other; null for those that must all arrive. */
function keyOf(message: ServerMessage): string | null {
  switch (message.type) {
    case 'frame':
    case 'state':
    case 'stats':
    case 'traffic':
      return message.type;
    case 'result':
    case 'progress':
      return `${message.type} ${message.receiver}`;
    case 'welcome':
    case 'log':
    case 'done':
    case 'refused':
      return null;
  }
}
