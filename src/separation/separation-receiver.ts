import type { TapModel } from '../channel/config.js';
import { createExternalCodec } from '../compression/external-codec.js';
import { type BudgetCodec, createBudgetCodec } from '../compression/fit-budget.js';
import { createOnnxCodec } from '../compression/onnx-codec.js';
import { pixelsOf, planesOf } from '../compression/pixels.js';
import { createBuiltinSource, type SourceCodec } from '../compression/source-codec.js';
import { type ComplexArray, createComplex } from '../core/complex.js';
import { ConfigError } from '../core/errors.js';
import { mcsOf, mcsTable } from '../fec/mcs.js';
import { type ElementChannel, equalise, type EqualiserKind } from '../receiver/equalise.js';
import { type KnownChannel, trueChannel } from '../receiver/informed.js';
import { createPilotEstimate, type PilotEstimator } from '../receiver/pilot-estimate.js';
import type {
  LinkSetting,
  Observations,
  PacketReport,
  Receiver,
  ReceiverStep,
  Transmitter,
} from '../receiver/receiver.js';
import { receiverResult } from '../receiver/result.js';
import type { Runtime } from '../runtime/runtime.js';
import type { SeparationConfig } from './config.js';
import { chooseMcs } from './link-adaptation.js';
import { createPacketCode, type PacketCode } from './packet-code.js';

export interface SeparationParts {
  readonly name: string;
  readonly config: SeparationConfig;
  readonly setting: LinkSetting;
  readonly runtime: Runtime;
  readonly taps: TapModel;
  readonly snrConvention: 'received' | 'average';
  readonly pilotEstimator: PilotEstimator;
  /** Of the resource elements that are shown; ratios of bits need none. */
  readonly equaliser: EqualiserKind;
}

/**
 * The conventional link at a codec's channel uses: the picture in as many bytes as the transport block has, LDPC and QAM of
 * 5G NR over the codeword's k symbols; same grid, pilots, channel and noise. A receiver that brings its own transmitter.
 *
 * A frame whose checks fail is lost, as is one whose picture fits in no file of the size: mid-grey, verdict `failed`.
 *
 * @throws ConfigError
 */
export function createSeparation(parts: SeparationParts): Receiver {
  const { name, config, setting } = parts;
  const { csi, mcsTable: table } = config;
  const { layout, grid } = setting;
  const budget = createBudgetCodec(sourceOf(name, config, parts.runtime), config.headers);
  const expectation = { ...parts, csi, targetFailure: config.targetFailure };
  const mcs = config.mcs === 'adaptive' ? chooseMcs(setting, mcsTable(table), expectation) : mcsOf(table, config.mcs);
  const { interleaving, llr, decoder } = config;
  const packet = createPacketCode({
    symbols: layout.numSymbols,
    mcs,
    interleaving,
    llr,
    decoder,
    seed: grid.config.seed,
  });
  const estimate = csi === 'pilot' ? createPilotEstimate(setting, parts.pilotEstimator, name) : null;
  const unheard: PacketReport = {
    mcs: mcs.index,
    bitsPerSymbol: mcs.bitsPerSymbol,
    rate: mcs.rate,
    payloadBits: packet.payloadBits,
    contentBytes: null,
    iterations: 0,
  };
  const channelOf = (observations: Observations): KnownChannel =>
    estimate === null
      ? trueChannel(setting, observations, name, 'set its csi to pilot')
      : estimate(observations.pilots, observations.frame.noiseVariance);

  async function* receive(observations: Observations, signal?: AbortSignal): AsyncIterable<ReceiverStep> {
    const began = performance.now();
    const { elements } = observations.frame;
    const channel = channelOf(observations);
    const { symbols, noise } = symbolsOf(setting, elements, channel, channel.noiseVariance);
    const { bytes, iterations } = packet.decode(symbols, noise);
    const picture = await pictureOf(budget, bytes, setting, signal);
    yield {
      kind: 'final',
      result: receiverResult({
        picture: picture ?? greyOf(setting),
        channel: channel.estimates,
        equalised: equalise(setting, elements, channel, channel.noiseVariance, parts.equaliser),
        noiseVariance: channel.noiseVariance,
        verdict: picture === null ? 'failed' : 'decoded',
        milliseconds: performance.now() - began,
        packet: { ...unheard, contentBytes: bytes?.length ?? null, iterations },
      }),
    };
  }
  return {
    name,
    needs: { pilots: csi === 'pilot', truth: csi === 'perfect' },
    transmitter: { ...createTransmitter(config, packet, budget), packet: unheard },
    receive,
  };
}

/** Frames of links that send alike are sent once. */
function createTransmitter(config: SeparationConfig, packet: PacketCode, budget: BudgetCodec): Transmitter {
  const { source, onnx, external, headers, interleaving, mcsTable: table } = config;
  return {
    key: JSON.stringify([source, onnx, external, headers, interleaving, table, packet.mcs.index]),
    async encode({ data, height, width }, signal) {
      const fitted = await budget.fit(pixelsOf(data, height, width), packet.capacity, signal);
      return packet.encode(fitted?.bytes ?? new Uint8Array(0));
    },
  };
}

function sourceOf(name: string, { source, onnx, external }: SeparationConfig, runtime: Runtime): SourceCodec {
  if (source === 'onnx') {
    if (onnx === undefined) {
      throw new ConfigError(
        'separation.onnx',
        `receiver.baselines.${name}: source is onnx: give its graphs under onnx.encoder and onnx.decoder`,
      );
    }
    return createOnnxCodec(`receiver.baselines.${name}`, onnx, runtime);
  }
  if (source !== 'external') return createBuiltinSource(source);
  if (external === undefined) {
    throw new ConfigError(
      'separation.external',
      `receiver.baselines.${name}: source is external: give its commands under external.encode and external.decode`,
    );
  }
  return createExternalCodec(`receiver.baselines.${name}`, external);
}

/**
 * Every symbol by its own channel, not shrunk, and the noise on it:
 *
 *   z̃ = (y − √ρ·h·c) / (√(1−ρ)·h),   (σ² + v)/((1−ρ)·|h|²)
 *
 * v being the posterior variance of h, where it is estimated.
 */
function symbolsOf(
  setting: LinkSetting,
  elements: ComplexArray,
  channel: ElementChannel,
  noiseVariance: number,
): { symbols: ComplexArray; noise: Float32Array } {
  const { interleaver, layout, rho } = setting;
  const symbols = createComplex(layout.numSymbols);
  interleaver.deinterleave(equalise(setting, elements, channel, noiseVariance, 'zf'), symbols);
  const { response, responseVariance } = channel;
  const noise = Float32Array.from(interleaver.elementOf, (element) => {
    const power = (1 - rho) * Math.max(response.re[element] ** 2 + response.im[element] ** 2, 1e-12);
    return (noiseVariance + (responseVariance === null ? 0 : responseVariance[element])) / power;
  });
  return { symbols, noise };
}

/** The picture of a packet's content, [3,H,W]; null where there is none. */
async function pictureOf(
  budget: BudgetCodec,
  bytes: Uint8Array | null,
  setting: LinkSetting,
  signal?: AbortSignal,
): Promise<Float32Array | null> {
  if (bytes === null || bytes.length === 0) return null;
  const [height, width] = sizeOf(setting);
  return planesOf(await budget.restore(bytes, height, width, signal));
}

const greyOf = (setting: LinkSetting): Float32Array => {
  const [height, width] = sizeOf(setting);
  return new Float32Array(3 * height * width).fill(0.5);
};

const sizeOf = ({ layout, codec }: LinkSetting): [number, number] => [
  layout.height * codec.card.downSampling,
  layout.width * codec.card.downSampling,
];
