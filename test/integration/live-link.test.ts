import { spawn } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { resolveConfig, type RawConfig } from '../../src/config/load.js';
import { type ClientSocket, createLiveClient } from '../../src/dashboard/client.js';
import type { ReceiverDescriptor } from '../../src/link/setting/receivers.js';
import type {
  FrameMessage,
  ProgressMessage,
  ResultMessage,
  ServerMessage,
  StateMessage,
  StatsMessage,
} from '../../src/dashboard/messages.js';
import { createFeed } from '../../src/link/live/feed.js';
import { createLiveLink, type LiveLink } from '../../src/link/live/live-link.js';
import { startLive } from '../support/live-process.js';

const entry = (name: string): string => resolve(`dist/link/live/${name}`);
const failing = resolve('test/support/workers/failing-receiver.mjs');
const links: LiveLink[] = [];
afterEach(async () => {
  await Promise.all(links.splice(0).map((link) => link.close()));
});

interface Options {
  readonly rateHz?: number;
  readonly holdFrames?: number;
  readonly receiver?: string;
  readonly receivers?: readonly ReceiverDescriptor[];
}

async function start(
  raw: RawConfig,
  { rateHz = 20, holdFrames = 5, receiver = entry('receiver-worker.js'), receivers = [] }: Options = {},
) {
  const messages: ServerMessage[] = [];
  const link = createLiveLink({
    config: resolveConfig(raw),
    rateHz,
    holdFrames,
    feed: (onCrash) => createFeed({ entry: entry('feed-worker.js'), onCrash }),
    receiverEntry: () => receiver,
    receivers,
    recordingPath: () => join(mkdtempSync(join(tmpdir(), 'blindlink-live-')), 'recording'),
  });
  links.push(link);
  link.subscribe((message) => messages.push(message));
  await link.start();
  const all = <T extends ServerMessage>(type: T['type']): T[] =>
    messages.filter((message) => message.type === type) as T[];
  const results = (name: string): ResultMessage[] =>
    all<ResultMessage>('result').filter(({ receiver: own }) => own === name);
  const log = (): string =>
    all<Extract<ServerMessage, { type: 'log' }>>('log')
      .map(({ text }) => text)
      .join('\n');
  const state = (): StateMessage => link.snapshot().find((message) => message.type === 'state')!;
  const counters = (name: string): StatsMessage['receivers'][number] =>
    link
      .snapshot()
      .find((message) => message.type === 'stats')!
      .receivers.find((own) => own.name === name)!;
  return { link, messages, all, results, log, state, counters };
}

const until = async (condition: () => boolean | Promise<boolean>): Promise<void> => {
  await expect.poll(condition, { timeout: 30_000, interval: 20 }).toBe(true);
};

function blindlink(args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [resolve('dist/cli/main.js'), ...args]);
    let [out, err] = ['', ''];
    child.stdout.on('data', (part: Buffer) => (out += part.toString()));
    child.stderr.on('data', (part: Buffer) => (err += part.toString()));
    child.on('close', (code) => {
      done({ code, out, err });
    });
  });
}

describe('the live link', () => {
  it('sends, receives with every receiver, and shows what a plot needs', async () => {
    const { results, all } = await start({ receiver: { names: ['pilot', 'blind-em'] } });
    await until(() => results('pilot').length >= 3 && results('blind-em').length >= 3);
    const frame = all<FrameMessage>('frame').at(-1)!;
    expect(frame.picture).toMatchObject({
      width: 64,
      height: 64,
      name: expect.stringMatching(/^builtin:faces/) as string,
    });
    expect(frame.picture?.rgb).toHaveLength(3 * 64 * 64);
    expect(frame.elements?.re).toHaveLength(1024);
    expect(frame.truth?.responseDb).toHaveLength(64);
    expect(frame.spectrumDb).toHaveLength(256);
    expect(frame.ccdf?.share[0]).toBe(1);
    expect(frame.ccdf?.share.at(-1)).toBeLessThan(0.2);
    for (const name of ['pilot', 'blind-em']) {
      const result = results(name).at(-1)!;
      expect(result.psnrDb).toBeGreaterThan(24);
      expect(result.channel?.taps.re).toHaveLength(8);
      const { responseDb, lowDb, highDb } = result.channel!;
      responseDb.forEach((v, i) => {
        expect(lowDb[i]).toBeLessThanOrEqual(v);
        expect(highDb[i]).toBeGreaterThanOrEqual(v);
      });
      // The estimate resembles the truth of the same frame.
      const truth = all<FrameMessage>('frame').find((sent) => sent.frame === result.frame)!.truth!.taps;
      const { re, im } = result.channel!.taps;
      expect(re.reduce((sum, v, l) => sum + (v - truth.re[l]) ** 2 + (im[l] - truth.im[l]) ** 2, 0)).toBeLessThan(0.15);
    }
  });

  it('changes what a receiver names as its own setting, and nothing that none does', async () => {
    const gain = {
      kind: 'number',
      path: 'receiver.options.mine.gain',
      label: 'gain',
      min: 0,
      max: 2,
      step: 1,
    } as const;
    const mine = { name: 'mine', about: 'from a file', steerable: [gain], create: () => Promise.reject as never };
    const { link, state } = await start(
      { receiver: { names: ['pilot', './mine.mjs'] } },
      { receivers: [{ name: 'pilot', about: '', create: mine.create }, mine] },
    );
    const set = (changes: Record<string, unknown>) => link.carryOut({ type: 'set', id: 1, changes } as never);
    const { available } = state();
    expect(available.at(-1)).toEqual({ name: './mine.mjs', about: 'from a file', steerable: [gain] });
    expect(available.find(({ name }) => name === 'blind-hifi')?.steerable).toHaveLength(2);
    await set({ 'receiver.options.mine.gain': 2, 'receiver.blindHifi.perception': 0.25 });
    expect(state().settings).toMatchObject({
      receiver: { options: { mine: { gain: 2 } }, blindHifi: { perception: 0.25 } },
    });
    await expect(set({ 'receiver.options.mine.other': 2 })).rejects.toThrow(
      /receiver\.options\.mine\.other: cannot be changed here; known: seed, codec, .*receiver\.options\.mine\.gain/,
    );
    await expect(set({ 'receiver.blindHifi.perception': 3 })).rejects.toThrow(/perception is 3: must be at most 1/);
  });

  it('applies changed settings to the next frame, and keeps the old ones where new ones are refused', async () => {
    const { link, results, all, state } = await start({ receiver: { names: ['pilot'] }, snrDb: 10 });
    await until(() => results('pilot').length >= 3);
    const before = results('pilot').at(-1)!;
    await link.carryOut({ type: 'set', id: 1, changes: { snrDb: -5, 'channel.dopplerHz': 50 } });
    expect(state().settings).toMatchObject({ snrDb: -5, channel: { dopplerHz: 50 } });
    await until(() => results('pilot').some(({ epoch }) => epoch === 1));
    const after = results('pilot').filter(({ epoch }) => epoch === 1)[0];
    expect(after.psnrDb!).toBeLessThan(before.psnrDb! - 3);
    expect(all<FrameMessage>('frame').filter(({ epoch }) => epoch === 1).length).toBeGreaterThan(0);

    const set = (changes: Record<string, unknown>) => link.carryOut({ type: 'set', id: 2, changes } as never);
    await expect(set({ snrDb: 99 })).rejects.toThrow(/snrDb is 99: must be at most 60/);
    await expect(set({ 'receiver.decoder': 'nosuch' })).rejects.toThrow(/codec faces-12 has its own and perceptual/);
    await expect(set({ 'channel.taps': { kind: 'exponential', numTaps: 99, decay: 4 } })).rejects.toThrow(
      /99 taps do not fit 64/,
    );
    await expect(set({ codec: 'nope' })).rejects.toThrow(/no such codec/);
    expect(state()).toMatchObject({ epoch: 1, settings: { snrDb: -5 } });
    const frames = results('pilot').length;
    await until(() => results('pilot').length > frames + 2);
    await set({ snrDb: null });
    expect(state().settings).toMatchObject({ snrDb: 10 });
  });

  it('says in words why a receiver does not run, and the others go on', async () => {
    const { link, results, state, log } = await start({ receiver: { names: ['pilot', 'perfect'] } });
    await until(() => results('pilot').length > 0);
    await link.carryOut({ type: 'set', id: 1, changes: { 'ofdm.pilotSymbols': 0 } });
    await until(() => state().receivers[0].condition === 'refused');
    expect(state().receivers[0].reason).toMatch(/receiver pilot: the link sends no pilots/);
    expect(log().match(/sends no pilots/g)).toHaveLength(1);
    const count = results('perfect').length;
    await until(() => results('perfect').length > count + 3);
    await link.carryOut({ type: 'set', id: 2, changes: { 'ofdm.pilotSymbols': 1 } });
    await until(() => state().receivers[0].condition === 'running');
  });

  it('starts and ends receivers as the settings name them', async () => {
    const { link, results, state } = await start({ receiver: { names: ['pilot'] } });
    await link.carryOut({ type: 'set', id: 1, changes: { 'receiver.names': ['perfect', 'pilot'] } });
    await until(() => results('perfect').length > 0);
    expect(state().receivers.map(({ name }) => name)).toEqual(['perfect', 'pilot']);
    await link.carryOut({ type: 'set', id: 2, changes: { 'receiver.names': ['perfect'] } });
    await until(() => link.snapshot().every((message) => message.type !== 'result' || message.receiver === 'perfect'));
  });

  it('pauses, steps, and sends the paused frame again when settings change', async () => {
    const { link, all, results } = await start({ receiver: { names: ['pilot'] } });
    await until(() => results('pilot').length > 1);
    await link.carryOut({ type: 'pause', id: 1, paused: true });
    const frames = () => all<FrameMessage>('frame').map(({ frame }) => frame);
    /** Frames once no more come; those that were under way may be late on a busy machine. */
    const settled = async (atLeast = 0): Promise<number[]> => {
      let seen = -1;
      await until(async () => {
        seen = frames().length;
        await new Promise((done) => setTimeout(done, 500));
        return seen >= atLeast && frames().length === seen;
      });
      return frames();
    };
    const atPause = frames().length;
    const paused = await settled();
    expect(paused.length).toBeLessThanOrEqual(atPause + 2);
    await link.carryOut({ type: 'step', id: 2 });
    const stepped = await settled(paused.length + 1);
    // One step is one frame, and at most one that was late.
    expect(stepped.length).toBeLessThanOrEqual(paused.length + 2);
    expect(stepped.at(-1)).toBe(paused.at(-1)! + stepped.length - paused.length);
    await link.carryOut({ type: 'set', id: 3, changes: { snrDb: 20 } });
    const again = await settled(stepped.length + 1);
    expect(again.slice(stepped.length)).toEqual([stepped.at(-1)]);
    await until(() => results('pilot').at(-1)?.epoch === 1);
    const truths = all<FrameMessage>('frame')
      .slice(-2)
      .map(({ truth }) => truth!.taps.re);
    expect(truths[1]).toEqual(truths[0]);
  });

  it('sends pictures that are handed to it, and refuses what is none', async () => {
    const { link, all, state } = await start({ receiver: { names: ['pilot'] } });
    const bytes = await sharp({ create: { width: 40, height: 24, channels: 3, background: { r: 255, g: 0, b: 0 } } })
      .png()
      .toBuffer();
    await link.carryOut({ type: 'picture', id: 1, name: 'red.png', bytes: new Uint8Array(bytes) });
    expect(state().source).toBe('red.png');
    await until(() => all<FrameMessage>('frame').at(-1)?.picture?.name === 'red.png');
    expect(all<FrameMessage>('frame').at(-1)?.picture).toMatchObject({ width: 40, height: 24 });
    const bad = { type: 'picture', id: 2, name: 'bad.png', bytes: new Uint8Array(10) } as const;
    await expect(link.carryOut(bad)).rejects.toThrow(/bad\.png: not a picture/);
    await link.carryOut({ type: 'camera', width: 16, height: 16, rgb: new Uint8Array(768).fill(128) });
    await until(() => all<FrameMessage>('frame').at(-1)?.picture?.name === 'camera');
    expect(all<FrameMessage>('frame').at(-1)?.picture?.rgb).toEqual(new Uint8Array(768).fill(128));
    // Pictures of a stream that are still on their way when something else is chosen do not take its place.
    const rgb = new Uint8Array(768).fill(60);
    const camera = (session: number) => link.carryOut({ type: 'camera', width: 16, height: 16, rgb, session });
    await camera(7);
    await expect(link.carryOut({ ...bad, id: 4 })).rejects.toThrow(/not a picture/);
    await camera(7);
    expect(state().source).toBe('camera');
    await link.carryOut({ type: 'source', id: 5, source: 'builtin:faces' });
    await camera(7);
    expect(state().source).toBe('builtin:faces');
    await camera(8);
    expect(state().source).toBe('camera');
    await link.carryOut({ type: 'size', id: 3, edge: 128 });
    expect(state()).toMatchObject({ edge: 128, edges: [64, 128, 256, 512] });
    await link.carryOut({ type: 'picture', id: 4, name: 'red.png', bytes: new Uint8Array(bytes) });
    await until(() => all<FrameMessage>('frame').at(-1)?.picture?.width === 128);
    expect(all<FrameMessage>('frame').at(-1)?.picture).toMatchObject({ name: 'red.png', height: 128 });
    const chosen = link.carryOut({ type: 'source', id: 5, source: 'builtin:natural' });
    // From a camera that has not heard of it yet.
    await link.carryOut({ type: 'camera', width: 16, height: 16, rgb: new Uint8Array(768) });
    await chosen;
    expect(state().source).toBe('builtin:natural');
    await until(() => all<FrameMessage>('frame').at(-1)?.picture?.name.startsWith('builtin:natural') === true);
    expect(all<FrameMessage>('frame').at(-1)?.picture?.width).toBe(128);
  });

  it('starts a crashed receiver anew, says so, and nothing else stops', async () => {
    const { results, counters, log, all } = await start(
      { receiver: { names: ['perfect', 'pilot'] } },
      { receiver: failing, rateHz: 30 },
    );
    await until(() => counters('perfect').restarts >= 2 && results('perfect').length >= 4);
    expect(log()).toMatch(/perfect: its process ended \(exit code 7\); it is started again, nothing else is affected/);
    expect(counters('pilot')).toMatchObject({ restarts: 0, failures: 0 });
    expect(results('pilot').length).toBeGreaterThan(results('perfect').length);
    expect(all<StateMessage>('state').some(({ receivers }) => receivers[0].condition === 'restarting')).toBe(true);
  });

  it('counts failures of a receiver that only ever fails, without restarting it', async () => {
    const { counters, state } = await start({ receiver: { names: ['blind-em'] } }, { receiver: failing });
    await until(() => counters('blind-em').failures >= 3);
    expect(counters('blind-em').restarts).toBe(0);
    expect(state().receivers[0]).toMatchObject({ condition: 'refused', reason: 'cannot do this' });
  });

  it('a receiver that is slow drops frames by number, and is cancelled only when its frame is stale', async () => {
    const { link, counters, all, results } = await start(
      { receiver: { names: ['diffcom', 'pilot'] } },
      { receiver: failing, rateHz: 30 },
    );
    const progress = () => all<ProgressMessage>('progress');
    await until(() => results('pilot').length > 20 && progress().length > 20);
    expect(new Set(progress().map(({ frame }) => frame)).size).toBe(1);
    expect(counters('diffcom')).toMatchObject({ cancelled: 0, queue: 1 });
    expect(counters('diffcom').replaced).toBeGreaterThan(10);
    expect(counters('pilot').replaced).toBeLessThan(counters('diffcom').replaced);
    await link.carryOut({ type: 'set', id: 1, changes: { snrDb: 5 } });
    await until(() => progress().at(-1)?.epoch === 1);
    expect(counters('diffcom').cancelled).toBe(1);
    const after = progress().length;
    await until(() => progress().length > after + 10);
    // The cancelled run is silent: every later step belongs to the new settings.
    expect(
      progress()
        .slice(after)
        .every(({ epoch }) => epoch === 1),
    ).toBe(true);
  });

  it('samples with a real prior and shows the picture as it evolves', async () => {
    const { results, all } = await start(
      { receiver: { names: ['blind-hifi'], blindHifi: { quality: 'fast' } } },
      { rateHz: 5 },
    );
    await until(() => results('blind-hifi').length >= 1);
    const { frame } = results('blind-hifi')[0];
    const steps = all<ProgressMessage>('progress').filter((step) => step.frame === frame);
    expect(steps.map(({ done }) => done)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(steps[0].picture.rgb).not.toEqual(steps[5].picture.rgb);
  });
});

describe('blindlink live and watch', () => {
  const watch = (args: readonly string[]) => blindlink(['watch', ...args]);

  it('serves a watcher JSON lines, and ends on an interrupt without leaving a process behind', async () => {
    const live = await startLive(['--receiver', 'pilot']);
    const { code, out } = await watch([live.url, '--json', '--results', '3']);
    expect(code).toBe(0);
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ServerMessage & { receiver?: string });
    expect(lines[0]).toMatchObject({ type: 'welcome', protocol: 1 });
    expect(lines.filter(({ type }) => type === 'result')).toHaveLength(3);
    expect(lines.at(-1)).toMatchObject({ type: 'result', receiver: 'pilot', psnrDb: expect.any(Number) as number });
    const pids = [...out.matchAll(/runs in process (\d+)/g)].map((match) => Number(match[1]));
    expect(pids).toHaveLength(1);
    expect(await live.stop()).toBe(130);
    expect(live.errors().trim()).toBe('blindlink: live link ended');
    expect(() => process.kill(pids[0], 0)).toThrow(/ESRCH/);
    const gone = await watch([live.url]);
    expect(gone.code).toBe(1);
    expect(gone.err).toMatch(/^blindlink: ws:.*no server answers[^\n]*\n$/);
  });

  it('records what it receives, and blindlink replay finds the frames in it', async () => {
    const { link, all, results, state, log } = await start({
      ofdm: { profile: 'ota' },
      receiver: { names: ['pilot'] },
      channel: { cfoSubcarriers: 0.2 },
    });
    await until(() => results('pilot').length > 0);
    await link.carryOut({ type: 'record', id: 1, on: true });
    const { path } = state().recording!;
    const before = all<FrameMessage>('frame').length;
    await until(() => all<FrameMessage>('frame').length >= before + 6);
    await link.carryOut({ type: 'record', id: 2, on: false });
    expect(state().recording).toBeNull();
    expect(log()).toMatch(/\d+ samples recorded; play them with: blindlink replay /);
    const { code, out } = await blindlink(['replay', path, '--json', '--no-save', '--receiver', 'pilot']);
    expect(code).toBe(0);
    const frames = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; psnrDb: number })
      .filter(({ type }) => type === 'frame');
    expect(frames.length).toBeGreaterThanOrEqual(5);
    for (const { psnrDb } of frames) expect(psnrDb).toBeGreaterThan(20);
  });

  it('plays a recording in place of a simulation, with what was sent; its channel cannot be changed', async () => {
    const live = await startLive(['--replay', 'recordings/faces-gnuradio.sigmf-meta', '--receiver', 'pilot']);
    const messages: ServerMessage[] = [];
    const client = createLiveClient({
      url: live.url.replace('http', 'ws') + 'stream',
      createSocket: (url) => new WebSocket(url) as unknown as ClientSocket,
      onMessage: (message) => messages.push(message),
    });
    const results = (receiver: string): ResultMessage[] =>
      messages.flatMap((message) => (message.type === 'result' && message.receiver === receiver ? [message] : []));
    await until(() => results('pilot').length >= 3);
    for (const { psnrDb } of results('pilot')) expect(psnrDb).toBeGreaterThan(20);
    await expect(client.request({ type: 'set', changes: { 'channel.dopplerHz': 5 } })).rejects.toThrow(
      /channel\.dopplerHz: cannot be changed with replay of recordings/,
    );
    await expect(client.request({ type: 'source', source: 'builtin:faces' })).rejects.toThrow(
      /pictures cannot be changed/,
    );
    await client.request({ type: 'set', changes: { 'receiver.names': ['pilot', 'blind-em'] } });
    await until(() => results('blind-em').length >= 3);
    await client.request({ type: 'set', changes: { snrDb: 12 } });
    await until(() => results('pilot').some(({ epoch }) => epoch === 2));
    client.close();
    await live.stop();
  });

  it('sends and receives through a radio of the contract, open as long as its settings stay', async () => {
    const live = await startLive(['--radio', 'simulated', '--receiver', 'pilot', '--snr', '15']);
    const { code, out } = await blindlink(['watch', live.url, '--json', '--results', '20']);
    await live.stop();
    expect(code).toBe(0);
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as ServerMessage);
    const psnr = lines.flatMap((message) => (message.type === 'result' ? [message.psnrDb ?? 0] : []));
    expect(psnr.filter((value) => value > 20).length).toBeGreaterThan(15);
    expect(lines.filter((message) => message.type === 'frame').every(({ sync }) => sync.found)).toBe(true);
  });

  it('goes on over its radio where new settings are refused', async () => {
    const live = await startLive(['--radio', 'simulated', '--profile', 'ota', '--receiver', 'pilot', '--snr', '15']);
    const results: ResultMessage[] = [];
    const client = createLiveClient({
      url: live.url.replace('http', 'ws') + 'stream',
      createSocket: (url) => new WebSocket(url) as unknown as ClientSocket,
      onMessage: (message) => message.type === 'result' && results.push(message),
    });
    await until(() => results.length >= 2);
    await expect(client.request({ type: 'set', changes: { 'channel.dopplerHz': 9000 } })).rejects.toThrow(
      /at most 6250 Hz/,
    );
    const before = results.length;
    await until(() => results.length >= before + 3);
    expect(results.at(-1)!.psnrDb).toBeGreaterThan(20);
    client.close();
    await live.stop();
  });

  it('can be steered by another process: the example sweeps the CSNR', async () => {
    const live = await startLive(['builtin:faces', '--receiver', 'pilot']);
    const child = spawn(process.execPath, ['examples/live-sweep.mjs', live.url, '3', '-5', '20']);
    let out = '';
    child.stdout.on('data', (part: Buffer) => (out += part.toString()));
    expect(await new Promise((done) => child.on('close', done))).toBe(0);
    await live.stop();
    const rows = out.trim().split('\n');
    expect(rows[0]).toBe('CSNR dB,pilot dB');
    const [low, high] = rows.slice(1).map((row) => row.split(',').map(Number));
    expect([low[0], high[0]]).toEqual([-5, 20]);
    expect(high[1]).toBeGreaterThan(low[1] + 5);
  });

  it.each([
    [['--port', '99999'], /--port 99999: must be a whole number from 0 to 65535/],
    [['--frame-rate', '0'], /--frame-rate 0: must be a number from 0.1 to 60/],
    [['--host', '0.0.0.0'], /others can reach it; give --token/],
    [['--codec', 'nope'], /no such codec/],
    [['/nowhere.png'], /no such file or folder/],
    [['--channel', 'exponential:99'], /99 taps do not fit 64/],
  ])('live %j fails with one clear line', async (args, expected) => {
    const error = await startLive(args).then(
      async (live) => `started with ${String(await live.stop())}`,
      (reason: unknown) => (reason as Error).message,
    );
    expect(error).toMatch(/^blindlink live ended with [12]: blindlink: [^\n]+\n$/);
    expect(error).toMatch(expected);
  });
});
