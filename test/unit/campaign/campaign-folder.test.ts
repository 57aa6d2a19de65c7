import type * as Files from 'node:fs';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type CampaignFolder, openCampaignFolder, readCampaignFile } from '../../../src/campaign/campaign-folder.js';
import type { FrameProduct } from '../../../src/campaign/frame-job.js';
import { timesIn } from '../../../src/campaign/point-figures.js';
import { madeUpCampaign } from '../../support/made-up-campaign.js';

/** A disk that takes a few bytes at a time, and none once it is full. */
const disk = vi.hoisted(() => ({ full: false }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof Files>();
  const writeSync = (file: number, bytes: Uint8Array, at = 0): number => {
    if (disk.full) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    return fs.writeSync(file, bytes, at, Math.min(7, bytes.length - at));
  };
  return { ...fs, writeSync };
});

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'blindlink-folder-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const open = (path: string): CampaignFolder => openCampaignFolder(path, readCampaignFile(path).plan, {});

const product = (frame: number, milliseconds: number): FrameProduct =>
  ({
    frame,
    results: [{ report: { picture: 'é', receiver: 'mine', psnrDb: 20, milliseconds } }],
    notes: [],
  }) as unknown as FrameProduct;

describe('the folder of a campaign', () => {
  it('goes on behind whole lines, of frames and of times', () => {
    const path = madeUpCampaign(join(folder, 'torn'), [{ snrDb: 1 }], { frames: 2, of: 4 });
    const frames = readFileSync(join(path, 'frames.jsonl'), 'utf8');
    appendFileSync(join(path, 'frames.jsonl'), '{"point":0,"fra');
    const times = `${JSON.stringify({ point: 0, frame: 0, milliseconds: { mine: 4 } })}\n`;
    writeFileSync(join(path, 'timing.jsonl'), `${times}{"point":0,"frame":1,"milli`);
    const opened = open(path);
    expect(readFileSync(join(path, 'frames.jsonl'), 'utf8')).toBe(frames);
    expect(readFileSync(join(path, 'timing.jsonl'), 'utf8')).toBe(times);
    opened.append(0, [product(2, 8)]);
    expect([...opened.lines()].map(({ frame }) => frame)).toEqual([0, 1, 2]);
    expect(timesIn(path).get(0)).toEqual({ mine: { mean: 6, n: 2 } });
    opened.release();
  });

  it('says which versions are others than those of the frames that are there, as far as these were written down', () => {
    const notesWith = (path: string, versions: Record<string, unknown>): readonly string[] => {
      const opened = openCampaignFolder(path, readCampaignFile(path).plan, versions);
      opened.release();
      return opened.notes;
    };
    const begun = madeUpCampaign(join(folder, 'begun'), [{ snrDb: 1 }], { frames: 0, of: 2 });
    expect(notesWith(begun, { codecs: 'a', priors: 'p' })).toEqual([]);
    expect(readCampaignFile(begun).versions).toEqual({ codecs: 'a', priors: 'p' });
    const frame = { point: 0, frame: 0, picture: 'p', receivers: {} };
    writeFileSync(join(begun, 'frames.jsonl'), `${JSON.stringify(frame)}\n`);
    expect(notesWith(begun, { codecs: 'a', priors: 'q' })).toEqual([
      `${begun} was begun with other versions: priors was "p" and is "q"; results may differ from there on`,
    ]);
    expect(notesWith(begun, { codecs: 'a', priors: 'p', receivers: 'r' })).toEqual([]);
  });

  it('has frames in full however few bytes a write takes, and is named where it is full', () => {
    const path = madeUpCampaign(join(folder, 'small'), [{ snrDb: 1 }], { frames: 0, of: 8 });
    const opened = open(path);
    opened.append(
      0,
      Array.from({ length: 4 }, (_, frame) => product(frame, 1)),
    );
    expect([...opened.lines()].map(({ frame, picture }) => [frame, picture])).toEqual([
      [0, 'é'],
      [1, 'é'],
      [2, 'é'],
      [3, 'é'],
    ]);
    disk.full = true;
    expect(() => {
      opened.append(0, [product(4, 1)]);
    }).toThrow(`${path}: cannot be written: the disk is full; the same command goes on once it can`);
    disk.full = false;
    opened.release();
  });
});
