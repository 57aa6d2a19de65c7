import { concatMap, defer, from, type Observable } from 'rxjs';
import type { Codec } from '../../codec/codec.js';
import type { LinkConfig } from '../../config/schema.js';
import { throwIfAborted } from '../../core/errors.js';
import { createRng } from '../../core/rng.js';
import type { Denoiser } from '../../diffusion/denoiser.js';
import { psnrDb, ssim } from '../../metrics/picture-quality.js';
import type { SampleBlock } from '../../radio/radio.js';
import type { Observations, Receiver, ReceiverName, ReceiverResult, Verdict } from '../../receiver/receiver.js';
import type { Runtime } from '../../runtime/runtime.js';
import { padPicture, type Picture } from '../../source/picture.js';
import {
  createFrameExtractor,
  type ExtractedFrame,
  type FrameCandidate,
  type FrameExtractor,
} from './frame-extractor.js';
import { createReceiver } from '../setting/create-receiver.js';
import { createLinkSetting, gridOf, syncMethodOf, timingAdvanceOf } from '../setting/link-setting.js';

export interface ReceptionParts {
  readonly codec: Codec;
  readonly runtime: Runtime;
  readonly denoiser: Denoiser | null;
}

export interface PictureSize {
  readonly width: number;
  readonly height: number;
}

/** A picture that was sent, and when, where the sender's and the receiver's counts of samples are the same. */
export interface SentPicture {
  readonly frame: number;
  readonly name: string;
  readonly picture: Picture | null;
  readonly sampleStart: number | null;
}

/** One receiver's outcome on one frame of a stream: what `--json` prints a line of. */
export interface ReceptionReport {
  readonly type: 'frame';
  readonly frame: number;
  readonly receiver: ReceiverName;
  readonly startSample: number;
  readonly cfoSubcarriers: number;
  readonly cfoHz: number;
  readonly snrDb: number;
  readonly metric: number;
  readonly verdict: Verdict;
  readonly confidence: number | null;
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
}

export interface Reception {
  /** Outcomes of each frame together, one a receiver, as the stream goes on. */
  readonly outcomes: Observable<readonly ReceptionOutcome[]>;
  readonly extractor: FrameExtractor;
  readonly frameSamples: number;
}

/** A picture is known by its content where times do not tell: that much PSNR or more to one of those sent. */
const SAME_PICTURE_DB = 12;

/**
 * The receiving half of the link: blocks of samples → frames → receivers → pictures. All receivers get the same frame.
 *
 * Receivers see the received cells, σ² as measured and what both ends share; the pictures in `sent` are used for the
 * report's figures alone.
 */
export function createReception(
  config: LinkConfig,
  { codec, runtime, denoiser }: ReceptionParts,
  size: PictureSize,
  blocks: AsyncIterable<SampleBlock>,
  options: { readonly sent?: readonly SentPicture[]; readonly signal?: AbortSignal } = {},
): Reception {
  const { sent = [], signal } = options;
  const grid = gridOf(config);
  const padded = padPicture(emptyPicture(size), codec.multipleOf);
  const setting = createLinkSetting(config, codec, grid, padded.height, padded.width);
  const rng = createRng(config.seed).split('receiver');
  const receivers = config.receiver.names.map((name) =>
    createReceiver(name, config, setting, { runtime, denoiser }, rng.split(name)),
  );
  const { numPackets } = setting.interleaver;
  const extractor = createFrameExtractor(grid, {
    method: syncMethodOf(config, grid) === 'cp' ? 'cp' : 'preamble',
    numPackets,
    timingAdvance: timingAdvanceOf(config, grid),
    reference: config.rho > 0 ? setting.reference : null,
  });
  const frameSamples = grid.frameLength(numPackets);

  const extracted = async function* (): AsyncIterable<ExtractedFrame> {
    for await (const block of blocks) {
      throwIfAborted(signal, 'the reception');
      yield* extractor.execute(block);
    }
    yield* extractor.finish();
  };

  const outcomeOf = async (
    receiver: Receiver,
    frame: ExtractedFrame,
    sampleRateHz: number,
  ): Promise<ReceptionOutcome> => {
    let best: { candidate: FrameCandidate; result: ReceiverResult } | null = null;
    for (const candidate of frame.candidates) {
      const result = await receiveCandidate(receiver, frame.index, candidate, config, signal);
      if (best === null || chance(result) > chance(best.result)) best = { candidate, result };
      if (result.verdict === 'decoded') break;
    }
    const { candidate, result } = best!;
    const picture = crop(result.picture, padded.width, size);
    const known = identify(sent, candidate.startSample, frameSamples, picture, size);
    const view = { data: picture, ...size };
    const truth = known?.picture ?? null;
    const report: ReceptionReport = {
      type: 'frame',
      frame: frame.index,
      receiver: receiver.name,
      startSample: candidate.startSample,
      cfoSubcarriers: round(frame.cfoSubcarriers, 5),
      cfoHz: round((frame.cfoSubcarriers * sampleRateHz) / grid.fftSize, 2),
      snrDb: round(frame.snrDb, 2),
      metric: round(frame.metric, 4),
      verdict: result.verdict,
      confidence: result.confidence === null ? null : round(result.confidence, 4),
      residual: result.residual === null ? null : round(result.residual, 4),
      picture: known?.name ?? null,
      psnrDb: truth === null ? null : round(psnrDb(truth, view), 3),
      ssim: truth === null ? null : round(ssim(truth, view), 4),
      milliseconds: round(result.milliseconds, 2),
    };
    return { report, frame, result, picture };
  };

  const outcomes = defer(() =>
    from(extracted()).pipe(
      concatMap(async (frame) => {
        const list: ReceptionOutcome[] = [];
        for (const receiver of receivers) list.push(await outcomeOf(receiver, frame, config.channel.sampleRateHz));
        return list;
      }),
    ),
  );
  return { outcomes, extractor, frameSamples };
}

/** What a receiver may see of a frame out of a stream. */
export function heardObservations(
  receiver: Receiver,
  index: number,
  { cells, noiseVariance }: FrameCandidate,
  config: LinkConfig,
): Observations {
  return {
    frame: {
      index,
      cells: cells.data,
      noiseVariance: config.receiver.noiseVariance === 'given' ? noiseVariance : null,
    },
    pilots: receiver.needs.pilots ? { block: cells.blockPilots, comb: cells.combPilots } : null,
    truth: null,
  };
}

/** Hands a receiver what it may see, and returns its last step. */
async function receiveCandidate(
  receiver: Receiver,
  index: number,
  candidate: FrameCandidate,
  config: LinkConfig,
  signal: AbortSignal | undefined,
): Promise<ReceiverResult> {
  const observations = heardObservations(receiver, index, candidate, config);
  let result: ReceiverResult | null = null;
  for await (const step of receiver.receive(observations, signal)) if (step.kind === 'final') result = step.result;
  return result!;
}

/** A receiver's own opinion as one number; `pilot`, which gives no confidence, by its verdict. */
export function chance({ verdict, confidence }: ReceiverResult): number {
  return confidence ?? { decoded: 0.95, doubtful: 0.5, failed: 0.1 }[verdict];
}

/** Which of the pictures sent a frame holds: by its time where times can be compared, else by its content. */
function identify(
  sent: readonly SentPicture[],
  start: number,
  frameSamples: number,
  data: Float32Array,
  size: PictureSize,
): SentPicture | null {
  let nearest: SentPicture | null = null;
  for (const item of sent) {
    if (item.sampleStart === null) continue;
    if (nearest === null || Math.abs(item.sampleStart - start) < Math.abs(nearest.sampleStart! - start)) nearest = item;
  }
  if (nearest !== null) return Math.abs(nearest.sampleStart! - start) <= frameSamples / 2 ? nearest : null;
  let best: SentPicture | null = null;
  let bestDb = SAME_PICTURE_DB;
  for (const item of sent) {
    const { picture } = item;
    if (picture === null || picture.width !== size.width || picture.height !== size.height) continue;
    const db = psnrDb(picture, { data, ...size });
    if (db > bestDb) {
      bestDb = db;
      best = item;
    }
  }
  return best;
}

const emptyPicture = ({ width, height }: PictureSize): Picture => ({
  name: '',
  data: new Float32Array(3 * width * height),
  width,
  height,
  notes: [],
});

function crop(data: Float32Array, fromWidth: number, { width, height }: PictureSize): Float32Array {
  const fromHeight = data.length / 3 / fromWidth;
  if (fromWidth === width && fromHeight === height) return data;
  const out = new Float32Array(3 * width * height);
  for (let c = 0; c < 3; c++) {
    for (let y = 0; y < height; y++) {
      const at = (c * fromHeight + y) * fromWidth;
      out.set(data.subarray(at, at + width), (c * height + y) * width);
    }
  }
  return out;
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
