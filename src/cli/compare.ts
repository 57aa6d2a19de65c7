import type { Command } from 'commander';
import {
  boundedMetrics,
  compareResults,
  type Difference,
  type ReceiverPair,
  regressions,
  sameNames,
  words,
} from '../campaign/compare/compare-results.js';
import { rateDifferences } from '../campaign/compare/rate-differences.js';
import { readResults } from '../campaign/compare/read-results.js';
import { nearest } from '../config/nearest.js';
import { ConfigError } from '../core/errors.js';

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

export function addCompare(program: Command): void {
  program
    .command('compare')
    .description('Differences of two folders of results, frame by frame, with intervals; for CI, with bounds.')
    .argument('<first>', 'a folder that simulate or sweep FILE.yaml wrote')
    .argument('<second>', 'another, or the same with --receivers')
    .option('--receivers <first=second>', 'receivers of different names to compare; repeatable', collect, [])
    .option('--metric <names>', 'comma-separated metrics to show; by default those that have a better direction')
    .option(
      '--bound <metric=x>',
      'exit with 1 where the mean gets worse by more than x anywhere; repeatable',
      collect,
      [],
    )
    .option('--json', 'one JSON object a line')
    .action((first: string, second: string, options: CompareOptions) => {
      compare(first, second, options);
    });
}

interface CompareOptions {
  readonly receivers: readonly string[];
  readonly metric?: string;
  readonly bound: readonly string[];
  readonly json?: boolean;
}

function compare(first: string, second: string, options: CompareOptions): void {
  const bounds = boundsOf(options.bound);
  const [before, after] = [readResults(first), readResults(second)];
  const pairs = pairsOf(options.receivers);
  const { differences, notes, lost } = compareResults(before, after, pairs);
  const rates = rateDifferences(before, after, pairs.length > 0 ? pairs : sameNames(before, after));
  const shown = shownMetrics(differences, options.metric);
  const known = boundedMetrics(differences);
  for (const metric of bounds.keys()) {
    if (!known.includes(metric)) {
      const guess = nearest(metric, known);
      throw new ConfigError(
        'compare.bound',
        `--bound ${metric}: no such metric; ${guess === null ? `known: ${known.join(', ')}` : `did you mean ${guess}?`}`,
      );
    }
    if (!differences.some((one) => one.metric === metric)) {
      throw new ConfigError(
        'compare.bound',
        `--bound ${metric}: no receiver has it in both folders; nothing would be held`,
      );
    }
  }
  const worse = regressions(differences, bounds);
  for (const note of bounds.size > 0 ? notes : [...lost, ...notes]) console.error(`note: ${note}`);
  if (options.json === true) {
    for (const one of differences.filter(({ metric }) => shown.includes(metric))) {
      console.log(JSON.stringify({ type: 'difference', ...one }));
    }
    for (const one of rates) console.log(JSON.stringify({ type: 'bdRate', ...one }));
    console.log(
      JSON.stringify({ type: 'summary', first, second, bounds: Object.fromEntries(bounds), regressions: worse, lost }),
    );
  } else {
    console.log(table(differences.filter(({ metric }) => shown.includes(metric))));
    for (const { at, receivers, bdRate } of rates) {
      const percent = `${bdRate >= 0 ? '+' : ''}${(100 * bdRate).toFixed(1)} %`;
      console.log(`BD-rate, ${words(at)}, ${pairName(receivers)}: ${percent} channel uses at the same PSNR`);
    }
  }
  for (const one of worse) {
    console.error(
      `blindlink: ${words(one.at)}, ${pairName(one.receivers)}: ${one.metric} went from ${format(one.before)} to ${format(one.after)}, beyond the bound of ${bounds.get(one.metric)!}`,
    );
  }
  // What is bounded must be there: a run that broke off would else pass.
  if (bounds.size > 0)
    for (const text of lost) console.error(`blindlink: ${text}; with --bound nothing may be missing`);
  if (worse.length > 0 || (bounds.size > 0 && lost.length > 0)) process.exitCode = 1;
}

function table(differences: readonly Difference[]): string {
  const rows = differences.map(({ at, receivers, metric, before, after, mean, low, high, n }) => [
    words(at),
    pairName(receivers),
    metric,
    format(before),
    format(after),
    `${mean >= 0 ? '+' : ''}${format(mean)} [${format(low)}, ${format(high)}]`,
    String(n),
  ]);
  const head = ['point', 'receiver', 'metric', 'first', 'second', 'difference, 95 % interval', 'frames'];
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  return [head, ...rows]
    .map((row) => row.map((cell, i) => (i < 3 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '))
    .join('\n');
}

const format = (value: number): string => (Math.abs(value) < 1 ? value.toFixed(4) : value.toFixed(2));

const pairName = ({ before, after }: ReceiverPair): string => (before === after ? before : `${before} → ${after}`);

function pairsOf(given: readonly string[]): ReceiverPair[] {
  return given.map((pair) => {
    const [before, after, ...rest] = pair.split('=');
    if (!before || !after || rest.length > 0) {
      throw new ConfigError('compare.receivers', `--receivers ${pair}: write it as FIRST=SECOND`);
    }
    return { before, after };
  });
}

function boundsOf(given: readonly string[]): Map<string, number> {
  const names = given.map((bound) => bound.split('=')[0]);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new ConfigError('compare.bound', `--bound ${twice}: is given twice; keep one of them`);
  return new Map(
    given.map((bound): [string, number] => {
      const [metric, text = '', ...rest] = bound.split('=');
      const value = Number(text);
      if (text.trim() === '' || rest.length > 0 || !(value >= 0) || !Number.isFinite(value)) {
        throw new ConfigError('compare.bound', `--bound ${bound}: write it as METRIC=X, X being 0 or more`);
      }
      return [metric, value];
    }),
  );
}

/** What is shown: of the default metrics those that differ anywhere. */
function shownMetrics(differences: readonly Difference[], given: string | undefined): readonly string[] {
  const known = [...new Set(differences.map(({ metric }) => metric))];
  if (given === undefined) {
    const bounded = boundedMetrics(differences);
    const moved = (metric: string): boolean =>
      differences.some((one) => one.metric === metric && (one.mean !== 0 || one.low !== 0 || one.high !== 0));
    return known.filter((metric) => metric === 'psnrDb' || (bounded.includes(metric) && moved(metric)));
  }
  return given.split(',').map((name) => {
    if (known.includes(name)) return name;
    const guess = nearest(name, known);
    throw new ConfigError(
      'compare.metric',
      `--metric ${name}: the folders have no such metric; ${guess === null ? `known: ${known.join(', ')}` : `did you mean ${guess}?`}`,
    );
  });
}
