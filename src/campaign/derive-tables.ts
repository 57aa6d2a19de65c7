import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ColumnSource, fileWriter, ParquetWriter, schemaFromColumnData } from 'hyparquet-writer';
import { type NpyArray, writeNpz } from '../core/npy.js';
import { frameColumns, packetColumns } from '../link/results/frame-report.js';
import { csvLine, writeJson, writeWhole } from '../link/results/tables.js';
import type { StoredReport } from './frame-lines.js';
import type { CampaignPlan } from './plan.js';
import { figuresOf, frameNumbers, type PointFigures, pointsIn, timesIn, watched } from './point-figures.js';

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
  // All frames first: the first may lack a column that others have.
  const networks = new Set<string>();
  const metrics = new Set<string>();
  const keys = new Set<string>();
  let packets: readonly (typeof packetColumns)[number][] = [];
  let frames = 0;
  for (const { point, lines } of pointsIn(folder)) {
    const looked = watched(lines, (line) => {
      frames++;
      for (const [name, report] of Object.entries(line.receivers)) {
        for (const network of Object.keys(report.perception ?? {})) networks.add(network);
        if (report.packet !== undefined) packets = packetColumns;
        for (const metric of Object.keys(frameNumbers(line, name, plan.withinDb))) {
          metrics.add(metric);
          keys.add(`${name}.${metric}`);
        }
      }
    });
    figures.push(figuresOf({ point, lines: looked }, plan.withinDb));
  }
  const columns = new FrameColumns(frames, keys);
  const parquet = new ParquetTable(file('frames.parquet.part'), plan.axes, metrics);
  const names = [...reportColumns, ...networks, ...packets.map((column) => `packet.${column}`)];
  const csv = new CsvTable(file('frames.csv.part'), ['point', ...plan.axes, 'frame', 'picture', 'receiver', ...names]);
  for (const { point, lines } of pointsIn(folder)) {
    const at = plan.axes.map((axis) => plan.points[point].at[axis]);
    for (const line of lines) {
      columns.next(point, line.frame);
      for (const [name, report] of Object.entries(line.receivers)) {
        const distances = [...networks].map((network) => report.perception?.[network]);
        const packet = packets.map((column) => report.packet?.[column]);
        const own = reportColumns.map((column) => report[column]);
        csv.add([point, ...at, line.frame, line.picture, name, ...own, ...distances, ...packet]);
        const numbers = frameNumbers(line, name, plan.withinDb);
        columns.add(name, numbers);
        const { frame, picture } = line;
        parquet.add({ point, at, frame, picture, receiver: name, verdict: report.verdict, numbers });
      }
    }
  }
  csv.end();
  parquet.end();
  for (const name of ['frames.csv', 'frames.parquet']) renameSync(file(`${name}.part`), file(name));
  writeNpz(file('frames.npz.part'), columns.arrays());
  renameSync(file('frames.npz.part'), file('frames.npz'));
  writeJson(
    file('points.json'),
    figures.map((one) => ({ at: plan.points[one.point].at, seed: plan.points[one.point].config.seed, ...one })),
  );
  writeWhole(file('points.csv'), pointsCsv(plan, figures));
  writeWhole(file('timing.csv'), timingCsv(folder, plan));
  return figures;
}

/** Rows that are held before they are written. */
const HELD_ROWS = 5000;

class CsvTable {
  private text: string;
  private held = 0;

  constructor(
    private readonly path: string,
    head: readonly unknown[],
  ) {
    this.text = csvLine(head);
    writeFileSync(path, '');
  }

  add(row: readonly unknown[]): void {
    this.text += csvLine(row);
    if (++this.held === HELD_ROWS) this.end();
  }

  end(): void {
    appendFileSync(this.path, this.text);
    this.text = '';
    this.held = 0;
  }
}

/** One row a frame: its point and number, and each number of each receiver, NaN where it has none. */
class FrameColumns {
  private row = -1;
  private readonly point: Int32Array;
  private readonly frame: Int32Array;
  private readonly numbers: ReadonlyMap<string, Float64Array>;

  constructor(rows: number, keys: Iterable<string>) {
    this.point = new Int32Array(rows);
    this.frame = new Int32Array(rows);
    this.numbers = new Map([...keys].map((key) => [key, new Float64Array(rows).fill(Number.NaN)]));
  }

  next(point: number, frame: number): void {
    this.row++;
    this.point[this.row] = point;
    this.frame[this.row] = frame;
  }

  add(receiver: string, numbers: Readonly<Record<string, number>>): void {
    for (const [metric, value] of Object.entries(numbers)) this.numbers.get(`${receiver}.${metric}`)![this.row] = value;
  }

  arrays(): ReadonlyMap<string, NpyArray> {
    const shape = [this.point.length];
    return new Map<string, NpyArray>([
      ['point', { dtype: 'int32', shape, data: this.point }],
      ['frame', { dtype: 'int32', shape, data: this.frame }],
      ...[...this.numbers].map(([key, data]): [string, NpyArray] => [key, { dtype: 'float64', shape, data }]),
    ]);
  }
}

interface TableRow {
  readonly point: number;
  readonly at: readonly unknown[];
  readonly frame: number;
  readonly picture: string;
  readonly receiver: string;
  readonly verdict: string;
  readonly numbers: Readonly<Record<string, number>>;
}

/** One row a frame and receiver, as `frames.csv` has them; what a frame has no value of is null. Written a group of rows at a time. */
class ParquetTable {
  private rows: TableRow[] = [];
  private readonly metrics: readonly string[];
  private readonly out: ReturnType<typeof fileWriter>;
  private readonly writer: ParquetWriter;

  constructor(
    path: string,
    private readonly axes: readonly string[],
    metrics: Iterable<string>,
  ) {
    this.metrics = [...metrics];
    this.out = fileWriter(path);
    this.writer = new ParquetWriter({
      writer: this.out,
      schema: schemaFromColumnData({ columnData: this.columns() }),
    });
  }

  add(row: TableRow): void {
    if (this.rows.push(row) === HELD_ROWS) this.write();
  }

  end(): void {
    this.write();
    void this.writer.finish();
  }

  private write(): void {
    if (this.rows.length === 0) return;
    void this.writer.write({ columnData: this.columns(), rowGroupSize: HELD_ROWS });
    this.rows = [];
  }

  private columns(): ColumnSource[] {
    const whole = (name: 'point' | 'frame') => ({
      name,
      data: this.rows.map((row) => row[name]),
      type: 'INT32' as const,
      nullable: false,
    });
    const text = (name: string, of: (row: TableRow) => string) => ({
      name,
      data: this.rows.map(of),
      type: 'STRING' as const,
      nullable: false,
    });
    return [
      whole('point'),
      // Settings are numbers, names, lists or nothing, often several of these in one column: as text. A metric may have the same name.
      ...this.axes.map((axis, a) =>
        text(`at.${axis}`, ({ at }) => (typeof at[a] === 'string' ? at[a] : JSON.stringify(at[a] ?? null))),
      ),
      whole('frame'),
      ...(['picture', 'receiver', 'verdict'] as const).map((name) => text(name, (row) => row[name])),
      ...this.metrics.map((name) => ({
        name,
        data: this.rows.map(({ numbers }) => {
          const value = numbers[name] as number | undefined;
          return value === undefined || Number.isNaN(value) ? null : value;
        }),
        type: 'DOUBLE' as const,
        nullable: true,
      })),
    ];
  }
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
        ...fids.flatMap((name) => [of.fid[name]?.value, of.fid[name]?.low, of.fid[name]?.high]),
      ]),
    ),
  );
  const crowds = fids.flatMap((name) => [name, `${name}Low`, `${name}High`]);
  const heads = metrics.flatMap((metric) => [metric, `${metric}Low`, `${metric}High`, `${metric}Frames`]);
  return csvLine(['point', ...plan.axes, 'receiver', 'frames', ...heads, ...crowds]) + rows.join('');
}

function timingCsv(folder: string, plan: CampaignPlan): string {
  const rows = [...timesIn(folder)].flatMap(([point, receivers]) =>
    Object.entries(receivers).map(([name, { mean, n }]) =>
      csvLine([point, ...plan.axes.map((axis) => plan.points[point]?.at[axis]), name, n, mean, 1000 / mean]),
    ),
  );
  return csvLine(['point', ...plan.axes, 'receiver', 'frames', 'millisecondsMean', 'framesPerSecond']) + rows.join('');
}
