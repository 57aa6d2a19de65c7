import { join } from 'node:path';
import { frechetInterval } from '../metrics/frechet.js';
import { finitePsnrDb } from '../metrics/picture-quality.js';
import { frameLines, readCampaignFile, TIMING_FILE } from './campaign-folder.js';
import { meanMetrics, SHARES } from './figure-names.js';
import { type FrameLine, readJsonLines, type StoredReport, type TimingLine, unpackFeatures } from './frame-lines.js';
import { packetColumns } from '../link/results/frame-report.js';
import { WITHIN_DB } from './plan.js';
import { bootstrapMean, wilsonInterval } from './intervals.js';

/** A mean over frames with its 95 % interval: bootstrap, Wilson's for shares. */
export interface MeanFigure {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly std: number;
  readonly median: number;
  /** Frames it was measured on. */
  readonly n: number;
}

/** A receiver at a point. */
export interface ReceiverAtPoint {
  readonly frames: number;
  /** By metric: those of the report, `success`, `decoded`, `nearPerfect` (`withinDb` of `perfect`, where that ran), `precision` and `recall` of the verdict, `blockErrors` of conventional links, and feature networks. */
  readonly metrics: Readonly<Record<string, MeanFigure>>;
  /** By feature network. */
  readonly fid: Readonly<Record<string, CrowdFigure>>;
}

/** A Fréchet distance with its 95 % interval by block jackknife, of 20 pictures or more. */
export interface CrowdFigure {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly pictures: number;
  readonly dimensions: number;
}

export interface PointFigures {
  readonly point: number;
  readonly frames: number;
  readonly receivers: Readonly<Record<string, ReceiverAtPoint>>;
}

/** Further numbers of a frame: columns of `frames.npz` without a mean. */
const otherNumbers = [
  'confidence',
  'residual',
  'signLogOdds',
  'starts',
  'agreeing',
  'expectedPsnrDb',
] as const satisfies readonly (keyof StoredReport)[];

/** Whether a metric is a feature network's distance. */
export const isNetworkMetric = (metric: string): boolean =>
  !SHARES.has(metric) && !(meanMetrics as readonly string[]).includes(metric);

/** A point's frames, to be gone through once, before the next point. */
export interface PointLines {
  readonly point: number;
  readonly lines: Iterable<FrameLine>;
}

/** Frames of a campaign point by point, as they lie in `frames.jsonl`, read when they are asked for: however many there are, few are in memory. */
export function* pointsIn(folder: string): Iterable<PointLines> {
  const all = frameLines(folder, readCampaignFile(folder).plan)[Symbol.iterator]();
  let ahead = all.next();
  function* linesOf(point: number): Iterable<FrameLine> {
    while (ahead.done !== true && ahead.value.point === point) {
      const { value } = ahead;
      ahead = all.next();
      yield value;
    }
  }
  try {
    while (ahead.done !== true) {
      const { point } = ahead.value;
      const lines = linesOf(point);
      yield { point, lines };
      for (const left of linesOf(point)) void left;
    }
  } finally {
    all.return?.();
  }
}

/** Lines that pass through, each shown to `look` on its way. */
export function* watched(lines: Iterable<FrameLine>, look: (line: FrameLine) => void): Iterable<FrameLine> {
  for (const line of lines) {
    look(line);
    yield line;
  }
}

/** A frame's number of each metric for one receiver; metrics that it has not are left out. */
export function frameMetrics(line: FrameLine, receiver: string, withinDb = WITHIN_DB): Record<string, number> {
  const report = line.receivers[receiver];
  const values: Record<string, number> = {};
  for (const name of meanMetrics) {
    // Missing in folders of an earlier version.
    const value = (report[name] as number | null | undefined) ?? null;
    if (name === 'psnrDb') values[name] = finitePsnrDb(value);
    else if (value !== null) values[name] = value;
  }
  values['success'] = report.success ? 1 : 0;
  values['decoded'] = report.verdict === 'decoded' ? 1 : 0;
  const best = line.receivers['perfect'] as StoredReport | undefined;
  if (best !== undefined && receiver !== 'perfect') {
    values['nearPerfect'] = values['psnrDb'] >= finitePsnrDb(best.psnrDb) - withinDb ? 1 : 0;
  }
  if (report.packet !== undefined) values['blockErrors'] = report.packet.contentBytes === null ? 1 : 0;
  for (const [name, distance] of Object.entries(report.perception ?? {})) values[name] = distance;
  return values;
}

/** Whether a frame that is called decoded succeeded, and one that succeeded is called so: their means are the verdict's precision and recall. */
function verdictMetrics({ success, verdict }: StoredReport): Record<string, number> {
  const decoded = verdict === 'decoded';
  return { ...(decoded && { precision: success ? 1 : 0 }), ...(success && { recall: decoded ? 1 : 0 }) };
}

/** Every number of a frame for one receiver, with those that no mean is made of. */
export function frameNumbers(line: FrameLine, receiver: string, withinDb = WITHIN_DB): Record<string, number> {
  const report = line.receivers[receiver];
  const values = frameMetrics(line, receiver, withinDb);
  for (const name of otherNumbers) values[name] = (report[name] as number | null | undefined) ?? Number.NaN;
  if (report.packet !== undefined) {
    for (const name of packetColumns) values[`packet.${name}`] = report.packet[name] ?? Number.NaN;
  }
  return values;
}

/** @param withinDb how near `perfect` a picture must be for `nearPerfect`, dB */
export function figuresOf({ point, lines }: PointLines, withinDb = WITHIN_DB): PointFigures {
  const receivers = new Map<string, ReceiverColumns>();
  let frames = 0;
  for (const line of lines) {
    frames++;
    for (const [name, report] of Object.entries(line.receivers)) {
      const mine = receivers.get(name) ?? new ReceiverColumns();
      receivers.set(name, mine);
      mine.add({ ...frameMetrics(line, name, withinDb), ...verdictMetrics(report) }, report.features);
    }
  }
  const figures = [...receivers].map(([name, mine]) => [name, mine.figures()] as const);
  return { point, frames, receivers: Object.fromEntries(figures) };
}

/** What a receiver's figures at a point are made of: each metric's numbers, and features for the FID. */
class ReceiverColumns {
  private frames = 0;
  private readonly columns = new Map<string, number[]>();
  private readonly features = new Map<string, { received: Float64Array[]; sent: Float64Array[] }>();

  add(values: Readonly<Record<string, number>>, features: StoredReport['features'] = {}): void {
    this.frames++;
    for (const [metric, value] of Object.entries(values)) {
      const column = this.columns.get(metric);
      if (column === undefined) this.columns.set(metric, [value]);
      else column.push(value);
    }
    for (const [network, pair] of Object.entries(features)) {
      const own = this.features.get(network) ?? { received: [], sent: [] };
      this.features.set(network, own);
      own.received.push(unpackFeatures(pair.received));
      own.sent.push(unpackFeatures(pair.sent));
    }
  }

  figures(): ReceiverAtPoint {
    const metrics = [...this.columns].map(([metric, values]) => [metric, meanFigure(metric, values)] as const);
    const fid = [...this.features].map(([network, { received, sent }]) => {
      const none = { value: Number.NaN, low: Number.NaN, high: Number.NaN };
      const distance = received.length < 2 ? none : frechetInterval(received, sent, 1);
      return [network, { ...distance, pictures: received.length, dimensions: received[0].length }] as const;
    });
    return { frames: this.frames, metrics: Object.fromEntries(metrics), fid: Object.fromEntries(fid) };
  }
}

function meanFigure(metric: string, values: readonly number[]): MeanFigure {
  const n = values.length;
  const mean = values.reduce((sum, v) => sum + v, 0) / n;
  const std = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n);
  const sorted = Float64Array.from(values).sort();
  const median = (sorted[(n - 1) >> 1] + sorted[n >> 1]) / 2;
  if (SHARES.has(metric)) {
    const [low, high] = wilsonInterval(
      values.reduce((sum, v) => sum + v, 0),
      n,
    );
    return { mean, low, high, std, median, n };
  }
  const { low, high } = bootstrapMean(values);
  return { mean, low, high, std, median, n };
}

/** Mean milliseconds a frame by point and receiver, and of how many frames; of a frame timed twice, the later time. */
export function timesIn(folder: string): ReadonlyMap<number, Readonly<Record<string, { mean: number; n: number }>>> {
  const points = new Map<number, Map<number, TimingLine['milliseconds']>>();
  for (const { value } of readJsonLines<TimingLine>(join(folder, TIMING_FILE))) {
    const frames = points.get(value.point) ?? new Map<number, TimingLine['milliseconds']>();
    points.set(value.point, frames.set(value.frame, value.milliseconds));
  }
  return new Map(
    [...points].map(([point, frames]) => {
      const sums: Record<string, { mean: number; n: number }> = {};
      for (const milliseconds of frames.values()) {
        for (const [name, time] of Object.entries(milliseconds)) {
          const { mean = 0, n = 0 } = sums[name] ?? {};
          sums[name] = { mean: mean + (time - mean) / (n + 1), n: n + 1 };
        }
      }
      return [point, sums];
    }),
  );
}
