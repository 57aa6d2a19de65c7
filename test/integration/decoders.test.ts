import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { lastValueFrom, toArray } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { openCodec } from '../../src/codec/codec.js';
import { type RawConfig, resolveConfig } from '../../src/config/load.js';
import { findModel } from '../../src/core/shipped-models.js';
import { createLink } from '../../src/link/link.js';
import { withModels } from '../../src/link/setting/link-models.js';
import { findReceivers } from '../../src/link/setting/receivers.js';
import { renderElements } from '../../src/receiver/informed.js';
import { createOnnxRuntime } from '../../src/runtime/onnx-runtime.js';
import { openPictures } from '../../src/source/picture-source.js';

const work = mkdtempSync(join(tmpdir(), 'blindlink-decoders-'));
const runtime = createOnnxRuntime({ threads: 1 });
afterAll(async () => {
  await runtime.dispose();
  rmSync(work, { recursive: true });
});

/** faces-12 with the decoder of natural-12-blind (the same shapes) as another of its own. */
function twoDecoders(): string {
  const from = dirname(findModel('codec', 'faces-12'));
  const card = JSON.parse(readFileSync(join(from, 'card.json'), 'utf8')) as Record<string, unknown>;
  const folder = join(work, 'two');
  mkdirSync(folder);
  for (const file of ['encoder', 'decoder', 'statistics', 'polarity', 'refiner', 'distortion']) {
    const name = card[file] as string | undefined;
    if (name !== undefined) copyFileSync(join(from, name), join(folder, name));
  }
  copyFileSync(join(dirname(findModel('codec', 'natural-12-blind')), 'decoder.onnx'), join(folder, 'other.onnx'));
  writeFileSync(
    join(folder, 'card.json'),
    JSON.stringify({ ...card, decodesRefined: false, decoders: { other: 'other.onnx' } }),
  );
  return folder;
}

const folder = twoDecoders();
const blindlink = (args: readonly string[]) =>
  spawnSync(process.execPath, ['dist/cli/main.js', ...args], { encoding: 'utf8' });

async function receive(decoder: string | null, decoderShare = 1, settings: RawConfig = {}) {
  const names = ['perfect', 'pilot', 'blind-em'];
  const config = resolveConfig({ ...settings, codec: folder, receiver: { names, decoder, decoderShare } });
  const codec = await openCodec(join(folder, 'card.json'), runtime, decoder);
  const { pictures } = openPictures(['builtin:faces'], { maxPixels: 4096, frames: 2 });
  return lastValueFrom(createLink(config, { codec, runtime }, pictures()).pipe(toArray()));
}

describe("another of a codec's decoders", () => {
  it('gives the picture that is shown, of what was equalised; channel and verdict are as without it', async () => {
    const [own, other] = [await receive(null), await receive('other')];
    const codec = await openCodec(join(folder, 'card.json'), runtime, 'other');
    expect(other).toHaveLength(6);
    for (const [i, { report, result, picture, arrived }] of other.entries()) {
      expect(report.receiver).toBe(own[i].report.receiver);
      expect(result!.equalised).toEqual(own[i].result!.equalised);
      expect([report.verdict, report.confidence, report.residual, report.channelError]).toEqual([
        own[i].report.verdict,
        own[i].report.confidence,
        own[i].report.residual,
        own[i].report.channelError,
      ]);
      const setting = { ...arrived.sent.setting, codec };
      expect(picture).toEqual(await renderElements(setting, result!.equalised));
      // Another network's picture: clearly not its own.
      expect(report.psnrDb).toBeLessThan(own[i].report.psnrDb - 1);
      expect(result!.evaluations).toBe(own[i].result!.evaluations + 1);
    }
  });

  it('is shown by its share: pictures on the line from the own decoder’s to its', async () => {
    const [own, other, none, some] = await Promise.all([
      receive(null),
      receive('other'),
      receive('other', 0),
      receive('other', 0.25),
    ]);
    for (const [i, { picture, result }] of some.entries()) {
      picture.forEach((v, k) => {
        expect(v).toBeCloseTo(0.75 * own[i].picture[k] + 0.25 * other[i].picture[k], 5);
      });
      expect(none[i].picture).toEqual(own[i].picture);
      expect([result!.verdict, result!.equalised]).toEqual([own[i].result!.verdict, own[i].result!.equalised]);
    }
  });

  it.each([
    [[], 'of which decoder? name it in receiver.decoder (--decoder other), or leave the share out (1)'],
    [['--decoder', 'own'], 'the own decoder has none; name another (--decoder other), or leave the share out (1)'],
    [['--codec', 'faces-48-perceptual'], 'codec faces-48-perceptual has no decoder but its own; leave the share out'],
  ])('has no share where it is not named (%j)', (more, why) => {
    const args = ['simulate', '--codec', folder, '--decoder-share', '0.4', '--frames', '1', ...more];
    const { status, stderr } = blindlink(args);
    expect(status).toBe(2);
    expect(stderr.trim()).toBe(`blindlink: receiver.decoderShare 0.4: ${why}`);
  });

  it('is the perceptual one where a receiver is about looks and nobody says otherwise; others keep their own', async () => {
    const shown = async (receiver: Readonly<Record<string, object | string | number>>) => {
      const names = ['perfect', 'blind-em', 'blind-hifi', 'hifi-diffcom'];
      const few = (name: string): object => ({ steps: 2, ...(receiver[name] as object) });
      const steps = { blindHifi: few('blindHifi'), hifiDiffcom: few('hifiDiffcom') };
      const config = resolveConfig({ codec: 'faces-12', receiver: { names, ...receiver, ...steps } });
      const receivers = await findReceivers(config);
      return withModels(config, receivers, async (models) => {
        const { pictures } = openPictures(['builtin:faces'], { maxPixels: 4096, frames: 1 });
        const link = createLink(config, { ...models, receivers }, pictures());
        const outcomes = await lastValueFrom(link.pipe(toArray()));
        return Object.fromEntries(outcomes.map(({ report, picture }) => [report.receiver, picture]));
      });
    };
    const byDefault = await shown({});
    const own = await shown({ decoder: 'own' });
    const perceptual = await shown({ decoder: 'perceptual' });
    const most = await shown({ decoder: 'perceptual', decoderShare: 0.8, blindHifi: { perception: 0.3 } });
    for (const name of ['perfect', 'blind-em']) expect(byDefault[name]).toEqual(own[name]);
    expect(byDefault['hifi-diffcom']).toEqual(perceptual['hifi-diffcom']);
    expect(byDefault['blind-hifi']).toEqual(most['blind-hifi']);
    for (const name of Object.keys(own)) expect(perceptual[name]).not.toEqual(own[name]);
    const set = { blindHifi: { perception: 0.5 }, hifiDiffcom: { perception: 1 } };
    expect(await shown({ decoder: 'own', ...set })).toEqual(own);
  });

  it('is refused in one line where the codec has none of that name', () => {
    const { status, stderr } = blindlink(['simulate', '--codec', folder, '--decoder', 'perceptive', '--frames', '1']);
    expect(status).not.toBe(0);
    expect(stderr.trim()).toBe('blindlink: receiver.decoder perceptive: codec faces-12 has its own and other');
  });

  it('takes part in model check', () => {
    const { status, stdout } = blindlink(['model', 'check', folder, '--json']);
    expect(status).toBe(0);
    expect(stdout).toContain('other.onnx');
  });
});
