import { z } from 'zod';
import { normalQuantile, wilsonInterval } from './intervals.js';

/** When a point has been measured well enough. Any one rule that is met ends it; `frames` always does. */
export const stopSchema = z.strictObject({
  /** Frames at most; by default every picture once. */
  frames: z.int().min(1).max(1e8).optional(),
  /** Frames before any other rule may end the point. */
  minFrames: z.int().min(1).default(32),
  /** Frames with PSNR ≤ 15 dB that are enough. */
  failures: z.int().min(1).optional(),
  /** Half the width of the mean PSNR's interval that is narrow enough, dB. */
  psnrHalfWidthDb: z.number().positive().optional(),
  /** Half the width of the success rate's interval (Wilson) that is narrow enough. */
  successHalfWidth: z.number().positive().max(0.5).optional(),
  confidence: z.number().min(0.5).max(0.9999).default(0.95),
  /** Receivers that must meet a rule; by default all. */
  of: z.array(z.string().min(1)).min(1).optional(),
});
export type StopRule = z.infer<typeof stopSchema>;

/** Whether a rule may end a point before it has all its frames. */
export const hangsOnResults = ({ failures, psnrHalfWidthDb, successHalfWidth }: StopRule): boolean =>
  [failures, psnrHalfWidthDb, successHalfWidth].some((rule) => rule !== undefined);

/** What the rules look at, one record a receiver. */
export interface RunningFigures {
  readonly frames: number;
  readonly successes: number;
  readonly psnrMean: number;
  /** Σ (psnr − mean)². */
  readonly psnrSquares: number;
}

/** Which rule ends the point; null where none does yet. */
export function stopReason(
  rule: StopRule,
  figures: ReadonlyMap<string, RunningFigures>,
): 'failures' | 'psnr' | 'success' | null {
  const watched = [...figures].filter(([name]) => rule.of === undefined || rule.of.includes(name)).map(([, f]) => f);
  if (watched.length === 0 || watched.some(({ frames }) => frames < Math.max(2, rule.minFrames))) return null;
  const { failures, psnrHalfWidthDb, successHalfWidth, confidence } = rule;
  if (failures !== undefined && watched.every((f) => f.frames - f.successes >= failures)) return 'failures';
  const z = normalQuantile(0.5 + confidence / 2);
  const halfWidth = (f: RunningFigures): number => z * Math.sqrt(f.psnrSquares / (f.frames - 1) / f.frames);
  if (psnrHalfWidthDb !== undefined && watched.every((f) => halfWidth(f) <= psnrHalfWidthDb)) return 'psnr';
  const wilson = ({ successes, frames }: RunningFigures): number => {
    const [low, high] = wilsonInterval(successes, frames, confidence);
    return (high - low) / 2;
  };
  if (successHalfWidth !== undefined && watched.every((f) => wilson(f) <= successHalfWidth)) return 'success';
  return null;
}
