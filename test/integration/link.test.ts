import { existsSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Codec, openCodec } from '../../src/codec/codec.js';
import { findModel } from '../../src/core/shipped-models.js';
import { type RawConfig, resolveConfig } from '../../src/config/load.js';
import { frameColumns, type FrameOutcome } from '../../src/link/results/frame-report.js';
import { builtinReceivers, type ReceiverDescriptor } from '../../src/link/setting/receivers.js';
import type { Observations, Receiver } from '../../src/receiver/receiver.js';
import { createLink } from '../../src/link/link.js';
import { openRunFolder } from '../../src/link/results/run-folder.js';
import { saveFrame } from '../../src/link/results/save-frame.js';
import { summarisable, summarise } from '../../src/link/results/summary.js';
import { tensor } from '../../src/runtime/tensor.js';
import { createOnnxRuntime } from '../../src/runtime/onnx-runtime.js';
import { openPictures } from '../../src/source/picture-source.js';

const runtime = createOnnxRuntime({ threads: 2 });
let codec: Codec;
beforeAll(async () => {
  codec = await openCodec(findModel('codec', 'faces-12'), runtime);
});
afterAll(() => runtime.dispose());

function run(raw: RawConfig, pictures: string[], frames: number): Promise<FrameOutcome[]> {
  const source = openPictures(pictures, { maxPixels: 1 << 22, frames });
  return lastValueFrom(createLink(resolveConfig(raw), { codec, runtime }, source.pictures()).pipe(toArray()));
}

const summaryOf = (outcomes: FrameOutcome[]) => summarise(outcomes.map(summarisable));

/** In a built-in receiver's own place, one that keeps what it is shown and hands it on. */
function spyOn(name: string, shown: Observations[], needs: Partial<Receiver['needs']> = {}): ReceiverDescriptor {
  const builtin = builtinReceivers.find((one) => one.name === name)!;
  return {
    ...builtin,
    create(context) {
      const receiver = builtin.create(context);
      return {
        ...receiver,
        needs: { ...receiver.needs, ...needs },
        receive(observations, signal) {
          shown.push(observations);
          return receiver.receive(observations, signal);
        },
      };
    },
  };
}

describe('the walking link', () => {
  it('decodes faces without pilots nearly as well as with the channel known', async () => {
    const outcomes = await run({}, ['builtin:faces'], 12);
    expect(outcomes).toHaveLength(36);
    const summary = summaryOf(outcomes);
    expect(summary['blind-em'].success).toBe(1);
    expect(summary['pilot'].success).toBe(1);
    expect(summary['perfect'].psnrDbMean).toBeGreaterThan(summary['pilot'].psnrDbMean);
    expect(summary['perfect'].psnrDbMean - summary['blind-em'].psnrDbMean).toBeLessThan(0.7);
    for (const { report } of outcomes) expect(report.snrDb).toBeCloseTo(10, 0);
  });

  it('finds the channel better with the refiner than with second-order statistics alone', async () => {
    const errorWith = async (refinements: number): Promise<number> =>
      summaryOf(await run({ receiver: { names: ['blind-em'], blindEm: { refinements } } }, ['builtin:faces'], 12))[
        'blind-em'
      ].channelErrorMedian;
    expect(await errorWith(4)).toBeLessThan(0.7 * (await errorWith(0)));
  });

  it('decodes without pilots at high SNR as well, where EM left to itself would stand still', async () => {
    const summary = summaryOf(
      await run({ snrDb: 30, receiver: { names: ['perfect', 'blind-em'] } }, ['builtin:faces'], 8),
    );
    expect(summary['blind-em'].success).toBe(1);
    expect(summary['perfect'].psnrDbMean - summary['blind-em'].psnrDbMean).toBeLessThan(0.7);
    expect(summary['blind-em'].channelErrorMean).toBeLessThan(0.02);
  });

  it('adapts both ends to the SNR they believe in, whatever the channel’s is', async () => {
    const at = async (raw: RawConfig) =>
      (await run({ receiver: { names: ['perfect'] }, ...raw }, ['builtin:faces'], 4))[0];
    const [matched, mismatched] = [await at({ snrDb: 3 }), await at({ snrDb: 3, designSnrDb: 15 })];
    expect(mismatched.arrived.sent.setting.snrDb).toBe(15);
    expect(mismatched.report.snrDb).toBeCloseTo(3, 0);
    expect(mismatched.report.psnrDb).toBeLessThan(matched.report.psnrDb);
  });

  it('gives the same figures for the same seed, and others for another', async () => {
    const figures = async (seed: number): Promise<number[]> =>
      (await run({ seed }, ['builtin:faces'], 2)).map(({ report }) => report.psnrDb);
    const first = await figures(5);
    expect(await figures(5)).toEqual(first);
    expect(await figures(6)).not.toEqual(first);
  });

  it('tells the power of the sent latents to who asks', async () => {
    const spied: Observations[] = [];
    const spy = spyOn('pilot', spied, { latentPower: true });
    const config = resolveConfig({ receiver: { names: ['pilot'] } });
    const source = openPictures(['builtin:faces'], { maxPixels: 1 << 22, frames: 1 });
    const parts = { codec, runtime, receivers: [spy] };
    const [{ arrived }] = await lastValueFrom(createLink(config, parts, source.pictures()).pipe(toArray()));
    const { graph, ports } = codec.encoder;
    const { padded, setting } = arrived.sent;
    const latents = await runtime.run(graph, {
      [ports.inputs[0].name]: tensor(padded.data, [1, 3, 64, 64]),
      [ports.inputs[1].name]: tensor(Float32Array.of(setting.snrDb), [1]),
    });
    const { data } = latents[ports.outputs[0].name];
    expect(spied[0].latentPower).toBeCloseTo(data.reduce((sum, v) => sum + v * v, 0) / data.length, 5);
  });

  it('sends no pilots and still decodes, where pilot symbols are switched off', async () => {
    const outcomes = await run({ ofdm: { pilotSymbols: 0 }, receiver: { names: ['blind-em'] } }, ['builtin:faces'], 4);
    expect(outcomes[0].arrived.sent.setting.blockPilots.re).toHaveLength(0);
    expect(summaryOf(outcomes)['blind-em'].success).toBe(1);
  });

  it.each([
    ['perfect', { pilots: false, truth: true }],
    ['pilot', { pilots: true, truth: false }],
    ['blind-em', { pilots: false, truth: false }],
  ])('shows %s what it asks for and nothing else', async (name, needs) => {
    const shown: Observations[] = [];
    const spy = spyOn(name, shown);
    const config = resolveConfig({ receiver: { names: [name] } });
    const source = openPictures(['builtin:faces'], { maxPixels: 1 << 22, frames: 2 });
    const parts = { codec, runtime, receivers: [spy] };
    const outcomes = await lastValueFrom(createLink(config, parts, source.pictures()).pipe(toArray()));
    expect(shown).toHaveLength(2);
    for (const [i, { frame, pilots, truth, ...rest }] of shown.entries()) {
      expect(rest).toEqual({});
      expect(Object.keys(frame).sort()).toEqual(['elements', 'index', 'noiseVariance']);
      expect(pilots !== null).toBe(needs.pilots);
      expect(truth !== null).toBe(needs.truth);
      if (truth !== null) expect(truth.response).toEqual(outcomes[i].arrived.response);
    }
  });

  it('follows late timing and phase drift with a flat window of 14 taps', async () => {
    const outcomes = await run(
      {
        channel: { cfoSubcarriers: 0.4 / ((2 * Math.PI * 16 * 76) / 64) },
        sync: { timingAdvance: 3 },
        receiver: { names: ['perfect', 'blind-em'], tapWindow: 14, tapProfile: 'flat' },
      },
      ['builtin:faces'],
      6,
    );
    const summary = summaryOf(outcomes);
    expect(summary['blind-em'].success).toBe(1);
    expect(summary['perfect'].psnrDbMean - summary['blind-em'].psnrDbMean).toBeLessThan(1);
  });

  it('estimates the noise variance where it is not told', async () => {
    const outcomes = await run(
      { receiver: { names: ['pilot', 'blind-em'], noiseVariance: 'estimated' } },
      ['builtin:faces'],
      4,
    );
    for (const { result, arrived, report } of outcomes) {
      const ratio = (result?.noiseVariance ?? 0) / arrived.noiseVariance;
      // One pilot symbol leaves 56 complex observations beyond the taps: ± 13 %, here five times that. blind-em takes
      // for noise what the codeword's statistics do not foresee: on drawn faces up to 3 dB.
      expect(Math.abs(Math.log2(ratio))).toBeLessThan(report.receiver === 'pilot' ? 1 : 1.6);
      expect(report.success).toBe(true);
    }
  });

  it('finds its frames by the preamble over the air profile, with carrier offset and guards', async () => {
    const outcomes = await run(
      { ofdm: { profile: 'ota' }, channel: { cfoSubcarriers: 0.3, sfoPpm: 5 }, snrDb: 15 },
      ['builtin:faces'],
      6,
    );
    for (const { arrived } of outcomes) {
      expect(arrived.sync.detection).not.toBeNull();
      expect(Math.abs(arrived.sync.timingError)).toBeLessThanOrEqual(4);
    }
    const summary = summaryOf(outcomes);
    expect(summary['pilot'].success).toBe(1);
    expect(summary['blind-em'].success).toBe(1);
  });

  it('receives a frame that is found a little before the first sample', async () => {
    const outcomes = await run(
      { ofdm: { profile: 'ota' }, sync: { leadInSamples: 0 }, seed: 1, snrDb: 10, receiver: { names: ['pilot'] } },
      ['builtin:faces'],
      4,
    );
    expect(outcomes.map(({ report }) => report.success)).toEqual([true, true, true, true]);
  });

  it('tracks a packet that is not full no worse for its padding', async () => {
    const link = (tracking: string) =>
      run(
        {
          seed: 1,
          snrDb: 5,
          receiver: { names: ['pilot'], noiseVariance: 'estimated', pilot: { tracking } },
        },
        ['builtin:faces/72'],
        3,
      );
    const [without, tracked] = [await link('none'), await link('decoder')].map(
      (outcomes) => summaryOf(outcomes)['pilot'],
    );
    expect(tracked.psnrDbMean).toBeGreaterThan(without.psnrDbMean + 0.05);
  });

  it.each([
    [{}, { tapWindow: 64, tapProfile: 'flat' }],
    [{ guardSubcarriers: [28, 28], symbolsPerPacket: 128 }, {}],
  ])('estimates the noise from few pilots for its taps: %j %j', async (ofdm, receiver) => {
    const [{ report }] = await run(
      { ofdm, seed: 1, snrDb: 10, receiver: { names: ['pilot'], noiseVariance: 'estimated', ...receiver } },
      ['builtin:faces'],
      1,
    );
    expect(report.snrDb).toBeGreaterThan(7);
    expect(report.verdict).toBe('decoded');
  });

  it('says that no frame was found, with mid-grey for a picture, under noise alone', async () => {
    const outcomes = await run(
      { ofdm: { profile: 'ota' }, snrDb: -20, receiver: { names: ['blind-em'] } },
      ['builtin:faces'],
      1,
    );
    const [{ report, arrived, picture }] = outcomes;
    expect(arrived.observed).toBeNull();
    expect(arrived.sync.diagnosis?.verdict).not.toBe('found');
    expect(report.verdict).toBe('failed');
    expect(new Set(picture)).toEqual(new Set([0.5]));
  });

  it('works through clipping, short prefixes and Doppler', async () => {
    for (const raw of [
      { ofdm: { clippingRatio: 1 } },
      { ofdm: { cyclicPrefixLength: 4 } },
      { channel: { dopplerHz: 20 } },
    ]) {
      const outcomes = await run({ ...raw, receiver: { names: ['perfect', 'blind-em'] } }, ['builtin:faces'], 3);
      expect(summaryOf(outcomes)['blind-em'].success).toBe(1);
      expect(summaryOf(outcomes)['perfect'].success).toBe(1);
    }
  });

  it('a superimposed pilot settles the sign without a polarity network', async () => {
    const bare = { ...codec, hasPolarity: false, polarity: () => Promise.reject(new Error('there is none')) };
    const config = resolveConfig({ rho: 0.02, receiver: { names: ['blind-em'] } });
    const source = openPictures(['builtin:faces'], { maxPixels: 1 << 22, frames: 4 });
    const outcomes = await lastValueFrom(
      createLink(config, { codec: bare, runtime }, source.pictures()).pipe(toArray()),
    );
    for (const { report } of outcomes) {
      expect(report.success).toBe(true);
      expect(report.signLogOdds).toBeGreaterThan(0);
    }
  });
});

describe('larger pictures', () => {
  it('go in several packets with a channel each, blind too; odd sizes are padded and cropped back', async () => {
    const outcomes = await run({ receiver: { names: ['perfect', 'blind-em'] } }, ['builtin:faces/150'], 6);
    const [perfect, blind] = outcomes;
    expect(perfect.arrived.taps.length).toBeGreaterThan(4);
    expect(perfect.picture).toHaveLength(3 * 150 * 150);
    expect(blind.arrived.sent.padded.notes.join()).toMatch(/padded from 150×150 to 152×152/);
    // Partial tiles share packets, so some channels see few symbols: measured, 0.14 dB on average.
    const summary = summaryOf(outcomes);
    expect(summary['blind-em'].success).toBe(1);
    expect(summary['perfect'].psnrDbMean - summary['blind-em'].psnrDbMean).toBeLessThan(1.5);
  });

  it('share one channel through the frame where told so', async () => {
    const outcomes = await run(
      { channel: { coherence: 'frame' }, receiver: { names: ['perfect', 'blind-em'] } },
      ['builtin:faces/128'],
      1,
    );
    expect(outcomes[0].report.psnrDb - outcomes[1].report.psnrDb).toBeLessThan(1);
    expect(outcomes[1].report.channelError).toBeLessThan(0.05);
    expect(outcomes[1].result?.channel[3].taps).toEqual(outcomes[1].result?.channel[0].taps);
  });
});

describe('a run folder', () => {
  it('holds settings, versions, every figure, pictures and plots', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'blindlink-')), 'run');
    const config = resolveConfig({ receiver: { names: ['pilot', 'blind-em'] } });
    const folder = openRunFolder(path, config, codec.card);
    const outcomes = await run({ receiver: { names: ['pilot', 'blind-em'] } }, ['builtin:faces'], 1);
    folder.add(outcomes.map(({ report }) => report));
    await saveFrame(path, outcomes);
    folder.finish(summaryOf(outcomes));
    expect(JSON.parse(readFileSync(join(path, 'config.json'), 'utf8'))).toEqual(config);
    expect(JSON.parse(readFileSync(join(path, 'versions.json'), 'utf8'))).toMatchObject({
      codec: { name: 'faces-12' },
    });
    const [header, ...rows] = readFileSync(join(path, 'frames.csv'), 'utf8').trim().split('\n');
    expect(header.split(',')).toEqual([...frameColumns]);
    outcomes.forEach(({ report }, i) => {
      const elements = rows[i].split(',');
      frameColumns.forEach((column, c) => {
        const value = report[column];
        expect(elements[c], column).toBe(value === null || Number.isNaN(value) ? '' : String(value));
      });
    });
    expect(rows).toHaveLength(2);
    expect(JSON.parse(readFileSync(join(path, 'summary.json'), 'utf8'))).toEqual(
      // JSON has no NaN.
      JSON.parse(JSON.stringify(summaryOf(outcomes))),
    );
    expect(existsSync(join(path, 'pictures', '00000.png'))).toBe(true);
    expect(readdirSync(join(path, 'plots')).sort()).toEqual(['00000-constellation.svg', '00000-taps.svg']);
  });
});
