import type { HelloMessage, LiveCommand } from './commands.js';
import { LIVE_PROTOCOL, type ServerMessage } from './messages.js';
import { decodeMessage, encodeMessage } from './wire.js';

export type * from './messages.js';

/** What the client needs of a WebSocket: the browser's own and that of `ws` are both one. */
export interface ClientSocket {
  binaryType: string;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
}

export type Connection = 'connecting' | 'open' | 'waiting' | 'closed';

export interface LiveClientOptions {
  /** ws://host:port/stream, with ?token= where one is needed. */
  readonly url: string;
  readonly createSocket: (url: string) => ClientSocket;
  readonly onMessage: (message: ServerMessage) => void;
  /** `waiting`: connects again soon; `closed`: does not. `reason` in words where there is one. */
  readonly onConnection?: (connection: Connection, reason: string | null) => void;
  readonly maxRateHz?: number;
  readonly name?: string;
  /** Connects again after the connection is lost. Default true. */
  readonly reconnect?: boolean;
}

type WithoutId<T> = T extends { readonly id: number } ? Omit<T, 'id'> : never;
/** A command that is answered. */
export type LiveRequest = WithoutId<LiveCommand>;

/** A connection to a live link that comes back by itself. */
export interface LiveClient {
  /** Resolves when the command was carried out; rejects with the server's words, or where the connection is lost. */
  request(command: LiveRequest): Promise<void>;
  camera(picture: {
    readonly width: number;
    readonly height: number;
    readonly rgb: Uint8Array;
    readonly session?: number;
  }): void;
  close(): void;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4000;

export function createLiveClient(options: LiveClientOptions): LiveClient {
  const { url, createSocket, onMessage, onConnection = () => undefined, reconnect = true } = options;
  const open = new Map<number, { done: () => void; fail: (error: Error) => void }>();
  let nextId = 1;
  let socket: ClientSocket | null = null;
  let greeted = false;
  let ended = false;
  let waitMs = FIRST_WAIT_MS;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let lastWords: string | null = null;

  const settle = (id: number): ReturnType<typeof open.get> => {
    const request = open.get(id);
    open.delete(id);
    return request;
  };
  const connect = (): void => {
    timer = null;
    onConnection('connecting', null);
    const mine = createSocket(url);
    socket = mine;
    mine.binaryType = 'arraybuffer';
    mine.onopen = () => {
      const hello: HelloMessage = {
        type: 'hello',
        protocol: LIVE_PROTOCOL,
        ...(options.name === undefined ? {} : { client: options.name }),
        ...(options.maxRateHz === undefined ? {} : { maxRateHz: options.maxRateHz }),
      };
      mine.send(encodeMessage(hello));
    };
    mine.onmessage = ({ data }: { data: ArrayBuffer }) => {
      const message = decodeMessage(new Uint8Array(data)) as ServerMessage;
      if (message.type === 'welcome') {
        greeted = true;
        lastWords = null;
        waitMs = FIRST_WAIT_MS;
        onConnection('open', null);
      } else if (message.type === 'done') settle(message.id)?.done();
      else if (message.type === 'refused') {
        if (!greeted) lastWords = message.text;
        if (message.id !== null) settle(message.id)?.fail(new Error(message.text));
      }
      onMessage(message);
    };
    mine.onerror = () => undefined;
    mine.onclose = ({ code, reason }: { code: number; reason: string }) => {
      if (socket !== mine) return;
      socket = null;
      greeted = false;
      for (const [id] of open) settle(id)?.fail(new Error('the connection was lost'));
      const words = lastWords ?? explainClose(code, reason);
      // A server that does not take this client will not take it a second later.
      if (ended || !reconnect || code === 4400) {
        onConnection('closed', ended ? null : words);
        return;
      }
      onConnection('waiting', words);
      timer = setTimeout(connect, waitMs);
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
    };
  };
  connect();

  return {
    request(command) {
      return new Promise<void>((done, fail) => {
        if (socket === null || !greeted) {
          fail(new Error('not connected'));
          return;
        }
        const id = nextId++;
        open.set(id, { done, fail });
        socket.send(encodeMessage({ ...command, id }));
      });
    },
    camera(picture) {
      if (greeted) socket?.send(encodeMessage({ type: 'camera', ...picture }));
    },
    close() {
      ended = true;
      if (timer !== null) {
        clearTimeout(timer);
        onConnection('closed', null);
      }
      socket?.close(1000);
    },
  };
}

function explainClose(code: number, reason: string): string {
  if (code === 1009) return 'the message was larger than the server takes';
  if (code === 1001) return 'the server stopped';
  if (reason !== '') return reason;
  return 'no server answers, or it refused (a token may be missing from the address)';
}
