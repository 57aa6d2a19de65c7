import { finitePsnrDb } from '../../metrics/picture-quality.js';
import type { Verdict } from '../../receiver/receiver.js';
import { SUCCESS_PSNR_DB } from '../../receiver/verdict.js';

/** What figures need of a report, whether from simulation or from a stream. */
export interface Reported {
  readonly receiver: string;
  readonly verdict: Verdict;
  /** null where what was sent is not known. */
  readonly psnrDb: number | null;
  readonly snrDb: number;
  readonly milliseconds: number;
}

/** What one receiver made of the frames it got. */
export interface ReceiverFigures {
  readonly frames: number;
  readonly decoded: number;
  /** Share of `frames` called decoded. */
  readonly decodedShare: number;
  /** Share with PSNR > 15 dB; null where nothing that was sent is known. */
  readonly success: number | null;
  /** Equal pictures count 100 dB. */
  readonly psnrDbMean: number | null;
  readonly snrDbMean: number | null;
  readonly millisecondsMean: number | null;
}

/**
 * Figures by receiver.
 *
 * @param framesSent where it is known: frames not found then count as failures, in `success` and `decodedShare`
 */
export function figuresByReceiver(
  reports: readonly Reported[],
  names: readonly string[],
  framesSent: number | null = null,
): Record<string, ReceiverFigures> {
  return Object.fromEntries(
    names.map((name) => {
      const mine = reports.filter(({ receiver }) => receiver === name);
      const frames = framesSent ?? mine.length;
      const decoded = mine.filter(({ verdict }) => verdict === 'decoded').length;
      const psnr = mine.flatMap(({ psnrDb }) => (psnrDb === null ? [] : [psnrDb]));
      const successes = psnr.filter((v) => v > SUCCESS_PSNR_DB).length;
      const of = framesSent ?? psnr.length;
      return [
        name,
        {
          frames,
          decoded,
          decodedShare: frames === 0 ? 0 : decoded / frames,
          success: of === 0 ? null : successes / of,
          psnrDbMean: meanOf(psnr.map(finitePsnrDb)),
          snrDbMean: meanOf(mine.map(({ snrDb }) => snrDb).filter(Number.isFinite)),
          millisecondsMean: meanOf(mine.map(({ milliseconds }) => milliseconds)),
        },
      ];
    }),
  );
}

/** Arithmetic mean; null of nothing. */
export const meanOf = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, v) => sum + v, 0) / values.length;
