import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { frameMetrics } from '../../src/campaign/point-figures.js';
import { resolveConfig } from '../../src/config/load.js';
import { LinkError } from '../../src/core/errors.js';
import { linkFrames } from '../../src/link/link.js';
import type { FrameOutcome } from '../../src/link/results/frame-report.js';
import { withModels } from '../../src/link/setting/link-models.js';
import { createLinkSetting, gridOf } from '../../src/link/setting/link-setting.js';
import { createReceiver, findReceivers } from '../../src/link/setting/receivers.js';
import { builtinPicture } from '../../src/source/builtin-pictures.js';
import { createRng } from '../../src/core/rng.js';
import { writeBlockTransform } from '../support/block-transform.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const script = fileURLToPath(new URL('../support/little-codec.mjs', import.meta.url));

/** All outcomes of some frames. */
async function run(settings: Record<string, unknown>, frames = 4): Promise<FrameOutcome[]> {
  const config = resolveConfig({ codec: 'natural-12-blind', ...settings });
  const descriptors = await findReceivers(config);
  return withModels(config, descriptors, async (models) => {
    async function* pictures() {
      for (let i = 0; i < frames; i++) yield await builtinPicture('natural', i);
    }
    const outcomes: FrameOutcome[] = [];
    for await (const some of linkFrames(config, models, pictures())) outcomes.push(...some);
    return outcomes;
  });
}

const of = (outcomes: readonly FrameOutcome[], name: string): FrameOutcome[] =>
  outcomes.filter(({ report }) => report.receiver === name);

describe('conventional links beside a codec', () => {
  it('use its channel uses, its channel and its noise, and leave its own figures as they are', async () => {
    const alone = await run({ receiver: { names: ['perfect', 'pilot'] } });
    const beside = await run({ receiver: { names: ['webp-perfect', 'perfect', 'webp-pilot', 'pilot'] } });
    const figures = (outcomes: readonly FrameOutcome[], name: string): unknown[] =>
      of(outcomes, name).map(({ report: { milliseconds: _, ...rest } }) => rest);
    for (const name of ['perfect', 'pilot']) expect(figures(beside, name)).toEqual(figures(alone, name));
    for (const name of ['webp-perfect', 'webp-pilot']) {
      for (const { report, arrived } of of(beside, name)) {
        const codec = of(beside, 'perfect')[report.frame];
        expect(report.channelUses).toBe(codec.report.channelUses);
        expect(arrived.sent.samples.re.length).toBe(codec.arrived.sent.samples.re.length);
        expect(arrived.taps).toEqual(codec.arrived.taps);
        expect(report.packet!.payloadBits).toBeGreaterThan(8 * (report.packet!.contentBytes ?? 0));
        expect(report.verdict === 'decoded').toBe(report.packet!.contentBytes !== null);
      }
    }
    expect(of(beside, 'webp-pilot').every(({ report }) => report.channelError > 0)).toBe(true);
  });

  it('take learned codecs that are two graphs, whose pictures get better with the scheme', async () => {
    const onnx = { ...writeBlockTransform(), multipleOf: 8, steps: { coarsest: 2, finest: 0.01 } };
    const link = { source: 'onnx', csi: 'perfect', onnx };
    const baselines = { few: { ...link, mcs: 4 }, many: { ...link, mcs: 16 } };
    const outcomes = await run({
      receiver: { names: ['few', 'many'], baselines },
      snrDb: 25,
      channel: { taps: { kind: 'flat' } },
    });
    for (const { report } of outcomes) expect(report.verdict).toBe('decoded');
    const [few, many] = ['few', 'many'].map((name) => of(outcomes, name).map(({ report }) => report.psnrDb));
    many.forEach((psnrDb, i) => expect(psnrDb).toBeGreaterThan(few[i] + 1));
  });

  it('fall off a cliff with a fixed scheme, and not with an adaptive one', async () => {
    const baselines = { fixed: { source: 'webp', csi: 'perfect', mcs: 12 } };
    const means: Record<string, number[]> = { fixed: [], 'webp-perfect': [] };
    for (const snrDb of [0, 12]) {
      const outcomes = await run({ snrDb, receiver: { names: ['fixed', 'webp-perfect'], baselines } });
      for (const name of Object.keys(means)) {
        const frames = of(outcomes, name);
        means[name].push(frames.reduce((sum, { report }) => sum + report.psnrDb, 0) / frames.length);
        if (name === 'fixed' && snrDb === 0) {
          // What is lost is mid-grey.
          expect(
            frames.every(({ picture, report }) => report.verdict === 'failed' && picture.every((v) => v === 0.5)),
          ).toBe(true);
        }
      }
    }
    expect(means['fixed'][1] - means['fixed'][0]).toBeGreaterThan(8);
    expect(means['webp-perfect'][0]).toBeGreaterThan(means['fixed'][0] + 2);
  });

  it('have a lost packet where no frame was found, in every line and among block errors', async () => {
    const names = ['webp-pilot', 'pilot'];
    const outcomes = await run({ snrDb: -20, ofdm: { profile: 'ota' }, receiver: { names } }, 3);
    const [lost, plain] = names.map((name) => of(outcomes, name).map(({ report }) => report));
    for (const report of lost) {
      const { packet, verdict, frame, picture } = report;
      expect(verdict).toBe('failed');
      expect(packet).toMatchObject({ contentBytes: null, iterations: 0 });
      expect(packet!.payloadBits).toBeGreaterThan(0);
      const line = { point: 0, frame, picture, receivers: { 'webp-pilot': report } };
      expect(frameMetrics(line, 'webp-pilot')).toMatchObject({ blockErrors: 1, success: 0 });
    }
    for (const report of plain) expect(report).not.toHaveProperty('packet');
  });

  it('may have a picture codec of two commands, and say in one line when it fails', async () => {
    const external = {
      encode: `${process.execPath} ${script} encode {input} {output} {quality}`,
      decode: `${process.execPath} ${script} decode {input} {output}`,
      qualities: { smallest: 1, best: 64 },
      pictures: 'ppm',
    };
    const receiver = {
      names: ['mine'],
      baselines: { mine: { source: 'external', csi: 'perfect', mcs: 16, external } },
    };
    const [{ report }] = await run({ snrDb: 20, receiver }, 1);
    expect(report.verdict).toBe('decoded');
    expect(report.packet).toMatchObject({ mcs: 16, bitsPerSymbol: 4 });
    const broken = { ...external, encode: external.encode.replace('encode {', 'fail {') };
    const failing = { names: ['mine'], baselines: { mine: { ...receiver.baselines.mine, external: broken } } };
    await expect(run({ receiver: failing }, 1)).rejects.toThrow('receiver.baselines.mine: ');
  });

  it('follow superimposed references, over-the-air grids and moving channels', async () => {
    const outcomes = await run({
      rho: 0.1,
      snrDb: 15,
      ofdm: { profile: 'ota' },
      channel: { dopplerHz: 50 },
      receiver: { names: ['webp-pilot'] },
    });
    expect(outcomes.filter(({ report }) => report.verdict === 'decoded').length).toBeGreaterThan(2);
  });
});

describe('what cannot be', () => {
  it.each([
    [
      { receiver: { baselines: { a: { csi: 'blind' } } } },
      'receiver.baselines.a.csi is "blind": must be perfect or pilot; coded packets cannot be received blind',
    ],
    [
      { receiver: { baselines: { a: { mcs: 29 } } } },
      'receiver.baselines.a.mcs is 29: must be adaptive, or an index from 0 to 28',
    ],
    [{ receiver: { baselines: { a: { sorce: 'jpeg' } } } }, 'did you mean receiver.baselines.a.source?'],
    [{ receiver: { baselines: { 'a b': {} } } }, 'receiver.baselines'],
    [{ receiver: { baselines: { a: { source: 'bpg' } } } }, 'must be one of jpeg, webp, avif, onnx, external'],
  ])('%j is refused in one line', (settings, message) => {
    const error = ((): unknown => {
      try {
        return resolveConfig(settings);
      } catch (caught) {
        return caught;
      }
    })();
    expect(error).toBeInstanceOf(LinkError);
    expect((error as LinkError).message).toContain(message);
    expect((error as LinkError).message).not.toContain('\n');
  });

  it.each<[string, Record<string, unknown>, string]>([
    [
      'no pilots',
      { ofdm: { pilotSymbols: 0 }, receiver: { names: ['jpeg-pilot'] } },
      'receiver jpeg-pilot: the link sends no pilots',
    ],
    [
      'no graphs',
      { receiver: { names: ['a'], baselines: { a: { source: 'onnx' } } } },
      'give its graphs under onnx.encoder',
    ],
    [
      'no commands',
      { receiver: { names: ['a'], baselines: { a: { source: 'external' } } } },
      'give its commands under external.encode',
    ],
    [
      'an index that the table has not',
      { receiver: { names: ['a'], baselines: { a: { mcs: 28, mcsTable: 'qam256' } } } },
      'MCS 28: table qam256 has 0 to 27',
    ],
    ['blind reception', { receiver: { names: ['avif-blind-em'] } }, 'coded packets cannot be received blind'],
    ['a name that is none', { receiver: { names: ['jpeg-pilots'] } }, 'did you mean jpeg-pilot?'],
  ])('%s', async (_, settings, message) => {
    await expect(run(settings, 1)).rejects.toThrow(message);
  });

  it('is a link whose frames are the codec’s alone', async () => {
    const config = resolveConfig({ receiver: { names: ['jpeg-pilot'] } });
    const [descriptor] = await findReceivers(config);
    await withModels(config, [], async ({ codec, runtime }) => {
      const setting = createLinkSetting(config, codec, gridOf(config), { height: 64, width: 64 });
      const context = { config, setting, runtime, denoiser: null, rng: createRng(1) };
      expect(() => createReceiver(descriptor, context)).toThrow('receiver jpeg-pilot: sends packets of its own');
    });
  });
});

describe('in a campaign', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'blindlink-baselines-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('a fixed and an adaptive scheme stand beside the codec, on the same frames', () => {
    const file = join(folder, 'cliff.yaml');
    writeFileSync(
      file,
      `settings:
  pictures: ['builtin:natural']
  codec: natural-12-blind
  receiver:
    names: [perfect, webp-perfect, fixed]
    baselines: { fixed: { source: webp, csi: perfect, mcs: 9 } }
over: { snrDb: [2, 14] }
stop: { frames: 2 }
`,
    );
    const out = join(folder, 'run');
    execFileSync(process.execPath, [join(root, 'bin/blindlink.mjs'), 'sweep', file, '--out', out, '--workers', '1'], {
      stdio: 'pipe',
    });
    const lines = readFileSync(join(out, 'frames.jsonl'), 'utf8').trim().split('\n');
    expect(lines.length).toBe(4);
    for (const line of lines) {
      const { receivers } = JSON.parse(line) as { receivers: Record<string, { packet?: { mcs: number } }> };
      expect(Object.keys(receivers)).toEqual(['perfect', 'webp-perfect', 'fixed']);
      expect(receivers['fixed'].packet!.mcs).toBe(9);
      expect(receivers['perfect'].packet).toBeUndefined();
    }
  }, 180_000);
});
