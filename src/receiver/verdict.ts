import type { CodecCard } from '../codec/card.js';
import { type ComplexArray, meanPower } from '../core/complex.js';
import type { Verdict } from './receiver.js';

/** Used where a codec's card has no calibration: residual near 1 and a clear sign count as success. */
const UNCALIBRATED = { intercept: 4, logResidual: -4, signLogOdds: 0.3, agreement: 3 };

/** Above this chance of success a picture is called decoded; below the second it is called failed. */
const DECODED = 0.9;
const FAILED = 0.2;

/** Log-odds of the sign beyond this say nothing more. */
const SIGN_CAP = 20;

/** κ: what a codec's own distortion leaves of the codeword's power when a decoded picture is encoded again. */
const CODEC_DISTORTION = 0.02;

/** What a receiver sees of its own success. */
export interface Symptoms {
  /** χ = ‖Y − Ĥ·E(x̂)‖² / (σ²·cells). */
  readonly residual: number;
  /** Measured SNR, (mean |Y|² − σ²) / σ², linear. */
  readonly snr: number;
  /** λ, log-odds of the chosen sign; Infinity where the sign is not in question. */
  readonly signLogOdds: number;
  /** α, share of the starts that ended at the chosen taps. */
  readonly agreement: number;
}

/**
 * The chance that a part of a frame was decoded:
 *
 *   P = 1 / (1 + exp(−(a + b·ln(χ / (1 + κ·SNR)) + c·min(λ, 20) + d·(α − 1)))),  κ = 0.02
 *
 * χ is near 1 at low SNR; at high SNR the codec's distortion, not the noise, is what remains. a, b, c and d come from
 * the codec's card, fitted on simulated frames (docs/receivers.md).
 */
export function successChance(card: CodecCard, { residual, snr, signLogOdds, agreement }: Symptoms): number {
  const weights = card.verdict ?? UNCALIBRATED;
  const score =
    weights.intercept +
    weights.logResidual * Math.log(residual / (1 + CODEC_DISTORTION * Math.max(snr, 0))) +
    weights.signLogOdds * Math.min(signLogOdds, SIGN_CAP) +
    weights.agreement * (agreement - 1);
  return 1 / (1 + Math.exp(-score));
}

/** (mean |Y|² − σ²) / σ² over received cells. */
export const measuredSnr = (received: ComplexArray, noiseVariance: number): number =>
  meanPower(received) / noiseVariance - 1;

export function verdictOf(chance: number): Verdict {
  if (chance >= DECODED) return 'decoded';
  return chance < FAILED ? 'failed' : 'doubtful';
}
