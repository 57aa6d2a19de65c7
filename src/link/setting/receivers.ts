import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CodecCard } from '../../codec/card.js';
import { showingOwn } from '../../codec/codec.js';
import { nearest } from '../../config/nearest.js';
import type { LinkConfig } from '../../config/schema.js';
import type { SteerableSetting } from '../../core/steerable.js';
import { ConfigError, LinkError, firstLine } from '../../core/errors.js';
import type { Denoiser } from '../../diffusion/denoiser.js';
import { createBlindEm } from '../../receiver/blind/blind-em.js';
import type { BlindEmConfig } from '../../receiver/blind/iterations.js';
import { DOPPLERS } from '../../receiver/moving-estimators.js';
import { createPerfect } from '../../receiver/perfect.js';
import { createPilot } from '../../receiver/pilot.js';
import { latentsOfElements } from '../../receiver/equalise.js';
import { renderLatents } from '../../receiver/informed.js';
import type { LinkSetting, Receiver } from '../../receiver/receiver.js';
import { createBlindDiffcom, createBlindHifiDiffcom } from '../../receiver/sampling/blind-diffcom.js';
import { createBlindHifi } from '../../receiver/sampling/blind-hifi.js';
import { type ChannelKnowledge, createChannelKnowledge } from '../../receiver/sampling/channel-knowledge.js';
import { createDiffcom, createHifiDiffcom } from '../../receiver/sampling/diffcom.js';
import { baselineDescriptor, baselineNames, baselinesOf, ownFramesError } from './baselines.js';
import { checkedReceiver } from './checked-receiver.js';
import type { ReceiverContext, ReceiverDescriptor } from './receiver-descriptor.js';

export type { ReceiverContext, ReceiverDescriptor } from './receiver-descriptor.js';

/** ζ_x and ζ_h of Blind-DiffCom's variants. */
const BLIND_STEP_SIZES = { normalised: [0.125, 0.5], paper: [0.3, 0.1], reference: [1, 0.2] } as const;

/** Shares of the sample by the decoder that is shown: a little of it gives back PSNR that a perceptual one costs, at the same LPIPS (D-135, D-148). */
const PERCEPTION = {
  hifiDiffcom: { own: 1, other: 0.2 },
  blindHifi: { own: 0.5, other: 0.3 },
} as const;

/** How much of the perceptual decoder blind-hifi shows where nobody says: most of its looks for half of its error (D-161). */
const PERCEPTUAL_SHARE = 0.8;

const showsOwn = ({ codec }: LinkSetting): boolean => codec.shown === codec.decoder;

const STEPS_OF_QUALITY = { fast: 6, balanced: 20, best: 60 } as const;

const stepsOf = (receiver: string, section: string): SteerableSetting => ({
  kind: 'number',
  path: `receiver.${section}.steps`,
  label: `${receiver} steps`,
  min: 1,
  max: 1000,
  step: 1,
  optional: 'all',
});

/** The receivers that come with blindlink, in the order in which they are listed. */
export const builtinReceivers: readonly ReceiverDescriptor[] = [
  {
    name: 'perfect',
    about: 'the true channel: the upper bound (perfect CSI)',
    truth: true,
    decodes: true,
    takesMasks: true,
    create: ({ config, setting }) => createPerfect(setting, config.receiver.equaliser),
  },
  {
    name: 'pilot',
    about: 'channel from pilots, LMMSE, equaliser, decoder',
    decodes: true,
    takesMasks: true,
    steerable: [
      {
        kind: 'choice',
        path: 'receiver.pilot.estimator',
        label: 'pilot estimator',
        choices: ['lmmse', 'lmmse-scalar', 'ls'],
      },
    ],
    create: ({ config, setting }) =>
      createPilot(setting, { ...config.receiver.pilot, equaliser: config.receiver.equaliser }),
  },
  {
    name: 'blind-em',
    about: 'no pilots: EM over channel taps and codeword statistics',
    decodes: true,
    create: (context) => createBlindEm({ ...context, config: blindEmConfigOf(context) }),
  },
  {
    name: 'diffcom',
    about: 'DiffCom (arXiv 2406.07390, algorithm 1)',
    prior: true,
    takesMasks: true,
    steerable: [stepsOf('diffcom', 'diffcom')],
    create: (context) => {
      const config = context.config.receiver.diffcom;
      return createDiffcom({
        ...sampler(context),
        config,
        knowledge: knowledgeOf('diffcom', config.knowledge, context),
      });
    },
  },
  {
    name: 'hifi-diffcom',
    about: 'HiFi-DiffCom (algorithm 2)',
    prior: true,
    perceptual: true,
    takesMasks: true,
    steerable: [stepsOf('hifi-diffcom', 'hifiDiffcom')],
    create: (context) => {
      const { hifiDiffcom } = context.config.receiver;
      const perception = hifiDiffcom.perception ?? PERCEPTION.hifiDiffcom[showsOwn(context.setting) ? 'own' : 'other'];
      const knowledge = knowledgeOf('hifi-diffcom', hifiDiffcom.knowledge, context);
      return createHifiDiffcom({ ...sampler(context), config: { ...hifiDiffcom, perception }, knowledge });
    },
  },
  {
    name: 'blind-diffcom',
    about: 'Blind-DiffCom (algorithm 3): picture and taps sampled jointly, no pilots',
    prior: true,
    takesMasks: true,
    steerable: [stepsOf('blind-diffcom', 'blindDiffcom')],
    create: (context) => {
      const given = context.config.receiver.blindDiffcom;
      const [picture, channel] = BLIND_STEP_SIZES[given.variant];
      const step = { zetaPicture: given.zetaPicture ?? picture, zetaChannel: given.zetaChannel ?? channel };
      return createBlindDiffcom({ ...sampler(context), config: { ...given, ...step } });
    },
  },
  {
    name: 'blind-hifi-diffcom',
    about: 'Blind-DiffCom with HiFi-DiffCom’s confirming term, no pilots',
    prior: true,
    takesMasks: true,
    steerable: [stepsOf('blind-hifi-diffcom', 'blindHifiDiffcom')],
    create: (context) =>
      createBlindHifiDiffcom({ ...sampler(context), config: context.config.receiver.blindHifiDiffcom }),
  },
  {
    name: 'blind-hifi',
    about: 'no pilots: blind-em, then a few steps of a diffusion prior',
    prior: true,
    perceptual: true,
    steerable: [
      {
        kind: 'choice',
        path: 'receiver.blindHifi.quality',
        label: 'blind-hifi quality',
        choices: Object.keys(STEPS_OF_QUALITY),
      },
      {
        kind: 'number',
        path: 'receiver.blindHifi.perception',
        label: 'blind-hifi perception',
        min: 0,
        max: 1,
        step: 0.05,
        range: true,
        optional: 'by decoder',
      },
    ],
    create: (context) => {
      const { blindHifi, decoder } = context.config.receiver;
      const own = showsOwn(context.setting);
      const setting =
        decoder === null && !own ? { ...context.setting, decoderShare: PERCEPTUAL_SHARE } : context.setting;
      const { steps = STEPS_OF_QUALITY[blindHifi.quality] } = blindHifi;
      const perception = blindHifi.perception ?? PERCEPTION.blindHifi[own ? 'own' : 'other'];
      const config = { ...blindHifi, steps, perception, blindEm: blindEmConfigOf(context) };
      return createBlindHifi({ ...sampler(context), setting, config });
    },
  },
  ...baselineNames.map((name) => baselineDescriptor(name)),
];

/** A receiver's name that is a file: the module exports a descriptor. */
export const isFile = (name: string): boolean => /\.(m|c)?js$/.test(name);

/**
 * The descriptors that a configuration names: built-in ones, the caller's own, and files.
 *
 * @param own receivers of the caller, which may take a built-in one's place
 * @throws ConfigError for unknown names (with the nearest right one) and files that are not receivers
 */
export async function findReceivers(
  config: LinkConfig,
  own: readonly ReceiverDescriptor[] = [],
): Promise<readonly ReceiverDescriptor[]> {
  const known = knownReceivers([...namedBaselines(config), ...own]);
  const found: ReceiverDescriptor[] = [];
  for (const name of config.receiver.names) {
    const descriptor = known.find((one) => one.name === name) ?? (isFile(name) ? await loadReceiver(name) : null);
    if (descriptor === null) throw unknownReceiver(name, known);
    if (!RECEIVER_NAME.test(descriptor.name) || descriptor.name === SENT) {
      throw new ConfigError(
        'config.receiver',
        `receiver ${JSON.stringify(descriptor.name)}: a receiver's name is of letters, digits, - _ . and +, and not ${SENT}, which is the sent picture in results; rename it`,
        { value: descriptor.name },
      );
    }
    if (found.some((one) => one.name === descriptor.name)) {
      throw new ConfigError('config.receiver', `receiver ${descriptor.name}: is named twice; name each once`);
    }
    found.push(descriptor);
  }
  return found;
}

/**
 * Refuses options of a receiver that there is not. Throws ConfigError.
 * @param receivers of all the links that the options are for: points of a campaign share them
 */
export function expectOptions(config: LinkConfig, receivers: readonly ReceiverDescriptor[]): void {
  for (const name of Object.keys(config.receiver.options)) {
    if (receivers.some((one) => one.name === name)) continue;
    const names = [...new Set(receivers.map((one) => one.name))];
    const guess = nearest(name, names);
    throw new ConfigError(
      'config.receiver',
      `receiver.options.${name}: no receiver of that name is there, but ${names.join(', ')}` +
        (guess === null ? '' : `; did you mean ${guess}?`),
      { value: name },
    );
  }
}

const RECEIVER_NAME = /^\w[\w.+-]*$/;

/** The conventional links that a configuration describes. Throws ConfigError where one has the name of something else. */
function namedBaselines(config: LinkConfig): readonly ReceiverDescriptor[] {
  const baselines = baselinesOf(config);
  const taken = baselines.find(
    ({ name }) => name === SENT || builtinReceivers.some((one) => one.name === name && one.ownFrames !== true),
  );
  if (taken === undefined) return baselines;
  throw new ConfigError(
    'config.baseline',
    `receiver.baselines.${taken.name}: is the name of ${taken.name === SENT ? 'the sent picture in results' : 'a receiver'}; choose another`,
  );
}

/** What results call the sent picture. */
const SENT = 'sent';

const knownReceivers = (own: readonly ReceiverDescriptor[]): readonly ReceiverDescriptor[] => [
  ...own,
  ...builtinReceivers.filter(({ name }) => !own.some((one) => one.name === name)),
];

/** Refuses unknown names without loading files: for commands that only check settings. Throws ConfigError. */
export function checkReceiverNames(config: LinkConfig): void {
  const known = knownReceivers(namedBaselines(config));
  for (const name of config.receiver.names) {
    if (!isFile(name) && !known.some((one) => one.name === name)) throw unknownReceiver(name, known);
  }
}

function unknownReceiver(name: string, known: readonly ReceiverDescriptor[]): ConfigError {
  if (/^(jpeg|webp|avif)-blind/.test(name)) {
    throw new ConfigError(
      'config.receiver',
      `receiver ${name}: coded packets cannot be received blind, for they say nothing to a receiver without the channel; use ${name.split('-')[0]}-pilot`,
      { value: name },
    );
  }
  const names = known.map((one) => one.name);
  const guess = nearest(name, names);
  return new ConfigError(
    'config.receiver',
    `receiver.names holds ${JSON.stringify(name)}: must be one of ${names.join(', ')}, or a .js or .mjs file that exports a receiver` +
      (guess === null ? '' : `; did you mean ${guess}?`),
    { value: name },
  );
}

/** A receiver from a file: `export default { name, about, create(context) { … } }`. @throws ConfigError */
export async function loadReceiver(file: string): Promise<ReceiverDescriptor> {
  if (!existsSync(file)) throw new ConfigError('config.receiver', `receiver ${file}: no such file; check the path`);
  let module: { default?: unknown };
  try {
    module = (await import(pathToFileURL(resolve(file)).href)) as { default?: unknown };
  } catch (cause) {
    throw new ConfigError('config.receiver', `receiver ${file}: cannot be loaded (${firstLine(cause)})`, { cause });
  }
  const found = module.default as Partial<ReceiverDescriptor> | null | undefined;
  if (typeof found?.name !== 'string' || typeof found.create !== 'function') {
    throw new ConfigError(
      'config.receiver',
      `receiver ${file}: its default export must be { name, about, create(context) }; see docs/extending.md`,
    );
  }
  return { about: file, ...found } as ReceiverDescriptor;
}

/** Whether any of these receivers needs a prior. */
export const needsPrior = (receivers: readonly ReceiverDescriptor[]): boolean =>
  receivers.some(({ prior }) => prior === true);

/** A receiver for one setting. @throws ConfigError for what it cannot do without */
export function createReceiver(descriptor: ReceiverDescriptor, context: Omit<ReceiverContext, 'options'>): Receiver {
  const { name } = descriptor;
  const { setting, config, denoiser } = context;
  if (setting.layout.side !== null && descriptor.takesMasks !== true) {
    const able = builtinReceivers
      .filter(({ takesMasks, ownFrames }) => takesMasks === true && ownFrames !== true)
      .map((one) => one.name);
    throw new ConfigError(
      'receiver.mask',
      `receiver ${name}: codec ${setting.codec.card.name} sends another choice of latents with each picture, ` +
        `which only ${able.join(', ')} take; choose from these, or another codec`,
    );
  }
  if (descriptor.ownFrames === true && context.simulated !== true) throw ownFramesError(name, 'this link');
  if (descriptor.prior === true && denoiser === null) {
    throw new ConfigError('receiver.prior', `receiver ${name}: needs a picture prior; name one with --prior`);
  }
  const options = config.receiver.options[name] ?? {};
  // One that another receiver of the link shows may have been opened.
  const own = config.receiver.decoder === null && descriptor.perceptual !== true;
  const shown = own ? { ...setting, codec: showingOwn(setting.codec) } : setting;
  try {
    const receiver = checkedReceiver(name, descriptor.create({ ...context, setting: shown, options }), shown);
    return descriptor.decodes === true && !showsOwn(shown) ? rendered(receiver, shown) : receiver;
  } catch (error) {
    if (error instanceof LinkError || builtinReceivers.includes(descriptor)) throw error;
    throw new ConfigError('receiver.failed', `receiver ${name}: cannot be made (${firstLine(error)})`, {
      cause: error,
    });
  }
}

/** The receiver with its picture from the decoder that was chosen for what is shown. Its verdict is about its own picture. */
const rendered = (receiver: Receiver, setting: LinkSetting): Receiver => ({
  ...receiver,
  async *receive(observations, signal) {
    for await (const step of receiver.receive(observations, signal)) {
      if (step.kind !== 'final') {
        yield step;
        continue;
      }
      const began = performance.now();
      const { evaluations, milliseconds, equalised, latents = latentsOfElements(setting, equalised) } = step.result;
      const picture = await renderLatents(setting, latents, 1, step.result.picture);
      const spent = { evaluations: evaluations + 1, milliseconds: milliseconds + performance.now() - began };
      yield { kind: 'final', result: { ...step.result, ...spent, picture } };
    }
  },
});

const sampler = ({ denoiser, ...rest }: ReceiverContext): ReceiverContext & { readonly denoiser: Denoiser } => ({
  ...rest,
  // createReceiver has refused a receiver without its prior.
  denoiser: denoiser!,
});

function knowledgeOf(
  receiver: string,
  kind: LinkConfig['receiver']['diffcom']['knowledge'],
  context: ReceiverContext,
): ChannelKnowledge {
  const { config, setting, runtime, rng } = context;
  const blindEm = blindEmConfigOf(context);
  return createChannelKnowledge({ receiver, kind, setting, pilot: config.receiver.pilot, blindEm, runtime, rng });
}

/** The user's settings, then the card's advice, then defaults. */
function blindEmConfigOf({ config, setting }: Pick<ReceiverContext, 'config' | 'setting'>): BlindEmConfig {
  const given = config.receiver.blindEm;
  const advice: NonNullable<CodecCard['blindEm']> = setting.codec.card.blindEm ?? {};
  const initialStarts = given.initialStarts ?? advice.initialStarts ?? 1;
  const { fftSize, cyclicPrefixLength } = setting.grid;
  const symbolSeconds = (fftSize + cyclicPrefixLength) / config.channel.sampleRateHz;
  const { motion, ...rest } = given;
  return {
    ...rest,
    dopplers: motion === 'auto' ? DOPPLERS : motion === 'still' ? [] : [motion * symbolSeconds],
    rank: given.rank ?? advice.rank ?? 64,
    passes: given.passes ?? advice.passes ?? 20,
    initialStarts,
    refinements: given.refinements ?? advice.refinements ?? 6,
    starts: Math.max(given.starts, initialStarts),
  };
}
