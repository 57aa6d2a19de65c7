import { concatMap, defer, EMPTY, from, last, map, mergeMap, type Observable } from 'rxjs';
import type { Codec } from '../codec/codec.js';
import type { LinkConfig } from '../config/schema.js';
import { throwIfAborted } from '../core/errors.js';
import { createRng } from '../core/rng.js';
import type { Denoiser } from '../diffusion/denoiser.js';
import type { LinkSetting, Observations, Receiver, ReceiverStep } from '../receiver/receiver.js';
import type { Runtime } from '../runtime/onnx-runtime.js';
import { padPicture, type Picture } from '../source/picture.js';
import { type FrameOutcome, reportFrame } from './frame-report.js';
import { createReceiver } from './create-receiver.js';
import { createLinkSetting, gridOf } from './link-setting.js';
import { type ArrivedFrame, createTransmission } from './transmission.js';

export interface LinkParts {
  readonly codec: Codec;
  /** For receivers that sample; null where none is asked for. */
  readonly denoiser?: Denoiser | null;
  readonly runtime: Runtime;
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
  { codec, runtime, denoiser = null }: LinkParts,
  pictures: AsyncIterable<Picture>,
  signal?: AbortSignal,
): Observable<FrameOutcome> {
  return defer(() => {
    const rng = createRng(config.seed);
    const grid = gridOf(config);
    const transmission = createTransmission(config, grid, rng);
    const settings = new Map<string, { setting: LinkSetting; receivers: Receiver[] }>();
    const settingFor = (padded: Picture): { setting: LinkSetting; receivers: Receiver[] } => {
      const key = `${padded.height}x${padded.width}`;
      let found = settings.get(key);
      if (found === undefined) {
        const setting = createLinkSetting(config, codec, grid, padded.height, padded.width);
        const receivers = config.receiver.names.map((name) =>
          createReceiver(name, config, setting, { runtime, denoiser }, rng.split('receiver').split(name)),
        );
        settings.set(key, (found = { setting, receivers }));
      }
      return found;
    };

    return from(pictures).pipe(
      concatMap((picture, index) => {
        throwIfAborted(signal, 'the link');
        const padded = padPicture(picture, codec.card.downSampling);
        return transmission.encode(picture, padded, index, settingFor(padded).setting);
      }),
      map((sent) => transmission.transport(sent)),
      concatMap((arrived) =>
        from(settingFor(arrived.sent.padded).receivers).pipe(
          concatMap((receiver) => receiveFrame(receiver, arrived, config, signal)),
        ),
      ),
    );
  });
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
