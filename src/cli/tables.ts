import type { PerceptionSummary } from '../link/results/perception.js';
import type { ReceiverSummary } from '../link/results/summary.js';

const headings = ['receiver', 'frames', 'success', 'PSNR dB', 'SSIM', 'channel err', 'decoded', 'ms'] as const;

const perceptionCell = (of: PerceptionSummary): string =>
  'fid' in of ? of.fid.toPrecision(4) : `${of.mean.toFixed(4)} ± ${of.std.toFixed(4)}`;

export function describeSummary(receivers: Readonly<Record<string, ReceiverSummary>>): string {
  const networks = Object.keys(Object.values(receivers)[0].perception ?? {});
  const heads = [...headings, ...networks];
  const rows = Object.entries(receivers).map(([name, s]) => [
    name,
    String(s.frames),
    `${(100 * s.success).toFixed(1)} %`,
    `${s.psnrDbMean.toFixed(2)} ± ${s.psnrDbStd.toFixed(2)}`,
    s.ssimMean.toFixed(3),
    Number.isFinite(s.channelErrorMedian) ? s.channelErrorMedian.toFixed(4) : '-',
    `${(100 * s.decodedShare).toFixed(1)} %`,
    s.millisecondsMean.toFixed(1),
    ...Object.values(s.perception ?? {}).map(perceptionCell),
  ]);
  const widths = heads.map((heading, c) => Math.max(heading.length, ...rows.map((row) => row[c].length)));
  const line = (cells: readonly string[]): string =>
    `  ${cells.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))).join('  ')}`;
  return ['', line(heads), ...rows.map(line)].join('\n');
}
