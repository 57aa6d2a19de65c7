import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pointsCsv } from '../../../src/campaign/derive-tables.js';
import { type Chart, chartSvg, standalone } from '../../../src/campaign/report/chart.js';
import { chartsOf } from '../../../src/campaign/report/charts.js';
import { updateDocument } from '../../../src/campaign/report/document.js';
import { readReport, settingText } from '../../../src/campaign/report/report-data.js';
import { writeReport } from '../../../src/campaign/report/write-report.js';
import { addPictures, madeUpCampaign } from '../../support/made-up-campaign.js';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'blindlink-report-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const campaign = (name: string, points: readonly Record<string, unknown>[], frames = 4): string =>
  madeUpCampaign(join(folder, name), points, { frames });

describe('what a report draws', () => {
  it('is over the axis with the most numbers, in a facet for each setting of the others', () => {
    const points = ['a', 'b'].flatMap((codec) => [0, 5, 10].map((snrDb) => ({ codec, snrDb })));
    const data = readReport(campaign('facets', points));
    expect(data.x).toBe('snrDb');
    expect(data.facets.map(({ name, points: own }) => [name, own.length])).toEqual([
      ['codec a', 3],
      ['codec b', 3],
    ]);
    expect(data.receivers).toEqual(['perfect', 'mine']);
    expect([data.frames, data.measured, data.complete]).toEqual([24, 6, false]);
    const ids = chartsOf(data, data.facets[0]).map(({ id }) => id);
    expect(ids).toContain('psnrDb');
    expect(ids).toContain('nearPerfect');
    // One rate in a facet: the curve is over all facets, at the middle of the axis, once.
    const rates = chartsOf(data, data.facets[0]).find(({ id }) => id === 'rate-distortion')!.chart;
    expect(rates.title).toBe('Rate and distortion, CSNR 5 dB');
    expect(rates.series[0].points.map(({ x }) => x)).toEqual([1 / 12, 1 / 24]);
    expect(chartsOf(data, data.facets[1]).map(({ id }) => id)).not.toContain('rate-distortion');
    const psnr = chartsOf(data, data.facets[0]).find(({ id }) => id === 'psnrDb')!.chart;
    const mine = psnr.series.find(({ name }) => name === 'mine')!;
    expect(mine.points.map(({ x, y }) => [x, Math.round(2 * y) / 2])).toEqual([
      [0, 19.5],
      [5, 24.5],
      [10, 29.5],
    ]);
    for (const { y, low, high } of mine.points) {
      expect(low).toBeLessThanOrEqual(y);
      expect(high).toBeGreaterThanOrEqual(y);
    }
  });

  it('has named points where no axis has numbers, and rates over all of them', () => {
    const data = readReport(campaign('names', [{ codec: 'a' }, { codec: 'b' }]));
    expect(data.x).toBeNull();
    const charts = chartsOf(data, data.facets[0]);
    expect(charts.find(({ id }) => id === 'psnrDb')!.chart.categories).toEqual(['codec a', 'codec b']);
    expect(charts.find(({ id }) => id === 'rate-distortion')!.chart.series[0].points.map(({ x }) => x)).toEqual([
      1 / 12,
      1 / 24,
    ]);
  });

  it('has named points, in one facet, where a list of points hardly shares an axis', () => {
    const points = [
      { codec: 'a', rho: 0, snrDb: 0 },
      { codec: 'b', rho: 0, snrDb: 5 },
      { codec: 'b', rho: 0.1, snrDb: 10 },
      { codec: 'a', rho: 0, snrDb: 10 },
    ];
    const path = campaign('list', points);
    const data = readReport(path);
    expect(data.x).toBeNull();
    expect(data.facets.map(({ points: own }) => own.map(({ at }) => at))).toEqual([points]);
    expect(readReport(path, 'snrDb').facets).toHaveLength(3);
  });

  it('calls points by their labels, and has those of one label in one facet', () => {
    const points = ['short', 'long'].flatMap((label) =>
      [8, 10].flatMap((symbols) => [0, 200].map((doppler) => ({ label, symbols, doppler }))),
    );
    const path = campaign('labels', points);
    const stored = JSON.parse(readFileSync(join(path, 'campaign.json'), 'utf8')) as { plan: object };
    const plan = { ...stored.plan, grid: ['doppler'] };
    writeFileSync(join(path, 'campaign.json'), JSON.stringify({ ...stored, plan }));
    const data = readReport(path);
    expect(data.x).toBe('doppler');
    expect(data.facets.map(({ name, points: own }) => [name, own.length])).toEqual([
      ['short', 4],
      ['long', 4],
    ]);
    expect(data.facets[0].points[3].at).toEqual({ label: 'short', doppler: 200 });
  });

  it('leaves `perfect` out of what is relative to it', () => {
    const data = readReport(campaign('relative', [{ snrDb: 0 }, { snrDb: 5 }]));
    const within = chartsOf(data, data.facets[0]).find(({ id }) => id === 'nearPerfect')!.chart;
    expect(within.series.map(({ name }) => name)).toEqual(['mine']);
    expect(within.yRange).toEqual([0, 1]);
    expect(within.title).toBe('Within 1 dB of perfect CSI');
    const { metrics } = data.facets[0].points[0].receivers['mine'];
    const strict = readReport(join(folder, 'relative'), undefined, 0.01).facets[0].points[0].receivers['mine'];
    expect(metrics['nearPerfect'].mean).toBe(1);
    expect(strict.metrics['nearPerfect'].mean).toBe(0);
  });

  it('has the precision and the recall of the verdict, over the frames that each is about', () => {
    const path = campaign('verdicts', [{ snrDb: 0 }]);
    const lines = readFileSync(join(path, 'frames.jsonl'), 'utf8').trimEnd().split('\n');
    // Of `mine`: right and called so, right and doubted, wrong and called right, right and called so.
    const outcomes = [
      [true, 'decoded'],
      [true, 'doubtful'],
      [false, 'decoded'],
      [true, 'decoded'],
    ];
    const changed = lines.map((text, i) => {
      const line = JSON.parse(text) as { receivers: Record<string, object> };
      const [success, verdict] = outcomes[i];
      line.receivers['mine'] = { ...line.receivers['mine'], success, verdict };
      return JSON.stringify(line);
    });
    writeFileSync(join(path, 'frames.jsonl'), `${changed.join('\n')}\n`);
    const { metrics } = readReport(path).facets[0].points[0].receivers['mine'];
    expect([metrics['precision'].mean, metrics['precision'].n]).toEqual([2 / 3, 3]);
    expect([metrics['recall'].mean, metrics['recall'].n]).toEqual([2 / 3, 3]);
    expect(metrics['precision'].low).toBeCloseTo(0.208, 3);
    expect(metrics['decoded'].mean).toBe(0.75);
  });

  it('has the perception–distortion plane of the points whose pictures a feature network judged', () => {
    const path = campaign('plane', [{ snrDb: 0 }, { snrDb: 5 }]);
    const lines = readFileSync(join(path, 'frames.jsonl'), 'utf8').trimEnd().split('\n');
    const judged = lines.map((text) => {
      const line = JSON.parse(text) as { point: number; receivers: Record<string, object> };
      if (line.point === 1) line.receivers['mine'] = { ...line.receivers['mine'], perception: { lpips: 0.25 } };
      return JSON.stringify(line);
    });
    writeFileSync(join(path, 'frames.jsonl'), `${judged.join('\n')}\n`);
    const data = readReport(path);
    const plane = chartsOf(data, data.facets[0]).find(({ id }) => id === 'perception-distortion')!.chart;
    expect(plane.series.map(({ name, points }) => [name, points.map(({ y }) => y)])).toEqual([['mine', [0.25]]]);
  });

  it('has planes of every network and of NIQE, over the rate too where it differs, and one chart a Fréchet distance', () => {
    const path = madeUpCampaign(join(folder, 'planes'), [{ codec: 'a' }, { codec: 'b' }], {
      frames: 4,
      fidDimensions: 2,
    });
    const lines = readFileSync(join(path, 'frames.jsonl'), 'utf8').trimEnd().split('\n');
    const judged = lines.map((text) => {
      const line = JSON.parse(text) as { receivers: Record<string, { features: object }> };
      for (const report of Object.values(line.receivers)) {
        const { features } = report;
        Object.assign(report, { niqe: 4, perception: { lpips: 0.25, dists: 0.5 } });
        Object.assign(features, { other: (features as { fid: object }).fid });
      }
      return JSON.stringify(line);
    });
    writeFileSync(join(path, 'frames.jsonl'), `${judged.join('\n')}\n`);
    const data = readReport(path);
    const charts = new Map(chartsOf(data, data.facets[0]).map(({ id, chart }) => [id, chart]));
    const valuesOf = (id: string): number[] => charts.get(id)!.series[0].points.map(({ y }) => y);
    for (const [suffix, value] of [
      ['', 0.25],
      ['-2', 0.5],
      ['-3', 4],
    ] as const) {
      expect(valuesOf(`rate-perception${suffix}`)).toEqual([value, value]);
      expect(valuesOf(`perception-distortion${suffix}`)).toEqual([value, value]);
    }
    expect(charts.get('rate-perception')!.series[0].points.map(({ x }) => x)).toEqual([1 / 12, 1 / 24]);
    expect(valuesOf('bandwidthRatio')).toEqual([1 / 12, 1 / 24]);
    expect(valuesOf('fid')).toEqual(valuesOf('fid-2'));
    expect([charts.get('fid')!.yLabel, charts.get('fid-2')!.yLabel]).toEqual(['fid', 'other']);
  });

  it('has a curve of PAPR for each signal: points by their labels, conventional links apart, no more than eight', () => {
    const points = Array.from({ length: 10 }, (_, i) => ({ label: `clip ${i}`, 'ofdm.clippingRatio': i }));
    const path = campaign('papr', points, 24);
    const stored = JSON.parse(readFileSync(join(path, 'campaign.json'), 'utf8')) as {
      plan: { grid: string[]; points: { config: { ofdm: object; receiver: object } }[] };
    };
    stored.plan.grid = [];
    stored.plan.points.forEach(({ config }, i) => {
      config.ofdm = { clippingRatio: i };
      config.receiver = { baselines: { mine: { source: 'webp' } } };
    });
    writeFileSync(join(path, 'campaign.json'), JSON.stringify(stored));
    const chartOf = (): Chart => {
      const data = readReport(path);
      return chartsOf(data, data.facets[0]).find(({ id }) => id === 'papr-ccdf')!.chart;
    };
    const { title, series } = chartOf();
    expect(title).toMatch(/8 of 20$/);
    const names = series.map(({ name }) => name);
    expect(names).toHaveLength(8);
    expect(names[0]).toBe('clip 0, 24 frames');
    expect(names.at(-1)).toBe('mine, clip 9, 24 frames');
    expect(new Set(names).size).toBe(8);
  });

  it('is nothing of a folder that holds no campaign', () => {
    expect(() => readReport(folder)).toThrow('holds no campaign');
    expect(() => readReport(join(folder, 'relative'), 'snrdB')).toThrow('--x snrdB: no setting that');
  });

  it('is nothing of a campaign without frames', async () => {
    const path = campaign('begun', [{ snrDb: 0 }], 0);
    await expect(writeReport(path)).rejects.toThrow(`${path}: has no frames yet`);
    expect(existsSync(join(path, 'report'))).toBe(false);
  });

  it('is not drawn over a setting that is no number', () => {
    const path = campaign('no-number', [
      { codec: 'a', snrDb: 0, rho: null },
      { codec: 'b', snrDb: 5, rho: 0.1 },
    ]);
    for (const x of ['codec', 'rho'])
      expect(() => readReport(path, x)).toThrow(
        `--x ${x}: is not a number at every point of ${path}; choose one that is: snrDb`,
      );
  });
});

describe('tables in a document', () => {
  it('stand between its marks, and all else stays as it was', async () => {
    const data = await writeReport(campaign('document', [{ snrDb: 0 }, { snrDb: 5 }]));
    const file = join(folder, 'document.md');
    const [before, after] = ['# Results\n\n<!-- campaign document -->', '<!-- /campaign -->\n\nMore.\n'];
    writeFileSync(file, `${before}\nold\n${after}`);
    updateDocument(file, data);
    const once = readFileSync(file, 'utf8');
    expect(once.startsWith(before) && once.endsWith(after)).toBe(true);
    expect(once).not.toContain('old');
    expect(once).toMatch(/\| CSNR, dB +\| receiver +\| frames +\| success, % +\| PSNR, dB +\|/);
    expect(once).toMatch(/\| 0 +\| perfect +\| 4 +\| 100\.0 \[51\.0, 100\.0\] +\| \d\d\.\d\d \[/);
    updateDocument(file, data);
    expect(readFileSync(file, 'utf8')).toBe(once);
    writeFileSync(file, '# Results\n');
    expect(() => {
      updateDocument(file, data);
    }).toThrow('has no place for document; write <!-- campaign document -->');
    expect(readFileSync(file, 'utf8')).toBe('# Results\n');
  });

  it('are not written where their end is missing', async () => {
    const data = await writeReport(campaign('endless', [{ snrDb: 0 }]));
    const file = join(folder, 'endless.md');
    const text = '<!-- campaign endless -->\n\nMine.\n\n<!-- campaign other -->\n<!-- /campaign -->\n';
    writeFileSync(file, text);
    expect(() => {
      updateDocument(file, data);
    }).toThrow('the place for endless has no end before that of another campaign; write <!-- /campaign -->');
    expect(readFileSync(file, 'utf8')).toBe(text);
  });
});

describe('a chart with nothing to show', () => {
  it('is left out', async () => {
    const path = campaign('zeros', [{ snrDb: 0 }, { snrDb: 5 }]);
    const lines = readFileSync(join(path, 'frames.jsonl'), 'utf8');
    writeFileSync(join(path, 'frames.jsonl'), lines.replaceAll(/"channelError":[\d.]+/g, '"channelError":0'));
    const { files } = await writeReport(path);
    expect(files).toContain('psnrDb.svg');
    expect(files).not.toContain('channelError.svg');
  });
});

describe('a setting in words', () => {
  it('says what the lack of a value stands for', () => {
    expect(settingText('receiver.decoder', null)).toBe('decoder by receiver');
    expect(settingText('receiver.hifiDiffcom.steps', null)).toBe('steps all');
    expect(settingText('ofdm.clippingRatio', null)).toBe('clipping ratio γ none');
    expect(settingText('channel.dopplerHz', 30)).toBe('Doppler frequency 30 Hz');
  });
});

describe('what a campaign asks to have in a document', () => {
  it('says how many frames a figure is of where one could not be measured, and has Fréchet distances', async () => {
    const path = madeUpCampaign(join(folder, 'counted'), [{ snrDb: 0 }, { snrDb: 5 }], { frames: 4, fidDimensions: 3 });
    const stored = JSON.parse(readFileSync(join(path, 'campaign.json'), 'utf8')) as { plan: object };
    const document = { columns: ['psnrDb', 'evm'], charts: [], pictures: false };
    writeFileSync(join(path, 'campaign.json'), JSON.stringify({ ...stored, plan: { ...stored.plan, document } }));
    const file = join(folder, 'counted.md');
    writeFileSync(file, '<!-- campaign counted -->\n<!-- /campaign -->\n');
    const data = await writeReport(path);
    updateDocument(file, data);
    const text = readFileSync(file, 'utf8');
    expect(text).toMatch(/\| CSNR, dB \| receiver \| frames \| PSNR, dB +\| EVM +\| fid +\|/);
    const { value } = data.facets[0].points[0].receivers['perfect'].fid['fid'];
    const row = new RegExp(
      `\\| 0 +\\| perfect +\\| 4 +\\| [\\d.]+ \\[[^|]+\\] +\\| [\\d.]+ \\[[^|]+\\] of 3 +\\| ${Number(value.toPrecision(4))} +\\|`,
    );
    expect(text).toMatch(row);
  });

  it('has the intervals of Fréchet distances of twenty pictures and more', async () => {
    const path = madeUpCampaign(join(folder, 'crowds'), [{ snrDb: 0 }], { frames: 24, fidDimensions: 3 });
    const stored = JSON.parse(readFileSync(join(path, 'campaign.json'), 'utf8')) as { plan: object };
    const document = { columns: [], charts: [], pictures: false };
    writeFileSync(join(path, 'campaign.json'), JSON.stringify({ ...stored, plan: { ...stored.plan, document } }));
    const file = join(folder, 'crowds.md');
    writeFileSync(file, '<!-- campaign crowds -->\n<!-- /campaign -->\n');
    const data = await writeReport(path);
    updateDocument(file, data);
    const [point] = data.facets[0].points;
    const { value, low, high } = point.receivers['perfect'].fid['fid'];
    expect(low).toBeLessThan(value);
    const text = [value, low, high].map((v) => String(Number(v.toPrecision(3))));
    expect(readFileSync(file, 'utf8')).toContain(`| ${text[0]} [${text[1]}, ${text[2]}] `);
    expect(readFileSync(join(path, 'report', 'index.html'), 'utf8')).toContain(
      `<td>${text[0]}<span class="interval">[${text[1]}, ${text[2]}]</span></td>`,
    );
    const { chart } = chartsOf(data, data.facets[0]).find(({ id }) => id === 'fid')!;
    expect(chart.series[0].points[0]).toMatchObject({ y: value, low, high });
    expect(pointsCsv(data.campaign.plan, [point])).toContain('fid,fidLow,fidHigh');
  });

  it('is its columns, charts and pictures, the last two as files beside the document', async () => {
    const path = campaign('asked', [{ snrDb: 0 }, { snrDb: 5 }]);
    await addPictures(path, 2);
    const stored = JSON.parse(readFileSync(join(path, 'campaign.json'), 'utf8')) as { plan: object };
    const document = { columns: ['psnrDb', 'sharpness', 'ms'], charts: ['psnrDb', 'none-such'], pictures: true };
    writeFileSync(
      join(path, 'campaign.json'),
      JSON.stringify({ ...stored, plan: { ...stored.plan, about: 'Why.', document } }),
    );
    const file = join(folder, 'asked.md');
    writeFileSync(file, '<!-- campaign asked -->\n<!-- /campaign -->\n');
    expect(updateDocument(file, await writeReport(path))).toEqual({ missingCharts: ['none-such'] });
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('**A <title> & more.** Why. 8 frames, 2 points, not complete; 95 % intervals.');
    expect(text).toMatch(/\| CSNR, dB +\| receiver +\| frames +\| PSNR, dB +\| sharpness +\| ms +\|/);
    expect(text).not.toContain('none-such');
    for (const name of ['asked-psnrDb.svg', 'asked-pictures.png']) {
      expect(text).toContain(`](figures/${name})`);
      expect(existsSync(join(folder, 'figures', name))).toBe(true);
    }
    // Two rows of three pictures over their crops.
    const { width, height } = await sharp(join(folder, 'figures', 'asked-pictures.png')).metadata();
    expect([width, height]).toEqual([4 + 3 * 164, 2 * (26 + 2 * 164 + 22) + 4]);
  });

  it('is linked so that any name of a folder holds', async () => {
    const path = campaign('odd (first) 50% #1', [{ snrDb: 0 }, { snrDb: 5 }]);
    const stored = JSON.parse(readFileSync(join(path, 'campaign.json'), 'utf8')) as { plan: object };
    const document = { columns: ['psnrDb'], charts: ['psnrDb'], pictures: false };
    writeFileSync(join(path, 'campaign.json'), JSON.stringify({ ...stored, plan: { ...stored.plan, document } }));
    const file = join(folder, 'odd.md');
    writeFileSync(file, '<!-- campaign odd (first) 50% #1 -->\n<!-- /campaign -->\n');
    updateDocument(file, await writeReport(path));
    const [, link] = /!\[psnrDb\]\(([^\s()#]+)\)/.exec(readFileSync(file, 'utf8'))!;
    expect(decodeURIComponent(link)).toBe('figures/odd (first) 50% #1-psnrDb.svg');
    expect(existsSync(join(folder, decodeURIComponent(link)))).toBe(true);
  });
});

describe('a chart', () => {
  const chart = {
    title: 'A <b> & c',
    xLabel: 'x',
    yLabel: 'y',
    series: [
      {
        name: 'one & two',
        style: 0,
        points: [
          { x: 0, y: 1, low: 0.5, high: 2 },
          { x: 10, y: 3 },
        ],
      },
    ],
  };

  it('has names in full where they have room side by side, and slanting in full where they have not', () => {
    const named = (names: readonly string[]): string =>
      chartSvg({
        ...chart,
        categories: names,
        series: [{ ...chart.series[0], points: names.map((_, x) => ({ x, y: 1 + x })) }],
      });
    const heightOf = (svg: string): number => Number(/viewBox="0 0 \d+ (\d+)"/.exec(svg)![1]);
    const short = named(['own', 'other']);
    const long = named(Array.from({ length: 9 }, (_, i) => `linewidth ${i} kHz, 15 dB`));
    expect(short).not.toContain('rotate(-30');
    expect(long.match(/rotate\(-30/g)).toHaveLength(9);
    expect(long).toContain('>linewidth 8 kHz, 15 dB<');
    expect(heightOf(long)).toBeGreaterThan(heightOf(short) + 50);
  });

  it('is SVG whose text cannot break it, with colours of its own when it stands alone', () => {
    const svg = standalone(chartSvg(chart));
    expect(svg).toContain('A &lt;b&gt; &amp; c');
    expect(svg).toContain('one &amp; two');
    expect(svg).not.toContain('var(--');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('leaves out what has no place on a logarithmic axis, and is empty of nothing', () => {
    const series = [
      {
        name: 'a',
        style: 0,
        points: [
          { x: 1, y: 0 },
          { x: 2, y: 0.1 },
        ],
      },
    ];
    expect(chartSvg({ ...chart, logY: true, series })).not.toMatch(/NaN|Infinity/);
    expect(chartSvg({ ...chart, series: [{ name: 'a', style: 0, points: [] }] })).toBe('');
  });
});

describe('the page', () => {
  it('shows the pictures that are there, where one of a receiver is gone', async () => {
    const path = campaign('gone', [{ snrDb: 0 }]);
    await addPictures(path, 1);
    const pictures = join(path, 'pictures', '0');
    rmSync(
      join(
        pictures,
        readdirSync(pictures).find((name) => name.includes('mine'))!,
      ),
    );
    const { page } = await writeReport(path);
    const html = readFileSync(page, 'utf8');
    expect(html).toContain('alt="perfect, ');
    expect(html).not.toContain('alt="mine, ');
  });

  it('stands alone, with each chart as SVG, PNG and CSV beside it, the same at every run', async () => {
    const path = campaign(
      'page',
      [0, 5, 10].map((snrDb) => ({ snrDb })),
      8,
    );
    const { page } = await writeReport(path);
    const html = readFileSync(page, 'utf8');
    expect(html).toContain('A &lt;title&gt; &amp; more');
    expect(html).not.toMatch(/(src|href)="(https?:)?\/\//);
    const files = readdirSync(join(path, 'report'));
    expect(files.some((name) => name.endsWith('.part'))).toBe(false);
    for (const ending of ['svg', 'png', 'csv']) expect(existsSync(join(path, 'report', `psnrDb.${ending}`))).toBe(true);
    const [head, ...rows] = parse(readFileSync(join(path, 'report', 'psnrDb.csv')));
    expect(head).toEqual(['series', 'CSNR, dB', 'PSNR, dB', 'low', 'high']);
    expect(rows.length).toBe(6);
    // Charts of an earlier report go; what is not its own stays.
    for (const name of ['2-psnrDb.svg', 'papr-ccdf.csv', 'mine.png']) writeFileSync(join(path, 'report', name), 'x');
    await writeReport(path);
    expect(readFileSync(page, 'utf8')).toBe(html);
    expect(readdirSync(join(path, 'report')).sort()).toEqual([...files, 'mine.png'].sort());
  });
});
