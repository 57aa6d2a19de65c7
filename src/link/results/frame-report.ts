import type { ComplexArray } from '../../core/complex.js';
import { meanPower } from '../../core/complex.js';
import { powerToDb } from '../../core/units.js';
import { naturalnessFeatures } from '../../metrics/naturalness.js';
import { channelError, evm } from '../../metrics/signal-quality.js';
import { expectedPsnrDb } from '../../receiver/expected-error.js';
import type { PacketReport, Receiver, ReceiverResult, Verdict } from '../../receiver/receiver.js';
import { SUCCESS_PSNR_DB } from '../../receiver/verdict.js';
import { cropToSent } from '../frame/sender.js';
import type { ArrivedFrame } from '../frame/simulation.js';
import { measurePicture, type PictureFigures } from './picture-metrics.js';
import { columnsOf } from './tables.js';

/** One receiver's outcome on one frame: what `--json` prints a line of, in this order. */
export interface FrameReport extends PictureFigures {
  readonly type: 'frame';
  readonly frame: number;
  readonly picture: string;
  readonly receiver: string;
  /** ‖ĥ − h‖², mean over packets; 0 for `perfect`. */
  readonly channelError: number;
  readonly channelNmse: number;
  /** Measured: (mean |Y|² − σ²) / σ² over the data resource elements, with the receiver's σ², in dB. */
  readonly snrDb: number;
  readonly paprDb: number;
  /** Codeword symbols, padding and pilots left out; CBR: the same over the picture's real samples, 3·H·W. */
  readonly channelUses: number;
  readonly bandwidthRatio: number;
  /** All that the frame costs (`frameUsesOf`), and source samples delivered for each: 3·H·W of a success, 0 of a failure. */
  readonly frameUses: number;
  readonly throughput: number;
  /** What the receiver is told beside the symbols, in bits. */
  readonly sideInformationBits: number;
  readonly evm: number;
  readonly verdict: Verdict;
  readonly success: boolean;
  readonly confidence: number | null;
  /** The receiver's own estimate of the PSNR of the codec's picture; null where it makes none. */
  readonly expectedPsnrDb: number | null;
  readonly residual: number | null;
  readonly signLogOdds: number | null;
  readonly starts: number;
  readonly agreeing: number;
  readonly milliseconds: number;
  /** LPIPS or DISTS of received and sent picture by feature network; absent without any. */
  readonly perception?: Readonly<Record<string, number>>;
  /** Of a conventional link: what carried the picture; absent for others. */
  readonly packet?: PacketReport;
}

/** Columns of `frames.csv`: every field of the report but its type and packet; distances by feature network have columns of their own. */
export const frameColumns = columnsOf<FrameReport, 'type' | 'perception' | 'packet'>()({
  frame: true,
  picture: true,
  receiver: true,
  psnrDb: true,
  ssim: true,
  msSsim: true,
  sharpness: true,
  niqe: true,
  channelError: true,
  channelNmse: true,
  snrDb: true,
  paprDb: true,
  channelUses: true,
  bandwidthRatio: true,
  frameUses: true,
  throughput: true,
  sideInformationBits: true,
  evm: true,
  verdict: true,
  success: true,
  confidence: true,
  expectedPsnrDb: true,
  residual: true,
  signLogOdds: true,
  starts: true,
  agreeing: true,
  milliseconds: true,
});

/** Columns of a conventional link's packet, where one runs. */
export const packetColumns = columnsOf<PacketReport>()({
  mcs: true,
  bitsPerSymbol: true,
  rate: true,
  payloadBits: true,
  contentBytes: true,
  iterations: true,
});

/** Features of the received and of the sent picture. */
export interface FeaturePair {
  readonly received: Float64Array;
  readonly sent: Float64Array;
}

/** A report with what plots and the run folder need besides. */
export interface FrameOutcome {
  readonly report: FrameReport;
  readonly arrived: ArrivedFrame;
  readonly result: ReceiverResult | null;
  /** Received picture [3,H,W] at the sent size; mid-grey where no frame was found. */
  readonly picture: Float32Array;
  /** What the summary's naturalness needs, worked out when asked for. */
  naturalness(): FeaturePair;
  /** Features for the FID by feature network; absent without any. */
  readonly features?: Readonly<Record<string, FeaturePair>>;
}

/** @param result null where the frame was not found */
export function reportFrame(
  arrived: ArrivedFrame,
  { name: receiver, needs, transmitter }: Pick<Receiver, 'name' | 'needs' | 'transmitter'>,
  result: ReceiverResult | null,
): FrameOutcome {
  const { sent } = arrived;
  const { height, width } = sent.picture;
  const { layout } = sent.setting;
  const picture = result === null ? new Float32Array(3 * height * width).fill(0.5) : cropToSent(sent, result.picture);
  const views = [sent.picture, { data: picture, height, width }] as const;
  const figures = measurePicture(views[1], views[0]);
  const { error, nmse } = meanChannelError(arrived, receiver, result);
  const success = figures.psnrDb > SUCCESS_PSNR_DB;
  const packet = result?.packet ?? transmitter?.packet;
  const frameUses = frameUsesOf(sent, needs.pilots);
  const report: FrameReport = {
    type: 'frame',
    frame: sent.index,
    picture: sent.picture.name,
    receiver,
    ...figures,
    channelError: round(error, 6),
    channelNmse: round(nmse, 6),
    snrDb: round(snrOf(arrived, result), 3),
    paprDb: round(sent.paprDb, 3),
    channelUses: layout.numSymbols,
    bandwidthRatio: round(layout.numSymbols / (3 * height * width), 6),
    frameUses,
    throughput: success ? round((3 * height * width) / frameUses, 4) : 0,
    sideInformationBits: (layout.side?.bits ?? 0) + (result?.sideInformationBits ?? 0),
    evm: result === null ? Number.NaN : round(evmOf(arrived, result), 4),
    verdict: result?.verdict ?? 'failed',
    success,
    confidence: result?.confidence == null ? null : round(result.confidence, 4),
    expectedPsnrDb: expectedPsnrOf(result, 2),
    residual: result?.residual == null ? null : round(result.residual, 4),
    signLogOdds: result?.signLogOdds == null ? null : round(result.signLogOdds, 3),
    starts: result?.starts ?? 0,
    agreeing: result?.agreeing ?? 0,
    milliseconds: round(result?.milliseconds ?? 0, 2),
    ...(packet === undefined ? {} : { packet }),
  };
  const [sentView, receivedView] = views;
  const naturalness = (): FeaturePair => ({
    received: naturalnessFeatures(receivedView),
    sent: naturalnessFeatures(sentView),
  });
  return { report, arrived, result, picture, naturalness };
}

/**
 * Channel uses of a whole frame: its complex samples at the sample rate, so data and padding, guards, comb pilots, prefixes and
 * preamble; pilot symbols only for a receiver that needs them, since the others' frames could do without; and one for each
 * bit of side information.
 */
export function frameUsesOf({ samples, setting }: ArrivedFrame['sent'], usesPilots: boolean): number {
  const { grid, interleaver, layout } = setting;
  const pilots = interleaver.numPackets * grid.pilotSymbols * grid.symbolLength;
  return samples.re.length - (usesPilots ? 0 : pilots) + (layout.side?.bits ?? 0);
}

/** ‖ĥ − h‖² and its ratio to ‖h‖², means over packets; 0 for `perfect`, NaN where there is nothing to compare. */
export function meanChannelError(
  { taps }: ArrivedFrame,
  receiver: string,
  result: ReceiverResult | null,
): { error: number; nmse: number } {
  if (receiver === 'perfect') return { error: 0, nmse: 0 };
  if (result === null || taps.length === 0 || result.channel.length < taps.length) {
    return { error: Number.NaN, nmse: Number.NaN };
  }
  let error = 0;
  let nmse = 0;
  taps.forEach((truth, p) => {
    const one = channelError(result.channel[p].taps, truth);
    error += one.error / taps.length;
    nmse += one.nmse / taps.length;
  });
  return { error, nmse };
}

/** (mean |Y|² − σ²) / σ² over the data resource elements with the receiver's σ², in dB; NaN where no frame was found. */
export const snrOf = ({ observed }: ArrivedFrame, result: ReceiverResult | null): number =>
  observed === null || result === null
    ? Number.NaN
    : powerToDb(Math.max(meanPower(observed.data) / result.noiseVariance - 1, 1e-3));

/** EVM of the equalised codeword symbols against those sent. */
export function evmOf({ sent }: ArrivedFrame, result: ReceiverResult): number {
  const symbols: ComplexArray = {
    re: new Float32Array(sent.codeword.re.length),
    im: new Float32Array(sent.codeword.re.length),
  };
  sent.setting.interleaver.deinterleave(result.equalised, symbols);
  return evm(symbols, sent.codeword);
}

/** What a receiver expects its PSNR to be, dB, to some digits; null where it does not say. */
export function expectedPsnrOf(result: ReceiverResult | null, digits: number): number | null {
  const expected = expectedPsnrDb(result?.symptoms?.expectedError);
  return expected === null ? null : round(expected, digits);
}

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
