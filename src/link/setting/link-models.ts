import type { CodecCard } from '../../codec/card.js';
import { type Codec, openCodec, rendererOf } from '../../codec/codec.js';
import type { LinkConfig } from '../../config/schema.js';
import { ConfigError } from '../../core/errors.js';
import { findModel } from '../../core/shipped-models.js';
import { type Denoiser, openDenoiser } from '../../diffusion/denoiser.js';
import { openRuntime } from '../../runtime/open-runtime.js';
import type { Runtime } from '../../runtime/runtime.js';
import { needsPrior, type ReceiverDescriptor } from './receivers.js';

/** Networks that a link needs, and the runtime that runs them. */
export interface LinkModels {
  readonly codec: Codec;
  readonly runtime: Runtime;
  /** The picture prior; null where no receiver needs one. */
  readonly denoiser: Denoiser | null;
}

/** Models that must be given back. */
export interface OpenModels extends LinkModels {
  dispose(): Promise<void>;
}

/** Which settings the models depend on: while this stays, they may be kept. */
export const modelsKey = (
  { codec, prior, run, receiver }: LinkConfig,
  receivers: readonly ReceiverDescriptor[],
): string =>
  JSON.stringify([
    codec,
    receiver.decoder,
    prior,
    run.runtime,
    run.backend,
    run.executionProvider,
    run.precision,
    run.threads,
    needsPrior(receivers),
  ]);

/** The picture prior of a link; undefined where no receiver needs one, or none is named. */
export const priorOf = (
  config: LinkConfig,
  receivers: readonly ReceiverDescriptor[],
  card: Pick<CodecCard, 'prior'>,
): string | undefined => (needsPrior(receivers) ? (config.prior ?? card.prior) : undefined);

/**
 * Opens a link's networks: the codec, and the prior where one of the receivers needs it.
 * @param receivers none for a sender
 * @throws LinkError for models that are not there or do not fit
 */
export async function openModels(
  config: LinkConfig,
  receivers: readonly ReceiverDescriptor[] = [],
): Promise<OpenModels> {
  const { decoder, decoderShare } = config.receiver;
  if (decoder === null && decoderShare !== 1) {
    throw new ConfigError(
      'config.decoderShare',
      `receiver.decoderShare ${decoderShare}: of which decoder? name it in receiver.decoder (--decoder perceptual)`,
    );
  }
  const cardPath = findModel('codec', config.codec);
  const runtime = await openRuntime(config.run);
  try {
    const codec = await openCodec(cardPath, runtime, receivers.length === 0 ? null : decoder);
    // A sender has no use for it, but is the first to see a setting that no receiver can take.
    if (decoder !== null) rendererOf(codec.card, decoder);
    const prior = priorOf(config, receivers, codec.card);
    const denoiser = prior === undefined ? null : await openDenoiser(findModel('prior', prior), runtime);
    return { codec, runtime, denoiser, dispose: () => runtime.dispose() };
  } catch (error) {
    await runtime.dispose();
    throw error;
  }
}

/** Opens a link's networks for as long as `use` runs. */
export async function withModels<T>(
  config: LinkConfig,
  receivers: readonly ReceiverDescriptor[],
  use: (models: LinkModels) => Promise<T>,
): Promise<T> {
  const models = await openModels(config, receivers);
  try {
    return await use(models);
  } finally {
    await models.dispose();
  }
}
