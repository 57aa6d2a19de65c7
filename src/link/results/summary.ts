import { naturalnessDistance } from '../../metrics/naturalness.js';
import { finitePsnrDb } from '../../metrics/picture-quality.js';
import type { FeaturePair, FrameOutcome, FrameReport } from './frame-report.js';
import { type PerceptionSummary, summarisePerception } from './perception.js';

/** What one receiver did over all frames, failures included. */
export interface ReceiverSummary {
  readonly frames: number;
  /** Share of frames with PSNR > 15 dB. */
  readonly success: number;
  /** Equal pictures count 100 dB. */
  readonly psnrDbMean: number;
  readonly psnrDbStd: number;
  readonly ssimMean: number;
  readonly msSsimMean: number;
  readonly sharpnessMean: number;
  /** Fréchet distance between the natural-scene statistics of received and sent pictures; small samples bias it upwards. */
  readonly naturalnessDistance: number;
  /** Source samples delivered per channel use, overhead counted. */
  readonly throughputMean: number;
  readonly evmMean: number;
  /** NaN where no picture was large enough. */
  readonly niqeMean: number;
  readonly channelErrorMean: number;
  readonly channelErrorMedian: number;
  readonly channelNmseMedian: number;
  /** Share of frames called `decoded`. */
  readonly decodedShare: number;
  /** Of the frames called `decoded`, the share that succeeded; null without any. */
  readonly decodedPrecision: number | null;
  /** Of the frames that succeeded, the share called `decoded`; null without any. */
  readonly decodedRecall: number | null;
  readonly millisecondsMean: number;
  /** Frames over the receiver's own time; the rest of the link is not in it. */
  readonly framesPerSecond: number;
  /** By feature network; absent without any. */
  readonly perception?: Readonly<Record<string, PerceptionSummary>>;
}

/** What a summary needs of a frame's outcome. */
export interface Summarised {
  readonly report: FrameReport;
  readonly naturalness: FeaturePair;
  readonly features?: Readonly<Record<string, FeaturePair>>;
}

/** Keeps of an outcome what a summary needs: neither pictures nor samples. */
export const summarisable = ({ report, naturalness, features }: FrameOutcome): Summarised => ({
  report,
  naturalness: naturalness(),
  ...(features === undefined ? {} : { features }),
});

export function summarise(outcomes: readonly Summarised[]): Record<string, ReceiverSummary> {
  const byReceiver = new Map<string, Summarised[]>();
  for (const outcome of outcomes) {
    const list = byReceiver.get(outcome.report.receiver) ?? [];
    list.push(outcome);
    byReceiver.set(outcome.report.receiver, list);
  }
  return Object.fromEntries([...byReceiver].map(([name, list]) => [name, summariseOne(list)]));
}

function summariseOne(outcomes: readonly Summarised[]): ReceiverSummary {
  const reports: FrameReport[] = outcomes.map(({ report }) => report);
  const psnr = reports.map((r) => finitePsnrDb(r.psnrDb));
  const psnrDbMean = mean(psnr);
  const errors = reports.map((r) => r.channelError).filter(Number.isFinite);
  const nmse = reports.map((r) => r.channelNmse).filter(Number.isFinite);
  const decoded = reports.filter((r) => r.verdict === 'decoded');
  const successes = reports.filter((r) => r.success);
  const both = decoded.filter((r) => r.success).length;
  const time = mean(reports.map((r) => r.milliseconds));
  return {
    frames: reports.length,
    success: successes.length / reports.length,
    psnrDbMean,
    psnrDbStd: Math.sqrt(mean(psnr.map((v) => (v - psnrDbMean) ** 2))),
    ssimMean: mean(reports.map((r) => r.ssim)),
    msSsimMean: mean(reports.map((r) => r.msSsim)),
    sharpnessMean: mean(reports.map((r) => r.sharpness).filter(Number.isFinite)),
    naturalnessDistance: naturalnessDistance(
      outcomes.map(({ naturalness }) => naturalness.received),
      outcomes.map(({ naturalness }) => naturalness.sent),
    ),
    throughputMean: mean(reports.map((r) => r.throughput)),
    evmMean: mean(reports.map((r) => r.evm).filter(Number.isFinite)),
    niqeMean: mean(reports.map((r) => r.niqe).filter(Number.isFinite)),
    channelErrorMean: mean(errors),
    channelErrorMedian: median(errors),
    channelNmseMedian: median(nmse),
    decodedShare: decoded.length / reports.length,
    decodedPrecision: decoded.length === 0 ? null : both / decoded.length,
    decodedRecall: successes.length === 0 ? null : both / successes.length,
    millisecondsMean: time,
    framesPerSecond: 1000 / time,
    ...perceptionOf(outcomes),
  };
}

function perceptionOf(outcomes: readonly Summarised[]): Pick<ReceiverSummary, 'perception'> {
  const perception = summarisePerception(
    outcomes.map(({ report }) => report.perception ?? {}),
    outcomes.map(({ features }) => features ?? {}),
  );
  return Object.keys(perception).length === 0 ? {} : { perception };
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
