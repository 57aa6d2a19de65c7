import { type ComplexArray, createComplex, subarray } from '../core/complex.js';
import type { Rng } from '../core/rng.js';
import { createRappAmplifier } from './amplifier.js';
import { createCfo } from './cfo.js';
import { requirePositive } from './checks.js';
import type { ImpairmentConfig } from './config.js';
import { createDcOffset } from './dc-offset.js';
import { createDelay } from './delay.js';
import { createImpulseInterferer, createToneInterferer } from './interference.js';
import { createIqImbalance } from './iq-imbalance.js';
import { createPhaseNoise } from './phase-noise.js';
import { createQuantizer, type Quantizer } from './quantizer.js';
import { createSfo } from './sfo.js';
import type { StreamBlock } from './stream-block.js';

/** Blocks in series; with no blocks it copies. */
export interface BlockChain extends StreamBlock {
  readonly numBlocks: number;
  clone(): BlockChain;
}

/** The receive chain knows how often its converter clipped. */
export interface RxChain extends BlockChain {
  /** See `Quantizer`; 0 without one. */
  readonly clippedSamples: number;
  clone(): RxChain;
}

export interface ImpairmentChain {
  /** Amplifier → propagation delay. The channel follows it. */
  readonly txChain: BlockChain;
  /** (channel, thermal noise) → tone → impulses → CFO → phase noise → SFO → IQ → DC → quantiser. */
  readonly rxChain: RxChain;
}

/**
 * Composes the impairments that are switched on, in physical order; those left out, or zero, cost nothing.
 * SFO stands at the converter's clock, after the mixer (CFO, phase noise). IQ imbalance and DC offset are the same before
 * or after it, being constant, real-linear and memoryless. Each random impairment has its own stream split from `rng`.
 *
 * @throws ConfigError for any setting out of range
 */
export function createImpairmentChain(config: ImpairmentConfig, rng: Rng): ImpairmentChain {
  const { sampleRateHz, signalPower = 1 } = config;
  requirePositive('impairments.sampleRateHz', sampleRateHz);
  requirePositive('impairments.signalPower', signalPower);

  const tx: StreamBlock[] = [];
  if (config.amplifier) tx.push(createRappAmplifier(config.amplifier, signalPower));
  if (isOn(config.delaySamples)) tx.push(createDelay(config.delaySamples));

  const rx: StreamBlock[] = [];
  if (config.tone) rx.push(createToneInterferer(config.tone, sampleRateHz, signalPower, rng.split('tone')));
  if (config.impulses) rx.push(createImpulseInterferer(config.impulses, signalPower, rng.split('impulses')));
  if (isOn(config.cfoHz)) rx.push(createCfo(config.cfoHz, sampleRateHz));
  if (isOn(config.phaseNoiseLinewidthHz)) {
    rx.push(createPhaseNoise(config.phaseNoiseLinewidthHz, sampleRateHz, rng.split('phase-noise')));
  }
  if (isOn(config.sfoPpm)) rx.push(createSfo(config.sfoPpm));
  if (config.iqImbalance) rx.push(createIqImbalance(config.iqImbalance));
  if (config.dcOffset) rx.push(createDcOffset(config.dcOffset));
  const quantizer = config.quantizer ? createQuantizer(config.quantizer) : null;
  return { txChain: createBlockChain(tx), rxChain: createRxChain(rx, quantizer) };
}

/** NaN counts as on, so that the block refuses it. */
function isOn(value: number | undefined): value is number {
  return value !== undefined && value !== 0;
}

/**
 * Blocks in series as one block. `delaySamples` is the sum of theirs. Intermediate buffers grow to the largest chunk
 * seen and are kept. The chain owns the blocks: do not run them from outside.
 */
export function createBlockChain(blocks: readonly StreamBlock[]): BlockChain {
  return {
    ...seriesOf(blocks),
    numBlocks: blocks.length,
    clone: () => createBlockChain(blocks.map((block) => block.clone())),
  };
}

function createRxChain(analog: readonly StreamBlock[], quantizer: Quantizer | null): RxChain {
  const blocks = quantizer ? [...analog, quantizer] : analog;
  return {
    ...seriesOf(blocks),
    numBlocks: blocks.length,
    get clippedSamples() {
      return quantizer ? quantizer.clippedSamples : 0;
    },
    clone: () =>
      createRxChain(
        analog.map((block) => block.clone()),
        quantizer ? quantizer.clone() : null,
      ),
  };
}

function seriesOf(blocks: readonly StreamBlock[]): Omit<StreamBlock, 'clone'> {
  const scratch = [createComplex(0), createComplex(0)];
  const scratchOf = (index: number, length: number): ComplexArray => {
    if (scratch[index].re.length < length) scratch[index] = createComplex(length);
    return scratch[index];
  };
  return {
    delaySamples: blocks.reduce((sum, block) => sum + block.delaySamples, 0),
    maxOutputLength: (inputLength) => blocks.reduce((length, block) => block.maxOutputLength(length), inputLength),
    execute(input, output) {
      let current = input;
      let length = input.re.length;
      blocks.forEach((block, i) => {
        const isLast = i === blocks.length - 1;
        const target = isLast ? output : scratchOf(i % 2, block.maxOutputLength(length));
        length = block.execute(current, target);
        current = subarray(target, 0, length);
      });
      if (blocks.length === 0) {
        output.re.set(input.re);
        output.im.set(input.im);
      }
      return length;
    },
    reset: () => blocks.forEach((block) => block.reset()),
  };
}
