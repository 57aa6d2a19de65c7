import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { openCodec } from '../../src/codec/codec.js';
import { resolveConfig } from '../../src/config/load.js';
import { findModel } from '../../src/core/shipped-models.js';
import { createLink } from '../../src/link/link.js';
import { expectEnoughPictures, summarisePerception } from '../../src/link/results/perception.js';
import { openRunFolder } from '../../src/link/results/run-folder.js';
import { summarisable, summarise } from '../../src/link/results/summary.js';
import { frechetDistance } from '../../src/metrics/frechet.js';
import { openFeatureNetworks } from '../../src/perception/feature-network.js';
import { createOnnxRuntime } from '../../src/runtime/onnx-runtime.js';
import { openPictures } from '../../src/source/picture-source.js';
import { meanColourGraph, mseGraph, writeFeatureNetwork } from '../support/feature-networks.js';

const work = mkdtempSync(join(tmpdir(), 'blindlink-link-perception-'));
const runtime = createOnnxRuntime({ threads: 1 });
afterAll(async () => {
  await runtime.dispose();
  rmSync(work, { recursive: true });
});

const meanColour = ({ data }: { readonly data: Float32Array }): Float64Array =>
  Float64Array.from([0, 1, 2], (c) => data.subarray(4096 * c, 4096 * (c + 1)).reduce((sum, v) => sum + v, 0) / 4096);

describe('a link with feature networks', () => {
  it('reports distances a frame, and over all frames their mean and deviation and the FID', async () => {
    const features = await openFeatureNetworks(
      [
        writeFeatureNetwork(join(work, 'mse'), mseGraph(), {}),
        writeFeatureNetwork(join(work, 'colour'), meanColourGraph(), { name: 'colour', kind: 'fid' }),
      ],
      runtime,
    );
    const codec = await openCodec(findModel('codec', 'faces-12'), runtime);
    const config = resolveConfig({ receiver: { names: ['perfect', 'pilot'] } });
    const { pictures } = openPictures(['builtin:faces'], { maxPixels: 4096, frames: 4 });
    const outcomes = await lastValueFrom(createLink(config, { codec, runtime, features }, pictures()).pipe(toArray()));
    expect(outcomes).toHaveLength(8);
    for (const { report } of outcomes) {
      expect(-10 * Math.log10(report.perception?.['mse'] ?? 0)).toBeCloseTo(report.psnrDb, 3);
    }
    const { perfect, pilot } = summarise(outcomes.map(summarisable));
    const mine = outcomes.filter(({ report }) => report.receiver === 'pilot');
    const received = mine.map(({ picture }) => meanColour({ data: picture }));
    const sent = mine.map(({ arrived }) => meanColour(arrived.sent.picture));
    const { colour } = pilot.perception as { colour: { fid: number; pictures: number } };
    expect(colour.pictures).toBe(4);
    expect(colour.fid / frechetDistance(received, sent, 1)).toBeCloseTo(1, 2);
    const values = mine.map(({ report }) => report.perception?.['mse'] ?? 0);
    const mean = values.reduce((a, b) => a + b) / 4;
    const std = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 4);
    expect(pilot.perception?.['mse']).toEqual({ mean: expect.closeTo(mean, 12), std: expect.closeTo(std, 12) });
    expect(perfect.perception).not.toEqual(pilot.perception);

    const cards = features.map(({ card }) => card);
    const folder = openRunFolder(join(work, 'run'), config, codec.card, cards);
    folder.add(outcomes.slice(0, 2).map(({ report }) => report));
    const [head, row] = readFileSync(join(work, 'run', 'frames.csv'), 'utf8').split('\n');
    expect(head).toMatch(/,milliseconds,mse$/);
    expect(row).toMatch(new RegExp(`,${outcomes[0].report.perception?.['mse']}$`));
    const { featureNetworks } = JSON.parse(readFileSync(join(work, 'run', 'versions.json'), 'utf8')) as {
      featureNetworks: unknown;
    };
    expect(featureNetworks).toEqual(
      cards.map(({ name, kind, sha256 }) => ({ name, kind, sha256: sha256['network.onnx'] })),
    );

    expect(() => {
      expectEnoughPictures(
        features.map(({ card }) => card),
        1,
      );
    }).toThrow('colour: a FID needs at least 2 frames, got 1');
  });

  it('has no FID of a single picture, where a run was interrupted', () => {
    const pair = { received: Float64Array.of(1), sent: Float64Array.of(2) };
    expect(summarisePerception([{}], [{ colour: pair }])).toEqual({ colour: { fid: Number.NaN, pictures: 1 } });
  });
});
