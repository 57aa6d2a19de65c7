import { concatMap, defer, EMPTY, from, identity, last, map, mergeMap, type Observable } from 'rxjs';
import type { Codec } from '../codec/codec.js';
import type { CodewordLayout } from '../codec/layout.js';
import type { LinkConfig } from '../config/schema.js';
import { throwIfAborted } from '../core/errors.js';
import { createRng } from '../core/rng.js';
import type { Denoiser } from '../diffusion/denoiser.js';
import type { FeatureNetwork } from '../perception/feature-network.js';
import type { LinkSetting, Observations, Receiver, ReceiverStep } from '../receiver/receiver.js';
import type { Runtime } from '../runtime/onnx-runtime.js';
import { padPicture, type Picture } from '../source/picture.js';
import { type FrameOutcome, reportFrame } from './results/frame-report.js';
import { createReceiver } from './setting/create-receiver.js';
import { codecSnrOf, createLinkSetting, gridOf } from './setting/link-setting.js';
import { createPerception } from './results/perception.js';
import { type ArrivedFrame, createTransmission } from './frame/transmission.js';

export interface LinkParts {
  readonly codec: Codec;
  /** For receivers that sample; null where none is asked for. */
  readonly denoiser?: Denoiser | null;
  readonly runtime: Runtime;
  /** What judges the received pictures besides. */
  readonly features?: readonly FeatureNetwork[];
}

/**
 * The whole link as one stream: picture → codec → OFDM → radio → synchroniser → receivers → report. Frames go one
 * after another, and every receiver gets the same received signal.
 *
 * @param pictures what to send, frame by frame
 * @param signal ends the stream with AbortedError
 */
export function createLink(
  config: LinkConfig,
  { codec, runtime, denoiser = null, features = [] }: LinkParts,
  pictures: AsyncIterable<Picture>,
  signal?: AbortSignal,
): Observable<FrameOutcome> {
  return defer(() => {
    const rng = createRng(config.seed);
    const addPerception = createPerception(features);
    const grid = gridOf(config);
    const transmission = createTransmission(config, grid, rng);
    const prepared = new Map<string, Prepared>();
    const prepare = ({ height, width }: Picture, layout?: CodewordLayout): Prepared => {
      const setting = createLinkSetting(config, codec, grid, height, width, layout);
      const receivers = config.receiver.names.map((name) =>
        createReceiver(name, config, setting, { runtime, denoiser }, rng.split('receiver').split(name)),
      );
      return { setting, receivers };
    };
    /** One for each size, or for each frame of a codec that chooses what it sends. */
    const preparedFor = async (padded: Picture): Promise<Prepared> => {
      const { data, height, width } = padded;
      if (codec.card.mask) return prepare(padded, await codec.layoutOf(data, height, width, codecSnrOf(config)));
      const key = `${height}x${width}`;
      const found = prepared.get(key) ?? prepare(padded);
      prepared.set(key, found);
      return found;
    };

    return from(pictures).pipe(
      concatMap(async (picture, index) => {
        throwIfAborted(signal, 'the link');
        const padded = padPicture(picture, codec.multipleOf);
        const { setting, receivers } = await preparedFor(padded);
        return { sent: await transmission.encode(picture, padded, index, setting), receivers };
      }),
      map(({ sent, receivers }) => ({ arrived: transmission.transport(sent), receivers })),
      concatMap(({ arrived, receivers }) =>
        from(receivers).pipe(concatMap((receiver) => receiveFrame(receiver, arrived, config, signal))),
      ),
      features.length === 0 ? identity : concatMap(addPerception),
    );
  });
}

/** What frames of one layout have in common. */
interface Prepared {
  readonly setting: LinkSetting;
  readonly receivers: readonly Receiver[];
}

/** What a receiver may see of a frame, and nothing else; null where no frame was found. */
export function observationsFor(receiver: Receiver, arrived: ArrivedFrame, config: LinkConfig): Observations | null {
  const { observed } = arrived;
  if (observed === null) return null;
  return {
    frame: {
      index: arrived.sent.index,
      cells: observed.data,
      noiseVariance: config.receiver.noiseVariance === 'given' ? arrived.noiseVariance : null,
    },
    pilots: receiver.needs.pilots ? { block: observed.blockPilots, comb: observed.combPilots } : null,
    truth: receiver.needs.truth && arrived.response !== null ? { response: arrived.response } : null,
  };
}

function receiveFrame(
  receiver: Receiver,
  arrived: ArrivedFrame,
  config: LinkConfig,
  signal: AbortSignal | undefined,
): Observable<FrameOutcome> {
  const observations = observationsFor(receiver, arrived, config);
  if (observations === null) return from([reportFrame(arrived, receiver.name, null)]);
  return from(receiver.receive(observations, signal)).pipe(
    mergeMap((step: ReceiverStep) =>
      step.kind === 'final' ? from([reportFrame(arrived, receiver.name, step.result)]) : EMPTY,
    ),
    last(),
  );
}
