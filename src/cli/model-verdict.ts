import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { readCard } from '../codec/card.js';
import { openCodec } from '../codec/codec.js';
import { ConfigError, FormatError } from '../core/errors.js';
import { findModel } from '../core/shipped-models.js';
import { adoptVerdict, type CalibrationOptions, calibrateVerdict, withVerdict } from '../link/verdict/calibrate.js';
import { calibrationConditions } from '../link/verdict/conditions.js';
import { type LearningOptions, qualityOf, verdictFrom, type VerdictSample } from '../link/verdict/learn.js';
import { judgeSymptoms } from '../receiver/verdict.js';
import { openPictures } from '../source/picture-source.js';
import { readInput, writeAtomically } from './files.js';
import { decimal } from './input-file.js';
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
    .option(
      '--receiver <names>',
      'receivers to learn from; with perfect and pilot alone, what the card says of those that search stays',
      'perfect,pilot,blind-em',
    )
    .option('--seed <n>', 'seed of channels and noise', '1')
    .option('--other <codec>', 'another codec, whose codewords must not be taken for this one’s')
    .option('--threads <n>', 'threads in one operator', '2')
    .option(
      '--samples <file>',
      'keep what was seen of every frame there, as JSON lines; a run that was stopped goes on from it',
    )
    .option(
      '--from-samples <files...>',
      'learn from what earlier runs wrote (of several codecs, too) instead of simulating',
    )
    .option(
      '--weights-from <codec>',
      'take the weights of a codec of the same kind; only its own usual symptoms are learnt',
    )
    .option(
      '--least-contrast <variance>',
      'pixel variance below which a receiver that searches promises nothing, 0.002 by default: even surfaces look as good upside down',
      decimal('--least-contrast', 0, 1),
    )
    .option(
      '--recall <share>',
      'share of the right frames, where the model fits, that must stay called decoded when a threshold rises for more precision, 0.95 by default',
      decimal('--recall', 0, 1),
    )
    .option('--check', 'say how the verdict in the card does instead; writes nothing')
    .option('--json', 'one JSON object at the end')
    .action(async (name: string, pictures: string[], options: Record<string, string | boolean | string[] | number>) => {
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
      if (weights === null && options['fromSamples'] === undefined) {
        requireKinds(receivers, readCard(cardPath).card.verdict !== undefined);
      }
      const threads = wholeNumber('--threads', options['threads'] as string);
      const otherName = options['other'];
      const otherPath = typeof otherName === 'string' ? findModel('codec', otherName) : null;
      const conditions = calibrationConditions(weights !== null, otherPath !== null);
      const total = frames * conditions.length;
      const samplesPath = options['samples'];
      const otherCodec = otherPath === null ? null : codecHash(otherPath);
      const facts = { codec: codecHash(cardPath), other: otherCodec, frames, seed, receivers, pictures: source.count };
      const kept = typeof samplesPath === 'string' ? keepSamples(samplesPath, facts, conditions) : {};
      const progress = createProgress('frames', total, process.stderr.isTTY && options['json'] !== true);
      try {
        await withRuntime(async (runtime) => {
          const codec = await openCodec(cardPath, runtime);
          const other = otherPath === null ? null : await openCodec(otherPath, runtime);
          const leastContrast = options['leastContrast'] as number | undefined;
          const learning = { leastContrast, recall: options['recall'] as number | undefined };
          const common = { frames, seed, signal, ...kept, onProgress: progress.update, ...learning };
          const from = options['fromSamples'];
          const known = Array.isArray(from) ? samplesOfFiles(from, { ...learning, before: codec.card.verdict }) : null;
          const { verdict, samples } =
            known ??
            (weights === null ? null : await adoptVerdict(codec, weights, source, runtime, common)) ??
            (await calibrateVerdict(codec, source, runtime, { ...common, receivers, other }));
          progress.stop();
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
        }, threads);
      } finally {
        progress.stop();
        release();
      }
    });
}

/**
 * The verdict has a model for receivers that are told or measure the channel, and one for those that search, which may stay as it
 * is; usual symptoms are those of `perfect`.
 */
function requireKinds(receivers: readonly string[], hasVerdict: boolean): void {
  const searching = receivers.some((name) => name !== 'perfect' && name !== 'pilot');
  if (receivers.includes('perfect') && (searching || hasVerdict)) return;
  throw new ConfigError(
    'model.verdict',
    `--receiver ${receivers.join(',')}: a verdict is learnt from perfect${hasVerdict ? '' : ' and a receiver without pilots'} at least (perfect,pilot,blind-em)`,
  );
}

/** What samples were made of; the first line of their file. */
interface SamplesHead {
  readonly codec: string;
  readonly other: string | null;
  readonly frames: number;
  readonly seed: number;
  readonly receivers: readonly string[];
  readonly pictures: number;
}

/** A line after the samples of each condition: it is all there. */
interface ConditionEnd {
  readonly complete: string;
}

type SamplesLine = { readonly head: SamplesHead } | ConditionEnd | VerdictSample;

/** The networks by which a codec's frames are sent and judged: neither its card's verdict nor what shows pictures otherwise matters. */
function codecHash(cardPath: string): string {
  const { card } = readCard(cardPath);
  const apart = new Set([...Object.values(card.decoders), card.ranges]);
  return JSON.stringify(Object.fromEntries(Object.entries(card.sha256).filter(([file]) => !apart.has(file))));
}

/**
 * Goes on from the samples of a run that was stopped, and keeps those to come: each condition is appended whole.
 *
 * @throws ConfigError where the file has samples of something else
 */
function keepSamples(
  path: string,
  head: SamplesHead,
  conditions: readonly { readonly name: string }[],
): Pick<CalibrationOptions, 'known' | 'onCondition'> {
  const seen = new Map<string, VerdictSample[]>();
  const text = (lines: readonly SamplesLine[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  if (existsSync(path)) {
    const earlier = readSamples(path);
    if (earlier.head === null || JSON.stringify(earlier.head) !== JSON.stringify(head)) {
      throw new ConfigError(
        'model.samples',
        `--samples ${path}: has samples of another codec, seed, receivers or number of frames; name a new file, or learn from it with --from-samples`,
      );
    }
    for (const [name, samples] of earlier.complete) {
      if (conditions.some((condition) => condition.name === name)) seen.set(name, samples);
    }
  }
  const lines: SamplesLine[] = [{ head }, ...[...seen].flatMap(([complete, list]) => [...list, { complete }])];
  writeAtomically(path, Buffer.from(text(lines)));
  return {
    known: (name) => seen.get(name),
    onCondition: (complete, samples) => appendFileSync(path, text([...samples, { complete }])),
  };
}

/** The samples of a file by condition, those that are all there. Throws FormatError. */
function readSamples(path: string): { head: SamplesHead | null; complete: Map<string, VerdictSample[]> } {
  const lines = Buffer.from(readInput(path)).toString('utf8').split('\n');
  // What a killed run left of its last line.
  if (lines.at(-1) !== '') lines.pop();
  let head: SamplesHead | null = null;
  let open: VerdictSample[] = [];
  const complete = new Map<string, VerdictSample[]>();
  lines.forEach((text, index) => {
    if (text === '') return;
    const line = parseLine(text, `${path}, line ${index + 1}`);
    if ('head' in line) head = line.head;
    else if ('complete' in line) {
      complete.set(line.complete, open);
      open = [];
    } else open.push(line);
  });
  return { head, complete };
}

function parseLine(text: string, where: string): SamplesLine {
  try {
    return JSON.parse(text) as SamplesLine;
  } catch (cause) {
    throw new FormatError('model.samples', `${where}: is not a sample that this command wrote`, { cause });
  }
}

function samplesOfFiles(
  paths: readonly string[],
  options: LearningOptions,
): Awaited<ReturnType<typeof calibrateVerdict>> {
  const samples = paths.flatMap((path) => [...readSamples(path).complete.values()].flat());
  if (samples.length === 0) throw new FormatError('model.samples', `${paths.join(', ')}: no samples`);
  return { verdict: verdictFrom(samples, options), samples };
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
