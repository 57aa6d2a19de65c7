import { type CodecCard, readCard } from '../../codec/card.js';
import { type Codec, openCodec, OWN_DECODER, PERCEPTUAL_DECODER, rendererOf } from '../../codec/codec.js';
import type { LinkConfig } from '../../config/schema.js';
import { ConfigError, FormatError } from '../../core/errors.js';
import { findModel } from '../../core/shipped-models.js';
import { type Denoiser, openDenoiser } from '../../diffusion/denoiser.js';
import { openRuntime } from '../../runtime/open-runtime.js';
import type { Runtime } from '../../runtime/runtime.js';
import { findReceivers, needsPrior, type ReceiverDescriptor } from './receivers.js';

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
    receiver.decoder ?? wantsPerceptual(receivers),
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

const wantsPerceptual = (receivers: readonly ReceiverDescriptor[]): boolean =>
  receivers.some(({ perceptual }) => perceptual === true);

/** The decoder besides the codec's own that any of the receivers shows; null for none. Throws ConfigError where the codec lacks it. */
function furtherDecoder(
  { decoder }: LinkConfig['receiver'],
  card: CodecCard,
  receivers: readonly ReceiverDescriptor[],
): string | null {
  if (decoder === OWN_DECODER) return null;
  if (decoder !== null) {
    // A sender has no use for it, but is the first to see a setting that no receiver can take.
    rendererOf(card, decoder);
    return receivers.length === 0 ? null : decoder;
  }
  return wantsPerceptual(receivers) && Object.hasOwn(card.decoders, PERCEPTUAL_DECODER) ? PERCEPTUAL_DECODER : null;
}

/** Refuses the share of a decoder that is not named, or is the codec's own. Throws ConfigError. */
function expectDecoderOfShare({ decoder, decoderShare }: LinkConfig['receiver'], card: CodecCard): void {
  if ((decoder !== null && decoder !== OWN_DECODER) || decoderShare === 1) return;
  const [other] = Object.keys(card.decoders);
  const what =
    other === undefined
      ? `codec ${card.name} has no decoder but its own; leave the share out`
      : decoder === null
        ? `of which decoder? name it in receiver.decoder (--decoder ${other}), or leave the share out (1)`
        : `the own decoder has none; name another (--decoder ${other}), or leave the share out (1)`;
  throw new ConfigError('config.decoderShare', `receiver.decoderShare ${decoderShare}: ${what}`);
}

/**
 * Opens a link's networks: the codec, and the prior where one of the receivers needs it.
 * @param descriptors of its receivers, none for a sender; by default those that the configuration names
 * @throws LinkError for models that are not there or do not fit
 */
export async function openModels(config: LinkConfig, descriptors?: readonly ReceiverDescriptor[]): Promise<OpenModels> {
  const { decoder } = config.receiver;
  const receivers = descriptors ?? (await findReceivers(config));
  const cardPath = findModel('codec', config.codec);
  const runtime = await openRuntime(config.run);
  try {
    const { card } = readCard(cardPath);
    expectDecoderOfShare(config.receiver, card);
    const further = furtherDecoder(config.receiver, card, receivers);
    const codec = await openCodec(cardPath, runtime, further).catch((error: unknown) => {
      // Nobody asked for that decoder by name.
      const byDefault = decoder === null && further !== null && error instanceof FormatError;
      if (!byDefault || !error.message.includes(card.decoders[further])) throw error;
      throw new FormatError(error.code, `${error.message}, or show the codec's own decoder: --decoder own`, {
        cause: error,
      });
    });
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
