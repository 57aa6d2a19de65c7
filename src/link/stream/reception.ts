import { defer, from, type Observable } from 'rxjs';
import type { LinkConfig } from '../../config/schema.js';
import { throwIfAborted } from '../../core/errors.js';
import { createRng } from '../../core/rng.js';
import { psnrDb, ssim } from '../../metrics/picture-quality.js';
import type { SampleBlock } from '../../radio/radio.js';
import type { LinkSetting, Receiver, ReceiverResult, Verdict } from '../../receiver/receiver.js';
import { cropPlanes, type Picture } from '../../source/picture.js';
import { receiveFrame } from '../observe.js';
import { expectedPsnrOf } from '../results/frame-report.js';
import type { LinkModels } from '../setting/link-models.js';
import { createLinkSetting, gridOf, paddedSize, syncMethodOf, timingAdvanceOf } from '../setting/link-setting.js';
import { createReceiver, type ReceiverDescriptor } from '../setting/receivers.js';
import { createFrameExtractor, type ExtractedFrame, type FrameExtractor } from './frame-extractor.js';
import { createSentLog, type SentLog } from './sent-log.js';

export interface ReceptionParts extends LinkModels {
  readonly receivers: readonly ReceiverDescriptor[];
}

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** One receiver's outcome on one frame of a stream: what `--json` prints a line of. */
export interface ReceptionReport {
  readonly type: 'frame';
  readonly frame: number;
  readonly receiver: string;
  readonly startSample: number;
  readonly cfoSubcarriers: number;
  readonly cfoHz: number;
  readonly snrDb: number;
  readonly metric: number;
  readonly verdict: Verdict;
  readonly confidence: number | null;
  readonly expectedPsnrDb: number | null;
  readonly residual: number | null;
  /** What was sent, where that is known; quality against it. */
  readonly picture: string | null;
  readonly psnrDb: number | null;
  readonly ssim: number | null;
  readonly milliseconds: number;
}

export interface ReceptionOutcome {
  readonly report: ReceptionReport;
  readonly frame: ExtractedFrame;
  readonly result: ReceiverResult;
  /** [3, height, width] of `PictureSize`. */
  readonly picture: Float32Array;
  /** The picture that was sent, where that is known. */
  readonly truth: Picture | null;
}

export interface Reception {
  /**
   * Outcomes of each frame together, one a receiver, as the stream goes on. Samples are asked for when the outcomes before
   * have been taken: what a slow reader leaves waiting waits in the radio's bounded queue.
   */
  readonly frames: AsyncIterable<readonly ReceptionOutcome[]>;
  /** The same as a stream. */
  readonly outcomes: Observable<readonly ReceptionOutcome[]>;
  readonly extractor: FrameExtractor;
  readonly frameSamples: number;
}

/**
 * The receiving half of the link: blocks of samples → frames → receivers → pictures. All receivers get the same frame.
 *
 * Receivers see the received resource elements, σ² as measured and what both ends share; the pictures in `sent` are used for the
 * report's figures alone.
 */
export function createReception(
  config: LinkConfig,
  { codec, runtime, denoiser, receivers: descriptors }: ReceptionParts,
  size: PictureSize,
  blocks: AsyncIterable<SampleBlock>,
  options: { readonly sent?: SentLog; readonly signal?: AbortSignal } = {},
): Reception {
  const { sent = createSentLog(), signal } = options;
  const grid = gridOf(config);
  const padded = paddedSize(codec, size);
  const setting = createLinkSetting(config, codec, grid, padded);
  const rng = createRng(config.seed).split('receiver');
  const receivers = descriptors.map((descriptor) =>
    createReceiver(descriptor, { config, setting, runtime, denoiser, rng: rng.split(descriptor.name) }),
  );
  const extractor = createExtractor(config, setting);
  const frameSamples = grid.frameLength(setting.interleaver.numPackets);

  const extracted = async function* (): AsyncIterable<ExtractedFrame> {
    for await (const block of blocks) {
      throwIfAborted(signal, 'the reception');
      yield* extractor.execute(block);
    }
    yield* extractor.finish();
  };

  const outcomeOf = async (receiver: Receiver, frame: ExtractedFrame): Promise<ReceptionOutcome> => {
    const { candidate, result } = await receiveFrame(
      receiver,
      frame.candidates,
      ({ elements, noiseVariance }) => ({ index: frame.index, elements, noiseVariance, response: null }),
      config,
      signal,
    );
    const picture = cropPlanes(result.picture, padded.height, padded.width, size.height, size.width);
    const view = { name: '', data: picture, notes: [], ...size };
    const known = await sent.identify(candidate.startSample, frameSamples, view);
    const sentPicture = known?.picture ?? null;
    // A picture of another size is named, and cannot be compared.
    const fits = sentPicture?.width === size.width && sentPicture.height === size.height;
    const truth = fits ? sentPicture : null;
    const report: ReceptionReport = {
      type: 'frame',
      frame: frame.index,
      receiver: receiver.name,
      startSample: candidate.startSample,
      cfoSubcarriers: round(frame.cfoSubcarriers, 5),
      cfoHz: round((frame.cfoSubcarriers * config.channel.sampleRateHz) / grid.fftSize, 2),
      snrDb: round(frame.snrDb, 2),
      metric: round(frame.metric, 4),
      verdict: result.verdict,
      confidence: result.confidence === null ? null : round(result.confidence, 4),
      expectedPsnrDb: expectedPsnrOf(result, 2),
      residual: result.residual === null ? null : round(result.residual, 4),
      picture: known?.name ?? null,
      psnrDb: truth === null ? null : round(psnrDb(truth, view), 3),
      ssim: truth === null ? null : round(ssim(truth, view), 4),
      milliseconds: round(result.milliseconds, 2),
    };
    return { report, frame, result, picture, truth };
  };

  const frames = async function* (): AsyncIterable<readonly ReceptionOutcome[]> {
    for await (const frame of extracted()) {
      const list: ReceptionOutcome[] = [];
      for (const receiver of receivers) list.push(await outcomeOf(receiver, frame));
      yield list;
    }
  };
  return {
    frames: { [Symbol.asyncIterator]: () => frames()[Symbol.asyncIterator]() },
    outcomes: defer(() => from(frames())),
    extractor,
    frameSamples,
  };
}

/** What cuts frames of a setting out of a stream. */
export const createExtractor = (config: LinkConfig, { grid, interleaver, superimposed }: LinkSetting): FrameExtractor =>
  createFrameExtractor(grid, {
    // Without a preamble the prefixes are all there is to be found by.
    method: syncMethodOf(config, grid) === 'preamble' ? 'preamble' : 'cp',
    numPackets: interleaver.numPackets,
    timingAdvance: timingAdvanceOf(config, grid),
    superimposed: config.rho > 0 ? superimposed : null,
  });

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
