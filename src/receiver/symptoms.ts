/** What a receiver sees of its own success, of a frame or of a part of one that was solved apart. */
export interface Symptoms {
  /** χ = ‖Y − Ĥ·E(x̂)‖² / (σ²·cells). */
  readonly residual: number;
  /** Measured SNR of the same cells, (mean |Y|² − σ²) / σ², linear. */
  readonly snr: number;
  /** Variance of the decoded picture's pixels: a codec can only fail on what has contrast. */
  readonly contrast: number;
  /** λ, log-odds of the chosen sign; null where the sign is not in question. */
  readonly signLogOdds: number | null;
  /** α, share of the starts that ended at the chosen taps; 1 without a search. */
  readonly agreement: number;
}
