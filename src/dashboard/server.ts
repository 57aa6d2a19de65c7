import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { ConfigError } from '../core/errors.js';
import { type AccessRules, isLoopback, refusalOf, targetOf } from './access.js';
import type { LiveBackend } from './backend.js';
import { type ClientSession, createClientSession } from './client-session.js';
import { MAX_PICTURE_BYTES, type ServerMessage } from './messages.js';
import { createStaticFiles } from './static-files.js';
import { encodeMessage } from './wire.js';

export interface DashboardOptions {
  readonly backend: LiveBackend;
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly token: string | null;
  /** Folder of the built page. */
  readonly page: string;
  readonly version: string;
}

export interface Dashboard {
  /** Where the page is, without the token. */
  readonly url: string;
  close(): Promise<void>;
}

/** Path of the WebSocket. */
export const STREAM_PATH = '/stream';

const FLUSH_MS = 10;
const REPORT_MS = 1000;
const MAX_CLIENTS = 64;

/**
 * Serves the page and the stream of messages.
 * @throws ConfigError where others could reach it without a token, or where the port is taken
 */
export async function openDashboard(options: DashboardOptions): Promise<Dashboard> {
  const { backend, host, port, token, page, version } = options;
  const local = isLoopback(host);
  if (!local && token === null) {
    throw new ConfigError('live.token', `--host ${host}: others can reach it; give --token, or --host 127.0.0.1`);
  }
  const rules: AccessRules = { host, token };
  const files = createStaticFiles(page);
  const server = createServer((request, response) => {
    // The page itself is no secret, and links to it from elsewhere are fine; what it shows comes by the stream.
    const { host: asked } = request.headers;
    const refusal = refusalOf({ headers: asked === undefined ? {} : { host: asked } }, { host, token: null });
    if (refusal === null) files(request, response);
    else response.writeHead(refusal.status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${refusal.text}\n`);
  });
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_PICTURE_BYTES + 4096,
    // On this machine compression costs more than it saves.
    perMessageDeflate: local ? false : { threshold: 2048, zlibDeflateOptions: { level: 1 } },
  });
  const sessions = new Set<ClientSession>();

  // Clients share the bytes of a message: it is encoded once.
  const packets = new WeakMap<ServerMessage, Uint8Array>();
  const encode = (message: ServerMessage): Uint8Array => {
    let packet = packets.get(message);
    if (packet === undefined) packets.set(message, (packet = encodeMessage(message)));
    return packet;
  };

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => undefined);
    const refusal =
      targetOf(request)?.pathname !== STREAM_PATH
        ? { status: 404, text: `refused: the stream is at ${STREAM_PATH}` }
        : sessions.size >= MAX_CLIENTS
          ? { status: 503, text: `refused: ${MAX_CLIENTS} clients are connected already` }
          : refusalOf(request, rules);
    if (refusal !== null) {
      socket.end(
        `HTTP/1.1 ${refusal.status} Refused\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
          `Content-Length: ${Buffer.byteLength(refusal.text)}\r\n\r\n${refusal.text}`,
      );
      return;
    }
    sockets.handleUpgrade(request, socket, head, (client) => {
      const session = createClientSession(client, { backend, version, encode, numClients: () => sessions.size });
      sessions.add(session);
      client.on('close', () => sessions.delete(session));
    });
  });
  const flushing = setInterval(() => {
    for (const session of sessions) session.flush();
  }, FLUSH_MS);
  const reporting = setInterval(() => {
    for (const session of sessions) session.report();
  }, REPORT_MS);

  try {
    await new Promise<void>((done, fail) => {
      server.once('error', fail);
      server.listen(port, host, done);
    });
  } catch (cause) {
    clearInterval(flushing);
    clearInterval(reporting);
    const { code, message } = cause as NodeJS.ErrnoException;
    const why =
      code === 'EADDRINUSE'
        ? 'is in use; give another with --port (0 takes a free one)'
        : `cannot be opened (${message})`;
    throw new ConfigError('live.port', `port ${port} on ${host}: ${why}`, { cause });
  }
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}/`,
    async close() {
      clearInterval(flushing);
      clearInterval(reporting);
      for (const client of sockets.clients) client.close(1001, 'the server stops');
      await new Promise<void>((done) => {
        const patience = setTimeout(() => {
          for (const client of sockets.clients) client.terminate();
          server.closeAllConnections();
        }, 500);
        server.close(() => {
          clearTimeout(patience);
          done();
        });
        server.closeIdleConnections();
      });
    },
  };
}
