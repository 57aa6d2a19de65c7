import { Matrix, solve } from 'ml-matrix';
import type { CodecCard } from '../../codec/card.js';
import { ConfigError } from '../../core/errors.js';
import { powerToDb } from '../../core/units.js';
import type { Symptoms } from '../../receiver/symptoms.js';
import {
  type ExpectedSymptoms,
  interpolate,
  LEAST_CONTRAST,
  NOISY_SNR_DB,
  verdictInputNames,
  verdictInputs,
  type VerdictModel,
} from '../../receiver/verdict.js';

/** One frame as one receiver met it. */
export interface VerdictSample {
  readonly condition: string;
  readonly fits: boolean;
  readonly receiver: string;
  readonly symptoms: Symptoms;
  readonly success: boolean;
  readonly psnrDb: number;
}

export interface VerdictQuality {
  readonly frames: number;
  readonly successes: number;
  readonly decoded: number;
  /** Of those called decoded, the share that are; null without any. */
  readonly precision: number | null;
  /** Of the successes, the share called decoded; null without any. */
  readonly recall: number | null;
}

export interface LearningOptions {
  /** Pixel variance below which pictures are promised by no receiver that searches, and teach none. */
  readonly leastContrast?: number | undefined;
  /** Share of the right frames where the model fits that must still be called decoded when a threshold rises for precision; default 0.95. */
  readonly recall?: number | undefined;
  /** What stays where no sample is of a receiver that searches: its model, and what is usual. */
  readonly before?: NonNullable<CodecCard['verdict']> | undefined;
}

/**
 * What samples teach: the usual symptoms from still frames with the channel known, then the models.
 * @throws ConfigError where there is nothing to learn from
 */
export function verdictFrom(
  samples: readonly VerdictSample[],
  { leastContrast, recall, before }: LearningOptions = {},
): NonNullable<CodecCard['verdict']> {
  const seen = expectedFrom(samples);
  if (seen.snrDb.length === 0) {
    throw new ConfigError(
      'verdict.samples',
      'no frame of perfect through a still channel came out right: nothing is known of what is usual',
    );
  }
  if (before !== undefined && samples.every(({ symptoms }) => symptoms.agreement === null)) {
    const { snrDb, phaseError = snrDb.map((at) => interpolate(seen.snrDb, seen.phaseError ?? [0], at)) } =
      before.expected;
    const usual = { ...before.expected, phaseError };
    return { ...before, expected: usual, informed: fitModel(samples, usual, recall) };
  }
  const expected = seen;
  const searching = samples.filter(
    ({ symptoms }) => symptoms.agreement !== null && symptoms.contrast >= (leastContrast ?? LEAST_CONTRAST),
  );
  const informed = samples.filter(({ symptoms }) => symptoms.agreement === null);
  if (searching.length === 0) {
    throw new ConfigError(
      'verdict.samples',
      'no frame of a receiver without pilots, and no verdict of theirs that could stay',
    );
  }
  return {
    expected,
    ...(leastContrast !== undefined && { leastContrast }),
    informed: fitModel(informed, expected, recall),
    blind: fitModel(searching, expected, recall),
  };
}

/** The usual symptoms by SNR: of still frames that `perfect` decoded rightly. */
export function expectedFrom(samples: readonly VerdictSample[]): NonNullable<CodecCard['verdict']>['expected'] {
  const still = samples.filter(
    ({ condition, receiver, success }) => /^still/.test(condition) && receiver === 'perfect' && success,
  );
  const levels = [...new Set(still.map(({ condition }) => condition))]
    .map((name) => still.filter(({ condition }) => condition === name))
    .sort((a, b) => a[0].symptoms.snr - b[0].symptoms.snr);
  const usual = (of: (symptoms: Symptoms) => number, least: number, share = 0.5): number[] =>
    levels.map((list) => {
      const values = list.map(({ symptoms }) => of(symptoms)).sort((a, b) => a - b);
      return round(Math.max(least, values[Math.floor(share * (values.length - 1))]));
    });
  const seen = (of: (symptoms: Symptoms) => number | null): boolean =>
    still.length > 0 && still.every(({ symptoms }) => of(symptoms) !== null);
  const deviation = (list: readonly VerdictSample[]): number => {
    const values = list.map(({ symptoms }) => symptoms.codewordGain ?? 0);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
  };
  return {
    snrDb: usual(({ snr }) => powerToDb(snr), -Infinity),
    residual: usual(({ residual }) => residual, 1e-3, 0.7),
    // A codec without a polarity network has no usual sign.
    // What three of four reach counts as usual.
    sign: usual(({ signLogOdds }) => signLogOdds ?? 1, 0.5, 0.2),
    roughness: usual(({ roughness }) => roughness, 1e-3, 0.8),
    ...(seen(({ codewordGain }) => codewordGain) && {
      codewordGain: usual(({ codewordGain }) => codewordGain ?? 0, -Infinity, 0.3),
      codewordGainSpread: levels.map((list) => round(Math.max(1e-3, deviation(list)))),
    }),
    phaseError: usual(({ phaseError }) => phaseError, 1e-3, 0.7),
    ...(seen(({ refinedVariance }) => refinedVariance) && {
      refinedResidual: usual(({ refinedResidual }) => refinedResidual ?? 1, 1e-3, 0.7),
      refinedVariance: usual(({ refinedVariance }) => refinedVariance ?? 1, 1e-6),
    }),
  };
}

/** Share of the frames called decoded, over all conditions, that are; and in each condition, of each receiver. */
const PRECISION = 0.995;
const LEAST_PRECISION = 0.99;
/** Share of right ones where the model fits that is called decoded at least: for more precision in each condition; for that over all of them. */
const RECALL = 0.95;
const LEAST_RECALL = 0.75;

/**
 * Logistic regression of success on the verdict's inputs, by Newton's method with a small ridge; then the least threshold at
 * which all conditions together keep the precision. Where that would leave too few of the frames that fit the model called
 * decoded, the threshold gives way as far as that needs; it rises again as long as conditions gain by it, down to `recall`.
 */
export function fitModel(samples: readonly VerdictSample[], expected: ExpectedSymptoms, recall = RECALL): VerdictModel {
  const rows = samples.map(({ symptoms }) => {
    const inputs = verdictInputs(expected, symptoms);
    return [1, ...verdictInputNames.map((name) => inputs[name])];
  });
  const size = rows[0].length;
  let weights = new Float64Array(size);
  const ridge = Array.from({ length: size }, (_, i) => (i === 0 ? 1e-6 : 0.05));
  for (let step = 0; step < 40; step++) {
    const gradient = ridge.map((r, i) => -r * weights[i]);
    const hessian = Matrix.diag(ridge);
    rows.forEach((row, n) => {
      const p = chanceOf(row, weights);
      const rest = (samples[n].success ? 1 : 0) - p;
      for (let i = 0; i < size; i++) {
        gradient[i] += rest * row[i];
        for (let j = 0; j < size; j++) hessian.set(i, j, hessian.get(i, j) + p * (1 - p) * row[i] * row[j]);
      }
    });
    const change = solve(hessian, Matrix.columnVector(gradient)).to1DArray();
    // Steps of at most two keep separable data from running away.
    const scale = Math.min(1, 2 / Math.max(...change.map(Math.abs)));
    weights = weights.map((w, i) => w + scale * change[i]);
  }
  const chances = rows.map((row) => chanceOf(row, weights));
  const byName = Object.fromEntries(verdictInputNames.map((name, i) => [name, round(weights[i + 1])])) as Record<
    (typeof verdictInputNames)[number],
    number
  >;
  const judged = samples.map((sample, n) => ({ ...sample, chance: chances[n] }));
  const [noisy, rest] = [true, false].map((noise) =>
    judged.filter(({ symptoms: { snr } }) => powerToDb(Math.max(snr, 1e-12)) < NOISY_SNR_DB === noise),
  );
  const decoded = thresholdOf(rest, recall);
  // Little is learnt from noise: it may ask for more than the rest does, never for less.
  const decodedInNoise = Math.max(decoded, thresholdOf(noisy, recall));
  return { intercept: round(weights[0]), ...byName, decoded, ...(noisy.length > 0 && { decodedInNoise }) };
}

type JudgedSample = VerdictSample & { readonly chance: number };

function thresholdOf(samples: readonly JudgedSample[], recall: number): number {
  const falling = [...samples].sort((a, b) => b.chance - a.chance);
  let wrong = 0;
  let threshold = 1;
  falling.forEach(({ success, chance }, n) => {
    if (!success) wrong++;
    if (wrong <= (1 - PRECISION) * (n + 1)) threshold = chance;
  });
  const fitting = samples
    .flatMap(({ fits, success, chance }) => (fits && success ? [chance] : []))
    .sort((a, b) => a - b);
  const leaving = (share: number): number =>
    fitting.length === 0 ? 1 : fitting[Math.floor((1 - share) * fitting.length)];
  const base = Math.max(0.5, Math.min(threshold, leaving(LEAST_RECALL)));
  // Only a threshold that leaves a wrong frame out can gain anything: the next chance above one.
  const rising = falling.map(({ chance }) => chance).reverse();
  const candidates = falling
    .flatMap(({ success, chance }) => (success ? [] : [rising.find((next) => next > chance) ?? 1]))
    .filter((candidate) => candidate > base && candidate <= leaving(recall));
  return [base, ...candidates].reduce((best, candidate) => {
    const gain = numBroken(samples, best) - numBroken(samples, candidate);
    return gain > 0 || (gain === 0 && candidate < best) ? candidate : best;
  });
}

/** Conditions, of each receiver, in which less than the least precision is kept. */
function numBroken(samples: readonly JudgedSample[], threshold: number): number {
  const groups = new Map<string, { decoded: number; wrong: number }>();
  for (const { condition, receiver, success, chance } of samples) {
    if (chance < threshold) continue;
    const key = `${condition} ${receiver}`;
    const group = groups.get(key) ?? { decoded: 0, wrong: 0 };
    groups.set(key, { decoded: group.decoded + 1, wrong: group.wrong + (success ? 0 : 1) });
  }
  return [...groups.values()].filter(({ decoded, wrong }) => wrong > (1 - LEAST_PRECISION) * decoded).length;
}

function chanceOf(row: readonly number[], weights: Float64Array): number {
  return 1 / (1 + Math.exp(-row.reduce((sum, v, i) => sum + v * weights[i], 0)));
}

/** How a model does on samples, by condition. */
export function qualityOf(
  samples: readonly VerdictSample[],
  isDecoded: (sample: VerdictSample) => boolean,
): Record<string, VerdictQuality> {
  const names = [...new Set(samples.map(({ condition }) => condition))];
  return Object.fromEntries(
    names.map((name) => {
      const mine = samples.filter(({ condition }) => condition === name);
      const decoded = mine.filter(isDecoded);
      const successes = mine.filter(({ success }) => success);
      const both = decoded.filter(({ success }) => success).length;
      return [
        name,
        {
          frames: mine.length,
          successes: successes.length,
          decoded: decoded.length,
          precision: decoded.length === 0 ? null : both / decoded.length,
          recall: successes.length === 0 ? null : both / successes.length,
        },
      ];
    }),
  );
}

const round = (value: number): number => Number(value.toPrecision(5));
