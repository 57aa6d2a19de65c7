import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { readCard } from '../codec/card.js';
import { openCodec } from '../codec/codec.js';
import { ConfigError } from '../core/errors.js';
import { findModel } from '../core/shipped-models.js';
import {
  adoptVerdict,
  calibrateVerdict,
  calibrationFrames,
  qualityOf,
  verdictFrom,
  type VerdictSample,
  withVerdict,
} from '../link/verdict-calibration.js';
import { judgeSymptoms } from '../receiver/verdict.js';
import { openPictures } from '../source/picture-source.js';
import { readInput, writeAtomically } from './files.js';
import { interruptible } from './interrupt.js';
import { wholeNumber, withRuntime } from './model-common.js';
import { createProgress } from './progress.js';

export function addModelVerdict(model: Command): void {
  model
    .command('verdict')
    .description(
      'Learn when a picture may be called decoded, from frames that are still, moving, offset, clipped, interfered with, mismatched and foreign; writes it into the card.',
    )
    .argument('<codec>', 'name, card or folder')
    .argument('<pictures...>', 'picture files or folders that neither trained the codec nor judge it elsewhere')
    .option('--frames <n>', 'frames a condition', '40')
    .option('--receiver <names>', 'receivers to learn from', 'perfect,pilot,blind-em')
    .option('--seed <n>', 'seed of channels and noise', '1')
    .option('--samples <file>', 'write what was seen of every frame there, as JSON lines')
    .option('--from-samples <file>', 'learn from what an earlier run wrote instead of simulating')
    .option(
      '--weights-from <codec>',
      'take the weights of a codec of the same kind; only its own usual symptoms are learnt',
    )
    .option('--check', 'say how the verdict in the card does instead; writes nothing')
    .option('--json', 'one JSON object at the end')
    .action(async (name: string, pictures: string[], options: Record<string, string | boolean>) => {
      const { signal, release } = interruptible();
      const cardPath = findModel('codec', name);
      const source = openPictures(pictures, { maxPixels: 1 << 26 });
      const frames = wholeNumber('--frames', options['frames'] as string);
      const seed = wholeNumber('--seed', options['seed'] as string);
      const receivers = (options['receiver'] as string).split(',');
      const lender = options['weightsFrom'];
      const weights = typeof lender === 'string' ? (readCard(findModel('codec', lender)).card.verdict ?? null) : null;
      if (typeof lender === 'string' && weights === null) {
        throw new ConfigError('model.verdict', `--weights-from ${lender}: has no verdict of its own in its card`);
      }
      const total = calibrationFrames(frames, weights !== null);
      const progress = createProgress('frames', total, process.stderr.isTTY && options['json'] !== true);
      try {
        await withRuntime(async (runtime) => {
          const codec = await openCodec(cardPath, runtime);
          const common = { frames, seed, signal, onProgress: progress.update };
          const from = options['fromSamples'];
          const known = typeof from === 'string' ? readSamples(from) : null;
          const { verdict, samples } =
            known ??
            (weights === null ? null : await adoptVerdict(codec, weights, source, runtime, common)) ??
            (await calibrateVerdict(codec, source, runtime, { ...common, receivers }));
          progress.stop();
          if (typeof options['samples'] === 'string') {
            const lines = samples.map((sample) => `${JSON.stringify(sample)}\n`);
            writeAtomically(options['samples'], Buffer.from(lines.join('')));
          }
          const check = options['check'] === true;
          const judged = check ? codec : withVerdict(codec, verdict);
          const isDecoded = ({ symptoms }: VerdictSample): boolean =>
            judgeSymptoms({ codec: judged, snrDb: 10 }, symptoms).verdict === 'decoded';
          const quality = Object.fromEntries(
            receivers.map((one) => [
              one,
              qualityOf(
                samples.filter(({ receiver }) => receiver === one),
                isDecoded,
              ),
            ]),
          );
          if (!check) {
            const card = JSON.parse(readFileSync(cardPath, 'utf8')) as Record<string, unknown>;
            writeAtomically(cardPath, Buffer.from(`${JSON.stringify({ ...card, verdict }, null, 2)}\n`));
          }
          if (options['json'] === true) console.log(JSON.stringify({ card: cardPath, verdict, quality }));
          else describe(quality);
        });
      } finally {
        progress.stop();
        release();
      }
    });
}

/** Samples of an earlier run; of several codecs, where their files were joined. */
function readSamples(path: string): Awaited<ReturnType<typeof calibrateVerdict>> {
  const lines = Buffer.from(readInput(path)).toString('utf8').trim().split('\n');
  const samples = lines.map((line) => JSON.parse(line) as VerdictSample);
  return { verdict: verdictFrom(samples), samples };
}

function describe(quality: Readonly<Record<string, ReturnType<typeof qualityOf>>>): void {
  const share = (value: number | null): string => (value === null ? '-' : `${(100 * value).toFixed(1)} %`).padStart(8);
  for (const [receiver, byCondition] of Object.entries(quality)) {
    console.log(`\n${receiver}\n  condition                        frames  succeed  decoded  precision    recall`);
    for (const [name, { frames, successes, decoded, precision, recall }] of Object.entries(byCondition)) {
      console.log(
        `  ${name.padEnd(30)} ${String(frames).padStart(8)} ${String(successes).padStart(8)} ${String(decoded).padStart(8)}   ${share(precision)}  ${share(recall)}`,
      );
    }
  }
}
