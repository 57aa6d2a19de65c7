import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCampaignFile } from '../../../src/campaign/campaign-folder.js';
import { deriveTables } from '../../../src/campaign/derive-tables.js';
import { madeUpCampaign } from '../../support/made-up-campaign.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'blindlink-tables-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const rowsOf = (path: string): Record<string, string>[] => parse(readFileSync(path), { columns: true });

describe('tables of a campaign', () => {
  it('have the columns that any point has, and empty cells for what is no finite number', () => {
    const path = madeUpCampaign(join(folder, 'columns'), [{ snrDb: 0 }, { snrDb: 5 }], { frames: 1 });
    const [first, second] = readFileSync(join(path, 'frames.jsonl'), 'utf8').trimEnd().split('\n');
    const line = JSON.parse(second) as { receivers: Record<string, object> };
    const packet = { mcs: 3, contentBytes: 40 };
    line.receivers['mine'] = { ...line.receivers['mine'], psnrDb: null, perception: { lpips: 0.25 }, packet };
    writeFileSync(join(path, 'frames.jsonl'), `${first}\n${JSON.stringify(line)}\n`);
    // A frame that was not found takes a receiver no time.
    writeFileSync(
      join(path, 'timing.jsonl'),
      `${JSON.stringify({ point: 0, frame: 0, milliseconds: { mine: 0, perfect: 4 } })}\n`,
    );
    const [, { receivers }] = deriveTables(path, readCampaignFile(path).plan);
    expect(receivers['mine'].metrics['psnrDb'].mean).toBe(100);
    const cells = rowsOf(join(path, 'frames.csv')).map((row) => [
      row['point'],
      row['receiver'],
      row['lpips'],
      row['packet.mcs'],
      row['packet.contentBytes'],
    ]);
    expect(cells).toEqual([
      ['0', 'perfect', '', '', ''],
      ['0', 'mine', '', '', ''],
      ['1', 'perfect', '', '', ''],
      ['1', 'mine', '0.25', '3', '40'],
    ]);
    expect(rowsOf(join(path, 'frames.csv'))[3]['psnrDb']).toBe('');
    expect(rowsOf(join(path, 'timing.csv')).map((row) => [row['receiver'], row['framesPerSecond']])).toEqual([
      ['mine', ''],
      ['perfect', '250'],
    ]);
  });
});
