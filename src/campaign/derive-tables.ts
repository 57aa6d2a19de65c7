import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { encodeNpz, type NpyArray } from '../core/npy-encode.js';
import { frameColumns, packetColumns } from '../link/results/frame-report.js';
import { csvLine, writeJson, writeWhole } from '../link/results/tables.js';
import type { FrameLine, StoredReport } from './frame-lines.js';
import type { CampaignPlan } from './plan.js';
import { figuresOf, frameNumbers, type PointFigures, pointsIn, timesIn } from './point-figures.js';

/** Columns of frames.csv that are the receiver's own. */
const reportColumns = frameColumns.filter(
  (column): column is Exclude<typeof column, 'frame' | 'picture' | 'receiver' | 'milliseconds'> =>
    !['frame', 'picture', 'receiver', 'milliseconds'].includes(column),
) as readonly (keyof StoredReport)[];

/**
 * Writes what follows from `frames.jsonl`: `points.json`, `points.csv`, `frames.csv`, `frames.npz`, `frames.parquet`, and from
 * `timing.jsonl` `timing.csv`. The same frames give the same bytes.
 */
export function deriveTables(folder: string, plan: CampaignPlan): readonly PointFigures[] {
  const file = (name: string): string => join(folder, name);
  const figures: PointFigures[] = [];
  // All points first: the first may lack a column that others have.
  const networks = new Set<string>();
  let packets: readonly (typeof packetColumns)[number][] = [];
  for (const { point, lines } of pointsIn(folder)) {
    figures.push(figuresOf({ point, lines }, plan.withinDb));
    for (const report of lines.flatMap(({ receivers }) => Object.values(receivers))) {
      for (const name of Object.keys(report.perception ?? {})) networks.add(name);
      if (report.packet !== undefined) packets = packetColumns;
    }
  }
  const arrays = new Map<string, number[]>([
    ['point', []],
    ['frame', []],
  ]);
  const table = createFrameTable();
  const part = file('frames.csv.part');
  let rows = 0;
  const names = [...reportColumns, ...networks, ...packets.map((column) => `packet.${column}`)];
  writeFileSync(part, csvLine(['point', ...plan.axes, 'frame', 'picture', 'receiver', ...names]));
  for (const { point, lines } of pointsIn(folder)) {
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
        const numbers = frameNumbers(line, name, plan.withinDb);
        table.add(point, at, line, name, report.verdict, numbers);
        for (const [metric, value] of Object.entries(numbers)) {
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
  writeWhole(file('frames.parquet'), table.parquet(plan.axes));
  writeJson(
    file('points.json'),
    figures.map((one) => ({ at: plan.points[one.point].at, seed: plan.points[one.point].config.seed, ...one })),
  );
  writeWhole(file('points.csv'), pointsCsv(plan, figures));
  writeWhole(file('timing.csv'), timingCsv(folder, plan));
  return figures;
}

/** One row a frame and receiver, as `frames.csv` has them; what a frame has no value of is null. */
function createFrameTable() {
  const places: {
    point: number;
    at: readonly unknown[];
    frame: number;
    picture: string;
    receiver: string;
    verdict: string;
  }[] = [];
  const numbers = new Map<string, (number | null)[]>();
  return {
    add(
      point: number,
      at: readonly unknown[],
      { frame, picture }: FrameLine,
      receiver: string,
      verdict: string,
      values: Readonly<Record<string, number>>,
    ): void {
      for (const [metric, value] of Object.entries(values)) {
        const column = numbers.get(metric) ?? [];
        while (column.length < places.length) column.push(null);
        column.push(Number.isNaN(value) ? null : value);
        numbers.set(metric, column);
      }
      places.push({ point, at, frame, picture, receiver, verdict });
    },
    parquet(axes: readonly string[]): Uint8Array {
      const whole = (name: string, data: number[]) => ({ name, data, type: 'INT32' as const, nullable: false });
      const text = (name: string, data: string[]) => ({ name, data, type: 'STRING' as const, nullable: false });
      const columnData = [
        whole(
          'point',
          places.map(({ point }) => point),
        ),
        // Settings are numbers, names, lists or nothing, often several of these in one column: as text. A metric may have the same name.
        ...axes.map((axis, a) =>
          text(
            `at.${axis}`,
            places.map(({ at }) => (typeof at[a] === 'string' ? at[a] : JSON.stringify(at[a] ?? null))),
          ),
        ),
        whole(
          'frame',
          places.map(({ frame }) => frame),
        ),
        ...(['picture', 'receiver', 'verdict'] as const).map((name) =>
          text(
            name,
            places.map((place) => place[name]),
          ),
        ),
        ...[...numbers].map(([name, data]) => {
          while (data.length < places.length) data.push(null);
          return { name, data, type: 'DOUBLE' as const, nullable: true };
        }),
      ];
      return new Uint8Array(parquetWriteBuffer({ columnData }));
    },
  };
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
