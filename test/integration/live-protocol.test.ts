import { mkdtempSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { LinkError } from '../../src/core/errors.js';
import type { LiveBackend } from '../../src/dashboard/backend.js';
import { type ClientSocket, createLiveClient, type LiveClient } from '../../src/dashboard/client.js';
import type { LiveCommand } from '../../src/dashboard/commands.js';
import type { ServerMessage } from '../../src/dashboard/messages.js';
import { type Dashboard, type DashboardOptions, openDashboard } from '../../src/dashboard/server.js';
import { decodeMessage, encodeMessage } from '../../src/dashboard/wire.js';

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const item of opened.splice(0).reverse()) await item.close();
});

/** A backend that says what it is told to and keeps what it was asked. */
function createBackend() {
  const listeners = new Set<(message: ServerMessage) => void>();
  const commands: LiveCommand[] = [];
  const backend: LiveBackend = {
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    snapshot: () => [{ type: 'log', time: 0, level: 'info', text: 'hello' }],
    carryOut(command) {
      commands.push(command);
      return command.type === 'step' ? Promise.reject(new LinkError('x', 'no step today')) : Promise.resolve();
    },
  };
  const emit = (message: ServerMessage): void => {
    for (const listener of listeners) listener(message);
  };
  return { backend, commands, emit, listeners };
}

async function open(options: Partial<DashboardOptions> = {}) {
  const page = mkdtempSync(join(tmpdir(), 'blindlink-page-'));
  writeFileSync(join(page, 'index.html'), '<title>page</title>');
  const parts = createBackend();
  const dashboard: Dashboard = await openDashboard({
    backend: parts.backend,
    host: '127.0.0.1',
    port: 0,
    token: null,
    page,
    version: '0',
    ...options,
  });
  opened.push(dashboard);
  const stream = dashboard.url.replace('http', 'ws').replace('0.0.0.0', '127.0.0.1') + 'stream';
  return { ...parts, dashboard, stream };
}

/** A raw socket with everything that came. */
function connect(url: string, options: Record<string, unknown> = {}) {
  const socket = new WebSocket(url, options);
  const messages: ServerMessage[] = [];
  opened.push({
    close: () => {
      socket.terminate();
    },
  });
  socket.on('message', (data: Buffer) => messages.push(decodeMessage(new Uint8Array(data)) as ServerMessage));
  const closed = new Promise<number>((done) => socket.on('close', done));
  const refused = new Promise<{ status: number; text: string }>((done) => {
    socket.on('error', () => undefined);
    socket.on('unexpected-response', (_, response) => {
      let text = '';
      response.on('data', (part: Buffer) => (text += part.toString()));
      response.on('end', () => {
        done({ status: response.statusCode ?? 0, text });
      });
    });
  });
  const ready = new Promise<void>((done) => socket.on('open', done));
  const say = (message: object): void => {
    socket.send(encodeMessage(message));
  };
  return { socket, messages, closed, refused, ready, say };
}

const until = async (condition: () => boolean): Promise<void> => {
  await expect.poll(condition, { timeout: 10_000, interval: 10 }).toBe(true);
};
const refusals = (messages: ServerMessage[]) => messages.filter((message) => message.type === 'refused');
const hello = { type: 'hello', protocol: 1 };

describe('live server', () => {
  it('serves the page and nothing else of the disk', async () => {
    const { dashboard } = await open();
    const page = await fetch(dashboard.url);
    expect(await page.text()).toContain('<title>page</title>');
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'/);
    for (const path of ['..%2f..%2fpackage.json', 'server.js', '%00', 'index.html%00.js']) {
      expect((await fetch(dashboard.url + path)).status).toBe(404);
    }
    expect((await fetch(dashboard.url, { method: 'POST' })).status).toBe(405);
    const rebound = await new Promise<number>((done) => {
      get(dashboard.url, { headers: { host: 'evil.example' } }, (response) => {
        response.resume();
        done(response.statusCode ?? 0);
      });
    });
    expect(rebound).toBe(403);
  });

  it('welcomes, tells what is known, carries out commands and answers each', async () => {
    const { stream, commands } = await open();
    const { ready, say, messages } = connect(stream);
    await ready;
    say(hello);
    say({ type: 'pause', id: 5, paused: true });
    say({ type: 'step', id: 6 });
    await until(() => messages.length >= 4);
    expect(messages.slice(0, 2)).toMatchObject([
      { type: 'welcome', protocol: 1 },
      { type: 'log', text: 'hello' },
    ]);
    expect(commands.map(({ type }) => type)).toEqual(['pause', 'step']);
    expect(messages).toContainEqual({ type: 'done', id: 5 });
    expect(messages).toContainEqual({ type: 'refused', id: 6, code: 'x', text: 'no step today' });
  });

  it('says nothing before the greeting, and refuses commands', async () => {
    const { stream, emit, commands } = await open();
    const { ready, say, messages } = connect(stream);
    await ready;
    emit({ type: 'log', time: 0, level: 'info', text: 'secret' });
    say({ type: 'pause', id: 1, paused: true });
    await until(() => messages.length > 0);
    expect(messages).toEqual([
      expect.objectContaining({ type: 'refused', text: expect.stringMatching(/hello first/) as string }),
    ]);
    expect(commands).toEqual([]);
  });

  it('refuses another version in words and closes', async () => {
    const { stream } = await open();
    const { ready, say, messages, closed } = connect(stream);
    await ready;
    say({ ...hello, protocol: 2 });
    expect(await closed).toBe(4400);
    expect(refusals(messages)[0].text).toMatch(/speaks version 1 .* the client version 2; reload/);
  });

  it('refuses malformed messages in words and goes on', async () => {
    const { stream, commands } = await open();
    const { ready, say, messages, socket } = connect(stream);
    await ready;
    say(hello);
    socket.send('text');
    socket.send(Uint8Array.of(1, 2, 3));
    say({ type: 'explode', id: 9 });
    say({ type: 'set', id: 10, changes: { pictures: ['/'] } });
    say({ type: 'pause', id: 11, paused: false });
    await until(() => messages.some((message) => message.type === 'done'));
    expect(refusals(messages).map(({ id }) => id)).toEqual([null, null, 9, 10]);
    expect(refusals(messages)[0].text).toMatch(/text; send binary/);
    expect(commands).toHaveLength(1);
  });

  it('refuses oversized messages: by their kind in words, beyond any kind by closing', async () => {
    const { stream } = await open();
    const { ready, say, messages, closed } = connect(stream);
    await ready;
    say(hello);
    say({ type: 'step', id: 3, padding: new Uint8Array(100_000) });
    say({ type: 'picture', id: 4, name: 'x'.repeat(201), bytes: new Uint8Array(1) });
    await until(() => refusals(messages).length === 2);
    expect(refusals(messages).map(({ text }) => text)).toEqual([
      expect.stringMatching(/step has \d+ bytes, the limit is 65536/),
      expect.stringMatching(/name/),
    ]);
    say({ type: 'picture', id: 5, name: 'x', bytes: new Uint8Array(9 * 2 ** 20) });
    expect(await closed).toBe(1009);
  });

  it('refuses a flood, and ends the connection if it goes on', async () => {
    const { stream, commands } = await open();
    const { ready, say, messages, closed } = connect(stream);
    await ready;
    say(hello);
    for (let id = 0; id < 4000; id++) say({ type: 'pause', id, paused: true });
    expect(await closed).toBe(4429);
    expect(refusals(messages)[0]).toMatchObject({ code: 'message.rate' });
    expect(refusals(messages).length + commands.length).toBeLessThan(4000);
  });

  it('refuses other origins and unknown paths at the door', async () => {
    const { stream } = await open();
    expect(await connect(stream, { origin: 'http://evil.example' }).refused).toEqual({
      status: 403,
      text: expect.stringMatching(/pages of http:\/\/evil\.example may not/) as string,
    });
    expect(await connect(stream, { headers: { host: 'evil.example' } }).refused).toMatchObject({ status: 403 });
    expect(await connect(stream.replace('stream', 'other')).refused).toMatchObject({ status: 404 });
  });

  it('answers addresses that name no path, and goes on', async () => {
    const { dashboard, stream } = await open({ host: '0.0.0.0', token: 's3cret' });
    const { port } = new URL(stream);
    for (const line of ['GET // HTTP/1.1', 'GET http://[ HTTP/1.1', 'GET /// HTTP/1.1']) {
      for (const upgrade of ['', 'Connection: Upgrade\r\nUpgrade: websocket\r\n']) {
        const answer = await new Promise<string>((done, fail) => {
          const socket = createConnection(Number(port), '127.0.0.1', () => {
            socket.write(`${line}\r\nHost: 127.0.0.1:${port}\r\n${upgrade}\r\n`);
          });
          socket.once('data', (data: Buffer) => {
            done(data.toString().split('\r\n')[0]);
            socket.destroy();
          });
          socket.once('error', fail);
          socket.once('close', () => {
            done('closed');
          });
        });
        expect(answer).toMatch(/^HTTP\/1\.1 404 /);
      }
    }
    expect(await connect(stream).refused).toMatchObject({ status: 401 });
    expect(dashboard.url).toContain(port);
  });

  it('needs a token where others can reach it', async () => {
    await expect(open({ host: '0.0.0.0' })).rejects.toThrow(/others can reach it; give --token/);
    const { stream } = await open({ host: '0.0.0.0', token: 's3cret' });
    expect(await connect(stream).refused).toMatchObject({ status: 401 });
    expect(await connect(`${stream}?token=wrong`).refused).toMatchObject({ status: 401 });
    const { ready, say, messages } = connect(`${stream}?token=s3cret`);
    await ready;
    say(hello);
    await until(() => messages.length > 0);
    expect(messages[0].type).toBe('welcome');
  });

  it('says which port is taken', async () => {
    const { dashboard } = await open();
    await expect(open({ port: Number(new URL(dashboard.url).port) })).rejects.toThrow(
      /is in use; give another with --port/,
    );
  });

  it('gives a client that does not read fewer frames, in bounded memory, and others all of them', async () => {
    const { stream, emit } = await open();
    const slow = connect(stream);
    const quick = connect(stream);
    await Promise.all([slow.ready, quick.ready]);
    slow.say({ ...hello, maxRateHz: 120 });
    quick.say({ ...hello, maxRateHz: 120 });
    await until(() => slow.messages.length > 0 && quick.messages.length > 0);
    slow.socket.pause();
    const rgb = new Uint8Array(3 * 256 * 256);
    const total = 150;
    for (let frame = 0; frame < total; frame++) {
      emit({ type: 'result', receiver: 'pilot', frame, picture: { width: 256, height: 256, rgb } } as ServerMessage);
      await new Promise((done) => setTimeout(done, 12));
    }
    slow.socket.resume();
    const framesOf = (messages: ServerMessage[]) =>
      messages.flatMap((message) => (message.type === 'result' ? [message.frame] : []));
    await until(() => framesOf(slow.messages).at(-1) === total - 1 && framesOf(quick.messages).at(-1) === total - 1);
    expect(framesOf(slow.messages).length).toBeLessThan(framesOf(quick.messages).length);
    // 256 KiB of 192 KiB pictures in the outbox, and what the kernel's buffers hold.
    expect(framesOf(slow.messages).length).toBeLessThan(60);
  });

  it('forgets clients that are gone', async () => {
    const { stream, listeners } = await open();
    const first = connect(stream);
    await first.ready;
    first.say(hello);
    await until(() => listeners.size === 1);
    first.socket.close();
    await until(() => listeners.size === 0);
  });
});

describe('live client', () => {
  const clientOf = (url: string, use: Partial<Parameters<typeof createLiveClient>[0]> = {}): LiveClient => {
    const client = createLiveClient({
      url,
      createSocket: (address) => new WebSocket(address) as unknown as ClientSocket,
      onMessage: () => undefined,
      ...use,
    });
    opened.push(client);
    return client;
  };

  it('resolves requests, rejects refused ones with the words of the server', async () => {
    const { stream, commands } = await open();
    let connected = false;
    const client = clientOf(stream, { onConnection: (state) => (connected = state === 'open') });
    await expect(client.request({ type: 'step' })).rejects.toThrow('not connected');
    await until(() => connected);
    await client.request({ type: 'set', changes: { snrDb: 3 } });
    expect(commands).toMatchObject([{ type: 'set', changes: { snrDb: 3 } }]);
    await expect(client.request({ type: 'step' })).rejects.toThrow('no step today');
  });

  it('answers every request, those beyond the limit too', async () => {
    const { stream, commands } = await open();
    let connected = false;
    const client = clientOf(stream, { onConnection: (state) => (connected = state === 'open') });
    await until(() => connected);
    const requests = Array.from({ length: 600 }, () => client.request({ type: 'pause', paused: true }));
    const answers = await Promise.allSettled(requests);
    const refused = answers.filter((answer) => answer.status === 'rejected');
    for (const { reason } of refused) expect(String(reason)).toMatch(/more than 60 a second/);
    expect(commands).toHaveLength(600 - refused.length);
    expect(connected).toBe(true);
  });

  it('comes back by itself after the server was started anew', async () => {
    const first = await open();
    const states: string[] = [];
    clientOf(first.stream, { onConnection: (state) => states.push(state) });
    await until(() => states.at(-1) === 'open');
    const port = Number(new URL(first.dashboard.url).port);
    await first.dashboard.close();
    await until(() => states.at(-1) === 'waiting');
    await open({ port });
    await until(() => states.at(-1) === 'open');
    expect(states.filter((state) => state === 'open')).toHaveLength(2);
  });

  it('gives up, in words, where the server speaks another version', async () => {
    const { stream } = await open();
    const reasons: (string | null)[] = [];
    const createSocket = (address: string): ClientSocket => {
      const socket = new WebSocket(address);
      const send = socket.send.bind(socket) as (data: Uint8Array) => void;
      // Older than the server: says so in its greeting.
      socket.send = (() => {
        send(encodeMessage({ ...hello, protocol: 0 }));
      }) as never;
      return socket as unknown as ClientSocket;
    };
    const states: string[] = [];
    clientOf(stream, {
      createSocket,
      onConnection: (state, reason) => {
        states.push(state);
        reasons.push(reason);
      },
    });
    await until(() => states.at(-1) === 'closed');
    expect(reasons.at(-1)).toMatch(/version/);
  });
});
