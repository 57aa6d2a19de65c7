import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FrameJob } from '../../src/campaign/frame-job.js';
import { jobVersions, packJob, QUEUE } from '../../src/campaign/queue/frame-queue.js';
import { resolveConfig } from '../../src/config/load.js';
import { bytesOf, contentsOf, startBlindlink, until } from '../support/campaign-runs.js';
import { describeWith, redisServer } from '../support/programs.js';

const work = mkdtempSync(join(tmpdir(), 'blindlink-queue-'));
const folder = (name: string): string => join(work, name);
const TIMEOUT = 600_000;
const YAML = `
settings: { pictures: ['builtin:faces'], receiver: { names: [perfect, pilot] } }
over: { snrDb: [0, 4, 8, 12] }
stop: { frames: 30, minFrames: 4, psnrHalfWidthDb: 0.6, of: [perfect] }
batch: 2
keepPictures: 1
`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}

/** A Redis with an append-only file, which is there again after a kill. */
async function startRedis(port: number): Promise<ChildProcess> {
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--appendonly', 'yes', '--save', '', '--dir', work];
  const child = spawn('redis-server', args, { stdio: 'ignore' });
  for (;;) {
    const answers = await new Promise<boolean>((done) => {
      const socket = createConnection(port, '127.0.0.1', () => {
        socket.destroy();
        done(true);
      });
      socket.on('error', () => {
        done(false);
      });
    });
    if (answers) return child;
    await new Promise((done) => setTimeout(done, 50));
  }
}

const kill = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((done) => child.once('exit', done));
  child.kill('SIGKILL');
  await gone;
};

describeWith(redisServer(), 'a campaign on a queue', () => {
  let port = 0;
  let redis: ChildProcess;
  const workers: ChildProcess[] = [];
  const startWorker = (): ChildProcess => {
    const { child } = startBlindlink(work, ['worker', '--queue', `redis://127.0.0.1:${port}`, '--workers', '1']);
    workers.push(child);
    return child;
  };
  const start = (out: string, yaml = 'tiny.yaml') =>
    startBlindlink(work, ['sweep', yaml, '--out', out, '--queue', `redis://127.0.0.1:${port}`]);

  beforeAll(async () => {
    writeFileSync(join(work, 'tiny.yaml'), YAML);
    port = await freePort();
    redis = await startRedis(port);
    const { code, err } = await startBlindlink(work, ['sweep', 'tiny.yaml', '--out', 'local', '--workers', '1']).ended;
    expect([code, err]).toEqual([0, '']);
  }, TIMEOUT);
  afterAll(async () => {
    await Promise.all([...workers, redis].map(kill));
  });

  it(
    'equals a local one byte for byte, though workers, Redis and the coordinator are killed with -9',
    async () => {
      const size = bytesOf(folder('local'));
      const reach = (share: number): Promise<void> =>
        until(`${share} of the frames`, () => bytesOf(folder('queued')) >= share * size);
      const [first] = [startWorker(), startWorker()];
      let coordinator = start('queued');
      await reach(0.1);
      await kill(first);
      startWorker();
      await reach(0.3);
      await kill(redis);
      await new Promise((done) => setTimeout(done, 300));
      redis = await startRedis(port);
      await reach(0.5);
      await kill(coordinator.child);
      coordinator = start('queued');
      await reach(0.7);
      // A Redis that kept nothing.
      const client = new Redis(port);
      await client.flushall();
      await client.quit();
      const { code, err } = await coordinator.ended;
      expect([code, err]).toEqual([0, '']);
      expect(contentsOf(folder('queued'))).toEqual(contentsOf(folder('local')));
    },
    TIMEOUT,
  );

  it(
    'leaves nothing in Redis that stays, and a worker that is asked to end says what it did',
    async () => {
      const client = new Redis(port);
      const left = (await client.keys('*')).filter((key) => !/:(events|id|meta|stalled-check)$/.test(key));
      // Results that a killed coordinator had put on disk already expire of themselves.
      expect(left.filter((key) => !key.includes(':result:'))).toEqual([]);
      for (const key of left) expect(await client.ttl(key)).toBeGreaterThan(0);
      await client.quit();
      await Promise.all(workers.map(kill));
      const { child, ended, printed } = startBlindlink(work, ['worker', '--queue', `redis://127.0.0.1:${port}`]);
      await until('the worker is ready', () => printed().includes('Ctrl-C'));
      child.kill('SIGINT');
      expect(await ended).toMatchObject({ code: 0, err: expect.stringMatching(/\n0 frames computed\n$/) as string });
    },
    TIMEOUT,
  );

  it(
    'fails with what went wrong on the worker in one line, and goes on once that is mended',
    async () => {
      const receiver = join(work, 'mine.mjs');
      const body = (first: string): string => `
        import { decodeElements, receiverResult } from '${pathToFileURL(resolve('dist/receiver/index.js')).href}';
        export default {
          name: 'mine', about: '',
          create: ({ setting }) => ({
            name: 'mine', needs: { pilots: false, truth: false },
            async *receive({ frame }) {
              ${first}
              const picture = await decodeElements(setting, frame.elements);
              yield { kind: 'final', result: receiverResult({ picture, equalised: frame.elements, noiseVariance: 1 }) };
            },
          }),
        };`;
      writeFileSync(receiver, body("throw new Error('no good');"));
      writeFileSync(
        join(work, 'failing.yaml'),
        `settings: { pictures: ['builtin:faces'], receiver: { names: ['${receiver}'] } }\nstop: { frames: 2 }\n`,
      );
      const worker = startWorker();
      const { code, err } = await start('failing', 'failing.yaml').ended;
      expect(code).toBe(1);
      expect(err.trim().split('\n')).toHaveLength(1);
      expect(err).toMatch(/worker .*: .*no good/);
      await kill(worker);
      writeFileSync(receiver, body(''));
      startWorker();
      expect(await start('failing', 'failing.yaml').ended).toMatchObject({ code: 0, err: '' });
    },
    TIMEOUT,
  );

  it(
    'is not taken by a worker of another version, which says so and ends',
    async () => {
      const connection = new Redis(port, { maxRetriesPerRequest: null });
      const queue = new Queue(QUEUE, { connection });
      const job: FrameJob = { config: resolveConfig({ pictures: ['builtin:faces'] }), from: 0, to: 1, wishes: {} };
      const versions = { ...(await jobVersions(job.config)), blindlink: '9.9.9' };
      const added = await queue.add('frames', packJob({ job, versions }), { jobId: 'of-another-version' });
      const worker = startBlindlink(work, ['worker', '--queue', `redis://127.0.0.1:${port}`, '--workers', '1']);
      const { code, err } = await worker.ended;
      expect(code).toBe(2);
      expect(err).toMatch(/needs another installation than this worker's: blindlink was "9.9.9" and is "\d/);
      expect(await added.getState()).toBe('waiting');
      await queue.close();
      await connection.quit();
    },
    TIMEOUT,
  );
});

describe('a campaign on a queue that is not there', () => {
  it.each([
    ['redis://127.0.0.1:1', 1, /--queue redis:\/\/127\.0\.0\.1:1: no Redis that can be used \(.*ECONNREFUSED/],
    ['redis://me:secret@127.0.0.1:1', 1, /--queue redis:\/\/127\.0\.0\.1:1: no Redis/],
    ['localhost', 2, /--queue localhost: must be the address of a Redis/],
  ])('is refused in one line and writes nothing: %s', async (url, expected, message) => {
    writeFileSync(join(work, 'tiny.yaml'), YAML);
    const runs = [['sweep', 'tiny.yaml', '--out', 'nothing'], ['worker']].map(
      (args) => startBlindlink(work, [...args, '--queue', url]).ended,
    );
    for (const { code, out, err } of await Promise.all(runs)) {
      expect([code, out]).toEqual([expected, '']);
      expect(err.trim().split('\n')).toHaveLength(1);
      expect(err).toMatch(message);
      expect(existsSync(folder('nothing'))).toBe(false);
    }
  });
});
