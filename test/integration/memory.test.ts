import { setTimeout as wait } from 'node:timers/promises';
import { toArray, lastValueFrom, take } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Codec, openCodec } from '../../src/codec/codec.js';
import { resolveConfig } from '../../src/config/load.js';
import { createComplex } from '../../src/core/complex.js';
import { findModel } from '../../src/core/shipped-models.js';
import { createLink, linkFrames } from '../../src/link/link.js';
import { findReceivers } from '../../src/link/setting/receivers.js';
import { createEmission, type EmissionPart, prepared } from '../../src/link/stream/emission.js';
import { receiveWhile, sendPictures } from '../../src/link/stream/exchange.js';
import { createReception } from '../../src/link/stream/reception.js';
import { openSimulatedRadio } from '../../src/radio/simulated/simulated-radio.js';
import type { SampleBlock } from '../../src/radio/radio.js';
import { createRng } from '../../src/core/rng.js';
import { createOnnxRuntime } from '../../src/runtime/onnx-runtime.js';
import { openPictures } from '../../src/source/picture-source.js';
import type { Picture } from '../../src/source/picture.js';

const runtime = createOnnxRuntime({ threads: 1 });
let codec: Codec;
beforeAll(async () => {
  codec = await openCodec(findModel('codec', 'faces-12'), runtime);
});
afterAll(() => runtime.dispose());

/** Pictures without end that count how many were asked for. */
function counted(): { pictures: AsyncIterable<Picture>; read: () => number } {
  const source = openPictures(['builtin:faces'], { maxPixels: 1 << 22, frames: 8 });
  let read = 0;
  const pictures = async function* (): AsyncIterable<Picture> {
    for (;;) {
      read++;
      yield await source.at(read % 8);
    }
  };
  return { pictures: pictures(), read: () => read };
}

describe('memory does not grow with the number of pictures', () => {
  const config = resolveConfig({ receiver: { names: ['perfect'] } });

  it('the link reads a picture when the outcomes of the one before were taken, however slowly', async () => {
    const { pictures, read } = counted();
    let taken = 0;
    for await (const outcomes of linkFrames(config, { codec, runtime }, pictures)) {
      expect(outcomes).toHaveLength(1);
      taken++;
      // A consumer that is slower than the link: a folder on a slow disk.
      await wait(30);
      expect(read()).toBe(taken);
      if (taken === 4) break;
    }
  });

  it('as a stream it ends with its subscriber, at most one picture further', async () => {
    const { pictures, read } = counted();
    await lastValueFrom(createLink(config, { codec, runtime }, pictures).pipe(take(3), toArray()));
    expect(read()).toBeLessThanOrEqual(4);
  });

  it('a reception asks for samples when the frame before was taken', async () => {
    const air = resolveConfig({ ofdm: { profile: 'ota' }, receiver: { names: ['pilot'] } });
    let blocksRead = 0;
    const parts: EmissionPart[] = [];
    const source = openPictures(['builtin:faces'], { maxPixels: 1 << 22, frames: 6 });
    const options = { leadSamples: 500, tailSamples: 500, gapSamples: 500, rms: 0.2 };
    for await (const part of createEmission(air, codec, source.pictures(), options)) parts.push(part);
    const blocks = async function* (): AsyncIterable<SampleBlock> {
      let sampleIndex = 0;
      for (const { samples } of parts) {
        blocksRead++;
        yield { samples, sampleIndex, sampleRateHz: 1e6, centerFrequencyHz: 0, dropped: 0, cause: null };
        sampleIndex += samples.re.length;
      }
    };
    const receivers = await findReceivers(air);
    const size = { width: 64, height: 64 };
    const reception = createReception(air, { codec, runtime, denoiser: null, receivers }, size, blocks());
    await reception.frames[Symbol.asyncIterator]().next();
    await wait(30);
    // Lead, frame, gap and what the preamble search looks ahead; not all twelve parts.
    expect(blocksRead).toBeLessThanOrEqual(5);
  });

  it('what is prepared ahead of a radio that cannot wait is bounded in bytes', async () => {
    const picture = { name: '', data: new Float32Array(3 * 256 * 256), width: 256, height: 256, notes: [] };
    let made = 0;
    const endless = async function* (): AsyncIterable<EmissionPart> {
      for (;;) {
        made++;
        const sent = { frame: made, picture, sampleStart: 0, sampleCount: 1000 };
        yield { samples: createComplex(1000), limited: 0, sent };
      }
    };
    const first = await prepared(endless(), 8e6)[Symbol.asyncIterator]().next();
    expect(first.done).toBe(false);
    expect(made).toBe(Math.ceil(8e6 / (8 * 1000 + 4 * 3 * 256 * 256)));
  });
});

describe('sending and receiving at once', () => {
  const radioOf = (): ReturnType<typeof openSimulatedRadio> =>
    openSimulatedRadio(
      { taps: { kind: 'identity' }, dopplerHz: 0, noiseVariance: 0, impairments: { sampleRateHz: 1e6 } },
      createRng(1),
    );
  const config = resolveConfig({});
  const options = { leadSamples: 0, tailSamples: 0, gapSamples: 0, rms: null };

  it('what the sender cannot do ends the reception with its error', async () => {
    const radio = radioOf();
    const failing = async function* (): AsyncIterable<Picture> {
      yield await openPictures(['builtin:faces'], { maxPixels: 1 << 22 }).at(0);
      throw new Error('the camera is gone');
    };
    const read = async (): Promise<void> => {
      for await (const { samples } of receiveWhile(
        radio,
        () => sendPictures(radio, config, codec, failing(), options),
        1e6,
      ))
        expect(samples.re.length).toBeGreaterThan(0);
    };
    await expect(read()).rejects.toThrow('the camera is gone');
  });

  it('a reader that has enough ends an endless sender', async () => {
    const radio = radioOf();
    const { pictures } = counted();
    let samples = 0;
    for await (const block of receiveWhile(radio, () => sendPictures(radio, config, codec, pictures, options), 1e6)) {
      samples += block.samples.re.length;
      if (samples > 5000) break;
    }
    expect(samples).toBeGreaterThan(5000);
  });

  it.each([0.05, 0.2, 0.6, 1])(
    'no sample leaves full scale at r.m.s. %f, and what was limited is counted',
    async (rms) => {
      const source = openPictures(['builtin:faces'], { maxPixels: 1 << 22, frames: 8 });
      let peak = 0;
      let limited = 0;
      const air = resolveConfig({ ofdm: { profile: 'ota' } });
      for await (const part of createEmission(air, codec, source.pictures(), { ...options, rms })) {
        limited += part.limited;
        const { re, im } = part.samples;
        for (let n = 0; n < re.length; n++) peak = Math.max(peak, Math.hypot(re[n], im[n]));
      }
      expect(peak).toBeLessThanOrEqual(1);
      if (rms <= 0.2) expect(limited).toBe(0);
      else expect(limited).toBeGreaterThan(0);
    },
  );
});
