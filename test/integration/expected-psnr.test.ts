import { describe, expect, it } from 'vitest';
import { findReceivers, linkFrames, openPictures, resolveConfig, withModels } from '../../src/link/index.js';

async function psnrs(
  codec: string,
  snrDb: number,
): Promise<{ psnrDb: number | null; expectedPsnrDb: number | null }[]> {
  const config = resolveConfig({
    pictures: ['builtin:photos'],
    codec,
    snrDb,
    seed: 3,
    receiver: { names: ['perfect', 'pilot'] },
    run: { threads: 1, out: null, frames: 4 },
  });
  const found: { psnrDb: number | null; expectedPsnrDb: number | null }[] = [];
  await withModels(config, await findReceivers(config), async (models) => {
    const source = openPictures(config.pictures, { maxPixels: config.source.maxPixels, frames: 4 });
    for await (const outcomes of linkFrames(config, models, source.pictures())) {
      found.push(...outcomes.map(({ report: { psnrDb, expectedPsnrDb } }) => ({ psnrDb, expectedPsnrDb })));
    }
  });
  return found;
}

describe('the PSNR that a receiver expects', () => {
  it('is near to what the truth says, of pictures and noise of different kinds', async () => {
    const errors: number[] = [];
    const means: number[] = [];
    for (const snrDb of [0, 12]) {
      const frames = await psnrs('natural-12-blind', snrDb);
      expect(frames).toHaveLength(8);
      errors.push(...frames.map(({ psnrDb, expectedPsnrDb }) => (expectedPsnrDb ?? NaN) - (psnrDb ?? NaN)));
      means.push(frames.reduce((sum, { expectedPsnrDb }) => sum + (expectedPsnrDb ?? NaN), 0) / frames.length);
    }
    expect(Math.sqrt(errors.reduce((sum, e) => sum + e ** 2, 0) / errors.length)).toBeLessThan(2);
    expect(means[1] - means[0]).toBeGreaterThan(3);
  });

  it('is not known of a codec without the network', async () => {
    for (const { expectedPsnrDb } of await psnrs('faces-12', 10)) expect(expectedPsnrDb).toBeNull();
  });
});
