import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { mse } from '../../../src/metrics/picture-quality.js';
import { openFeatureNetworks } from '../../../src/perception/feature-network.js';
import { createOnnxRuntime } from '../../../src/runtime/onnx-runtime.js';
import { builtinPicture } from '../../../src/source/builtin-pictures.js';
import { meanColourGraph, mseGraph, writeFeatureNetwork } from '../../support/feature-networks.js';

const work = mkdtempSync(join(tmpdir(), 'blindlink-features-'));
const runtime = createOnnxRuntime({ threads: 1 });
afterAll(async () => {
  await runtime.dispose();
  rmSync(work, { recursive: true });
});

let count = 0;
const made = (over: Readonly<Record<string, unknown>> = {}, bytes = mseGraph()): string =>
  writeFeatureNetwork(join(work, String(count++)), bytes, over);
const flat = (edge: number, value: number) => ({
  data: new Float32Array(3 * edge * edge).fill(value),
  height: edge,
  width: edge,
});

describe('a feature network', () => {
  it('gives a distance of two pictures, or features of one', async () => {
    const [a, b] = [await builtinPicture('faces', 0), await builtinPicture('faces', 1)];
    const fid = made({ name: 'colour', kind: 'fid' }, meanColourGraph());
    const [distance, colour] = await openFeatureNetworks([made(), join(fid, 'card.json')], runtime);
    expect((await distance.evaluate(a, b))[0]).toBeCloseTo(mse(a, b), 6);
    expect([...(await colour.evaluate(flat(8, 0.25)))]).toEqual([0.25, 0.25, 0.25]);
  });

  it.each([
    [
      'a wrong hash',
      { sha256: { 'network.onnx': '0'.repeat(64) } },
      /its SHA-256 is not the one in .*; fetch it again/,
    ],
    ['no hash', { sha256: {} }, /sha256: must have the hash of the network/],
    ['an unknown kind', { kind: 'psnr' }, /kind: Invalid option: expected one of "lpips"\|"dists"\|"fid"/],
    ['the wrong kind', { kind: 'fid' }, /has 2 input\(s\) and 1 output\(s\); a network of kind fid has 1 and 1/],
    ['a card of something else', { format: 'blindlink-prior/1' }, /format: .*blindlink-features\/1/],
    ['a missing file', { network: 'no.onnx', sha256: { 'no.onnx': '0'.repeat(64) } }, /no.onnx: named by .*cannot be/],
  ])('is refused with one line for %s', async (_, over, line) => {
    const error = await openFeatureNetworks([made(over)], runtime).catch((e: unknown) => e);
    expect(String(error)).toMatch(line);
    expect(String(error)).not.toContain('\n');
  });

  it('is refused where there is no card, and where another has its name', async () => {
    await expect(openFeatureNetworks([join(work, 'nowhere')], runtime)).rejects.toThrow(
      /nowhere: no such feature network; give a card's path$/,
    );
    await expect(openFeatureNetworks([made(), made()], runtime)).rejects.toThrow(
      /another feature network is named mse$/,
    );
  });

  it('refuses small pictures, and outputs that are no distance or not finite', async () => {
    const [network] = await openFeatureNetworks([made()], runtime);
    await expect(network.evaluate(flat(7, 0), flat(7, 0))).rejects.toThrow('mse: takes pictures from 8×8 up, got 7×7');
    await expect(network.evaluate(flat(8, Number.NaN), flat(8, 0))).rejects.toThrow(
      /gives \[1\] with values that are not finite; a network of kind lpips gives one distance/,
    );
  });
});
