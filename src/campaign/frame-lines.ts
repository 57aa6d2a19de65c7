import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { FormatError } from '../core/errors.js';
import type { FeaturePair, FrameReport } from '../link/results/frame-report.js';
import type { FrameProduct } from './frame-job.js';

/** A receiver's report without what its line says already, and without wall-clock time, which no two runs share. */
export type StoredReport = Omit<FrameReport, 'type' | 'frame' | 'picture' | 'receiver' | 'milliseconds'> & {
  /** Features for the FID, float64 as base64. */
  readonly features?: Readonly<Record<string, { readonly received: string; readonly sent: string }>>;
};

/** A line of `frames.jsonl`: one frame of one point, all receivers. */
export interface FrameLine {
  readonly point: number;
  readonly frame: number;
  readonly picture: string;
  readonly receivers: Readonly<Record<string, StoredReport>>;
}

/** A line of `timing.jsonl`. */
export interface TimingLine {
  readonly point: number;
  readonly frame: number;
  readonly milliseconds: Readonly<Record<string, number>>;
}

/** Fields of a report that a line has in another place, or that another file has. */
const ELSEWHERE = new Set(['type', 'frame', 'picture', 'receiver', 'milliseconds']);

export function linesOf(point: number, { frame, results }: FrameProduct): { frame: FrameLine; timing: TimingLine } {
  const receivers: Record<string, StoredReport> = {};
  const milliseconds: Record<string, number> = {};
  for (const { report, features } of results) {
    const { receiver, milliseconds: time } = report;
    const rest = Object.fromEntries(Object.entries(report).filter(([key]) => !ELSEWHERE.has(key))) as StoredReport;
    receivers[receiver] = features === undefined ? rest : { ...rest, features: packed(features) };
    milliseconds[receiver] = time;
  }
  const picture = results[0].report.picture;
  return { frame: { point, frame, picture, receivers }, timing: { point, frame, milliseconds } };
}

const packed = (features: Readonly<Record<string, FeaturePair>>): NonNullable<StoredReport['features']> => {
  const text = ({ buffer, byteOffset, byteLength }: Float64Array): string =>
    Buffer.from(buffer, byteOffset, byteLength).toString('base64');
  return Object.fromEntries(
    Object.entries(features).map(([name, { received, sent }]) => [
      name,
      { received: text(received), sent: text(sent) },
    ]),
  );
};

export function unpackFeatures(text: string): Float64Array {
  const bytes = Buffer.from(text, 'base64');
  return new Float64Array(new Uint8Array(bytes).buffer);
}

/** JSON has no NaN: null stands for what could not be measured. */
export const jsonLine = (value: unknown): string =>
  `${JSON.stringify(value, (_, v: unknown) => (typeof v === 'number' && !Number.isFinite(v) ? null : v))}\n`;

/**
 * The lines of a JSONL file with the offsets they end at, read in pieces. A last line without its end, as a crash leaves
 * it, is not given.
 * @throws FormatError for a line that is not JSON
 */
export function* readJsonLines<T>(path: string): Iterable<{ readonly value: T; readonly end: number }> {
  if (!existsSync(path)) return;
  const file = openSync(path, 'r');
  try {
    const piece = Buffer.alloc(1 << 20);
    let rest = Buffer.alloc(0);
    let end = 0;
    for (;;) {
      const count = readSync(file, piece, 0, piece.length, null);
      if (count === 0) return;
      rest = Buffer.concat([rest, piece.subarray(0, count)]);
      let start = 0;
      for (let at = rest.indexOf(10, start); at >= 0; at = rest.indexOf(10, start)) {
        const text = rest.toString('utf8', start, at);
        end += at + 1 - start;
        start = at + 1;
        let value: T;
        try {
          value = JSON.parse(text) as T;
        } catch (cause) {
          throw new FormatError('campaign.line', `${path}: damaged before byte ${end}; restore it or start anew`, {
            cause,
          });
        }
        yield { value, end };
      }
      rest = rest.subarray(start);
    }
  } finally {
    closeSync(file);
  }
}
