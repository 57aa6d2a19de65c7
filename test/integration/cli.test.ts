import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import type { OnnxModel } from '../../src/onnx/model.js';
import { readModel } from '../../src/onnx/read-model.js';
import { writeModel } from '../../src/onnx/write-model.js';

const main = resolve('dist/cli/main.js');
const work = mkdtempSync(join(tmpdir(), 'blindlink-cli-'));

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function blindlink(args: readonly string[], interruptAfter?: RegExp): Promise<Outcome> {
  return new Promise((done) => {
    const child = spawn(process.execPath, [main, ...args], { cwd: work });
    let out = '';
    let err = '';
    let interrupted = false;
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
      if (interrupted || interruptAfter?.test(out) !== true) return;
      interrupted = true;
      child.kill('SIGINT');
    });
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    child.on('close', (code) => {
      done({ code, out, err });
    });
  });
}

const file = (name: string): string => join(work, name);
const pixels = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: { r: 90, g: 120, b: 150 } } });

beforeAll(async () => {
  await pixels(64, 64).png().toFile(file('plain.png'));
  await pixels(3, 2).png().toFile(file('tiny.png'));
  await pixels(70, 40).ensureAlpha(0.5).png().toFile(file('alpha.png'));
  await pixels(64, 64).toColourspace('rgb16').png().toFile(file('deep.png'));
  await pixels(64, 64).png({ palette: true }).toFile(file('palette.png'));
  await pixels(64, 64).greyscale().toColourspace('b-w').png().toFile(file('grey.png'));
  await pixels(3000, 3000).png().toFile(file('huge.png'));
  const noise = Buffer.from(Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 256));
  const jpeg = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
    .jpeg()
    .toBuffer();
  writeFileSync(file('cut.jpg'), jpeg.subarray(0, jpeg.length / 2));
  writeFileSync(file('empty.png'), '');
  writeFileSync(file('text.png'), 'not a picture');
  mkdirSync(file('nothing'));
});

describe('blindlink simulate', () => {
  it('prints one JSON object a line for each frame and receiver, then a summary, and nothing else', async () => {
    const { code, out } = await blindlink(['simulate', 'builtin:faces', '--frames', '2', '--json', '--no-save']);
    expect(code).toBe(0);
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toHaveLength(7);
    expect(lines.slice(0, 3).map((line) => line['receiver'])).toEqual(['perfect', 'pilot', 'blind-em']);
    for (const line of lines.slice(0, 6)) {
      expect(line).toMatchObject({ type: 'frame', picture: expect.stringMatching(/^builtin:faces/) as string });
      for (const key of ['psnrDb', 'ssim', 'channelError', 'channelNmse', 'snrDb', 'paprDb', 'milliseconds']) {
        expect(line[key]).toEqual(expect.any(Number));
      }
    }
    expect(lines[6]).toMatchObject({
      type: 'summary',
      config: { seed: 1, snrDb: 10 },
      receivers: {
        'blind-em': {
          frames: 2,
          decodedShare: expect.any(Number) as number,
          framesPerSecond: expect.any(Number) as number,
        },
      },
    });
  });

  it('shows a table and saves a run folder', async () => {
    const { code, out } = await blindlink(['simulate', file('plain.png'), '--out', file('run')]);
    expect(code).toBe(0);
    expect(out).toMatch(/receiver\s+frames\s+success/);
    expect(out).toMatch(/blind-em, error/);
    expect(readdirSync(file('run')).sort()).toEqual([
      'config.json',
      'frames.csv',
      'pictures',
      'plots',
      'summary.json',
      'versions.json',
    ]);
  });

  it('keeps what is done on Ctrl-C, says so and exits with 130', async () => {
    const args = ['simulate', 'builtin:faces', '--frames', '5000', '--json', '--out', file('cut-short')];
    const { code, out, err } = await blindlink(args, /"frame":2/);
    expect(code).toBe(130);
    expect(err).toMatch(/interrupted after \d+ of 5000 frames/);
    const summary = JSON.parse(readFileSync(join(file('cut-short'), 'summary.json'), 'utf8')) as {
      interrupted: boolean;
    };
    expect(summary.interrupted).toBe(true);
    expect(JSON.parse(out.trim().split('\n').at(-1) ?? '')).toMatchObject({ type: 'summary', interrupted: true });
  });

  it.each([
    [['simulate', '/nowhere.png'], /no such file or folder/],
    [['simulate', file('empty.png')], /is empty/],
    [['simulate', file('text.png')], /not a picture/],
    [['simulate', file('cut.jpg')], /damaged or cut short/],
    [['simulate', file('nothing')], /holds no pictures/],
    [['simulate', file('huge.png')], /3000×3000 pixels are over the limit of 4194304; raise source\.maxPixels/],
    [['simulate', 'builtin:cats'], /no such built-in set; give builtin:faces or builtin:natural/],
    [['simulate', '--codec', 'nope'], /nope: no such codec; give a card's path or one of .*faces-12/],
    [['simulate', '--snr', 'ten'], /--snr ten: must be a number/],
    [['simulate', '--snr', '-99'], /snrDb is -99: must be at least -20/],
    [['simulate', '--recever', 'pilot'], /unknown option '--recever'[\s\S]*--receiver/],
    [['simulate', '--receiver', 'blindem'], /did you mean blind-em\?/],
    [['simulate', '--channel', 'ETA'], /must be exponential/],
    [['simulate', '--set', 'ofdm.symbolsPerPacket=0'], /symbolsPerPacket is 0/],
    [['simulate', '--set', 'ofdm.cyclicPrefixLength=99'], /cyclicPrefixLength is 99/],
    [['simulate', '--channel', 'exponential:99'], /99 taps do not fit 64 subcarriers/],
    [['simulate', '--channel', 'rician:300'], /channel\.taps\.kFactorDb is 300: must be at most 60/],
    [['simulate', '--channel', 'csi:nowhere.npz'], /nowhere\.npz: cannot be read/],
    [
      ['simulate', '--channel', 'drive-by', '--doppler', '9'],
      /a drive-by channel has a motion of its own; leave it out/,
    ],
    [['simulate', '--channel', 'drive-by:5.9e9:900'], /at most 6578 Hz, half the rate of OFDM symbols/],
    [['simulate', '--doppler', '9000'], /channel\.dopplerHz is 9000: at most 6578 Hz/],
    [
      ['simulate', '--set', 'receiver.blindEm.motion=6000', '--set', 'ofdm.symbolsPerPacket=2'],
      /receiver\.blindEm\.motion is 6000: takes 2 functions of time, and a packet has 2 symbol\(s\)/,
    ],
    [
      ['simulate', '--cfo', '64'],
      /channel\.cfoSubcarriers is 64: must be within ±32 subcarrier spacings .*check units/,
    ],
    [['simulate', '--channel', 'drive-by:abc'], /--channel drive-by:abc: abc: must be a number/],
    [['simulate', '--set', 'run.frames=1.5'], /run\.frames is 1\.5: must be a whole number/],
    [['sweep', '--over', 'snrDb=0,5', '--over', 'snrDb=10'], /--over snrDb: is given twice/],
    [['sweep', '--over', 'snrDb=0,0'], /has 0 twice/],
    [['simulate', '--pilots', '0'], /receiver pilot: the link sends no pilots/],
    [['simulate', '--config', '/nowhere.yaml'], /cannot be read/],
  ])('%j fails with one clear line and saves nothing', async (args, expected) => {
    const { code, out, err } = await blindlink([...args, '--no-save']);
    expect(code).toBeGreaterThan(0);
    expect(out).toBe('');
    expect(err).toMatch(expected);
    expect(err).not.toMatch(/at .*\.js:\d+/);
  });

  it.each([
    ['alpha.png', /alpha blended on white/],
    ['alpha.png', /padded from 70×40 to 72×40/],
    ['deep.png', /reduced to 8 bits/],
    ['palette.png', /palette expanded/],
    ['grey.png', /grey expanded/],
    ['tiny.png', /padded from 3×2 to 4×4/],
  ])('%s is converted, and it is said', async (name, expected) => {
    const { code, err } = await blindlink(['simulate', file(name), '--receiver', 'perfect', '--no-save', '--json']);
    expect(err).toMatch(expected);
    expect(code).toBe(0);
  });

  it('prints the resolved settings and stops', async () => {
    const { code, out } = await blindlink([
      'simulate',
      '--snr',
      '3',
      '--set',
      'channel.coherence=frame',
      '--print-config',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ snrDb: 3, channel: { coherence: 'frame' }, ofdm: { profile: 'paper' } });
  });
});

describe('blindlink model', () => {
  it('refuses a codec whose card and files disagree', async () => {
    const folder = file('codec');
    cpSync(resolve('models/faces-12'), folder, { recursive: true });
    const path = join(folder, 'card.json');
    const card = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    const check = async (change: Record<string, unknown>): Promise<string> => {
      writeFileSync(path, JSON.stringify({ ...card, ...change }));
      const { code, err } = await blindlink(['model', 'check', folder]);
      expect(code).toBe(1);
      expect(err.trim().split('\n')).toHaveLength(1);
      return err;
    };
    expect(await check({ latentChannels: 6, statistics: undefined, polarity: undefined })).toMatch(
      /latentChannels and downSampling/,
    );
    expect(await check({ downSampling: 8 })).toMatch(/latentChannels and downSampling|Got invalid|shape/i);
    expect(await check({ snrInput: false })).toMatch(/check snrInput/);
    expect(await check({ encoder: 'gone.onnx' })).toMatch(/gone\.onnx: .*cannot be read/);
    expect(await check({ latentChanels: 8 })).toMatch(/latentChanels/);
    writeFileSync(join(folder, 'encoder.onnx'), 'damaged');
    expect(await check({})).toMatch(/SHA-256/);
    expect(await check({ sha256: {} })).toMatch(/not a graph that onnxruntime can load/);
  });

  it('checks what a model is made of, and tells when it computes something else', async () => {
    const shipped = await blindlink(['model', 'check', 'faces-12', '--json']);
    const report = JSON.parse(shipped.out) as Record<string, unknown>;
    expect(report).toMatchObject({ type: 'check', kind: 'codec', notes: [] });
    const [encoder] = report['graphs'] as Record<string, unknown>[];
    // Two strided 5×5 convolutions, two blocks of two 3×3 ones, one to the latents; attention is a few thousand more.
    const convolutions = 25 * 3 * 32 * 32 ** 2 + (25 * 32 * 96 + 4 * 9 * 96 * 96 + 9 * 96 * 8) * 16 ** 2;
    expect(encoder['multiplyAdds']).toBeGreaterThan(convolutions);
    expect(encoder['multiplyAdds']).toBeLessThan(1.001 * convolutions);
    expect(encoder['operators']).toMatchObject({ Conv: 7 });

    const folder = file('golden');
    cpSync(resolve('models/faces-12'), folder, { recursive: true });
    const path = join(folder, 'card.json');
    const card = JSON.parse(readFileSync(path, 'utf8')) as {
      golden: Record<string, { outputs: Record<string, { values: number[]; rms: number; dims: number[] }> }>;
      sha256: Record<string, string>;
      cost: Record<string, unknown>;
    };
    cpSync(resolve('models/natural-12-blind/decoder.onnx'), join(folder, 'decoder.onnx'));
    delete card.sha256['decoder.onnx'];
    // Of the same shapes, but stored otherwise: what it is made of is not what is asked for here.
    delete card.cost['decoder.onnx'];
    writeFileSync(path, JSON.stringify(card));
    const other = await blindlink(['model', 'check', folder]);
    expect(other.code).toBe(1);
    expect(other.err).toMatch(/decoder\.onnx: output picture is off its golden values by 0\.\d+/);
    expect(other.err.trim().split('\n')).toHaveLength(1);

    expect((await blindlink(['model', 'seal', folder])).code).toBe(0);
    expect((await blindlink(['model', 'check', folder])).err).toMatch(/golden values/);
    expect((await blindlink(['model', 'seal', folder, '--again'])).code).toBe(0);
    const again = await blindlink(['model', 'check', folder]);
    expect(again.code).toBe(0);
    expect(again.out).not.toMatch(/note:/);
  });

  it('checks a graph without a card', async () => {
    const { code, out } = await blindlink(['model', 'check', resolve('models/natural-12-blind/polarity.onnx')]);
    expect(code).toBe(0);
    expect(out).toMatch(/loads; latents \[batch, 8, rows, columns\]; log_odds \[batch\]/);
    const graph: OnnxModel = {
      ...readModel(readFileSync('models/natural-12-blind/polarity.onnx'), 'polarity'),
      nodes: [
        { name: 'odd', opType: 'NoSuch', domain: '', inputs: ['latents'], outputs: ['log_odds'], attributes: {} },
      ],
    };
    writeFileSync(file('odd.onnx'), writeModel(graph));
    const odd = await blindlink(['model', 'check', file('odd.onnx')]);
    expect(odd.code).toBe(1);
    expect(odd.err).toMatch(/odd\.onnx.*NoSuch/);
    expect((await blindlink(['model', 'check', file('gone.onnx')])).err).toMatch(/gone\.onnx/);
  });

  it('runs a codec given by its minimal card alone, trying both signs', async () => {
    const folder = file('minimal');
    cpSync(resolve('models/faces-12'), folder, { recursive: true });
    const card = {
      format: 'blindlink-codec/1',
      name: 'mine',
      encoder: 'encoder.onnx',
      decoder: 'decoder.onnx',
      latentChannels: 8,
      downSampling: 4,
      snrInput: true,
      statistics: 'statistics.npz',
    };
    writeFileSync(join(folder, 'card.json'), JSON.stringify(card));
    const { code, out } = await blindlink([
      'simulate',
      'builtin:faces',
      '--frames',
      '2',
      '--codec',
      join(folder, 'card.json'),
      '--json',
      '--no-save',
    ]);
    expect(code).toBe(0);
    expect(JSON.parse(out.trim().split('\n').at(-1) ?? '')).toMatchObject({
      receivers: { 'blind-em': { success: 1 } },
    });
  });

  it('makes statistics from a folder of pictures, with which blind-em decodes', async () => {
    const folder = file('fresh');
    cpSync(resolve('models/faces-12'), folder, { recursive: true });
    const { code, out } = await blindlink([
      'model',
      'statistics',
      folder,
      'builtin:faces/512',
      '--rank',
      '16',
      '--limit',
      '2',
    ]);
    expect(code).toBe(0);
    expect(out).toMatch(/rank 16 holds \d+\.\d % of the variance/);
    expect((await blindlink(['model', 'check', folder])).out).toMatch(/statistics rank 16/);
    const few = await blindlink(['model', 'statistics', folder, file('plain.png'), '--rank', '16']);
    expect(few.code).toBe(2);
    expect(few.err).toMatch(/1 tiles of 64×64 pixels are too few for rank 16/);
  }, 240_000);
});

describe('blindlink sweep', () => {
  it('measures every combination of the values, in order, and saves them as JSON and CSV', async () => {
    const { code, out } = await blindlink([
      ...['sweep', 'builtin:faces', '--frames', '2', '--receiver', 'perfect,pilot', '--out', 'swept'],
      ...['--over', 'snrDb=0,12', '--over', 'ofdm.clippingRatio=null,0.5', '--json'],
    ]);
    expect(code).toBe(0);
    const lines = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, never>);
    expect(lines.map(({ type }) => type)).toEqual(['point', 'point', 'point', 'point', 'summary']);
    expect(lines.slice(0, 4).map(({ at }) => Object.values(at))).toEqual([
      [0, null],
      [0, 0.5],
      [12, null],
      [12, 0.5],
    ]);
    const psnr = lines.slice(0, 4).map((line) => line['receivers']['perfect']['psnrDbMean']);
    expect(psnr[2]).toBeGreaterThan(psnr[0]);
    expect(psnr[2]).toBeGreaterThan(psnr[3]);
    const csv = readFileSync(join(work, 'swept/sweep.csv'), 'utf8').trim().split('\n');
    expect(csv).toHaveLength(1 + 4 * 2);
    expect(csv[0]).toMatch(/^snrDb,ofdm.clippingRatio,receiver,frames,success/);
    const again = await blindlink(['sweep', 'builtin:faces', '--frames', '1', '--over', 'snrDb=0', '--out', 'swept']);
    expect([again.code, again.out]).toEqual([2, '']);
    expect(again.err).toMatch(/holds the results of a run already \(sweep\.csv\)/);
  });

  it('keeps the points that were measured when a later one fails', async () => {
    // What fails only once frames are there: everything else is tried before.
    writeFileSync(
      join(work, 'late.mjs'),
      `export default {
        name: 'late',
        create: ({ config }) => ({
          name: 'late',
          needs: { pilots: false, truth: false },
          async *receive({ frame }) {
            if (config.snrDb > 5) throw new Error('too loud');
            const picture = new Float32Array(3 * 64 * 64);
            const { elements: equalised } = frame;
            yield { kind: 'final', result: { picture, equalised, channel: [], noiseVariance: 1, residual: null, verdict: 'failed', confidence: null, signLogOdds: null, evaluations: 0, starts: 1, agreeing: 1, milliseconds: 0 } };
          },
        }),
      };`,
    );
    const { code, err } = await blindlink([
      ...['sweep', 'builtin:faces', '--frames', '1', '--receiver', './late.mjs', '--out', 'half'],
      ...['--workers', '1', '--over', 'snrDb=0,12'],
    ]);
    expect(code).toBe(1);
    expect(err).toMatch(/receiver late: failed with too loud/);
    const summary = JSON.parse(readFileSync(join(work, 'half/sweep.json'), 'utf8')) as Record<string, never>;
    expect(summary['points']).toHaveLength(1);
    expect(summary['failed']).toMatch(/too loud/);
    expect(readFileSync(join(work, 'half/sweep.csv'), 'utf8').trim().split('\n')).toHaveLength(2);
  });

  it('tries models before the first point: one whose files are not all there leaves no folder', async () => {
    const folder = join(work, 'no-statistics');
    cpSync(resolve('models/faces-48'), folder, { recursive: true });
    rmSync(join(folder, 'statistics.npz'));
    const { code, err } = await blindlink([
      ...['sweep', 'builtin:faces', '--frames', '1', '--receiver', 'pilot', '--out', 'lacking'],
      ...['--workers', '1', '--over', `codec=faces-48,${folder}`],
    ]);
    expect([code, existsSync(join(work, 'lacking'))]).toEqual([1, false]);
    expect(err).toMatch(/statistics\.npz/);
  });

  it('tries where results go before anything is measured, and leaves nothing there when refused', async () => {
    writeFileSync(join(work, 'a-file'), 'kept');
    for (const out of ['a-file', 'a-file/within']) {
      const refused = await blindlink(['sweep', 'builtin:faces', '--frames', '1', '--over', 'rho=0,0.1', '--out', out]);
      expect([refused.code, refused.out]).toEqual([1, '']);
      expect(refused.err).toMatch(/a-file.*: cannot be written .*; choose another folder with --out/);
    }
    for (const [over, more, message] of [
      ['codec=faces-12,nosuch', [], /nosuch: no such codec/],
      ['receiver.decoder=null,nosuch', ['--codec', 'faces-12'], /codec faces-12 has its own and perceptual/],
    ] as const) {
      const late = ['sweep', 'builtin:faces', '--over', over, ...more, '--frames', '1', '--out', 'never'];
      const { code, out, err } = await blindlink(late);
      expect([code, out]).toEqual([2, '']);
      expect(err).toMatch(message);
      expect(existsSync(join(work, 'never'))).toBe(false);
    }
    expect(readFileSync(join(work, 'a-file'), 'utf8')).toBe('kept');
  });

  it.each([
    [['sweep'], /nothing to sweep/],
    [['sweep', '--over', 'snrDb'], /path=v1,v2/],
    [['sweep', '--over', 'snrdB=1'], /did you mean snrDb/],
    [['sweep', '--over', 'snrDb=5,999'], /snrDb/],
    [['sweep', '--over', 'snrDb=0,5', '--snr', '7'], /--snr: sets snrDb, and so do the points that are swept/],
    [['sweep', '--over', 'channel.taps.kind=flat', '--channel', 'EPA'], /--channel: sets channel\.taps, .*taps\.kind/],
    [['sweep', '--over', 'rho=0,0.1', '--set', 'rho=0.2'], /--set rho=0\.2: sets rho/],
    [['sweep', '--over', 'rho=0,0.1', '--set', '__proto__.x=1'], /__proto__\.x: no such setting/],
    [['sweep', '--instrument', 'attenuator-scpi@/dev/x:attenuationDb=0,1'], /name one with --radio/],
    [['sweep', '--radio', 'simulated', '--instrument', 'attenuator-scpi'], /PROFILE@PORT/],
  ] as const)('refuses in one line, before anything is measured: %j', async (args, message) => {
    const { code, err, out } = await blindlink(args);
    expect([code, out]).toEqual([2, '']);
    expect(err.trim().split('\n')).toHaveLength(1);
    expect(err).toMatch(message);
  });
});

describe('priors', () => {
  it('draw a sheet of pictures, the same for the same seed, with every sampler', async () => {
    const sheets = new Map<string, Buffer>();
    for (const [name, ...more] of [['a'], ['b'], ['c', '--sampler', 'ddim'], ['d', '--sampler', 'ancestral']]) {
      const args = ['model', 'sample', 'faces-prior', '--count', '3', '--steps', '4', '--out', `${name}.png`, ...more];
      const { code, out, err } = await blindlink(args);
      expect([code, err]).toEqual([0, '']);
      expect(out).toContain('3 pictures of 64×64');
      sheets.set(name, readFileSync(file(`${name}.png`)));
    }
    expect((await sharp(sheets.get('a')).metadata()).width).toBe(128);
    expect(sheets.get('a')).toEqual(sheets.get('b'));
    expect(sheets.get('c')).not.toEqual(sheets.get('a'));
    expect(sheets.get('d')).not.toEqual(sheets.get('a'));
  });

  it('compare what they draw, as a crowd, with pictures: no distance from the same pictures, much from others', async () => {
    // 36 pictures are more than are drawn at a time, and fill their sheet: its tiles are the samples themselves.
    const draw = ['model', 'sample', 'faces-prior', '--count', '36', '--steps', '4', '--json', '--out', 'crowd.png'];
    expect((await blindlink(draw)).code).toBe(0);
    const distances: number[] = [];
    for (const [pictures, tiles] of [
      [file('crowd.png'), 36],
      ['builtin:faces', 8],
    ] as const) {
      const { code, out, err } = await blindlink([...draw, '--against', pictures]);
      expect([code, err]).toEqual([0, '']);
      const result = JSON.parse(out) as Record<string, unknown>;
      expect(result).toMatchObject({ type: 'samples', prior: 'faces-prior', count: 36, steps: 4, seed: '1', tiles });
      distances.push(result['naturalnessDistance'] as number);
    }
    expect(distances[0]).toBeLessThan(0.1);
    expect(distances[1]).toBeGreaterThan(10);

    // On the card of a copy, beside what stands there.
    cpSync('models/faces-prior', file('prior'), { recursive: true });
    const own = draw.map((word) => (word === 'faces-prior' ? file('prior') : word));
    expect((await blindlink([...own, '--against', 'builtin:faces', '--on-card'])).code).toBe(0);
    const { quality } = JSON.parse(readFileSync(file('prior/card.json'), 'utf8')) as { quality: object };
    const measure = 'Fréchet distance of 36 samples (4 steps of multistep, seed 1) from 8 pictures of 64×64';
    expect(quality).toMatchObject({
      denoisingPsnrDb: {},
      samples: { measure, brisque: Number(distances[1].toPrecision(4)) },
    });
    expect(await sharp(readFileSync(file('crowd.png'))).metadata()).toMatchObject({ width: 384, height: 384 });
  });

  it.each([
    [['model', 'sample', 'faces-prior', '--count', '1', '--against', 'builtin:faces'], 2, /at least 2 pictures/],
    [['model', 'sample', 'faces-prior', '--size', '512', '--against', 'builtin:faces'], 2, /0 whole tiles of 512×512/],
    [['model', 'sample', 'faces-prior', '--feature-network', 'x'], 2, /--against/],
    [['model', 'sample', 'faces-prior', '--against', 'nothing-such'], 2, /no such file or folder/],
    [['model', 'sample', 'faces-prior', '--sampler', 'ancestral', '--steps', '1200'], 2, /1000 at most/],
    [['model', 'sample', 'faces-prior', '--out', 'sheet.jpg'], 2, /a name that ends in \.png/],
    [['model', 'sample', 'faces-prior', '--out', 'nosuch/sheet.png'], 1, /sheet\.png: cannot be written/],
    [['model', 'sample', 'faces-prior', '--sampler', 'magic'], 2, /multistep, ddim, ancestral/],
    [['model', 'sample', 'faces-prior', '--steps', '0'], 2, /whole number above 0/],
    [['model', 'sample', 'nothing-such'], 2, /no such prior.*faces-prior/],
    [['simulate', 'builtin:faces', '--receiver', 'blind-hifi', '--prior', 'nothing-such'], 2, /no such prior/],
    [['simulate', 'builtin:faces', '--receiver', 'blind-hifi', '--prior', 'faces-12'], 1, /format/],
    [['simulate', 'builtin:faces', '--receiver', 'blind-hifi', '--quality', 'great'], 2, /fast/],
  ] as const)('refuse in one line: %j', async (args, expected, message) => {
    const { code, err, out } = await blindlink(args);
    expect(code).toBe(expected);
    expect(err.trim().split('\n')).toHaveLength(1);
    expect(err).toMatch(message);
    expect(out).toBe('');
  });
});

describe('blindlink doctor', () => {
  it('names the machine, every codec and optional programs', async () => {
    const { code, out } = await blindlink(['doctor', '--json']);
    expect(code).toBe(0);
    const names = (JSON.parse(out) as { checks: { name: string }[] }).checks.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['machine', 'codec faces-12', 'GNU Radio', 'UHD']));
  });
});
