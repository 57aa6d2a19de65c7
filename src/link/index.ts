/** `blindlink/link`: the link composed, in simulation and over radios. */
export { type RawConfig, resolveConfig } from '../config/load.js';
export type { LinkConfig } from '../config/schema.js';
export { type ComplexArray, createComplex } from '../core/complex.js';
export { ConfigError, FormatError, LinkError } from '../core/errors.js';
export { createRng, type Rng } from '../core/rng.js';
export { openPictures, type PictureSource } from '../source/picture-source.js';
export { padPicture, type Picture } from '../source/picture.js';
export { createSender, type SentFrame } from './frame/sender.js';
export { type ArrivedFrame, createSimulation, type Simulation } from './frame/simulation.js';
export { createLink, linkFrames, type LinkParts, type NumberedPicture } from './link.js';
export { observe, receiveBest, receiveFrame, type SeenFrame } from './observe.js';
export { type FrameOutcome, type FrameReport, reportFrame } from './results/frame-report.js';
export { type ReceiverSummary, summarisable, summarise } from './results/summary.js';
export { type LinkModels, openModels, type OpenModels, withModels } from './setting/link-models.js';
export { createLinkSetting, gridOf } from './setting/link-setting.js';
export { openRadio, type RadioContext, type RadioDescriptor, type RadioRequest } from './setting/radios.js';
export {
  builtinReceivers,
  createReceiver,
  findReceivers,
  type ReceiverContext,
  type ReceiverDescriptor,
} from './setting/receivers.js';
export { createEmission, type EmissionOptions, type EmissionPart } from './stream/emission.js';
export { receiveWhile, sendPictures, type SendOptions, type SendTotals } from './stream/exchange.js';
export { findByPrefix } from './stream/find-frames.js';
export { createReception, type Reception, type ReceptionOutcome, type ReceptionReport } from './stream/reception.js';
export { createSentLog, type SentLog, type SentPicture } from './stream/sent-log.js';
