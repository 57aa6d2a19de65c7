import { finitePsnrDb } from '../metrics/picture-quality.js';
import type { CampaignFolder } from './campaign-folder.js';
import type { FrameJob, FrameProduct } from './frame-job.js';
import { type FramePool, inOrder } from './frame-pool.js';
import type { CampaignPlan } from './plan.js';
import { type RunningFigures, stopReason } from './stopping.js';

/** Where a campaign stands after some frames of a point. */
export interface CampaignStep {
  readonly point: number;
  /** Frames of this point so far. */
  readonly frames: number;
  /** Why the point ended: a stopping rule, or the frames it was to have; null while it goes on. */
  readonly ended: 'frames' | 'failures' | 'psnr' | 'success' | null;
  /** The frames of this step; none for those that were there when a campaign was resumed. */
  readonly products: readonly FrameProduct[];
}

interface PointState {
  frames: number;
  ended: CampaignStep['ended'];
  figures: Map<string, Writable<RunningFigures>>;
}
type Writable<T> = { -readonly [K in keyof T]: T[K] };

/**
 * Runs what is missing of a campaign, point by point. Frames are committed in their order and the stopping rules asked
 * after every whole batch of a point, so neither the number of workers nor interruptions change a result.
 *
 * @param folder where frames are put and found; null keeps nothing
 * @param signal ends with AbortedError; what was yielded is on disk
 */
export async function* runCampaign(
  plan: CampaignPlan,
  { folder, pool, signal }: { folder: CampaignFolder | null; pool: FramePool; signal: AbortSignal },
): AsyncIterable<CampaignStep> {
  const states = plan.points.map((): PointState => ({ frames: 0, ended: null, figures: new Map() }));
  const step = (point: number, products: readonly FrameProduct[]): CampaignStep => ({
    point,
    frames: states[point].frames,
    ended: states[point].ended,
    products,
  });
  const count = (point: number, reports: Iterable<readonly [string, { psnrDb: number; success: boolean }]>): void => {
    const state = states[point];
    state.frames++;
    for (const [name, { psnrDb, success }] of reports) {
      const f = state.figures.get(name) ?? { frames: 0, successes: 0, psnrMean: 0, psnrSquares: 0 };
      state.figures.set(name, f);
      f.frames++;
      f.successes += success ? 1 : 0;
      const psnr = finitePsnrDb(psnrDb);
      const delta = psnr - f.psnrMean;
      f.psnrMean += delta / f.frames;
      f.psnrSquares += delta * (psnr - f.psnrMean);
    }
    if (state.frames % plan.batch === 0) state.ended = stopReason(plan.stop, state.figures);
    if (state.frames >= plan.points[point].frames) state.ended = 'frames';
  };

  for (const { point, receivers } of folder?.lines() ?? []) {
    if (states[point].ended === null) count(point, Object.entries(receivers));
  }
  for (const [point, state] of states.entries()) if (state.frames > 0) yield step(point, []);

  const jobs = function* (): Iterable<FrameJob & { point: number }> {
    for (const [point, { config, frames }] of plan.points.entries()) {
      const wishes = folder === null ? {} : { pictures: plan.keepPictures };
      for (let from = states[point].frames; from < frames && states[point].ended === null;) {
        const to = Math.min(frames, from + plan.batch - (from % plan.batch));
        yield { point, config, from, to, wishes };
        from = to;
      }
    }
  };
  for await (const { job, products } of inOrder(pool, jobs(), signal)) {
    // Begun before its point ended.
    if (states[job.point].ended !== null) continue;
    folder?.append(job.point, products);
    for (const { results } of products) {
      count(
        job.point,
        results.map(({ report }) => [report.receiver, report] as const),
      );
    }
    yield step(job.point, products);
  }
}
