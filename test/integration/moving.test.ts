import { lastValueFrom, toArray } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Codec, openCodec } from '../../src/codec/codec.js';
import { type RawConfig, resolveConfig } from '../../src/config/load.js';
import { findModel } from '../../src/core/shipped-models.js';
import { createLink } from '../../src/link/link.js';
import { type ReceiverSummary, summarisable, summarise } from '../../src/link/results/summary.js';
import { createOnnxRuntime } from '../../src/runtime/onnx-runtime.js';
import { openPictures } from '../../src/source/picture-source.js';

const runtime = createOnnxRuntime({ threads: 2 });
let codec: Codec;
beforeAll(async () => {
  codec = await openCodec(findModel('codec', 'faces-12'), runtime);
});
afterAll(() => runtime.dispose());

async function figures(
  raw: RawConfig,
  frames = 8,
  pictures = 'builtin:faces',
): Promise<Record<string, ReceiverSummary>> {
  const source = openPictures([pictures], { maxPixels: 1 << 22, frames });
  const config = resolveConfig({
    ...raw,
    receiver: { names: ['perfect', 'pilot', 'blind-em'], ...(raw['receiver'] as object) },
  });
  const outcomes = await lastValueFrom(createLink(config, { codec, runtime }, source.pictures()).pipe(toArray()));
  return summarise(outcomes.map(summarisable));
}
const still = { blindEm: { motion: 'still' } };

describe('channels that move and oscillators that wander, without pilots', () => {
  it.each([
    [200, 0.5],
    [1000, 0.8],
  ])(
    'a Doppler frequency of %i Hz costs at most %f dB beside the true channel',
    async (dopplerHz, most) => {
      const raw = { channel: { dopplerHz } };
      const found = await figures(raw);
      expect(found['blind-em'].success).toBe(1);
      expect(found['perfect'].psnrDbMean - found['blind-em'].psnrDbMean).toBeLessThan(most);
      const taken = await figures({ ...raw, receiver: { ...still, names: ['blind-em'] } });
      expect(found['blind-em'].psnrDbMean).toBeGreaterThan(taken['blind-em'].psnrDbMean + 0.8);
    },
    120_000,
  );

  it('packets of one frame share a channel that moves on from one to the next', async () => {
    const raw = { channel: { coherence: 'frame', dopplerHz: 200 } };
    const found = await figures(raw, 3, 'builtin:faces/128');
    expect(found['blind-em'].success).toBe(1);
    expect(found['perfect'].psnrDbMean - found['blind-em'].psnrDbMean).toBeLessThan(0.6);
    expect(found['pilot'].psnrDbMean).toBeLessThan(found['blind-em'].psnrDbMean - 3);
  }, 240_000);

  it('a linewidth of 100 Hz costs at most 0.6 dB over the air', async () => {
    const raw = { ofdm: { profile: 'ota' }, snrDb: 15, channel: { phaseNoiseLinewidthHz: 100 } };
    const found = await figures(raw, 16);
    expect(found['blind-em'].success).toBe(1);
    expect(found['perfect'].psnrDbMean - found['blind-em'].psnrDbMean).toBeLessThan(0.6);
    const taken = await figures({ ...raw, receiver: { ...still, names: ['blind-em'] } }, 16);
    expect(found['blind-em'].psnrDbMean).toBeGreaterThan(taken['blind-em'].psnrDbMean + 0.2);
  }, 240_000);

  it.each([-0.45, 0.05, 0.45])(
    'a carrier offset of %f subcarriers is found without a preamble',
    async (cfo) => {
      const found = await figures({ channel: { cfoSubcarriers: cfo } });
      expect(found['blind-em'].success).toBe(1);
      expect(found['perfect'].psnrDbMean - found['blind-em'].psnrDbMean).toBeLessThan(0.5);
    },
    120_000,
  );

  it('no carrier offset is taken out where there is none', async () => {
    const found = await figures({});
    const plain = await figures({ sync: { cfo: 'none' } });
    expect(found['perfect'].psnrDbMean).toBe(plain['perfect'].psnrDbMean);
    expect(found['blind-em'].psnrDbMean).toBe(plain['blind-em'].psnrDbMean);
  }, 120_000);
});

it('says the response of every resource element, of those behind the codeword too', async () => {
  const config = resolveConfig({
    ofdm: { profile: 'ota' },
    channel: { dopplerHz: 300 },
    receiver: { names: ['blind-em'] },
  });
  const source = openPictures(['builtin:faces'], { maxPixels: 1 << 22, frames: 2 });
  for (const { arrived, result } of await lastValueFrom(
    createLink(config, { codec, runtime }, source.pictures()).pipe(toArray()),
  )) {
    const [truth, found] = [arrived.response!, result!.response!];
    const used = new Set(arrived.sent.setting.interleaver.elementOf);
    expect(found.re).toHaveLength(truth.re.length);
    expect(used.size).toBeLessThan(truth.re.length);
    let [error, power] = [0, 0];
    for (let i = 0; i < truth.re.length; i++) {
      expect(found.re[i] ** 2 + found.im[i] ** 2).toBeGreaterThan(0);
      if (!used.has(i)) continue;
      error += (found.re[i] - truth.re[i]) ** 2 + (found.im[i] - truth.im[i]) ** 2;
      power += truth.re[i] ** 2 + truth.im[i] ** 2;
    }
    expect(error / power).toBeLessThan(0.1);
  }
}, 120_000);

describe('absurd motion', () => {
  it('a Doppler frequency beyond half the symbol rate is refused in one line', async () => {
    await expect(figures({ channel: { dopplerHz: 7000 } }, 1)).rejects.toThrow(
      /^channel\.dopplerHz is 7000: at most 6578 Hz, half the rate of OFDM symbols \(13157 Hz\); check units/,
    );
    await expect(figures({ receiver: { blindEm: { motion: 9000 } } }, 1)).rejects.toThrow(
      /^receiver\.blindEm\.motion is 9000: at most 6578 Hz/,
    );
  });
});
