import { symbolsOf } from '../codec/layout.js';
import type { ComplexArray } from '../core/complex.js';
import { codewordSymptoms } from './codeword-symptoms.js';
import { decoderLatents, type HeardFrame } from './decoder-input.js';
import { errorShown, expectedErrors, meanError, meanSquare } from './expected-error.js';
import { type ElementChannel, equalise, type EqualiserKind } from './equalise.js';
import { ConfigError } from '../core/errors.js';
import type { LinkSetting, Observations, ReceivedFrame, ReceiverResult, TapEstimate } from './receiver.js';
import { phaseErrorOver, residualEnergy } from './residual.js';
import { polarities } from './tile-batches.js';
import { judgeSymptoms, lowered, measuredSnr, textureOf } from './verdict.js';

/** What a receiver that knows its channel decodes with. */
export interface KnownChannel extends ElementChannel {
  readonly estimates: readonly TapEstimate[];
  readonly noiseVariance: number;
}

/** The true response as a channel; σ² nominal where the receiver is not told. @throws ConfigError outside simulation, with the remedy */
export function trueChannel(
  setting: LinkSetting,
  { frame, truth }: Pick<Observations, 'frame' | 'truth'>,
  receiver: string,
  remedy: string,
): KnownChannel & { readonly response: ComplexArray } {
  if (truth === null) {
    throw new ConfigError(
      'receiver.truth',
      `receiver ${receiver}: only a simulated radio knows the channel; ${remedy}`,
    );
  }
  const noiseVariance = frame.noiseVariance ?? 10 ** (-setting.snrDb / 10);
  return { response: truth.response, responseVariance: null, estimates: [], noiseVariance };
}

/** Equalise, decode, encode again for the residual: the common end of receivers that need no search. */
export async function decodeWith(
  setting: LinkSetting,
  frame: ReceivedFrame,
  channel: KnownChannel,
  kind: EqualiserKind,
  began: number,
): Promise<ReceiverResult> {
  const { codec, layout, snrDb } = setting;
  const equalised = equalise(setting, frame.elements, channel, channel.noiseVariance, kind);
  const latents = await decoderLatents(
    setting,
    equalised,
    // Zero forcing is asked for to be seen.
    kind === 'mmse' ? heardThrough(frame, channel) : undefined,
  );
  const picture = await codec.decode(latents, 1, layout, snrDb);
  return conclude(setting, frame, channel, { picture, equalised, latents, evaluations: 2, began });
}

export const heardThrough = ({ elements }: ReceivedFrame, channel: KnownChannel): HeardFrame => ({
  elements,
  channel,
  noiseVariance: channel.noiseVariance,
});

/** D(z̃): the picture of equalised resource elements [P·S·M]; with `heard` see `decoderLatents`. */
export const decodeElements = async (
  setting: LinkSetting,
  equalised: ComplexArray,
  heard?: HeardFrame,
): Promise<Float32Array> =>
  setting.codec.decode(await decoderLatents(setting, equalised, heard), 1, setting.layout, setting.snrDb);

/** The picture that is shown of equalised resource elements; see `renderLatents`. */
export const renderElements = async (
  setting: LinkSetting,
  equalised: ComplexArray,
  heard?: HeardFrame,
): Promise<Float32Array> => renderLatents(setting, await decoderLatents(setting, equalised, heard), 1);

/**
 * The pictures that are shown of latents [count,C,h,w]: (1 − a)·D(z̃) + a·D'(z̃), D the codec's own decoder, D' the one chosen for what is
 * shown, a = `decoderShare`. The line from the estimate of least error to a perceptual one holds the best trade-offs of distortion and perception (Freirich,
 * Michaeli and Meir, 2021).
 *
 * @param own D(z̃), where it is there already
 */
export async function renderLatents(
  { codec, layout, snrDb, decoderShare: share }: LinkSetting,
  latents: Float32Array,
  count: number,
  own?: Float32Array,
): Promise<Float32Array> {
  const decode = (): Promise<Float32Array> => codec.decode(latents, count, layout, snrDb);
  if (codec.shown === codec.decoder || share === 0) return own ?? decode();
  const shown = await codec.render(latents, count, layout, snrDb);
  return share === 1 ? shown : between(own ?? (await decode()), shown, share);
}

/** The picture at `share` of the way from one to another; at 0 and 1 these themselves. */
export function between(from: Float32Array, to: Float32Array, share: number): Float32Array {
  if (share === 0) return from;
  if (share === 1) return to;
  return from.map((v, i) => v + share * (to[i] - v));
}

/** The polarity network's log-odds for every tile of an equalised frame; null without a network or with a mask. */
export async function tileLogOdds(setting: LinkSetting, equalised: ComplexArray): Promise<readonly number[] | null> {
  const { codec, layout, interleaver } = setting;
  if (!codec.hasPolarity || layout.side !== null) return null;
  const tiles = new Float32Array(layout.numTiles * 2 * layout.tileSymbols);
  for (let i = 0; i < layout.numSymbols; i++) {
    const element = interleaver.elementOf[i];
    tiles[layout.tileIndexOf[i]] = equalised.re[element];
    tiles[layout.tileIndexOf[i] + layout.tileSymbols] = equalised.im[element];
  }
  const every = Int32Array.from({ length: layout.numTiles }, (_, t) => t);
  return polarities(setting, every, tiles);
}

/** Their mean. */
async function plausibility(setting: LinkSetting, equalised: ComplexArray): Promise<number | null> {
  const logOdds = await tileLogOdds(setting, equalised);
  return logOdds === null ? null : logOdds.reduce((sum, value) => sum + value, 0) / logOdds.length;
}

/** What a receiver with a known channel ended with. */
export interface Ending {
  readonly picture: Float32Array;
  readonly equalised: ComplexArray;
  readonly latents?: Float32Array;
  /** D(W⁻¹(y)), where the picture is not just that: a sample far from it explains the signal by something else. */
  readonly deterministic?: Float32Array;
  /** What is shown in place of `picture`, which is judged. */
  readonly shown?: Float32Array;
  readonly evaluations: number;
  readonly began: number;
}

/** Below this a sample contradicts the deterministic reconstruction, dB; from the second on it agrees. */
const CONTRADICTS_DB = 12;
const AGREES_DB = 18;

/** How much of the confidence survives a sample's distance from the deterministic reconstruction, 0…1. */
export function agreement(picture: Float32Array, deterministic: Float32Array): number {
  const psnr = -10 * Math.log10(Math.max(meanSquare(picture, deterministic), 1e-10));
  return Math.min(1, Math.max(0, (psnr - CONTRADICTS_DB) / (AGREES_DB - CONTRADICTS_DB)));
}

/** Encodes the picture again, and judges by what that leaves of the received signal. */
export async function conclude(
  setting: LinkSetting,
  frame: ReceivedFrame,
  channel: KnownChannel,
  { picture, equalised, latents, deterministic, shown = picture, evaluations, began }: Ending,
): Promise<ReceiverResult> {
  const { codec, layout, snrDb, interleaver } = setting;
  const codeword = symbolsOf(layout, await codec.encode(picture, 1, layout, snrDb));
  const energy = residualEnergy(setting, frame.elements, channel.response, codeword, interleaver.elementOf);
  const residual = energy / (channel.noiseVariance * layout.numSymbols);
  const symptoms = {
    residual,
    snr: measuredSnr(frame.elements, channel.noiseVariance),
    ...textureOf(picture, layout.width * codec.card.downSampling),
    signLogOdds: await plausibility(setting, equalised),
    agreement: null,
    phaseError: phaseErrorOver(setting, frame.elements, channel.response, codeword, interleaver.elementOf),
    expectedError: errorShown(
      meanError(setting, await expectedErrors(setting, deterministic ?? picture, heardThrough(frame, channel))),
      shown,
      deterministic ?? shown,
    ),
    ...(await codewordSymptoms(setting, frame.elements, channel, channel.noiseVariance)),
  };
  const judged = judgeSymptoms(setting, symptoms);
  const { chance, verdict } = deterministic === undefined ? judged : lowered(judged, agreement(picture, deterministic));
  return {
    picture: shown,
    channel: channel.estimates,
    response: channel.response,
    equalised,
    ...(latents !== undefined && { latents }),
    noiseVariance: channel.noiseVariance,
    residual,
    verdict,
    confidence: chance,
    signLogOdds: null,
    evaluations,
    starts: 1,
    agreeing: 1,
    milliseconds: performance.now() - began,
    symptoms,
  };
}
