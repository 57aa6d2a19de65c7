import type { FrameReport } from './frame-report.js';

/** What one receiver did over all frames, failures included. */
export interface ReceiverSummary {
  readonly frames: number;
  /** Share of frames with PSNR > 15 dB. */
  readonly success: number;
  readonly psnrDbMean: number;
  readonly psnrDbStd: number;
  readonly ssimMean: number;
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
}

export function summarise(reports: readonly FrameReport[]): Record<string, ReceiverSummary> {
  const byReceiver = new Map<string, FrameReport[]>();
  for (const report of reports) {
    const list = byReceiver.get(report.receiver) ?? [];
    list.push(report);
    byReceiver.set(report.receiver, list);
  }
  return Object.fromEntries([...byReceiver].map(([name, list]) => [name, summariseOne(list)]));
}

function summariseOne(reports: readonly FrameReport[]): ReceiverSummary {
  const psnr = reports.map((r) => r.psnrDb);
  const errors = reports.map((r) => r.channelError).filter(Number.isFinite);
  const nmse = reports.map((r) => r.channelNmse).filter(Number.isFinite);
  const decoded = reports.filter((r) => r.verdict === 'decoded');
  const successes = reports.filter((r) => r.success);
  const both = decoded.filter((r) => r.success).length;
  const time = mean(reports.map((r) => r.milliseconds));
  return {
    frames: reports.length,
    success: successes.length / reports.length,
    psnrDbMean: mean(psnr),
    psnrDbStd: Math.sqrt(mean(psnr.map((v) => (v - mean(psnr)) ** 2))),
    ssimMean: mean(reports.map((r) => r.ssim)),
    channelErrorMean: mean(errors),
    channelErrorMedian: median(errors),
    channelNmseMedian: median(nmse),
    decodedShare: decoded.length / reports.length,
    decodedPrecision: decoded.length === 0 ? null : both / decoded.length,
    decodedRecall: successes.length === 0 ? null : both / successes.length,
    millisecondsMean: time,
    framesPerSecond: 1000 / time,
  };
}

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
