import type { TapModel } from '../../channel/config.js';
import type { ImpairmentConfig } from '../../channel/impairments.js';
import { createImpairmentChain, movesWithin, trueImpairments } from '../../channel/impairment-chain.js';
import { addNoise } from '../../channel/noise.js';
import { createTapDelayLine } from '../../channel/tap-delay-line.js';
import { createTapMotion, tapsMove } from '../../channel/tap-motion.js';
import { createTapSource, type TapSource } from '../../channel/tap-source.js';
import { runBlock } from '../../channel/stream-block.js';
import { type ComplexArray, createComplex, subarray } from '../../core/complex.js';
import type { Rng } from '../../core/rng.js';
import type { Grid } from '../../ofdm/grid.js';

export interface SimulatedChannelConfig {
  readonly taps: TapModel;
  readonly coherence: 'packet' | 'frame';
  readonly dopplerHz: number;
  readonly impairments: ImpairmentConfig;
}

/** A frame on its way: samples before thermal noise, and where the frame truly begins in what the receiver will get. */
export interface Propagated {
  readonly samples: ComplexArray;
  readonly start: number;
}

/**
 * The air and the analogue parts of both ends, one frame at a time. Every frame has streams of its own, named by its
 * number: frames can be simulated in any order, and a probe meets exactly the channel that the frame met.
 */
export interface SimulatedChannel {
  /** Taps that packet `packet` of a frame meets, where they stand still. */
  tapsOf(frame: number, packet: number, numPackets: number): ComplexArray;
  /** Whether a frame's response is known from its taps alone: nothing moves or turns within a packet. */
  readonly isStatic: boolean;
  /** Amplifier, delay, multipath. `lead` samples of silence come first. `probe` leaves the amplifier out. */
  propagate(samples: ComplexArray, frame: number, options: { lead: number; probe: boolean }): Propagated;
  /**
   * Thermal noise of variance σ² (total per complex sample), then the receiver's impairments. A probe passes the
   * linear ones alone (carrier and sampling offset, phase noise), with no noise.
   */
  receive(propagated: Propagated, variance: number, frame: number, options: { probe: boolean }): ComplexArray;
}

/** Samples kept behind a frame, so that late timing still finds all of it. */
const TAIL = 64;

export function createSimulatedChannel(config: SimulatedChannelConfig, grid: Grid, rng: Rng): SimulatedChannel {
  const source: TapSource = createTapSource(config.taps, rng.split('taps'));
  const { impairments } = config;
  const delay = impairments.delaySamples ?? 0;
  const linear = trueImpairments(impairments);
  const chainsOf = (frame: number, probe: boolean): ReturnType<typeof createImpairmentChain> =>
    createImpairmentChain(probe ? linear : impairments, rng.split('impairments').split(frame));
  const tapsOf = (frame: number, packet: number, numPackets: number): ComplexArray =>
    source.draw(config.coherence === 'frame' ? frame : frame * numPackets + packet);

  const moves = tapsMove(config.taps, config.dopplerHz);
  const { dopplerHz } = config;
  const motion = moves
    ? createTapMotion(config.taps, { dopplerHz, sampleRateHz: impairments.sampleRateHz }, rng.split('fading'))
    : null;

  const fade = (input: ComplexArray, frame: number, lead: number, numPackets: number): ComplexArray => {
    if (motion !== null) return runBlock(motion.frame(frame, input.re.length), input);
    const output = createComplex(input.re.length);
    const line = createTapDelayLine(tapsOf(frame, 0, numPackets));
    let from = 0;
    for (let packet = 0; packet < numPackets; packet++) {
      if (packet > 0) line.setTaps(tapsOf(frame, packet, numPackets));
      const last = packet === numPackets - 1;
      const to = last ? input.re.length : lead + delay + grid.preambleLength + (packet + 1) * grid.packetLength;
      line.execute(subarray(input, from, to), subarray(output, from, to));
      from = to;
    }
    return output;
  };

  return {
    tapsOf,
    isStatic: !moves && !movesWithin(impairments),
    propagate(samples, frame, { lead, probe }) {
      const { txChain, rxChain } = chainsOf(frame, probe);
      const numPackets = (samples.re.length - grid.preambleLength) / grid.packetLength;
      const padded = createComplex(lead + delay + samples.re.length + source.numTaps + TAIL + rxChain.latencySamples);
      padded.re.set(samples.re, lead);
      padded.im.set(samples.im, lead);
      const sent = txChain.numBlocks > 0 ? runBlock(txChain, padded) : padded;
      return { samples: fade(sent, frame, lead, numPackets), start: lead + delay + rxChain.latencySamples };
    },
    receive(propagated, variance, frame, { probe }) {
      const { rxChain } = chainsOf(frame, probe);
      const { samples } = propagated;
      const noisy = { re: samples.re.slice(), im: samples.im.slice() };
      if (!probe) addNoise(noisy, variance, rng.split('noise').split(frame));
      return rxChain.numBlocks > 0 ? runBlock(rxChain, noisy) : noisy;
    },
  };
}
