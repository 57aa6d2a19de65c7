import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encodeNpz, type NpyArray } from '../core/npy-encode.js';
import { frameColumns, packetColumns } from '../link/results/frame-report.js';
import { csvLine, writeJson, writeWhole } from '../link/results/tables.js';
import type { StoredReport } from './frame-lines.js';
import type { CampaignPlan } from './plan.js';
import { figuresOf, frameNumbers, type PointFigures, pointsIn, timesIn } from './point-figures.js';

/** Columns of frames.csv that are the receiver's own. */
const reportColumns = frameColumns.filter(
  (column): column is Exclude<typeof column, 'frame' | 'picture' | 'receiver' | 'milliseconds'> =>
    !['frame', 'picture', 'receiver', 'milliseconds'].includes(column),
) as readonly (keyof StoredReport)[];

/**
 * Writes what follows from `frames.jsonl`: `points.json`, `points.csv`, `frames.csv`, `frames.npz`, and from
 * `timing.jsonl` `timing.csv`. The same frames give the same bytes.
 */
export function deriveTables(folder: string, plan: CampaignPlan): readonly PointFigures[] {
  const file = (name: string): string => join(folder, name);
  const figures: PointFigures[] = [];
  const arrays = new Map<string, number[]>([
    ['point', []],
    ['frame', []],
  ]);
  const networks = new Set<string>();
  const part = file('frames.csv.part');
  let rows = 0;
  writeFileSync(part, '');
  let header = '';
  let packets: readonly (typeof packetColumns)[number][] = [];
  for (const { point, lines } of pointsIn(folder)) {
    figures.push(figuresOf({ point, lines }, plan.withinDb));
    if (header === '') {
      const first = Object.values(lines[0].receivers)[0];
      for (const name of Object.keys(first.perception ?? {})) networks.add(name);
      if (Object.values(lines[0].receivers).some(({ packet }) => packet !== undefined)) packets = packetColumns;
      const names = [...reportColumns, ...networks, ...packets.map((column) => `packet.${column}`)];
      header = csvLine(['point', ...plan.axes, 'frame', 'picture', 'receiver', ...names]);
      appendFileSync(part, header);
    }
    const at = plan.axes.map((axis) => plan.points[point].at[axis]);
    let text = '';
    for (const line of lines) {
      arrays.get('point')!.push(point);
      arrays.get('frame')!.push(line.frame);
      for (const [name, report] of Object.entries(line.receivers)) {
        const distances = [...networks].map((network) => report.perception?.[network]);
        const packet = packets.map((column) => report.packet?.[column]);
        const own = reportColumns.map((column) => report[column]);
        text += csvLine([point, ...at, line.frame, line.picture, name, ...own, ...distances, ...packet]);
        for (const [metric, value] of Object.entries(frameNumbers(line, name, plan.withinDb))) {
          const key = `${name}.${metric}`;
          const column = arrays.get(key) ?? [];
          while (column.length < rows) column.push(Number.NaN);
          column.push(value);
          arrays.set(key, column);
        }
      }
      rows++;
    }
    appendFileSync(part, text);
  }
  renameSync(part, file('frames.csv'));
  const npz = new Map<string, NpyArray>();
  for (const [key, values] of arrays) {
    while (values.length < rows) values.push(Number.NaN);
    const shape = [rows];
    npz.set(
      key,
      key === 'point' || key === 'frame'
        ? { dtype: 'int32', shape, data: Int32Array.from(values) }
        : { dtype: 'float64', shape, data: Float64Array.from(values) },
    );
  }
  writeWhole(file('frames.npz'), encodeNpz(npz));
  writeJson(
    file('points.json'),
    figures.map((one) => ({ at: plan.points[one.point].at, seed: plan.points[one.point].config.seed, ...one })),
  );
  writeWhole(file('points.csv'), pointsCsv(plan, figures));
  writeWhole(file('timing.csv'), timingCsv(folder, plan));
  return figures;
}

/** One row a point and receiver: of each metric its mean, the interval's ends and of how many frames. */
export function pointsCsv(plan: CampaignPlan, figures: readonly PointFigures[]): string {
  const metrics = [
    ...new Set(figures.flatMap(({ receivers }) => Object.values(receivers).flatMap((r) => Object.keys(r.metrics)))),
  ];
  const fids = [
    ...new Set(figures.flatMap(({ receivers }) => Object.values(receivers).flatMap((r) => Object.keys(r.fid)))),
  ];
  const rows = figures.flatMap(({ point, receivers }) =>
    Object.entries(receivers).map(([name, of]) =>
      csvLine([
        point,
        ...plan.axes.map((axis) => plan.points[point].at[axis]),
        name,
        of.frames,
        ...metrics.flatMap((metric) => {
          const figure = of.metrics[metric];
          return [figure?.mean, figure?.low, figure?.high, figure?.n];
        }),
        ...fids.map((name) => of.fid[name]?.value),
      ]),
    ),
  );
  const heads = metrics.flatMap((metric) => [metric, `${metric}Low`, `${metric}High`, `${metric}Frames`]);
  return csvLine(['point', ...plan.axes, 'receiver', 'frames', ...heads, ...fids]) + rows.join('');
}

function timingCsv(folder: string, plan: CampaignPlan): string {
  const rows = [...timesIn(folder)].flatMap(([point, receivers]) =>
    Object.entries(receivers).map(([name, { mean, n }]) =>
      csvLine([point, ...plan.axes.map((axis) => plan.points[point]?.at[axis]), name, n, mean, 1000 / mean]),
    ),
  );
  return csvLine(['point', ...plan.axes, 'receiver', 'frames', 'millisecondsMean', 'framesPerSecond']) + rows.join('');
}
