import { type ComplexArray, createComplex, subarray } from '../core/complex.js';
import type { Rng } from '../core/rng.js';
import { requirePositive } from './checks.js';
import { type ImpairmentConfig, impairmentList } from './impairments.js';
import type { Quantizer } from './quantizer.js';
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
 * Composes the impairments that are switched on, in the order of `impairments`; those left out, or zero, cost nothing. Each
 * random impairment has its own stream split from `rng`.
 *
 * @throws ConfigError for any setting out of range
 */
export function createImpairmentChain(config: ImpairmentConfig, rng: Rng): ImpairmentChain {
  const { sampleRateHz, signalPower = 1 } = config;
  requirePositive('impairments.sampleRateHz', sampleRateHz);
  requirePositive('impairments.signalPower', signalPower);
  const blocks = { tx: [] as StreamBlock[], rx: [] as StreamBlock[] };
  for (const [name, { side, create }] of impairmentList) {
    const value = config[name];
    if (isOn(value)) blocks[side].push(create(value, { sampleRateHz, signalPower, rng }));
  }
  return { txChain: createBlockChain(blocks.tx), rxChain: createRxChain(blocks.rx) };
}

/** Those settings alone that are part of the true response. */
export const trueImpairments = ({ sampleRateHz, ...settings }: ImpairmentConfig): ImpairmentConfig => ({
  sampleRateHz,
  ...Object.fromEntries(
    impairmentList.filter(([, { truth }]) => truth !== 'no').map(([name]) => [name, settings[name]]),
  ),
});

/** Whether any impairment changes the true response within a packet. */
export const movesWithin = (config: ImpairmentConfig): boolean =>
  impairmentList.some(([name, { truth }]) => truth === 'moving' && isOn(config[name]));

/** NaN counts as on, so that the block refuses it. */
const isOn = (value: unknown): boolean => value !== undefined && value !== 0;

/**
 * Blocks in series as one block. `latencySamples` is the sum of theirs. Intermediate buffers grow to the largest chunk
 * seen and are kept. The chain owns the blocks: do not run them from outside.
 */
export function createBlockChain(blocks: readonly StreamBlock[]): BlockChain {
  return {
    ...seriesOf(blocks),
    numBlocks: blocks.length,
    clone: () => createBlockChain(blocks.map((block) => block.clone())),
  };
}

function createRxChain(blocks: readonly StreamBlock[]): RxChain {
  const converter = blocks.find((block): block is Quantizer => 'clippedSamples' in block);
  return {
    ...seriesOf(blocks),
    numBlocks: blocks.length,
    get clippedSamples() {
      return converter?.clippedSamples ?? 0;
    },
    clone: () => createRxChain(blocks.map((block) => block.clone())),
  };
}

function seriesOf(blocks: readonly StreamBlock[]): Omit<StreamBlock, 'clone'> {
  const scratch = [createComplex(0), createComplex(0)];
  const scratchOf = (index: number, length: number): ComplexArray => {
    if (scratch[index].re.length < length) scratch[index] = createComplex(length);
    return scratch[index];
  };
  return {
    latencySamples: blocks.reduce((sum, block) => sum + block.latencySamples, 0),
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
