import { describe, expect, it } from 'vitest';
import { createRng } from '../../../src/core/rng.js';
import { createSentLog, type SentPicture } from '../../../src/link/stream/sent-log.js';
import type { Picture } from '../../../src/source/picture.js';

const picture = (seed: number, edge = 32): Picture => {
  const rng = createRng(seed);
  const data = new Float32Array(3 * edge * edge);
  // Blobs of 8×8 pixels, so that pictures differ where they are made small.
  for (let c = 0; c < 3; c++) {
    const blobs = Float32Array.from({ length: (edge / 8) ** 2 }, () => rng.uniform());
    for (let y = 0; y < edge; y++)
      for (let x = 0; x < edge; x++)
        data[(c * edge + y) * edge + x] = blobs[Math.floor(y / 8) * (edge / 8) + Math.floor(x / 8)];
  }
  return { name: `p${seed}`, data, width: edge, height: edge, notes: [] };
};

const entry = (seed: number, sampleStart: number | null, loaded: number[] = []): SentPicture => ({
  frame: seed,
  name: `p${seed}`,
  sampleStart,
  load() {
    loaded.push(seed);
    return Promise.resolve(picture(seed));
  },
});

const noisy = (of: Picture, amount: number): Picture => {
  const rng = createRng(9);
  return { ...of, data: of.data.map((v) => v + amount * rng.gaussian()) };
};

describe('what was sent', () => {
  it('is known by its time, half a frame off at most', async () => {
    const log = createSentLog([entry(1, 1000), entry(2, 3000)]);
    expect((await log.identify(3300, 1000, picture(1)))?.name).toBe('p2');
    expect(await log.identify(4000, 1000, picture(2))).toBeNull();
  });

  it('is else known by its content, from 12 dB on, and pictures are read once for it', async () => {
    const loaded: number[] = [];
    const log = createSentLog([1, 2, 3].map((seed) => entry(seed, null, loaded)));
    expect((await log.identify(0, 1000, noisy(picture(3), 0.1)))?.name).toBe('p3');
    expect((await log.identify(0, 1000, noisy(picture(2), 0.1)))?.name).toBe('p2');
    expect(await log.identify(0, 1000, picture(4))).toBeNull();
    expect(await log.identify(0, 1000, null)).toBeNull();
    expect(loaded).toEqual([1, 2, 3]);
  });

  it('forgets the oldest beyond its bound', () => {
    const log = createSentLog([], { keep: 2 });
    for (let i = 0; i < 5; i++) log.add(entry(i, i));
    expect(log.entries.map(({ frame }) => frame)).toEqual([3, 4]);
  });

  it('names a picture that cannot be read again, without its figures', async () => {
    const log = createSentLog([{ frame: 0, name: 'gone.png', sampleStart: 0, load: () => Promise.resolve(null) }]);
    expect(await log.identify(0, 100, picture(1))).toEqual({ name: 'gone.png', picture: null });
  });
});
