import type { CodecCard } from '../codec/card.js';
import { type ComplexArray, meanPower } from '../core/complex.js';
import { powerToDb } from '../core/units.js';
import type { LinkSetting, Verdict } from './receiver.js';
import { expectedPsnrDb } from './expected-error.js';
import type { Symptoms } from './symptoms.js';

/** Below this chance a picture is called failed; between it and the card's threshold, doubtful. */
const FAILED = 0.2;

/** An SNR below this, or this far below the one that both ends are adapted to, is an obstacle: nothing can be promised. */
const LEAST_SNR_DB = -10;
const LEAST_BELOW_DESIGN_DB = 16;

/** Below this SNR most of a picture is lost in the noise, and a threshold of its own keeps the promise. */
export const NOISY_SNR_DB = -6;

/** A picture rougher than usual by e^this is as bad as any. */
const ROUGHNESS_CAP = 2;
/** An excess residual beyond e^this is as bad as any. */
const EXCESS_CAP = 3;

/** A phase error e^this times the usual is as bad as any; below so many rad none counts. */
const TURNED_CAP = 3;
const LEAST_TURN = 0.02;

/** PSNR above which a picture counts as received, dB (arXiv 2406.07390). */
export const SUCCESS_PSNR_DB = 15;
/** An expected PSNR this far from that is as good or as bad as any, dB. */
const MOST_PSNR_MARGIN_DB = 5;

/** A gain by the codec's statistics this many deviations below the usual is as bad as any. */
const LEAST_GAIN = 6;

/**
 * Pixel variance below which a receiver that searches promises nothing: no picture of four validation sets (2,000) has less than
 * 2.7·10⁻³, and an even surface of a rare colour looks as good upside down; a card may ask for more. What the chance is worth then.
 */
export const LEAST_CONTRAST = 2e-3;
const FLAT_SHARE = 0.5;

/** What rightly decoded frames show with the channel known, by SNR: the codec's own distortion and doubts are in it. */
export interface ExpectedSymptoms {
  readonly snrDb: readonly number[];
  /** χ₀. */
  readonly residual: readonly number[];
  /** λ₀, above 0. */
  readonly sign: readonly number[];
  /** Roughness, above 0. */
  readonly roughness: readonly number[];
  /** Gain by the codec's statistics and its scatter from frame to frame; the refiner's residual and variance. Absent: not looked at. */
  readonly codewordGain?: readonly number[] | undefined;
  readonly codewordGainSpread?: readonly number[] | undefined;
  readonly refinedResidual?: readonly number[] | undefined;
  readonly refinedVariance?: readonly number[] | undefined;
  /** Phase error of OFDM symbols, rad. Absent: not looked at. */
  readonly phaseError?: readonly number[] | undefined;
}

/** A logistic model of success and the chance from which a picture is called decoded. */
export interface VerdictModel {
  readonly intercept: number;
  readonly excess: number;
  readonly snr: number;
  readonly contrast: number;
  readonly roughness: number;
  readonly sign: number;
  readonly agreement: number;
  readonly gain: number;
  readonly misfit: number;
  readonly vagueness: number;
  readonly turned: number;
  readonly distortion: number;
  readonly decoded: number;
  readonly decodedInNoise?: number | undefined;
}

const PLAIN = {
  intercept: -2,
  excess: -6,
  snr: 1,
  contrast: 0,
  roughness: -3,
  sign: 10,
  gain: 0,
  misfit: 0,
  vagueness: 0,
  turned: 0,
  distortion: 0,
  decoded: 0.9,
};

/** Used where a codec's card has no calibration. */
export const UNCALIBRATED: NonNullable<CodecCard['verdict']> = {
  expected: {
    snrDb: [-10, 0, 10, 20, 30],
    residual: [1, 1.02, 1.1, 1.5, 4],
    sign: [3, 10, 20, 25, 25],
    roughness: [0.03, 0.06, 0.09, 0.1, 0.1],
  },
  informed: { ...PLAIN, agreement: 0 },
  blind: { ...PLAIN, agreement: 1 },
};

/** ln χ beyond what is expected at this SNR, 0…3: a residual that is smaller than expected proves nothing. */
export function excessResidual(expected: ExpectedSymptoms, residual: number, snr: number): number {
  const at = interpolate(expected.snrDb, expected.residual, powerToDb(Math.max(snr, 1e-6)));
  return Math.min(EXCESS_CAP, Math.max(0, Math.log(residual / at)));
}

/** The model's inputs by name. */
export function verdictInputs(expected: ExpectedSymptoms, symptoms: Symptoms): Record<VerdictInput, number> {
  const { residual, snr, contrast, roughness, signLogOdds, agreement } = symptoms;
  const { codewordGain, refinedResidual, refinedVariance } = symptoms;
  const snrDb = powerToDb(Math.max(snr, 1e-6));
  const at = (usual: readonly number[]): number => interpolate(expected.snrDb, usual, snrDb);
  const usualSign = at(expected.sign);
  const usualRoughness = at(expected.roughness);
  const psnrDb = expectedPsnrDb(symptoms.expectedError) ?? SUCCESS_PSNR_DB;
  /** 0 where nothing is known of it. */
  const beside = (
    value: number | null,
    usual: readonly number[] | undefined,
    compare: (value: number, usual: number) => number,
  ): number => (value === null || usual === undefined ? 0 : compare(value, at(usual)));
  return {
    excess: excessResidual(expected, residual, snr),
    snr: Math.min(15, Math.max(-15, snrDb)) / 10,
    contrast: Math.log(contrast + 1e-4),
    roughness: Math.min(ROUGHNESS_CAP, Math.max(0, Math.log((roughness + 1e-3) / usualRoughness))),
    // Nothing known of it counts as the usual.
    sign: signLogOdds === null ? 1 : Math.min(1, Math.max(-1, signLogOdds / usualSign)),
    agreement: (agreement ?? 1) - 1,
    gain: beside(codewordGain, expected.codewordGain, (value, usual) =>
      Math.min(1, Math.max(-LEAST_GAIN, (value - usual) / at(expected.codewordGainSpread ?? [1]))),
    ),
    misfit: beside(refinedResidual, expected.refinedResidual, (value, usual) =>
      Math.min(EXCESS_CAP, Math.max(-0.2, Math.log(value / usual))),
    ),
    vagueness: beside(refinedVariance, expected.refinedVariance, (value, usual) =>
      Math.min(1, Math.max(-1, Math.log(value / usual))),
    ),
    turned: beside(symptoms.phaseError, expected.phaseError, (value, usual) =>
      Math.min(TURNED_CAP, Math.max(0, Math.log((value + LEAST_TURN) / (usual + LEAST_TURN)))),
    ),
    distortion: Math.min(1, Math.max(-1, (psnrDb - SUCCESS_PSNR_DB) / MOST_PSNR_MARGIN_DB)),
  };
}

export const verdictInputNames = [
  'excess',
  'snr',
  'contrast',
  'roughness',
  'sign',
  'agreement',
  'gain',
  'misfit',
  'vagueness',
  'turned',
  'distortion',
] as const;
type VerdictInput = (typeof verdictInputNames)[number];

/** A verdict with the chance of success behind it. */
export interface Judged {
  readonly chance: number;
  readonly verdict: Verdict;
}

/**
 * The chance that a picture (or a part of it) was decoded, and the verdict:
 *
 *   P = 1 / (1 + exp(−(a + Σ_i w_i f_i))),   f = (ln χ/χ₀ in 0…3, SNR, ln contrast, ln roughness/usual in 0…2, λ/λ₀ in −1…1, α − 1,
 *   (gain − usual)/scatter in −6…1, ln refined residual/usual in −0.2…3, ln refined variance/usual in −1…1, ln phase error/usual in 0…3,
 *   (expected PSNR − 15 dB)/5 dB in −1…1)
 *
 * The usual values are those of rightly decoded frames at that SNR: more than they show proves nothing. Receivers that know their channel and those that search for it have
 * weights of their own. `decoded` asks for the card's threshold: the least at which 99.5 % of the pictures called so are right over
 * the conditions it was calibrated on, wrong models of the channel and foreign signals included, unless that left too few
 * right ones (docs/receivers.md says what is kept); below −6 dB of SNR one of its own. An SNR far below the design's is an obstacle whatever P says.
 */
export function judgeSymptoms(setting: Pick<LinkSetting, 'codec' | 'snrDb'>, symptoms: Symptoms): Judged {
  const { expected, informed, blind, leastContrast = LEAST_CONTRAST } = setting.codec.card.verdict ?? UNCALIBRATED;
  const model = symptoms.agreement === null ? informed : blind;
  const inputs = verdictInputs(expected, symptoms);
  const score = verdictInputNames.reduce((sum, name) => sum + model[name] * inputs[name], model.intercept);
  const chance = Number.isFinite(score) ? 1 / (1 + Math.exp(-score)) : 0;
  const judged = verdictOf(setting, symptoms.snr, chance, model);
  const unheardOf = symptoms.agreement !== null && symptoms.contrast < leastContrast;
  return unheardOf ? lowered(judged, FLAT_SHARE) : judged;
}

/** The verdict at a chance of success, unless the SNR forbids any promise. */
function verdictOf(setting: Pick<LinkSetting, 'snrDb'>, snr: number, chance: number, model: VerdictModel): Judged {
  const snrDb = powerToDb(Math.max(snr, 1e-12));
  const decoded = snrDb < NOISY_SNR_DB ? (model.decodedInNoise ?? model.decoded) : model.decoded;
  const hopeless = snrDb < LEAST_SNR_DB || snrDb < setting.snrDb - LEAST_BELOW_DESIGN_DB;
  if (hopeless) return { chance: Math.min(chance, FAILED / 2), verdict: 'failed' };
  if (chance >= decoded) return { chance, verdict: 'decoded' };
  return { chance, verdict: chance < FAILED ? 'failed' : 'doubtful' };
}

/**
 * The same where another picture is shown than the one that was judged, with a larger expected error: the chance is what the verdict's
 * logistic model makes of it. Never higher than before.
 */
export function judgedWithError(
  setting: Pick<LinkSetting, 'codec' | 'snrDb'>,
  { chance, verdict }: Judged,
  symptoms: Symptoms,
  expectedError: number | null,
): Judged {
  const { expected, informed, blind } = setting.codec.card.verdict ?? UNCALIBRATED;
  const model = symptoms.agreement === null ? informed : blind;
  const marginOf = (error: number | null): number =>
    verdictInputs(expected, { ...symptoms, expectedError: error }).distortion;
  const shift = Math.min(0, model.distortion * (marginOf(expectedError) - marginOf(symptoms.expectedError)));
  if (shift === 0 || chance === 0) return { chance, verdict };
  const odds = (chance / (1 - chance)) * Math.exp(shift);
  const judged = verdictOf(setting, symptoms.snr, odds === Infinity ? 1 : odds / (1 + odds), model);
  return {
    chance: judged.chance,
    verdict: VERDICTS[Math.min(...[verdict, judged.verdict].map((v) => VERDICTS.indexOf(v)))],
  };
}

/** From the least promise to the most. */
const VERDICTS: readonly Verdict[] = ['failed', 'doubtful', 'decoded'];

/** A verdict that something else lowers: the chance times `share`, 0…1. */
export function lowered({ chance, verdict }: Judged, share: number): Judged {
  if (share >= 1) return { chance, verdict };
  const left = chance * share;
  return {
    chance: left,
    verdict: left < FAILED ? 'failed' : verdict === 'decoded' && share > 0.9 ? verdict : 'doubtful',
  };
}

/** (mean |Y|² − σ²) / σ² over received elements. */
export const measuredSnr = (received: ComplexArray, noiseVariance: number): number =>
  meanPower(received) / noiseVariance - 1;

/** The same over some of them. */
export function measuredSnrOver(received: ComplexArray, elements: Int32Array, noiseVariance: number): number {
  let sum = 0;
  for (const at of elements) sum += received.re[at] ** 2 + received.im[at] ** 2;
  return sum / elements.length / noiseVariance - 1;
}

/** Contrast and roughness of a picture [3,H,W]; see `Symptoms`. */
export function textureOf(picture: Float32Array, width: number): Pick<Symptoms, 'contrast' | 'roughness'> {
  const size = picture.length / 3;
  const height = size / width;
  let variance = 0;
  let steps = 0;
  for (let c = 0; c < 3; c++) {
    let sum = 0;
    let square = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = c * size + y * width + x;
        const v = picture[at];
        sum += v;
        square += v * v;
        if (x + 1 < width) steps += (picture[at + 1] - v) ** 2;
        if (y + 1 < height) steps += (picture[at + width] - v) ** 2;
      }
    }
    variance += square / size - (sum / size) ** 2;
  }
  const contrast = Math.max(0, variance / 3);
  return { contrast, roughness: contrast < 1e-6 ? 0 : steps / (6 * size) / (2 * contrast) };
}

/** Straight lines between the points, constant beyond them. */
export function interpolate(x: readonly number[], y: readonly number[], at: number): number {
  const last = x.length - 1;
  if (at <= x[0]) return y[0];
  if (at >= x[last]) return y[last];
  const i = x.findIndex((v) => v > at) - 1;
  return y[i] + ((y[i + 1] - y[i]) * (at - x[i])) / (x[i + 1] - x[i]);
}
