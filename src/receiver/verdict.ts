import type { CodecCard } from '../codec/card.js';
import type { Verdict } from './receiver.js';

/** Used where a codec's card has no calibration: residual near 1 and a clear sign count as success. */
const UNCALIBRATED = { intercept: 4, logResidual: -4, signLogOdds: 0.3, agreement: 3 };

/** Above this chance of success a picture is called decoded; below the second it is called failed. */
const DECODED = 0.9;
const FAILED = 0.2;

/** Log-odds of the sign beyond this say nothing more. */
const SIGN_CAP = 8;

/**
 * The chance that a part of a frame was decoded, from what the receiver itself sees: the normalised residual
 * χ = ‖Y − Ĥ·E(x̂)‖²/(σ²·cells), the log-odds λ of the chosen sign, and the share α of starts that ended there:
 *
 *   P = 1 / (1 + exp(−(a + b·ln χ + c·min(λ, 8) + d·(α − 1))))
 *
 * a, b, c and d come from the codec's card, fitted on simulated frames (docs/receivers.md).
 */
export function successChance(card: CodecCard, residual: number, signLogOdds: number, agreement: number): number {
  const weights = card.verdict ?? UNCALIBRATED;
  const score =
    weights.intercept +
    weights.logResidual * Math.log(residual) +
    weights.signLogOdds * Math.min(signLogOdds, SIGN_CAP) +
    weights.agreement * (agreement - 1);
  return 1 / (1 + Math.exp(-score));
}

export function verdictOf(chance: number): Verdict {
  if (chance >= DECODED) return 'decoded';
  return chance < FAILED ? 'failed' : 'doubtful';
}
