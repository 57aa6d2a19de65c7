import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { FrameJob, FrameProduct } from '../../../src/campaign/frame-job.js';
import {
  jobName,
  jobVersions,
  packError,
  packProducts,
  unpackError,
  unpackProducts,
} from '../../../src/campaign/queue/frame-queue.js';
import { shownAddress } from '../../../src/campaign/queue/redis.js';
import { resolveConfig } from '../../../src/config/load.js';
import { ConfigError } from '../../../src/core/errors.js';

const job = (over: Partial<FrameJob> = {}): FrameJob => ({
  config: resolveConfig({ pictures: ['builtin:faces'] }),
  from: 0,
  to: 8,
  wishes: { pictures: 3 },
  ...over,
});

describe('what goes through the queue', () => {
  it('is named by what determines the result', () => {
    expect(jobName('a', job())).toBe(jobName('a', job()));
    const others = [
      jobName('b', job()),
      jobName('a', job({ to: 9 })),
      jobName('a', job({ from: 1 })),
      jobName('a', job({ wishes: {} })),
      jobName('a', job({ config: resolveConfig({ pictures: ['builtin:faces'], snrDb: 1 }) })),
    ];
    expect(new Set([jobName('a', job()), ...others]).size).toBe(6);
    // BullMQ takes no colons.
    expect(jobName('a', job())).toMatch(/^[\w-]+$/);
  });

  it('comes out as it went in, to the last bit', () => {
    const product = {
      frame: 3,
      results: [
        {
          report: { psnrDb: 0.1 + 0.2, evm: Number.NaN, snrDb: Infinity, paprDb: 2 ** -1074, residual: null },
          naturalness: null,
          features: {
            fid: { received: Float64Array.of(1 / 3, Number.NaN), sent: new Float64Array(2048).fill(Math.E) },
          },
        },
      ],
      notes: ['p: cropped'],
      description: null,
      pictures: { 'a.png': Uint8Array.of(137, 80, 0, 255) },
    };
    const [back] = unpackProducts(packProducts([product as unknown as FrameProduct]));
    expect(back).toEqual(product);
    expect(JSON.stringify(back)).toBe(JSON.stringify(product));
  });

  it('needs the prior and the receiver files that the campaign has', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'blindlink-versions-'));
    const card = JSON.parse(readFileSync('models/faces-prior/card.json', 'utf8')) as object;
    const withPrior = async (hash: string): Promise<unknown> => {
      writeFileSync(join(folder, 'card.json'), JSON.stringify({ ...card, sha256: { 'denoiser.onnx': hash } }));
      const names = { prior: folder, receiver: { names: ['diffcom'] } };
      return (await jobVersions(resolveConfig({ pictures: ['builtin:faces'], ...names })))[`prior ${folder}`];
    };
    const [first, second] = [await withPrior('a'.repeat(64)), await withPrior('b'.repeat(64))];
    expect(first).toBe(JSON.stringify({ 'denoiser.onnx': 'a'.repeat(64) }));
    expect(second).not.toBe(first);
    const receiver = join(folder, 'mine.mjs');
    const withReceiver = async (body: string): Promise<Readonly<Record<string, string>>> => {
      writeFileSync(receiver, `export default { name: 'mine', create() { ${body} } };`);
      return jobVersions(resolveConfig({ pictures: ['builtin:faces'], receiver: { names: [receiver, 'pilot'] } }));
    };
    const [before, after] = [await withReceiver(''), await withReceiver('return null;')];
    expect(before[`receiver ${receiver}`]).toMatch(/^[0-9a-f]{64}$/);
    expect(after[`receiver ${receiver}`]).not.toBe(before[`receiver ${receiver}`]);
    // No receiver needs a prior.
    expect(Object.keys(after).filter((name) => name.startsWith('prior'))).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  it('tells what went wrong, whatever it was', () => {
    const usage = unpackError(packError(new ConfigError('picture.missing', 'a.png: not there'), 'host-1'));
    expect(usage).toBeInstanceOf(ConfigError);
    expect([usage.code, usage.message]).toEqual(['picture.missing', 'worker host-1: a.png: not there']);
    expect(unpackError('job stalled more than allowable limit').message).toMatch(/gave a job up: job stalled/);
  });

  it('shows addresses without passwords', () => {
    expect(shownAddress('rediss://me:se@cret@host:1/2')).toBe('rediss://host:1/2');
  });
});
