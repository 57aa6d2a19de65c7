/** One rule of messages between checks and bits, at work on one codeword. */
export interface DecoderEngine {
  /** @param llr [numBits] ln P(0)/P(1) */
  load(llr: Float32Array): void;
  /** Works through one row of the base graph. */
  layer(row: number): void;
  /** Whether the signs of a row's bits meet all its checks. */
  isMet(row: number): boolean;
  /** @param llr [numBits] the a-posteriori ratios */
  store(llr: Float32Array): void;
}
