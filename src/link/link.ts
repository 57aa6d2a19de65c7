import { concatMap, defer, from, type Observable } from 'rxjs';
import type { CodewordLayout } from '../codec/layout.js';
import type { LinkConfig } from '../config/schema.js';
import { throwIfAborted } from '../core/errors.js';
import { createRng } from '../core/rng.js';
import type { Denoiser } from '../diffusion/denoiser.js';
import type { FeatureNetwork } from '../perception/feature-network.js';
import type { LinkSetting, Receiver } from '../receiver/receiver.js';
import { padPicture, type Picture } from '../source/picture.js';
import type { SentFrame } from './frame/sender.js';
import { type ArrivedFrame, createSimulation, type Simulation } from './frame/simulation.js';
import { receiveFrame } from './observe.js';
import { type FrameOutcome, reportFrame } from './results/frame-report.js';
import { createPerception } from './results/perception.js';
import type { LinkModels } from './setting/link-models.js';
import { codecSnrOf, createLinkSetting, gridOf } from './setting/link-setting.js';
import { createReceiver, findReceivers, type ReceiverDescriptor } from './setting/receivers.js';

export interface LinkParts extends Omit<LinkModels, 'denoiser'> {
  /** The picture prior of receivers that sample. */
  readonly denoiser?: Denoiser | null;
  /** What judges the received pictures besides. */
  readonly features?: readonly FeatureNetwork[];
  /** Receivers of the caller's own, by which `receiver.names` may name them. */
  readonly receivers?: readonly ReceiverDescriptor[];
}

/** A picture and its number, which names all its randomness. */
export interface NumberedPicture {
  readonly index: number;
  readonly picture: Picture;
}

/**
 * The whole simulated link: picture → codec → OFDM → radio → synchroniser → receivers → report. Every receiver gets the
 * same received signal. Nothing runs ahead: the next picture is read when the outcomes of the one before have been
 * taken, so memory does not grow with the number of pictures.
 *
 * @param pictures what to send, frame by frame; frames are numbered from 0 unless the pictures bring numbers
 * @param signal ends with AbortedError
 * @returns the outcomes of each frame together, one a receiver, in the configuration's order
 */
export async function* linkFrames(
  config: LinkConfig,
  parts: LinkParts,
  pictures: AsyncIterable<Picture | NumberedPicture>,
  signal?: AbortSignal,
): AsyncIterable<readonly FrameOutcome[]> {
  const { codec, features = [] } = parts;
  const rng = createRng(config.seed);
  const grid = gridOf(config);
  const simulation = createSimulation(config, grid, rng);
  const addPerception = features.length === 0 ? null : createPerception(features);
  const prepare = await preparation(config, parts, grid, rng);
  let next = 0;
  for await (const item of pictures) {
    throwIfAborted(signal, 'the link');
    const { picture, index } = 'picture' in item ? item : { picture: item, index: next };
    next = index + 1;
    const padded = padPicture(picture, codec.multipleOf);
    const { setting, receivers } = await prepare(padded);
    const arrive = arrivals(simulation, { picture, padded, index, setting }, signal);
    const outcomes: FrameOutcome[] = [];
    for (const receiver of receivers) {
      const outcome = await outcomeOf(receiver, await arrive(receiver), config, signal);
      outcomes.push(addPerception === null ? outcome : await addPerception(outcome));
    }
    yield outcomes;
  }
}

/**
 * The frame as it arrives for each receiver: one that brings a transmitter gets that one's frame, through the same channel and
 * noise of the same streams; receivers that are sent alike share what arrives.
 */
function arrivals(
  simulation: Simulation,
  frame: Pick<SentFrame, 'picture' | 'padded' | 'index' | 'setting'>,
  signal: AbortSignal | undefined,
): (receiver: Receiver) => Promise<ArrivedFrame> {
  const arrived = new Map<string, ArrivedFrame>();
  return async ({ transmitter }) => {
    const key = transmitter?.key ?? '';
    const found = arrived.get(key);
    if (found !== undefined) return found;
    const { picture, padded, index, setting } = frame;
    const began = performance.now();
    const sent =
      transmitter === undefined
        ? await simulation.encode(picture, padded, index, setting)
        : simulation.send({
            ...frame,
            codeword: await transmitter.encode(padded, signal),
            encodeMs: performance.now() - began,
          });
    const made = simulation.transport(sent);
    arrived.set(key, made);
    return made;
  };
}

/** `linkFrames` as a stream of single outcomes. A consumer that works asynchronously should take `linkFrames`. */
export const createLink = (
  config: LinkConfig,
  parts: LinkParts,
  pictures: AsyncIterable<Picture>,
  signal?: AbortSignal,
): Observable<FrameOutcome> =>
  defer(() => from(linkFrames(config, parts, pictures, signal)).pipe(concatMap((outcomes) => from(outcomes))));

/** What frames of one layout have in common. */
interface Prepared {
  readonly setting: LinkSetting;
  readonly receivers: readonly Receiver[];
}

/** Settings and receivers for a picture: one for each size, or for each frame of a codec that chooses what it sends. */
async function preparation(
  config: LinkConfig,
  { codec, runtime, denoiser = null, receivers: own }: LinkParts,
  grid: ReturnType<typeof gridOf>,
  rng: ReturnType<typeof createRng>,
): Promise<(padded: Picture) => Promise<Prepared>> {
  const descriptors = await findReceivers(config, own);
  const kept = new Map<string, Prepared>();
  const prepare = ({ height, width }: Picture, layout?: CodewordLayout): Prepared => {
    const setting = createLinkSetting(config, codec, grid, { height, width }, layout);
    const receivers = descriptors.map((descriptor) => {
      const mine = rng.split('receiver').split(descriptor.name);
      return createReceiver(descriptor, { config, setting, runtime, denoiser, rng: mine, simulated: true });
    });
    return { setting, receivers };
  };
  return async (padded) => {
    const { data, height, width } = padded;
    if (codec.card.mask) return prepare(padded, await codec.layoutOf(data, height, width, codecSnrOf(config)));
    const key = `${height}x${width}`;
    const found = kept.get(key) ?? prepare(padded);
    // The newest size last; a folder of many sizes does not pile up receivers.
    kept.delete(key);
    kept.set(key, found);
    if (kept.size > KEPT_SIZES) kept.delete(kept.keys().next().value!);
    return found;
  };
}

const KEPT_SIZES = 8;

/** Builds what a link's frames need, the receivers among it, and computes none: throws what the first frame would, before any work. */
export async function tryLink(config: LinkConfig, parts: LinkParts, picture: Picture): Promise<void> {
  const grid = gridOf(config);
  const rng = createRng(config.seed);
  createSimulation(config, grid, rng);
  const prepare = await preparation(config, parts, grid, rng);
  await prepare(padPicture(picture, parts.codec.multipleOf));
}

async function outcomeOf(
  receiver: Receiver,
  arrived: ArrivedFrame,
  config: LinkConfig,
  signal: AbortSignal | undefined,
): Promise<FrameOutcome> {
  const { observed, noiseVariance, response, sent } = arrived;
  if (observed === null) return reportFrame(arrived, receiver, null);
  const latentPower = receiver.needs.latentPower === true ? await latentPowerOf(sent) : null;
  const seen = { index: sent.index, elements: observed, noiseVariance, response, latentPower };
  const { result } = await receiveFrame(receiver, [seen], (candidate) => candidate, config, signal);
  return reportFrame(arrived, receiver, result);
}

const latentPowerOf = ({ padded, setting: { codec, layout, snrDb } }: SentFrame): Promise<number> =>
  codec.latentPower(padded.data, layout, snrDb);
