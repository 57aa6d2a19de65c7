import type { TapModel } from '../../channel/config.js';
import type { ImpairmentConfig } from '../../channel/impairments.js';
import { createImpairmentChain } from '../../channel/impairment-chain.js';
import { addNoise } from '../../channel/noise.js';
import { runBlock, type StreamBlock } from '../../channel/stream-block.js';
import { createTapDelayLine } from '../../channel/tap-delay-line.js';
import { createTapMotion, tapsMove } from '../../channel/tap-motion.js';
import { createTapSource } from '../../channel/tap-source.js';
import { copyComplex } from '../../core/complex.js';
import { DeviceError } from '../../core/errors.js';
import type { Rng } from '../../core/rng.js';
import type { AppliedSettings, Radio } from '../radio.js';
import { createSampleQueue, plainCounters } from '../sample-queue.js';

export interface SimulatedRadioConfig {
  readonly taps: TapModel;
  /** Above 0 the taps fade (Clarke), continuously over the whole stream; models with a motion of their own take 0. */
  readonly dopplerHz: number;
  readonly impairments: ImpairmentConfig;
  /** σ², total per complex sample. */
  readonly noiseVariance: number;
  readonly centerFrequencyHz?: number;
  /** Samples that may wait to be received. */
  readonly capacity?: number;
}

/** The channel models as a radio: a stream in, a stream out, one after another, nothing lost. */
export function openSimulatedRadio(config: SimulatedRadioConfig, rng: Rng): Radio {
  const { sampleRateHz } = config.impairments;
  const centerFrequencyHz = config.centerFrequencyHz ?? 0;
  const { txChain, rxChain } = createImpairmentChain(config.impairments, rng.split('impairments'));
  const { taps, dopplerHz } = config;
  const air: StreamBlock = tapsMove(taps, dopplerHz)
    ? createTapMotion(taps, { dopplerHz, sampleRateHz }, rng.split('fading')).stream()
    : createTapDelayLine(createTapSource(taps, rng.split('taps')).draw(0));
  const noise = rng.split('noise');
  const queue = createSampleQueue({
    capacity: config.capacity ?? 1 << 18,
    policy: 'block',
    sampleRateHz,
    centerFrequencyHz,
  });
  const applied: AppliedSettings = {
    sampleRateHz,
    centerFrequencyHz,
    gainDb: null,
    antenna: null,
    device: 'simulated',
  };
  let sent = 0;
  let open = true;

  return {
    name: 'simulated',
    tx: applied,
    rx: applied,
    policy: 'block',
    async transmit(samples) {
      if (!open) throw new DeviceError('radio.closed', 'radio simulated: the transmission has ended');
      sent += samples.re.length;
      const launched = txChain.numBlocks > 0 ? runBlock(txChain, samples) : copyComplex(samples);
      const arrived = runBlock(air, launched);
      addNoise(arrived, config.noiseVariance, noise);
      const received = rxChain.numBlocks > 0 ? runBlock(rxChain, arrived) : arrived;
      if (received.re.length > 0) queue.push(copyComplex(received));
      await queue.whenRoom();
    },
    endTransmission() {
      open = false;
      queue.end();
      return Promise.resolve();
    },
    receive: () => queue,
    counters: () => plainCounters(queue, sent),
    close() {
      open = false;
      queue.cancel();
      return Promise.resolve();
    },
  };
}
