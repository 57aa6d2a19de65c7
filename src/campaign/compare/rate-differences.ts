import { bdRate, type RateCurve } from '../../metrics/bd-rate.js';
import { sortedJson } from '../../core/sorted-json.js';
import type { ReceiverPair } from './compare-results.js';
import type { ComparedPoint } from './read-results.js';

/** BD-rate of the second over the first, among points that differ in their rate alone. */
export interface RateDifference {
  /** What those points have in common. */
  readonly at: Readonly<Record<string, unknown>>;
  readonly receivers: ReceiverPair;
  /** −0.1: a tenth fewer channel uses at the same PSNR. */
  readonly bdRate: number;
  /** Rates that the curves have. */
  readonly rates: readonly [before: number, after: number];
}

/** The setting that changes the rate. */
const RATE_AXIS = 'codec';

/**
 * BD-rates of mean PSNR over the mean bandwidth ratio (channel uses over 3·H·W), by the settings beside the codec. Curves of fewer than two
 * rates, and those that share no PSNR, are left out.
 */
export function rateDifferences(
  before: readonly ComparedPoint[],
  after: readonly ComparedPoint[],
  pairs: readonly ReceiverPair[],
): readonly RateDifference[] {
  const groups = new Map<
    string,
    { at: Readonly<Record<string, unknown>>; before: ComparedPoint[]; after: ComparedPoint[] }
  >();
  for (const [side, points] of [
    ['before', before],
    ['after', after],
  ] as const) {
    for (const point of points) {
      const at = Object.fromEntries(Object.entries(point.at).filter(([path]) => path !== RATE_AXIS));
      const key = sortedJson(at);
      const group = groups.get(key) ?? { at, before: [], after: [] };
      groups.set(key, group);
      group[side].push(point);
    }
  }
  return [...groups.values()].flatMap((group) =>
    pairs.flatMap((receivers): RateDifference[] => {
      const curves = [curveOf(group.before, receivers.before), curveOf(group.after, receivers.after)] as const;
      if (curves.some(({ rates }) => rates.length < 2)) return [];
      const value = bdRate(curves[0], curves[1]);
      const rates = [curves[0].rates.length, curves[1].rates.length] as const;
      return Number.isFinite(value) ? [{ at: group.at, receivers, bdRate: value, rates }] : [];
    }),
  );
}

/** A receiver's mean rate and PSNR at each point that has it. */
function curveOf(points: readonly ComparedPoint[], receiver: string): RateCurve {
  const rates: number[] = [];
  const quality: number[] = [];
  for (const { frames } of points) {
    const reports = [...frames.values()]
      .filter(({ receivers }) => receiver in receivers)
      .map(({ receivers }) => receivers[receiver]);
    if (reports.length === 0) continue;
    const mean = (metric: string): number => reports.reduce((sum, one) => sum + one[metric], 0) / reports.length;
    rates.push(mean('bandwidthRatio'));
    quality.push(mean('psnrDb'));
  }
  return { rates, quality };
}
