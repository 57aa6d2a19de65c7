import type { LinkConfig } from '../../config/schema.js';
import type { SteerableSetting } from '../../core/steerable.js';
import type { Rng } from '../../core/rng.js';
import type { Denoiser } from '../../diffusion/denoiser.js';
import type { LinkSetting, Receiver } from '../../receiver/receiver.js';
import type { Runtime } from '../../runtime/runtime.js';

/** What a receiver is made from. */
export interface ReceiverContext {
  readonly config: LinkConfig;
  /** What the user set under `receiver.options.<name>`; the receiver itself checks it. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly setting: LinkSetting;
  readonly runtime: Runtime;
  /** The picture prior; null for receivers whose descriptor asks for none. */
  readonly denoiser: Denoiser | null;
  /** Randomness of this receiver's own. */
  readonly rng: Rng;
  /** Whether frames are sent for this receiver alone where it asks for that: only the simulated link does. */
  readonly simulated?: boolean;
}

/** What the link must know of a receiver before there is one. */
export interface ReceiverDescriptor {
  readonly name: string;
  /** One line for lists. */
  readonly about: string;
  /** Needs a picture prior. */
  readonly prior?: boolean;
  /** Needs the true channel whatever its settings: only simulation has it. */
  readonly truth?: boolean;
  /** Its picture is the codec's decoder's of what it equalised, so another decoder of the codec can give it. */
  readonly decodes?: boolean;
  /** Is about how pictures look: unless another decoder is named, it shows and uses the codec's perceptual one where there is one. */
  readonly perceptual?: boolean;
  /** Decodes frame by frame, so each frame may have a layout of its own (codecs with a mask). */
  readonly takesMasks?: boolean;
  /** Has a transmitter of its own: only the simulated link sends frames that are not the codec's. */
  readonly ownFrames?: boolean;
  /** Settings of its own that the live page shows, and may change while it runs. */
  readonly steerable?: readonly SteerableSetting[];
  /** @throws ConfigError for what it cannot do without */
  create(context: ReceiverContext): Receiver;
}
