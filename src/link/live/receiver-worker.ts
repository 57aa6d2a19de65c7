/** The process of one receiver, with networks of its own. */
import type { LinkConfig } from '../../config/schema.js';
import { meanPower } from '../../core/complex.js';
import { ConfigError } from '../../core/errors.js';
import { createRng } from '../../core/rng.js';
import { powerToDb } from '../../core/units.js';
import type { ResultMessage } from '../../dashboard/messages.js';
import { psnrDb, ssim } from '../../metrics/picture-quality.js';
import { expectedPsnrDb } from '../../receiver/expected-error.js';
import type { LinkSetting, Receiver, ReceiverResult, ReceiverStep } from '../../receiver/receiver.js';
import { cropPlanes, type Picture } from '../../source/picture.js';
import type { ArrivedFrame } from '../frame/simulation.js';
import { receiveBest, type SeenFrame } from '../observe.js';
import { evmOf, meanChannelError, snrOf } from '../results/frame-report.js';
import { modelsKey, openModels, type OpenModels } from '../setting/link-models.js';
import { createLinkSetting, gridOf, paddedSize } from '../setting/link-setting.js';
import { createReceiver, findReceivers, type ReceiverDescriptor } from '../setting/receivers.js';
import type { FrameCandidate } from '../stream/frame-extractor.js';
import type { PictureSize } from '../stream/reception.js';
import type { HeardFrame, LiveFrame, ReceiveJob, ReceiveStep, SimulatedFrame } from './live-frame.js';
import { serveCalls } from './serve-calls.js';
import { channelView, finite, pixelsOf, responseMap, thinned } from './views.js';

interface Kept {
  readonly modelsKey: string;
  readonly models: OpenModels;
  readonly descriptor: ReceiverDescriptor;
}
interface Built {
  readonly key: string;
  readonly setting: LinkSetting;
  readonly receiver: Receiver;
}

let kept: Kept | null = null;
let built: Built | null = null;

async function modelsFor(name: string, config: LinkConfig): Promise<Kept> {
  const descriptors = await findReceivers({ ...config, receiver: { ...config.receiver, names: [name] } });
  const key = modelsKey(config, descriptors);
  if (kept?.modelsKey === key) return kept;
  const models = await openModels(config, descriptors);
  const old = kept;
  built = null;
  kept = { modelsKey: key, models, descriptor: descriptors[0] };
  await old?.models.dispose();
  return kept;
}

/** The receiver for these settings and this size of padded picture: kept until one of them changes. */
async function receiverFor(name: string, config: LinkConfig, { height, width }: PictureSize): Promise<Built> {
  const { models, descriptor } = await modelsFor(name, config);
  const { codec, runtime, denoiser } = models;
  const key = JSON.stringify([{ ...config, pictures: [], source: null }, height, width]);
  if (built?.key === key) return built;
  const setting = createLinkSetting(config, codec, gridOf(config), { height, width });
  const rng = createRng(config.seed).split('receiver').split(descriptor.name);
  const receiver = createReceiver(descriptor, { config, setting, runtime, denoiser, rng });
  return (built = { key, setting, receiver });
}

function receive(job: ReceiveJob, signal: AbortSignal): AsyncIterable<ReceiveStep> {
  return job.frame.kind === 'simulated'
    ? receiveSimulated(job.name, job.config, job.frame, signal)
    : receiveHeard(job.name, job.config, job.frame, signal);
}

async function* receiveSimulated(
  name: string,
  config: LinkConfig,
  frame: SimulatedFrame,
  signal: AbortSignal,
): AsyncIterable<ReceiveStep> {
  const { padded, picture: sent } = frame.arrived.sent;
  const { setting, receiver } = await receiverFor(name, config, padded);
  const nothing = { re: new Float32Array(0), im: new Float32Array(0) };
  const arrived: ArrivedFrame = {
    ...frame.arrived,
    received: nothing,
    sent: { ...frame.arrived.sent, setting, samples: nothing },
  };
  const shown = { name, frame, setting, padded, size: sent, sent };
  const measure = (result: ReceiverResult | null): Measured => ({
    channelError: finite(meanChannelError(arrived, name, result).error),
    evm: result === null ? null : finite(evmOf(arrived, result)),
    snrDb: finite(snrOf(arrived, result)),
  });
  const { observed, noiseVariance, response } = arrived;
  if (observed === null) {
    yield resultOf(shown, null, measure(null));
    return;
  }
  const seen = { index: frame.index, elements: observed, noiseVariance, response };
  for await (const step of receiveBest(receiver, [seen], (candidate) => candidate, config, signal)) {
    yield step.kind === 'final' ? resultOf(shown, step.result, measure(step.result)) : progressOf(shown, step);
  }
}

/** A frame out of a stream may begin in several places: the receiver's own opinion says in which. */
async function* receiveHeard(
  name: string,
  config: LinkConfig,
  frame: HeardFrame,
  signal: AbortSignal,
): AsyncIterable<ReceiveStep> {
  const { models, descriptor } = await modelsFor(name, config);
  if (descriptor.truth === true) {
    throw new ConfigError('config.receiver', `receiver ${name}: needs the true channel, which no radio knows`);
  }
  const padded = paddedSize(models.codec, frame.size);
  const { setting, receiver } = await receiverFor(name, config, padded);
  const shown = { name, frame, setting, padded, size: frame.size, sent: frame.sent };
  const see = ({ elements, noiseVariance }: FrameCandidate): SeenFrame => ({
    index: frame.index,
    elements,
    noiseVariance,
    response: null,
  });
  for await (const step of receiveBest(receiver, frame.candidates, see, config, signal)) {
    if (step.kind === 'progress') {
      yield progressOf(shown, step);
      continue;
    }
    const { elements, noiseVariance } = step.candidate;
    const snrDb = powerToDb(Math.max(meanPower(elements.data) / noiseVariance - 1, 1e-3));
    yield resultOf(shown, step.result, { channelError: null, evm: null, snrDb });
  }
}

interface Shown {
  readonly name: string;
  readonly frame: LiveFrame;
  readonly setting: LinkSetting;
  readonly padded: { readonly height: number; readonly width: number };
  readonly size: { readonly height: number; readonly width: number };
  /** What was sent, where that is known. */
  readonly sent: Picture | null;
}

type Measured = Pick<ResultMessage, 'channelError' | 'evm' | 'snrDb'>;

const cropped = ({ padded, size }: Shown, planes: Float32Array): Float32Array =>
  cropPlanes(planes, padded.height, padded.width, size.height, size.width);

function progressOf(shown: Shown, { done, of, picture }: Extract<ReceiverStep, { kind: 'progress' }>): ReceiveStep {
  const { name, frame, size } = shown;
  const pixels = pixelsOf(cropped(shown, picture), size.width, size.height);
  return { type: 'progress', receiver: name, frame: frame.index, epoch: frame.epoch, done, of, picture: pixels };
}

/** Only what watchers see is worked out: the full report takes as long as a quick receiver. */
function resultOf(shown: Shown, result: ReceiverResult | null, measured: Measured): ReceiveStep {
  const { name, frame, setting, size, sent } = shown;
  const { width, height } = size;
  const picture = result === null ? new Float32Array(3 * height * width).fill(0.5) : cropped(shown, result.picture);
  const view = { data: picture, height, width };
  const estimate = result?.channel.at(0);
  return {
    type: 'result',
    receiver: name,
    frame: frame.index,
    epoch: frame.epoch,
    time: Date.now(),
    picture: pixelsOf(picture, width, height),
    psnrDb: sent === null ? null : finite(psnrDb(sent, view)),
    ssim: sent === null ? null : finite(ssim(sent, view)),
    ...measured,
    verdict: result?.verdict ?? 'failed',
    confidence: result?.confidence ?? null,
    expectedPsnrDb: expectedPsnrDb(result?.symptoms?.expectedError),
    residual: result?.residual ?? null,
    elements: result === null ? null : thinned(result.equalised),
    channel: estimate === undefined ? null : channelView(estimate, setting.grid.fftSize),
    responseMap: result?.response === undefined ? null : responseMap(result.response, setting.grid),
    evaluations: result?.evaluations ?? 0,
    milliseconds: result?.milliseconds ?? 0,
  };
}

serveCalls({ receive });
