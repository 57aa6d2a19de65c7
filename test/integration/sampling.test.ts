import { lastValueFrom, toArray } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Codec, openCodec } from '../../src/codec/codec.js';
import { type RawConfig, resolveConfig } from '../../src/config/load.js';
import { AbortedError } from '../../src/core/errors.js';
import { createRng } from '../../src/core/rng.js';
import { findModel } from '../../src/core/shipped-models.js';
import { type Denoiser, openDenoiser } from '../../src/diffusion/denoiser.js';
import { linearSchedule } from '../../src/diffusion/schedule.js';
import { builtinReceivers, createReceiver } from '../../src/link/setting/receivers.js';
import type { FrameOutcome } from '../../src/link/results/frame-report.js';
import { createLink } from '../../src/link/link.js';
import { createLinkSetting, gridOf } from '../../src/link/setting/link-setting.js';
import { summarisable, summarise } from '../../src/link/results/summary.js';
import { ChannelDiffusion } from '../../src/receiver/sampling/channel-diffusion.js';
import { adaptiveStart, stepScale } from '../../src/receiver/sampling/diffcom.js';
import { createOnnxRuntime } from '../../src/runtime/onnx-runtime.js';
import { openPictures } from '../../src/source/picture-source.js';

const runtime = createOnnxRuntime({ threads: 1 });
let codec: Codec;
let denoiser: Denoiser;
beforeAll(async () => {
  codec = await openCodec(findModel('codec', 'faces-12'), runtime);
  denoiser = await openDenoiser(findModel('prior', codec.card.prior ?? ''), runtime);
});
afterAll(() => runtime.dispose());

function run(raw: RawConfig, frames: number, picture = 'builtin:faces', signal?: AbortSignal): Promise<FrameOutcome[]> {
  const source = openPictures([picture], { maxPixels: 1 << 22, frames });
  const link = createLink(resolveConfig(raw), { codec, denoiser, runtime }, source.pictures(), signal);
  return lastValueFrom(link.pipe(toArray()));
}
const figures = async (receiver: RawConfig, frames: number, more: RawConfig = {}) =>
  summarise((await run({ ...more, receiver }, frames)).map(summarisable));

it('samples under a channel found without pilots at padding, too, as under the true one', async () => {
  const at = async (knowledge: string): Promise<number> => {
    const receiver = { names: ['hifi-diffcom'], hifiDiffcom: { knowledge, guidance: 'latent' } };
    const [{ report }] = await run({ receiver, snrDb: 10 }, 1, 'builtin:faces/72');
    return report.psnrDb;
  };
  // A channel of 0 there cost 1 dB.
  expect(await at('blind-em')).toBeGreaterThan((await at('perfect')) - 0.5);
});

describe('blind-hifi', () => {
  it('knows the channel better than blind-em and draws sharper pictures for little error', async () => {
    const summary = await figures({ names: ['blind-em', 'blind-hifi'] }, 8);
    const [em, hifi] = [summary['blind-em'], summary['blind-hifi']];
    expect(hifi.success).toBe(1);
    expect(hifi.channelErrorMean).toBeLessThan(Math.min(0.02, 1.1 * em.channelErrorMean));
    expect(hifi.psnrDbMean).toBeGreaterThan(em.psnrDbMean - 0.5);
    expect(hifi.sharpnessMean).toBeGreaterThan(em.sharpnessMean);
  });

  it('explains a clipped signal better than the decoder alone, told nothing of the clipping', async () => {
    const summary = await figures({ names: ['pilot', 'blind-hifi'] }, 6, { ofdm: { clippingRatio: 0.5 } });
    expect(summary['blind-hifi'].psnrDbMean).toBeGreaterThan(summary['pilot'].psnrDbMean);
    expect(summary['blind-hifi'].sharpnessMean).toBeGreaterThan(summary['pilot'].sharpnessMean);
  });

  it('foretells the error of what it shows, where the prior is one of other pictures and makes it worse', async () => {
    const wrong = await openDenoiser(findModel('prior', 'natural-prior'), runtime);
    const source = openPictures(['builtin:faces'], { maxPixels: 1 << 22, frames: 3 });
    const names = ['blind-em', 'blind-hifi'];
    const config = resolveConfig({ receiver: { names, blindHifi: { perception: 1, steps: 3, startSigma: 3 } } });
    const outcomes = await lastValueFrom(
      createLink(config, { codec, denoiser: wrong, runtime }, source.pictures()).pipe(toArray()),
    );
    const drop = (of: (report: FrameOutcome['report']) => number | null): number[] =>
      [0, 1, 2].map((frame) => {
        const [before, after] = names.map((name) => {
          const found = outcomes.find(({ report }) => report.frame === frame && report.receiver === name);
          return (found && of(found.report)) ?? Number.NaN;
        });
        return before - after;
      });
    const [real, foretold] = [drop((report) => report.psnrDb), drop((report) => report.expectedPsnrDb)];
    real.forEach((worse, i) => {
      expect(worse).toBeGreaterThan(1);
      expect(Math.abs(foretold[i] - worse)).toBeLessThan(2);
    });
  });

  it('trades error for naturalness along --perception, and steps along --quality', async () => {
    const at = async (perception: number, quality = 'fast') =>
      (await figures({ names: ['blind-hifi'], blindHifi: { perception, quality } }, 4))['blind-hifi'];
    const [least, most] = [await at(0), await at(1)];
    expect(most.sharpnessMean).toBeGreaterThan(least.sharpnessMean);
    expect(most.psnrDbMean).toBeLessThan(least.psnrDbMean);
    const best = await at(1, 'best');
    expect(best.psnrDbMean).not.toBe(most.psnrDbMean);
  });

  it('decodes larger pictures, tile by tile on one channel', async () => {
    const raw = {
      receiver: { names: ['blind-hifi'], blindHifi: { quality: 'fast' } },
      channel: { coherence: 'frame' },
    };
    const [{ report }] = await run(raw, 1, 'builtin:faces/128');
    expect(report.success).toBe(true);
    expect(report.channelError).toBeLessThan(0.02);
  });
});

describe('hifi-diffcom', () => {
  const steps = { steps: 20, zeta: 0.6, gamma: 0.6 };
  it('is sharper than the decoder on the same signal at little loss, and its switches do what they say', async () => {
    const summary = await figures({ names: ['pilot', 'hifi-diffcom'], hifiDiffcom: steps }, 4);
    expect(summary['hifi-diffcom'].success).toBe(1);
    expect(summary['hifi-diffcom'].sharpnessMean).toBeGreaterThan(summary['pilot'].sharpnessMean);
    expect(summary['hifi-diffcom'].psnrDbMean).toBeGreaterThan(summary['pilot'].psnrDbMean - 2);
    const of = async (more: RawConfig): Promise<number> =>
      (await figures({ names: ['hifi-diffcom'], hifiDiffcom: { ...steps, ...more } }, 1))['hifi-diffcom'].psnrDbMean;
    const both = await of({});
    const others = [{ guidance: 'latent' }, { guidance: 'pixel' }, { adaptiveStart: false }, { chains: 2 }];
    for (const other of others) expect(await of(other)).not.toBeCloseTo(both, 3);
    const names = ['pilot', 'hifi-diffcom'];
    const shown = await figures({ names, hifiDiffcom: { ...steps, perception: 0 } }, 1);
    expect(shown['hifi-diffcom'].psnrDbMean).toBeCloseTo(shown['pilot'].psnrDbMean, 3);
  });

  it.each(['perfect', 'pilot', 'blind-em'])(
    'takes its channel from %s, prefix too short and clipping modelled',
    async (knowledge) => {
      const raw = { ofdm: { cyclicPrefixLength: 4, clippingRatio: 1 } };
      const summary = await figures({ names: ['hifi-diffcom'], hifiDiffcom: { ...steps, knowledge } }, 2, raw);
      expect(summary['hifi-diffcom'].success).toBe(1);
      expect(summary['hifi-diffcom'].channelErrorMean).toBeLessThan(0.1);
    },
  );

  it('takes steps that are as large for a pixel whatever the picture’s size', () => {
    const config = resolveConfig({});
    const scaleAt = (height: number, width: number): number =>
      stepScale(createLinkSetting(config, codec, gridOf(config), { height, width }));
    expect([scaleAt(64, 64), scaleAt(128, 128), scaleAt(256, 64)]).toEqual([1, 2, 2]);
  });

  it('starts where the paper’s formula says', () => {
    const schedule = linearSchedule();
    const t = adaptiveStart(schedule, { delta: 5, startFactor: 1 }, 10, 1 / 12);
    expect(Math.log10(schedule.alphaBar[t] / (1 - schedule.alphaBar[t]))).toBeCloseTo((5 / 12) * Math.log10(11), 2);
    expect(adaptiveStart(schedule, { delta: 5, startFactor: 2 }, 10, 1 / 12)).toBe(2 * t);
    expect(adaptiveStart(schedule, { delta: 5, startFactor: 1 }, 30, 1 / 12)).toBeLessThan(t);
    expect(adaptiveStart(schedule, { delta: 5, startFactor: 50 }, -20, 1 / 12)).toBe(1000);
  });
});

describe('diffcom and blind-diffcom', () => {
  it('run at any number of steps, repeat for a seed, and variants differ', async () => {
    const of = async (blindDiffcom: RawConfig, seed = 1): Promise<FrameOutcome> =>
      (await run({ seed, receiver: { names: ['blind-diffcom'], blindDiffcom: { steps: 6, ...blindDiffcom } } }, 1))[0];
    const first = await of({});
    expect((await of({})).report.psnrDb).toBe(first.report.psnrDb);
    expect((await of({}, 2)).report.psnrDb).not.toBe(first.report.psnrDb);
    expect((await of({ variant: 'reference', zetaChannel: 0.2 })).report.psnrDb).not.toBe(first.report.psnrDb);
    // Six steps find nothing, and it says so.
    expect(first.report.verdict).not.toBe('decoded');
    expect(first.result?.channel).toHaveLength(1);
  });

  it('finds taps and picture together, without pilots, once a confirming term settles the tone', async () => {
    const summary = await figures({ names: ['perfect', 'blind-hifi-diffcom'] }, 2);
    const blind = summary['blind-hifi-diffcom'];
    expect(blind.success).toBe(1);
    expect(blind.channelErrorMean).toBeLessThan(0.3);
    expect(blind.psnrDbMean).toBeGreaterThan(summary['perfect'].psnrDbMean - 6);
  });

  it('take larger pictures with a channel a packet, and count what they are told of the sent latents', async () => {
    const raw = { receiver: { names: ['blind-diffcom', 'perfect'], blindDiffcom: { steps: 20, power: 'told' } } };
    const [blind, perfect] = await run(raw, 1, 'builtin:faces/128');
    expect(blind.result?.channel).toHaveLength(4);
    expect(blind.report.sideInformationBits).toBe(32);
    expect(perfect.report.sideInformationBits).toBe(0);
  });

  it('diffcom explains the signal better, the more steps it takes', async () => {
    const of = async (steps: number): Promise<number> => {
      const raw = { receiver: { names: ['diffcom'], diffcom: { steps, zeta: 1, knowledge: 'perfect' } } };
      return (await run(raw, 1))[0].report.residual ?? Number.NaN;
    };
    expect(await of(60)).toBeLessThan(0.7 * (await of(5)));
  });

  it('the taps’ denoiser is their posterior mean', () => {
    const schedule = linearSchedule();
    const profile = Float64Array.of(0.6, 0.1);
    const diffusion = new ChannelDiffusion(schedule, profile, 'paper');
    const rng = createRng(5);
    for (const t of [100, 400, 900]) {
      const a = schedule.alphaBar[t];
      // Regression of h₀ on h_t over draws.
      const sums = [0, 0, 0, 0];
      for (let i = 0; i < 40_000; i++) {
        for (let l = 0; l < 2; l++) {
          const clean = Math.sqrt(profile[l] / 2) * rng.gaussian();
          const noisy = Math.sqrt(a) * clean + Math.sqrt((1 - a) / 2) * rng.gaussian();
          sums[2 * l] += clean * noisy;
          sums[2 * l + 1] += noisy * noisy;
        }
      }
      for (let l = 0; l < 2; l++) expect(diffusion.slope(t, l)).toBeCloseTo(sums[2 * l] / sums[2 * l + 1], 1);
    }
  });
});

const builtin = (wanted: string): (typeof builtinReceivers)[number] =>
  builtinReceivers.find(({ name }) => name === wanted)!;

describe('receivers that sample', () => {
  it('stop between steps when cancelled', async () => {
    const controller = new AbortController();
    const config = resolveConfig({ receiver: { names: ['blind-diffcom'] } });
    const setting = createLinkSetting(config, codec, gridOf(config), { height: 64, width: 64 });
    const receiver = createReceiver(builtin('blind-diffcom'), {
      config,
      setting,
      runtime,
      denoiser,
      rng: createRng(1),
    });
    const elements = { re: new Float32Array(1024).fill(1), im: new Float32Array(1024) };
    const steps = receiver.receive(
      { frame: { index: 0, elements, noiseVariance: 0.1 }, pilots: null, truth: null },
      controller.signal,
    );
    let seen = 0;
    const consume = async (): Promise<void> => {
      for await (const step of steps) {
        if (step.kind !== 'progress') continue;
        seen++;
        expect(step.of).toBe(1000);
        expect(step.picture).toHaveLength(3 * 64 * 64);
        if (seen === 2) controller.abort();
      }
    };
    await expect(consume()).rejects.toThrow(AbortedError);
    expect(seen).toBe(2);
  });

  it('say what they lack', () => {
    const config = resolveConfig({ receiver: { names: ['blind-hifi'] } });
    const setting = createLinkSetting(config, codec, gridOf(config), { height: 64, width: 64 });
    expect(() =>
      createReceiver(builtin('blind-hifi'), { config, setting, runtime, denoiser: null, rng: createRng(1) }),
    ).toThrow(/blind-hifi: needs a picture prior; name one with --prior/);
  });
});
