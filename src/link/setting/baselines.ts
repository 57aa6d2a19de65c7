import type { LinkConfig } from '../../config/schema.js';
import { ConfigError } from '../../core/errors.js';
import type { SeparationConfig } from '../../separation/config.js';
import { createSeparation } from '../../separation/separation-receiver.js';
import type { ReceiverDescriptor } from './receiver-descriptor.js';

type Given = LinkConfig['receiver']['baselines'] extends infer T | undefined
  ? T extends Readonly<Record<string, infer One>>
    ? One
    : never
  : never;

const sources = ['jpeg', 'webp', 'avif'] as const;
const knowledge = ['perfect', 'pilot'] as const;

/** Baselines that need no settings: a picture codec, and where the receiver has its channel from. */
export const baselineNames = sources.flatMap((source) => knowledge.map((csi) => `${source}-${csi}` as const));
type BaselineName = (typeof baselineNames)[number];

const isBuiltin = (name: string): name is BaselineName => (baselineNames as readonly string[]).includes(name);

/** Whether a receiver's name is a conventional link's, which sends frames of its own. */
export const sendsOwnFrames = (name: string, { baselines }: LinkConfig['receiver']): boolean =>
  isBuiltin(name) || baselines?.[name] !== undefined;

/** A conventional link as a receiver, by what `receiver.baselines` says of its name. */
export function baselineDescriptor(name: string): ReceiverDescriptor {
  const builtin = isBuiltin(name) ? (name.split('-') as [(typeof sources)[number], (typeof knowledge)[number]]) : null;
  return {
    name,
    about:
      builtin === null
        ? 'a conventional link of receiver.baselines'
        : `${builtin[0].toUpperCase()}, 5G NR LDPC and QAM at the codec's channel uses; channel: ${builtin[1]}`,
    truth: builtin?.[1] === 'perfect',
    takesMasks: true,
    ownFrames: true,
    create({ config, setting, runtime }) {
      const { channel, receiver, snrConvention } = config;
      return createSeparation({
        name,
        config: settingsOf(receiver.baselines?.[name], builtin),
        setting,
        runtime,
        taps: channel.taps,
        snrConvention,
        pilotEstimator: receiver.pilot.estimator,
        equaliser: receiver.equaliser,
      });
    },
  };
}

/** The descriptors of the conventional links that a configuration names besides. */
export const baselinesOf = ({ receiver }: LinkConfig): readonly ReceiverDescriptor[] =>
  Object.keys(receiver.baselines ?? {}).map((name) => baselineDescriptor(name));

/** What is given, then what the name says, then defaults. */
function settingsOf(
  given: Given | undefined,
  builtin: readonly [SeparationConfig['source'], SeparationConfig['csi']] | null,
): SeparationConfig {
  const [source, csi] = builtin ?? ['jpeg', 'pilot'];
  return {
    headers: 'counted',
    mcs: 'adaptive',
    mcsTable: 'qam64',
    targetFailure: 0.1,
    interleaving: 'frame',
    llr: 'exact',
    ...given,
    source: given?.source ?? source,
    csi: given?.csi ?? csi,
    decoder: { algorithm: 'offset-min-sum', iterations: 20, ...given?.decoder },
  };
}

/** Refuses conventional links by name where frames are the codec's alone. Throws ConfigError. */
export function refuseOwnFrames(config: LinkConfig, where: string): void {
  const name = config.receiver.names.find((one) => sendsOwnFrames(one, config.receiver));
  if (name !== undefined) throw ownFramesError(name, where);
}

export const ownFramesError = (name: string, where: string): ConfigError =>
  new ConfigError(
    'receiver.own-frames',
    `receiver ${name}: sends packets of its own, which simulate and sweep do and ${where} does not; leave it out`,
    { value: name },
  );
