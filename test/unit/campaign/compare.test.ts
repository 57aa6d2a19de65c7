import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  boundedMetrics,
  compareResults,
  regressions,
  sameNames,
} from '../../../src/campaign/compare/compare-results.js';
import { rateDifferences } from '../../../src/campaign/compare/rate-differences.js';
import { type ComparedPoint, readResults } from '../../../src/campaign/compare/read-results.js';
import { createRng } from '../../../src/core/rng.js';
import { csvLine } from '../../../src/link/results/tables.js';

/** A point whose receivers have a PSNR of their own on top of what each frame has. */
function point(snrDb: number, gains: Record<string, number>, { seed = 1, frames = 50 } = {}): ComparedPoint {
  const rng = createRng(snrDb);
  return {
    at: { snrDb },
    seed,
    frames: new Map(
      Array.from({ length: frames }, (_, i) => {
        const own = 20 + 5 * rng.gaussian();
        const small = rng.split(i);
        const receivers = Object.fromEntries(
          Object.entries(gains).map(([name, gain]) => [
            name,
            { psnrDb: own + gain + 0.1 * small.gaussian(), success: 1, channelError: 0.01 - gain / 100 },
          ]),
        );
        return [i, { picture: `p${i}`, receivers }];
      }),
    ),
  };
}

describe('differences', () => {
  it('are those of the pairs, however different the frames', () => {
    const { differences, notes } = compareResults([point(5, { pilot: 0 })], [point(5, { pilot: 0.5 })]);
    const psnr = differences.find(({ metric }) => metric === 'psnrDb')!;
    expect(psnr.mean).toBeCloseTo(0.5, 6);
    // The frames' own spread of 5 dB is not in it.
    expect(psnr.high - psnr.low).toBeLessThan(0.01);
    expect(psnr.n).toBe(50);
    expect(notes).toEqual([]);
  });

  it('are of each point and of all together, of receivers of the same name or of those that are named', () => {
    const before = [point(5, { a: 0, b: 1 }), point(10, { a: 0, b: 1 })];
    const { differences } = compareResults(before, before, [{ before: 'a', after: 'b' }]);
    const psnr = differences.filter(({ metric }) => metric === 'psnrDb');
    expect(psnr.map(({ at, n }) => [at, n])).toEqual([
      [{ snrDb: 5 }, 50],
      [{ snrDb: 10 }, 50],
      [null, 100],
    ]);
    for (const { mean, low, high } of psnr) {
      expect(mean).toBeCloseTo(1, 1);
      expect(low).toBeLessThan(mean);
      expect(high).toBeGreaterThan(mean);
    }
  });

  it('say what has no partner, and where seeds differ', () => {
    const { notes, lost } = compareResults(
      [point(5, { a: 0 }), point(6, { a: 0 })],
      [point(5, { a: 0 }, { seed: 2 }), point(7, { a: 0 })],
    );
    expect(lost).toEqual(['only the first has snrDb 6']);
    expect(notes).toEqual([
      'only the second has snrDb 7',
      'snrDb 5: seeds 1 and 2 differ: same pictures, other channels',
    ]);
  });

  it('say which receivers have no partner, at every point or at some', () => {
    const { notes, lost } = compareResults(
      [point(5, { a: 0, b: 0 }), point(6, { a: 0, c: 0 })],
      [point(5, { a: 0, d: 0, c: 0 }), point(6, { a: 0, d: 0 })],
    );
    expect(lost).toEqual(['only the first has receiver b', 'snrDb 6: only the first has receiver c']);
    expect(notes).toEqual(['only the second has receiver d', 'snrDb 5: only the second has receiver c']);
  });

  it('say which frames are gone, but where results say how many there are', () => {
    const [whole, short] = [point(5, { a: 0 }), point(5, { a: 0 }, { frames: 40 })];
    const text = 'snrDb 5: 10 of 50 frames are only in the first';
    expect(compareResults([whole], [short])).toMatchObject({ lost: [text], notes: [] });
    expect(compareResults([whole], [{ ...short, endsByResults: true }])).toMatchObject({ lost: [], notes: [text] });
    expect(compareResults([short], [whole])).toMatchObject({ lost: [], notes: [] });
  });

  it('say where nearness to perfect is another', () => {
    const of = (withinDb: number): ComparedPoint => ({ ...point(5, { a: 0 }), withinDb });
    expect(compareResults([of(1)], [of(2)]).notes).toEqual([
      'nearPerfect is within 1 dB in the first and 2 dB in the second',
    ]);
    expect(compareResults([of(1)], [of(1)]).notes).toEqual([]);
  });

  it('are of points whose settings are the same in another order', () => {
    const at = (channel: object): ComparedPoint => ({ ...point(5, { a: 0 }), at: { channel, snrDb: 5 } });
    const { differences, notes } = compareResults(
      [at({ kind: 'awgn', tail: { low: 1, high: 2 } })],
      [at({ tail: { high: 2, low: 1 }, kind: 'awgn' })],
    );
    expect(differences[0].n).toBe(50);
    expect(notes).toEqual([]);
  });

  it.each<[string, string, string]>([
    ['pilto', 'pilot', 'the first has no receiver pilto, did you mean pilot?'],
    ['pilot', 'decoder', 'the second has no receiver decoder; there are pilot, blind'],
    ['pilot', 'blind', 'no frame in common has both'],
  ])('are refused of the receivers %s and %s', (first, second, message) => {
    const points = [point(5, { pilot: 0 }), point(6, { blind: 0 })];
    expect(() => compareResults(points, points, [{ before: first, after: second }])).toThrow(
      `--receivers ${first}=${second}: ${message}`,
    );
  });

  it('say where a pair of receivers is missing', () => {
    const points = [point(5, { a: 0, b: 0 }), point(6, { a: 0 })];
    const { differences, notes } = compareResults(points, points, [{ before: 'a', after: 'b' }]);
    expect(differences.filter(({ metric, at }) => metric === 'psnrDb' && at !== null)).toHaveLength(1);
    expect(notes).toEqual(['snrDb 6: no frame in common has a and b']);
  });

  it('take the frames that both have', () => {
    const { differences } = compareResults([point(5, { a: 0 })], [point(5, { a: 0 }, { frames: 20 })]);
    expect(differences[0].n).toBe(20);
  });

  it.each<[string, ComparedPoint[], ComparedPoint[], string]>([
    ['no point', [point(5, { a: 0 })], [point(6, { a: 0 })], 'no point in common'],
    ['no receiver', [point(5, { a: 0 })], [point(5, { b: 0 })], 'no receiver and frame in common'],
  ])('are refused where there is %s in common', (_, before, after, message) => {
    expect(() => compareResults(before, after)).toThrow(message);
  });

  it('are refused where pictures differ', () => {
    const other = point(5, { a: 0 });
    const frames = new Map([...other.frames].map(([i, frame]) => [i, { ...frame, picture: 'q' }]));
    expect(() => compareResults([point(5, { a: 0 })], [{ ...other, frames }])).toThrow(
      'frame 0 is of p0 in the first and of q in the second',
    );
  });
});

describe('bounds', () => {
  const { differences } = compareResults([point(5, { a: 0 })], [point(5, { a: -0.3 })]);

  it('are passed in the direction that is worse for each metric', () => {
    const metricsBeyond = (bounds: [string, number][]): string[] =>
      regressions(differences, new Map(bounds)).map(({ metric }) => metric);
    expect(metricsBeyond([['psnrDb', 0.2]])).toEqual(['psnrDb']);
    expect(metricsBeyond([['psnrDb', 0.4]])).toEqual([]);
    // The error has grown by 0.003.
    expect(metricsBeyond([['channelError', 0.002]])).toEqual(['channelError']);
    expect(metricsBeyond([['channelError', 0.004]])).toEqual([]);
    expect(metricsBeyond([['success', 0]])).toEqual([]);
  });

  it('may be put on the distances of feature networks, of which less is better', () => {
    const judged = (lpips: number): ComparedPoint => ({
      at: {},
      seed: 1,
      frames: new Map([[0, { picture: 'p', receivers: { a: { psnrDb: 30, 'lpips-squeeze': lpips } } }]]),
    });
    const worse = compareResults([judged(0.1)], [judged(0.13)]).differences;
    expect(boundedMetrics(worse)).toContain('lpips-squeeze');
    expect(boundedMetrics(worse)).not.toContain('lpips');
    expect(regressions(worse, new Map([['lpips-squeeze', 0.02]])).map(({ metric }) => metric)).toEqual([
      'lpips-squeeze',
    ]);
    expect(regressions(worse, new Map([['lpips-squeeze', 0.04]]))).toEqual([]);
    expect(
      regressions(compareResults([judged(0.13)], [judged(0.1)]).differences, new Map([['lpips-squeeze', 0]])),
    ).toEqual([]);
  });

  it('are not passed by what gets better', () => {
    const better = compareResults([point(5, { a: -0.3 })], [point(5, { a: 0 })]).differences;
    expect(regressions(better, new Map([['psnrDb', 0]]))).toEqual([]);
  });
});

describe('BD-rates', () => {
  const rated = (codec: string, bandwidthRatio: number, psnr: Record<string, number>): ComparedPoint => ({
    at: { codec, snrDb: 5 },
    seed: 1,
    frames: new Map([
      [
        0,
        {
          picture: 'p',
          receivers: Object.fromEntries(
            Object.entries(psnr).map(([name, psnrDb]) => [name, { psnrDb, bandwidthRatio }]),
          ),
        },
      ],
    ]),
  });

  it('are over the codecs, at the settings beside them', () => {
    // Three decibels a doubling; `b` is a decibel better.
    const points = [1, 2, 4].map((factor, i) => rated(`c${i}`, factor / 48, { a: 20 + 3 * i, b: 21 + 3 * i }));
    const [one] = rateDifferences(points, points, [{ before: 'a', after: 'b' }]);
    expect(one.at).toEqual({ snrDb: 5 });
    expect(one.bdRate).toBeCloseTo(2 ** (-1 / 3) - 1, 6);
    expect(one.rates).toEqual([3, 3]);
  });

  it('are of receivers at any of the points', () => {
    const points = [rated('c', 1 / 12, { a: 20 }), rated('d', 1 / 24, { a: 20, b: 21 })];
    expect(sameNames(points, points).map(({ before }) => before)).toEqual(['a', 'b']);
  });

  it('are left out where there is one rate', () => {
    const points = [rated('c', 1 / 12, { a: 20, b: 21 })];
    expect(rateDifferences(points, points, [{ before: 'a', after: 'b' }])).toEqual([]);
  });
});

describe('folders', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'blindlink-compare-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('of simulate are read with names that hold commas and quotes', () => {
    const path = join(folder, 'run');
    mkdirSync(path);
    writeFileSync(join(path, 'config.json'), JSON.stringify({ seed: 3 }));
    const head = ['frame', 'picture', 'receiver', 'psnrDb', 'success', 'verdict', 'channelError'];
    const row = [0, 'a "good", long\nname', 'pilot', 21.5, true, 'decoded', null];
    writeFileSync(join(path, 'frames.csv'), csvLine(head) + csvLine(row));
    const [{ seed, frames }] = readResults(path);
    expect(seed).toBe(3);
    expect(frames.get(0)).toEqual({
      picture: 'a "good", long\nname',
      receivers: { pilot: { psnrDb: 21.5, success: 1, decoded: 1 } },
    });
  });

  it('of simulate have 100 dB for equal pictures, and nothing for those that are not known', () => {
    const path = join(folder, 'equal');
    mkdirSync(path);
    writeFileSync(join(path, 'config.json'), JSON.stringify({ seed: 3 }));
    const head = ['frame', 'picture', 'receiver', 'psnrDb', 'ssim'];
    const rows = [
      [0, 'p', 'now', Infinity, 1],
      [0, 'p', 'earlier', 'null', 1],
      [0, '', 'unknown', null, null],
    ];
    writeFileSync(join(path, 'frames.csv'), [head, ...rows].map(csvLine).join(''));
    expect(readResults(path)[0].frames.get(0)!.receivers).toEqual({
      now: { psnrDb: 100, ssim: 1 },
      earlier: { psnrDb: 100, ssim: 1 },
      unknown: {},
    });
  });

  it('of campaigns are read point by point, with what they call near perfect', () => {
    const path = join(folder, 'campaign');
    mkdirSync(path);
    const plan = { withinDb: 3, stop: { failures: 9 }, points: [{ at: { snrDb: 1 }, config: { seed: 9 } }] };
    writeFileSync(join(path, 'campaign.json'), JSON.stringify({ format: 'blindlink-campaign/1', plan }));
    const report = { psnrDb: 20, success: true, verdict: 'decoded' };
    const lines = [0, 1].map((frame) =>
      JSON.stringify({
        point: 0,
        frame,
        picture: `p${frame}`,
        receivers: { perfect: { ...report, psnrDb: 22 }, a: report },
      }),
    );
    writeFileSync(join(path, 'frames.jsonl'), `${lines.join('\n')}\n{"point":0,"fra`);
    const [{ at, seed, withinDb, endsByResults, frames }] = readResults(path);
    expect([at, seed, withinDb, endsByResults, frames.size]).toEqual([{ snrDb: 1 }, 9, 3, true, 2]);
    expect(frames.get(1)!.receivers['a']).toMatchObject({ psnrDb: 20, success: 1, decoded: 1, nearPerfect: 1 });
  });

  it.each([
    '{}',
    'null',
    '{"point":0,"frame":0,"receivers":null}',
    '{"point":3,"frame":0,"receivers":{}}',
    '{"point":0,"frame":"x","receivers":{}}',
  ])('of campaigns are refused with a line that is no frame of theirs: %s', (line) => {
    const path = mkdtempSync(join(folder, 'damaged-'));
    const plan = { stop: {}, points: [{ at: {}, config: { seed: 9 } }] };
    writeFileSync(join(path, 'campaign.json'), JSON.stringify({ format: 'blindlink-campaign/1', plan }));
    writeFileSync(join(path, 'frames.jsonl'), `${line}\n`);
    expect(() => readResults(path)).toThrow(/frames\.jsonl: line 1 is no frame of this campaign/);
    writeFileSync(join(path, 'campaign.json'), '{"format":"blindlink-campaign/1"}');
    expect(() => readResults(path)).toThrow(/has no plan/);
  });

  it('of anything else are refused in one line', () => {
    expect(() => readResults(folder)).toThrow('holds neither a campaign nor a run');
    const path = join(folder, 'broken');
    mkdirSync(path);
    writeFileSync(join(path, 'config.json'), '{');
    writeFileSync(join(path, 'frames.csv'), 'frame,picture\n');
    expect(() => readResults(path)).toThrow('has no column receiver');
  });
});

describe('CSV', () => {
  it('is read back as it was written', () => {
    const cells = ['a,"b"\nc', 'd', '', ' e '];
    expect(parse(`${csvLine(cells)}${csvLine(['1', '2', '3', '4'])}`)).toEqual([cells, ['1', '2', '3', '4']]);
  });

  it('has empty cells for what is no finite number', () => {
    expect(csvLine([Infinity, -Infinity, Number.NaN, null, undefined, 0])).toBe(',,,,,0\n');
  });

  it('that is none is refused in one line', () => {
    const folder = mkdtempSync(join(tmpdir(), 'blindlink-csv-'));
    writeFileSync(join(folder, 'config.json'), '{}');
    writeFileSync(join(folder, 'frames.csv'), 'frame,picture,receiver\n0,"never closed,perfect\n');
    expect(() => readResults(folder)).toThrow(/frames\.csv: is no CSV file \(Quote Not Closed[^\n]*\)$/);
    rmSync(folder, { recursive: true });
  });
});
