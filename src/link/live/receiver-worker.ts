/** The process of one receiver, with networks of its own. */
import { type Codec, openCodec } from '../../codec/codec.js';
import type { LinkConfig } from '../../config/schema.js';
import { meanPower } from '../../core/complex.js';
import { ConfigError } from '../../core/errors.js';
import { createRng } from '../../core/rng.js';
import { findModel } from '../../core/shipped-models.js';
import { powerToDb } from '../../core/units.js';
import type { ResultMessage } from '../../dashboard/messages.js';
import { type Denoiser, openDenoiser } from '../../diffusion/denoiser.js';
import type { LinkSetting, Receiver, ReceiverName, ReceiverResult, ReceiverStep } from '../../receiver/receiver.js';
import { psnrDb, ssim } from '../../metrics/picture-quality.js';
import { openRuntime } from '../../runtime/open-runtime.js';
import type { Runtime } from '../../runtime/runtime.js';
import { cropPlanes, type Picture } from '../../source/picture.js';
import { createReceiver, needsPrior } from '../setting/create-receiver.js';
import { evmOf, meanChannelError, snrOf } from '../results/frame-report.js';
import { observationsFor } from '../link.js';
import { createLinkSetting, gridOf } from '../setting/link-setting.js';
import { chance, heardObservations } from '../stream/reception.js';
import type { ArrivedFrame } from '../frame/transmission.js';
import type { HeardFrame, LiveFrame, ReceiveJob, ReceiveStep, SimulatedFrame } from './live-frame.js';
import { serveCalls } from './serve-calls.js';
import { channelView, finite, pixelsOf, thinned } from './views.js';

interface Models {
  readonly key: string;
  readonly runtime: Runtime;
  readonly codec: Codec;
  readonly denoiser: Denoiser | null;
}
interface Built {
  readonly key: string;
  readonly setting: LinkSetting;
  readonly receiver: Receiver;
}

let models: Models | null = null;
let built: Built | null = null;

async function modelsFor(name: ReceiverName, config: LinkConfig): Promise<Models> {
  const key = JSON.stringify([config.codec, config.prior, config.run]);
  if (models?.key === key) return models;
  const cardPath = findModel('codec', config.codec);
  const runtime = await openRuntime(config.run);
  const codec = await openCodec(cardPath, runtime);
  const prior = config.prior ?? codec.card.prior;
  const wanted = needsPrior({ ...config, receiver: { ...config.receiver, names: [name] } });
  const denoiser = wanted && prior !== undefined ? await openDenoiser(findModel('prior', prior), runtime) : null;
  const old = models;
  built = null;
  models = { key, runtime, codec, denoiser };
  await old?.runtime.dispose();
  return models;
}

/** The receiver for these settings and this size of picture: kept until one of them changes. */
async function receiverFor(name: ReceiverName, config: LinkConfig, height: number, width: number): Promise<Built> {
  const { codec, runtime, denoiser } = await modelsFor(name, config);
  const key = JSON.stringify([{ ...config, pictures: [], source: null }, height, width]);
  if (built?.key === key) return built;
  const setting = createLinkSetting(config, codec, gridOf(config), height, width);
  const rng = createRng(config.seed).split('receiver').split(name);
  const receiver = createReceiver(name, config, setting, { runtime, denoiser }, rng);
  return (built = { key, setting, receiver });
}

function receive(job: ReceiveJob, signal: AbortSignal): AsyncIterable<ReceiveStep> {
  return job.frame.kind === 'simulated'
    ? receiveSimulated(job.name, job.config, job.frame, signal)
    : receiveHeard(job.name, job.config, job.frame, signal);
}

async function* receiveSimulated(
  name: ReceiverName,
  config: LinkConfig,
  frame: SimulatedFrame,
  signal: AbortSignal,
): AsyncIterable<ReceiveStep> {
  const { padded, picture: sent } = frame.arrived.sent;
  const { setting, receiver } = await receiverFor(name, config, padded.height, padded.width);
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
  const observations = observationsFor(receiver, arrived, config);
  if (observations === null) {
    yield resultOf(shown, null, measure(null));
    return;
  }
  for await (const step of receiver.receive(observations, signal)) {
    yield step.kind === 'final' ? resultOf(shown, step.result, measure(step.result)) : progressOf(shown, step);
  }
}

/** A frame out of a stream may begin in several places: the receiver's own opinion says in which. */
async function* receiveHeard(
  name: ReceiverName,
  config: LinkConfig,
  frame: HeardFrame,
  signal: AbortSignal,
): AsyncIterable<ReceiveStep> {
  if (name === 'perfect')
    throw new ConfigError('config.receiver', 'receiver perfect: needs the true channel, which no radio knows');
  const { codec } = await modelsFor(name, config);
  const { width, height } = frame.size;
  const m = codec.multipleOf;
  const padded = { height: m * Math.ceil(height / m), width: m * Math.ceil(width / m) };
  const { setting, receiver } = await receiverFor(name, config, padded.height, padded.width);
  const shown = { name, frame, setting, padded, size: frame.size, sent: frame.sent };
  let best: { readonly result: ReceiverResult; readonly snrDb: number } | null = null;
  for (const candidate of frame.candidates) {
    const observations = heardObservations(receiver, frame.index, candidate, config);
    const snrDb = powerToDb(Math.max(meanPower(candidate.cells.data) / candidate.noiseVariance - 1, 1e-3));
    for await (const step of receiver.receive(observations, signal)) {
      if (step.kind === 'progress') yield progressOf(shown, step);
      else if (best === null || chance(step.result) > chance(best.result)) best = { result: step.result, snrDb };
    }
    if (best?.result.verdict === 'decoded') break;
  }
  yield resultOf(shown, best?.result ?? null, { channelError: null, evm: null, snrDb: best?.snrDb ?? null });
}

interface Shown {
  readonly name: ReceiverName;
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
    residual: result?.residual ?? null,
    cells: result === null ? null : thinned(result.equalised),
    channel: estimate === undefined ? null : channelView(estimate, setting.grid.fftSize),
    evaluations: result?.evaluations ?? 0,
    milliseconds: result?.milliseconds ?? 0,
  };
}

serveCalls({ receive });
