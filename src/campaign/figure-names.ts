import type { StoredReport } from './frame-lines.js';

/** Metrics of the stored reports that have a mean, in the order they are shown. */
export const meanMetrics = [
  'psnrDb',
  'ssim',
  'msSsim',
  'sharpness',
  'niqe',
  'channelError',
  'channelNmse',
  'snrDb',
  'paprDb',
  'channelUses',
  'bandwidthRatio',
  'frameUses',
  'throughput',
  'sideInformationBits',
  'evm',
] as const satisfies readonly (keyof StoredReport)[];

/** Figures that are a share of frames. */
export const SHARES = new Set(['success', 'decoded', 'nearPerfect', 'precision', 'recall', 'blockErrors']);

/** Charts that a report may have, beside feature networks' distances. */
export const chartNames: readonly string[] = [
  ...['psnrDb', 'msSsim', 'niqe', 'success', 'nearPerfect', 'channelError', 'decoded', 'precision', 'recall'],
  ...['throughput', 'blockErrors', 'evm', 'bandwidthRatio', 'fid', 'speed', 'papr-ccdf'],
  ...['rate-distortion', 'rate-perception', 'perception-distortion'],
];

/** What a table may have a column of, beside feature networks' distances; `ms` is a receiver's time. */
export const figureNames: readonly string[] = [...meanMetrics, ...SHARES, 'ms'];
