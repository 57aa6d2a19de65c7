/** `blindlink/channel`: channels and impairments as stream blocks. */
export type { CsiModel, DriveByModel, FadingConfig, SnrConvention, TapModel } from './config.js';
export { type CsiSequence, readCsi } from './csi-sequence.js';
export { createDriveBy, type DriveBy, type DriveByState } from './drive-by.js';
export { createFadingTaps } from './fading-taps.js';
export type { Impairment, ImpairmentContext } from './impairment.js';
export { type BlockChain, createBlockChain, createImpairmentChain, type ImpairmentChain } from './impairment-chain.js';
export { type ImpairmentConfig, impairments } from './impairments.js';
export {
  createMovingTaps,
  updateIntervalFor,
  type MovingTaps,
  type MovingTaps as FadingTaps,
  type TapTrajectory,
} from './moving-taps.js';
export { addNoise, noiseVariance } from './noise.js';
export { memorylessBlock, runBlock, type StreamBlock } from './stream-block.js';
export { createTapDelayLine, type TapDelayLine } from './tap-delay-line.js';
export { createTapMotion, type TapMotion } from './tap-motion.js';
export { createTapSource, type TapSource } from './tap-source.js';
export { tapProfile } from './tap-statistics.js';
