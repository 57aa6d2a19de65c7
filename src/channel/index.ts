/** `blindlink/channel`: channels and impairments as stream blocks. */
export type { FadingConfig, SnrConvention, TapModel } from './config.js';
export { createFadingTaps, type FadingTaps } from './fading-taps.js';
export type { Impairment, ImpairmentContext } from './impairment.js';
export { type BlockChain, createBlockChain, createImpairmentChain, type ImpairmentChain } from './impairment-chain.js';
export { type ImpairmentConfig, impairments } from './impairments.js';
export { addNoise, noiseVariance } from './noise.js';
export { memorylessBlock, runBlock, type StreamBlock } from './stream-block.js';
export { createTapDelayLine, type TapDelayLine } from './tap-delay-line.js';
export { createTapSource, type TapSource } from './tap-source.js';
export { tapProfile } from './tap-statistics.js';
