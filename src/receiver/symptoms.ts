/** What a receiver sees of its own success, of a frame or of a part of one that was solved apart. */
export interface Symptoms {
  /** χ = ‖Y − Ĥ·E(x̂)‖² / (σ²·elements). */
  readonly residual: number;
  /** Measured SNR of the same resource elements, (mean |Y|² − σ²) / σ², linear. */
  readonly snr: number;
  /** Variance of the decoded picture's pixels: a codec can only fail on what has contrast. */
  readonly contrast: number;
  /** Mean squared step between neighbouring pixels over twice that variance: 1 for white noise, little for pictures. */
  readonly roughness: number;
  /**
   * λ, the polarity network's log-odds that the equalised codeword is one, the right way up (mean over a frame's tiles): what is
   * no codeword of this codec has none to speak of. Of the superimposed pilot where there is no network; null without either.
   */
  readonly signLogOdds: number | null;
  /** α, share of the starts that ended at the chosen taps; null for a receiver that does not search. */
  readonly agreement: number | null;
  /**
   * Mean over latents of log p(Y|Ĥ) under the codec's statistics less that under a white codeword, nats: what is no codeword of
   * this codec gains little by them. Null for a codec without statistics.
   */
  readonly codewordGain: number | null;
  /** Mean of w·((q/w − E[z])² + Var[z]) over latents under the codec's refiner: 1 where its model holds. Null without one. */
  readonly refinedResidual: number | null;
  /** Mean Var[z] over latents under the codec's refiner: what it knows less of than usual is hardly a codeword. Null without one. */
  readonly refinedVariance: number | null;
  /** How far OFDM symbols are turned against the decoded picture's codeword, rad; see `phaseErrorOver`. */
  readonly phaseError: number;
  /** Expected squared error of the decoded picture's pixels in [0,1], see `expectedErrors`. Null for a codec without a distortion network. */
  readonly expectedError: number | null;
}
