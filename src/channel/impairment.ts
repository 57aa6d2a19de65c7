import type { z } from 'zod';
import type { Rng } from '../core/rng.js';
import type { StreamBlock } from './stream-block.js';

/** What an impairment may need to know besides its own setting. */
export interface ImpairmentContext {
  readonly sampleRateHz: number;
  /** Mean power of the wanted signal, to which back-off and signal-to-interference ratios refer. */
  readonly signalPower: number;
  readonly rng: Rng;
}

/** An impairment of the simulated radio: its setting, where it stands, and what it does to samples. */
export interface Impairment<T> {
  /** Of the setting of its name under `channel`; it must allow for the impairment to be off (undefined or 0). */
  readonly schema: z.ZodType<T | undefined>;
  /** `tx`: before the channel. `rx`: after channel and thermal noise. */
  readonly side: 'tx' | 'rx';
  /**
   * Whether it is part of the response that `perfect` and the metrics call true: not (noise-like or not linear), the same
   * for all symbols of a packet, or changing within it.
   */
  readonly truth: 'no' | 'still' | 'moving';
  /** @throws ConfigError for a value out of range */
  create(value: T, context: ImpairmentContext): StreamBlock;
}
