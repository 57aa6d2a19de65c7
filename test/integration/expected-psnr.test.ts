import { describe, expect, it } from 'vitest';
import { frameReports } from '../support/frame-reports.js';

async function psnrs(
  codec: string,
  snrDb: number,
): Promise<{ psnrDb: number | null; expectedPsnrDb: number | null }[]> {
  const receiver = { names: ['perfect', 'pilot'] };
  const run = { threads: 1, frames: 4 };
  const frames = await frameReports({ pictures: ['builtin:photos'], codec, snrDb, seed: 3, receiver, run });
  return frames.flatMap((frame) => Object.values(frame));
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
    for (const { expectedPsnrDb } of await psnrs('faces-48', 10)) expect(expectedPsnrDb).toBeNull();
  });
});
