import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ConfigError, FormatError } from '../core/errors.js';
import { makeFolder } from '../core/make-folder.js';
import { writing } from '../link/results/run-folder.js';
import { writeJson } from '../link/results/tables.js';
import type { FrameProduct } from './frame-job.js';
import { type FrameLine, jsonLine, linesOf, readJsonLines } from './frame-lines.js';
import { writePictures } from './keep-pictures.js';
import { type CampaignPlan, planDifference } from './plan.js';

/** A folder that a campaign is written to, held against other runs. */
export interface CampaignFolder {
  readonly path: string;
  /** Whether frames were there already. */
  readonly resumed: boolean;
  /** What the user should know of the folder. */
  readonly notes: readonly string[];
  /** Frames that are there, in the order they were written. */
  lines(): Iterable<FrameLine>;
  /** Puts frames on disk; they are there in full when it returns, whatever happens next. Throws FormatError where they cannot be written. */
  append(point: number, products: readonly FrameProduct[]): void;
  /** Lets other runs have the folder. */
  release(): void;
}

export const CAMPAIGN_FILE = 'campaign.json';
export const FRAMES_FILE = 'frames.jsonl';
export const TIMING_FILE = 'timing.jsonl';
const LOCK_FILE = 'lock';
/** What to do where a campaign's folder is full: another would begin anew. */
export const GOES_ON = 'the same command goes on once it can';

/** What `campaign.json` holds. */
export interface StoredCampaign {
  readonly format: 'blindlink-campaign/1';
  readonly plan: CampaignPlan;
  readonly versions: Readonly<Record<string, unknown>>;
}

/**
 * Opens a campaign's folder, new or to go on in.
 * @throws ConfigError where another run holds it, or it holds something else or another campaign (with the difference)
 */
export function openCampaignFolder(
  path: string,
  plan: CampaignPlan,
  versions: Readonly<Record<string, unknown>>,
): CampaignFolder {
  const file = (name: string): string => join(path, name);
  try {
    makeFolder(path);
  } catch (cause) {
    throw new FormatError('run.folder', `${path}: cannot be written; choose another folder with --out`, { cause });
  }
  const isCampaign = existsSync(file(CAMPAIGN_FILE));
  const others = readdirSync(path).filter((name) => name !== LOCK_FILE && !name.endsWith('.part'));
  if (!isCampaign && others.length > 0) {
    throw new ConfigError(
      'campaign.folder',
      `${path}: holds something that is no campaign (${others[0]}); choose another folder with --out`,
    );
  }
  lock(file(LOCK_FILE), path);
  try {
    const stored: StoredCampaign = { format: 'blindlink-campaign/1', plan, versions };
    const notes: string[] = [];
    let whole = 0;
    if (isCampaign) {
      const before = readCampaignFile(path);
      const now = JSON.parse(JSON.stringify(stored)) as StoredCampaign;
      whole = keepWholeLines(file(FRAMES_FILE));
      const difference = planDifference(measured(before.plan), measured(now.plan));
      if (difference !== null && whole > 0) {
        throw new ConfigError(
          'campaign.changed',
          `${path}: holds another campaign: ${difference}; choose another --out, or undo the change`,
        );
      }
      keepWholeLines(file(TIMING_FILE));
      // What an earlier version did not write down is not compared.
      const known = Object.fromEntries(Object.entries(now.versions).filter(([name]) => name in before.versions));
      const versionChange = planDifference(before.versions, known);
      if (versionChange !== null && whole > 0)
        notes.push(`${path} was begun with other versions: ${versionChange}; results may differ from there on`);
      if (planDifference(before.plan, now.plan) !== null)
        writeJson(file(CAMPAIGN_FILE), { ...before, plan: { ...before.plan, ...described(plan) } });
    }
    // Without a frame it begins now, whatever was there when it was tried before.
    if (whole === 0) {
      writing(path, () => {
        writeJson(file(CAMPAIGN_FILE), stored);
      });
    }
    removeParts(path);
    const frames = openSync(file(FRAMES_FILE), 'a');
    const timing = openSync(file(TIMING_FILE), 'a');
    return {
      path,
      resumed: whole > 0,
      notes,
      *lines() {
        yield* frameLines(path, plan);
      },
      append(point, products) {
        const lines = products.map((product) => linesOf(point, product));
        writing(
          path,
          () => {
            // Pictures before the frames that they belong to: a frame that is there has its pictures.
            for (const { pictures } of products) {
              if (pictures !== undefined) writePictures(join(path, 'pictures', String(point)), pictures);
            }
            // Times first: a frame that is there has its times, and the times of one that is not are written again.
            writeAll(timing, lines.map((line) => jsonLine(line.timing)).join(''));
            writeAll(frames, lines.map((line) => jsonLine(line.frame)).join(''));
            fsyncSync(frames);
          },
          GOES_ON,
        );
      },
      release() {
        closeSync(frames);
        closeSync(timing);
        rmSync(file(LOCK_FILE), { force: true });
      },
    };
  } catch (error) {
    rmSync(file(LOCK_FILE), { force: true });
    throw error;
  }
}

/** Cuts off what a crash left of a last line. Returns the bytes that are left. */
function keepWholeLines(file: string): number {
  if (!existsSync(file)) return 0;
  let whole = 0;
  for (const { end } of readJsonLines(file)) whole = end;
  truncateSync(file, whole);
  return whole;
}

/** One call may write a part only, as on a disk that becomes full. */
function writeAll(file: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}

/** What says how a campaign is shown; it may change without another measurement. */
const described = ({ title, about, grid, document }: CampaignPlan): Partial<CampaignPlan> => ({
  title,
  about,
  grid,
  document,
});

/** A plan without what says how it is shown. */
const measured = (plan: CampaignPlan): object => ({
  ...plan,
  title: undefined,
  about: undefined,
  grid: undefined,
  document: undefined,
});

/** @throws FormatError where the folder holds no campaign */
export function readCampaignFile(path: string): StoredCampaign {
  let stored: Partial<StoredCampaign>;
  try {
    stored = JSON.parse(readFileSync(join(path, CAMPAIGN_FILE), 'utf8')) as Partial<StoredCampaign>;
  } catch (cause) {
    throw new ConfigError(
      'campaign.folder',
      `${path}: holds no campaign (no ${CAMPAIGN_FILE} that can be read); give a folder that 'sweep FILE.yaml' wrote`,
      { cause },
    );
  }
  if (stored.format !== 'blindlink-campaign/1') {
    throw new ConfigError(
      'campaign.folder',
      `${path}: its ${CAMPAIGN_FILE} is of format ${String(stored.format)}, not blindlink-campaign/1`,
    );
  }
  if (!Array.isArray(stored.plan?.points)) {
    throw new FormatError('campaign.folder', `${path}: its ${CAMPAIGN_FILE} has no plan; restore it or start anew`);
  }
  return stored as StoredCampaign;
}

/** The frames of a campaign's folder. Throws FormatError for lines that are none, or of a point that it has not. */
export function* frameLines(path: string, { points }: CampaignPlan): Iterable<FrameLine> {
  const file = join(path, FRAMES_FILE);
  let number = 0;
  for (const { value } of readJsonLines<Partial<FrameLine> | null>(file)) {
    number++;
    const { point, frame, receivers } = value ?? {};
    if (point === undefined || !(point in points) || !Number.isInteger(frame) || typeof (receivers ?? 0) !== 'object') {
      throw new FormatError(
        'campaign.line',
        `${file}: line ${number} is no frame of this campaign; restore it or start anew`,
      );
    }
    yield value as FrameLine;
  }
}

/** A file with the process's number; that of a process which is gone is taken over. */
function lock(file: string, folder: string): void {
  const mine = JSON.stringify({ pid: process.pid, host: hostname() });
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(file, mine, { flag: 'wx' });
      return;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST' || attempt === 3) {
        throw new FormatError(
          'run.folder',
          `${folder}: cannot be written (${(cause as Error).message}); choose another folder with --out`,
          { cause },
        );
      }
    }
    const holder = holderOf(file);
    if (holder !== null && (holder.host !== hostname() || isAlive(holder.pid))) {
      throw new ConfigError(
        'campaign.locked',
        `${folder}: is in use by process ${holder.pid} on ${holder.host}; wait for it, or choose another --out (remove ${file} if it is gone)`,
      );
    }
    rmSync(file, { force: true });
  }
}

function holderOf(file: string): { pid: number; host: string } | null {
  try {
    const { pid, host } = JSON.parse(readFileSync(file, 'utf8')) as { pid?: unknown; host?: unknown };
    return typeof pid === 'number' && typeof host === 'string' ? { pid, host } : null;
  } catch {
    // Cut short by a crash: nobody's.
    return null;
  }
}

function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** What writing under another name left behind when it was killed. */
function removeParts(path: string): void {
  for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' })) {
    if (name.endsWith('.part')) rmSync(join(path, name), { force: true });
  }
}
