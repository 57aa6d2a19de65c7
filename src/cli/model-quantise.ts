import type { Command } from 'commander';
import { readCard } from '../codec/card.js';
import { type Codec, openCodec } from '../codec/codec.js';
import { type CodecRanges, parseRanges } from '../codec/int8.js';
import { type Network, NETWORKS, observe, RangeObserver } from '../codec/observe-ranges.js';
import { readCardFile } from '../core/card-file.js';
import { ConfigError, throwIfAborted } from '../core/errors.js';
import { createRng } from '../core/rng.js';
import { findModel } from '../core/shipped-models.js';
import { finitePsnrDb, psnrDb } from '../metrics/picture-quality.js';
import { createOnnxRuntime } from '../runtime/onnx-runtime.js';
import { padPicture, type Picture } from '../source/picture.js';
import { openPictures } from '../source/picture-source.js';
import { interruptible } from './interrupt.js';
import { wholeNumber, withRuntime, writeBesideCard } from './model-common.js';
import { createProgress } from './progress.js';

const SNRS_DB = [0, 5, 10, 15, 20];
/** What the loss is measured at, and on how many pictures. */
const DESIGN_SNR_DB = 10;
const MEASURED = 16;

export function addModelQuantise(model: Command): void {
  model
    .command('quantise')
    .description(
      'Find the ranges of the values in encoder, decoders and refiner, so that these can run on 8-bit integers; writes them beside the card and says what that costs and gains here.',
    )
    .argument('<codec>', 'name, card or folder')
    .argument('<pictures...>', 'picture files or folders, of the kind and size that the codec is for')
    .option('--networks <list>', `which of ${NETWORKS.join(', ')}; the others stay as they are`, NETWORKS.join(','))
    .option('--limit <n>', 'pictures at most', '64')
    .option('--seed <n>', 'seed of the noise', '1')
    .option('--threads <n>', 'threads in one operator', '1')
    .option('--out <file>', 'where to write, beside the card', 'ranges.json')
    .option('--json', 'one JSON object at the end')
    .action(async (name: string, pictures: string[], options: Record<string, string | boolean>) => {
      const { signal, release } = interruptible();
      try {
        await quantise(findModel('codec', name), pictures, options, signal);
      } finally {
        release();
      }
    });
}

async function quantise(
  cardPath: string,
  paths: readonly string[],
  options: Readonly<Record<string, string | boolean>>,
  signal: AbortSignal,
): Promise<void> {
  const limit = wholeNumber('--limit', options['limit'] as string);
  const threads = wholeNumber('--threads', options['threads'] as string);
  const seed = options['seed'] as string;
  const networks = networksOf(options['networks'] as string);
  const source = openPictures(paths, { maxPixels: 1 << 26 });
  const count = Math.min(limit, source.count);
  const file = options['out'] as string;
  await withRuntime(async (runtime) => {
    const own = await openCodec(cardPath, runtime);
    if (own.card.mask) {
      throw new ConfigError('model.quantise', `${own.card.name}: chooses what it sends; such a codec stays float32`);
    }
    if (own.refiner === null && networks.length === 1 && networks[0] === 'refiner') {
      throw new ConfigError('model.quantise', `--networks refiner: ${own.card.name} has none; choose others`);
    }
    const others = await Promise.all(Object.keys(own.card.decoders).map((name) => openCodec(cardPath, runtime, name)));
    const observer = new RangeObserver(runtime, createRng(seed), networks);
    const progress = createProgress('pictures', count, process.stderr.isTTY && options['json'] !== true);
    try {
      for (let i = 0; i < count; i++) {
        const padded = padPicture(await source.at(i), own.multipleOf);
        for (const codec of [own, ...others]) {
          throwIfAborted(signal, 'model quantise');
          await observer.observe(codec, padded, SNRS_DB[i % SNRS_DB.length]);
        }
        progress.update(i + 1);
      }
    } finally {
      progress.stop();
    }
    const kept = networks.length < NETWORKS.length ? rangesOf(cardPath) : {};
    const bytes = Buffer.from(`${JSON.stringify({ ...kept, ...observer.ranges })}\n`);
    writeBesideCard(cardPath, file, bytes, { ranges: file });

    const swift = createOnnxRuntime({ threads, prefersInt8: true });
    try {
      const measured = Math.min(count, MEASURED);
      const float32 = await throughNoise(own, source, measured, seed);
      const int8 = await throughNoise(await openCodec(cardPath, swift), source, measured, seed);
      const result = { card: cardPath, pictures: count, snrDb: DESIGN_SNR_DB, measured, float32, int8 };
      if (options['json'] === true) console.log(JSON.stringify(result));
      else describe(own.card.name, file, float32, int8);
    } finally {
      await swift.dispose();
    }
  }, threads);
}

function networksOf(list: string): Network[] {
  const names = list.split(',').map((name) => name.trim());
  for (const name of names) {
    if (!(NETWORKS as readonly string[]).includes(name)) {
      throw new ConfigError(
        'model.quantise',
        `--networks ${list}: ${name || 'nothing'} is none of ${NETWORKS.join(', ')}`,
      );
    }
  }
  return NETWORKS.filter((name) => names.includes(name));
}

/** What a codec has already. */
function rangesOf(cardPath: string): CodecRanges {
  const loaded = readCard(cardPath);
  const { ranges } = loaded.card;
  return ranges === undefined ? {} : parseRanges(readCardFile(loaded, ranges), ranges);
}

interface Measured {
  readonly psnrDb: number;
  /** Of encoding, refining (where there is a refiner) and decoding a picture, the median. */
  readonly milliseconds: number;
}

/** Mean PSNR over AWGN at the design's SNR, the same noise for every codec. */
async function throughNoise(
  codec: Codec,
  source: { at(index: number): Promise<Picture> },
  count: number,
  seed: string,
): Promise<Measured> {
  const rng = createRng(seed).split('measured');
  const times: number[] = [];
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const padded = padPicture(await source.at(i), codec.multipleOf);
    const layout = codec.layoutFor(padded.height, padded.width);
    const noise = rng.split(i);
    const once = async (): Promise<Float32Array> => {
      const latents = await codec.encode(padded.data, 1, layout, DESIGN_SNR_DB);
      const { precision, information } = observe(latents, DESIGN_SNR_DB, noise);
      const dims = [1, layout.channels, layout.height, layout.width] as const;
      const refined = codec.hasRefiner ? (await codec.refine(precision, information, dims)).mean : null;
      const received = information.map((q, i) => q / precision[i]);
      const handed = codec.decodesRefined && refined !== null ? refined : received;
      return codec.decode(handed, 1, layout, DESIGN_SNR_DB);
    };
    const picture = await once();
    const began = performance.now();
    await once();
    times.push(performance.now() - began);
    sum += finitePsnrDb(psnrDb(padded, { ...padded, data: picture }));
  }
  times.sort((a, b) => a - b);
  return {
    psnrDb: Number((sum / count).toFixed(3)),
    milliseconds: Number(times[Math.floor(times.length / 2)].toFixed(2)),
  };
}

function describe(name: string, file: string, float32: Measured, int8: Measured): void {
  const line = ({ psnrDb, milliseconds }: Measured): string =>
    `${psnrDb.toFixed(2)} dB, ${milliseconds.toFixed(1)} ms a picture`;
  console.log(
    `${name}: ranges in ${file}; over AWGN at ${DESIGN_SNR_DB} dB, encoding, refining and decoding together:`,
  );
  console.log(`  float32  ${line(float32)}`);
  console.log(`  int8     ${line(int8)}  (${(float32.milliseconds / int8.milliseconds).toFixed(2)} times as fast)`);
}
