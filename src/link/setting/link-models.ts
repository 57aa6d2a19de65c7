import { type Codec, openCodec } from '../../codec/codec.js';
import type { LinkConfig } from '../../config/schema.js';
import { findModel } from '../../core/shipped-models.js';
import { type Denoiser, openDenoiser } from '../../diffusion/denoiser.js';
import { openRuntime } from '../../runtime/open-runtime.js';
import type { Runtime } from '../../runtime/runtime.js';
import { needsPrior } from './create-receiver.js';

/** Networks that a link needs, and the runtime that runs them. */
export interface LinkModels {
  readonly codec: Codec;
  readonly runtime: Runtime;
  readonly denoiser: Denoiser | null;
}

/** Opens a link's networks for as long as `use` runs. */
export async function withModels<T>(config: LinkConfig, use: (models: LinkModels) => Promise<T>): Promise<T> {
  const cardPath = findModel('codec', config.codec);
  const runtime = await openRuntime(config.run);
  try {
    const codec = await openCodec(cardPath, runtime);
    const prior = config.prior ?? codec.card.prior;
    const denoiser =
      needsPrior(config) && prior !== undefined ? await openDenoiser(findModel('prior', prior), runtime) : null;
    return await use({ codec, runtime, denoiser });
  } finally {
    await runtime.dispose();
  }
}
