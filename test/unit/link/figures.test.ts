import { describe, expect, it } from 'vitest';
import { figuresByReceiver } from '../../../src/link/results/figures.js';

describe('figures of a receiver', () => {
  it('count equal pictures as 100 dB, and leave out those that are not known', () => {
    const report = (psnrDb: number | null) => ({
      receiver: 'mine',
      verdict: 'decoded' as const,
      psnrDb,
      snrDb: 10,
      milliseconds: 1,
    });
    const { mine } = figuresByReceiver([report(Infinity), report(20), report(null)], ['mine']);
    expect([mine.frames, mine.psnrDbMean, mine.success]).toEqual([3, 60, 1]);
  });
});
