import type { CodecCard } from '../../codec/card.js';
import type { LinkConfig } from '../../config/schema.js';
import { ConfigError } from '../../core/errors.js';
import type { Rng } from '../../core/rng.js';
import type { Denoiser } from '../../diffusion/denoiser.js';
import { createBlindDiffcom } from '../../receiver/sampling/blind-diffcom.js';
import { createBlindEm } from '../../receiver/blind/blind-em.js';
import { createBlindHifi } from '../../receiver/sampling/blind-hifi.js';
import type { BlindEmConfig } from '../../receiver/blind/iterations.js';
import { createChannelKnowledge } from '../../receiver/sampling/channel-knowledge.js';
import { createDiffcom, createHifiDiffcom } from '../../receiver/sampling/diffcom.js';
import { createPerfect } from '../../receiver/perfect.js';
import { createPilot } from '../../receiver/pilot.js';
import type { LinkSetting, Receiver, ReceiverName } from '../../receiver/receiver.js';
import type { Runtime } from '../../runtime/onnx-runtime.js';

/** What receivers run on. */
export interface ReceiverParts {
  readonly runtime: Runtime;
  readonly denoiser: Denoiser | null;
}

/** A receiver by its name, with the configuration's settings. @throws ConfigError for what it cannot do without */
export function createReceiver(
  name: ReceiverName,
  config: LinkConfig,
  setting: LinkSetting,
  { runtime, denoiser }: ReceiverParts,
  rng: Rng,
): Receiver {
  if (setting.layout.side !== null && !takesMask.includes(name)) {
    throw new ConfigError(
      'receiver.mask',
      `receiver ${name}: codec ${setting.codec.card.name} sends another choice of latents with each picture, ` +
        `which only ${takesMask.join(' and ')} take; use --receiver ${takesMask.join(',')} or another codec`,
    );
  }
  const { equaliser, pilot, diffcom, hifiDiffcom, blindDiffcom, blindHifi } = config.receiver;
  const blindEm = blindEmConfigOf(config.receiver.blindEm, setting.codec.card);
  const knowledge = (): ReturnType<typeof createChannelKnowledge> => {
    const kind = name === 'diffcom' ? diffcom.knowledge : hifiDiffcom.knowledge;
    const options = { receiver: name, kind, estimator: pilot.estimator, blindEm };
    return createChannelKnowledge(setting, options, runtime, rng);
  };
  switch (name) {
    case 'perfect':
      return createPerfect(setting, equaliser);
    case 'pilot':
      return createPilot(setting, { estimator: pilot.estimator, equaliser });
    case 'blind-em':
      return createBlindEm(setting, blindEm, runtime, rng);
    case 'diffcom':
      return createDiffcom(setting, diffcom, knowledge(), priorOf(name, denoiser), runtime, rng);
    case 'hifi-diffcom':
      return createHifiDiffcom(setting, hifiDiffcom, knowledge(), priorOf(name, denoiser), runtime, rng);
    case 'blind-diffcom':
      return createBlindDiffcom(setting, blindDiffcom, priorOf(name, denoiser), runtime, rng);
    case 'blind-hifi':
      return createBlindHifi(
        setting,
        { ...blindHifi, steps: hifiSteps(blindHifi), blindEm },
        priorOf(name, denoiser),
        runtime,
        rng,
      );
  }
}

/** Receivers that decode frame by frame; all others build on one layout, or its statistics, for all frames. */
const takesMask: readonly ReceiverName[] = ['perfect', 'pilot'];

const STEPS_OF_QUALITY = { fast: 6, balanced: 20, best: 60 } as const;

const hifiSteps = ({ steps, quality }: LinkConfig['receiver']['blindHifi']): number =>
  steps ?? STEPS_OF_QUALITY[quality];

const withPrior: readonly ReceiverName[] = ['diffcom', 'hifi-diffcom', 'blind-diffcom', 'blind-hifi'];

/** Whether any receiver of a configuration needs a prior. */
export const needsPrior = (config: LinkConfig): boolean =>
  config.receiver.names.some((name) => withPrior.includes(name));

function priorOf(name: ReceiverName, denoiser: Denoiser | null): Denoiser {
  if (denoiser !== null) return denoiser;
  throw new ConfigError('receiver.prior', `receiver ${name}: needs a picture prior; name one with --prior`);
}

/** The user's settings, then the card's advice, then defaults. */
function blindEmConfigOf(given: LinkConfig['receiver']['blindEm'], card: CodecCard): BlindEmConfig {
  const advice = card.blindEm ?? {};
  const initialStarts = given.initialStarts ?? advice.initialStarts ?? 1;
  return {
    ...given,
    rank: given.rank ?? advice.rank ?? 64,
    passes: given.passes ?? advice.passes ?? 20,
    initialStarts,
    refinements: given.refinements ?? advice.refinements ?? 6,
    starts: Math.max(given.starts, initialStarts),
  };
}
