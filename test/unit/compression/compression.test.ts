import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createExternalCodec, type ExternalCodecConfig } from '../../../src/compression/external-codec.js';
import { createBudgetCodec } from '../../../src/compression/fit-budget.js';
import { type Pixels, pixelsOf, planesOf, squaredError } from '../../../src/compression/pixels.js';
import { createBuiltinSource } from '../../../src/compression/source-codec.js';
import { builtinPicture } from '../../../src/source/builtin-pictures.js';
import { describeWith, heif } from '../../support/programs.js';

const picture = await (async (): Promise<Pixels> => {
  const { data, height, width } = await builtinPicture('natural', 3);
  return pixelsOf(data, height, width);
})();

const script = fileURLToPath(new URL('../../support/little-codec.mjs', import.meta.url));
const little: ExternalCodecConfig = {
  encode: `${process.execPath} "${script}" encode {input} {output} {quality}`,
  decode: `${process.execPath} "${script}" decode {input} {output}`,
  qualities: { smallest: 1, best: 64 },
  extension: 'bin',
  pictures: 'ppm',
  timeoutSeconds: 20,
};

describe('pictures in a number of bytes', () => {
  it('eight bits and planes are each other’s inverse', () => {
    expect(pixelsOf(planesOf(picture), 64, 64)).toEqual(picture);
  });

  it.each(['jpeg', 'webp', 'avif'] as const)(
    '%s: fits every budget that it can, and more bytes are not worse',
    async (name) => {
      const codec = createBudgetCodec(createBuiltinSource(name), 'counted');
      let before = Infinity;
      for (const budget of [400, 800, 1600]) {
        const fitted = await codec.fit(picture, budget);
        expect(fitted).not.toBeNull();
        expect(fitted!.bytes.length).toBeLessThanOrEqual(budget);
        const restored = await codec.restore(fitted!.bytes, 64, 64);
        expect([restored.height, restored.width]).toEqual([64, 64]);
        const error = squaredError(restored, picture);
        expect(error).toBeLessThan(before);
        before = error;
      }
      expect(before).toBeLessThan(300);
      // No file of this format is so short.
      expect(await codec.fit(picture, 20)).toBeNull();
    },
  );

  it('takes a smaller picture where even the lowest quality does not fit', async () => {
    const codec = createBudgetCodec(createBuiltinSource('webp'), 'counted');
    const fitted = await codec.fit(picture, 150);
    expect(fitted!.scale).toBeLessThan(1);
    expect(fitted!.bytes.length).toBeLessThanOrEqual(150);
    expect((await codec.restore(fitted!.bytes, 64, 64)).width).toBe(64);
  });

  it.each(['jpeg', 'webp', 'avif'] as const)('%s: what both ends know need not be sent', async (name) => {
    const source = createBuiltinSource(name);
    const counted = await createBudgetCodec(source, 'counted').fit(picture, 450);
    const codec = createBudgetCodec(source, 'shared');
    const shared = await codec.fit(picture, 450);
    expect(shared!.bytes.length).toBeLessThanOrEqual(450);
    const error = squaredError(await codec.restore(shared!.bytes, 64, 64), picture);
    const before = await createBudgetCodec(source, 'counted').restore(counted!.bytes, 64, 64);
    expect(error).toBeLessThanOrEqual(squaredError(before, picture));
    // Another process makes the same dictionary.
    const other = createBudgetCodec(createBuiltinSource(name), 'shared');
    expect(squaredError(await other.restore(shared!.bytes, 64, 64), picture)).toBe(error);
  });

  it('refuses what is no file', async () => {
    const codec = createBudgetCodec(createBuiltinSource('jpeg'), 'counted');
    await expect(codec.restore(new Uint8Array(50), 64, 64)).rejects.toThrow(
      'jpeg: a file of 50 bytes cannot be decoded',
    );
  });
});

describe('codecs that are commands', () => {
  it('are searched like any other, and picture paths with spaces stay whole', async () => {
    const codec = createBudgetCodec(createExternalCodec('little', little), 'counted');
    const fitted = await codec.fit(picture, 800);
    expect(fitted!.bytes.length).toBeLessThanOrEqual(800);
    expect(fitted!.quality).toBe(16);
    const restored = await codec.restore(fitted!.bytes, 64, 64);
    expect(squaredError(restored, picture)).toBeLessThan(3000);
  });

  it('may write PPM with comments', async () => {
    const comment = "require('fs').writeFileSync(process.argv[1], 'P6 # by hand\\n2 1 # wide\\n255\\nabcdef')";
    const decode = `${process.execPath} -e "${comment.replaceAll('"', '')}" {output} {input}`;
    const { data, height, width } = await createExternalCodec('little', { ...little, decode }).decode(
      new Uint8Array(1),
    );
    expect([height, width, Buffer.from(data).toString()]).toEqual([1, 2, 'abcdef']);
  });

  it.each<[string, Partial<ExternalCodecConfig>, string]>([
    ['is not there', { encode: 'no-such-codec {input} {output} {quality}' }, 'little: no-such-codec: no such program'],
    ['fails', { encode: little.encode.replace('encode {', 'fail {') }, 'ended with code 3 (the picture is too blue)'],
    ['writes nothing', { encode: little.encode.replace('encode {', 'idle {') }, 'ended well but wrote no {output}'],
    [
      'hangs',
      { encode: little.encode.replace('encode {', 'hang {'), timeoutSeconds: 0.5 },
      'did not end within 0.5 s and was stopped',
    ],
    ['has no place for quality', { encode: 'x {input} {output}' }, 'does not say {quality}'],
    ['has no places', { decode: '' }, 'does not say {input} and {output}'],
  ])('say so in one line where one %s', async (_, wrong, message) => {
    const use = async (): Promise<unknown> =>
      createExternalCodec('little', { ...little, ...wrong }).encode(picture, 8, 'compact');
    const error = await use().catch((caught: unknown) => caught as Error);
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).not.toContain('\n');
  });

  it('end when they are told to', async () => {
    const hanging = { ...little, encode: little.encode.replace('encode {', 'hang {') };
    const signal = AbortSignal.timeout(300);
    await expect(createExternalCodec('little', hanging).encode(picture, 8, 'compact', signal)).rejects.toThrow(
      'cancelled',
    );
  });

  describeWith(heif(), 'x265 intra', () => {
    it('through heif-enc and heif-convert fits a budget', async () => {
      const codec = createBudgetCodec(
        createExternalCodec('heic', {
          encode: 'heif-enc -q {quality} -o {output} {input}',
          decode: 'heif-convert {input} {output}',
          qualities: { smallest: 0, best: 100 },
          extension: 'heic',
          pictures: 'png',
          timeoutSeconds: 30,
        }),
        'counted',
      );
      const fitted = await codec.fit(picture, 1200);
      expect(fitted!.bytes.length).toBeLessThanOrEqual(1200);
      expect(squaredError(await codec.restore(fitted!.bytes, 64, 64), picture)).toBeLessThan(400);
    });
  });
});
