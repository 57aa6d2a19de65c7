/** `blindlink/codec`: codecs and how codewords are laid out. */
export { type CodecCard, readCard } from './card.js';
export { type Codec, openCodec } from './codec.js';
export { type CodewordLayout, createLayout, latentsOf, symbolsOf } from './layout.js';
export { type CodewordStatistics } from './statistics.js';
export { findModel, modelNames } from '../core/shipped-models.js';
export type { Runtime } from '../runtime/runtime.js';
