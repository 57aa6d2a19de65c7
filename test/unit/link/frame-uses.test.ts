import { describe, expect, it } from 'vitest';
import type { FrameReport } from '../../../src/link/results/frame-report.js';
import { frameReports } from '../../support/frame-reports.js';

const reports = async (settings: Record<string, unknown>): Promise<Record<string, FrameReport>> =>
  (await frameReports(settings))[0];

describe('effective throughput', () => {
  it('counts prefixes and padding, and pilot symbols for the receiver that needs them', async () => {
    const { perfect, pilot } = await reports({ receiver: { names: ['perfect', 'pilot'] } });
    // 64×64 at CBR 1/12: 1024 symbols, one packet of 16 + 1 symbols of 64 + 12 samples.
    expect([perfect.channelUses, perfect.frameUses, pilot.frameUses]).toEqual([1024, 16 * 76, 17 * 76]);
    expect(perfect.throughput).toBeCloseTo((3 * 64 * 64) / (16 * 76), 4);
    expect(pilot.throughput).toBeCloseTo((3 * 64 * 64) / (17 * 76), 4);
  });

  it('counts preamble and guards', async () => {
    const { pilot } = await reports({ ofdm: { profile: 'ota' }, receiver: { names: ['pilot'] }, snrDb: 20 });
    expect(pilot.frameUses).toBeGreaterThan(1024 * 1.3);
    expect(pilot.frameUses % 1).toBe(0);
  });

  it('is nothing for a picture that did not arrive', async () => {
    const { perfect } = await reports({ snrDb: -20, receiver: { names: ['perfect'] } });
    expect([perfect.success, perfect.throughput]).toEqual([false, 0]);
  });
});
